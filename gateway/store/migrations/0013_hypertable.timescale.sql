-- Only where the server has TimescaleDB with its community licence. Measured in docs/performance.md: 28-day
-- chunks compressed by person take a fraction of the rows' space, and late readings into them stay cheap.
SELECT create_hypertable('core.observation', 'claimed_at', chunk_time_interval => interval '28 days',
    create_default_indexes => false, migrate_data => true);

-- The key lies within order and segments, so that a reading sent again is found in a compressed chunk too.
ALTER TABLE core.observation SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'subject',
    timescaledb.compress_orderby = 'claimed_at, identity');
SELECT add_compression_policy('core.observation', compress_after => interval '56 days');

-- Retention by when a chunk was made, not by the time its readings claim (as the extension's own policy would):
-- a meter whose clock fell back to 1970 measures today. Thirty years, because baselines fold from the first
-- reading on. The time is the extension's: no batch of ours waits for it.
CREATE PROCEDURE core.forget_oldest(job_id integer, config jsonb) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM drop_chunks('core.observation', created_before => interval '30 years');
END
$$;
SELECT add_job('core.forget_oldest', interval '1 day');

DROP VIEW core.reading_day;
CREATE MATERIALIZED VIEW core.reading_day WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket(interval '1 day', claimed_at) AS day, kind, count(*) AS readings,
    count(*) FILTER (WHERE valid) AS valid_readings
FROM core.observation
GROUP BY 1, 2
WITH NO DATA;
SELECT add_continuous_aggregate_policy('core.reading_day', start_offset => interval '90 days',
    end_offset => interval '1 day', schedule_interval => interval '1 hour');
GRANT SELECT ON core.reading_day TO hw_core, hw_service;

-- Chunks carry no rights of their own: nobody reads past the tables (design law 9).
REVOKE USAGE ON SCHEMA _timescaledb_internal FROM PUBLIC;
GRANT USAGE ON SCHEMA _timescaledb_internal TO hw_core;
