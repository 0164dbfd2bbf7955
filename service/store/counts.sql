-- name: first_day
-- Where everybody of the first days withdrew, only the cells still know that there was something to take back.
SELECT least((
    SELECT min((o.effective_at AT TIME ZONE $1)::date)
    FROM care.reading o
    JOIN care.counted_profile p USING (subject)
    WHERE NOT coalesce((p.body ->> 'synthetic')::boolean, false) AND o.time_confidence <> 'unknown'
), (SELECT min(day) FROM cdc.count_cell WHERE indicator = 'reporting' AND source_id = 'home'))

-- name: last_released_week
SELECT max(week_start) FROM cdc.release_cell

-- name: townships
SELECT area_id, parent_id, name FROM care.area
WHERE level = 'township' AND (valid_from IS NULL OR valid_from <= $1) AND (valid_to IS NULL OR valid_to >= $1)
ORDER BY area_id

-- name: areas_around
WITH RECURSIVE around (area_id, parent_id, depth) AS (
    SELECT area_id, parent_id, 0 FROM care.area WHERE area_id = $1
    UNION ALL
    SELECT a.area_id, a.parent_id, around.depth + 1 FROM care.area a JOIN around ON a.area_id = around.parent_id
)
SELECT area_id FROM around ORDER BY depth

-- name: townships_below
WITH RECURSIVE below (area_id, level) AS (
    SELECT area_id, level FROM care.area WHERE parent_id = $1
    UNION
    SELECT a.area_id, a.level FROM care.area a JOIN below ON a.parent_id = below.area_id
)
SELECT area_id FROM below WHERE level = 'township' ORDER BY area_id

