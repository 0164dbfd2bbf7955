-- The whole county for one check: people grouped by what decides who answers for them, and the staff.

-- name: groups
-- $1 the first day looked at, $2 the day after the last. Days outside are clipped: alike is alike. Of what is over
-- only the latest institution matters, because its desk answers. Parts of a line are divided by chr(31), lines by chr(30).
WITH signed AS (
    SELECT coalesce(p.merged_into, p.person_id) AS person_id, c.institution_id, c.valid_from,
           p.merged_into IS NULL AS own,
           coalesce(c.valid_to >= $1, true) AS lasts,
           concat_ws(chr(31), c.family_doctor, coalesce(c.village_doctor, ''), c.institution_id,
                     coalesce(c.team_id, ''), greatest(c.valid_from, $1 - 1),
                     least(coalesce(c.valid_to, $2), $2), p.merged_into IS NULL) AS line
    FROM care.contract c JOIN care.person p ON p.person_id = c.person_id
    WHERE c.valid_from < $2
), contracts AS (
    SELECT person_id, string_agg(line, chr(30) ORDER BY own, valid_from) FILTER (WHERE lasts) AS lines,
           (array_agg(institution_id ORDER BY own DESC, valid_from DESC) FILTER (WHERE NOT lasts))[1] AS former
    FROM signed GROUP BY person_id
)
SELECT coalesce(c.lines, '') AS lines, c.former, coalesce(p.area, h.area) AS area,
       count(*) AS people, min(p.person_id::text)::uuid AS example
FROM care.person p
LEFT JOIN contracts c ON c.person_id = p.person_id
LEFT JOIN care.household h ON h.household_id = p.household
WHERE p.merged_into IS NULL AND p.status NOT IN ('deceased', 'moved') AND NOT p.synthetic
GROUP BY 1, 2, 3

-- name: areas
SELECT area_id, parent_id FROM care.area

-- name: places
SELECT institution_id, level, parent_id, area FROM care.institution ORDER BY institution_id

-- name: members
SELECT a.account_id, s.staff_id, s.name, a.role, s.institution_id, s.duty_desk
FROM care.staff s JOIN care.account a ON a.staff_id = s.staff_id AND NOT a.disabled
ORDER BY s.staff_id, a.login

-- name: teams
SELECT team_id, staff_id, part, valid_from, valid_to FROM care.team_member
WHERE valid_from < $2 AND (valid_to IS NULL OR valid_to >= $1)
ORDER BY team_id, staff_id, valid_from

-- name: leaves
SELECT staff_id, first_day, last_day, deputy FROM care.leave
WHERE cancelled_at IS NULL AND first_day < $2 AND last_day >= $1
ORDER BY staff_id, first_day, leave_id

-- name: shifts
SELECT institution_id, staff_id, starts_at, ends_at FROM care.shift
WHERE cancelled_at IS NULL AND ends_at > $1 AND starts_at < $2
ORDER BY institution_id, starts_at, shift_id

-- name: refers_up
SELECT from_institution, to_institution FROM care.referral_relation
WHERE direction = 'up' AND valid_from <= $1 AND (valid_to IS NULL OR valid_to >= $1)
ORDER BY from_institution, to_institution

-- name: forget_former
DELETE FROM care.coverage_check WHERE checked_at < $1

-- name: note_check
INSERT INTO care.coverage_check (check_id, checked_at, until, people, took_s) VALUES ($1, $2, $3, $4, $5)

-- name: note_finding
INSERT INTO care.coverage_finding
    (check_id, place, kind, institution_id, staff_id, first_at, last_at, people, example)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: last_check
SELECT check_id, checked_at, until, people, took_s FROM care.coverage_check ORDER BY checked_at DESC LIMIT 1

-- name: findings_of
-- What concerns the institutions of an account; the county's own people without any place belong to its level.
SELECT f.kind, f.institution_id, i.name AS institution_name, f.staff_id, s.name AS staff_name, f.first_at, f.last_at,
       f.people
FROM care.coverage_finding f
LEFT JOIN care.institution i ON i.institution_id = f.institution_id
LEFT JOIN care.staff s ON s.staff_id = f.staff_id
WHERE f.check_id = $1 AND (f.institution_id IN (SELECT care.institutions_of($2))
    OR (f.institution_id IS NULL AND EXISTS (
        SELECT FROM care.account a JOIN care.staff w ON w.staff_id = a.staff_id
        JOIN care.institution o ON o.institution_id = w.institution_id
        WHERE a.account_id = $2 AND o.level = 'county')))
ORDER BY f.place LIMIT 300
