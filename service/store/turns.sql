-- name: clinic_hubs
SELECT h.hub, i.name AS clinic_name, i.institution_id AS clinic
FROM care.account a
JOIN care.staff s ON s.staff_id = a.staff_id
JOIN core.hub h ON h.clinic = s.institution_id
JOIN care.institution i ON i.institution_id = h.clinic
WHERE a.account_id = $1 AND NOT a.disabled
ORDER BY h.hub

-- name: residents
SELECT p.person_id, p.subject, p.name, p.birth_year
FROM care.may_be($1, NULL, $2, $3) p
WHERE $4 = '' OR strpos(p.name, $4) > 0 OR p.person_id IN (SELECT w.person_id FROM care.name_word w WHERE w.word = $6)
ORDER BY p.subject LIMIT $5 -- the order of names: once they are readable

-- name: code_key
SELECT key FROM care.code_key

-- name: person_of_code
SELECT subject, name FROM care.person WHERE code = $1 AND status NOT IN ('deceased', 'moved')

-- name: resident
SELECT p.subject, p.name FROM care.may_be($1, NULL, $2, $3) p WHERE p.person_id = $4

-- name: present_turn
-- The core's last turn, or a later one that is on its way to it.
SELECT t.begins_at, p.subject, p.name FROM (
    SELECT begins_at, subject, 0 AS later FROM core.turn WHERE hub = $1 AND begins_at <= $2
    UNION ALL
    SELECT (body->>'begins_at')::timestamptz, body->>'subject', inbox_id FROM care.said
    WHERE applied_at IS NULL AND kind = 'turn' AND body->>'hub' = $1
) t
LEFT JOIN care.person p ON p.subject = t.subject
ORDER BY t.begins_at DESC, t.later DESC LIMIT 1

-- name: turn_readings
SELECT o.identity, o.device, o.kind, o.effective_at, o.received_at, o.time_confidence, o.origin, o.valid,
    o.possible_repeat, o.rings_by_arrival, o.flags, o.detail
FROM core.turn_reading r
JOIN core.turn t USING (hub, begins_at)
JOIN care.reading o ON o.subject = t.subject AND o.identity = r.identity::uuid
    AND o.effective_at >= t.begins_at - interval '1 day'
WHERE r.hub = $1 AND r.begins_at = $2
ORDER BY o.effective_at

-- name: knows_hub
SELECT EXISTS (SELECT FROM core.hub WHERE hub = $1)

-- name: knows_clinic
SELECT EXISTS (SELECT FROM care.institution WHERE institution_id = $1)