-- name: home_days
-- One row for each township, local day and indicator that somebody speaks to. A person-day is the mean of its
-- readings; what is usual for a person is the mean and spread of that person's days 3 to 30 before.
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
), who AS MATERIALIZED (
    SELECT p.subject, p.human, inside.township, coalesce(p.body ->> 'household', p.human) AS household,
        (p.body ->> 'birth_year')::integer AS birth_year
    FROM care.counted_profile p JOIN inside ON inside.area_id = p.body ->> 'area'
    WHERE NOT coalesce((p.body ->> 'synthetic')::boolean, false)
), guided AS MATERIALIZED (
    -- readings after a guided rest: only theirs is a pulse at rest
    SELECT DISTINCT o.claimed_at, o.identity
    FROM care.guided_rest r JOIN care.reading o ON o.subject = r.subject
        AND o.effective_at >= r.begun_at + $5::interval AND o.effective_at < r.begun_at + $6::interval
    WHERE r.begun_at >= $2::timestamptz - interval '31 days' AND r.begun_at < $3 AND o.systolic IS NOT NULL
), person_day AS (
    SELECT w.township, w.household, w.human AS subject, (o.effective_at AT TIME ZONE $1)::date AS day,
        $4 - w.birth_year AS age, avg(o.systolic) AS systolic,
        avg(o.pulse) FILTER (WHERE g.identity IS NOT NULL) AS pulse,
        max(o.number) FILTER (WHERE o.kind = '8310-5') AS temperature,
        min(o.number) FILTER (WHERE o.kind = '2708-6') AS oxygen
    FROM care.reading o JOIN who w USING (subject) LEFT JOIN guided g USING (claimed_at, identity)
    WHERE o.effective_at >= $2::timestamptz - interval '31 days' AND o.effective_at < $3
      AND o.valid AND NOT o.possible_repeat AND o.time_confidence <> 'unknown'
    GROUP BY 1, 2, 3, 4, 5
), usual AS (
    SELECT *, avg(systolic) OVER past AS usual_systolic, stddev_samp(systolic) OVER past AS spread,
        count(systolic) OVER past AS systolic_days, avg(pulse) OVER past AS usual_pulse,
        count(pulse) OVER past AS pulse_days
    FROM person_day
    WINDOW past AS (PARTITION BY subject ORDER BY day
        RANGE BETWEEN interval '30 days' PRECEDING AND interval '3 days' PRECEDING)
), fact AS (
    SELECT township, day, household,
        CASE WHEN age IS NULL THEN '?' WHEN age < 45 THEN '0-44' WHEN age < 65 THEN '45-64'
            WHEN age < 75 THEN '65-74' ELSE '75+' END AS band,
        (round(systolic::numeric) >= 160)::integer::float8 AS high,
        CASE WHEN systolic_days >= 7 AND spread > 0
            THEN (systolic > usual_systolic + 2 * spread)::integer::float8 END AS above,
        CASE WHEN systolic_days >= 7 THEN (systolic - usual_systolic)::float8 END AS deviation,
        CASE WHEN pulse_days >= 7 THEN (pulse - usual_pulse)::float8 END AS pulse,
        (temperature >= 37.3)::integer::float8 AS fever, (oxygen < 94)::integer::float8 AS low
    FROM usual WHERE day >= ($2::timestamptz AT TIME ZONE $1)::date
), home AS (
    -- columns, not rows: a person-day is looked at once
    SELECT township, day, household, count(*) AS people, sum(high) AS high, count(high) AS high_of,
        sum(above) AS above, count(above) AS above_of, sum(deviation) AS deviation, count(deviation) AS deviation_of,
        sum(pulse) AS pulse, count(pulse) AS pulse_of, sum(fever) AS fever, count(fever) AS fever_of,
        sum(low) AS low, count(low) AS low_of
    FROM fact GROUP BY 1, 2, 3
), place AS (
    SELECT township, day,
        sum(people)::float8 AS a1, sum(people) AS p1, count(*) FILTER (WHERE people > 0) AS h1, max(people) AS n1, max(people)::float8 AS m1,
        sum(high)::float8 AS a2, sum(high_of) AS p2, count(*) FILTER (WHERE high_of > 0) AS h2, max(high_of) AS n2, max(high)::float8 AS m2,
        sum(above)::float8 AS a3, sum(above_of) AS p3, count(*) FILTER (WHERE above_of > 0) AS h3, max(above_of) AS n3, max(above)::float8 AS m3,
        sum(deviation)::float8 AS a4, sum(deviation_of) AS p4, count(*) FILTER (WHERE deviation_of > 0) AS h4, max(deviation_of) AS n4, max(deviation)::float8 AS m4,
        sum(pulse)::float8 AS a5, sum(pulse_of) AS p5, count(*) FILTER (WHERE pulse_of > 0) AS h5, max(pulse_of) AS n5, max(pulse)::float8 AS m5,
        sum(fever)::float8 AS a6, sum(fever_of) AS p6, count(*) FILTER (WHERE fever_of > 0) AS h6, max(fever_of) AS n6, max(fever)::float8 AS m6,
        sum(low)::float8 AS a7, sum(low_of) AS p7, count(*) FILTER (WHERE low_of > 0) AS h7, max(low_of) AS n7, max(low)::float8 AS m7
    FROM home GROUP BY 1, 2
), aged AS (
    SELECT township, day, band, household, sum(above) AS above, count(above) AS people
    FROM fact WHERE above IS NOT NULL GROUP BY 1, 2, 3, 4
)
SELECT township, day, f.indicator, f.amount, f.people::integer AS people, f.households::integer AS households,
    f.most::float8 / f.people::float8 AS most_people, f.largest / nullif(f.amount, 0) AS most_amount
FROM place, LATERAL (VALUES
    ('reporting', a1, p1, h1, n1, m1),
    ('systolic_160', a2, p2, h2, n2, m2),
    ('systolic_above_2sd', a3, p3, h3, n3, m3),
    ('systolic_deviation', a4, p4, h4, n4, m4),
    ('pulse_deviation', a5, p5, h5, n5, m5),
    ('fever', a6, p6, h6, n6, m6),
    ('low_oxygen', a7, p7, h7, n7, m7)
) AS f (indicator, amount, people, households, most, largest)
WHERE f.people > 0
UNION ALL
SELECT township, day, 'systolic_above_2sd/' || band, sum(above), sum(people)::integer, count(*)::integer,
    max(people)::float8 / sum(people)::float8, max(above) / nullif(sum(above), 0)
