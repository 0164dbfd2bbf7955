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

-- name: sealed_with
-- How many texts each key has sealed; an empty id counts those that nobody has.
SELECT coalesce(substring(t.text from '^hw1\.([0-9a-f]{8})\.'), '') AS key, count(*) AS texts
FROM (SELECT name AS text FROM care.person UNION ALL SELECT phone FROM care.person
      UNION ALL SELECT address FROM care.household UNION ALL SELECT secret FROM care.second_factor) t
WHERE t.text IS NOT NULL GROUP BY 1 ORDER BY 1
