-- name: released_counts
WITH RECURSIVE inside (area_id) AS (
    SELECT i.area
    FROM care.account a
    JOIN care.staff s ON s.staff_id = a.staff_id
    JOIN care.institution i ON i.institution_id = s.institution_id
    WHERE a.account_id = $1 AND a.role = 'cdc_officer' AND NOT a.disabled
    UNION
    SELECT r.area_id FROM care.area r JOIN inside ON r.parent_id = inside.area_id
), weeks AS (
    SELECT DISTINCT week_start FROM cdc.release_cell WHERE indicator = $2
    ORDER BY week_start DESC LIMIT $3
)
SELECT c.week_start, c.area, r.name AS area_name, r.level = 'county' AS total, c.disclosure, c.people,
       c.monitored_up_to, c.judgement, c.expected, c.threshold, c.floor
FROM cdc.release_cell c
JOIN weeks USING (week_start)
JOIN inside ON inside.area_id = c.area
JOIN care.area r ON r.area_id = c.area
WHERE c.indicator = $2
ORDER BY c.week_start, c.area
