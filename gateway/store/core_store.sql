-- What the streaming core reads and writes. Times come in as arguments (design D4).

-- name: first_claims
-- A record without device time has no claim of its own: its first arrival decides.
INSERT INTO core.seen (identity, claimed_at)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
ON CONFLICT (identity) DO UPDATE SET claimed_at = core.seen.claimed_at
RETURNING identity, claimed_at;

-- name: keep_observations
-- The columns in the order of gateway/store/reading_row.py. Nearly always all are new ($24 of them), and then
-- their names need not come back.
WITH kept AS (INSERT INTO core.observation (
    claimed_at, identity, subject, device, user_slot, kind, effective_at, time_confidence,
    received_at, recorded_at, origin, valid, possible_repeat, rings_by_arrival, systolic, diastolic,
    pulse, glucose, number, beyond, flags, hub, detail)
SELECT claimed_at, identity, subject, device, user_slot, kind, effective_at, time_confidence,
    received_at, $1::timestamptz, origin, valid, possible_repeat, rings_by_arrival, systolic,
    diastolic, pulse, glucose, number, beyond::jsonb, flags, hub, detail
FROM unnest(
    $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::integer[], $7::text[],
    $8::timestamptz[], $9::text[], $10::timestamptz[], $11::text[], $12::boolean[], $13::boolean[],
    $14::boolean[], $15::float8[], $16::float8[], $17::float8[], $18::float8[], $19::float8[],
    $20::text[], $21::text[], $22::text[], $23::bytea[]
) AS t (claimed_at, identity, subject, device, user_slot, kind, effective_at, time_confidence,
    received_at, origin, valid, possible_repeat, rings_by_arrival, systolic, diastolic, pulse,
    glucose, number, beyond, flags, hub, detail)
ON CONFLICT DO NOTHING
RETURNING identity)
SELECT CASE WHEN count(*) < $24::integer THEN coalesce(array_agg(identity), '{}') END AS identities FROM kept;

-- name: keep_aside
INSERT INTO core.quarantine
    (recorded_at, hub, epoch, lane, sequence, reason, field, detail, payload, subject,
    effective_at, point, user_slot, assigned_to, dismissed, settled_by, settled_at)
SELECT $1::timestamptz, t.hub, t.epoch, t.lane, t.sequence, t.reason, t.field, t.detail, t.payload,
    t.subject, t.effective_at, t.point::jsonb, t.user_slot, s.assigned_to, s.dismissed,
    s.settled_by, s.settled_at
FROM unnest(
    $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[],
    $9::bytea[], $10::text[], $11::timestamptz[], $12::text[], $13::integer[])
    AS t (hub, epoch, lane, sequence, reason, field, detail, payload, subject, effective_at, point,
        user_slot)
LEFT JOIN LATERAL (
    (SELECT q.assigned_to, q.dismissed, q.settled_by, q.settled_at FROM core.quarantine q
     WHERE q.identity = t.point::jsonb ->> 'identity' AND q.settled_at IS NOT NULL LIMIT 1)
    UNION ALL
    (SELECT n.subject, NULL, 'turn', n.begins_at
     FROM core.turn_reading r JOIN core.turn n USING (hub, begins_at)
     WHERE r.identity = t.point::jsonb ->> 'identity' LIMIT 1)
    LIMIT 1
) s ON true
ON CONFLICT DO NOTHING;

-- name: strangers
-- Besides what was measured since $2: what was told within $4 before now, or before the wait that
-- is over was to end, and what was measured within $4 around it, however long ago that was.
SELECT DISTINCT q.subject, q.point::text AS point
FROM (
    SELECT home.subject, min(told.effective_at) AS since
    FROM unnest($1::text[]) AS home (subject)
    LEFT JOIN core.subject_state s ON s.subject = home.subject
    LEFT JOIN core.quarantine told ON told.subject = home.subject AND told.settled_at IS NULL
        AND told.recorded_at >= least(s.next_wake_at, $3) - $4::interval
    GROUP BY home.subject
) heard
JOIN core.quarantine q ON q.subject = heard.subject
    AND q.effective_at >= least($2, heard.since - $4::interval)
WHERE q.settled_at IS NULL;

-- name: windows
-- And what rings by its arrival, however long ago its device says that it was (decision D12).
SELECT o.subject, o.identity, o.device, o.kind, o.effective_at, o.received_at, o.time_confidence,
    o.origin, o.valid, o.possible_repeat, o.rings_by_arrival, o.flags, o.detail
FROM unnest($1::text[], $2::timestamptz[]) AS wanted (subject, since)
JOIN core.observation o ON o.subject = wanted.subject AND o.effective_at >= wanted.since
UNION ALL
SELECT o.subject, o.identity, o.device, o.kind, o.effective_at, o.received_at, o.time_confidence,
    o.origin, o.valid, o.possible_repeat, o.rings_by_arrival, o.flags, o.detail
FROM unnest($1::text[], $2::timestamptz[]) AS wanted (subject, since)
JOIN core.observation o ON o.subject = wanted.subject AND o.received_at >= wanted.since
    AND o.rings_by_arrival AND o.effective_at < wanted.since;

-- name: open_cases
SELECT case_id::text, subject, family, rule_id, priority, state, opened_at, last_point_at,
    last_rang_at, ended_at, outcome, limb, facts::text AS facts, began_at, decided_at, decided_on,
    is_confirmed
FROM core.case WHERE state = 'open' AND subject = ANY ($1::text[]);

-- name: last_closings
SELECT DISTINCT ON (subject, family) case_id::text, subject, family, rule_id, priority, state,
    opened_at, last_point_at, last_rang_at, ended_at, outcome, limb, facts::text AS facts,
    began_at, decided_at, decided_on, is_confirmed
