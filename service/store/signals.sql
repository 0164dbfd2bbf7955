-- name: visible_signals
-- $1 account, $2 today, $3 one signal or NULL for all, $4 raised or grown since (what waits always)
WITH RECURSIVE me AS (
    SELECT a.account_id, i.area
    FROM care.account a
    JOIN care.staff s ON s.staff_id = a.staff_id
    JOIN care.institution i ON i.institution_id = s.institution_id
    WHERE a.account_id = $1 AND a.role = 'cdc_officer' AND NOT a.disabled
), inside (area_id) AS (
    SELECT area FROM me
    UNION
    SELECT r.area_id FROM care.area r JOIN inside ON r.parent_id = inside.area_id
)
SELECT s.*, r.name AS area_name, c.area_id AS county, c.name AS county_name,
       coalesce(c.area_id = me.area, false) AS is_owner,
       EXISTS (SELECT FROM cdc.duty_officer d
               WHERE d.area = c.area_id AND d.account_id = me.account_id
                 AND $2 BETWEEN d.first_day AND d.last_day) AS is_duty
FROM cdc.signal s
JOIN inside ON inside.area_id = s.area
JOIN care.area r ON r.area_id = s.area
LEFT JOIN care.area c ON c.area_id = CASE r.level WHEN 'county' THEN r.area_id ELSE r.parent_id END
CROSS JOIN me
WHERE ($3::uuid IS NULL OR s.signal_id = $3)
  AND (s.raised_at >= $4 OR s.grew_at >= $4 OR s.due_at IS NOT NULL)
ORDER BY s.raised_at DESC, s.signal_id

-- name: evidence
SELECT signal_id, source, indicator, day, observed, expected, upperbound, p, factor, backed, detector
FROM cdc.signal_source WHERE signal_id = ANY ($1::uuid[]) ORDER BY signal_id, day, source, indicator

-- name: history
SELECT e.at, coalesce(s.name, e.actor) AS actor, e.actor = 'system' AS by_system, e.what, e.from_state, e.to_state,
       e.rung, e.reason, e.detail, e.signal_id
FROM cdc.signal_event e
LEFT JOIN care.account a ON a.account_id::text = e.actor
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
WHERE e.signal_id = ANY ($1::uuid[]) ORDER BY e.event_id

-- name: verifications
SELECT v.verification_id, v.signal_id, v.question, v.asked_at, v.due_at, v.answered_at, v.finding, v.cases, v.looked_at,
       v.account, asker.name AS asked_by, answerer.name AS answered_by
FROM cdc.verification v
LEFT JOIN care.account a ON a.account_id = v.asked_by LEFT JOIN care.staff asker ON asker.staff_id = a.staff_id
LEFT JOIN care.account b ON b.account_id = v.answered_by LEFT JOIN care.staff answerer ON answerer.staff_id = b.staff_id
WHERE v.signal_id = ANY ($1::uuid[]) ORDER BY v.asked_at, v.verification_id

-- name: newest_of_area
SELECT * FROM cdc.signal WHERE area = $1 AND drill = $2 ORDER BY last_day DESC, raised_at DESC LIMIT 1 FOR UPDATE

-- name: lock_signal
SELECT * FROM cdc.signal WHERE signal_id = $1 FOR UPDATE

-- name: claim_due
SELECT * FROM cdc.signal WHERE due_at <= $1 ORDER BY due_at, signal_id LIMIT 1 FOR UPDATE SKIP LOCKED

-- name: next_due
SELECT min(at) FROM (
    SELECT min(due_at) AS at FROM cdc.signal WHERE due_at IS NOT NULL
    UNION ALL SELECT min(next_attempt_at) FROM cdc.push WHERE next_attempt_at IS NOT NULL
) AS due

-- name: put_signal
INSERT INTO cdc.signal (signal_id, area, first_day, last_day, colour, driver, simes_p, q, drill, watched, raised_at,
                        arriving_until, state, rung, level, due_at, inner_colour)
VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'new', 0, 0, $12, $13)
ON CONFLICT (signal_id) DO NOTHING

-- name: put_source
INSERT INTO cdc.signal_source (signal_id, source, indicator, day, observed, expected, upperbound, p, factor, as_of,
                               backed, detector)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (signal_id, source, indicator, day) DO UPDATE
SET observed = excluded.observed, expected = excluded.expected, upperbound = excluded.upperbound, p = excluded.p,
    factor = excluded.factor, as_of = excluded.as_of, backed = excluded.backed,
    detector = excluded.detector
