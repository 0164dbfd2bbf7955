-- name: doubted
-- Not while an answer is on its way to the core. A patient is asked about the own readings, and about those
-- of the home of which their first owner has said "not me" while several others use the device.
SELECT s.identity, p.household, coalesce(d.address, p.household) AS place, s.device, s.user_slot,
       s.effective_at, s.point::text AS point, s.subject, p.name, o.name AS other_name, s.waits,
       ARRAY(SELECT DISTINCT b.subject FROM core.binding b
             WHERE b.device = s.device AND b.subject <> s.subject AND b.valid_from <= s.effective_at
               AND (b.valid_to IS NULL OR b.valid_to > s.effective_at)
             ORDER BY b.subject) AS others
FROM care.account a
JOIN care.homes_of($1, $2) h ON h.clinic IS NULL
JOIN care.person p ON p.household = h.household
JOIN core.suspicion s ON s.subject = p.subject AND s.answer IS NULL AND s.effective_at >= $3
LEFT JOIN care.person o ON o.subject = s.other
LEFT JOIN care.household d ON d.household_id = h.household
WHERE a.account_id = $1
  AND (a.person_id IS NULL OR a.person_id = p.person_id OR EXISTS (
      SELECT FROM care.not_me n WHERE n.identity = s.identity AND n.person_id = p.person_id))
  AND NOT EXISTS (
      SELECT FROM care.said n
      WHERE n.applied_at IS NULL AND n.kind = 'owner' AND n.body->>'identity' = s.identity)
  AND NOT EXISTS (
      SELECT FROM care.not_me n WHERE n.identity = s.identity AND n.person_id = a.person_id)
ORDER BY place, s.device, s.user_slot, s.effective_at, s.identity
LIMIT 200

-- name: not_me
INSERT INTO care.not_me (identity, person_id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
