-- name: variants
SELECT variant, packs::text AS packs, since, taken_at FROM core.shadow ORDER BY variant

-- name: live
SELECT alert_id::text AS alert_id, subject, rule_id, priority, dated, raised_at
FROM core.alert WHERE raised_at > $1 AND raised_at <= $2 AND NOT synthetic ORDER BY raised_at, alert_id

-- name: shadow
SELECT alert_id::text AS alert_id, subject, rule_id, priority, dated, raised_at
FROM core.shadow_alert WHERE variant = $1 AND raised_at <= $2 AND NOT synthetic ORDER BY raised_at, alert_id

-- name: measured
-- Who measured on which local day since then; synthetic people left out.
SELECT o.subject, (o.effective_at AT TIME ZONE $3)::date AS day, count(*) AS readings
FROM care.reading o LEFT JOIN core.profile p ON p.subject = o.subject
WHERE o.recorded_at > $1 AND o.recorded_at <= $2 AND o.effective_at > $1
    AND NOT coalesce((p.body ->> 'synthetic')::boolean, false)
GROUP BY 1, 2

-- name: doctors
SELECT p.subject, c.family_doctor FROM care.contract c JOIN care.person p USING (person_id)
WHERE c.valid_from <= $1 AND (c.valid_to IS NULL OR c.valid_to >= $1)

-- name: kept_alert
SELECT '' AS variant, subject, rule_id, rule_version, rule_hash, stage, raised_at, evidence
FROM core.alert WHERE alert_id = $1
UNION ALL
SELECT variant, subject, rule_id, rule_version, rule_hash, stage, raised_at, evidence
FROM core.shadow_alert WHERE alert_id = $1
LIMIT 1
