-- What `routing.Circle` rests on, for a whole batch of subjects. Days are the county's, instants UTC.

-- name: terms
-- Of persons under every registration they have, and of everybody in homes where nobody is known.
SELECT w.asked, w.household, c.family_doctor, c.village_doctor, c.institution_id, c.team_id, c.valid_from, c.valid_to,
       p.merged_into IS NULL AS own
FROM (
    SELECT n AS asked, NULL::text AS household, care.same_person(n) AS who FROM unnest($1::uuid[]) AS n
    UNION ALL
    SELECT NULL, h.household, h.person_id FROM care.person h
    WHERE h.household = ANY ($2::text[]) AND h.merged_into IS NULL
) w
JOIN care.person p ON p.person_id = w.who
JOIN care.contract c ON c.person_id = w.who
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

-- name: members
SELECT a.account_id, s.staff_id, s.name, a.role, s.institution_id, s.duty_desk
FROM care.staff s JOIN care.account a ON a.staff_id = s.staff_id AND NOT a.disabled
WHERE s.staff_id = ANY ($1::text[])
   OR (s.institution_id = ANY ($2::text[]) AND s.duty_desk)
   OR (s.institution_id = ANY ($3::text[]) AND a.role = 'village_doctor')
   OR a.role IN ('county_duty', 'administrator')
ORDER BY s.staff_id, a.login

-- name: duty_days
SELECT account_id, opens, closes, budget FROM care.duty_day WHERE account_id = ANY ($1::uuid[])
