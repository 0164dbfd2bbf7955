-- name: name
-- An officer's county is that of the institution, or the one it lies in.
WITH RECURSIVE officer AS (
    SELECT a.account_id, i.area FROM care.account a
    JOIN care.staff s ON s.staff_id = a.staff_id
    JOIN care.institution i ON i.institution_id = s.institution_id
    WHERE a.login = $1 AND a.role = 'cdc_officer' AND NOT a.disabled
), above (account_id, area_id) AS (
    SELECT account_id, area FROM officer
    UNION ALL
    SELECT above.account_id, r.parent_id FROM care.area r JOIN above ON r.area_id = above.area_id
    WHERE r.parent_id IS NOT NULL
)
INSERT INTO cdc.duty_officer (area, account_id, first_day, last_day, named_by, named_at)
SELECT above.area_id, above.account_id, $2, $3, NULL, $4
FROM above JOIN care.area r ON r.area_id = above.area_id WHERE r.level = 'county'
RETURNING area

-- name: named
SELECT d.area, a.login, d.first_day, d.last_day FROM cdc.duty_officer d JOIN care.account a USING (account_id)
ORDER BY d.first_day, a.login
