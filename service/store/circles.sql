-- name: patient
-- A registration that was merged into another keeps its id; its state and its page are the other's.
SELECT p.person_id, k.status, k.household, k.area,
       (SELECT a.account_id FROM care.account a
        WHERE a.person_id IN (p.person_id, k.person_id) AND NOT a.disabled
        ORDER BY a.person_id = k.person_id DESC, a.login LIMIT 1) AS account_id,
       EXISTS (SELECT FROM care.canary c WHERE c.subject = p.subject) AS canary
FROM care.person p JOIN care.person k ON k.person_id = coalesce(p.merged_into, p.person_id)
WHERE p.subject = $1

-- name: home_areas
SELECT h.household,
       coalesce((SELECT area FROM care.household WHERE household_id = h.household),
                (SELECT area FROM core.hub WHERE household = h.household ORDER BY hub LIMIT 1)) AS area
FROM unnest($1::text[]) AS h (household)

-- name: terms
-- Of persons under every registration they have, and of everybody in homes where nobody is known.
SELECT w.person_id, w.household, c.family_doctor, c.village_doctor, c.institution_id, c.team_id,
       c.valid_from, c.valid_to
FROM (
    SELECT n AS person_id, NULL::text AS household, care.same_person(n) AS who FROM unnest($1::uuid[]) AS n
    UNION ALL
    SELECT NULL, p.household, p.person_id FROM care.person p WHERE p.household = ANY ($2::text[])
) w
JOIN care.contract c ON c.person_id = w.who
WHERE c.valid_from <= $3
ORDER BY c.valid_from, c.contract_id

-- name: family
SELECT p.household, p.person_id, a.account_id
FROM care.person p JOIN care.account a ON a.person_id = p.person_id AND NOT a.disabled
WHERE p.household = ANY ($1::text[]) AND p.status <> 'deceased' AND p.merged_into IS NULL
ORDER BY a.login

-- name: areas
SELECT area_id, parent_id FROM care.area

-- name: institutions
SELECT institution_id, level, parent_id, area FROM care.institution ORDER BY institution_id

-- name: leaves
SELECT DISTINCT ON (staff_id) staff_id, deputy FROM care.leave
WHERE cancelled_at IS NULL AND $1 BETWEEN first_day AND last_day
ORDER BY staff_id, deputy NULLS LAST, first_day DESC

-- name: shifts
SELECT institution_id, staff_id FROM care.shift
WHERE cancelled_at IS NULL AND starts_at <= $1 AND ends_at > $1 AND institution_id = ANY ($2::text[])
ORDER BY institution_id, staff_id

-- name: nurses
SELECT team_id, staff_id FROM care.team_member
WHERE team_id = ANY ($1::text[]) AND part = 'nurse' AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2)
ORDER BY team_id, staff_id

-- name: members
SELECT a.account_id, s.staff_id, s.name, a.role, s.institution_id, s.duty_desk, a.login, d.opens, d.closes, d.budget
FROM care.staff s JOIN care.account a ON a.staff_id = s.staff_id AND NOT a.disabled
LEFT JOIN care.duty_day d ON d.account_id = a.account_id
WHERE s.staff_id = ANY ($1::text[])
   OR (s.institution_id = ANY ($2::text[]) AND (s.duty_desk OR a.role = 'village_doctor'))
   OR a.role IN ('county_duty', 'administrator')
ORDER BY s.staff_id, a.login
