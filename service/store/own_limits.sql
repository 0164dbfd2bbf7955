-- A registration that was merged has the limits of the one that counts: `profiles.py` tells the core of those.

-- name: limits
SELECT t.key AS name, t.value, coalesce(s.name, a.login) AS set_by, (n.note ->> 'at')::timestamptz AS set_at
FROM care.person p JOIN care.person k ON k.person_id = coalesce(p.merged_into, p.person_id)
CROSS JOIN LATERAL jsonb_each_text(k.targets) t
LEFT JOIN LATERAL (
    -- a registry that wrote another number since is not that doctor
    SELECT k.targets_set -> t.key AS note WHERE k.targets_set -> t.key ->> 'limit' = t.value) n ON true
LEFT JOIN care.account a ON a.account_id = (n.note ->> 'by')::uuid
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
WHERE p.subject = $1

-- name: may_limit
-- Whoever cares for the person by contract; reading for another reason (an alert, a broken glass) is not enough.
SELECT EXISTS (
    SELECT FROM care.person p WHERE p.subject = $2
    AND care.cares_for($1, p.person_id, $3) AND care.may_read_past($1, p.subject, $3))

-- name: for_update
SELECT k.person_id, k.targets::text AS targets, k.targets_set::text AS targets_set
FROM care.person p JOIN care.person k ON k.person_id = coalesce(p.merged_into, p.person_id)
WHERE p.subject = $1 FOR UPDATE OF k

-- name: set_limits
UPDATE care.person SET targets = $2, targets_set = $3 WHERE person_id = $1
