-- A large county on paper: nobody in it measures anything. $1 counts what the statement makes; day 0 is $2.

-- name: places
WITH area AS (
    INSERT INTO care.area (area_id, parent_id, level, name)
    SELECT 'county', NULL, 'county', '县'
    UNION ALL SELECT 'town-' || n, 'county', 'township', '镇' || n FROM generate_series(0, $1 / 10 - 1) n
    UNION ALL SELECT 'village-' || n, 'town-' || n / 10, 'village', '村' || n FROM generate_series(0, $1 - 1) n
    RETURNING area_id, level)
INSERT INTO care.institution (institution_id, level, name, parent_id, area)
SELECT 'at-' || area_id, level, '院' || area_id,
       CASE level WHEN 'county' THEN NULL WHEN 'township' THEN 'at-county'
            ELSE 'at-town-' || substr(area_id, 9)::integer / 10 END, area_id
FROM area ORDER BY level <> 'county', level = 'village'

-- name: staff
-- One village doctor a village, the other doctors spread over the townships, one desk each, the county's duty.
INSERT INTO care.staff (staff_id, name, role, institution_id, duty_desk)
SELECT 'village-' || n, '村医' || n, 'village_doctor', 'at-village-' || n, false FROM generate_series(0, $2::integer - 1) n
UNION ALL
SELECT 'doctor-' || n, '家医' || n, 'family_doctor', 'at-town-' || n % ($2::integer / 10), n < $2::integer / 10
FROM generate_series(0, $1::integer - $2::integer - 1) n
UNION ALL SELECT 'county-' || n, '县值班' || n, 'county_duty', 'at-county', true FROM generate_series(0, 3) n

-- name: accounts
INSERT INTO care.account (account_id, login, password_hash, role, staff_id, language, disabled)
SELECT md5(staff_id)::uuid, staff_id, '-', role, staff_id, 'zh', hashtext(staff_id) % 50 = 0 FROM care.staff

-- name: people
INSERT INTO care.person (person_id, subject, name, sex, area, status, pregnant, targets, synthetic)
SELECT md5('p' || n)::uuid, 's-' || n, '居民' || n, 'unknown', 'village-' || n % $2::integer, 'alive', 'no', '{}', false
FROM generate_series(0, $1::integer - 1) n

-- name: contracts
-- Of a hundred people one never signed, one's contract is over, four's end within the days looked at, and of those
-- three signed again.
INSERT INTO care.contract (contract_id, person_id, family_doctor, village_doctor, institution_id, valid_from, valid_to)
SELECT md5('c' || n || '/' || again)::uuid, md5('p' || n)::uuid, 'doctor-' || (town + towns * (n / 1000 % per_town)),
       'village-' || village, 'at-town-' || town,
       CASE WHEN again = 0 THEN $4::date - 300 ELSE ends + 1 END, CASE WHEN again = 0 THEN ends END
FROM (
    SELECT n, n % $2::integer AS village, n % $2::integer / 10 AS town, $2::integer / 10 AS towns,
           greatest(1, ($3::integer - $2::integer) / ($2::integer / 10)) AS per_town,
           CASE WHEN n % 100 = 1 THEN $4::date - 30 WHEN n % 100 < 6 THEN $4::date + n % 14 ELSE $4::date + 400 END AS ends
    FROM generate_series(0, $1::integer - 1) n WHERE n % 100 <> 0) p
CROSS JOIN generate_series(0, 1) again
WHERE again = 0 OR n % 100 BETWEEN 2 AND 4

-- name: leaves
-- A tenth of the doctors is away for a week of the fortnight; half of them named a deputy.
INSERT INTO care.leave (leave_id, staff_id, first_day, last_day, deputy)
SELECT md5('v' || n)::uuid, 'doctor-' || n, $2::date + n % 9, $2::date + n % 9 + 6,
       CASE WHEN n % 20 < 10 THEN 'doctor-' || n + 1 END
FROM generate_series(0, $1::integer - 2, 10) n

-- name: shifts
INSERT INTO care.shift (shift_id, institution_id, staff_id, starts_at, ends_at)
SELECT md5('h' || town || '/' || n)::uuid, 'at-town-' || town, 'doctor-' || (town + $1::integer * (n % 3)),
       $2::timestamptz + n * interval '8 hours', $2::timestamptz + (n + 1) * interval '8 hours'
FROM generate_series(0, $1::integer - 1) town, generate_series(0, 41) n

-- name: analyze
ANALYZE care.person, care.contract, care.staff, care.account, care.leave, care.shift
