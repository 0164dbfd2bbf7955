-- Who is around a person or a home: contracts, teams, rota, leave, desks. Days are the county's, instants UTC.

-- name: terms
SELECT c.family_doctor, c.village_doctor, c.institution_id, c.team_id, c.valid_from, c.valid_to,
       p.merged_into IS NULL AS own
FROM care.person p JOIN care.contract c ON c.person_id = p.person_id
WHERE p.person_id IN (SELECT care.same_person($1))
   OR ($1::uuid IS NULL AND p.household = $2 AND p.merged_into IS NULL)
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
    FROM care.institution i WHERE i.institution_id = ANY ($2::text[]) OR i.level = 'county'
    UNION
    SELECT up.institution_id, up.level, up.parent_id, NULL::integer
    FROM care.institution up JOIN tree ON up.institution_id = tree.parent_id
        OR up.institution_id IN (
            SELECT r.to_institution FROM care.referral_relation r
            WHERE r.from_institution = tree.institution_id AND r.direction = 'up'
              AND r.valid_from <= $3 AND (r.valid_to IS NULL OR r.valid_to >= $3))
)
SELECT institution_id, level, parent_id, min(height) AS height FROM tree
GROUP BY institution_id, level, parent_id ORDER BY height NULLS LAST, institution_id

-- name: refers_up
SELECT from_institution, to_institution FROM care.referral_relation
WHERE from_institution = ANY ($1::text[]) AND direction = 'up'
  AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2)
ORDER BY from_institution, to_institution

-- name: teams
SELECT team_id, staff_id, part, valid_from, valid_to FROM care.team_member
WHERE team_id = ANY ($1::text[]) AND (valid_to IS NULL OR valid_to >= $2)
ORDER BY team_id, staff_id, valid_from

-- name: shifts
SELECT institution_id, staff_id, starts_at, ends_at FROM care.shift
WHERE institution_id = ANY ($1::text[]) AND cancelled_at IS NULL AND ends_at > $2 AND starts_at < $3
ORDER BY institution_id, starts_at, shift_id

-- name: leaves
WITH RECURSIVE asked (staff_id) AS (
    SELECT unnest($1::text[])
    UNION
    SELECT s.staff_id FROM care.staff s WHERE s.duty_desk AND s.institution_id = ANY ($2::text[])
    UNION
    SELECT a.staff_id FROM care.account a WHERE a.role = 'county_duty' AND NOT a.disabled
    UNION
    SELECT v.deputy FROM care.leave v JOIN asked ON asked.staff_id = v.staff_id
    WHERE v.cancelled_at IS NULL AND v.last_day >= $3 AND v.deputy IS NOT NULL
)
SELECT v.staff_id, v.first_day, v.last_day, v.deputy
FROM care.leave v JOIN asked ON asked.staff_id = v.staff_id
WHERE v.cancelled_at IS NULL AND v.last_day >= $3
ORDER BY v.staff_id, v.first_day, v.leave_id

-- name: members
SELECT a.account_id, s.staff_id, s.name, a.role, s.institution_id, s.duty_desk
FROM care.staff s JOIN care.account a ON a.staff_id = s.staff_id AND NOT a.disabled
WHERE s.staff_id = ANY ($1::text[])
   OR (s.duty_desk AND s.institution_id = ANY ($2::text[]))
   OR a.role IN ('county_duty', 'administrator')
ORDER BY s.staff_id, a.login

-- name: of_person
SELECT subject FROM care.person WHERE person_id = $1
