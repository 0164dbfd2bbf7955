-- name: set_anchor
INSERT INTO core.series_anchor
    (subject, quantity, mean, readings, from_day, set_by, set_at, reason, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: add_mark
INSERT INTO core.series_mark (subject, change, at, marked_by, detail, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: anchors
SELECT DISTINCT ON (subject, quantity) subject, quantity, mean, readings
FROM core.series_anchor WHERE subject = ANY ($1::text[])
ORDER BY subject, quantity, set_at DESC, anchor_id DESC;

-- name: marks
SELECT DISTINCT ON (subject) subject, change, at, marked_by AS by, detail
FROM core.series_mark WHERE subject = ANY ($1::text[])
ORDER BY subject, at DESC, mark_id DESC;
