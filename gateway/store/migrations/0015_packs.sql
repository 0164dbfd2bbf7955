-- Rule packs that a county has proposed, rolled out and rolled back. Where none of a name is live, the one that
-- ships with the program holds. Nothing is deleted: what rang under a version stays explained.
CREATE TABLE core.pack (
    pack_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    version integer NOT NULL,
    digest text NOT NULL, -- SHA-256 of the text
    text text NOT NULL, -- YAML as it was proposed
    state text NOT NULL CHECK (state IN ('candidate', 'live', 'former', 'rolled_back', 'withdrawn')),
    signatures jsonb NOT NULL, -- one object a rule: rule_id, rule_hash, name, licence, day
    proposed_by text NOT NULL, -- an account of the service
    proposed_at timestamptz NOT NULL,
    live_since timestamptz,
    ended_at timestamptz
);
CREATE UNIQUE INDEX one_live_pack ON core.pack (name) WHERE state = 'live';
CREATE UNIQUE INDEX one_candidate_of_a_text ON core.pack (digest) WHERE state = 'candidate';

GRANT SELECT, INSERT, UPDATE ON core.pack TO hw_core;
GRANT SELECT ON core.pack TO hw_service;
