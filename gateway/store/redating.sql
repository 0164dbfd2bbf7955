-- A repeated record that knows its time or its context where the row that came first does not (decisions D47, D53).

-- name: lacking
-- Rows without a time; of those whose repetition has a context ($3) only their words tell whether they lack it.
SELECT o.claimed_at, o.identity, o.subject, o.device, o.user_slot, o.kind, o.effective_at, o.time_confidence,
    o.received_at, o.origin, o.valid, o.possible_repeat, o.rings_by_arrival, o.flags, o.hub, o.detail
FROM unnest($1::timestamptz[], $2::uuid[], $3::boolean[]) AS t (claimed_at, identity, whole)
JOIN core.observation o ON o.claimed_at = t.claimed_at AND o.identity = t.identity
WHERE o.time_confidence = 'unknown' OR t.whole;

-- name: mend
-- The columns in the order of gateway/store/reading_row.py, then whether it is judged as if it were new: whoever
-- follows the commits finds it with those of now.
UPDATE core.observation o
SET kind = t.kind, effective_at = t.effective_at, time_confidence = t.time_confidence,
    received_at = t.received_at, origin = t.origin, valid = t.valid, rings_by_arrival = t.rings_by_arrival,
    systolic = t.systolic, diastolic = t.diastolic, pulse = t.pulse, glucose = t.glucose, number = t.number,
    beyond = t.beyond::jsonb, flags = t.flags, hub = t.hub, detail = t.detail,
    recorded_at = CASE WHEN t.anew THEN $1::timestamptz ELSE o.recorded_at END
FROM unnest(
    $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::integer[], $7::text[],
    $8::timestamptz[], $9::text[], $10::timestamptz[], $11::text[], $12::boolean[], $13::boolean[],
    $14::boolean[], $15::float8[], $16::float8[], $17::float8[], $18::float8[], $19::float8[],
    $20::text[], $21::text[], $22::text[], $23::bytea[], $24::boolean[]
) AS t (claimed_at, identity, subject, device, user_slot, kind, effective_at, time_confidence,
    received_at, origin, valid, possible_repeat, rings_by_arrival, systolic, diastolic, pulse,
    glucose, number, beyond, flags, hub, detail, anew)
WHERE o.claimed_at = t.claimed_at AND o.identity = t.identity AND o.subject = t.subject;
