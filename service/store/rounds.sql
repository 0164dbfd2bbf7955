-- name: take_outbox
SELECT o.outbox_id, k.alert_id, k.case_id, k.subject, k.priority,
    care.as_task(k.dated, k.raised_at, k.effective_at) AS dated, k.family
FROM core.outbox o JOIN core.alert k ON k.alert_id = o.alert_id
WHERE o.taken_at IS NULL
ORDER BY k.priority DESC, o.outbox_id LIMIT 1
FOR UPDATE OF o SKIP LOCKED

-- name: mark_taken
UPDATE core.outbox SET taken_at = $2 WHERE outbox_id = $1

-- name: begin_life
INSERT INTO care.alert_life (alert_id, case_id, person_id, household, area, state, tier, step, round, taken_at)
VALUES ($1, $2, $3, $4, $5, 'unacknowledged', -1, -1, 0, $6)
ON CONFLICT (alert_id) DO NOTHING RETURNING alert_id

-- name: due_life
SELECT l.alert_id
FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
WHERE l.next_due_at <= $1 AND l.state <> 'closed'
ORDER BY k.priority DESC, l.next_due_at, l.alert_id LIMIT 1
FOR UPDATE OF l SKIP LOCKED

-- name: add_delivery
INSERT INTO care.delivery (delivery_id, alert_id, tier, step, account_id, channel, state, attempts, priority,
    created_at, next_attempt_at, detail)
VALUES ($1, $2, $3, $4, $5, $6, 'pending', 0, $7, $8, $8, '')
ON CONFLICT DO NOTHING

-- name: claim_delivery
UPDATE care.delivery SET attempts = attempts + 1, next_attempt_at = $3
WHERE delivery_id = (
    SELECT delivery_id FROM care.delivery
    WHERE next_attempt_at <= $2 AND channel = ANY ($1::text[])
    ORDER BY priority DESC, next_attempt_at, step, channel, delivery_id LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING delivery_id, alert_id, step, channel, account_id, attempts

-- name: note_delivery
UPDATE care.delivery SET state = $2, next_attempt_at = $3, delivered_at = $4, detail = $5
WHERE delivery_id = $1 RETURNING alert_id

-- name: contacted
SELECT s.name FROM care.delivery d
JOIN care.account a ON a.account_id = d.account_id JOIN care.staff s ON s.staff_id = a.staff_id
WHERE d.alert_id = $1 AND d.step = $2 AND d.channel = 'page' AND a.role <> 'administrator'
ORDER BY s.staff_id

-- name: patient_of
SELECT l.alert_id, l.person_id, k.subject, k.family
FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id WHERE l.alert_id = $1

-- name: next_due
SELECT least(
    (SELECT min(next_due_at) FROM care.alert_life WHERE state <> 'closed'),
    (SELECT min(next_attempt_at) FROM care.delivery))
