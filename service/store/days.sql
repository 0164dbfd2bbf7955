-- name: days
-- The newest days that a device claims, future ones of wrong clocks included. The view knows nobody, so what is of
-- people who do not exist is taken off: they are few.
WITH newest AS (
    SELECT day, kind, readings, valid_readings FROM core.reading_day
    WHERE day IN (SELECT DISTINCT day FROM core.reading_day ORDER BY day DESC LIMIT 14)
), nobodys AS (
    SELECT date_bin('1 day', o.claimed_at, '2000-01-01Z') AS day, o.kind, count(*) AS readings,
           count(*) FILTER (WHERE o.valid) AS valid_readings
    FROM core.observation o JOIN core.profile p USING (subject)
    WHERE (p.body ->> 'synthetic')::boolean AND o.claimed_at >= (SELECT min(day) FROM newest)
    GROUP BY 1, 2
)
SELECT day, kind, n.readings - coalesce(x.readings, 0) AS readings,
       n.valid_readings - coalesce(x.valid_readings, 0) AS valid_readings
FROM newest n LEFT JOIN nobodys x USING (day, kind)
WHERE n.readings > coalesce(x.readings, 0)
ORDER BY day, kind
