-- Taking a copy of a county's database, and putting one back.

-- name: migrations
SELECT name, digest FROM migration.applied ORDER BY name

-- name: tables
-- Of a hypertable the parts lie in a schema of the extension, and are counted with it.
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('core', 'care', 'cdc', 'migration') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY 1

-- name: marks
SELECT hub, epoch, lane, through FROM core.receipt ORDER BY hub, epoch, lane

-- name: head
SELECT encode(digest, 'hex') FROM care.seal ORDER BY seal_id DESC LIMIT 1

-- name: schemas
SELECT nspname FROM pg_namespace WHERE nspname IN ('core', 'care', 'cdc', 'migration') ORDER BY 1

-- name: timescale
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')

-- name: before_timescale
CREATE EXTENSION IF NOT EXISTS timescaledb; SELECT timescaledb_pre_restore()

-- name: after_timescale
SELECT timescaledb_post_restore()

-- name: roles
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hw_core') THEN CREATE ROLE hw_core LOGIN; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hw_service') THEN CREATE ROLE hw_service LOGIN; END IF;
END
$$

-- name: remember
INSERT INTO care.restoration (restored_at, backup_at, lost_at) VALUES ($1, $2, $3)

-- name: quiet_deliveries
-- Whether they were made, the lost database knew.
UPDATE care.delivery SET state = 'dead', next_attempt_at = NULL, detail = 'restored from a backup'
WHERE state = 'pending' OR next_attempt_at IS NOT NULL

-- name: fresh_clocks
-- Who had answered since, it knew as well: everybody finds the list, and what nobody says within the time climbs.
UPDATE care.alert_life SET next_due_at = greatest(next_due_at, $1) WHERE state <> 'closed' AND next_due_at IS NOT NULL

-- name: end_sessions
DELETE FROM care.session

-- name: newer_commands
-- A hub obeys nothing older than what it has obeyed.
UPDATE core.hub_command SET version = version + 1000000

-- name: newer_epoch
UPDATE core.lease SET epoch = epoch + 1000