FROM core.case WHERE state = 'closed' AND subject = ANY ($1::text[])
ORDER BY subject, family, ended_at DESC;

-- name: cases_since
-- Those that were open at some time after an instant, each person's own.
SELECT c.case_id::text, c.subject, c.family, c.rule_id, c.priority, c.state, c.opened_at, c.last_point_at,
    c.last_rang_at, c.ended_at, c.outcome, c.limb, c.facts::text AS facts, c.began_at, c.decided_at,
    c.decided_on, c.is_confirmed
FROM unnest($1::text[], $2::timestamptz[]) AS wanted (subject, since)
JOIN core.case c ON c.subject = wanted.subject AND (c.ended_at IS NULL OR c.ended_at > wanted.since);

-- name: taken_into
SELECT alert_id::text AS alert_id, case_id::text AS case_id, rule_id, stage, trigger, limb, priority,
    effective_at, due_at, began_at, dated, facts::text AS facts, is_lost
FROM core.taken WHERE case_id = ANY ($1::text[]::uuid[]) AND trigger IS NOT NULL;

-- name: case_by_id
SELECT case_id::text, subject, family, rule_id, priority, state, opened_at, last_point_at,
    last_rang_at, ended_at, outcome, limb, facts::text AS facts, began_at, decided_at, decided_on,
    is_confirmed
FROM core.case WHERE case_id = $1::text::uuid;

-- name: write_cases
INSERT INTO core.case (case_id, subject, family, rule_id, priority, state, opened_at,
    last_point_at, last_rang_at, ended_at, outcome, limb, facts, began_at, decided_at, decided_on,
    is_confirmed)
SELECT case_id::uuid, subject, family, rule_id, priority, state, opened_at, last_point_at,
    last_rang_at, ended_at, outcome, limb, facts::jsonb, began_at, decided_at, decided_on,
    is_confirmed
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[],
    $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::text[],
    $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::text[], $17::boolean[])
    AS t (case_id, subject, family, rule_id, priority, state, opened_at, last_point_at,
        last_rang_at, ended_at, outcome, limb, facts, began_at, decided_at, decided_on,
        is_confirmed)
ON CONFLICT (case_id) DO UPDATE
SET rule_id = excluded.rule_id, priority = excluded.priority, state = excluded.state,
    last_point_at = excluded.last_point_at, last_rang_at = excluded.last_rang_at,
    ended_at = excluded.ended_at, outcome = excluded.outcome, limb = excluded.limb,
    facts = excluded.facts, began_at = excluded.began_at, decided_at = excluded.decided_at,
    decided_on = excluded.decided_on, is_confirmed = excluded.is_confirmed;

-- name: known_alerts
SELECT alert_id::text AS alert_id FROM core.alert WHERE alert_id = ANY ($1::text[]::uuid[])
UNION ALL
SELECT alert_id::text FROM core.taken WHERE alert_id = ANY ($1::text[]::uuid[]);

-- name: lost_alerts
SELECT alert_id::text AS alert_id FROM core.taken WHERE alert_id = ANY ($1::text[]::uuid[]) AND is_lost;

-- name: write_taken
INSERT INTO core.taken (alert_id, case_id, rule_id, stage, trigger, limb, priority, effective_at, due_at,
    began_at, dated, facts, is_lost, taken_at)
SELECT alert_id::uuid, case_id::uuid, rule_id, stage, trigger, limb, priority, effective_at, due_at,
    began_at, dated, facts::jsonb, is_lost, $14::timestamptz
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[],
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::text[], $13::boolean[])
    AS t (alert_id, case_id, rule_id, stage, trigger, limb, priority, effective_at, due_at, began_at,
        dated, facts, is_lost)
ON CONFLICT (alert_id) DO UPDATE
SET case_id = excluded.case_id, limb = excluded.limb, due_at = excluded.due_at,
    began_at = excluded.began_at, dated = excluded.dated, facts = excluded.facts,
    is_lost = excluded.is_lost;

-- name: write_unasked
INSERT INTO core.taken (alert_id, taken_at)
SELECT alert_id::uuid, $2::timestamptz FROM unnest($1::text[]) AS t (alert_id)
ON CONFLICT (alert_id) DO NOTHING;

-- name: write_alerts
INSERT INTO core.alert (alert_id, case_id, subject, kind, priority, family, rule_id, rule_version,
    rule_hash, stage, dated, raised_at, effective_at, synthetic, evidence)
SELECT alert_id::uuid, case_id::uuid, subject, kind, priority, family, rule_id, rule_version,
    rule_hash, stage, dated, raised_at, effective_at, synthetic, evidence
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::text[],
    $7::text[], $8::integer[], $9::text[], $10::text[], $11::boolean[], $12::timestamptz[],
    $13::timestamptz[], $14::boolean[], $15::text[])
    AS t (alert_id, case_id, subject, kind, priority, family, rule_id, rule_version, rule_hash,
        stage, dated, raised_at, effective_at, synthetic, evidence)
ON CONFLICT (alert_id) DO NOTHING
RETURNING alert_id::text AS alert_id;

-- name: write_outbox
INSERT INTO core.outbox (alert_id, created_at)
SELECT alert_id::uuid, $2::timestamptz FROM unnest($1::text[]) AS t (alert_id)
ON CONFLICT (alert_id) DO NOTHING;

-- name: write_receipts
INSERT INTO core.receipt (hub, epoch, lane, through)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
ON CONFLICT (hub, epoch, lane) DO UPDATE SET through = excluded.through;

-- name: notify
SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS t (channel, payload);

-- name: receipts
SELECT hub, epoch, lane, through FROM core.receipt;

-- name: hubs
SELECT hub, household, area, secret, clinic FROM core.hub;
