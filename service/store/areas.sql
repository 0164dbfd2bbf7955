-- name: areas
SELECT a.area_id, a.parent_id, a.level, a.name, a.valid_from, a.valid_to, s.geometry::text AS geometry
FROM care.area a LEFT JOIN cdc.area_shape s ON s.area = a.area_id
ORDER BY a.area_id

-- name: put_area
INSERT INTO care.area (area_id, parent_id, level, name, valid_from, valid_to) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (area_id) DO UPDATE SET parent_id = excluded.parent_id, name = excluded.name,
    valid_from = excluded.valid_from, valid_to = excluded.valid_to

-- name: put_shape
INSERT INTO cdc.area_shape (area, geometry, imported_at) VALUES ($1, $2::text::jsonb, $3)
ON CONFLICT (area) DO UPDATE SET geometry = excluded.geometry, imported_at = excluded.imported_at

-- name: shapes
-- The outlines of what lies in a county on a day.
SELECT s.area, s.geometry::text AS geometry FROM cdc.area_shape s JOIN care.area a ON a.area_id = s.area
WHERE a.parent_id = $1 AND (a.valid_from IS NULL OR a.valid_from <= $2) AND (a.valid_to IS NULL OR a.valid_to >= $2)
ORDER BY s.area
