-- Institutions, staff, homes, people and what they wear, each line checked against what is known and whose it is.

-- name: is_own
SELECT $2::text IN (SELECT care.institutions_of($1))

-- name: area_is_own
-- Areas that an institution below the account's serves, and everything in them.
SELECT EXISTS (
    WITH RECURSIVE up (area_id, parent_id) AS (
        SELECT area_id, parent_id FROM care.area WHERE area_id = $2
        UNION
        SELECT a.area_id, a.parent_id FROM care.area a JOIN up ON a.area_id = up.parent_id
    )
    SELECT FROM up JOIN care.institution i ON i.area = up.area_id
    WHERE i.institution_id IN (SELECT care.institutions_of($1)))

-- name: area_known
SELECT EXISTS (SELECT FROM care.area WHERE area_id = $1)

-- name: present_institution
SELECT level, name, parent_id, area FROM care.institution WHERE institution_id = $1 FOR UPDATE

-- name: above
-- The institution and those above it, to see whether a new parent would close a circle.
WITH RECURSIVE up (institution_id, parent_id) AS (
    SELECT institution_id, parent_id FROM care.institution WHERE institution_id = $1
    UNION
    SELECT i.institution_id, i.parent_id FROM care.institution i JOIN up ON i.institution_id = up.parent_id
)
SELECT institution_id FROM up

-- name: present_staff
SELECT name, role, institution_id, phone, duty_desk FROM care.staff WHERE staff_id = $1 FOR UPDATE

-- name: present_household
SELECT area, address FROM care.household WHERE household_id = $1 FOR UPDATE

-- name: present_person
SELECT person_id, subject, name, birth_year, sex, phone, household, area, status, conditions, drug_classes, pregnant,
       targets::text AS targets, synthetic, merged_into
FROM care.person WHERE subject = $1 FOR UPDATE

-- name: person_of
SELECT person_id FROM care.person WHERE subject = $1

-- name: place_of
SELECT coalesce(p.area, h.area) FROM care.person p LEFT JOIN care.household h ON h.household_id = p.household
WHERE p.subject = $1

-- name: worn
-- Bindings as the core has applied them, and those that still wait in its inbox.
SELECT device, user_slot, valid_from, valid_to FROM core.binding WHERE subject = $1
UNION ALL
SELECT body ->> 'device', (body ->> 'user_slot')::integer, (body ->> 'valid_from')::timestamptz,
       (body ->> 'valid_to')::timestamptz
FROM care.said WHERE kind = 'binding' AND applied_at IS NULL AND body ->> 'subject' = $1
ORDER BY valid_from DESC, device

-- name: worn_now
SELECT EXISTS (SELECT FROM core.binding WHERE device = $1 AND user_slot IS NOT DISTINCT FROM $2::integer AND subject = $3
               AND valid_to IS NULL AND valid_from <= $4)
    OR EXISTS (SELECT FROM care.said WHERE kind = 'binding' AND applied_at IS NULL AND body ->> 'device' = $1
               AND (body ->> 'user_slot')::integer IS NOT DISTINCT FROM $2::integer AND body ->> 'subject' = $3
               AND (body ->> 'valid_from')::timestamptz = $4)
