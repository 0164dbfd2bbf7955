-- name: put_consent
INSERT INTO care.consent (person_id, purpose, given, at, said_by) VALUES ($1, $2, $3, $4, $5)

-- name: withdraw
-- Under every registration of this person.
INSERT INTO care.withdrawal (person_id, purpose, since)
SELECT s.person_id, $2, $3 FROM care.same_person($1) AS s (person_id) ON CONFLICT DO NOTHING

-- name: give
DELETE FROM care.withdrawal WHERE person_id IN (SELECT care.same_person($1)) AND purpose = $2

-- name: uncounted
SELECT count(*) AS people, max(since) AS since FROM care.withdrawal WHERE purpose = 'counts'

-- name: withdrawals
SELECT purpose, since, stopped_at FROM care.withdrawal WHERE person_id = $1

-- name: to_stop
-- Not while an urgent alert about them is open, under whichever registration: it runs to its outcome.
SELECT w.person_id, p.subject FROM care.withdrawal w JOIN care.person p ON p.person_id = w.person_id
WHERE w.purpose = 'care' AND w.stopped_at IS NULL AND NOT EXISTS (
    SELECT FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
    WHERE l.person_id IN (SELECT care.same_person(w.person_id)) AND l.state <> 'closed' AND k.priority >= 3)
ORDER BY w.since LIMIT 100 FOR UPDATE OF w SKIP LOCKED

-- name: worn
SELECT DISTINCT device, user_slot FROM core.binding
WHERE subject = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2) ORDER BY device, user_slot

-- name: stopped
UPDATE care.withdrawal SET stopped_at = $2 WHERE person_id = $1 AND purpose = 'care'

-- name: open_urgent
SELECT EXISTS (
    SELECT FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
    WHERE l.person_id IN (SELECT care.same_person($1)) AND l.state <> 'closed' AND k.priority >= 3)

-- name: readers
-- Who has read about a person or the own home, why, and how often, newest day first. A row may be about several.
SELECT (a.at AT TIME ZONE $3)::date AS day, max(a.at) AS last_at, count(DISTINCT coalesce(a.request::text, a.audit_id::text)) AS times,
       s.name, i.name AS institution, coalesce(c.role, 'operator') AS role, y.because,
       (SELECT g.reason FROM care.glass g WHERE y.because = 'break_glass' AND g.account_id = a.account_id
            AND g.person_id = $1 AND g.opened_at <= max(a.at) ORDER BY g.opened_at DESC LIMIT 1) AS reason
FROM care.audit a
CROSS JOIN LATERAL (
    SELECT a.because WHERE a.subject = ANY ($2::text[]) AND a.action NOT LIKE 'refused%'
    UNION
    SELECT u.because FROM unnest(a.subjects, a.reasons) AS u (subject, because) WHERE u.subject = ANY ($2::text[])) y
LEFT JOIN care.account c ON c.account_id = a.account_id
LEFT JOIN care.staff s ON s.staff_id = c.staff_id
LEFT JOIN care.institution i ON i.institution_id = s.institution_id
WHERE (c.account_id IS NOT NULL OR a.detail ? 'operator') -- who reads by a command has no account
  AND (a.subject = ANY ($2::text[]) OR a.subjects && $2::text[]) AND c.person_id IS DISTINCT FROM $1
GROUP BY 1, a.account_id, s.name, i.name, c.role, y.because
ORDER BY day DESC, last_at DESC LIMIT 100

-- name: by_name
SELECT person_id, subject, name FROM care.person
WHERE (name = $1 OR person_id IN (SELECT w.person_id FROM care.name_word w WHERE w.word = $3)) AND birth_year = $2 AND merged_into IS NULL AND status NOT IN ('deceased', 'moved') LIMIT 50

-- name: put_glass
INSERT INTO care.glass (glass_id, account_id, person_id, reason, opened_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)

-- name: sweep_glass
UPDATE care.glass SET ended_at = expires_at WHERE ended_at IS NULL AND expires_at <= $1

-- name: glasses
SELECT g.glass_id, p.subject, p.name AS person_name, s.name AS staff_name, i.name AS institution, g.reason,
       g.opened_at, g.expires_at, g.ended_at, g.account_id = $1 AS own
FROM care.glass g
JOIN care.person p ON p.person_id = g.person_id
JOIN care.account a ON a.account_id = g.account_id
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
LEFT JOIN care.institution i ON i.institution_id = s.institution_id
WHERE g.account_id = $1 OR $2
ORDER BY g.opened_at DESC LIMIT 100

-- name: household
SELECT household FROM care.person WHERE person_id = $1

-- name: open_below_urgent
-- What is open below urgent about people who withdrew: of all alerts, or of those that are named.
SELECT l.alert_id FROM care.withdrawal w
JOIN care.alert_life l ON l.person_id = w.person_id AND l.state <> 'closed'
JOIN core.alert k ON k.alert_id = l.alert_id AND k.priority < 3
WHERE w.purpose = 'care' AND ($1::uuid[] IS NULL OR l.alert_id = ANY ($1))
ORDER BY l.alert_id LIMIT $2 FOR UPDATE OF l SKIP LOCKED

-- name: cases_over
-- Cases of alerts that ended, of which nothing is open any more.
SELECT DISTINCT l.case_id FROM care.alert_life l
WHERE l.alert_id = ANY ($1::uuid[]) AND NOT EXISTS (
    SELECT FROM care.alert_life o WHERE o.case_id = l.case_id AND o.state <> 'closed')
ORDER BY l.case_id

-- name: ask_no_more
-- Nobody looks back at what helped somebody who withdrew.
UPDATE care.follow_up f SET due_at = NULL
FROM care.withdrawal w JOIN care.alert_life l ON l.person_id = w.person_id
WHERE w.purpose = 'care' AND f.alert_id = l.alert_id AND f.due_at IS NOT NULL
