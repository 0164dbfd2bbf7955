-- name: days
-- The newest days that a device claims, future ones of wrong clocks included.
SELECT day, kind, readings, valid_readings FROM core.reading_day
WHERE day IN (SELECT DISTINCT day FROM core.reading_day ORDER BY day DESC LIMIT 14)
ORDER BY day, kind
