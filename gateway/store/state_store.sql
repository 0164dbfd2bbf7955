-- Everyone's columns: read whole at the start, written row by row by the batches.

-- name: write_states
INSERT INTO core.subject_state (subject, layout, state, recent, next_wake_at)
SELECT * FROM unnest($1::text[], $2::smallint[], $3::bytea[], $4::bytea[], $5::timestamptz[])
ON CONFLICT (subject) DO UPDATE
SET layout = excluded.layout, state = excluded.state, recent = excluded.recent,
    next_wake_at = excluded.next_wake_at;

-- name: write_calm
-- Rows that are there already, of people for whom nothing is due: no index changes.
UPDATE core.subject_state s SET layout = $4, state = t.state, recent = t.recent
FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS t (subject, state, recent)
WHERE s.subject = t.subject;

-- name: rest
UPDATE core.subject_state s SET next_wake_at = t.next_wake_at
FROM unnest($1::text[], $2::timestamptz[]) AS t (subject, next_wake_at)
WHERE s.subject = t.subject;

-- name: look_closely
-- The next reading of these people is judged exactly: something about them has changed.
UPDATE core.subject_state SET recent = NULL WHERE subject = ANY ($1::text[]);

-- name: pages
SELECT pg_relation_size('core.subject_state') / current_setting('block_size')::integer AS pages,
    (SELECT count(*) FROM core.subject_state) AS people;

-- name: others
-- What the blocks leave out: rows of another layout, or without the recent columns.
SELECT subject, layout, state, next_wake_at FROM core.subject_state
WHERE layout <> $1 OR octet_length(state) <> $2 OR coalesce(octet_length(recent), 0) <> $3;

-- name: block
-- The rows of some pages, laid end to end: of a fixed length each, so that the whole is an array.
SELECT string_agg(CASE WHEN octet_length(subject) <= 32
        THEN substr(convert_to(subject, 'UTF8') || decode(repeat('00', 32), 'hex'), 1, 32)
        ELSE sha256(convert_to(subject, 'UTF8')) END || state || recent, ''::bytea) AS rows
FROM core.subject_state
WHERE ctid >= format('(%s,0)', $1::bigint)::tid AND ctid < format('(%s,0)', $2::bigint)::tid
    AND layout = $3 AND octet_length(state) = $4 AND octet_length(recent) = $5;

-- name: next_wake
SELECT min(next_wake_at) FROM core.subject_state WHERE next_wake_at IS NOT NULL
    AND subject <> ALL ($1::text[]);

-- name: due
SELECT subject FROM core.subject_state
WHERE next_wake_at <= $1 AND subject <> ALL ($3::text[])
ORDER BY next_wake_at, subject LIMIT $2;

-- name: with_open_case
SELECT subject, max(priority) AS priority FROM core.case WHERE state = 'open' GROUP BY subject;
