-- name: forget_applications
DELETE FROM care.enrolment WHERE expires_at < $1

-- name: applications_since
SELECT count(*) FILTER (WHERE address = $1) AS by_address, count(*) FILTER (WHERE state = 'pending') AS pending
FROM care.enrolment WHERE created_at > $2

-- name: apply
INSERT INTO care.enrolment (device_code, user_code, request, fingerprint, software, address, created_at, expires_at,
    interval_s, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending') ON CONFLICT (user_code) DO NOTHING

-- name: lock_application
SELECT state, request, fingerprint, hub, expires_at, polled_at, interval_s, decided_by
FROM care.enrolment WHERE device_code = $1 FOR UPDATE

-- name: note_poll
UPDATE care.enrolment SET polled_at = $2, interval_s = $3 WHERE device_code = $1

-- name: take
UPDATE care.enrolment SET state = 'taken', polled_at = $2 WHERE device_code = $1

-- name: application
SELECT user_code, fingerprint, software, address, created_at, expires_at
FROM care.enrolment WHERE user_code = $1 AND state = 'pending' AND expires_at > $2

-- name: decide
UPDATE care.enrolment SET state = $2, hub = $3, decided_by = $4, decided_at = $5
WHERE user_code = $1 AND state = 'pending' AND expires_at > $5 RETURNING fingerprint

-- name: household_place
-- The address by itself: sealed, it is opened on the way here.
SELECT h.household_id AS id, h.area, a.name AS place, h.address
FROM care.household h JOIN care.area a ON a.area_id = h.area WHERE h.household_id = $1

-- name: clinic_place
SELECT i.institution_id AS id, i.area, i.name AS place FROM care.institution i WHERE i.institution_id = $1

-- name: clinics
SELECT institution_id AS id, area, name AS place FROM care.institution WHERE level IN ('village', 'township')
ORDER BY name, institution_id LIMIT 500

-- name: put_identity
INSERT INTO care.hub_identity (hub, household, clinic, enrolled_at, enrolled_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (hub) DO UPDATE SET household = excluded.household, clinic = excluded.clinic,
    enrolled_at = excluded.enrolled_at, enrolled_by = excluded.enrolled_by, revoked_at = NULL, revoked_by = NULL

-- name: identity
SELECT i.hub, i.household, i.clinic, i.revoked_at, coalesce(h.area, c.area) AS area
FROM care.hub_identity i
LEFT JOIN care.household h ON h.household_id = i.household
LEFT JOIN care.institution c ON c.institution_id = i.clinic
WHERE i.hub = $1

-- name: put_certificate
INSERT INTO care.hub_certificate (serial, hub, fingerprint, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5)

-- name: revoke_certificates
UPDATE care.hub_certificate SET revoked_at = $2 WHERE hub = $1 AND revoked_at IS NULL RETURNING serial

-- name: revoke_identity
UPDATE care.hub_identity SET revoked_at = $2, revoked_by = $3 WHERE hub = $1 AND revoked_at IS NULL RETURNING hub

-- name: renewable
SELECT c.hub, max(c.issued_at) AS issued_at, max(c.expires_at) AS expires_at
FROM care.hub_certificate c JOIN care.hub_identity i ON i.hub = c.hub
WHERE c.fingerprint = $1 AND c.revoked_at IS NULL AND i.revoked_at IS NULL
GROUP BY c.hub ORDER BY issued_at DESC LIMIT 1

-- name: hubs
SELECT i.hub, i.enrolled_at, i.revoked_at, i.clinic IS NOT NULL AS is_clinic, coalesce(i.household, c.name) AS place,
    (SELECT max(k.expires_at) FROM care.hub_certificate k WHERE k.hub = i.hub AND k.revoked_at IS NULL) AS expires_at
FROM care.hub_identity i LEFT JOIN care.institution c ON c.institution_id = i.clinic
WHERE position($1 IN i.hub || ' ' || coalesce(i.household, c.name)) > 0
ORDER BY i.enrolled_at DESC, i.hub LIMIT 500

-- name: want
UPDATE care.broker_access SET wanted = wanted + 1 RETURNING wanted

-- name: wake_keeper
SELECT pg_notify('hearthwatch_access', '')

-- name: access
SELECT wanted, applied, applied_at FROM care.broker_access

-- name: applied
UPDATE care.broker_access SET applied = $1, applied_at = $2 WHERE applied < $1

-- name: revoked
SELECT serial, revoked_at FROM care.hub_certificate WHERE revoked_at IS NOT NULL AND expires_at > $1 ORDER BY serial

-- name: shut_out
SELECT i.hub FROM care.hub_identity i WHERE i.revoked_at IS NOT NULL AND EXISTS
    (SELECT FROM care.hub_certificate c WHERE c.hub = i.hub AND c.expires_at > $1) ORDER BY i.hub

-- name: password_lines
SELECT password_line FROM care.device_credential
WHERE password_line IS NOT NULL AND revoked_at IS NULL ORDER BY device

-- name: sessions_to_end
SELECT DISTINCT hub FROM care.hub_certificate WHERE revoked_at IS NOT NULL AND NOT session_ended AND expires_at > $1
ORDER BY hub

-- name: session_ended
UPDATE care.hub_certificate SET session_ended = true WHERE hub = $1 AND revoked_at <= $2

-- name: offer_claim
INSERT INTO care.device_credential (device, claim, claim_until, created_at, created_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (device) DO UPDATE SET claim = excluded.claim, claim_until = excluded.claim_until

-- name: claim
UPDATE care.device_credential SET claim = NULL, claim_until = NULL, claimed_at = $2, revoked_at = NULL
WHERE claim = $1 AND claim_until > $2 RETURNING device

-- name: set_password
UPDATE care.device_credential SET password_line = $2 WHERE device = $1

-- name: revoke_device
UPDATE care.device_credential SET revoked_at = $2, claim = NULL, claim_until = NULL, password_line = NULL
WHERE device = $1 AND revoked_at IS NULL RETURNING device

-- name: devices
SELECT device, created_at, claimed_at, revoked_at, claim_until FROM care.device_credential
ORDER BY created_at DESC, device LIMIT 500

-- name: note_refused
INSERT INTO care.refused_speech (client, claimed, hour, times, last_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (client, claimed, hour) DO UPDATE
SET times = greatest(refused_speech.times, excluded.times), last_at = greatest(refused_speech.last_at, excluded.last_at)

-- name: forget_refused
DELETE FROM care.refused_speech WHERE last_at < $1

-- name: refused_lately
SELECT client, claimed, hour, times, last_at FROM care.refused_speech WHERE last_at >= $1
ORDER BY last_at DESC, client, claimed LIMIT 50
