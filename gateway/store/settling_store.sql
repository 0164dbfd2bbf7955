-- Measurements of nobody in particular, and how they came to somebody.

-- name: kept
SELECT quarantine_id, recorded_at, hub, epoch, lane, sequence, payload, subject AS home, device,
    user_slot, identity, effective_at, coalesce(assigned_to, dismissed) AS settled_as
FROM core.quarantine WHERE quarantine_id = $1;

-- name: kept_since
-- What the same slot of the same device has measured since, each record once.
SELECT DISTINCT ON (identity) quarantine_id, recorded_at, hub, epoch, lane, sequence, payload,
    subject AS home, device, user_slot, identity, effective_at,
    coalesce(assigned_to, dismissed) AS settled_as
FROM core.quarantine
WHERE subject = $1 AND effective_at >= $4 AND device = $2 AND user_slot IS NOT DISTINCT FROM $3
    AND settled_at IS NULL
ORDER BY identity, quarantine_id;

-- name: owner_of_record
-- An undated record's claim is its first arrival's (core.seen).
SELECT o.subject FROM core.observation o
WHERE o.identity = $1::uuid
    AND o.claimed_at = coalesce((SELECT s.claimed_at FROM core.seen s WHERE s.identity = $1::uuid), $2);

-- name: assign
UPDATE core.quarantine SET assigned_to = $2, settled_by = $3, settled_at = $4
WHERE identity = $1 AND settled_at IS NULL;

-- name: dismiss
UPDATE core.quarantine SET dismissed = $2, settled_by = $3, settled_at = $4
WHERE identity = $1 AND settled_at IS NULL;

-- name: settled_records
SELECT DISTINCT identity, assigned_to FROM core.quarantine
WHERE subject = $1 AND effective_at >= $2;

-- name: alerts_of_case
SELECT alert_id::text AS alert_id, rule_id, stage FROM core.alert WHERE case_id = $1::text::uuid;

-- name: move_case
UPDATE core.case SET subject = $2 WHERE case_id = $1::text::uuid;

-- name: move_taken
UPDATE core.taken SET case_id = $2::text::uuid WHERE case_id = $1::text::uuid;

-- name: turns
SELECT t.hub, t.begins_at, t.subject,
    least(t.begins_at + $4::interval,
        (SELECT min(n.begins_at) FROM core.turn n WHERE n.hub = t.hub AND n.begins_at > t.begins_at)
    ) AS ends_at
FROM core.turn t
WHERE t.hub = ANY ($1::text[]) AND t.begins_at > $2::timestamptz - $4::interval AND t.begins_at <= $3
ORDER BY t.hub, t.begins_at;

-- name: turn_readings
SELECT hub, begins_at, device, identity FROM core.turn_reading
WHERE hub = ANY ($1::text[]) AND begins_at > $2::timestamptz - $4::interval AND begins_at <= $3;

-- name: use_turns
INSERT INTO core.turn_reading (hub, begins_at, device, identity)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]);
