-- name: factors
SELECT factor_id, kind, created_at, confirmed_at, last_used_at, secret, last_step, credential, public_key, sign_count
FROM care.second_factor WHERE account_id = $1 ORDER BY created_at, factor_id

-- name: drop_offered
DELETE FROM care.second_factor WHERE account_id = $1 AND kind = 'totp' AND confirmed_at IS NULL

-- name: offer_app
INSERT INTO care.second_factor (factor_id, account_id, kind, created_at, secret) VALUES ($1, $2, 'totp', $3, $4)

-- name: confirm
UPDATE care.second_factor SET confirmed_at = $2 WHERE factor_id = $1 AND confirmed_at IS NULL

-- name: used_app
-- Two requests with one code: the second finds the step used.
UPDATE care.second_factor SET last_step = $2, last_used_at = $3
WHERE factor_id = $1 AND (last_step IS NULL OR last_step < $2) RETURNING factor_id

-- name: add_passkey
INSERT INTO care.second_factor (factor_id, account_id, kind, created_at, confirmed_at, credential, public_key, sign_count)
VALUES ($1, $2, 'passkey', $3, $3, $4, $5, $6) ON CONFLICT (credential) DO NOTHING RETURNING factor_id

-- name: used_passkey
UPDATE care.second_factor SET sign_count = $2, last_used_at = $3 WHERE factor_id = $1

-- name: remove
DELETE FROM care.second_factor WHERE factor_id = $1 AND account_id = $2 RETURNING kind

-- name: set_challenge
UPDATE care.session SET challenge = $2 WHERE token_hash = $1

-- name: take_challenge
-- Once: what was signed for a challenge is worth nothing a second time.
UPDATE care.session s SET challenge = NULL FROM (SELECT token_hash, challenge FROM care.session WHERE token_hash = $1 FOR UPDATE) o
WHERE s.token_hash = o.token_hash RETURNING o.challenge

-- name: sealed_secrets
SELECT factor_id, secret FROM care.second_factor WHERE secret IS NOT NULL
