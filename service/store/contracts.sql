-- Contracts that somebody signs or ends, each line checked against what is known.

-- name: person_for_update
SELECT person_id, status, merged_into FROM care.person WHERE person_id = $1 FOR UPDATE

-- name: checks
-- $1 the family doctor, $2 the village doctor, $3 institution, $4 team, $5 who writes (NULL: the operator), $6 where it was before
SELECT
    EXISTS (SELECT FROM care.staff WHERE staff_id = $1) AS family_known,
    EXISTS (SELECT FROM care.staff WHERE staff_id = $1
            AND role IN ('family_doctor', 'village_doctor')) AS family_treats,
    $2::text IS NULL OR EXISTS (SELECT FROM care.staff WHERE staff_id = $2) AS village_known,
    $2::text IS NULL OR EXISTS (SELECT FROM care.staff WHERE staff_id = $2
            AND role IN ('family_doctor', 'village_doctor')) AS village_treats,
    EXISTS (SELECT FROM care.institution WHERE institution_id = $3) AS institution_known,
    $4::text IS NULL OR EXISTS (SELECT FROM care.team WHERE team_id = $4) AS team_known,
    $5::uuid IS NULL OR ARRAY[$3, $6] <@ ARRAY(SELECT care.institutions_of($5)) AS is_own

-- name: present
SELECT person_id, family_doctor, village_doctor, institution_id, valid_from, valid_to, team_id
FROM care.contract WHERE contract_id = $1 FOR UPDATE

-- name: overlapping
SELECT contract_id FROM care.contract
WHERE person_id = $1 AND contract_id <> $2
  AND ($4::date IS NULL OR valid_from <= $4) AND (valid_to IS NULL OR valid_to >= $3)
ORDER BY valid_from LIMIT 1

-- name: end_contract
UPDATE care.contract SET valid_to = $2 WHERE contract_id = $1

-- name: contracts_of
SELECT c.contract_id, c.person_id, c.family_doctor, c.village_doctor, c.institution_id, c.valid_from, c.valid_to,
       c.team_id, f.name AS family_name, v.name AS village_name, i.name AS institution_name, t.name AS team_name
FROM care.contract c
JOIN care.staff f ON f.staff_id = c.family_doctor
LEFT JOIN care.staff v ON v.staff_id = c.village_doctor
JOIN care.institution i ON i.institution_id = c.institution_id
LEFT JOIN care.team t ON t.team_id = c.team_id
WHERE c.person_id IN (SELECT care.same_person($1)) ORDER BY c.valid_from DESC, c.contract_id

-- name: subject_of
SELECT subject FROM care.person WHERE person_id = $1
