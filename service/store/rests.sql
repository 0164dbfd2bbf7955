-- name: begin
INSERT INTO care.guided_rest (subject, begun_at) VALUES ($1, $2)

-- name: newest
SELECT max(begun_at) FROM care.guided_rest WHERE subject = $1 AND begun_at > $2

-- name: measured
SELECT count(*) FROM care.reading
WHERE subject = $1 AND effective_at >= $2 AND effective_at < $3 AND systolic IS NOT NULL AND valid
