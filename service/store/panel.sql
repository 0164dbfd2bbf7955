-- The people whom a clinician cares for, what was looked through, and the notes that clinicians leave each other.

-- name: panel
-- From the account's own contracts outwards; of whom it stands in for, and of its teams.
WITH me AS (
    SELECT staff_id FROM care.account WHERE account_id = $1 AND NOT disabled AND staff_id IS NOT NULL
), whose AS (
    SELECT care.answers_for(me.staff_id, $2) AS staff_id FROM me
), people AS (
    SELECT c.person_id FROM care.contract c WHERE c.family_doctor IN (SELECT staff_id FROM whose)
        AND c.valid_from <= $2 AND (c.valid_to IS NULL OR c.valid_to >= $2)
    UNION
    SELECT c.person_id FROM care.contract c WHERE c.village_doctor IN (SELECT staff_id FROM whose)
        AND c.valid_from <= $2 AND (c.valid_to IS NULL OR c.valid_to >= $2)
    UNION
    SELECT c.person_id FROM me JOIN care.team_member m ON m.staff_id = me.staff_id
        AND m.valid_from <= $2 AND (m.valid_to IS NULL OR m.valid_to >= $2)
    JOIN care.contract c ON c.team_id = m.team_id
        AND c.valid_from <= $2 AND (c.valid_to IS NULL OR c.valid_to >= $2)
)
SELECT * FROM (
SELECT p.person_id, p.subject, p.name, p.birth_year, p.status,
       (SELECT v.at FROM care.person_review v WHERE v.person_id = p.person_id AND v.account_id = $1) AS reviewed_at,
       (SELECT max(v.at) FROM care.person_review v WHERE v.person_id = p.person_id) AS last_reviewed_at,
       (SELECT count(*) FROM care.note n WHERE n.person_id IN (SELECT care.same_person(p.person_id)) AND n.author <> $1
        AND NOT EXISTS (SELECT FROM care.note_seen s WHERE s.note_id = n.note_id AND s.account_id = $1)) AS unseen,
       (SELECT count(*) FROM care.alert_life l WHERE l.person_id IN (SELECT care.same_person(p.person_id))
        AND l.state <> 'closed') AS open_alerts
FROM people JOIN care.person p USING (person_id)
WHERE p.merged_into IS NULL AND ($3 = '' OR strpos(p.name, $3) > 0 OR p.person_id IN (SELECT w.person_id FROM care.name_word w WHERE w.word = $5))
) listed
ORDER BY unseen > 0 DESC, last_reviewed_at NULLS FIRST, person_id LIMIT $4

-- name: cares_for
SELECT care.cares_for($1, $2, $3)

-- name: person
SELECT p.person_id, p.subject, p.name, p.birth_year, p.status, p.merged_into, k.name AS kept_name
FROM care.person p LEFT JOIN care.person k ON k.person_id = p.merged_into WHERE p.person_id = $1

-- name: reviews
SELECT coalesce(s.name, a.login) AS by_name, v.at FROM care.person_review v
JOIN care.account a ON a.account_id = v.account_id LEFT JOIN care.staff s ON s.staff_id = a.staff_id
WHERE v.person_id = $1 ORDER BY v.at DESC LIMIT 10

-- name: review
INSERT INTO care.person_review (person_id, account_id, at) VALUES ($1, $2, $3)
ON CONFLICT (person_id, account_id) DO UPDATE SET at = excluded.at

-- name: notes
SELECT n.note_id, coalesce(s.name, a.login) AS author, n.author = $2 AS own, n.at, n.text,
       EXISTS (SELECT FROM care.note_seen x WHERE x.note_id = n.note_id AND x.account_id = $2) AS seen,
       (SELECT count(*) FROM care.note_seen x WHERE x.note_id = n.note_id) AS seen_by
FROM care.note n JOIN care.account a ON a.account_id = n.author LEFT JOIN care.staff s ON s.staff_id = a.staff_id
WHERE n.person_id IN (SELECT care.same_person($1)) ORDER BY n.at DESC, n.note_id LIMIT 100

-- name: add_note
INSERT INTO care.note (note_id, person_id, author, at, text) VALUES ($1, $2, $3, $4, $5)

-- name: see
INSERT INTO care.note_seen (note_id, account_id, at)
SELECT n.note_id, $2, $3 FROM care.note n
WHERE n.person_id IN (SELECT care.same_person($1)) AND n.author <> $2 ON CONFLICT DO NOTHING
