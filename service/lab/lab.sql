-- name: lived_until
SELECT greatest(
    (SELECT max(received_at) FROM care.reading), (SELECT max(recorded_at) FROM core.quarantine))

-- name: sums
SELECT (SELECT count(*) FROM care.reading o
        WHERE NOT EXISTS (SELECT FROM care.person p WHERE p.subject = o.subject AND p.synthetic)) AS readings,
    (SELECT count(*) FROM core.alert WHERE NOT synthetic) AS alerts,
    (SELECT count(*) FROM core.quarantine) AS quarantined

-- name: told
SELECT d.delivery_id, d.alert_id, d.delivered_at, a.login, a.role, s.name AS staff_name,
    k.priority, k.family, k.rule_id, k.stage, k.dated, k.raised_at,
    coalesce(p.name, k.subject) AS subject_name
FROM care.delivery d
JOIN care.account a USING (account_id)
JOIN care.staff s USING (staff_id)
JOIN core.alert k USING (alert_id)
LEFT JOIN care.person p ON p.subject = k.subject
WHERE d.channel = 'page' AND d.state = 'delivered' AND d.delivered_at >= $1 AND NOT k.synthetic
ORDER BY d.delivered_at, d.alert_id, a.login

-- name: pairing
SELECT state, cause FROM core.pairing WHERE session = $1

-- name: inbox_waiting
SELECT count(*) FROM core.inbox WHERE applied_at IS NULL
