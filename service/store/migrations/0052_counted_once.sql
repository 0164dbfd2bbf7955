-- A human being with two registrations is counted once: `human` is the subject under which all of theirs are counted.
CREATE OR REPLACE VIEW care.counted_profile AS
SELECT f.subject, f.body, f.valid_from, coalesce(k.subject, f.subject) AS human
FROM core.profile f
LEFT JOIN care.person r ON r.subject = f.subject
LEFT JOIN care.person k ON k.person_id = r.merged_into
WHERE NOT EXISTS (
    SELECT FROM care.withdrawal w JOIN care.person p ON p.person_id = w.person_id
    WHERE p.subject = f.subject AND w.purpose = 'counts');
