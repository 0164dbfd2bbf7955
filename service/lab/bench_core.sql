-- name: register_hubs
INSERT INTO core.hub (hub, household, area, secret)
SELECT 'hub-v' || lpad(n::text, 7, '0'), 'h-hub-' || n, $2, decode('00', 'hex')
FROM generate_series(0, $1::integer - 1) AS n

-- name: register_people
INSERT INTO core.profile (subject, body, valid_from)
SELECT subject, body::jsonb, $3 FROM unnest($1::text[], $2::text[]) AS t (subject, body)

-- name: bind_devices
INSERT INTO core.binding (device, subject, valid_from)
SELECT device, subject, $3 FROM unnest($1::text[], $2::text[]) AS t (device, subject)

-- name: columns
SELECT column_name::text AS name, data_type::text AS type
FROM information_schema.columns
WHERE table_schema = 'core' AND table_name = $1 AND is_identity = 'NO' AND is_generated = 'NEVER'
ORDER BY ordinal_position

-- name: constraints
SELECT conname::text AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype IN ('p', 'u')

-- name: indexes
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index i
WHERE i.indrelid = $1::text::regclass
    AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)

-- name: days
SELECT (effective_at AT TIME ZONE 'Asia/Shanghai')::date AS day, count(*) AS rows
FROM bench.pattern_observation GROUP BY 1 ORDER BY 1

-- name: receipts
INSERT INTO core.receipt (hub, epoch, lane, through)
SELECT h.hub, r.epoch, r.lane, r.through
FROM core.hub h CROSS JOIN (SELECT epoch, lane, through FROM core.receipt ORDER BY through DESC LIMIT 1) r
ON CONFLICT DO NOTHING

-- name: prepared
CREATE TABLE bench.prepared AS
SELECT $1::integer AS people, $2::bigint AS stored, $3::integer AS people_per_hub, $4::integer AS patterns,
    $5::timestamptz AS at, $6::bigint AS memory, array(SELECT name FROM migration.applied ORDER BY name) AS migrations

-- name: note_run
CREATE TABLE IF NOT EXISTS bench.run (at timestamptz NOT NULL)

-- name: add_run
INSERT INTO bench.run (at) VALUES ($1)

-- name: last_run
SELECT max(at) FROM bench.run

-- name: is_prepared
SELECT to_regclass('bench.prepared') IS NOT NULL

-- name: preparation
SELECT people, stored, people_per_hub, patterns, at,
    memory = $1::bigint AND migrations = array(SELECT name FROM migration.applied ORDER BY name) AS same
FROM bench.prepared

-- name: postpone
-- Whoever became due while nobody ran would all be looked at in the first second.
UPDATE core.subject_state SET next_wake_at = $1::timestamptz + random() * interval '12 hours'
WHERE next_wake_at < $1::timestamptz

-- name: counts
SELECT (SELECT count(*) FROM core.alert) AS alerts, (SELECT count(*) FROM core.case) AS cases,
    (SELECT count(*) FROM core.quarantine) AS quarantined

-- name: size
SELECT pg_total_relation_size('core.observation') AS octets,
    (SELECT reltuples::bigint FROM pg_class WHERE oid = 'core.observation'::regclass) AS rows,
    pg_database_size(current_database()) AS database
