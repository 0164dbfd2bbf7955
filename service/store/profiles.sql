-- name: registrations
-- Every registration of one human being, the one that counts first.
SELECT person_id, subject, name, birth_year, sex, phone, household, area, status, conditions, drug_classes, pregnant,
       targets::text AS targets, synthetic, merged_into
FROM care.person WHERE person_id IN (SELECT care.same_person($1))
ORDER BY merged_into IS NOT NULL, person_id
