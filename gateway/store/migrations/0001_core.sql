-- Schema core: what devices said, what is known of a subject, what rules decided. No names (law 9).
-- Two login roles; an operator gives them passwords, the embedded server trusts its private socket.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hw_core') THEN CREATE ROLE hw_core LOGIN; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hw_service') THEN CREATE ROLE hw_service LOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- another database of this cluster created them at the same moment
END
$$;

CREATE SCHEMA core;

-- One measurement; identity is what the device sent (rules/identity.py), never corrected values.
-- claimed_at (device time as sent in the county's zone, arrival where it has none) is the partition
-- column and never changes; effective_at may.
CREATE TABLE core.observation (
    claimed_at timestamptz NOT NULL,
    identity text NOT NULL,
    subject text NOT NULL,
    device text NOT NULL,
    user_slot integer,
    kind text NOT NULL,
    effective_at timestamptz NOT NULL,
    time_confidence text NOT NULL,
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    origin text NOT NULL,
    valid boolean NOT NULL,
    possible_repeat boolean NOT NULL,
    -- Canonical units, NULL where the device had none; the exact values as sent stand in `body`.
    systolic double precision,
    diastolic double precision,
    pulse double precision,
    glucose double precision,
    flags text[] NOT NULL,
    body jsonb NOT NULL, -- the point as rules see it (gateway/points.py)
    sent bytea NOT NULL, -- the observation as it came over the wire
    PRIMARY KEY (claimed_at, identity)
);
CREATE INDEX observation_by_time ON core.observation (subject, effective_at);

-- The only judge of what is new (design section 3, step 4). A record without device time has no
-- claimed_at of its own, so the first arrival decides it and repeats find it here.
CREATE TABLE core.seen (
    identity text PRIMARY KEY,
    claimed_at timestamptz NOT NULL
);

CREATE TABLE core.quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recorded_at timestamptz NOT NULL,
    hub text NOT NULL,
    epoch text NOT NULL,
    lane text NOT NULL,
    sequence bigint NOT NULL,
    reason text NOT NULL,
    field text NOT NULL,
    detail text NOT NULL,
    payload bytea NOT NULL,
    -- A measurement of nobody in particular: someone of this home (`home:<household>`), as rules
    -- see it, so that a second reading can confirm the first (law 5).
    subject text,
    effective_at timestamptz,
    point jsonb,
    UNIQUE (hub, epoch, lane, sequence)
);
CREATE INDEX quarantine_of_home ON core.quarantine (subject, effective_at) WHERE subject IS NOT NULL;

-- One row a subject: the layout version and the bytes of one row of the columns (design D1).
CREATE TABLE core.subject_state (
    subject text PRIMARY KEY,
    layout smallint NOT NULL,
    state bytea NOT NULL,
    next_wake_at timestamptz
);
CREATE INDEX subject_state_wake ON core.subject_state (next_wake_at) WHERE next_wake_at IS NOT NULL;

CREATE TABLE core.profile (
    subject text PRIMARY KEY,
    body jsonb NOT NULL, -- rules.vocabulary.Profile
    valid_from timestamptz NOT NULL
);

-- Which device, and which user slot of it, is worn by whom since when; slot NULL = every slot.
CREATE TABLE core.binding (
    binding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device text NOT NULL,
    user_slot integer,
    subject text NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz
);
CREATE INDEX binding_device ON core.binding (device);

-- Where a hub stands: an unknown person at a known hub is "someone in this home" (law 5).
CREATE TABLE core.hub (
    hub text PRIMARY KEY,
    household text NOT NULL,
    area text NOT NULL,
    secret bytea NOT NULL -- signs its commands
);

-- What a hub last told of itself, and of a pairing in progress.
CREATE TABLE core.hub_status (
    hub text PRIMARY KEY REFERENCES core.hub (hub),
    reported_at timestamptz NOT NULL,
    body jsonb NOT NULL
);

CREATE TABLE core.hub_command (
    hub text PRIMARY KEY REFERENCES core.hub (hub),
    version bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    body jsonb NOT NULL,
    acknowledged_version bigint NOT NULL DEFAULT 0
);

