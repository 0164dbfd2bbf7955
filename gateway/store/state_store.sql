-- Everyone's columns: read of whoever measures, and of all others page by page meanwhile.

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

-- name: wake
-- People are looked at now.
UPDATE core.subject_state SET next_wake_at = $2
WHERE subject = ANY ($1::text[]) AND (next_wake_at IS NULL OR next_wake_at > $2);

-- name: of
SELECT s.subject, s.layout, s.state, s.recent, s.next_wake_at,
    (SELECT coalesce(max(c.priority), -1) FROM core.case c WHERE c.subject = s.subject AND c.state = 'open') AS priority
FROM core.subject_state s WHERE s.subject = ANY ($1::text[]);

-- name: extent
SELECT pg_relation_size('core.subject_state') / current_setting('block_size')::integer AS pages,
    current_setting('block_size')::integer AS page_bytes;

-- name: block
-- The rows of some pages, laid end to end: of a fixed length each, so that the whole is an array.
-- The last two octets are the highest priority among a person's open cases, -1 for none.
SELECT string_agg(CASE WHEN octet_length(s.subject) <= 32
        THEN substr(convert_to(s.subject, 'UTF8') || decode(repeat('00', 32), 'hex'), 1, 32)
        ELSE sha256(convert_to(s.subject, 'UTF8')) END || s.state || s.recent || int2send((
            SELECT coalesce(max(c.priority), -1) FROM core.case c WHERE c.subject = s.subject AND c.state = 'open'
        )::smallint), ''::bytea) AS rows
FROM core.subject_state s
WHERE s.ctid >= format('(%s,0)', $1::bigint)::tid AND s.ctid < format('(%s,0)', $2::bigint)::tid
    AND s.layout = $3 AND octet_length(s.state) = $4 AND octet_length(s.recent) = $5;

-- name: next_wake
SELECT min(next_wake_at) FROM core.subject_state WHERE next_wake_at IS NOT NULL
    AND subject <> ALL ($1::text[]);

-- name: due
SELECT subject FROM core.subject_state
WHERE next_wake_at <= $1 AND subject <> ALL ($3::text[])
ORDER BY next_wake_at, subject LIMIT $2;

-- name: begin_walk
-- Nothing where the walk under these rules has begun.
INSERT INTO core.rules_walk (mark, after, is_done) VALUES ($1, '', false)
ON CONFLICT (only_row) DO UPDATE SET mark = excluded.mark, after = '', is_done = false
WHERE rules_walk.mark <> excluded.mark RETURNING mark;

-- name: is_walking
SELECT NOT is_done FROM core.rules_walk;

-- name: wake_waiting
-- Whose columns say, four octets from $3 on, that a confirmation is waited for.
UPDATE core.subject_state SET next_wake_at = $1
WHERE next_wake_at > $1 AND next_wake_at <= $2 AND substr(recent, $3, 4) <> decode('00000000', 'hex');

-- name: walk
-- On by $2 of those who were not looked at under the rules $5 (four octets of their columns from $4 on), and past the
-- others of two thousand.
WITH walk AS (SELECT after FROM core.rules_walk WHERE NOT is_done),
following AS (
    SELECT subject, recent IS NULL OR substr(recent, $4, 4) <> $5 AS is_due FROM core.subject_state
    WHERE subject > (SELECT after FROM walk) ORDER BY subject LIMIT 2000
),
chosen AS (SELECT subject FROM following WHERE is_due ORDER BY subject LIMIT $2),
woken AS (
    UPDATE core.subject_state s SET next_wake_at = $3 FROM chosen c
    WHERE s.subject = c.subject AND (s.next_wake_at IS NULL OR s.next_wake_at > $3)
),
reached AS (
    SELECT CASE WHEN (SELECT count(*) FROM chosen) = $2 THEN (SELECT max(subject) FROM chosen)
        ELSE (SELECT max(subject) FROM following) END AS subject
)
UPDATE core.rules_walk w SET after = coalesce(r.subject, w.after), is_done = r.subject IS NULL
FROM reached r WHERE NOT w.is_done AND w.mark = $1 RETURNING NOT w.is_done;
