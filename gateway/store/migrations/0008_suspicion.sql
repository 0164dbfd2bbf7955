-- "Was this you?" A reading of a shared device that fits another of its users better. It is not valid
-- until somebody has said whose it is (`waits`), unless an urgent rule looks at it. A row without an
-- answer is a function of the readings and comes and goes with late ones; an answer stays.
CREATE TABLE core.suspicion (
    identity text PRIMARY KEY,
    claimed_at timestamptz NOT NULL,
    subject text NOT NULL, -- whose it is by its device
    other text NOT NULL, -- whom it fits better
    device text NOT NULL,
    user_slot integer,
    effective_at timestamptz NOT NULL,
    point jsonb NOT NULL, -- as its device sent it
    ratio double precision NOT NULL, -- log-likelihood ratio, nats
    waits boolean NOT NULL,
    answer text, -- whose it was said to be
    answered_by text,
    answered_at timestamptz,
    CONSTRAINT answered_whole CHECK (num_nonnulls(answer, answered_by, answered_at) IN (0, 3))
);
CREATE INDEX suspicion_of_subject ON core.suspicion (subject, effective_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON core.suspicion TO hw_core;
GRANT SELECT ON core.suspicion TO hw_service;
