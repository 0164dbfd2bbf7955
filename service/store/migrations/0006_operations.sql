-- What is blind right now and was before; the canaries; the service's own pulse. No person stands here but
-- the canaries, who do not exist.
CREATE TABLE care.trouble (
    trouble_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN
        ('core_down', 'broker_lost', 'database_slow', 'hubs_silent', 'canary_late')),
    place text NOT NULL, -- an area of silent hubs, the hub of a canary, else empty: the whole county
    began_at timestamptz NOT NULL,
    noticed_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE UNIQUE INDEX trouble_open ON care.trouble (kind, place) WHERE ended_at IS NULL;
CREATE INDEX trouble_by_time ON care.trouble (began_at);

-- What the operator's messenger is told of a trouble: once when it begins and once when it ends.
CREATE TABLE care.trouble_notice (
    trouble_id uuid NOT NULL REFERENCES care.trouble (trouble_id),
    edge text NOT NULL CHECK (edge IN ('began', 'ended')),
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'dead')),
    attempts smallint NOT NULL,
    next_attempt_at timestamptz,
    delivered_at timestamptz,
    detail text NOT NULL,
    PRIMARY KEY (trouble_id, edge)
);
CREATE INDEX trouble_notice_due ON care.trouble_notice (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

CREATE TABLE care.pulse (
    county boolean PRIMARY KEY DEFAULT true CHECK (county),
    at timestamptz NOT NULL
);

-- A hub that sends test measurements, the person they are of, and whose inbox they must reach.
CREATE TABLE care.canary (
    hub text PRIMARY KEY,
    subject text NOT NULL UNIQUE,
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    every_s integer NOT NULL CHECK (every_s > 0),
    since timestamptz NOT NULL,
    arrived_at timestamptz, -- the newest one was seen in the inbox
    took_s double precision -- from the measurement to there
);

GRANT SELECT, INSERT, UPDATE ON care.trouble, care.trouble_notice, care.pulse, care.canary TO hw_service;
GRANT DELETE ON care.canary TO hw_service;

-- Canaries measure some hundred times a day for ever: what is older than `before` goes, everywhere. Only what
-- belongs to the subjects of care.canary, who are nobody; the audit stays.
CREATE FUNCTION care.forget_canaries(before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    gone uuid[];
    cases uuid[];
BEGIN
    SELECT array_agg(k.alert_id), array_agg(DISTINCT k.case_id) INTO gone, cases
    FROM core.alert k JOIN care.canary c ON c.subject = k.subject
    LEFT JOIN care.alert_life l ON l.alert_id = k.alert_id
    WHERE k.synthetic AND k.raised_at < before AND l.state = 'closed';
    DELETE FROM care.patient_message WHERE alert_id = ANY (gone);
    DELETE FROM care.delivery WHERE alert_id = ANY (gone);
    DELETE FROM care.alert_event WHERE alert_id = ANY (gone);
    DELETE FROM care.alert_life WHERE alert_id = ANY (gone);
    DELETE FROM core.outbox WHERE alert_id = ANY (gone);
    DELETE FROM core.alert WHERE alert_id = ANY (gone);
    DELETE FROM core.inbox i WHERE i.applied_at < before AND (
        i.kind = 'closing' AND i.body ->> 'case_id' = ANY (cases::text[])
        OR i.kind = 'told' AND i.body ->> 'alert_id' = ANY (gone::text[]));
    DELETE FROM core.case c WHERE c.case_id = ANY (cases) AND c.state <> 'open'
        AND NOT EXISTS (SELECT FROM core.alert k WHERE k.case_id = c.case_id);
    DELETE FROM core.observation o USING care.canary c
    WHERE o.subject = c.subject AND o.effective_at < before;
    RETURN coalesce(cardinality(gone), 0);
END
$$;
REVOKE EXECUTE ON FUNCTION care.forget_canaries(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION care.forget_canaries(timestamptz) TO hw_service;
