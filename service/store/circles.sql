-- name: patients
-- A registration that was merged into another keeps its id; its state and its page are the other's.
SELECT p.subject, p.person_id, coalesce(k.person_id, p.person_id) AS kept,
       CASE WHEN k.person_id IS NULL THEN p.status ELSE k.status END AS status,
       CASE WHEN k.person_id IS NULL THEN p.household ELSE k.household END AS household,
       CASE WHEN k.person_id IS NULL THEN p.area ELSE k.area END AS area,
       (SELECT a.account_id FROM care.account a
        WHERE a.person_id = ANY (ARRAY[p.person_id, p.merged_into]) AND NOT a.disabled
        ORDER BY a.person_id = p.merged_into DESC NULLS LAST, a.login LIMIT 1) AS account_id,
       EXISTS (SELECT FROM care.canary c WHERE c.subject = p.subject) AS canary
FROM care.person p LEFT JOIN care.person k ON k.person_id = p.merged_into
WHERE p.subject = ANY ($1::text[])

-- name: home_areas
SELECT h.household,
       coalesce((SELECT area FROM care.household WHERE household_id = h.household),
                (SELECT area FROM core.hub WHERE household = h.household ORDER BY hub LIMIT 1)) AS area
FROM unnest($1::text[]) AS h (household)
