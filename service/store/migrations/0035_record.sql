-- The chain of seals is a record itself, and nobody leaves the record by being called a canary.

CREATE TRIGGER seal_stays BEFORE TRUNCATE ON care.seal FOR EACH STATEMENT EXECUTE FUNCTION care.refuse_change();
CREATE TRIGGER seal_entry_stays BEFORE TRUNCATE ON care.seal_entry
    FOR EACH STATEMENT EXECUTE FUNCTION care.refuse_change();

-- What the machine's own canaries set off, and nothing else, is not sealed and is forgotten again. Their subjects are
-- made by `hearthwatch canary register`; being in care.canary says nothing here.
CREATE FUNCTION care.is_canarys(of_subject text, is_synthetic boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE RETURN is_synthetic AND starts_with(of_subject, 's-canary-');

CREATE OR REPLACE FUNCTION care.refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM core.alert k WHERE k.alert_id = OLD.alert_id AND care.is_canarys(k.subject, k.synthetic)) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'care.alert_event is a record: nothing in it is changed or taken out';
END
$$;

-- Only somebody who does not exist is a canary: forgetting deletes what is a canary's.
CREATE FUNCTION care.refuse_real_canary() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.subject <> 's-canary-' || NEW.hub
        OR NOT EXISTS (SELECT FROM care.person p WHERE p.subject = NEW.subject AND p.synthetic) THEN
        RAISE EXCEPTION '% is no canary of hub %: only somebody who does not exist is one', NEW.subject, NEW.hub;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER nobody_real BEFORE INSERT OR UPDATE OF hub, subject ON care.canary
    FOR EACH ROW EXECUTE FUNCTION care.refuse_real_canary();
