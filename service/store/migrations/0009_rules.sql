-- Changes of rules that people propose, agree to and sign. What the county runs is the core's (core.pack); here is
-- who wanted it. Two people approve, and nobody their own proposal; a clinician signs every rule of a pack.
CREATE TABLE care.rule_change (
    change_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('pack', 'rest', 'wake')),
    pack text NOT NULL,
    version integer, -- of a pack
    digest text, -- SHA-256 of the text of a pack
    text text,
    rule_id text, -- the rule that is to rest, or to ring again
    why text NOT NULL,
    proposed_by uuid REFERENCES care.account (account_id), -- NULL: the review did it
    proposed_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'done', 'withdrawn')),
    ended_by uuid REFERENCES care.account (account_id),
    ended_at timestamptz,
    inbox_id bigint, -- what the core was told last; its answer stands there
    CHECK ((kind = 'pack') = (digest IS NOT NULL AND text IS NOT NULL AND version IS NOT NULL)),
    CHECK ((kind = 'pack') = (rule_id IS NULL))
);
CREATE UNIQUE INDEX one_open_change_of_a_rule ON care.rule_change (kind, rule_id) WHERE state = 'open' AND kind <> 'pack';
CREATE UNIQUE INDEX one_open_change_of_a_text ON care.rule_change (digest) WHERE state = 'open' AND kind = 'pack';

CREATE TABLE care.rule_approval (
    change_id bigint NOT NULL REFERENCES care.rule_change (change_id),
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    at timestamptz NOT NULL,
    PRIMARY KEY (change_id, account_id)
);

CREATE TABLE care.rule_signature (
    change_id bigint NOT NULL REFERENCES care.rule_change (change_id),
    rule_id text NOT NULL,
    rule_hash text NOT NULL,
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    name text NOT NULL,
    licence text NOT NULL,
    day date NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (change_id, rule_id)
);

GRANT SELECT, INSERT, UPDATE ON care.rule_change TO hw_service;
GRANT SELECT, INSERT ON care.rule_approval, care.rule_signature TO hw_service;
