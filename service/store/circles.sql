-- name: patient
SELECT p.person_id, p.status, p.household, p.area,
       (SELECT a.account_id FROM care.account a WHERE a.person_id = p.person_id AND NOT a.disabled
        ORDER BY a.login LIMIT 1) AS account_id,
       EXISTS (SELECT FROM care.canary c WHERE c.subject = p.subject) AS canary
FROM care.person p WHERE p.subject = $1

-- name: home_area
SELECT coalesce((SELECT area FROM care.household WHERE household_id = $1),
                (SELECT area FROM core.hub WHERE household = $1 ORDER BY hub LIMIT 1))

-- name: terms
SELECT c.family_doctor, c.village_doctor, c.institution_id, c.valid_from, c.valid_to
FROM care.contract c JOIN care.person p ON p.person_id = c.person_id
WHERE (p.person_id = $1 OR ($1::uuid IS NULL AND p.household = $2)) AND c.valid_from <= $3
ORDER BY c.valid_from, c.contract_id

-- name: places
WITH RECURSIVE areas AS (
    SELECT area_id, parent_id, 0 AS height FROM care.area WHERE area_id = $1
    UNION
    SELECT up.area_id, up.parent_id, areas.height + 1 FROM care.area up JOIN areas ON up.area_id = areas.parent_id
), tree AS (
    SELECT i.institution_id, i.level, i.parent_id, areas.height
    FROM care.institution i JOIN areas ON areas.area_id = i.area
    UNION
    SELECT i.institution_id, i.level, i.parent_id, NULL::integer
    FROM care.institution i WHERE i.institution_id = ANY ($2::text[])
    UNION
    SELECT up.institution_id, up.level, up.parent_id, NULL::integer
    FROM care.institution up JOIN tree ON up.institution_id = tree.parent_id
)
SELECT institution_id, level, parent_id, min(height) AS height FROM tree
GROUP BY institution_id, level, parent_id ORDER BY height NULLS LAST, institution_id

-- name: members
SELECT a.account_id, s.staff_id, s.name, a.role, s.institution_id, s.duty_desk
FROM care.staff s JOIN care.account a ON a.staff_id = s.staff_id AND NOT a.disabled
WHERE s.staff_id = ANY ($1::text[])
   OR (s.duty_desk AND s.institution_id = ANY ($2::text[]))
   OR a.role IN ('county_duty', 'administrator')
ORDER BY s.staff_id, a.login