WHERE (cdc.signal_source.observed, cdc.signal_source.expected, cdc.signal_source.upperbound, cdc.signal_source.factor,
       cdc.signal_source.backed)
    IS DISTINCT FROM (excluded.observed, excluded.expected, excluded.upperbound, excluded.factor, excluded.backed)

-- name: attach
UPDATE cdc.signal SET first_day = least(first_day, $2), last_day = greatest(last_day, $2), driver = $3,
    simes_p = least(simes_p, $4), q = least(q, $5), arriving_until = greatest(arriving_until, $6), watched = $7,
    grew_at = $8, inner_colour = $9
WHERE signal_id = $1

-- name: put_standing
UPDATE cdc.signal SET state = $2, colour = $3, rung = $4, level = $5, due_at = $6, verified = $7, cause = $8, risk = $9,
    duplicate_of = $10, left_at = $11, left_colour = $12, grew_at = $13
WHERE signal_id = $1

-- name: merge
UPDATE cdc.signal SET state = $2, due_at = $3, duplicate_of = $4, left_at = $5, left_colour = $6 WHERE signal_id = $1

-- name: put_event
INSERT INTO cdc.signal_event (signal_id, at, actor, what, from_state, to_state, rung, reason, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb)

-- name: outcomes
-- How the newest judged signals ended in which this series crossed, with at least $6 where that is not 0: a confirmed
-- one, or a dismissed one.
SELECT confirmed FROM (
    SELECT s.signal_id, max(e.at) AS at, bool_or(e.what = 'confirm') AS confirmed
    FROM cdc.signal s JOIN cdc.signal_event e USING (signal_id)
    WHERE s.area = $1 AND NOT s.drill AND e.what IN ('confirm', 'dismiss') AND e.at >= $4
      AND EXISTS (SELECT FROM cdc.signal_source c
                  WHERE c.signal_id = s.signal_id AND c.source = $2 AND c.indicator = $3 AND c.observed > c.upperbound
                    AND ($6 = 0 OR (c.observed >= $6 AND c.backed)))
    GROUP BY s.signal_id
) AS judged ORDER BY at DESC, signal_id LIMIT $5

