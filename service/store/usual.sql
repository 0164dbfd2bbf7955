-- name: person_of_subject
SELECT person_id FROM care.person WHERE subject = $1

-- name: may_read
SELECT care.may_read_past($1, $2, $3)

-- name: state
SELECT s.layout, s.state, p.body::text AS profile
FROM core.subject_state s LEFT JOIN core.profile p ON p.subject = s.subject WHERE s.subject = $1

-- name: anchors
SELECT quantity, mean, readings, from_day, set_at, reason FROM core.series_anchor
WHERE subject = $1 ORDER BY set_at DESC, anchor_id DESC LIMIT 20

-- name: week
-- What has a baseline stands in columns; a censored value stands in none and teaches nothing.
SELECT o.identity::text AS identity, o.device, o.kind, o.effective_at, o.received_at, o.time_confidence,
       o.origin, o.valid, o.flags, o.systolic, o.diastolic, o.pulse, o.glucose
FROM care.reading o
WHERE o.subject = $1 AND o.effective_at >= $2 AND o.effective_at < $3
ORDER BY o.effective_at, o.identity

-- name: last_sure
-- What is compared with the usual is what may be learned: valid, dated, and nobody asks whose it is.
SELECT DISTINCT ON (o.kind) o.identity, o.effective_at, o.kind, o.systolic, o.diastolic, o.pulse,
       o.glucose, o.valid, o.time_confidence, o.flags, o.number, o.beyond::text AS beyond
FROM care.reading o
WHERE o.subject = ANY (ARRAY(SELECT p.subject FROM care.person p WHERE p.person_id IN (
    SELECT care.same_person((SELECT person_id FROM care.person WHERE subject = $1)))) || $1::text)
  AND o.effective_at >= $2 AND o.valid AND NOT o.possible_repeat AND o.time_confidence <> 'unknown'
  AND NOT EXISTS (SELECT FROM core.suspicion d
                  WHERE d.identity = replace(o.identity::text, '-', '') AND d.answer IS NULL)
ORDER BY o.kind, o.effective_at DESC, o.identity
