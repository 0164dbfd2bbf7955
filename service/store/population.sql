-- name: alert_rank
SELECT r.percentile, r.stratum, r.readings
FROM core.alert_rank r JOIN core.alert k USING (alert_id)
WHERE r.alert_id = $2 AND r.percentile IS NOT NULL AND care.may_read($1, k.subject, $3)

-- name: findings
SELECT f.kind, f.key, f.quantity, f.since, f.found_on, f.shift, f.moved, f.homes
FROM core.population_finding f WHERE f.found_on >= $1
ORDER BY f.found_on DESC, f.kind, f.key, f.quantity LIMIT 50
