-- name: places
WITH area AS (
    INSERT INTO care.area (area_id, parent_id, level, name)
    VALUES ('county', NULL, 'county', '县'), ('town', 'county', 'township', '镇') RETURNING area_id, level)
INSERT INTO care.institution (institution_id, level, name, parent_id, area)
SELECT 'at-' || area_id, level, '院' || area_id, CASE level WHEN 'township' THEN 'at-county' END, area_id
FROM area ORDER BY level

-- name: staff
INSERT INTO care.staff (staff_id, name, role, institution_id, duty_desk)
SELECT 'doctor-' || n, '家医' || n, 'family_doctor', 'at-town', n = 0 FROM generate_series(0, $1::integer - 1) n

-- name: accounts
INSERT INTO care.account (account_id, login, password_hash, role, staff_id, language, disabled)
SELECT md5(staff_id)::uuid, staff_id, '-', role, staff_id, 'zh', false FROM care.staff

-- name: people
INSERT INTO care.person (person_id, subject, name, birth_year, sex, area, status, pregnant, targets, synthetic)
SELECT md5('p' || n)::uuid, 's-' || n, '居民' || n, 1950, 'unknown', 'town', 'alive', 'no', '{}', true
FROM generate_series(0, $1::integer - 1) n

-- name: contracts
INSERT INTO care.contract (contract_id, person_id, family_doctor, institution_id, valid_from)
SELECT md5('c' || n)::uuid, md5('p' || n)::uuid, 'doctor-' || n % $2::integer, 'at-town', $3::date - 100
FROM generate_series(0, $1::integer - 1) n

-- name: cases
INSERT INTO core.case (case_id, subject, family, rule_id, limb, priority, state, opened_at, last_point_at, facts,
    began_at, decided_at, decided_on, is_confirmed)
SELECT md5('k' || n)::uuid, 's-' || n, 'blood_pressure', 'HW-02', 'immediate', 2, 'closed', $2, $2, '{}', $2, $2, '', true
FROM generate_series(0, $1::integer - 1) n

-- name: alerts
INSERT INTO core.alert (alert_id, case_id, subject, kind, priority, family, rule_id, rule_version, rule_hash, stage,
    dated, raised_at, effective_at, synthetic, evidence)
SELECT md5('a' || n)::uuid, md5('k' || n)::uuid, 's-' || n, 'physiological', 2, 'blood_pressure', 'HW-02', 1, 'hash',
    'immediate', false, $2, $2, true, rpad('{}', 3000)
FROM generate_series(0, $1::integer - 1) n

-- name: lives
INSERT INTO care.alert_life (alert_id, case_id, person_id, area, state, tier, step, round, taken_at, next_due_at)
SELECT md5('a' || n)::uuid, md5('k' || n)::uuid, md5('p' || n)::uuid, 'town', 'unacknowledged', 0, 0, 0, $2::timestamptz,
    $2::timestamptz + interval '3 days'
FROM generate_series(0, $1::integer - 1) n

-- name: account
SELECT account_id FROM care.account WHERE staff_id = 'doctor-1'

-- name: password
UPDATE care.account SET password_hash = $1 WHERE account_id = $2
