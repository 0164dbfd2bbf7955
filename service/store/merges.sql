-- Two registrations of one human being: one points at the other, and nothing is moved.

-- name: pair_for_update
SELECT person_id, subject, merged_into, status, synthetic,
       EXISTS (SELECT FROM care.person m WHERE m.merged_into = p.person_id) AS has_duplicates
FROM care.person p WHERE person_id = ANY ($1::uuid[]) ORDER BY person_id FOR UPDATE

-- name: may_merge
-- Who cares for both, or administers the place of both: by contract, else by where they live.
SELECT care.cares_for($1, $2, $3) OR EXISTS (
    SELECT FROM care.account a WHERE a.account_id = $1 AND a.role = 'administrator' AND NOT a.disabled
    AND (EXISTS (SELECT FROM care.contract c WHERE c.person_id = $2
                 AND c.institution_id IN (SELECT care.institutions_of($1)))
         OR EXISTS (SELECT FROM care.person p LEFT JOIN care.household h ON h.household_id = p.household
                    JOIN care.institution i ON i.area = coalesce(p.area, h.area)
                    WHERE p.person_id = $2 AND i.institution_id IN (SELECT care.institutions_of($1)))))

-- name: point_at
UPDATE care.person SET merged_into = $2 WHERE person_id = $1

-- name: note_merge
INSERT INTO care.person_merge (merge_id, kept, merged, why, merged_by, merged_at, devices)
SELECT $1, $2, $3, $4, $5, $6, coalesce(
    (SELECT jsonb_agg(DISTINCT b.device) FROM core.binding b WHERE b.subject = $7 AND b.valid_to IS NULL), '[]')

-- name: undo_merge
UPDATE care.person_merge SET undone_by = $2, undone_at = $3 WHERE merged = $1 AND undone_at IS NULL
RETURNING kept

-- name: withdrawn_by_another
-- Of two registrations taken apart: a withdrawal of which only the other one has ever spoken goes from this one.
WITH word AS (
    SELECT DISTINCT ON (person_id, purpose) person_id, purpose, given FROM care.consent
    WHERE person_id = ANY ($1::uuid[]) ORDER BY person_id, purpose, consent_id DESC
)
DELETE FROM care.withdrawal w USING word o
WHERE w.person_id = ANY ($1::uuid[]) AND o.person_id <> w.person_id AND o.purpose = w.purpose AND NOT o.given
  AND NOT EXISTS (SELECT FROM word s WHERE s.person_id = w.person_id AND s.purpose = w.purpose AND NOT s.given)

-- name: withdrawn_by_itself
-- And what one of them withdrew and only the other one has given again is withdrawn.
INSERT INTO care.withdrawal (person_id, purpose, since)
SELECT person_id, purpose, at FROM (
    SELECT DISTINCT ON (person_id, purpose) person_id, purpose, given, at FROM care.consent
    WHERE person_id = ANY ($1::uuid[]) ORDER BY person_id, purpose, consent_id DESC) word
WHERE NOT given ON CONFLICT DO NOTHING

-- name: merges
SELECT g.merge_id, g.kept, k.subject AS kept_subject, k.name AS kept_name, g.merged, m.subject AS merged_subject,
       m.name AS merged_name, g.why, g.merged_at, g.undone_at
FROM care.person_merge g JOIN care.person k ON k.person_id = g.kept JOIN care.person m ON m.person_id = g.merged
WHERE g.kept = $1 OR g.merged = $1 ORDER BY g.merged_at DESC

-- name: alike
-- Registrations of a year of birth that may be one human being: found by the words of name and telephone, which are
-- sealed; the caller compares them whole.
SELECT o.person_id, o.subject, o.name, o.birth_year, o.household, o.phone
FROM care.person o
WHERE o.person_id <> $1 AND o.merged_into IS NULL AND o.birth_year IS NOT DISTINCT FROM $2
  AND (o.name = $3 OR o.phone = $4
       OR o.person_id IN (SELECT w.person_id FROM care.name_word w WHERE w.word = ANY ($5::bytea[])))
ORDER BY o.subject LIMIT 500

-- name: known_by
SELECT name, phone, birth_year FROM care.person WHERE person_id = $1 AND merged_into IS NULL