-- One try to pair a device for somebody; the core binds the device itself when the hub says paired.
CREATE TABLE core.pairing (
    session text PRIMARY KEY,
    hub text NOT NULL REFERENCES core.hub (hub),
    subject text NOT NULL,
    started_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    state text NOT NULL,
    device text,
    cause text
);

CREATE TABLE core.case (
    case_id uuid PRIMARY KEY,
    subject text NOT NULL,
    family text NOT NULL,
    rule_id text NOT NULL,
    priority smallint NOT NULL,
    state text NOT NULL,
    opened_at timestamptz NOT NULL,
    last_point_at timestamptz NOT NULL,
    last_rang_at timestamptz,
    ended_at timestamptz,
    outcome text,
    limb text NOT NULL,
    facts jsonb NOT NULL
);
CREATE UNIQUE INDEX one_open_case ON core.case (subject, family) WHERE state = 'open';
CREATE INDEX case_closed ON core.case (subject, family, ended_at) WHERE state = 'closed';

-- Immutable (law 6): its life is care.alert_life.
CREATE TABLE core.alert (
    alert_id uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES core.case (case_id),
    subject text NOT NULL,
    kind text NOT NULL,
    priority smallint NOT NULL,
    family text NOT NULL,
    rule_id text NOT NULL,
    rule_version integer NOT NULL,
    rule_hash text NOT NULL,
    stage text NOT NULL,
    dated boolean NOT NULL,
    raised_at timestamptz NOT NULL,
    effective_at timestamptz NOT NULL,
    synthetic boolean NOT NULL,
    evidence text NOT NULL
);
CREATE INDEX alert_by_case ON core.alert (case_id);
CREATE INDEX alert_by_time ON core.alert (raised_at);

CREATE FUNCTION core.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'core.% is never edited or unsent', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER alert_is_immutable BEFORE UPDATE OR DELETE ON core.alert
    FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

-- Towards the service: one row an alert, taken in the transaction that gives it a life there.
CREATE TABLE core.outbox (
    outbox_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id uuid NOT NULL UNIQUE REFERENCES core.alert (alert_id),
    created_at timestamptz NOT NULL,
    taken_at timestamptz
);
CREATE INDEX outbox_waiting ON core.outbox (outbox_id) WHERE taken_at IS NULL;

-- Back from the service (D3): facts and observations born at a person, applied in order.
CREATE TABLE core.inbox (
    inbox_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL,
    kind text NOT NULL, -- profile, binding, hub, closing, observation, pairing
    body jsonb NOT NULL,
    applied_at timestamptz,
    refused text
);
CREATE INDEX inbox_waiting ON core.inbox (inbox_id) WHERE applied_at IS NULL;

CREATE TABLE core.receipt (
    hub text NOT NULL,
    epoch text NOT NULL,
    lane text NOT NULL,
    through bigint NOT NULL,
    PRIMARY KEY (hub, epoch, lane)
);

-- One core owns the county. The only table whose times come from the database's clock (D2).
CREATE TABLE core.lease (
    county boolean PRIMARY KEY DEFAULT true CHECK (county),
    epoch bigint NOT NULL,
    holder text NOT NULL,
    backend_pid integer NOT NULL,
    until timestamptz NOT NULL
);

GRANT USAGE ON SCHEMA core TO hw_core, hw_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA core TO hw_core;
REVOKE UPDATE, DELETE ON core.alert FROM hw_core;
GRANT SELECT ON core.observation, core.subject_state, core.profile, core.binding, core.hub_status, core.pairing,
    core.case, core.alert, core.quarantine, core.receipt, core.lease TO hw_service;
GRANT SELECT (hub, household, area) ON core.hub TO hw_service;
GRANT SELECT ON core.hub_command, core.inbox TO hw_service;
GRANT INSERT ON core.inbox TO hw_service;
GRANT SELECT ON core.outbox TO hw_service;
GRANT UPDATE (taken_at) ON core.outbox TO hw_service;
