-- Who takes consent back takes it back under every registration of theirs: two that are merged withdraw together.
CREATE FUNCTION care.withdraw_together() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO care.withdrawal (person_id, purpose, since)
    SELECT o.person_id, w.purpose, min(w.since)
    FROM care.same_person(NEW.person_id) AS o (person_id),
         care.same_person(NEW.person_id) AS s (person_id) JOIN care.withdrawal w ON w.person_id = s.person_id
    GROUP BY o.person_id, w.purpose
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER withdrawn_together AFTER UPDATE OF merged_into ON care.person
    FOR EACH ROW WHEN (NEW.merged_into IS NOT NULL) EXECUTE FUNCTION care.withdraw_together();

INSERT INTO care.withdrawal (person_id, purpose, since)
SELECT s.person_id, w.purpose, min(w.since) FROM care.withdrawal w, care.same_person(w.person_id) AS s (person_id)
GROUP BY s.person_id, w.purpose
ON CONFLICT DO NOTHING;
