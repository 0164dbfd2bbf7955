-- Under which name the county's OpenID provider knows an account (docs/security.md). Nobody is let in by the
-- provider alone: the account is there first, and an operator links it.
CREATE TABLE care.openid_name (
    account_id uuid PRIMARY KEY REFERENCES care.account (account_id),
    issuer text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 500),
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    linked_at timestamptz NOT NULL,
    UNIQUE (issuer, subject)
);
GRANT SELECT ON care.openid_name TO hw_service;
