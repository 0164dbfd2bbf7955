-- The second proof that a member of staff is who they say, and sessions that are not whole yet.

-- `secret` (an app's) is sealed like a name; a passkey's public key needs no hiding. `last_step` keeps an app's code
-- from being used twice.
CREATE TABLE care.second_factor (
    factor_id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    kind text NOT NULL CHECK (kind IN ('totp', 'passkey')),
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz, -- NULL: offered, never shown to work
    last_used_at timestamptz,
    secret text,
    last_step bigint,
    credential bytea UNIQUE,
    public_key bytea,
    sign_count bigint,
    CHECK ((kind = 'totp') = (secret IS NOT NULL)),
    CHECK ((kind = 'passkey') = (credential IS NOT NULL AND public_key IS NOT NULL AND sign_count IS NOT NULL))
);
CREATE INDEX second_factor_by_account ON care.second_factor (account_id);

-- `second`: the password was right and the second proof is missing; `enrol`: there is none yet and one is needed.
ALTER TABLE care.session
    ADD COLUMN step text NOT NULL DEFAULT 'whole' CHECK (step IN ('whole', 'second', 'enrol')),
    ADD COLUMN challenge bytea; -- of the passkey ceremony in progress

GRANT SELECT, INSERT, UPDATE, DELETE ON care.second_factor TO hw_service;
