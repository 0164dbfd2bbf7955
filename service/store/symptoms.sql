-- name: recent
-- What was measured, under whichever registration of the person.
SELECT o.identity, o.effective_at, o.kind, o.systolic, o.diastolic, o.pulse, o.glucose, o.valid,
       o.time_confidence, o.flags, o.number, o.beyond::text AS beyond, o.device, o.received_at, o.origin
FROM care.reading o
WHERE o.subject = ANY (ARRAY(SELECT p.subject FROM care.person p WHERE p.person_id IN (SELECT care.same_person($1))))
  AND o.effective_at >= $2 AND o.effective_at <= $3
ORDER BY o.effective_at DESC, o.identity LIMIT 50

-- name: profile
SELECT body::text AS body FROM core.profile WHERE subject = $1

-- name: told
SELECT t.symptoms, t.fine, t.teller, t.at FROM care.symptom_told t
WHERE t.person_id IN (SELECT care.same_person($1)) AND t.at >= $2
ORDER BY t.at DESC, t.told_id LIMIT 10

-- name: keep
INSERT INTO care.symptom_told (told_id, person_id, alert_id, account_id, teller, symptoms, fine, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (told_id) DO NOTHING
RETURNING told_id

-- name: of_person
SELECT p.person_id, p.subject FROM care.person p
WHERE p.person_id = $2 AND care.cares_for($1, p.person_id, $3)

-- name: of_alert
-- About whom an alert is, for an account that may read it, or to which a message of it was sent: somebody of the home.
SELECT p.person_id, p.subject, a.person_id IS NULL AS by_staff
FROM care.alert_life l
JOIN core.alert k ON k.alert_id = l.alert_id
JOIN care.person p ON p.subject = k.subject
JOIN care.account a ON a.account_id = $1 AND NOT a.disabled
WHERE l.alert_id = $2 AND l.state <> 'closed' AND (
    a.staff_id IS NOT NULL AND care.may_read($1, k.subject, $3)
    OR EXISTS (SELECT FROM care.delivery d WHERE d.alert_id = l.alert_id AND d.account_id = $1
               AND d.state = 'delivered'))

-- name: of_prompt
-- About whom a rule has said something at home lately, for the account to which it said it.
SELECT p.person_id, p.subject, false AS by_staff
FROM care.prompt q JOIN care.person p ON p.person_id = q.about
JOIN care.account a ON a.account_id = $1 AND NOT a.disabled
WHERE q.prompt_id = $2 AND q.account_id = $1 AND q.state = 'told' AND q.told_at >= $3

-- name: followed
-- Others of whom somebody who follows them was told lately; the newest word of each.
SELECT DISTINCT ON (q.about) q.prompt_id AS alert_id, p.person_id, p.subject, q.told_at AS raised_at
FROM care.prompt q
JOIN care.account a ON a.account_id = q.account_id AND NOT a.disabled
JOIN care.person p ON p.person_id = q.about
WHERE q.account_id = $1 AND q.reader <> q.about AND q.state = 'told' AND q.told_at >= $2
ORDER BY q.about, q.told_at DESC, q.prompt_id

-- name: at_home
-- Open alerts about others of which somebody at home was told.
SELECT k.alert_id, p.person_id, p.subject, max(k.raised_at) AS raised_at
FROM care.delivery d
JOIN care.account a ON a.account_id = d.account_id
JOIN care.alert_life l ON l.alert_id = d.alert_id
JOIN core.alert k ON k.alert_id = d.alert_id
JOIN care.person p ON p.subject = k.subject
WHERE d.account_id = $1 AND d.state = 'delivered' AND NOT a.disabled AND l.state <> 'closed'
  AND k.raised_at >= $2 AND p.person_id <> a.person_id
GROUP BY k.alert_id, p.person_id, p.subject
ORDER BY raised_at DESC, k.alert_id LIMIT 5

-- name: open_of_person
SELECT l.alert_id FROM care.alert_life l
WHERE l.person_id IN (SELECT care.same_person($1)) AND l.state <> 'closed' ORDER BY l.alert_id LIMIT 20
