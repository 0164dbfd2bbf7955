-- Packs of the county (gateway/pack_book.py).

-- name: packs
SELECT pack_id, name, version, digest, text, state, signatures::text AS signatures, proposed_by,
    proposed_at, live_since, ended_at
FROM core.pack ORDER BY pack_id;

-- name: add
INSERT INTO core.pack (name, version, digest, text, state, signatures, proposed_by, proposed_at)
VALUES ($1, $2, $3, $4, 'candidate', '[]', $5, $6)
ON CONFLICT (digest) WHERE state = 'candidate' DO NOTHING;

-- name: end_live
UPDATE core.pack SET state = $2, ended_at = $3 WHERE name = $1 AND state = 'live';

-- name: begin_live
UPDATE core.pack SET state = 'live', live_since = $2, ended_at = NULL, signatures = $3::text::jsonb
WHERE pack_id = $1;

-- name: withdraw
UPDATE core.pack SET state = 'withdrawn', ended_at = $2 WHERE pack_id = $1;

-- name: resting
SELECT rule_id FROM core.rule_rest ORDER BY rule_id;

-- name: rest
INSERT INTO core.rule_rest (rule_id, since, put_by) VALUES ($1, $2, $3) ON CONFLICT (rule_id) DO NOTHING;

-- name: wake
DELETE FROM core.rule_rest WHERE rule_id = $1;
