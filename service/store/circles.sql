-- name: patients
-- A registration that was merged into another keeps its id; its state and its page are the other's.
SELECT p.subject, p.person_id, k.status, k.household, k.area,
       (SELECT a.account_id FROM care.account a
        WHERE a.person_id IN (p.person_id, k.person_id) AND NOT a.disabled
        ORDER BY a.person_id = k.person_id DESC, a.login LIMIT 1) AS account_id,
       EXISTS (SELECT FROM care.canary c WHERE c.subject = p.subject) AS canary
FROM care.person p JOIN care.person k ON k.person_id = coalesce(p.merged_into, p.person_id)
WHERE p.subject = ANY ($1::text[])

-- name: home_areas
SELECT h.household,
       coalesce((SELECT area FROM care.household WHERE household_id = h.household),
                (SELECT area FROM core.hub WHERE household = h.household ORDER BY hub LIMIT 1)) AS area
FROM unnest($1::text[]) AS h (household)
