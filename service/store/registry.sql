-- name: area
INSERT INTO care.area (area_id, parent_id, level, name) VALUES ($1, $2, $3, $4)
ON CONFLICT (area_id) DO UPDATE SET parent_id = excluded.parent_id, level = excluded.level, name = excluded.name

-- name: institution
INSERT INTO care.institution (institution_id, level, name, parent_id, area) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (institution_id) DO UPDATE SET level = excluded.level, name = excluded.name,
    parent_id = excluded.parent_id, area = excluded.area

-- name: staff
INSERT INTO care.staff (staff_id, name, role, institution_id, phone, duty_desk) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (staff_id) DO UPDATE SET name = excluded.name, role = excluded.role,
    institution_id = excluded.institution_id, phone = excluded.phone, duty_desk = excluded.duty_desk

-- name: household
INSERT INTO care.household (household_id, area, address) VALUES ($1, $2, $3)
ON CONFLICT (household_id) DO UPDATE SET area = excluded.area, address = excluded.address

-- name: person
INSERT INTO care.person (person_id, subject, name, birth_year, sex, phone, household, area, status,
    conditions, drug_classes, pregnant, targets, synthetic)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (person_id) DO UPDATE SET name = excluded.name, birth_year = excluded.birth_year,
    sex = excluded.sex, phone = excluded.phone, household = excluded.household, area = excluded.area,
    status = excluded.status, conditions = excluded.conditions, drug_classes = excluded.drug_classes,
    pregnant = excluded.pregnant, targets = excluded.targets, synthetic = excluded.synthetic
WHERE care.person.subject = excluded.subject

-- name: contract
INSERT INTO care.contract (contract_id, person_id, family_doctor, village_doctor, institution_id, valid_from, valid_to,
    team_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (contract_id) DO UPDATE SET family_doctor = excluded.family_doctor,
    village_doctor = excluded.village_doctor, institution_id = excluded.institution_id,
    valid_from = excluded.valid_from, valid_to = excluded.valid_to, team_id = excluded.team_id

-- name: account
INSERT INTO care.account (account_id, login, password_hash, role, staff_id, person_id, language, disabled)
VALUES ($1, $2, $3, $4, $5, $6, $7, false)
ON CONFLICT (account_id) DO UPDATE SET login = excluded.login, password_hash = excluded.password_hash,
    language = excluded.language

-- name: disable_account
UPDATE care.account SET disabled = $2 WHERE account_id = $1

-- name: end_sessions
DELETE FROM care.session WHERE account_id = $1
