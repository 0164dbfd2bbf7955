-- What an imported line may already be, and the tables as they are exported, bound to whose they are.

-- name: contract_from
SELECT contract_id FROM care.contract WHERE person_id = $1 AND valid_from = $2 ORDER BY contract_id LIMIT 1

-- name: leave_from
SELECT leave_id FROM care.leave WHERE staff_id = $1 AND first_day = $2 AND cancelled_at IS NULL LIMIT 1

-- name: shift_from
SELECT shift_id FROM care.shift
WHERE institution_id = $1 AND staff_id = $2 AND starts_at = $3 AND cancelled_at IS NULL LIMIT 1

-- name: status_said
SELECT status_id FROM care.person_status
WHERE person_id = $1 AND status = $2 AND starts_at = $3 AND expires_at IS NOT DISTINCT FROM $4 LIMIT 1

-- name: institutions
SELECT institution_id, level, name, parent_id, area FROM care.institution
WHERE $1::uuid IS NULL OR institution_id IN (SELECT care.institutions_of($1))
ORDER BY level = 'village', level = 'township', institution_id

-- name: staff
SELECT staff_id, name, role, institution_id, phone, duty_desk FROM care.staff
WHERE $1::uuid IS NULL OR institution_id IN (SELECT care.institutions_of($1)) ORDER BY staff_id

-- name: households
WITH RECURSIVE own (area_id) AS (
    SELECT area FROM care.institution WHERE $1::uuid IS NULL OR institution_id IN (SELECT care.institutions_of($1))
    UNION
    SELECT a.area_id FROM care.area a JOIN own ON a.parent_id = own.area_id
)
SELECT household_id, area, address FROM care.household WHERE area IN (SELECT area_id FROM own) ORDER BY household_id

-- name: people
WITH RECURSIVE own (area_id) AS (
    SELECT area FROM care.institution WHERE $1::uuid IS NULL OR institution_id IN (SELECT care.institutions_of($1))
    UNION
    SELECT a.area_id FROM care.area a JOIN own ON a.parent_id = own.area_id
)
SELECT p.subject, p.name, p.birth_year, p.sex, p.phone, p.household, p.area, p.conditions, p.drug_classes, p.pregnant
FROM care.person p LEFT JOIN care.household h ON h.household_id = p.household
WHERE p.merged_into IS NULL
  AND (coalesce(p.area, h.area) IN (SELECT area_id FROM own) OR ($1::uuid IS NULL AND coalesce(p.area, h.area) IS NULL))
ORDER BY p.subject

-- name: teams
SELECT team_id, name, institution_id FROM care.team
WHERE $1::uuid IS NULL OR institution_id IN (SELECT care.institutions_of($1)) ORDER BY team_id

-- name: team_members
SELECT m.team_id, m.staff_id, m.part, m.valid_from, m.valid_to
FROM care.team_member m JOIN care.team t ON t.team_id = m.team_id
WHERE $1::uuid IS NULL OR t.institution_id IN (SELECT care.institutions_of($1))
ORDER BY m.team_id, m.staff_id, m.valid_from

-- name: contracts
SELECT p.subject, c.family_doctor, c.village_doctor, c.institution_id, c.team_id, c.valid_from, c.valid_to
FROM care.contract c JOIN care.person p ON p.person_id = c.person_id
WHERE p.merged_into IS NULL AND ($1::uuid IS NULL OR c.institution_id IN (SELECT care.institutions_of($1)))
ORDER BY p.subject, c.valid_from

-- name: leaves
SELECT v.staff_id, v.first_day, v.last_day, v.deputy FROM care.leave v JOIN care.staff s ON s.staff_id = v.staff_id
WHERE v.cancelled_at IS NULL AND ($1::uuid IS NULL OR s.institution_id IN (SELECT care.institutions_of($1)))
ORDER BY v.first_day, v.staff_id

-- name: shifts
SELECT institution_id, staff_id, starts_at, ends_at FROM care.shift
WHERE cancelled_at IS NULL AND ($1::uuid IS NULL OR institution_id IN (SELECT care.institutions_of($1)))
ORDER BY starts_at, institution_id, staff_id

-- name: referrals
SELECT from_institution, to_institution, direction, valid_from, valid_to FROM care.referral_relation
WHERE $1::uuid IS NULL OR from_institution IN (SELECT care.institutions_of($1))
ORDER BY from_institution, to_institution, direction, valid_from

-- name: statuses
SELECT p.subject, h.status, h.starts_at, h.expires_at, h.source
FROM care.person_status h JOIN care.person p ON p.person_id = h.person_id
WHERE h.ended_at IS NULL AND $1::uuid IS NULL ORDER BY p.subject, h.starts_at

-- name: devices
WITH RECURSIVE own (area_id) AS (
    SELECT area FROM care.institution WHERE $1::uuid IS NULL OR institution_id IN (SELECT care.institutions_of($1))
    UNION
    SELECT a.area_id FROM care.area a JOIN own ON a.parent_id = own.area_id
)
SELECT p.subject, b.device, b.valid_from, b.user_slot
FROM (
    SELECT subject, device, valid_from, user_slot FROM core.binding WHERE valid_to IS NULL
    UNION
    SELECT body ->> 'subject', body ->> 'device', (body ->> 'valid_from')::timestamptz, (body ->> 'user_slot')::integer
    FROM care.said WHERE kind = 'binding' AND applied_at IS NULL
) b
JOIN care.person p ON p.subject = b.subject
LEFT JOIN care.household h ON h.household_id = p.household
WHERE $1::uuid IS NULL OR coalesce(p.area, h.area) IN (SELECT area_id FROM own)
ORDER BY p.subject, b.device, b.user_slot
