-- What rules in shadow would have asked for, beside what rang. Nothing here rings, counts or reaches a worklist;
-- the core never reads it. A follower (gateway/shadow.py) writes it from what the core has committed.
CREATE TABLE core.shadow (
    variant text PRIMARY KEY, -- the hash of all rules that run together
    packs jsonb NOT NULL, -- name and version of each pack in it
    since timestamptz NOT NULL, -- what the core committed before is not looked at
    taken_at timestamptz NOT NULL, -- readings recorded up to here are taken
    taken text[] NOT NULL, -- of those recorded at this very instant: these
    inbox_through bigint NOT NULL -- facts up to here are taken
);

CREATE TABLE core.shadow_case (
    variant text NOT NULL REFERENCES core.shadow (variant) ON DELETE CASCADE,
    case_id uuid NOT NULL,
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
    facts jsonb NOT NULL,
    began_at timestamptz NOT NULL,
    decided_at timestamptz NOT NULL,
    decided_on text NOT NULL,
    is_confirmed boolean NOT NULL,
    PRIMARY KEY (variant, case_id)
);
CREATE INDEX shadow_case_of ON core.shadow_case (variant, subject);

CREATE TABLE core.shadow_alert (
    variant text NOT NULL REFERENCES core.shadow (variant) ON DELETE CASCADE,
    alert_id uuid NOT NULL,
    case_id uuid NOT NULL,
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
    evidence text NOT NULL,
    PRIMARY KEY (variant, alert_id)
);
CREATE INDEX shadow_alert_by_time ON core.shadow_alert (variant, raised_at);

-- Decisions that joined an open case without asking for anybody, as core.taken.
CREATE TABLE core.shadow_taken (
    variant text NOT NULL REFERENCES core.shadow (variant) ON DELETE CASCADE,
    alert_id uuid NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (variant, alert_id)
);

CREATE TABLE core.shadow_wake (
    variant text NOT NULL REFERENCES core.shadow (variant) ON DELETE CASCADE,
    subject text NOT NULL,
    wake_at timestamptz NOT NULL,
    PRIMARY KEY (variant, subject)
);
CREATE INDEX shadow_wake_by_time ON core.shadow_wake (variant, wake_at);

-- Rows are written in the order of recorded_at, so a few bytes a block find the newest of them.
CREATE INDEX observation_by_record ON core.observation USING brin (recorded_at) WITH (autosummarize = on);
CREATE INDEX quarantine_by_record ON core.quarantine (recorded_at) WHERE subject IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON core.shadow, core.shadow_case, core.shadow_alert, core.shadow_taken,
    core.shadow_wake TO hw_core;
GRANT SELECT ON core.shadow, core.shadow_alert TO hw_service;
