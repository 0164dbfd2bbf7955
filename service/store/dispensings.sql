-- name: source
SELECT hands_out FROM cdc.source WHERE source_id = $1 AND disabled_at IS NULL

-- name: let_hand_out
UPDATE cdc.source SET hands_out = $2 WHERE source_id = $1 AND kind IN ('pharmacy', 'clinic') RETURNING source_id

-- name: people
-- Whose dispensings are taken: residents of the source's area, under the registration that was kept; not of those who
-- took their consent to care back (no new collection), nor of those who moved away or died.
WITH RECURSIVE inside (area_id) AS (
    SELECT area_id FROM care.area WHERE area_id = $2 OR ($2::text IS NULL AND parent_id IS NULL)
    UNION
    SELECT a.area_id FROM care.area a JOIN inside ON a.parent_id = inside.area_id
)
SELECT asked.subject AS asked, coalesce(p.merged_into, p.person_id) AS person_id
FROM unnest($1::text[]) AS asked (subject)
JOIN care.person p ON p.subject = asked.subject
LEFT JOIN care.household h ON h.household_id = p.household
WHERE coalesce(p.area, h.area) IN (SELECT area_id FROM inside) AND p.status NOT IN ('moved', 'deceased')
  AND NOT EXISTS (SELECT FROM care.withdrawal w WHERE w.person_id = p.person_id AND w.purpose = 'care')

-- name: put
INSERT INTO care.dispensing (dispensing_id, person_id, source_id, atc, handed_on, days, recorded_at)
SELECT g.dispensing_id, g.person_id, $6, g.atc, g.handed_on, g.days, $7
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::date[], $5::smallint[])
    AS g (dispensing_id, person_id, atc, handed_on, days)
ON CONFLICT (dispensing_id) DO UPDATE
SET person_id = excluded.person_id, atc = excluded.atc, handed_on = excluded.handed_on, days = excluded.days,
    recorded_at = excluded.recorded_at
WHERE (care.dispensing.person_id, care.dispensing.atc, care.dispensing.handed_on, care.dispensing.days)
    IS DISTINCT FROM (excluded.person_id, excluded.atc, excluded.handed_on, excluded.days)
RETURNING dispensing_id

-- name: of_person
SELECT atc, handed_on, days FROM care.dispensing
WHERE person_id IN (SELECT care.same_person($1)) AND handed_on >= $2 ORDER BY handed_on, atc
