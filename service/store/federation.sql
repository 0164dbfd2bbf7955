-- The prefecture's own database: foreign tables over the counties' released cells, and nothing else.

-- name: prepare
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
CREATE SCHEMA IF NOT EXISTS above;
CREATE TABLE IF NOT EXISTS above.county (
    county text PRIMARY KEY CHECK (county ~ '^[a-z][a-z0-9_]{0,30}$'),
    name text NOT NULL,
    joined_at timestamptz NOT NULL
);

-- name: server
SELECT format('CREATE SERVER %I FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L, updatable %L, '
    'connect_timeout %L)', 'county_' || $1::text, $2::text, $3::text, $4::text, 'false', '10')

-- name: mapping
SELECT format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (user %L%s)', 'county_' || $1::text, $2::text,
    CASE WHEN $3::text IS NULL THEN '' ELSE format(', password %L', $3::text) END)

-- name: schema
SELECT format('CREATE SCHEMA %I', 'county_' || $1::text)

-- name: import
SELECT format('IMPORT FOREIGN SCHEMA cdc LIMIT TO (rollup) FROM SERVER %I INTO %I', 'county_' || $1::text,
    'county_' || $1::text)

-- name: join
INSERT INTO above.county (county, name, joined_at) VALUES ($1, $2, $3)

-- name: counties
SELECT county, name, joined_at FROM above.county ORDER BY county

-- name: leave
SELECT format('DROP SERVER %I CASCADE', 'county_' || $1::text) AS server,
    format('DROP SCHEMA %I CASCADE', 'county_' || $1::text) AS schema

-- name: forget
DELETE FROM above.county WHERE county = $1

-- name: weeks_of
-- One county's released totals; the grouping is done by the county's server.
SELECT format('SELECT week_start, indicator, sum(people)::bigint AS people, max(monitored_up_to) AS monitored_up_to '
    'FROM %I.rollup WHERE level = %L AND week_start >= $1 GROUP BY week_start, indicator', 'county_' || $1::text, 'county')

-- name: cells_of
SELECT format('SELECT week_start, indicator, area, area_name, level, disclosure, people, monitored_up_to, floor '
    'FROM %I.rollup WHERE week_start >= $1 ORDER BY week_start, indicator, area', 'county_' || $1::text)
