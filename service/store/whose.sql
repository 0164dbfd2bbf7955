-- name: waiting
-- Each record once, however often its device has sent it; not while an answer is on its way to the core.
SELECT DISTINCT ON (q.identity) q.quarantine_id, q.identity, h.household, h.clinic,
       coalesce(i.name, d.address, h.household) AS place, q.device, q.user_slot, q.effective_at,
       q.point::text AS point
FROM care.homes_of($1, $2) h
JOIN core.quarantine q ON q.subject = 'home:' || h.household
LEFT JOIN care.household d ON d.household_id = h.household
LEFT JOIN care.institution i ON i.institution_id = h.clinic
WHERE q.settled_at IS NULL AND q.effective_at >= $3 AND q.reason IN ('unknown_user', 'unknown_device')
  AND NOT EXISTS (
      SELECT FROM care.said n
      JOIN core.quarantine k ON k.quarantine_id = (n.body->>'quarantine_id')::bigint
      WHERE n.applied_at IS NULL AND n.kind IN ('assign', 'dismiss') AND k.identity = q.identity)
  AND NOT EXISTS (
      SELECT FROM care.not_me n JOIN care.account a ON a.person_id = n.person_id
      WHERE a.account_id = $1 AND n.identity = q.identity)
ORDER BY q.identity, q.quarantine_id
LIMIT 500

-- name: choices
SELECT DISTINCT h.household, p.person_id, p.subject, p.name, p.birth_year
FROM care.homes_of($1, $2) h
CROSS JOIN LATERAL care.may_be($1, h.household, h.clinic, $2) p
WHERE h.household = ANY ($3::text[])
ORDER BY h.household, p.subject

-- name: not_me
INSERT INTO care.not_me (identity, person_id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: slots
WITH members AS (
    SELECT h.household, p.subject
    FROM care.homes_of($1, $2) h JOIN care.person p ON p.household = h.household
    WHERE h.clinic IS NULL
), worn AS (
    SELECT m.household, b.device, b.user_slot, b.subject, b.valid_from, b.binding_id
    FROM members m JOIN core.binding b ON b.subject = m.subject
    WHERE b.valid_from <= $3 AND (b.valid_to IS NULL OR b.valid_to > $3)
), seen AS (
    SELECT household, device, user_slot FROM worn WHERE user_slot IS NOT NULL
    UNION
    SELECT m.household, o.device, o.user_slot
    FROM members m JOIN care.reading o ON o.subject = m.subject AND o.effective_at >= $4
    WHERE o.user_slot IS NOT NULL
    UNION
    SELECT h.household, q.device, q.user_slot
    FROM care.homes_of($1, $2) h
    JOIN core.quarantine q ON q.subject = 'home:' || h.household AND q.effective_at >= $4
    WHERE h.clinic IS NULL AND q.user_slot IS NOT NULL AND q.reason = 'unknown_user'
)
SELECT s.household, coalesce(d.address, s.household) AS place, s.device, s.user_slot,
       (SELECT w.subject FROM worn w
        WHERE w.device = s.device AND (w.user_slot = s.user_slot OR w.user_slot IS NULL)
        ORDER BY (w.user_slot IS NULL), w.valid_from DESC, w.binding_id DESC LIMIT 1) AS subject,
       (SELECT w.subject FROM worn w WHERE w.device = s.device AND w.user_slot IS NULL
        ORDER BY w.valid_from DESC, w.binding_id DESC LIMIT 1) AS otherwise
FROM seen s LEFT JOIN care.household d ON d.household_id = s.household
ORDER BY place, s.device, s.user_slot

-- name: own_code
SELECT p.code, k.key FROM care.person p CROSS JOIN care.code_key k WHERE p.person_id = $1

-- name: renew_code
UPDATE care.person SET code = gen_random_uuid() WHERE person_id = $1

-- name: settled_since
-- What became of the measurements that a home's alert rests on.
SELECT DISTINCT q.effective_at, q.dismissed, p.name, q.settled_at
FROM core.alert k
JOIN core.quarantine q ON q.subject = k.subject AND q.settled_at IS NOT NULL
    AND position(q.identity IN k.evidence) > 0
LEFT JOIN care.person p ON p.subject = q.assigned_to
WHERE k.alert_id = $2 AND care.may_read($1, k.subject, $3)
ORDER BY q.effective_at
