-- Devices that post their readings over HTTP: each has a token of its own, of which only the hash is kept.
CREATE TABLE care.ingest_token (
    token_id uuid PRIMARY KEY, -- what an operator calls it by
    token_hash bytea NOT NULL UNIQUE, -- SHA-256 of 256 random bits
    device text NOT NULL CHECK (device ~ '^[A-Za-z0-9._-]+~[A-Za-z0-9._-]+~[A-Za-z0-9._-]+$'),
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX ingest_token_by_device ON care.ingest_token (device);

GRANT SELECT, INSERT, UPDATE ON care.ingest_token TO hw_service;