FROM aged GROUP BY township, day, band

-- name: week_counts
-- Distinct people of a week; a person with one day of it stands in a count once.
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
), who AS MATERIALIZED (
    SELECT p.subject, p.human, inside.township, coalesce(p.body ->> 'household', p.human) AS household,
        coalesce(nullif(p.body -> 'targets' ->> 'systolic', '')::float8, 135) AS systolic_target,
        coalesce(nullif(p.body -> 'targets' ->> 'diastolic', '')::float8, 85) AS diastolic_target
    FROM care.counted_profile p JOIN inside ON inside.area_id = p.body ->> 'area'
    WHERE NOT coalesce((p.body ->> 'synthetic')::boolean, false)
), person_day AS (
    SELECT w.township, w.household, w.human AS subject, w.systolic_target, w.diastolic_target,
        (o.effective_at AT TIME ZONE $1)::date AS day,
        avg(o.systolic) AS systolic, avg(o.diastolic) AS diastolic
    FROM care.reading o JOIN who w USING (subject)
    WHERE o.effective_at >= $2::timestamptz - interval '31 days' AND o.effective_at < $3
      AND o.valid AND NOT o.possible_repeat AND o.time_confidence <> 'unknown'
    GROUP BY 1, 2, 3, 4, 5, 6
), usual AS (
    SELECT *, avg(systolic) OVER past AS usual_systolic, stddev_samp(systolic) OVER past AS spread,
        count(systolic) OVER past AS systolic_days
    FROM person_day
    WINDOW past AS (PARTITION BY subject ORDER BY day
        RANGE BETWEEN interval '30 days' PRECEDING AND interval '3 days' PRECEDING)
), person AS (
    SELECT township, household, subject,
        coalesce(bool_or(round(systolic::numeric) >= 160), false) AS high,
        bool_or(systolic > usual_systolic + 2 * spread) FILTER (WHERE systolic_days >= 7 AND spread > 0) AS above
    FROM usual WHERE day >= ($2::timestamptz AT TIME ZONE $1)::date
    GROUP BY 1, 2, 3
), month AS (
    -- of the 28 days that end with the week, at least three measured
    SELECT township, household, subject,
        coalesce(avg(systolic) < min(systolic_target) AND avg(diastolic) < min(diastolic_target)
            AND count(systolic) >= 3, false) AS controlled
    FROM person_day WHERE day >= ($3::timestamptz AT TIME ZONE $1)::date - 28
    GROUP BY 1, 2, 3
), fact AS (
    SELECT p.township, p.household, f.indicator, f.amount
    FROM person p, LATERAL (VALUES ('reporting', true), ('systolic_160', high), ('systolic_above_2sd', above))
        AS f (indicator, amount)
    WHERE f.amount IS NOT NULL
    UNION ALL
    -- whoever reported in the week, so that every count is part of `reporting`
    SELECT p.township, p.household, 'controlled', m.controlled
    FROM person p JOIN month m USING (subject)
), home AS (
    SELECT township, indicator, household, count(*) FILTER (WHERE amount) AS amount, count(*) AS people
    FROM fact GROUP BY 1, 2, 3
)
SELECT township, indicator, sum(amount)::integer AS amount, sum(people)::integer AS people,
    count(*)::integer AS households, max(people)::float8 / sum(people)::float8 AS most_people,
    max(amount)::float8 / nullif(sum(amount), 0)::float8 AS most_amount
FROM home GROUP BY 1, 2

