-- What a rule has said at home, without asking for any clinician: to the person, and to who may follow them.

-- Who may follow whom: a relative of the same home, because the person said so. Nothing is ever said to others.
CREATE TABLE care.follower (
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    follower uuid NOT NULL REFERENCES care.person (person_id),
    since timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (person_id, follower, since),
    CHECK (person_id <> follower)
);
CREATE UNIQUE INDEX follower_now ON care.follower (person_id, follower) WHERE ended_at IS NULL;

CREATE TABLE care.prompt (
    prompt_id uuid PRIMARY KEY, -- of rule, reading, step and reader: looked at again it is the same
    about uuid NOT NULL REFERENCES care.person (person_id), -- who was measured
    reader uuid NOT NULL REFERENCES care.person (person_id), -- the same, or who follows them
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    subject text NOT NULL,
    rule_id text NOT NULL,
    rule_version integer NOT NULL,
    rule_hash text NOT NULL,
    reading text NOT NULL, -- its identity
    measured_at timestamptz NOT NULL,
    step smallint NOT NULL,
    due_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'told', 'recovered', 'late', 'not_allowed')),
    told_at timestamptz,
    text_zh text NOT NULL,
    text_en text NOT NULL
);
CREATE INDEX prompt_due ON care.prompt (due_at) WHERE state = 'waiting';
CREATE INDEX prompt_of_subject ON care.prompt (subject, rule_id, measured_at);
CREATE INDEX prompt_by_reader ON care.prompt (reader, told_at);

-- The same on the reader's telephone: that there is something to read on their page, and no more.
CREATE TABLE care.prompt_delivery (
    delivery_id uuid PRIMARY KEY,
    prompt_id uuid NOT NULL REFERENCES care.prompt (prompt_id),
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    channel text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'dead')),
    attempts smallint NOT NULL,
    next_attempt_at timestamptz,
    delivered_at timestamptz,
    detail text NOT NULL
);
CREATE INDEX prompt_delivery_due ON care.prompt_delivery (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- Up to which reading, in the order in which the core has written them, was looked at.
CREATE TABLE care.prompt_mark (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    looked_until timestamptz
);
INSERT INTO care.prompt_mark VALUES (true, NULL);

GRANT SELECT, INSERT, UPDATE ON care.follower, care.prompt, care.prompt_delivery TO hw_service;
GRANT SELECT, UPDATE ON care.prompt_mark TO hw_service;

ALTER TABLE care.follower ENABLE ROW LEVEL SECURITY;
CREATE POLICY viewed ON care.follower TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all'
    OR EXISTS (SELECT FROM care.person p WHERE p.person_id = follower.person_id));
ALTER TABLE care.prompt ENABLE ROW LEVEL SECURITY;
CREATE POLICY viewed ON care.prompt TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all'
    OR ((SELECT current_setting('hearthwatch.role', true)) IS DISTINCT FROM 'administrator'
        AND EXISTS (SELECT FROM care.person p WHERE p.person_id = prompt.reader)));
ALTER TABLE care.prompt_delivery ENABLE ROW LEVEL SECURITY;
CREATE POLICY viewed ON care.prompt_delivery TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all');
