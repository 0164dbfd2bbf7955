-- name: people
-- Who measured since then, with whoever answers for them now; synthetic people left out, and who took back that
-- their past may be replayed.
SELECT o.subject, p.body::text AS profile, c.family_doctor
FROM (SELECT DISTINCT subject FROM core.observation WHERE effective_at >= $1) o
LEFT JOIN core.profile p ON p.subject = o.subject
LEFT JOIN care.person r ON r.subject = o.subject
LEFT JOIN LATERAL (
    SELECT family_doctor FROM care.contract
    WHERE person_id = r.person_id AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2)
    ORDER BY valid_from DESC LIMIT 1) c ON true
WHERE NOT coalesce((p.body ->> 'synthetic')::boolean, false)
    AND NOT EXISTS (SELECT FROM care.withdrawal w WHERE w.person_id = r.person_id AND w.purpose = 'research')
ORDER BY o.subject