-- name: standing
-- Who is looked after, who measured in the week, and who has fallen silent for 30 days; managed = a person of the
-- township who is not away, moved or dead.
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
), who AS MATERIALIZED (
    SELECT p.human, inside.township, coalesce(p.body ->> 'household', p.human) AS household, max(last.at) AS last_at
    FROM care.counted_profile p JOIN inside ON inside.area_id = p.body ->> 'area'
    LEFT JOIN LATERAL (
        SELECT o.effective_at AS at FROM care.reading o
        WHERE o.subject = p.subject AND o.effective_at < $2 AND o.time_confidence <> 'unknown'
        ORDER BY o.effective_at DESC LIMIT 1) last ON true
    WHERE NOT coalesce((p.body ->> 'synthetic')::boolean, false)
      AND coalesce(p.body ->> 'status', 'alive') NOT IN ('moved', 'deceased')
    GROUP BY 1, 2, 3
)
SELECT township, count(*)::integer AS managed, count(DISTINCT household)::integer AS households,
    count(last_at)::integer AS ever,
    count(*) FILTER (WHERE last_at >= $1)::integer AS measured,
    count(*) FILTER (WHERE last_at < $2::timestamptz - interval '30 days')::integer AS lost
FROM who GROUP BY township

-- name: crises
-- Confirmed cases of emergency rules that began in the week, of people who exist.
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
)
SELECT inside.township, count(*)::integer AS amount
FROM core.case c JOIN care.counted_profile p USING (subject) JOIN inside ON inside.area_id = p.body ->> 'area'
WHERE c.began_at >= $1 AND c.began_at < $2 AND c.is_confirmed AND c.priority = $3 AND c.state <> 'withdrawn'
  AND NOT coalesce((p.body ->> 'synthetic')::boolean, false)
GROUP BY 1

-- name: answers
-- How long institutions took to answer alerts of the week, in minutes; unanswered ones are not in the median, nor what
-- rang for somebody who withdrew. What rang for nobody known by name is.
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
)
SELECT inside.township, count(*)::integer AS alerts, count(l.acknowledged_at)::integer AS answered,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM l.acknowledged_at - l.taken_at) / 60)
        FILTER (WHERE l.acknowledged_at IS NOT NULL) AS minutes
FROM care.alert_life l JOIN core.alert k USING (alert_id) JOIN inside ON inside.area_id = l.area
LEFT JOIN core.profile f ON f.subject = k.subject LEFT JOIN care.counted_profile p ON p.subject = k.subject
WHERE l.taken_at >= $1 AND l.taken_at < $2 AND NOT k.synthetic AND (f.subject IS NULL OR p.subject IS NOT NULL)
GROUP BY 1

-- name: low_glucose
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
), person AS (
    SELECT inside.township, p.human, coalesce(p.body ->> 'household', p.human) AS household,
        bool_or(round(o.glucose::numeric, 1) < 3.9 OR coalesce(o.beyond ->> 'glucose', '') = 'below') AS low
    FROM care.reading o JOIN care.counted_profile p USING (subject) JOIN inside ON inside.area_id = p.body ->> 'area'
    WHERE o.effective_at >= $1 AND o.effective_at < $2 AND o.valid AND NOT o.possible_repeat
      AND o.time_confidence <> 'unknown' AND (o.glucose IS NOT NULL OR o.beyond ? 'glucose')
      AND NOT coalesce((p.body ->> 'synthetic')::boolean, false)
      AND p.body -> 'drug_classes' ? 'insulin'
    GROUP BY 1, 2, 3
)
SELECT township, count(*) FILTER (WHERE low)::integer AS amount, count(*)::integer AS people,
    count(DISTINCT household)::integer AS households
FROM person GROUP BY township

