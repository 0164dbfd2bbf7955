-- name: life_for_update
SELECT l.alert_id, l.case_id, l.person_id, l.state, l.tier, l.step, l.round, l.next_due_at,
       l.answer_by, l.undampable, l.answers_needed, l.answered_by, l.returned_at, l.shelved_until, l.shelf_reason, l.grouped_into,
       l.acknowledged_by, l.acknowledged_at, l.answer, l.next_check_at, l.outcome, l.closed_at,
       k.priority, care.as_task(k.dated, k.raised_at, k.effective_at) AS dated, k.subject, k.family, k.kind, k.stage,
       k.rule_id, k.raised_at, l.household
FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
WHERE l.alert_id = $1
FOR UPDATE OF l

-- name: lives_for_update
SELECT l.alert_id, l.case_id, l.person_id, l.state, l.tier, l.step, l.round, l.next_due_at,
       l.answer_by, l.undampable, l.answers_needed, l.answered_by, l.returned_at, l.shelved_until, l.shelf_reason, l.grouped_into,
       l.acknowledged_by, l.acknowledged_at, l.answer, l.next_check_at, l.outcome, l.closed_at,
       k.priority, care.as_task(k.dated, k.raised_at, k.effective_at) AS dated, k.subject, k.family, k.kind, k.stage,
       k.rule_id, k.raised_at, l.household
FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
WHERE l.alert_id = ANY ($1::uuid[])
ORDER BY k.priority DESC, k.raised_at, l.alert_id
FOR UPDATE OF l

-- name: group_of
-- What an alert asks for too, and what those ask for. Through the case, which is indexed.
WITH RECURSIVE near AS (
    SELECT o.alert_id, o.grouped_into FROM care.alert_life l JOIN care.alert_life o ON o.case_id = l.case_id
    WHERE l.alert_id = $1 AND o.state <> 'closed'
), asked (alert_id) AS (
    SELECT alert_id FROM near WHERE grouped_into = $1
    UNION SELECT n.alert_id FROM near n JOIN asked a ON n.grouped_into = a.alert_id
)
SELECT alert_id FROM care.alert_life WHERE alert_id IN (SELECT alert_id FROM asked) ORDER BY alert_id FOR UPDATE

-- name: save_life
UPDATE care.alert_life SET state = $2, tier = $3, step = $4, round = $5, next_due_at = $6,
    acknowledged_by = $7, acknowledged_at = $8, answer = $9, next_check_at = $10, outcome = $11, closed_at = $12,
    answered_by = $13, returned_at = $14, shelved_until = $15, shelf_reason = $16, grouped_into = $17
WHERE alert_id = $1

-- name: set_why_not
UPDATE care.alert_life SET why_not = $2 WHERE alert_id = $1

-- name: add_shelf
INSERT INTO care.shelf (shelf_id, subject, rule_id, reason, put_by, put_at, until)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: begin_follow_up
INSERT INTO care.follow_up (alert_id, acted_at, due_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: said_before
SELECT EXISTS (SELECT FROM care.alert_event WHERE alert_id = $1 AND actor = $2 AND what = 'answered'
               AND detail ->> 'answer' = $3)

-- name: add_event
INSERT INTO care.alert_event (at, alert_id, actor, what, detail) VALUES ($1, $2, $3, $4, $5)

-- name: add_message
INSERT INTO care.patient_message (person_id, alert_id, step, kind, at, text_zh, text_en, named)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING

-- name: readers_at_home
-- Who hears of an answer: the person ($2) and everybody at home who was told of the alert; never the dead.
SELECT p.person_id, p.subject, p.person_id IS NOT DISTINCT FROM $2 AS about
FROM (
    SELECT $2::uuid AS person_id
    UNION SELECT a.person_id FROM care.delivery d JOIN care.account a ON a.account_id = d.account_id
    WHERE d.alert_id = $1 AND d.channel = 'patient' AND d.state = 'delivered'
) r JOIN care.person p ON p.person_id = r.person_id
WHERE p.status <> 'deceased' ORDER BY p.person_id

-- name: live
SELECT pg_notify('hearthwatch_live', message) FROM unnest($1::text[]) AS message

-- name: concerned_accounts
SELECT account_id FROM care.delivery
WHERE alert_id = $1 AND channel = 'page' AND account_id IS NOT NULL
UNION
SELECT a.account_id
FROM care.contract c JOIN care.account a ON a.staff_id IN (c.family_doctor, c.village_doctor)
WHERE c.valid_from <= $2 AND (c.valid_to IS NULL OR c.valid_to >= $2)
  AND c.person_id IN (
      SELECT l.person_id FROM care.alert_life l WHERE l.alert_id = $1
      UNION ALL
      SELECT p.person_id FROM care.alert_life l JOIN care.person p ON p.household = l.household
      WHERE l.alert_id = $1 AND l.person_id IS NULL)
ORDER BY account_id

-- name: siblings_for_update
SELECT l.alert_id FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
WHERE l.case_id = $1 AND l.alert_id <> $2 AND l.state <> 'closed' AND k.raised_at <= $3
  AND NOT (k.priority = 4 AND NOT care.as_task(k.dated, k.raised_at, k.effective_at) AND l.state = 'unacknowledged')
ORDER BY l.alert_id FOR UPDATE OF l

-- name: home_that_waits
SELECT coalesce(l.household, '') FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
WHERE l.alert_id = $1 AND k.priority >= $2 AND NOT care.as_task(k.dated, k.raised_at, k.effective_at)

-- name: raised_at
SELECT raised_at FROM core.alert WHERE alert_id = $1
