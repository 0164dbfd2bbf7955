-- name: worklist
-- What concerns the account is asked once, by a function that is bound to the viewer.
WITH mine AS MATERIALIZED (SELECT o.alert_id FROM care.open_alerts($1, $2) o)
SELECT k.alert_id, k.subject, p.name AS person_name, p.birth_year, l.household, k.kind, k.priority,
       k.family, k.rule_id, k.stage, care.as_task(k.dated, k.raised_at, k.effective_at) AS dated, k.raised_at, k.effective_at, l.state, l.round,
       l.next_due_at, l.next_check_at, coalesce(s.name, o.login) AS acknowledged_by, k.evidence
FROM mine
JOIN care.alert_life l ON l.alert_id = mine.alert_id
JOIN core.alert k ON k.alert_id = mine.alert_id
LEFT JOIN care.person p ON p.person_id = l.person_id
LEFT JOIN care.account o ON o.account_id = l.acknowledged_by
LEFT JOIN care.staff s ON s.staff_id = o.staff_id
ORDER BY k.priority DESC, (l.state = 'unacknowledged') DESC, k.raised_at, k.alert_id

-- name: alert_for
SELECT k.alert_id, k.case_id, k.subject, k.kind, k.priority, k.family, k.rule_id, k.rule_version,
       k.rule_hash, k.stage, care.as_task(k.dated, k.raised_at, k.effective_at) AS dated, k.synthetic, k.raised_at, k.effective_at, k.evidence,
       l.state, l.tier, l.step, l.round, l.next_due_at, l.acknowledged_at, l.answer, l.next_check_at,
       l.outcome, l.closed_at, l.person_id, l.household, l.area, l.undampable,
       coalesce(s.name, o.login) AS acknowledged_by,
       EXISTS (SELECT FROM core.taken t WHERE t.alert_id = k.alert_id AND t.is_lost AND NOT EXISTS (
           -- A higher rule that speaks for the same reading takes nothing back.
           SELECT FROM core.taken o WHERE o.case_id = t.case_id AND o.trigger = t.trigger AND NOT o.is_lost)
       ) AS taken_back
FROM core.alert k
JOIN care.alert_life l ON l.alert_id = k.alert_id
LEFT JOIN care.account o ON o.account_id = l.acknowledged_by
LEFT JOIN care.staff s ON s.staff_id = o.staff_id
WHERE k.alert_id = $2 AND care.may_read($1, k.subject, $3)

-- name: was_closed
SELECT EXISTS (
    SELECT FROM care.delivery d
    JOIN care.account a ON a.account_id = d.account_id
    JOIN care.alert_life l ON l.alert_id = d.alert_id
    WHERE d.alert_id = $2 AND d.account_id = $1 AND d.channel = 'page' AND NOT a.disabled
      AND l.state = 'closed')

-- name: person_for
SELECT p.person_id, p.subject, p.name, p.birth_year, p.sex, p.phone, p.household, h.address, p.area,
       r.name AS area_name, p.status, p.conditions, p.drug_classes, p.pregnant, p.targets::text AS targets,
       f.name AS family_doctor, v.name AS village_doctor
FROM care.person p
LEFT JOIN care.household h ON h.household_id = p.household
LEFT JOIN care.area r ON r.area_id = p.area
LEFT JOIN LATERAL (
    SELECT c.family_doctor, c.village_doctor FROM care.contract c
    WHERE c.person_id = p.person_id AND c.valid_from <= $2 AND (c.valid_to IS NULL OR c.valid_to >= $2)
    ORDER BY c.valid_from DESC, c.contract_id LIMIT 1
) c ON true
LEFT JOIN care.staff f ON f.staff_id = c.family_doctor
LEFT JOIN care.staff v ON v.staff_id = c.village_doctor
WHERE p.person_id = $1

-- name: home_for
SELECT h.household_id, h.address, h.area, r.name AS area_name
FROM care.household h JOIN care.area r ON r.area_id = h.area WHERE h.household_id = $1

-- name: targets_for
SELECT targets::text AS targets FROM care.person WHERE subject = $1

-- name: may_read
SELECT care.may_read_past($1, $2, $3)

-- name: series
SELECT o.identity, o.effective_at, o.kind, o.systolic, o.diastolic, o.pulse, o.glucose, o.valid,
       o.time_confidence, o.flags,
       o.number, o.beyond::text AS beyond
-- with what was measured under another registration of the same person
FROM care.reading o
WHERE o.subject = ANY (ARRAY(SELECT p.subject FROM care.person p WHERE p.person_id IN (
    SELECT care.same_person((SELECT person_id FROM care.person WHERE subject = $2)))) || $2::text)
  AND o.effective_at >= $4 AND o.effective_at < $5 AND care.may_read_past($1, $2, $3)
ORDER BY o.effective_at, o.identity

-- name: series_marks
SELECT m.change, m.at FROM core.series_mark m
WHERE m.subject = ANY (ARRAY(SELECT p.subject FROM care.person p WHERE p.person_id IN (
    SELECT care.same_person((SELECT person_id FROM care.person WHERE subject = $2)))) || $2::text)
  AND m.at >= $4 AND m.at < $5 AND care.may_read_past($1, $2, $3)