-- name: drug_gaps
-- Of those to whom drugs of a group were handed in the $2 days before the day $1: who has been without for more than
-- $3 days. A supply of one drug begins when the former one of it ends; one drug of the group is enough.
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
), supply AS (
    SELECT d.person_id, CASE WHEN d.atc LIKE 'A10%' THEN 'drug_gap_diabetes' ELSE 'drug_gap_hypertension' END AS indicator,
        d.handed_on + (sum(d.days) OVER (PARTITION BY d.person_id, d.atc ORDER BY d.handed_on DESC))::integer AS until
    FROM (SELECT coalesce(p.merged_into, p.person_id) AS person_id, g.handed_on, g.days, g.atc
        FROM care.dispensing g JOIN care.person p USING (person_id)) d
    WHERE d.handed_on >= $1::date - $2::integer AND d.handed_on < $1
      AND left(d.atc, 3) IN ('C02', 'C03', 'C07', 'C08', 'C09', 'A10')
), lasts AS (
    SELECT person_id, indicator, max(until) AS until FROM supply GROUP BY 1, 2
), home AS (
    SELECT inside.township, l.indicator, coalesce(f.body ->> 'household', p.subject) AS household, count(*) AS people,
        count(*) FILTER (WHERE $1::date - l.until > $3::integer) AS amount
    FROM lasts l JOIN care.person p USING (person_id) JOIN care.counted_profile f ON f.subject = p.subject
    JOIN inside ON inside.area_id = f.body ->> 'area'
    WHERE NOT coalesce((f.body ->> 'synthetic')::boolean, false)
      AND coalesce(f.body ->> 'status', 'alive') NOT IN ('moved', 'deceased', 'admitted')
    GROUP BY 1, 2, 3
)
SELECT township, indicator, sum(amount)::integer AS amount, sum(people)::integer AS people,
    count(*)::integer AS households, max(people)::float8 / sum(people)::float8 AS most_people,
    max(amount)::float8 / nullif(sum(amount), 0)::float8 AS most_amount
FROM home GROUP BY 1, 2

-- name: device_shifts
-- Device models, deliveries and hubs that began to read differently: always the first explanation tried.
SELECT kind, key, quantity, since, found_on, shift, moved, homes
FROM core.population_finding WHERE found_on >= $1 AND found_on < $2
ORDER BY found_on, kind, key

-- name: crossed_in_signals
-- What signals rest on of a week's days, as officers are told of it where it reaches the floor (showing.py).
SELECT s.area, c.indicator, max(c.observed) AS observed
FROM cdc.signal s JOIN cdc.signal_source c USING (signal_id)
WHERE s.last_day >= $1 AND s.first_day < $2::date + 7 AND NOT s.drill AND c.source = 'home'
  AND c.day >= $1 AND c.day < $2 AND c.day > s.first_day - 7 AND c.observed > c.upperbound AND c.backed
GROUP BY 1, 2

-- name: ages
-- How old the people are whom the county looks after: the standard that shares are weighted to.
SELECT CASE WHEN age IS NULL THEN '?' WHEN age < 45 THEN '0-44' WHEN age < 65 THEN '45-64'
    WHEN age < 75 THEN '65-74' ELSE '75+' END AS band, count(*)::integer AS people
FROM (SELECT $1 - (body ->> 'birth_year')::integer AS age FROM care.counted_profile
      WHERE subject = human AND NOT coalesce((body ->> 'synthetic')::boolean, false)) person
GROUP BY 1

-- name: monitored
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
)
SELECT inside.township, count(DISTINCT p.human)::integer AS people
FROM core.binding b
JOIN care.counted_profile p USING (subject)
JOIN inside ON inside.area_id = p.body ->> 'area'
WHERE b.valid_from < $2 AND (b.valid_to IS NULL OR b.valid_to > $1)
  AND NOT coalesce((p.body ->> 'synthetic')::boolean, false)
GROUP BY inside.township

-- name: put_cells
-- A number that says the same as the newest revision is not written again, nor that nothing can be said where nothing
-- was. Returns what was written.
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::date[], $4::float8[], $5::integer[], $6::integer[], $7::integer[],
        $8::float8[]) AS g (indicator, area, day, value, base, people, households, largest_share)
), newest AS (
    SELECT DISTINCT ON (c.indicator, c.area, c.day) c.*
    FROM cdc.count_cell c JOIN given g USING (indicator, area, day)
    WHERE c.source_id = $9
    ORDER BY c.indicator, c.area, c.day, c.revision DESC
)
INSERT INTO cdc.count_cell (indicator, area, day, source_id, revision, value, base, people, households,
                            largest_share, as_of)
