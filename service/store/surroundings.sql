-- What `routing.Circle` rests on, for a whole batch of subjects. Days are the county's, instants UTC.

-- name: terms
-- Of persons ($1, and in $2 the registrations that hold for them) under every registration they have, and of
-- everybody in homes ($3) where nobody is known.
SELECT w.asked, w.household, c.family_doctor, c.village_doctor, c.institution_id, c.team_id, c.valid_from, c.valid_to,
       w.own
FROM (
    SELECT n.asked, NULL::text AS household, n.kept AS who, true AS own
    FROM unnest($1::uuid[], $2::uuid[]) AS n (asked, kept)
    UNION ALL
    SELECT n.asked, NULL, o.person_id, false
    FROM unnest($1::uuid[], $2::uuid[]) AS n (asked, kept) JOIN care.person o ON o.merged_into = n.kept
    UNION ALL
    SELECT NULL, h.household, h.person_id, true FROM care.person h
    WHERE h.household = ANY ($3::text[]) AND h.merged_into IS NULL
) w
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
-- In parts, because one OR over all of them would read every account of the county.
WITH wanted (staff_id) AS (
    SELECT unnest($1::text[])
    UNION SELECT s.staff_id FROM care.staff s WHERE s.institution_id = ANY ($2::text[]) AND s.duty_desk
    UNION SELECT s.staff_id FROM care.staff s WHERE s.institution_id = ANY ($3::text[]) AND s.role = 'village_doctor'
    UNION SELECT a.staff_id FROM care.account a WHERE a.role IN ('county_duty', 'administrator') AND NOT a.disabled
)
SELECT a.account_id, s.staff_id, s.name, a.role, s.institution_id, s.duty_desk
FROM wanted w JOIN care.staff s ON s.staff_id = w.staff_id
JOIN care.account a ON a.staff_id = s.staff_id AND NOT a.disabled
ORDER BY s.staff_id, a.login

-- name: duty_days
SELECT account_id, opens, closes, budget FROM care.duty_day WHERE account_id = ANY ($1::uuid[])

-- name: unreachable
-- Who has addresses, all of them dead.
SELECT account_id FROM care.contact WHERE account_id = ANY ($1::uuid[])
GROUP BY account_id HAVING bool_and(state = 'dead')
