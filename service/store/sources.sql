-- name: register
INSERT INTO cdc.source (source_id, kind, name, area, delay_shares, weekdays, token_hash, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: renew
UPDATE cdc.source SET token_hash = $2 WHERE source_id = $1 AND kind <> 'home' AND disabled_at IS NULL
RETURNING source_id

-- name: disable
UPDATE cdc.source SET disabled_at = $2, token_hash = NULL
WHERE source_id = $1 AND kind <> 'home' AND disabled_at IS NULL
RETURNING source_id

-- name: source_of
SELECT source_id, kind, area FROM cdc.source WHERE token_hash = $1 AND disabled_at IS NULL

-- name: source
SELECT source_id, kind, area FROM cdc.source WHERE source_id = $1 AND kind <> 'home' AND disabled_at IS NULL

-- name: hold
-- One report of a source after the other: revisions are numbered.
SELECT source_id FROM cdc.source WHERE source_id = $1 FOR UPDATE

-- name: areas_of
-- What a source may speak of on a day: its area and all that lies in it; every area where it names none.
WITH RECURSIVE inside (area_id) AS (
    SELECT area_id FROM care.area WHERE area_id = $1 OR $1::text IS NULL
    UNION
    SELECT a.area_id FROM care.area a JOIN inside ON a.parent_id = inside.area_id
)
SELECT a.area_id, a.level FROM care.area a JOIN inside USING (area_id)
WHERE a.level IN ('village', 'township', 'county')
  AND (a.valid_from IS NULL OR a.valid_from <= $2) AND (a.valid_to IS NULL OR a.valid_to >= $3)

-- name: put_submission
INSERT INTO cdc.submission (submission_id, source_id, form, received_at, taken, unchanged, refused)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: put_refused
INSERT INTO cdc.refused_line (submission_id, line, reason, field, content) VALUES ($1, $2, $3, $4, $5)

-- name: refused
SELECT s.received_at, s.form, r.line, r.field, r.reason, r.content
FROM cdc.refused_line r JOIN cdc.submission s USING (submission_id)
WHERE s.source_id = $1
ORDER BY s.received_at DESC, r.line LIMIT $2

-- name: last_sent
SELECT source_id, max(received_at) AS at FROM cdc.submission GROUP BY source_id

-- name: delays
-- Of the days from $2 up to $3, the share of the final count that was known at the end of the nth day after.
WITH final AS (
    SELECT DISTINCT ON (indicator, area, day) indicator, area, day, value
    FROM cdc.count_cell WHERE source_id = $1 AND day >= $2 AND day < $3
    ORDER BY indicator, area, day, revision DESC
), known AS (
    SELECT n.age, (
        SELECT c.value FROM cdc.count_cell c
        WHERE (c.indicator, c.area, c.day, c.source_id) = (f.indicator, f.area, f.day, $1)
          AND c.as_of < ((f.day + n.age + 1)::timestamp AT TIME ZONE $4)
        ORDER BY c.revision DESC LIMIT 1) AS value, f.value AS final
    FROM final f CROSS JOIN generate_series(0, 7) AS n (age)
)
SELECT age, sum(least(coalesce(value, 0), final)) / nullif(sum(final), 0) AS share
FROM known GROUP BY age ORDER BY age
