-- A repeated record that knows its time better than the row that came first (decision D47).

-- name: undated
SELECT o.identity
FROM unnest($1::timestamptz[], $2::uuid[]) AS t (claimed_at, identity)
JOIN core.observation o ON o.claimed_at = t.claimed_at AND o.identity = t.identity
WHERE o.time_confidence = 'unknown';

-- name: redate
UPDATE core.observation o
SET effective_at = t.effective_at, time_confidence = t.time_confidence,
    received_at = t.received_at, origin = t.origin, rings_by_arrival = t.rings_by_arrival,
    hub = t.hub, detail = t.detail,
    -- Now it is judged as if it were new: whoever follows the commits finds it with those of now.
    recorded_at = CASE WHEN t.time_confidence = 'unknown' THEN o.recorded_at ELSE $11::timestamptz END
FROM unnest(
    $1::timestamptz[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::timestamptz[],
    $7::text[], $8::boolean[], $9::text[], $10::bytea[]
) AS t (claimed_at, identity, subject, effective_at, time_confidence, received_at, origin,
    rings_by_arrival, hub, detail)
WHERE o.claimed_at = t.claimed_at AND o.identity = t.identity AND o.subject = t.subject
    AND o.time_confidence = 'unknown'
    AND (t.time_confidence <> 'unknown' OR t.received_at < o.received_at)
RETURNING o.identity, o.time_confidence <> 'unknown' AS dated;
