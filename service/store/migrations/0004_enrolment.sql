-- Who was let in: hubs that applied, the certificates that are out, devices that log in themselves.
-- A hub's private key never comes here, nor does the secret that signs its commands (the core has it).
CREATE TABLE care.enrolment (
    device_code bytea PRIMARY KEY, -- SHA-256 of what only the hub knows
    user_code text NOT NULL UNIQUE,
    request text NOT NULL, -- PKCS #10, PEM
    fingerprint text NOT NULL, -- SHA-256 of the public key
    software text NOT NULL,
    address text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    polled_at timestamptz,
    interval_s integer NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'taken')),
    hub text,
    decided_by uuid REFERENCES care.account (account_id),
    decided_at timestamptz,
    CHECK ((state IN ('approved', 'taken')) = (hub IS NOT NULL))
);
CREATE INDEX enrolment_by_address ON care.enrolment (address, created_at);

-- One row a hub that was ever let in; it stands in a home or in a clinic.
CREATE TABLE care.hub_identity (
    hub text PRIMARY KEY,
    household text REFERENCES care.household (household_id),
    clinic text REFERENCES care.institution (institution_id),
    enrolled_at timestamptz NOT NULL,
    enrolled_by uuid NOT NULL REFERENCES care.account (account_id),
    revoked_at timestamptz,
    revoked_by uuid REFERENCES care.account (account_id), -- NULL: an operator on the server
    CHECK (num_nonnulls(household, clinic) = 1)
);

CREATE TABLE care.hub_certificate (
    serial text PRIMARY KEY, -- hexadecimal
    hub text NOT NULL REFERENCES care.hub_identity (hub),
    fingerprint text NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    session_ended boolean NOT NULL DEFAULT false -- whoever was connected with it was thrown out
);
CREATE INDEX hub_certificate_by_hub ON care.hub_certificate (hub);
CREATE INDEX hub_certificate_by_key ON care.hub_certificate (fingerprint);

-- A device that logs in at the broker itself, under its key as in its topics.
CREATE TABLE care.device_credential (
    device text PRIMARY KEY CHECK (device ~ '^[A-Za-z0-9._-]+~[A-Za-z0-9._-]+~[A-Za-z0-9._-]+$'),
    claim bytea UNIQUE, -- SHA-256 of the one-time code, while it may be used
    claim_until timestamptz,
    password_line text, -- as the broker reads it: PBKDF2, salted; NULL until claimed
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL REFERENCES care.account (account_id),
    claimed_at timestamptz,
    revoked_at timestamptz
);

-- How far the broker follows: every change raises `wanted`; `applied` once the broker acts by it.
CREATE TABLE care.broker_access (
    county boolean PRIMARY KEY DEFAULT true CHECK (county),
    wanted bigint NOT NULL,
    applied bigint NOT NULL,
    applied_at timestamptz
);
INSERT INTO care.broker_access (wanted, applied) VALUES (1, 0);

GRANT SELECT, INSERT, UPDATE, DELETE ON care.enrolment TO hw_service;
GRANT SELECT, INSERT, UPDATE ON care.hub_identity, care.hub_certificate, care.device_credential TO hw_service;
GRANT SELECT, UPDATE ON care.broker_access TO hw_service;