-- name: put_question
INSERT INTO cdc.verification (verification_id, signal_id, area, question, asked_by, asked_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: questions_of
-- What the reader's township was asked: the reader works there, and the question is about its own area.
SELECT v.verification_id, v.signal_id, v.question, v.asked_at, v.due_at, v.answered_at, v.finding, r.name AS area_name,
       s.drill, s.state = 'verifying' AND v.answered_at IS NULL AS is_open
FROM cdc.verification v
JOIN cdc.signal s USING (signal_id)
JOIN care.area r ON r.area_id = v.area
JOIN care.institution i ON i.area = v.area AND i.level = 'township'
JOIN care.staff t ON t.institution_id = i.institution_id
JOIN care.account a ON a.staff_id = t.staff_id
WHERE a.account_id = $1 AND NOT a.disabled AND ($2::uuid IS NULL OR v.verification_id = $2)
ORDER BY v.answered_at IS NOT NULL, v.due_at DESC LIMIT 50

-- name: answer_question
UPDATE cdc.verification SET answered_by = $2, answered_at = $3, finding = $4, cases = $5, looked_at = $6, account = $7
WHERE verification_id = $1 AND answered_at IS NULL
RETURNING signal_id

-- name: put_look
INSERT INTO cdc.look (signal_id, account_id, purpose, at, until) VALUES ($1, $2, $3, $4, $5)

-- name: open_look
SELECT max(until) FROM cdc.look WHERE signal_id = $1 AND account_id = $2 AND at <= $3 AND until > $3

-- name: shapes
SELECT area, geometry::text AS geometry FROM cdc.area_shape WHERE area = ANY ($1::text[])

-- name: townships_of
-- Townships of the reader's county or above, with their county.
WITH RECURSIVE inside (area_id) AS (
    SELECT i.area
    FROM care.account a
    JOIN care.staff s ON s.staff_id = a.staff_id
    JOIN care.institution i ON i.institution_id = s.institution_id
    WHERE a.account_id = $1 AND a.role = 'cdc_officer' AND NOT a.disabled
    UNION
    SELECT r.area_id FROM care.area r JOIN inside ON r.parent_id = inside.area_id
)
SELECT r.area_id, r.name, r.parent_id AS county
FROM care.area r JOIN inside USING (area_id) WHERE r.level = 'township' ORDER BY r.name, r.area_id

-- name: duty_today
SELECT t.name FROM cdc.duty_officer d
JOIN care.account a ON a.account_id = d.account_id
JOIN care.staff t ON t.staff_id = a.staff_id
JOIN care.staff mine ON mine.staff_id = $1
JOIN care.institution i ON i.institution_id = mine.institution_id AND i.area = d.area
WHERE $2 BETWEEN d.first_day AND d.last_day ORDER BY t.staff_id

-- name: unpushed_weeks
-- Released cells of weeks that no push carries yet, of one county; shown ones only ever leave.
SELECT c.week_start, c.indicator, c.area, c.people, c.disclosure, c.decided_at
FROM cdc.release_cell c
WHERE c.decided_at >= $1
  AND NOT EXISTS (SELECT FROM cdc.push p WHERE p.push_id = 'week-' || to_char(c.week_start, 'YYYY-MM-DD'))
ORDER BY c.week_start, c.indicator, c.area

-- name: unsent_news
-- The newest of what made a signal wait for somebody, of signals that every officer may know of. Only the newest:
-- an earlier one may be of a time when they might not.
SELECT named.push_id, e.signal_id, e.rung FROM cdc.signal_event e
-- Numbers of entries would tell, by their gaps, how many there are of signals that nobody may know of.
CROSS JOIN LATERAL (
    SELECT 'signal-' || e.signal_id || '-' || (extract(epoch FROM e.at) * 1000000)::bigint AS push_id) AS named
JOIN (SELECT signal_id, max(event_id) AS event_id FROM cdc.signal_event
      WHERE at >= $1 AND what IN ('formed', 'grew', 'rose') GROUP BY signal_id) AS newest USING (signal_id, event_id)
JOIN cdc.signal s ON s.signal_id = e.signal_id
WHERE NOT s.drill
  AND EXISTS (SELECT FROM cdc.signal_source c WHERE c.signal_id = e.signal_id AND c.day > s.first_day - 7
              AND c.observed > c.upperbound AND c.observed >= $2 AND c.backed)
  AND NOT EXISTS (SELECT FROM cdc.push p WHERE p.push_id = named.push_id)
ORDER BY e.event_id

-- name: released_cells
WITH RECURSIVE inside (area_id) AS (
    SELECT i.area
    FROM care.account a
    JOIN care.staff s ON s.staff_id = a.staff_id
    JOIN care.institution i ON i.institution_id = s.institution_id
    WHERE a.account_id = $1 AND a.role = 'cdc_officer' AND NOT a.disabled
    UNION
    SELECT r.area_id FROM care.area r JOIN inside ON r.parent_id = inside.area_id
), weeks AS (
    SELECT DISTINCT week_start FROM cdc.release_cell ORDER BY week_start DESC LIMIT $2
)
SELECT c.week_start, c.indicator, c.area, c.people, c.disclosure, c.decided_at
FROM cdc.release_cell c JOIN weeks USING (week_start) JOIN inside ON inside.area_id = c.area
ORDER BY c.week_start, c.indicator, c.area

-- name: place_of
SELECT r.name FROM care.account a
JOIN care.staff s ON s.staff_id = a.staff_id
JOIN care.institution i ON i.institution_id = s.institution_id
JOIN care.area r ON r.area_id = i.area
WHERE a.account_id = $1

-- name: put_push
INSERT INTO cdc.push (push_id, body, created_at, state, attempts, next_attempt_at, detail)
VALUES ($1, $2, $3, 'pending', 0, $3, '')
ON CONFLICT (push_id) DO NOTHING

-- name: claim_push
UPDATE cdc.push SET attempts = attempts + 1, next_attempt_at = $2
WHERE push_id = (SELECT push_id FROM cdc.push WHERE next_attempt_at <= $1 AND starts_with(push_id, $3)
                 ORDER BY next_attempt_at, push_id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING push_id, body, attempts

-- name: note_push
UPDATE cdc.push SET state = $2, next_attempt_at = $3, delivered_at = $4, detail = $5 WHERE push_id = $1

-- name: pushes
SELECT push_id, created_at, state, attempts, delivered_at, detail FROM cdc.push ORDER BY created_at DESC LIMIT 12

-- name: put_growth
UPDATE cdc.signal SET colour = $2, due_at = $3, rung = $4 WHERE signal_id = $1

-- name: account_name
SELECT t.name FROM care.account a JOIN care.staff t ON t.staff_id = a.staff_id WHERE a.account_id = $1
