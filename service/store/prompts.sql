-- Prompts at home: what a rule says there without asking for any clinician, and to whom it may.

-- name: mark
SELECT looked_until FROM care.prompt_mark FOR UPDATE

-- name: set_mark
UPDATE care.prompt_mark SET looked_until = $1

-- name: new_readings
-- Those of the instant looked at last too: it may have had more than one batch.
SELECT o.subject, o.identity, o.effective_at, o.kind, o.systolic, o.diastolic, o.pulse, o.glucose, o.valid,
       o.time_confidence, o.flags, o.number, o.beyond::text AS beyond, o.device, o.received_at, o.origin, o.recorded_at
FROM care.reading o
WHERE o.recorded_at >= $1 AND o.kind = ANY ($4::text[])
  AND o.effective_at + interval '0' BETWEEN $2 AND $3 -- by no index: all of (subject, effective_at) would be read
ORDER BY o.effective_at, o.identity

-- name: readings_since
SELECT o.identity, o.effective_at, o.kind, o.systolic, o.diastolic, o.pulse, o.glucose, o.valid,
       o.time_confidence, o.flags, o.number, o.beyond::text AS beyond, o.device, o.received_at, o.origin
FROM care.reading o
WHERE o.subject = $1 AND o.effective_at > $2 AND o.effective_at <= $3
ORDER BY o.effective_at DESC, o.identity DESC LIMIT 50

-- name: profiles
SELECT subject, body::text AS body FROM core.profile WHERE subject = ANY ($1::text[])

-- name: covered
-- Another reading of the same bout was answered already.
SELECT EXISTS (SELECT FROM care.prompt
               WHERE subject = $1 AND rule_id = $2 AND reading <> $3 AND measured_at > $4 AND measured_at < $5)

-- name: readers
-- The person ($1, as registered; $2 the registration that holds) and who may follow them, each with a page of
-- their own. Nobody where the person has taken back the consent to care.
SELECT p.person_id, a.account_id, p.person_id = $2 AS is_own
FROM care.person p
CROSS JOIN LATERAL (SELECT c.account_id FROM care.account c
                    WHERE c.person_id IN (SELECT care.same_person(p.person_id)) AND NOT c.disabled
                    ORDER BY c.person_id = p.person_id DESC, c.login LIMIT 1) a
WHERE p.status <> 'deceased' AND p.merged_into IS NULL
  AND NOT EXISTS (SELECT FROM care.withdrawal w WHERE w.person_id IN ($1, $2) AND w.purpose = 'care')
  AND (p.person_id = $2 OR EXISTS (
      SELECT FROM care.follower f JOIN care.person o ON o.person_id = $2
      WHERE f.person_id IN ($1, $2) AND f.follower = p.person_id AND f.ended_at IS NULL
        AND o.household = p.household AND o.status <> 'deceased'))
ORDER BY is_own DESC, p.person_id

-- name: add_prompt
INSERT INTO care.prompt (prompt_id, about, reader, account_id, subject, rule_id, rule_version, rule_hash, family,
                         reading, measured_at, step, due_at, state, text_zh, text_en)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'waiting', $14, $15)
ON CONFLICT (prompt_id) DO NOTHING RETURNING prompt_id

-- name: due_prompts
SELECT q.prompt_id, q.about, q.reader, q.account_id, q.subject, q.rule_id, q.measured_at, q.due_at,
       (SELECT p.subject FROM care.person p WHERE p.person_id = q.reader) AS reader_subject
FROM care.prompt q WHERE q.state = 'waiting' AND q.due_at <= $1
ORDER BY q.due_at, q.prompt_id LIMIT 100 FOR UPDATE OF q SKIP LOCKED

-- name: end_prompt
UPDATE care.prompt SET state = $2, told_at = $3 WHERE prompt_id = $1

-- name: add_deliveries
-- On every way that leads to the reader and that this process has.
INSERT INTO care.prompt_delivery (delivery_id, prompt_id, account_id, channel, state, attempts, next_attempt_at, detail)
SELECT gen_random_uuid(), $1, $2, c.channel, 'pending', 0, $3, ''
FROM care.contact c WHERE c.account_id = $2 AND c.channel = ANY ($4::text[]) AND c.state <> 'dead'

-- name: claim
UPDATE care.prompt_delivery SET attempts = attempts + 1, next_attempt_at = $3
WHERE delivery_id = (
    SELECT delivery_id FROM care.prompt_delivery
    WHERE next_attempt_at <= $1 AND channel = ANY ($2::text[])
    ORDER BY next_attempt_at, delivery_id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING delivery_id, prompt_id, account_id, channel, attempts

-- name: recipient
SELECT c.address, a.language FROM care.account a
LEFT JOIN care.contact c ON c.account_id = a.account_id AND c.channel = $2 AND c.state <> 'dead'
WHERE a.account_id = $1 AND NOT a.disabled

-- name: note
UPDATE care.prompt_delivery SET state = $2, next_attempt_at = $3, delivered_at = $4, detail = $5
WHERE delivery_id = $1

-- name: next_due
SELECT least((SELECT min(due_at) FROM care.prompt WHERE state = 'waiting'),
             (SELECT min(next_attempt_at) FROM care.prompt_delivery WHERE next_attempt_at IS NOT NULL))

-- name: relatives
-- Who else of the home has a page, and since when they may follow.
SELECT p.person_id, p.name, f.since
FROM care.person o
JOIN care.person p ON p.household = o.household AND p.person_id <> o.person_id AND p.status <> 'deceased'
    AND p.merged_into IS NULL
LEFT JOIN care.follower f ON f.person_id = o.person_id AND f.follower = p.person_id AND f.ended_at IS NULL
WHERE o.person_id = $1 AND EXISTS (SELECT FROM care.account a WHERE a.person_id = p.person_id AND NOT a.disabled)
ORDER BY p.name, p.person_id

-- name: let_follow
INSERT INTO care.follower (person_id, follower, since)
SELECT o.person_id, p.person_id, $3 FROM care.person o JOIN care.person p ON p.household = o.household
WHERE o.person_id = $1 AND p.person_id = $2 AND p.person_id <> o.person_id
  AND EXISTS (SELECT FROM care.account a WHERE a.person_id = p.person_id AND NOT a.disabled)
ON CONFLICT (person_id, follower) WHERE ended_at IS NULL DO NOTHING
RETURNING since

-- name: end_following
UPDATE care.follower SET ended_at = $3 WHERE person_id = $1 AND follower = $2 AND ended_at IS NULL RETURNING since
