-- name: issue
INSERT INTO care.ingest_token (token_id, token_hash, device, created_at) VALUES ($1, $2, $3, $4)

-- name: device_of
SELECT device FROM care.ingest_token WHERE token_hash = $1 AND revoked_at IS NULL

-- name: revoke
UPDATE care.ingest_token SET revoked_at = $2
WHERE revoked_at IS NULL AND (token_id::text = $1 OR device = $1)
RETURNING token_id

-- name: tokens
SELECT token_id, device, created_at, revoked_at FROM care.ingest_token ORDER BY device, created_at

-- name: county_area
SELECT area_id FROM care.area WHERE level = 'county' ORDER BY area_id LIMIT 1
