-- name: home_of_hub
SELECT household FROM core.hub WHERE hub = $1

-- name: clinic_devices
SELECT DISTINCT device FROM core.pairing
WHERE hub = $1 AND subject = $2 AND state = 'paired' AND device IS NOT NULL ORDER BY device
