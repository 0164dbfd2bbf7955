-- What a case rests on, decision by decision. A late reading has decisions after it judged again; what it takes back
-- no longer counts, and the person's cases are folded anew from what still stands. Rows from before know no more than
-- their case, which is then left as it is.
ALTER TABLE core.taken
    ADD COLUMN rule_id text,
    ADD COLUMN stage text,
    ADD COLUMN trigger text, -- identity of the reading (or name of the silence) it was decided on
    ADD COLUMN limb text,
    ADD COLUMN priority smallint,
    ADD COLUMN effective_at timestamptz,
    ADD COLUMN due_at timestamptz, -- when it was to be decided
    ADD COLUMN began_at timestamptz, -- the earliest reading it rests on
    ADD COLUMN dated boolean,
    ADD COLUMN facts jsonb,
    ADD COLUMN is_lost boolean NOT NULL DEFAULT false; -- taken back by what was told later
GRANT UPDATE ON core.taken TO hw_core;
GRANT SELECT ON core.taken TO hw_service;

ALTER TABLE core.shadow_taken
    ADD COLUMN case_id uuid,
    ADD COLUMN rule_id text,
    ADD COLUMN stage text,
    ADD COLUMN trigger text,
    ADD COLUMN limb text,
    ADD COLUMN priority smallint,
    ADD COLUMN effective_at timestamptz,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN began_at timestamptz,
    ADD COLUMN dated boolean,
    ADD COLUMN facts jsonb,
    ADD COLUMN is_lost boolean NOT NULL DEFAULT false;
CREATE INDEX shadow_taken_by_case ON core.shadow_taken (variant, case_id);

-- Whoever brings a late reading has their cases looked for, ended ones too.
CREATE INDEX case_by_subject ON core.case (subject);
