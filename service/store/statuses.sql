-- Alive, admitted, away, moved, deceased, palliative: said by whom, from when to when, and what holds now.

-- name: person_for_update
SELECT person_id, subject, status, merged_into FROM care.person WHERE person_id = $1 FOR UPDATE

-- name: may_say
-- A person says that they are away or back; who cares for them says the rest.
SELECT EXISTS (SELECT FROM care.account a
    WHERE a.account_id = $1 AND NOT a.disabled
      AND a.person_id IN (SELECT care.same_person($2)) AND $3::text IN ('away', 'alive'))
    OR care.cares_for($1, $2, $4)
    OR EXISTS (SELECT FROM care.person p JOIN care.delivery d ON d.account_id = $1 AND d.channel = 'page'
        JOIN care.alert_life l ON l.alert_id = d.alert_id AND l.state <> 'closed'
        WHERE p.person_id = $2 AND l.person_id IN (SELECT care.same_person($2)))

-- name: say
INSERT INTO care.person_status (status_id, person_id, status, starts_at, expires_at, source, said_by, said_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: due
-- What is to begin or to expire, the earliest first. One at a time: a transaction each.
SELECT status_id, person_id, status, starts_at, expires_at, began_at FROM care.person_status
WHERE ended_at IS NULL AND (
    (began_at IS NULL AND starts_at <= $1) OR (began_at IS NOT NULL AND expires_at <= $1))
ORDER BY CASE WHEN began_at IS NULL THEN starts_at ELSE expires_at END, status_id LIMIT 1
FOR UPDATE SKIP LOCKED

-- name: next_due
SELECT least(
    (SELECT min(starts_at) FROM care.person_status WHERE began_at IS NULL AND ended_at IS NULL),
    (SELECT min(expires_at) FROM care.person_status
     WHERE began_at IS NOT NULL AND ended_at IS NULL AND expires_at IS NOT NULL))

-- name: remember
-- What the registry said before anybody was asked: what a stay away returns to.
INSERT INTO care.person_status (status_id, person_id, status, starts_at, source, said_at, began_at)
SELECT $1, p.person_id, p.status, $3, 'register', $3, $3 FROM care.person p
WHERE p.person_id = $2 AND p.status NOT IN ('alive', 'admitted', 'away') AND NOT EXISTS (
    SELECT FROM care.person_status h WHERE h.person_id = p.person_id AND h.began_at IS NOT NULL AND h.ended_at IS NULL)

-- name: subject_of
SELECT subject FROM care.person WHERE person_id = $1

-- name: begin
UPDATE care.person_status SET began_at = $2 WHERE status_id = $1

-- name: end_one
UPDATE care.person_status SET ended_at = $2 WHERE status_id = $1

-- name: end_others
-- What holds until further notice ends everything else; a stay away ends only another stay away.
UPDATE care.person_status SET ended_at = $3
WHERE person_id = $1 AND status_id <> $2 AND ended_at IS NULL
  AND ($4 OR (began_at IS NOT NULL AND status IN ('admitted', 'away')))

-- name: holding
SELECT status FROM care.person_status
WHERE person_id = $1 AND began_at IS NOT NULL AND ended_at IS NULL
ORDER BY status IN ('admitted', 'away') DESC, began_at DESC, said_at DESC LIMIT 1

-- name: set_status
UPDATE care.person SET status = $2 WHERE person_id = $1

-- name: history
SELECT h.status_id, h.status, h.starts_at, h.expires_at, h.source, h.said_at, h.began_at, h.ended_at,
       coalesce(s.name, a.login) AS said_by
FROM care.person_status h
LEFT JOIN care.account a ON a.account_id = h.said_by LEFT JOIN care.staff s ON s.staff_id = a.staff_id
WHERE h.person_id = $1 ORDER BY h.said_at DESC, h.status_id LIMIT 50

-- name: open_review
INSERT INTO care.death_review (review_id, person_id, opened_at, since, owner, institution_id)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING review_id

-- name: review_alerts
INSERT INTO care.death_review_alert (review_id, alert_id, state)
SELECT $1, l.alert_id, l.state FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
WHERE l.person_id IN (SELECT care.same_person($2)) AND (l.state <> 'closed' OR k.raised_at >= $3)

-- name: stop_ladders
UPDATE care.alert_life SET next_due_at = NULL
WHERE person_id IN (SELECT care.same_person($1)) AND state <> 'closed' RETURNING alert_id

-- name: resume_ladders
-- What a death that was an error has silenced; what another alert asks for, or readings have ended, asks no more.
UPDATE care.alert_life SET tier = -1,
    next_due_at = CASE state WHEN 'shelved' THEN greatest(shelved_until, $2) ELSE $2 END
WHERE person_id IN (SELECT care.same_person($1)) AND state IN ('unacknowledged', 'acknowledged', 'shelved')
  AND next_due_at IS NULL AND grouped_into IS NULL
RETURNING alert_id

-- name: stop_deliveries
UPDATE care.delivery SET state = 'dead', next_attempt_at = NULL, detail = 'the person has died'
WHERE alert_id = ANY ($1::uuid[]) AND (state = 'pending' OR next_attempt_at IS NOT NULL)

-- name: reviews
-- Open ones first; those of one's own, and for a desk those of its institution.
SELECT r.review_id, r.person_id, p.subject, p.name, r.opened_at, r.since, r.closed_at, r.finding,
       o.name AS owner_name,
       (SELECT count(*) FROM care.death_review_alert x WHERE x.review_id = r.review_id) AS alerts,
       (SELECT count(*) FROM care.death_review_alert x WHERE x.review_id = r.review_id AND x.state <> 'closed') AS open_alerts
FROM care.death_review r
JOIN care.person p ON p.person_id = r.person_id
LEFT JOIN care.staff o ON o.staff_id = r.owner
JOIN care.account a ON a.account_id = $1 AND NOT a.disabled
JOIN care.staff s ON s.staff_id = a.staff_id
WHERE r.owner = a.staff_id OR care.cares_for($1, r.person_id, $2)
   OR (s.duty_desk AND r.institution_id IN (SELECT care.institutions_of($1)))
ORDER BY r.closed_at IS NOT NULL, r.opened_at DESC LIMIT 100

-- name: reviewed_alerts
SELECT x.alert_id, x.state, k.rule_id, k.priority, k.family, k.raised_at, l.acknowledged_at, l.outcome
FROM care.death_review_alert x JOIN core.alert k ON k.alert_id = x.alert_id
JOIN care.alert_life l ON l.alert_id = x.alert_id
WHERE x.review_id = $1 ORDER BY k.raised_at DESC

-- name: close_review
UPDATE care.death_review r SET closed_at = $3, closed_by = $1, finding = $4
FROM care.account a JOIN care.staff s ON s.staff_id = a.staff_id
WHERE r.review_id = $2 AND r.closed_at IS NULL AND a.account_id = $1 AND NOT a.disabled
  AND (r.owner = a.staff_id OR care.cares_for($1, r.person_id, $5)
       OR (s.duty_desk AND r.institution_id IN (SELECT care.institutions_of($1))))
RETURNING r.person_id
