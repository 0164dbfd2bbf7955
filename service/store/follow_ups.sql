-- name: due
SELECT f.alert_id, f.acted_at, k.subject, k.family FROM care.follow_up f
JOIN core.alert k ON k.alert_id = f.alert_id
WHERE f.due_at <= $1 ORDER BY f.due_at, f.alert_id LIMIT 100 FOR UPDATE OF f SKIP LOCKED

-- name: readings
SELECT o.effective_at, o.systolic, o.glucose FROM care.reading o
WHERE o.subject = $1 AND o.effective_at >= $2 AND o.effective_at < $3 AND o.valid AND NOT o.possible_repeat
    AND o.time_confidence <> 'unknown' AND (o.systolic IS NOT NULL OR o.glucose IS NOT NULL)
ORDER BY o.effective_at

-- name: judge
UPDATE care.follow_up SET due_at = NULL, verdict = $2, before_mean = $3, after_mean = $4, before_count = $5,
    after_count = $6, judged_at = $7
WHERE alert_id = $1

-- name: verdict
SELECT verdict, before_mean, after_mean, before_count, after_count, judged_at, due_at FROM care.follow_up
WHERE alert_id = $1
