-- A database that was restored from a backup: what was measured between the backup and the loss has been told
-- to people by the database that is gone, and the hubs send it once more.
CREATE TABLE care.restoration (
    restored_at timestamptz PRIMARY KEY,
    backup_at timestamptz NOT NULL, -- what the backup holds
    lost_at timestamptz NOT NULL, -- when the lost database last worked, as the operator says
    CHECK (backup_at <= lost_at AND lost_at <= restored_at)
);

-- Whether an alert is a task of the day instead of a ring: an old point's, or one raised again for a point that
-- the lost database has told already.
CREATE FUNCTION care.as_task(dated boolean, raised_at timestamptz, effective_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT dated OR EXISTS (
        SELECT FROM care.restoration r
        WHERE $2 >= r.restored_at AND $3 > r.backup_at AND $3 <= r.lost_at)
$$;

GRANT SELECT ON care.restoration TO hw_service;
REVOKE EXECUTE ON FUNCTION care.as_task(boolean, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION care.as_task(boolean, timestamptz, timestamptz) TO hw_service;
