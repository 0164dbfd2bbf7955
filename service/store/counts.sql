-- name: first_day
SELECT min((o.effective_at AT TIME ZONE $1)::date)
FROM core.observation o
JOIN core.profile p USING (subject)
WHERE NOT coalesce((p.body ->> 'synthetic')::boolean, false) AND o.time_confidence <> 'unknown'

-- name: last_released_week
SELECT max(week_start) FROM cdc.release_cell

-- name: townships
SELECT area_id, parent_id, name FROM care.area WHERE level = 'township' ORDER BY area_id

-- name: day_counts
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
), person_day AS (
    SELECT inside.township, o.subject, (o.effective_at AT TIME ZONE $1)::date AS day,
           round(avg(o.systolic)::numeric) >= 160 AS high
    FROM core.observation o
    JOIN core.profile p USING (subject)
    JOIN inside ON inside.area_id = p.body ->> 'area'
    WHERE o.effective_at >= $2 AND o.effective_at < $3
      AND o.valid AND NOT o.possible_repeat AND o.time_confidence <> 'unknown'
      AND NOT coalesce((p.body ->> 'synthetic')::boolean, false)
    GROUP BY 1, 2, 3
)
SELECT township, day, count(*)::integer AS reporting,
       count(*) FILTER (WHERE high)::integer AS systolic_160
FROM person_day GROUP BY township, day

-- name: week_counts
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
), person_day AS (
    SELECT inside.township, o.subject,
           coalesce(round(avg(o.systolic)::numeric) >= 160, false) AS high
    FROM core.observation o
    JOIN core.profile p USING (subject)
    JOIN inside ON inside.area_id = p.body ->> 'area'
    WHERE o.effective_at >= $2 AND o.effective_at < $3
      AND o.valid AND NOT o.possible_repeat AND o.time_confidence <> 'unknown'
      AND NOT coalesce((p.body ->> 'synthetic')::boolean, false)
    GROUP BY inside.township, o.subject, (o.effective_at AT TIME ZONE $1)::date
)
SELECT township, count(DISTINCT subject)::integer AS reporting,
       count(DISTINCT subject) FILTER (WHERE high)::integer AS systolic_160
FROM person_day GROUP BY township

-- name: monitored
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
)
SELECT inside.township, count(DISTINCT b.subject)::integer AS people
FROM core.binding b
JOIN core.profile p USING (subject)
JOIN inside ON inside.area_id = p.body ->> 'area'
WHERE b.valid_from < $2 AND (b.valid_to IS NULL OR b.valid_to > $1)
  AND NOT coalesce((p.body ->> 'synthetic')::boolean, false)
GROUP BY inside.township

-- name: put_day_count
INSERT INTO cdc.count_day (area, indicator, day, people, as_of) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (area, indicator, day) DO UPDATE SET people = excluded.people, as_of = excluded.as_of
WHERE cdc.count_day.people <> excluded.people

-- name: day_series
SELECT area, indicator, day, people FROM cdc.count_day WHERE day >= $1 AND day < $2

-- name: disclosures
SELECT indicator, area, week_start, disclosure FROM cdc.release_cell WHERE week_start >= $1

-- name: put_release
INSERT INTO cdc.release_cell (week_start, indicator, area, disclosure, people, monitored_up_to,
                              detector, judgement, expected, threshold, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: lock_release
SELECT pg_advisory_xact_lock(1212630339)
