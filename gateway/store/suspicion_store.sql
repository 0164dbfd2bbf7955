-- Readings of shared devices that may be somebody else's. Identities are hex digits here.

-- name: sharing
-- Every binding of the devices that these subjects, and others too, have ever worn.
SELECT b.device, b.user_slot, b.subject, b.valid_from, b.valid_to
FROM core.binding b
WHERE b.device IN (
    SELECT m.device FROM core.binding m JOIN core.binding o ON o.device = m.device
        AND o.subject <> m.subject
    WHERE m.subject = ANY ($1::text[]))
ORDER BY b.binding_id;

-- name: of_subjects
SELECT point::text AS point, subject, other, ratio, waits, answer
FROM core.suspicion WHERE subject = ANY ($1::text[]);

-- name: doubt
WITH doubted AS (
    INSERT INTO core.suspicion (identity, claimed_at, subject, other, device, user_slot,
        effective_at, point, ratio, waits)
    SELECT t.identity, o.claimed_at, t.subject, t.other, o.device, o.user_slot, o.effective_at,
        t.point::jsonb, t.ratio, t.waits
    FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::float8[],
        $7::boolean[]) AS t (identity, subject, other, effective_at, point, ratio, waits)
    JOIN core.observation o ON o.subject = t.subject AND o.effective_at = t.effective_at
        AND replace(o.identity::text, '-', '') = t.identity
    ON CONFLICT (identity) DO UPDATE
    SET other = excluded.other, ratio = excluded.ratio, waits = excluded.waits,
        point = excluded.point
    RETURNING identity, claimed_at, waits
)
UPDATE core.observation o SET valid = NOT d.waits
FROM doubted d WHERE o.claimed_at = d.claimed_at
    AND replace(o.identity::text, '-', '') = d.identity
RETURNING o.hub;

-- name: trust
WITH trusted AS (
    DELETE FROM core.suspicion WHERE identity = ANY ($1::text[]) AND answer IS NULL
    RETURNING identity, claimed_at
)
UPDATE core.observation o SET valid = true
FROM trusted t WHERE o.claimed_at = t.claimed_at
    AND replace(o.identity::text, '-', '') = t.identity
RETURNING o.hub;

-- name: by_identity
SELECT point::text AS point, subject, other, ratio, waits, answer
FROM core.suspicion WHERE identity = $1;

-- name: answer
WITH answered AS (
    UPDATE core.suspicion SET answer = $2, answered_by = $3, answered_at = $4
    WHERE identity = $1 AND answer IS NULL
    RETURNING identity, claimed_at
)
UPDATE core.observation o SET subject = $2, valid = true
FROM answered a WHERE o.claimed_at = a.claimed_at
    AND replace(o.identity::text, '-', '') = a.identity
RETURNING o.hub;

-- name: asking
SELECT s.point::text AS point
FROM core.suspicion s
JOIN core.observation o ON o.claimed_at = s.claimed_at
    AND replace(o.identity::text, '-', '') = s.identity
WHERE s.answer IS NULL AND s.effective_at >= $2 AND o.hub = $1
ORDER BY s.effective_at DESC, s.identity;
