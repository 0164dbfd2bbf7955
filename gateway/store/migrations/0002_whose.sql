-- "Whose is this?" A measurement of which only the person was unknown is settled once, by a person:
-- assigned to somebody, or dismissed with a reason. Repeats of a settled record are settled alike.
ALTER TABLE core.quarantine
    ADD COLUMN identity text GENERATED ALWAYS AS (point ->> 'identity') STORED,
    ADD COLUMN device text GENERATED ALWAYS AS (point ->> 'device') STORED,
    ADD COLUMN user_slot integer,
    ADD COLUMN assigned_to text,
    ADD COLUMN dismissed text, -- not_ours, test
    ADD COLUMN settled_by text,
    ADD COLUMN settled_at timestamptz,
    ADD CONSTRAINT settled_one_way CHECK (num_nonnulls(assigned_to, dismissed) = num_nonnulls(settled_at));
CREATE INDEX quarantine_of_record ON core.quarantine (identity) WHERE identity IS NOT NULL;

-- A hub of a clinic, by the service's id of the institution: devices there are worn by nobody.
ALTER TABLE core.hub ADD COLUMN clinic text;

-- Whose turn it is at a clinic's hub from begins_at on; NULL = nobody's any more.
CREATE TABLE core.turn (
    hub text NOT NULL REFERENCES core.hub (hub),
    begins_at timestamptz NOT NULL,
    subject text,
    PRIMARY KEY (hub, begins_at)
);

-- The one reading of a device that a turn has taken.
CREATE TABLE core.turn_reading (
    hub text NOT NULL,
    begins_at timestamptz NOT NULL,
    device text NOT NULL,
    identity text NOT NULL,
    PRIMARY KEY (hub, begins_at, device),
    FOREIGN KEY (hub, begins_at) REFERENCES core.turn (hub, begins_at)
);
CREATE INDEX turn_reading_of_record ON core.turn_reading (identity);

GRANT SELECT, INSERT, UPDATE, DELETE ON core.turn, core.turn_reading TO hw_core;
GRANT SELECT ON core.turn, core.turn_reading TO hw_service;
GRANT SELECT (clinic) ON core.hub TO hw_service;
