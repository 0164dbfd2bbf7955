-- How many readings each day brought, by kind and by the day their devices claim (UTC). With TimescaleDB a
-- continuous aggregate takes this view's place (0013).
CREATE VIEW core.reading_day AS
SELECT date_bin('1 day', claimed_at, '2000-01-01Z') AS day, kind, count(*) AS readings,
    count(*) FILTER (WHERE valid) AS valid_readings
FROM core.observation
GROUP BY 1, 2;
GRANT SELECT ON core.reading_day TO hw_core, hw_service;
