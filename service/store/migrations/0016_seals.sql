-- What was read, refused, decided and done, sealed every second into one chain of hashes (docs/security.md):
-- each seal holds the digest of every new row and the digest of the seal before it.

ALTER TABLE care.audit
    ADD COLUMN request uuid, -- the rows of one request bear one id
    ADD COLUMN door text,    -- its method and path's template
    ADD COLUMN because text CHECK (because IN ('own', 'contract', 'alert', 'break_glass'));

CREATE TABLE care.seal (
    seal_id bigint PRIMARY KEY, -- 1, 2, 3, ... without a gap
    at timestamptz NOT NULL,
    previous bytea NOT NULL, -- the digest of the seal before; 32 zeroes for the first
    digest bytea NOT NULL,
    audit_through bigint NOT NULL, -- the highest row of each stream that is sealed
    event_through bigint NOT NULL,
    alert_through bigint NOT NULL
);
CREATE TABLE care.seal_entry (
    seal_id bigint NOT NULL REFERENCES care.seal (seal_id),
    place integer NOT NULL,
    stream text NOT NULL CHECK (stream IN ('audit', 'event', 'alert')),
    entry bigint NOT NULL, -- audit_id, event_id, or the outbox_id of an alert
    digest bytea NOT NULL,
    PRIMARY KEY (seal_id, place),
    UNIQUE (stream, entry)
);

CREATE FUNCTION care.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'care.% is a record: nothing in it is changed or taken out', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER audit_is_a_record BEFORE UPDATE OR DELETE ON care.audit
    FOR EACH ROW EXECUTE FUNCTION care.refuse_change();
CREATE TRIGGER audit_stays BEFORE TRUNCATE ON care.audit FOR EACH STATEMENT EXECUTE FUNCTION care.refuse_change();
CREATE TRIGGER event_is_a_record BEFORE UPDATE OR DELETE ON care.alert_event
    FOR EACH ROW EXECUTE FUNCTION care.refuse_change();
CREATE TRIGGER event_stays BEFORE TRUNCATE ON care.alert_event
    FOR EACH STATEMENT EXECUTE FUNCTION care.refuse_change();
CREATE TRIGGER seal_is_a_record BEFORE UPDATE OR DELETE ON care.seal
    FOR EACH ROW EXECUTE FUNCTION care.refuse_change();
CREATE TRIGGER seal_entry_is_a_record BEFORE UPDATE OR DELETE ON care.seal_entry
    FOR EACH ROW EXECUTE FUNCTION care.refuse_change();

GRANT SELECT, INSERT ON care.seal, care.seal_entry TO hw_service;

-- A request writes in its own name, or in nobody's.
ALTER TABLE care.audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY read ON care.audit FOR SELECT TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all'
    OR subject IN (SELECT p.subject FROM care.account a JOIN care.person p ON p.person_id = a.person_id
                   WHERE a.account_id::text = (SELECT current_setting('hearthwatch.viewer', true))));
CREATE POLICY written ON care.audit FOR INSERT TO hw_service WITH CHECK (
    coalesce((SELECT current_setting('hearthwatch.viewer', true)), '') IN ('', 'all')
    OR account_id IS NULL OR account_id::text = (SELECT current_setting('hearthwatch.viewer', true)));
