-- Teams, leave, duty shifts and referral relations, each line checked against what is known.

-- name: is_own
SELECT $2::text IN (SELECT care.institutions_of($1))

-- name: institution_of_staff
SELECT institution_id FROM care.staff WHERE staff_id = $1

-- name: institution_known
SELECT EXISTS (SELECT FROM care.institution WHERE institution_id = $1)

-- name: present_team
SELECT name, institution_id FROM care.team WHERE team_id = $1 FOR UPDATE

-- name: team
INSERT INTO care.team (team_id, name, institution_id) VALUES ($1, $2, $3)
ON CONFLICT (team_id) DO UPDATE SET name = excluded.name, institution_id = excluded.institution_id

-- name: present_member
SELECT part, valid_to FROM care.team_member WHERE team_id = $1 AND staff_id = $2 AND valid_from = $3 FOR UPDATE

-- name: member
INSERT INTO care.team_member (team_id, staff_id, part, valid_from, valid_to) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (team_id, staff_id, valid_from) DO UPDATE SET part = excluded.part, valid_to = excluded.valid_to

-- name: present_leave
SELECT staff_id, first_day, last_day, deputy FROM care.leave WHERE leave_id = $1 AND cancelled_at IS NULL FOR UPDATE

-- name: overlapping_leave
SELECT leave_id FROM care.leave
WHERE staff_id = $1 AND leave_id <> $2 AND cancelled_at IS NULL AND first_day <= $4 AND last_day >= $3 LIMIT 1

-- name: deputy_on_leave
-- A deputy who is away on all of these days stands in for nobody.
SELECT EXISTS (SELECT FROM care.leave
    WHERE staff_id = $1 AND cancelled_at IS NULL AND first_day <= $2 AND last_day >= $3)

-- name: leave
INSERT INTO care.leave (leave_id, staff_id, first_day, last_day, deputy) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (leave_id) DO UPDATE SET staff_id = excluded.staff_id, first_day = excluded.first_day,
    last_day = excluded.last_day, deputy = excluded.deputy, cancelled_at = NULL

-- name: cancel_leave
UPDATE care.leave SET cancelled_at = $2 WHERE leave_id = $1 AND cancelled_at IS NULL RETURNING staff_id

-- name: present_shift
SELECT institution_id, staff_id, starts_at, ends_at FROM care.shift
WHERE shift_id = $1 AND cancelled_at IS NULL FOR UPDATE

-- name: overlapping_shift
SELECT shift_id FROM care.shift
WHERE staff_id = $1 AND shift_id <> $2 AND cancelled_at IS NULL AND starts_at < $4 AND ends_at > $3 LIMIT 1

-- name: shift
INSERT INTO care.shift (shift_id, institution_id, staff_id, starts_at, ends_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (shift_id) DO UPDATE SET institution_id = excluded.institution_id, staff_id = excluded.staff_id,
    starts_at = excluded.starts_at, ends_at = excluded.ends_at, cancelled_at = NULL

-- name: give_shift
INSERT INTO care.shift (shift_id, institution_id, staff_id, starts_at, ends_at, instead_of)
SELECT $2, institution_id, $3, greatest(starts_at, $4), ends_at, shift_id FROM care.shift WHERE shift_id = $1

-- name: shorten_shift
-- What was sat is kept; what was not begun is cancelled.
UPDATE care.shift SET cancelled_at = CASE WHEN starts_at >= $2 THEN $2 END,
    ends_at = CASE WHEN starts_at >= $2 THEN ends_at ELSE $2 END
WHERE shift_id = $1

-- name: present_referral
SELECT valid_to FROM care.referral_relation
WHERE from_institution = $1 AND to_institution = $2 AND direction = $3 AND valid_from = $4 FOR UPDATE

-- name: referral
INSERT INTO care.referral_relation (from_institution, to_institution, direction, valid_from, valid_to)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (from_institution, to_institution, direction, valid_from) DO UPDATE SET valid_to = excluded.valid_to

-- name: leaves_of
-- Leave that lasts on $2 or begins later, at the institutions of an account (NULL: everywhere).
SELECT v.leave_id, v.staff_id, s.name, v.first_day, v.last_day, v.deputy, d.name AS deputy_name, s.institution_id
FROM care.leave v JOIN care.staff s ON s.staff_id = v.staff_id LEFT JOIN care.staff d ON d.staff_id = v.deputy
WHERE v.cancelled_at IS NULL AND v.last_day >= $2
  AND ($1::uuid IS NULL OR s.institution_id IN (SELECT care.institutions_of($1)))
ORDER BY v.first_day, s.staff_id LIMIT 500

-- name: shifts_of
SELECT h.shift_id, h.institution_id, i.name AS institution_name, h.staff_id, s.name, h.starts_at, h.ends_at
FROM care.shift h JOIN care.staff s ON s.staff_id = h.staff_id JOIN care.institution i ON i.institution_id = h.institution_id
WHERE h.cancelled_at IS NULL AND h.ends_at > $2
  AND ($1::uuid IS NULL OR h.institution_id IN (SELECT care.institutions_of($1)))
ORDER BY h.starts_at, h.institution_id, h.shift_id LIMIT 500
