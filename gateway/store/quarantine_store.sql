-- name: newest
SELECT quarantine_id, recorded_at, hub, lane, sequence, reason, field, detail, payload
FROM core.quarantine ORDER BY quarantine_id DESC LIMIT $1;
