-- What the population models read (committed rows only) and what they found. Never the core's batch.

-- name: first_day
-- Nothing is recorded before it was measured, give or take $3.
SELECT min((o.effective_at AT TIME ZONE $1)::date) FROM core.observation o
WHERE o.recorded_at >= $2::timestamptz - $3::interval AND o.effective_at >= $2;

-- name: readings
-- The key, and a hypertable's chunks, lie in the order of what devices claim: most claim about the right time.
SELECT replace(o.identity::text, '-', '') AS identity, o.subject, o.device, o.hub, o.effective_at,
    o.kind, o.systolic, o.diastolic, o.pulse, o.glucose, p.body::text AS profile
FROM core.observation o JOIN core.profile p USING (subject)
WHERE o.claimed_at >= $1::timestamptz - $3::interval AND o.claimed_at < $2::timestamptz + $3::interval
    AND o.claimed_at BETWEEN o.effective_at - $3::interval AND o.effective_at + $3::interval
    AND o.effective_at >= $1 AND o.effective_at < $2
    AND o.valid AND NOT o.possible_repeat AND o.time_confidence <> 'unknown'
    AND o.kind IN ('85354-9', '14743-9')
    AND NOT coalesce((p.body ->> 'synthetic')::boolean, false)
    AND NOT EXISTS (SELECT FROM core.suspicion d
        WHERE d.identity = replace(o.identity::text, '-', '') AND d.answer IS NULL);

-- name: misclaimed
-- Of clocks that are far off, all others: they are found by when they were recorded.
SELECT replace(o.identity::text, '-', '') AS identity, o.subject, o.device, o.hub, o.effective_at,
    o.kind, o.systolic, o.diastolic, o.pulse, o.glucose, p.body::text AS profile
FROM core.observation o JOIN core.profile p USING (subject)
WHERE o.recorded_at >= $1::timestamptz - $3::interval
    AND o.claimed_at NOT BETWEEN o.effective_at - $3::interval AND o.effective_at + $3::interval
    AND o.effective_at >= $1 AND o.effective_at < $2
    AND o.valid AND NOT o.possible_repeat AND o.time_confidence <> 'unknown'
    AND o.kind IN ('85354-9', '14743-9')
    AND NOT coalesce((p.body ->> 'synthetic')::boolean, false)
    AND NOT EXISTS (SELECT FROM core.suspicion d
        WHERE d.identity = replace(o.identity::text, '-', '') AND d.answer IS NULL);

-- name: position
SELECT learned_through FROM core.population_position;

-- name: move
INSERT INTO core.population_position (learned_through) VALUES ($1)
ON CONFLICT (only_one) DO UPDATE SET learned_through = excluded.learned_through;

-- name: keep_finding
INSERT INTO core.population_finding
    (kind, key, quantity, since, found_on, shift, moved, homes, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING;

-- name: unscored
SELECT a.alert_id::text AS alert_id, a.evidence,
    (SELECT max(o.effective_at) FROM core.observation o
     WHERE o.subject = a.subject AND o.effective_at < a.effective_at - $2::interval) AS before
FROM core.alert a
WHERE a.raised_at >= $1 AND a.kind = 'physiological'
    AND NOT EXISTS (SELECT FROM core.alert_rank r WHERE r.alert_id = a.alert_id)
ORDER BY a.raised_at, a.alert_id
LIMIT 200;

-- name: rank
INSERT INTO core.alert_rank (alert_id, percentile, stratum, readings, ranked_at)
VALUES ($1::text::uuid, $2, $3, $4, $5)
ON CONFLICT DO NOTHING;
