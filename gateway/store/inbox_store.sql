-- Applying what the service appended (design D3), in order.

-- name: waiting
SELECT inbox_id, kind, body::text AS body FROM core.inbox
WHERE applied_at IS NULL ORDER BY inbox_id LIMIT $1;

-- name: done
-- A hub's key was on its way only: core.hub keeps it.
UPDATE core.inbox SET applied_at = $2, refused = $3,
    body = CASE WHEN kind = 'hub' THEN body - 'secret_hex' ELSE body END
WHERE inbox_id = $1;

-- name: append_mark
INSERT INTO core.inbox (created_at, kind, body) VALUES ($1, 'mark', $2::text::jsonb);

-- name: last_reports
SELECT hub, reported_at FROM core.hub_status WHERE hub = ANY ($1::text[]);

-- name: other_devices
SELECT DISTINCT device FROM core.binding WHERE subject = $1 AND device <> $2;

-- name: set_profile
INSERT INTO core.profile (subject, body, valid_from) VALUES ($1, $2::text::jsonb, $3)
ON CONFLICT (subject) DO UPDATE SET body = excluded.body, valid_from = excluded.valid_from;

-- name: end_binding
UPDATE core.binding SET valid_to = $3
WHERE device = $1 AND user_slot IS NOT DISTINCT FROM $2 AND valid_to IS NULL AND valid_from < $3;

-- name: drop_future_binding
DELETE FROM core.binding
WHERE device = $1 AND user_slot IS NOT DISTINCT FROM $2 AND valid_to IS NULL AND valid_from >= $3;

-- name: add_binding
INSERT INTO core.binding (device, user_slot, subject, valid_from, valid_to)
VALUES ($1, $2, $3, $4, $5);

-- name: set_hub
INSERT INTO core.hub (hub, household, area, secret) VALUES ($1, $2, $3, $4)
ON CONFLICT (hub) DO UPDATE
SET household = excluded.household, area = excluded.area, secret = excluded.secret;

-- name: set_clinic
UPDATE core.hub SET clinic = $2 WHERE hub = $1;

-- name: hubs_of_alert
-- Where the measurement came in that an alert rests on: a clinic's hub, or one that takes in devices of
-- other homes, sounds too and must hear that somebody knows.
SELECT o.hub
FROM core.alert a JOIN core.observation o ON o.subject = a.subject
    AND a.effective_at IN (o.effective_at, o.received_at) -- a doubtful clock rings by its arrival
WHERE a.alert_id = $1::text::uuid
UNION
SELECT q.hub FROM core.alert a JOIN core.quarantine q ON q.subject = a.subject AND q.effective_at = a.effective_at
WHERE a.alert_id = $1::text::uuid;

-- name: begin_turn
INSERT INTO core.turn (hub, begins_at, subject) VALUES ($1, $2, $3)
ON CONFLICT (hub, begins_at) DO UPDATE SET subject = excluded.subject;

-- name: set_pairing
INSERT INTO core.pairing (session, hub, subject, started_at, until, state, device, cause)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (session) DO UPDATE
SET state = excluded.state, device = coalesce(excluded.device, core.pairing.device),
    cause = excluded.cause;

-- name: pairing
SELECT session, hub, subject, started_at, until, state, device, cause
FROM core.pairing WHERE session = $1;

-- name: command
SELECT version, issued_at, body::text AS body, acknowledged_version
FROM core.hub_command WHERE hub = $1;

-- name: set_command
INSERT INTO core.hub_command (hub, version, issued_at, body) VALUES ($1, $2, $3, $4::text::jsonb)
ON CONFLICT (hub) DO UPDATE
SET version = excluded.version, issued_at = excluded.issued_at, body = excluded.body;

-- name: acknowledge_command
UPDATE core.hub_command SET acknowledged_version = greatest(acknowledged_version, $2)
WHERE hub = $1 AND (acknowledged_version < $2 OR version < least($2, $3))
RETURNING version < least($2, $3);

-- name: highest_version
-- A database put back from a copy has issued less than its hub obeys, and perhaps nothing yet.
SELECT greatest(coalesce(c.version, 0), least(coalesce(c.acknowledged_version, 0), $2::bigint),
                least(coalesce((s.body ->> 'command_version')::numeric, 0), $2::bigint))::bigint
FROM core.hub b LEFT JOIN core.hub_command c ON c.hub = b.hub
LEFT JOIN core.hub_status s ON s.hub = b.hub
WHERE b.hub = $1;

-- name: set_status
INSERT INTO core.hub_status (hub, reported_at, body) VALUES ($1, $2, $3::text::jsonb)
ON CONFLICT (hub) DO UPDATE SET reported_at = excluded.reported_at,
    -- A last will says only that the line broke: what the hub told before stands.
    body = CASE WHEN excluded.body -> 'online' = 'false'
                THEN hub_status.body || jsonb_build_object('online', false)
                ELSE excluded.body END;

-- name: limits_of_hub
SELECT b.device, b.user_slot, p.body->>'targets' AS limits
FROM core.hub h
JOIN core.profile p ON p.body->>'household' = h.household
JOIN core.binding b ON b.subject = p.subject AND b.valid_to IS NULL
WHERE h.hub = $1 AND coalesce(p.body->'targets', '{}') <> '{}'
ORDER BY b.device, b.user_slot;

-- name: devices_of_hub
-- Devices whose wearer lives in the hub's household: the hub may synchronise these.
SELECT DISTINCT b.device
FROM core.hub h
JOIN core.profile p ON p.body->>'household' = h.household
JOIN core.binding b ON b.subject = p.subject AND b.valid_to IS NULL
WHERE h.hub = $1
UNION
-- A shared device of which somebody said "ask each time" (a binding that ends as it begins).
SELECT b.device
FROM core.hub h
JOIN core.profile p ON p.body->>'household' = h.household
JOIN core.binding b ON b.subject = p.subject AND b.user_slot IS NOT NULL AND b.valid_to = b.valid_from
WHERE h.hub = $1
    AND NOT EXISTS (SELECT FROM core.binding o WHERE o.device = b.device AND o.valid_to IS NULL)
UNION
-- A clinic's own devices are worn by nobody.
SELECT p.device
FROM core.pairing p JOIN core.hub h ON h.hub = p.hub
WHERE p.hub = $1 AND h.clinic IS NOT NULL AND p.state = 'paired' AND p.device IS NOT NULL
    AND p.subject LIKE 'home:%'
ORDER BY device;
