-- name: drop_words
DELETE FROM care.name_word WHERE person_id = $1

-- name: put_words
INSERT INTO care.name_word (person_id, word) SELECT $1, unnest($2::bytea[]) ON CONFLICT DO NOTHING

-- name: people_to_seal
SELECT person_id, name, phone FROM care.person
WHERE NOT starts_with(name, $1) OR NOT starts_with(coalesce(phone, $1), $1)
ORDER BY person_id LIMIT $2 FOR UPDATE SKIP LOCKED

-- name: seal_person
UPDATE care.person SET name = $2, phone = $3 WHERE person_id = $1

-- name: staffs_to_seal
SELECT staff_id, name, phone FROM care.staff
WHERE NOT starts_with(name, $1) OR NOT starts_with(coalesce(phone, $1), $1)
ORDER BY staff_id LIMIT $2 FOR UPDATE SKIP LOCKED

-- name: seal_staff
UPDATE care.staff SET name = $2, phone = $3 WHERE staff_id = $1

-- name: homes_to_seal
SELECT household_id, address FROM care.household WHERE NOT starts_with(coalesce(address, $1), $1)
ORDER BY household_id LIMIT $2 FOR UPDATE SKIP LOCKED

-- name: seal_home
UPDATE care.household SET address = $2 WHERE household_id = $1

-- name: secrets_to_seal
SELECT factor_id, secret FROM care.second_factor WHERE NOT starts_with(coalesce(secret, $1), $1)
ORDER BY factor_id LIMIT $2 FOR UPDATE SKIP LOCKED

-- name: seal_secret
UPDATE care.second_factor SET secret = $2 WHERE factor_id = $1

-- name: contacts_to_seal
SELECT contact_id, address FROM care.contact WHERE NOT starts_with(address, $1)
ORDER BY contact_id LIMIT $2 FOR UPDATE SKIP LOCKED

-- name: seal_contact
UPDATE care.contact SET address = $2 WHERE contact_id = $1

-- name: notes_to_seal
SELECT note_id, text FROM care.note WHERE NOT starts_with(text, $1)
ORDER BY note_id LIMIT $2 FOR UPDATE SKIP LOCKED

-- name: seal_note
UPDATE care.note SET text = $2 WHERE note_id = $1

-- name: reasons_to_seal
SELECT glass_id, reason FROM care.glass WHERE NOT starts_with(reason, $1)
ORDER BY glass_id LIMIT $2 FOR UPDATE SKIP LOCKED

-- name: seal_reason
UPDATE care.glass SET reason = $2 WHERE glass_id = $1

-- name: sealed_with
-- How many texts each key has sealed; an empty id counts those that nobody has.
SELECT coalesce(substring(t.text from '^hw1\.([0-9a-f]{8})\.'), '') AS key, count(*) AS texts
FROM (SELECT name AS text FROM care.person UNION ALL SELECT phone FROM care.person
      UNION ALL SELECT name FROM care.staff UNION ALL SELECT phone FROM care.staff
      UNION ALL SELECT address FROM care.household UNION ALL SELECT address FROM care.contact
      UNION ALL SELECT text FROM care.note UNION ALL SELECT reason FROM care.glass
      UNION ALL SELECT secret FROM care.second_factor) t
WHERE t.text IS NOT NULL GROUP BY 1 ORDER BY 1
