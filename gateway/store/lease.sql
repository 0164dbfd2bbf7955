-- The one place where SQL reads the database's clock: who owns the county (design D2, D4).
-- A dead owner (its backend is gone) is replaced at once, a stalled one when its time is up.

-- name: take
INSERT INTO core.lease (county, epoch, holder, backend_pid, until)
VALUES (true, 1, $1, pg_backend_pid(), now() + make_interval(secs => $2))
ON CONFLICT (county) DO UPDATE
SET epoch = core.lease.epoch + 1, holder = $1, backend_pid = pg_backend_pid(),
    until = now() + make_interval(secs => $2)
WHERE core.lease.until < now()
   OR NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = core.lease.backend_pid)
RETURNING epoch;

-- name: former_owner
SELECT backend_pid, epoch, until,
    until < now() OR NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = backend_pid) AS is_over
FROM core.lease WHERE backend_pid <> pg_backend_pid();

-- name: end_connection
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE pid = $1 AND datname = current_database() AND usename = current_user;

-- name: hold
UPDATE core.lease SET until = now() + make_interval(secs => $2)
WHERE epoch = $1 AND backend_pid = pg_backend_pid()
RETURNING epoch;

-- name: release
UPDATE core.lease SET until = now() WHERE epoch = $1;
