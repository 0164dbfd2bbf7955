-- Alerts as the core commits them, for the routing bench.

-- name: cases
INSERT INTO core.case (case_id, subject, family, rule_id, limb, priority, state, opened_at, last_point_at, facts,
    began_at, decided_at, decided_on, is_confirmed)
SELECT n.id, n.subject, 'blood_pressure', 'HW-02', 'immediate', n.priority, 'closed', $1, $1, '{}', $1, $1, '', true
FROM unnest($2::uuid[], $3::text[], $4::smallint[]) AS n (id, subject, priority)

-- name: alerts
INSERT INTO core.alert (alert_id, case_id, subject, kind, priority, family, rule_id, rule_version, rule_hash, stage,
    dated, raised_at, effective_at, synthetic, evidence)
SELECT n.id, n.id, n.subject, 'physiological', n.priority, 'blood_pressure', 'HW-02', 1, '', 'immediate', false, $1,
    $1, true, '{}'
FROM unnest($2::uuid[], $3::text[], $4::smallint[]) AS n (id, subject, priority)

-- name: outbox
INSERT INTO core.outbox (alert_id, created_at) SELECT n, $1 FROM unnest($2::uuid[]) AS n

-- name: notify
SELECT pg_notify('hearthwatch_alert', '')

-- name: contracted
-- One person each of so many different doctors with a working account.
SELECT DISTINCT ON (a.account_id) p.subject, a.account_id
FROM care.contract c JOIN care.person p ON p.person_id = c.person_id
JOIN care.account a ON a.staff_id = c.family_doctor AND NOT a.disabled
WHERE c.valid_from <= $1 AND (c.valid_to IS NULL OR c.valid_to >= $1)
    AND NOT EXISTS (SELECT FROM care.leave v WHERE v.staff_id = c.family_doctor AND $1 BETWEEN v.first_day AND v.last_day)
ORDER BY a.account_id, p.subject LIMIT $2

-- name: rows
SELECT (SELECT count(*) FROM care.alert_life) AS lives, (SELECT count(*) FROM care.delivery) AS deliveries
