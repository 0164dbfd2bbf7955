-- Whose an open alert is: asked again when something has changed, or when the last answer holds no longer.

-- name: due
-- Life and owner are locked together or not at all: whoever answers or closes an alert right now goes first.
SELECT o.alert_id, o.staff_id, o.since
FROM care.alert_owner o
JOIN care.alert_life l ON l.alert_id = o.alert_id
JOIN core.alert k ON k.alert_id = o.alert_id
WHERE o.check_at <= $1 AND l.state <> 'closed'
ORDER BY o.check_at, k.priority DESC, o.alert_id LIMIT $2
FOR UPDATE OF l, o SKIP LOCKED

-- name: next_due
SELECT min(check_at) FROM care.alert_owner WHERE check_at > '-infinity'

-- name: keep
UPDATE care.alert_owner SET staff_id = $2, link = $3, since = $4, check_at = $5 WHERE alert_id = $1

-- name: fresh_clock
UPDATE care.alert_life SET answer_by = $2, asked_at = $3 WHERE alert_id = $1

-- name: answerers
-- Whoever took alerts over: still here, still at work, on which day they next are not, and whether they sit at desks.
SELECT a.account_id, a.staff_id, a.disabled,
       EXISTS (SELECT FROM care.leave v WHERE v.staff_id = a.staff_id AND v.cancelled_at IS NULL
               AND $2 BETWEEN v.first_day AND v.last_day) AS on_leave,
       (SELECT min(v.first_day) FROM care.leave v WHERE v.staff_id = a.staff_id AND v.cancelled_at IS NULL
        AND v.first_day > $2) AS next_leave,
       s.duty_desk OR a.role = 'county_duty' OR EXISTS (
           SELECT FROM care.shift h WHERE h.staff_id = a.staff_id AND h.cancelled_at IS NULL
           AND h.starts_at::date BETWEEN $2 - 2 AND $2 + 2) AS at_a_desk
FROM care.account a JOIN care.staff s ON s.staff_id = a.staff_id
WHERE a.account_id = ANY ($1::uuid[])

-- name: owner_of_alert
SELECT o.staff_id, s.name, o.link, o.since FROM care.alert_owner o
LEFT JOIN care.staff s ON s.staff_id = o.staff_id WHERE o.alert_id = $1

-- name: told_now
-- Staff whom the rung that waits for an answer has on its list.
SELECT DISTINCT d.alert_id, s.staff_id
FROM care.alert_life l
JOIN care.delivery d ON d.alert_id = l.alert_id AND d.step = l.step
JOIN care.account a ON a.account_id = d.account_id
JOIN care.staff s ON s.staff_id = a.staff_id
WHERE l.alert_id = ANY ($1::uuid[]) AND l.state = 'unacknowledged' AND d.channel = 'page'
ORDER BY d.alert_id, s.staff_id
