-- name: set_contact
INSERT INTO care.contact (contact_id, account_id, channel, address, state, since)
SELECT $1, a.account_id, $3, $4, 'new', $5 FROM care.account a WHERE a.login = $2
ON CONFLICT (account_id, channel) DO UPDATE SET address = excluded.address, state = 'new', since = excluded.since,
    reached_at = NULL
RETURNING contact_id

-- name: end_drills
-- A drill of the former address says nothing of the new one, whether it is answered or not.
UPDATE care.drill d SET due_at = NULL, result = 'silent', detail = 'address changed'
FROM care.account a
WHERE a.account_id = d.account_id AND a.login = $1 AND d.channel = $2 AND d.due_at IS NOT NULL

-- name: end_keys
-- Whoever has the former address answers no alert with what was sent there.
DELETE FROM care.answer_link k USING care.account a
WHERE a.account_id = k.account_id AND a.login = $1
    AND EXISTS (SELECT FROM care.delivery d WHERE d.bundle = k.bundle AND d.channel = $2)

-- name: remove_contact
DELETE FROM care.contact c USING care.account a
WHERE a.account_id = c.account_id AND a.login = $1 AND c.channel = $2 RETURNING c.contact_id

-- name: set_duty_day
INSERT INTO care.duty_day (account_id, opens, closes, budget)
SELECT a.account_id, $2, $3, $4 FROM care.account a WHERE a.login = $1
ON CONFLICT (account_id) DO UPDATE SET opens = excluded.opens, closes = excluded.closes, budget = excluded.budget
RETURNING account_id

-- name: duty_day_of
SELECT opens, closes, budget FROM care.duty_day WHERE account_id = $1

-- name: staff_of
-- A member of staff by log-in, and whether this account may write of them: the own, or an administrator's below.
SELECT a.account_id, a.account_id = $2 OR ($3 AND s.institution_id IN (SELECT care.institutions_of($2))) AS mine
FROM care.account a JOIN care.staff s ON s.staff_id = a.staff_id WHERE a.login = $1

-- name: reach
SELECT a.login, coalesce(s.name, p.name, a.login) AS name, c.channel, c.state, c.since, c.reached_at
FROM care.contact c JOIN care.account a ON a.account_id = c.account_id
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
LEFT JOIN care.person p ON p.person_id = a.person_id
WHERE NOT a.disabled AND ($1::uuid IS NULL OR s.institution_id IN (SELECT care.institutions_of($1)))
ORDER BY c.state = 'dead' DESC, a.login, c.channel LIMIT 1000

-- name: unreachable
-- Staff with a working account and with addresses, all of them dead.
SELECT count(*) FROM care.account a
WHERE NOT a.disabled AND a.role IN ('village_doctor', 'family_doctor', 'county_duty')
    AND EXISTS (SELECT FROM care.contact c WHERE c.account_id = a.account_id)
    AND NOT EXISTS (SELECT FROM care.contact c WHERE c.account_id = a.account_id AND c.state <> 'dead')

-- name: plan_drills
-- Every address of staff that was not asked since an instant, and every new one, is asked at an hour when all work.
INSERT INTO care.drill (drill_id, account_id, channel, due_at, result, attempts, detail)
SELECT gen_random_uuid(), c.account_id, c.channel, $2, 'waiting', 0, ''
FROM care.contact c JOIN care.account a ON a.account_id = c.account_id AND NOT a.disabled AND a.staff_id IS NOT NULL
WHERE c.channel = ANY ($3::text[]) AND (c.since < $1 OR c.state = 'new')
    AND NOT EXISTS (SELECT FROM care.drill d WHERE d.account_id = c.account_id AND d.channel = c.channel
                    AND (d.due_at IS NOT NULL OR d.sent_at > CASE c.state WHEN 'new' THEN c.since ELSE $1 END))
RETURNING drill_id

-- name: claim_drill
-- What asks about an alert goes first on a channel.
UPDATE care.drill SET attempts = attempts + 1, due_at = $2
WHERE drill_id = (
    SELECT drill_id FROM care.drill
    WHERE due_at <= $1 AND result = 'waiting' AND channel = $3
        AND NOT EXISTS (SELECT FROM care.delivery d
                        WHERE d.channel = $3 AND d.next_attempt_at <= $1 AND d.account_id IS NOT NULL)
    ORDER BY due_at, drill_id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING drill_id, account_id, channel, attempts

-- name: drill_recipient
SELECT c.address, a.language FROM care.account a
LEFT JOIN care.contact c ON c.account_id = a.account_id AND c.channel = $2
WHERE a.account_id = $1

-- name: note_drill
UPDATE care.drill SET result = $2, due_at = $3, sent_at = coalesce($4, sent_at), detail = $5 WHERE drill_id = $1

-- name: silent_drills
UPDATE care.drill SET result = 'silent', due_at = NULL, detail = 'nobody answered'
WHERE due_at <= $1 AND result = 'sent' RETURNING account_id, channel

-- name: bury_contact
UPDATE care.contact SET state = 'dead', since = $3 WHERE account_id = $1 AND channel = $2 AND state <> 'dead'

-- name: answer_drill
UPDATE care.drill SET result = 'reached', due_at = NULL, answered_at = $2
WHERE drill_id = $1 AND detail <> 'address changed' RETURNING account_id, channel

-- name: revive_contact
UPDATE care.contact SET state = 'good', since = CASE WHEN state = 'good' THEN since ELSE $3 END, reached_at = $3
WHERE account_id = $1 AND channel = $2

-- name: last_drill
SELECT max(sent_at) FROM care.drill

-- name: next_drill
SELECT min(due_at) FROM care.drill WHERE due_at IS NOT NULL AND (result = 'sent' OR channel = ANY ($1::text[]))
