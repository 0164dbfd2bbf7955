-- Single rules of live packs that a county has put into shadow: they ring for nobody until they are woken.
CREATE TABLE core.rule_rest (
    rule_id text PRIMARY KEY,
    since timestamptz NOT NULL,
    put_by text NOT NULL -- an account of the service
);
GRANT SELECT, INSERT, DELETE ON core.rule_rest TO hw_core;
GRANT SELECT ON core.rule_rest TO hw_service;