SELECT g.indicator, g.area, g.day, $9, coalesce(n.revision, 0) + 1, g.value, g.base, g.people, g.households,
    g.largest_share, $10
FROM given g LEFT JOIN newest n USING (indicator, area, day)
WHERE (n.value, n.base, n.people, n.households, n.largest_share)
    IS DISTINCT FROM (g.value, g.base, g.people, g.households, g.largest_share)
  AND (n.value IS NOT NULL OR g.value IS NOT NULL)
RETURNING indicator, area, day, revision

-- name: silence_townships
-- Of a township all of whose people withdrew no number stays current, however old. Those who moved are counted elsewhere
-- from then on and the dead are counted as long as they lived: neither is taken out of former days here.
WITH RECURSIVE inside (area_id, township) AS (
    SELECT area_id, area_id FROM care.area WHERE level = 'township'
    UNION ALL
    SELECT a.area_id, inside.township FROM care.area a JOIN inside ON a.parent_id = inside.area_id
), silent AS MATERIALIZED (
    SELECT inside.township
    FROM core.profile f JOIN inside ON inside.area_id = f.body ->> 'area' LEFT JOIN care.counted_profile p USING (subject)
    WHERE NOT coalesce((f.body ->> 'synthetic')::boolean, false)
    GROUP BY 1 HAVING count(p.subject) = 0
), newest AS (
    SELECT DISTINCT ON (c.indicator, c.area, c.day) c.*
    FROM cdc.count_cell c JOIN silent ON silent.township = c.area
    WHERE c.indicator = ANY ($1::text[]) AND c.source_id = $3
    ORDER BY c.indicator, c.area, c.day, c.revision DESC
)
INSERT INTO cdc.count_cell (indicator, area, day, source_id, revision, value, base, people, households,
                            largest_share, as_of)
SELECT indicator, area, day, source_id, revision + 1, CASE WHEN indicator = ANY ($2::text[]) THEN NULL ELSE 0 END,
    base * 0, 0, households * 0, largest_share * 0, $4
FROM newest WHERE value <> 0 OR base <> 0 OR people <> 0 OR households <> 0
    OR (value IS NOT NULL AND indicator = ANY ($2::text[]))
RETURNING indicator, area, day, revision

-- name: cells
-- The newest revision that was known at $5, of each source apart; what was taken back is absent.
SELECT * FROM (
    SELECT DISTINCT ON (c.indicator, c.area, c.day, c.source_id)
        c.indicator, c.area, c.day, c.source_id, c.revision, c.value, c.base, c.people, c.households, c.largest_share,
        c.as_of
    FROM cdc.count_cell c
    WHERE c.indicator = ANY ($1::text[]) AND ($2::text[] IS NULL OR c.area = ANY ($2)) AND c.day >= $3 AND c.day < $4
      AND c.as_of <= $5
    ORDER BY c.indicator, c.area, c.day, c.source_id, c.revision DESC
) newest
WHERE value IS NOT NULL
ORDER BY indicator, area, day, source_id

-- name: sources
SELECT source_id, kind, name, area, delay_shares, weekdays, created_at, disabled_at FROM cdc.source
ORDER BY kind, source_id

-- name: disclosures
SELECT indicator, area, week_start, disclosure FROM cdc.release_cell WHERE week_start >= $1

-- name: levels
SELECT DISTINCT ON (indicator) indicator, level FROM cdc.release_level WHERE since <= $1
ORDER BY indicator, since DESC

-- name: declare_level
INSERT INTO cdc.release_level (indicator, since, level, declared_at) VALUES ($1, $2, $3, $4)

-- name: put_release
INSERT INTO cdc.release_cell (week_start, indicator, area, disclosure, people, monitored_up_to, detector, judgement,
                              expected, threshold, decided_at, floor)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: lock_release
SELECT pg_advisory_xact_lock(1212630339)
