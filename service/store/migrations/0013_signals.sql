-- Warning signals: what was found of a place, what people did with it, by when, and what was learned of it.
-- No person, home or village stands here. True counts stand in cdc.signal_source only (design law 8).
CREATE TABLE cdc.signal (
    signal_id uuid PRIMARY KEY,
    area text NOT NULL REFERENCES care.area (area_id),
    first_day date NOT NULL,
    last_day date NOT NULL CHECK (last_day >= first_day),
    colour text NOT NULL CHECK (colour IN ('blue', 'yellow', 'orange', 'red')),
    driver text NOT NULL, -- the source that weighs most
    simes_p double precision,
    q double precision,
    drill boolean NOT NULL, -- an exercise: in no count, in no feedback
    watched boolean NOT NULL, -- crossed, but not what outcomes have taught of its series: listed, without a clock
    raised_at timestamptz NOT NULL,
    arriving_until timestamptz, -- until when a source of its newest day is expected
    state text NOT NULL CHECK (state IN ('new', 'triaged', 'verifying', 'confirmed', 'false', 'duplicate',
                                         'not_assessable', 'assessed', 'responding', 'closed')),
    rung smallint NOT NULL, -- who is to answer: officers, duty officer, prefecture, province
    level smallint NOT NULL, -- up to which level people have reported it
    due_at timestamptz,
    verified text CHECK (verified IN ('event', 'unknown_cause', 'no_event', 'cannot_say')),
    cause text,
    risk text CHECK (risk IN ('low', 'moderate', 'high', 'very_high')),
    duplicate_of uuid REFERENCES cdc.signal (signal_id),
    left_at timestamptz, -- when it was dismissed, merged or closed
    left_colour text,
    grew_at timestamptz, -- after that
    CHECK (state <> 'duplicate' OR duplicate_of IS NOT NULL),
    CHECK (state <> 'false' OR cause IS NOT NULL)
);
CREATE INDEX signal_by_area ON cdc.signal (area, last_day);
CREATE INDEX signal_due ON cdc.signal (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX signal_by_time ON cdc.signal (raised_at);

-- What each source said on each day of it, as detection saw it last.
CREATE TABLE cdc.signal_source (
    signal_id uuid NOT NULL REFERENCES cdc.signal (signal_id),
    source text NOT NULL, -- its type: home, clinic, pharmacy, school, laboratory
    indicator text NOT NULL,
    day date NOT NULL,
    observed integer NOT NULL,
    expected double precision,
    upperbound double precision,
    p double precision,
    factor double precision NOT NULL CHECK (factor >= 1), -- what earlier outcomes made of the threshold's distance
    as_of timestamptz NOT NULL,
    PRIMARY KEY (signal_id, source, indicator, day)
);

-- Formed, passed on, answered, fed back. Append-only.
CREATE TABLE cdc.signal_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    signal_id uuid NOT NULL REFERENCES cdc.signal (signal_id),
    at timestamptz NOT NULL,
    actor text NOT NULL, -- account id, or the word `system`
    what text NOT NULL,
    from_state text NOT NULL,
    to_state text NOT NULL,
    rung smallint NOT NULL,
    reason text NOT NULL,
    detail jsonb NOT NULL
);
CREATE INDEX signal_event_by_signal ON cdc.signal_event (signal_id, event_id);

-- What the township was asked, by when, and what it found; several after each other for one signal.
CREATE TABLE cdc.verification (
    verification_id uuid PRIMARY KEY,
    signal_id uuid NOT NULL REFERENCES cdc.signal (signal_id),
    area text NOT NULL REFERENCES care.area (area_id), -- the township asked
    question text NOT NULL,
    asked_by uuid NOT NULL REFERENCES care.account (account_id),
    asked_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    answered_by uuid REFERENCES care.account (account_id),
    answered_at timestamptz,
    finding text CHECK (finding IN ('event', 'unknown_cause', 'no_event', 'cannot_say')),
    cases integer CHECK (cases >= 0),
    looked_at text[], -- what was checked: registers, pharmacy, school, devices
    account text, -- in words, without names
    CHECK ((answered_at IS NULL) = (finding IS NULL))
);
CREATE INDEX verification_by_area ON cdc.verification (area, asked_at);
CREATE INDEX verification_by_signal ON cdc.verification (signal_id, asked_at);

-- Who asked for the true counts of which open signal, for what. Append-only.
CREATE TABLE cdc.look (
    look_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    signal_id uuid NOT NULL REFERENCES cdc.signal (signal_id),
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    purpose text NOT NULL,
    at timestamptz NOT NULL,
    until timestamptz NOT NULL
);
CREATE INDEX look_by_signal ON cdc.look (signal_id, account_id, until);

-- Released counts on their way to another platform; the id is week and county, so a repeat is known as one.
CREATE TABLE cdc.push (
    push_id text PRIMARY KEY,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'dead')),
    attempts smallint NOT NULL,
    next_attempt_at timestamptz,
    delivered_at timestamptz,
    detail text NOT NULL
);
CREATE INDEX push_due ON cdc.push (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON cdc.signal, cdc.signal_source, cdc.verification, cdc.push TO hw_service;
GRANT SELECT, INSERT ON cdc.signal_event, cdc.look TO hw_service;
