-- name: add_delivery
INSERT INTO care.delivery (delivery_id, alert_id, tier, step, account_id, channel, state, attempts, priority,
    created_at, next_attempt_at, detail, because, hold, interrupts_at)
VALUES ($1, $2, $3, $4, $5, $6, 'pending', 0, $7, $8, $9, '', $10, $11, $12)
ON CONFLICT DO NOTHING

-- name: claim_deliveries
UPDATE care.delivery SET attempts = attempts + 1, next_attempt_at = $3
WHERE delivery_id IN (
    SELECT delivery_id FROM care.delivery
    WHERE next_attempt_at <= $2 AND channel = ANY ($1::text[])
    ORDER BY priority DESC, next_attempt_at, step, channel, delivery_id LIMIT $4
    FOR UPDATE SKIP LOCKED)
RETURNING delivery_id, alert_id, step, channel, account_id, attempts, priority, next_attempt_at

-- name: due_ways
-- On which ways something may leave, and the most urgent of each.
SELECT c.channel, d.priority FROM unnest($1::text[]) AS c (channel)
CROSS JOIN LATERAL (
    SELECT priority FROM care.delivery
    WHERE channel = c.channel AND next_attempt_at <= $2 AND (account_id IS NOT NULL OR channel = 'webhook')
    ORDER BY priority DESC LIMIT 1) d

-- name: is_waiting
SELECT EXISTS (SELECT FROM unnest($1::text[]) AS c (channel) JOIN care.delivery d ON d.channel = c.channel
    WHERE d.next_attempt_at <= $2 AND d.priority >= $3)

-- name: first_due
SELECT delivery_id, account_id, bundle, priority, alert_id FROM care.delivery
WHERE next_attempt_at <= $1 AND channel = $2 AND account_id IS NOT NULL
ORDER BY priority DESC, next_attempt_at, step, delivery_id LIMIT 1
FOR UPDATE SKIP LOCKED

-- name: last_left
SELECT max(delivered_at) FROM care.delivery WHERE account_id = $1 AND channel = $2 AND delivered_at > $3

-- name: put_off
UPDATE care.delivery SET next_attempt_at = $4
WHERE account_id = $1 AND channel = $2 AND next_attempt_at <= $3 AND bundle IS NULL AND priority < 4

-- name: make_bundle
-- What is due for one recipient leaves in one message; emergencies by themselves, and first.
UPDATE care.delivery SET bundle = $4
WHERE delivery_id IN (
    SELECT delivery_id FROM care.delivery
    WHERE account_id = $1 AND channel = $2 AND next_attempt_at <= $3 AND bundle IS NULL AND (priority = 4) = $5
    ORDER BY priority DESC, created_at, delivery_id LIMIT 200 FOR UPDATE SKIP LOCKED)

-- name: claim_bundle
UPDATE care.delivery d SET attempts = d.attempts + 1, next_attempt_at = $2
FROM core.alert k
WHERE d.bundle = $1 AND d.next_attempt_at IS NOT NULL AND k.alert_id = d.alert_id
RETURNING d.delivery_id, d.alert_id, d.step, d.channel, d.account_id, d.attempts, d.priority, k.raised_at

-- name: recipient
SELECT c.address, a.language, a.role FROM care.account a
LEFT JOIN care.contact c ON c.account_id = a.account_id AND c.channel = $2 AND c.state <> 'dead'
WHERE a.account_id = $1 AND NOT a.disabled

-- name: note_delivery
UPDATE care.delivery SET state = $2, next_attempt_at = $3, delivered_at = $4, detail = $5
WHERE delivery_id = $1 AND next_attempt_at IS NOT NULL

-- name: recall
-- Somebody has answered, or it is over: what has not left yet is not needed. Patients and pages hear all the same.
UPDATE care.delivery SET state = 'not_needed', next_attempt_at = NULL
WHERE alert_id = ANY ($1::uuid[]) AND next_attempt_at IS NOT NULL
    AND (channel NOT IN ('page', 'patient', 'webhook') OR (channel = 'page' AND hold IS NOT NULL))
RETURNING delivery_id

-- name: contacted
SELECT a.account_id FROM care.delivery d
JOIN care.account a ON a.account_id = d.account_id JOIN care.staff s ON s.staff_id = a.staff_id
WHERE d.alert_id = $1 AND d.step = $2 AND d.channel = 'page' AND a.role <> 'administrator'
ORDER BY s.staff_id

-- name: patient_of
-- Whom a message of this alert is written to: the account's own person, else the person it is about.
SELECT l.alert_id, l.person_id AS about, k.subject, k.family,
    coalesce((SELECT a.person_id FROM care.account a WHERE a.account_id = $2), l.person_id) AS person_id,
    (SELECT p.subject FROM care.account a JOIN care.person p ON p.person_id = a.person_id
     WHERE a.account_id = $2) AS reader
FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id WHERE l.alert_id = $1

-- name: by_message
SELECT delivery_id, alert_id, channel, account_id, received_at, read_at FROM care.delivery
WHERE bundle::text = $1 OR (bundle IS NULL AND alert_id::text || '.' || step = $1)
FOR UPDATE

-- name: note_receipt
INSERT INTO care.receipt (webhook_id, at, said, message_id, result) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (webhook_id) DO NOTHING RETURNING webhook_id

-- name: set_received
UPDATE care.delivery SET received_at = coalesce(received_at, $2), read_at = CASE WHEN $3 THEN coalesce(read_at, $2) ELSE read_at END
WHERE delivery_id = $1

-- name: set_undeliverable
UPDATE care.delivery SET state = 'dead', next_attempt_at = NULL, detail = $2 WHERE delivery_id = $1

-- name: bury_switched_off
UPDATE care.delivery SET state = 'dead', next_attempt_at = NULL, detail = $3
WHERE next_attempt_at <= $2 AND channel <> ALL ($1::text[])
RETURNING alert_id, account_id, channel, step

-- name: add_link
INSERT INTO care.answer_link (token_hash, account_id, bundle, drill_id, made_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)

-- name: forget_links
DELETE FROM care.answer_link WHERE expires_at < $1

-- name: link
SELECT k.account_id, k.bundle, k.drill_id, k.expires_at, a.login
FROM care.answer_link k JOIN care.account a ON a.account_id = k.account_id AND NOT a.disabled
WHERE k.token_hash = $1

-- name: linked_alerts
SELECT DISTINCT k.alert_id, k.priority, k.raised_at, l.state,
    care.as_task(k.dated, k.raised_at, k.effective_at) AS dated
FROM care.delivery d JOIN core.alert k ON k.alert_id = d.alert_id JOIN care.alert_life l ON l.alert_id = d.alert_id
WHERE d.bundle = $1 ORDER BY k.priority DESC, k.raised_at, k.alert_id

-- name: account_login
SELECT login FROM care.account WHERE account_id = $1

-- name: cancel
-- Consent is gone: whatever has not left yet, on whatever way, does not leave.
UPDATE care.delivery SET state = 'not_needed', next_attempt_at = NULL
WHERE alert_id = ANY ($1::uuid[]) AND next_attempt_at IS NOT NULL
