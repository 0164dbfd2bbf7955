-- name: find_person
-- By subject, id, or full name; the command refuses a name that several people bear.
SELECT p.subject, p.name FROM care.person p
WHERE p.subject = $1 OR p.person_id::text = $1 OR p.name = $1
    OR p.person_id IN (SELECT w.person_id FROM care.name_word w WHERE w.word = $2)
ORDER BY p.subject LIMIT 3

-- name: own_subject
SELECT p.subject FROM care.person p WHERE p.person_id = $2 AND care.cares_for($1, $2, $3)

-- name: alert
SELECT l.alert_id, l.state, l.taken_at, l.asked_at, l.acknowledged_at, l.tier, l.step, k.subject, k.priority,
    k.rule_id, k.raised_at, care.as_task(k.dated, k.raised_at, k.effective_at) AS dated, l.person_id,
    coalesce(s.name, o.login) AS acknowledged_by, l.grouped_into, l.shelved_until, l.undampable
FROM care.alert_life l JOIN core.alert k ON k.alert_id = l.alert_id
LEFT JOIN care.account o ON o.account_id = l.acknowledged_by
LEFT JOIN care.staff s ON s.staff_id = o.staff_id
WHERE l.alert_id = $1

-- name: told
SELECT d.step, d.tier, coalesce(s.name, p.name, '-') AS who, coalesce(a.login, '-') AS login, d.channel, d.state,
    d.because, d.hold, d.created_at, d.next_attempt_at, d.delivered_at, d.received_at, d.read_at, d.detail
FROM care.delivery d
LEFT JOIN care.account a ON a.account_id = d.account_id
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
LEFT JOIN care.person p ON p.person_id = a.person_id
WHERE d.alert_id = $1 AND ($2::uuid IS NULL OR d.account_id = $2)
ORDER BY d.step, d.created_at, who, d.channel

-- name: account
SELECT a.account_id, a.login, a.role, a.disabled, a.staff_id, a.person_id,
    EXISTS (SELECT FROM care.leave v WHERE v.staff_id = a.staff_id AND v.cancelled_at IS NULL
            AND $2 BETWEEN v.first_day AND v.last_day) AS away
FROM care.account a WHERE a.login = $1

-- name: contacts_of
SELECT c.account_id, c.channel, c.state FROM care.contact c WHERE c.account_id = ANY ($1::uuid[])
ORDER BY c.account_id, c.channel

-- name: rule_figures
-- Of each rule, over alerts that rang in a span about real people: how many, answered, acted on, and how fast.
SELECT k.rule_id, count(*) AS alerts, count(DISTINCT k.subject) AS people,
    count(*) FILTER (WHERE l.state <> 'closed') AS open,
    count(*) FILTER (WHERE l.state <> 'closed' AND l.taken_at < $2::timestamptz - interval '24 hours') AS standing,
    count(*) FILTER (WHERE l.state = 'closed' AND l.outcome <> 'consent_withdrawn') AS closed,
    count(*) FILTER (WHERE l.outcome = ANY ($3::text[])) AS acted_on,
    count(*) FILTER (WHERE again.near >= 3) AS chattering,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM first.answered_at - l.taken_at)) AS median_answer_s
FROM care.alert_life l
JOIN core.alert k ON k.alert_id = l.alert_id
LEFT JOIN LATERAL (
    SELECT min(e.at) AS answered_at FROM care.alert_event e
    WHERE e.alert_id = l.alert_id AND e.what = 'answered' AND e.detail ->> 'answer' <> 'cannot') first ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS near FROM core.alert o
    WHERE o.case_id = k.case_id AND o.rule_id = k.rule_id AND o.raised_at > k.raised_at - interval '24 hours'
      AND o.raised_at <= k.raised_at) again ON true
WHERE l.taken_at >= $1 AND l.taken_at < $2 AND NOT k.synthetic
GROUP BY k.rule_id ORDER BY alerts DESC, k.rule_id

