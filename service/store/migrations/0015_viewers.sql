-- Row-level security on people and alerts. A request of a page or program says for whom it reads
-- (`hearthwatch.viewer` is an account's id, with its day, role and whom it answers for); the worker says `all`.
-- A connection that has said nothing sees nobody. The roles hw_core and the owner are no viewers.

-- Whether the present viewer may read what concerns a subject; the long way round, for whom the contract in the
-- policies does not name: deputies, teams, deliveries of open alerts, the own account, glass broken for a reason.
CREATE FUNCTION care.sees(of_subject text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    viewer text := current_setting('hearthwatch.viewer', true);
    today date := nullif(current_setting('hearthwatch.today', true), '')::date;
BEGIN
    IF viewer = 'all' THEN
        RETURN true;
    END IF;
    RETURN viewer ~ '^[0-9a-f-]{36}$' AND care.may_read(viewer::uuid, of_subject, today);
END
$$;

-- The same for readings, which are the past as well.
CREATE FUNCTION care.sees_past(of_subject text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    viewer text := current_setting('hearthwatch.viewer', true);
    today date := nullif(current_setting('hearthwatch.today', true), '')::date;
BEGIN
    RETURN viewer ~ '^[0-9a-f-]{36}$' AND care.may_read_past(viewer::uuid, of_subject, today);
END
$$;

-- An alert's state and timers: who may read its subject, and whom it was ever brought to.
CREATE FUNCTION care.sees_life(of_alert uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    viewer text := current_setting('hearthwatch.viewer', true);
BEGIN
    IF viewer = 'all' THEN
        RETURN true;
    END IF;
    RETURN viewer ~ '^[0-9a-f-]{36}$' AND (
        EXISTS (SELECT FROM care.delivery d WHERE d.alert_id = of_alert AND d.account_id = viewer::uuid)
        OR EXISTS (SELECT FROM core.alert k WHERE k.alert_id = of_alert AND care.sees(k.subject)));
END
$$;

ALTER TABLE care.person ENABLE ROW LEVEL SECURITY;
CREATE POLICY viewed ON care.person TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all'
    -- administrators keep the register; readings and alerts are not theirs
    OR (SELECT current_setting('hearthwatch.role', true)) = 'administrator'
    OR EXISTS (
        SELECT FROM care.contract c
        WHERE c.person_id = person.person_id
          AND NOT EXISTS (SELECT FROM care.withdrawal w WHERE w.person_id = c.person_id AND w.purpose = 'care')
          AND c.valid_from <= (SELECT nullif(current_setting('hearthwatch.today', true), '')::date)
          AND (c.valid_to IS NULL OR c.valid_to >= (SELECT nullif(current_setting('hearthwatch.today', true), '')::date))
          AND (c.family_doctor = ANY ((SELECT nullif(current_setting('hearthwatch.staff', true), '')::text[])::text[])
               OR c.village_doctor = ANY ((SELECT nullif(current_setting('hearthwatch.staff', true), '')::text[])::text[])))
    OR care.sees(subject));

ALTER TABLE care.alert_life ENABLE ROW LEVEL SECURITY;
CREATE POLICY viewed ON care.alert_life TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all'
    OR EXISTS (
        SELECT FROM care.contract c
        WHERE c.person_id = alert_life.person_id
          AND NOT EXISTS (SELECT FROM care.withdrawal w WHERE w.person_id = c.person_id AND w.purpose = 'care')
          AND c.valid_from <= (SELECT nullif(current_setting('hearthwatch.today', true), '')::date)
          AND (c.valid_to IS NULL OR c.valid_to >= (SELECT nullif(current_setting('hearthwatch.today', true), '')::date))
          AND (c.family_doctor = ANY ((SELECT nullif(current_setting('hearthwatch.staff', true), '')::text[])::text[])
               OR c.village_doctor = ANY ((SELECT nullif(current_setting('hearthwatch.staff', true), '')::text[])::text[])))
    OR care.sees_life(alert_id));

ALTER TABLE core.alert ENABLE ROW LEVEL SECURITY;
CREATE POLICY judged ON core.alert TO hw_core USING (true) WITH CHECK (true);
CREATE POLICY viewed ON core.alert FOR SELECT TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all'
    OR EXISTS (SELECT FROM care.alert_life l WHERE l.alert_id = alert.alert_id));

ALTER TABLE care.patient_message ENABLE ROW LEVEL SECURITY;
CREATE POLICY viewed ON care.patient_message TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all'
    OR EXISTS (SELECT FROM care.person p WHERE p.person_id = patient_message.person_id));

-- Readings may lie in a hypertable, whose chunks know no policy: a view that nothing is pushed through, and no
-- other way to them for the service.
CREATE VIEW care.reading WITH (security_barrier) AS
SELECT o.* FROM core.observation o
WHERE (SELECT current_setting('hearthwatch.viewer', true)) = 'all'
   OR EXISTS (
        SELECT FROM care.person p JOIN care.contract c ON c.person_id = p.person_id
        WHERE p.subject = o.subject
          AND NOT EXISTS (SELECT FROM care.withdrawal w WHERE w.person_id = c.person_id AND w.purpose = 'care')
          AND c.valid_from <= (SELECT nullif(current_setting('hearthwatch.today', true), '')::date)
          AND (c.valid_to IS NULL OR c.valid_to >= (SELECT nullif(current_setting('hearthwatch.today', true), '')::date))
          AND (c.family_doctor = ANY ((SELECT nullif(current_setting('hearthwatch.staff', true), '')::text[])::text[])
               OR c.village_doctor = ANY ((SELECT nullif(current_setting('hearthwatch.staff', true), '')::text[])::text[])))
   OR care.sees_past(o.subject);
REVOKE SELECT ON core.observation FROM hw_service;
GRANT SELECT ON care.reading TO hw_service;

-- A hub's registration carries the key of its commands on the way to the core: the service hands it in, and never
-- reads it again.
CREATE VIEW care.said WITH (security_barrier) AS
SELECT inbox_id, created_at, kind, body, applied_at, refused FROM core.inbox WHERE kind <> 'hub';
REVOKE SELECT ON core.inbox FROM hw_service;
GRANT SELECT (inbox_id, created_at, kind, applied_at, refused) ON core.inbox TO hw_service;
GRANT SELECT ON care.said TO hw_service;
UPDATE core.inbox SET body = body - 'secret_hex' WHERE kind = 'hub' AND applied_at IS NOT NULL;

REVOKE EXECUTE ON FUNCTION care.sees(text), care.sees_past(text), care.sees_life(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION care.sees(text), care.sees_past(text), care.sees_life(uuid) TO hw_service;

-- What follows from a change follows for everybody, whoever made it.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'care' AND (p.prorettype = 'trigger'::regtype OR p.proname LIKE 'ask\_again\_%')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, pg_temp', one.name);
    END LOOP;
END
$$;
-- Whom a clinic may choose among is more than the viewer's own contracts, and is bound by the function itself.
ALTER FUNCTION care.may_be(uuid, text, text, date) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION care.homes_of(uuid, date) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

-- One county per deployment: another county's rows cannot even be written here.
CREATE UNIQUE INDEX one_county ON care.area (level) WHERE level = 'county';
