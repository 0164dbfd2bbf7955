-- name: own_hub
SELECT b.hub FROM core.hub b JOIN care.person p ON p.household = b.household
WHERE p.person_id = $1 ORDER BY b.hub LIMIT 1

-- name: hub_status
SELECT reported_at, body::text AS body FROM core.hub_status WHERE hub = $1

-- name: last_pairing
SELECT body::text AS body FROM care.said
WHERE kind = 'pairing' AND body->>'hub' = $1 AND body->>'subject' = $2 AND created_at > $3
ORDER BY inbox_id DESC LIMIT 1

-- name: own_devices
SELECT DISTINCT device FROM core.binding
WHERE subject = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) ORDER BY device

-- name: append_inbox
INSERT INTO core.inbox (created_at, kind, body) VALUES ($1, $2, $3)

-- name: wake_core
SELECT pg_notify('hearthwatch_inbox', $1)
