-- name: take_outbox
SELECT o.outbox_id, k.alert_id, k.case_id, k.subject, k.priority, k.kind, k.stage, k.rule_id, k.raised_at,
    care.as_task(k.dated, k.raised_at, k.effective_at) AS dated, k.family,
    CASE WHEN k.priority <= 2 AND k.stage = 'immediate' THEN k.evidence END AS evidence
FROM core.outbox o JOIN core.alert k ON k.alert_id = o.alert_id
WHERE o.taken_at IS NULL
ORDER BY k.priority DESC, o.outbox_id LIMIT $1
FOR UPDATE OF o SKIP LOCKED

-- name: mark_taken
UPDATE core.outbox SET taken_at = $2 WHERE outbox_id = ANY ($1::bigint[])

-- name: begin_lives
INSERT INTO care.alert_life (alert_id, case_id, person_id, household, area, state, tier, step, round, taken_at,
    asked_at, answer_by, answers_needed, undampable)
SELECT n.alert_id, n.case_id, n.person_id, n.household, n.area, 'unacknowledged', -1, -1, 0, $1, $1,
    n.answer_by, n.needed, n.undampable
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[], $8::smallint[],
    $9::boolean[])
    AS n (alert_id, case_id, person_id, household, area, answer_by, needed, undampable)
ON CONFLICT (alert_id) DO NOTHING RETURNING alert_id

-- name: due_lives
SELECT l.alert_id
FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
WHERE l.next_due_at <= $1 AND l.state <> 'closed'
ORDER BY k.priority DESC, l.next_due_at, l.alert_id LIMIT $2
FOR UPDATE OF l SKIP LOCKED

-- name: cleared_lives
-- Alerts whose case the core has ended by readings, or withdrawn for what was told later, not yet noted here. What is
-- urgent goes on asking although it was withdrawn: somebody shall look, as nothing but an outcome ends its case. Where
-- the family's readings belong to another case that is open, nothing has returned to normal.
SELECT l.alert_id
FROM care.alert_life l JOIN core.case c ON c.case_id = l.case_id
WHERE l.state <> 'closed' AND l.returned_at IS NULL AND (c.state = 'cleared'
    OR c.state = 'withdrawn' AND c.priority < $2::smallint AND NOT EXISTS (
        SELECT FROM core.case o WHERE o.subject = c.subject AND o.family = c.family AND o.state = 'open'))
ORDER BY l.alert_id LIMIT $1
FOR UPDATE OF l SKIP LOCKED

-- name: older_siblings
SELECT l.alert_id, l.case_id
FROM care.alert_life l
WHERE l.case_id = ANY ($1::uuid[]) AND l.alert_id <> ALL ($2::uuid[]) AND l.state <> 'closed'
    AND l.grouped_into IS NULL
ORDER BY l.alert_id FOR UPDATE OF l

-- name: shelves
SELECT h.subject, h.rule_id, h.reason, h.put_by, max(h.until) AS until
FROM care.shelf h
WHERE h.subject = ANY ($1::text[]) AND h.until > $2 AND h.ended_at IS NULL
GROUP BY h.subject, h.rule_id, h.reason, h.put_by ORDER BY until

-- name: silent_homes
-- Homes with a gateway none of which has been heard since an instant.
SELECT b.household
FROM core.hub b LEFT JOIN core.hub_status t ON t.hub = b.hub
WHERE b.household = ANY ($1::text[])
GROUP BY b.household
HAVING coalesce(max(t.reported_at), '-infinity') < $2

-- name: spent
-- A drill takes nothing from anybody's budget: no real alert waits for it.
SELECT d.account_id, count(DISTINCT d.interrupts_at) AS times
FROM care.delivery d JOIN core.alert k ON k.alert_id = d.alert_id
WHERE d.account_id = ANY ($1::uuid[]) AND d.interrupts_at >= $2 AND d.interrupts_at < $3
    AND d.channel = 'page' AND d.state <> 'not_needed' AND NOT k.synthetic
GROUP BY d.account_id

-- name: waiting
-- On whose list another open alert about the same person stands unanswered, with which priority.
SELECT l.person_id, d.account_id, max(d.priority) AS priority
FROM care.alert_life l JOIN care.delivery d ON d.alert_id = l.alert_id
WHERE l.person_id = ANY ($1::uuid[]) AND l.alert_id <> ALL ($2::uuid[]) AND l.state = 'unacknowledged'
    AND d.channel = 'page' AND d.interrupts_at > $3 AND d.interrupts_at <= $4 AND d.state <> 'not_needed'
GROUP BY l.person_id, d.account_id

-- name: contacts
SELECT c.account_id, c.channel FROM care.contact c
WHERE c.account_id = ANY ($1::uuid[]) AND c.state <> 'dead' AND c.channel = ANY ($2::text[])
ORDER BY c.account_id, c.channel

-- name: next_due
SELECT least(
    (SELECT min(next_due_at) FROM care.alert_life WHERE state <> 'closed'),
    (SELECT min(next_attempt_at) FROM care.delivery),
    (SELECT min(due_at) FROM care.follow_up))