-- name: doctor_figures
-- Of each member of staff ($5: only below this account's place): interruptions by day, how often the day was over its
-- budget, answers, refusals; and of the alerts that interrupted them how many stand, chatter and were acted on.
WITH days AS (
    SELECT d.account_id, (d.interrupts_at AT TIME ZONE $4)::date AS day, count(DISTINCT d.interrupts_at) AS times,
        count(DISTINCT d.interrupts_at) FILTER (WHERE d.priority <= 2) AS could_wait
    FROM care.delivery d JOIN core.alert k ON k.alert_id = d.alert_id
    WHERE d.interrupts_at >= $1 AND d.interrupts_at < $2 AND d.channel = 'page' AND d.state <> 'not_needed'
      AND NOT k.synthetic
    GROUP BY d.account_id, day
), told AS (
    SELECT DISTINCT d.account_id, d.alert_id
    FROM care.delivery d JOIN core.alert k ON k.alert_id = d.alert_id
    WHERE d.interrupts_at >= $1 AND d.interrupts_at < $2 AND d.channel = 'page' AND d.state <> 'not_needed'
      AND NOT k.synthetic
), rang AS (
    SELECT k.alert_id, l.state, l.outcome, l.taken_at, (
        SELECT count(*) FROM core.alert o
        WHERE o.case_id = k.case_id AND o.rule_id = k.rule_id AND o.raised_at > k.raised_at - interval '24 hours'
          AND o.raised_at <= k.raised_at) >= 3 AS chatters
    FROM (SELECT DISTINCT alert_id FROM told) t
    JOIN core.alert k ON k.alert_id = t.alert_id JOIN care.alert_life l ON l.alert_id = t.alert_id
), mine AS (
    SELECT t.account_id, count(*) AS alerts, count(*) FILTER (WHERE r.state <> 'closed') AS open,
        count(*) FILTER (WHERE r.state <> 'closed' AND r.taken_at < $2::timestamptz - interval '24 hours') AS standing,
        count(*) FILTER (WHERE r.state = 'closed' AND r.outcome <> 'consent_withdrawn') AS closed, count(*) FILTER (WHERE r.outcome = ANY ($6::text[])) AS acted_on,
        count(*) FILTER (WHERE r.chatters) AS chattering
    FROM told t JOIN rang r ON r.alert_id = t.alert_id GROUP BY t.account_id
), said AS (
    SELECT e.actor, count(*) FILTER (WHERE e.detail ->> 'answer' <> 'cannot') AS answered,
        count(*) FILTER (WHERE e.detail ->> 'answer' = 'cannot') AS cannot
    FROM rang r JOIN care.alert_event e ON e.alert_id = r.alert_id
    WHERE e.what = 'answered' AND e.at >= $1 AND e.at < $2
    GROUP BY e.actor
)
SELECT a.login, coalesce(s.name, a.login) AS name, a.role, mine.alerts, mine.open, mine.standing, mine.closed,
    mine.acted_on, mine.chattering, sum(days.times)::bigint AS interruptions,
    max(days.times) AS worst_day, sum(days.could_wait)::bigint AS could_wait,
    count(*) FILTER (WHERE days.times > $3) AS days_over, coalesce(max(said.answered), 0) AS answered,
    coalesce(max(said.cannot), 0) AS cannot
FROM days JOIN mine ON mine.account_id = days.account_id JOIN care.account a ON a.account_id = days.account_id
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
LEFT JOIN said ON said.actor = a.account_id::text
WHERE $5::uuid IS NULL OR s.institution_id IN (SELECT care.institutions_of($5))
GROUP BY a.login, s.name, a.role, mine.alerts, mine.open, mine.standing, mine.closed, mine.acted_on, mine.chattering
ORDER BY interruptions DESC, a.login LIMIT 500

-- name: budget_today
SELECT count(DISTINCT d.interrupts_at) AS times, coalesce(max(b.budget), 5) AS budget
FROM care.account a
LEFT JOIN care.delivery d ON d.account_id = a.account_id AND d.interrupts_at >= $2 AND d.interrupts_at <= $3
    AND d.channel = 'page' AND d.state <> 'not_needed'
    AND NOT EXISTS (SELECT FROM core.alert k WHERE k.alert_id = d.alert_id AND k.synthetic)
LEFT JOIN care.duty_day b ON b.account_id = a.account_id
WHERE a.account_id = $1