ORDER BY m.at, m.mark_id

-- name: timeline
SELECT e.at, e.actor, coalesce(s.name, p.name, a.login, e.actor) AS actor_name, e.what,
       e.detail::text AS detail
FROM care.alert_event e
LEFT JOIN care.account a ON a.account_id::text = e.actor
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
LEFT JOIN care.person p ON p.person_id = a.person_id
WHERE e.alert_id = $1 ORDER BY e.event_id

-- name: deliveries
SELECT d.delivery_id, d.alert_id, d.tier, d.step, d.account_id, coalesce(s.name, p.name) AS recipient,
       a.role, d.channel, d.state, d.attempts, d.created_at, d.next_attempt_at, d.delivered_at, d.detail,
       d.because, d.hold, d.read_at
FROM care.delivery d
LEFT JOIN care.account a ON a.account_id = d.account_id
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
LEFT JOIN care.person p ON p.person_id = a.person_id
WHERE d.alert_id = $1 ORDER BY d.step, d.channel, a.login

-- name: messages
-- Of an alert about somebody else at home the reader sees no life: what they were told counts as open. What a rule said
-- at home without asking for anybody ($3: what was said since counts as open, until a clinician closes an alert of its
-- family that the reader sees) stands beside: on the reader's own page, and on the card of an alert of the same hour.
SELECT * FROM (
    SELECT m.at, m.alert_id, m.kind, m.text_zh, m.text_en, m.named, l.state IS DISTINCT FROM 'closed' AS is_open,
           m.message_id AS number
    FROM care.patient_message m LEFT JOIN care.alert_life l ON l.alert_id = m.alert_id
    WHERE ($1::uuid IS NULL OR m.alert_id = $1) AND ($2::uuid IS NULL OR m.person_id IN (SELECT care.same_person($2)))
    UNION ALL
    SELECT q.told_at, q.prompt_id, 'prompted', q.text_zh, q.text_en, '{}',
           q.told_at > $3 AND NOT EXISTS (
               SELECT FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
               WHERE l.person_id IN (SELECT care.same_person(q.about)) AND l.closed_at >= q.told_at
                 AND k.family = q.family),
           NULL
    FROM care.prompt q
    WHERE q.state = 'told' AND (
        $1::uuid IS NULL AND q.reader IN (SELECT care.same_person($2))
        OR q.reader = q.about AND EXISTS (
            SELECT FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
            WHERE l.alert_id = $1 AND q.about IN (SELECT care.same_person(l.person_id))
              AND q.told_at BETWEEN k.raised_at - interval '1 hour' AND k.raised_at + interval '1 hour'))) each
ORDER BY at DESC, number DESC NULLS FIRST LIMIT 50

-- name: names_of
SELECT a.account_id, coalesce(s.name, p.name) AS name
FROM care.account a
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
LEFT JOIN care.person p ON p.person_id = a.person_id
WHERE a.account_id = ANY ($1::uuid[]) AND coalesce(s.name, p.name) <> ''

-- name: staff_names
SELECT staff_id, name FROM care.staff WHERE staff_id = ANY ($1::text[])

-- name: last_points
SELECT DISTINCT ON (o.kind) o.identity, o.effective_at, o.kind, o.systolic, o.diastolic, o.pulse,
       o.glucose, o.valid, o.time_confidence, o.flags,
       o.number, o.beyond::text AS beyond
FROM care.reading o
WHERE o.subject = ANY (ARRAY(SELECT p.subject FROM care.person p WHERE p.person_id IN (
    SELECT care.same_person((SELECT person_id FROM care.person WHERE subject = $1)))) || $1::text)
  AND o.effective_at >= $2
ORDER BY o.kind, o.effective_at DESC, o.identity

-- name: open_alerts
SELECT count(*) FROM care.alert_life WHERE person_id IN (SELECT care.same_person($1)) AND state <> 'closed'

-- name: quarantine
SELECT q.quarantine_id, q.recorded_at, q.hub, q.lane, q.sequence, q.reason, q.field, q.detail,
       'home:' || b.household AS home
FROM core.quarantine q LEFT JOIN core.hub b ON b.hub = q.hub
ORDER BY q.quarantine_id DESC LIMIT 200

-- name: accounts
SELECT a.account_id, a.login, a.role, coalesce(s.name, '') AS name, i.name AS institution, a.disabled
FROM care.account a
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
LEFT JOIN care.institution i ON i.institution_id = s.institution_id
ORDER BY a.role, a.login LIMIT 500

-- name: hubs
SELECT b.hub, b.household, b.area, t.reported_at, t.body::text AS status, c.version AS command_version,
       c.acknowledged_version
FROM core.hub b LEFT JOIN core.hub_status t ON t.hub = b.hub LEFT JOIN core.hub_command c ON c.hub = b.hub
ORDER BY b.hub LIMIT 500
