-- What the machine's own canaries set off is no record about anybody: it is not sealed, and it is forgotten
-- (0007). Whoever calls a person a canary to take their events out takes sealed entries out: `audit verify`
-- finds them missing.
CREATE FUNCTION care.refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM core.alert k JOIN care.canary c ON c.subject = k.subject WHERE k.alert_id = OLD.alert_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'care.alert_event is a record: nothing in it is changed or taken out';
END
$$;
DROP TRIGGER event_is_a_record ON care.alert_event;
CREATE TRIGGER event_is_a_record BEFORE UPDATE OR DELETE ON care.alert_event
    FOR EACH ROW EXECUTE FUNCTION care.refuse_event_change();
