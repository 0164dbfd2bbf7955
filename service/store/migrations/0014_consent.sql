-- What a person allows, purpose by purpose; who looked without being responsible, why and until when; and the one
-- answer to "why may this account read about this subject".

-- What was said, append-only. `care`: their readings reach a doctor; `counts`: they are counted for the CDC;
-- `research`: their past may be replayed to try rules.
CREATE TABLE care.consent (
    consent_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    purpose text NOT NULL CHECK (purpose IN ('care', 'counts', 'research')),
    given boolean NOT NULL,
    at timestamptz NOT NULL,
    said_by uuid NOT NULL REFERENCES care.account (account_id)
);
CREATE INDEX consent_by_person ON care.consent (person_id, consent_id);

-- What holds now: a row while something is withdrawn. `stopped_at`: when the devices were let go, which waits for
-- the outcome of an open urgent alert (design D5, hazard 20).
CREATE TABLE care.withdrawal (
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    purpose text NOT NULL CHECK (purpose IN ('care', 'counts', 'research')),
    since timestamptz NOT NULL,
    stopped_at timestamptz,
    PRIMARY KEY (person_id, purpose)
);
CREATE INDEX withdrawal_to_stop ON care.withdrawal (since) WHERE purpose = 'care' AND stopped_at IS NULL;

-- Breaking the glass: somebody who is not responsible reads, for a reason, for some hours, and the person learns it.
CREATE TABLE care.glass (
    glass_id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    reason text NOT NULL CHECK (length(reason) BETWEEN 10 AND 300),
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CHECK (expires_at > opened_at AND expires_at <= opened_at + interval '24 hours')
);
CREATE INDEX glass_open ON care.glass (account_id, person_id) WHERE ended_at IS NULL;
CREATE INDEX glass_by_person ON care.glass (person_id, opened_at);

-- Why `viewer` may read what concerns `of_subject`; NULL: there is no reason. `at` NULL counts a glass as open until
-- it is swept up, which happens within seconds of its end.
CREATE FUNCTION care.because(viewer uuid, of_subject text, today date, at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN viewer IS NULL OR of_subject IS NULL THEN NULL
        WHEN EXISTS (
            SELECT FROM care.account a
            JOIN care.person p ON p.person_id IN (SELECT care.same_person(a.person_id))
            WHERE a.account_id = viewer AND NOT a.disabled AND p.subject = of_subject) THEN 'own'
        WHEN EXISTS (
            SELECT FROM (
                SELECT person_id FROM care.person WHERE subject = of_subject
                UNION ALL
                SELECT person_id FROM care.person
                WHERE of_subject LIKE 'home:%' AND household = substr(of_subject, 6)) p
            WHERE NOT EXISTS (SELECT FROM care.withdrawal w WHERE w.person_id = p.person_id AND w.purpose = 'care')
              AND care.cares_for(viewer, p.person_id, today)) THEN 'contract'
        WHEN EXISTS (
            -- an open alert that was brought to them; after a withdrawal only what is urgent runs on
            SELECT FROM care.delivery d
            JOIN care.account a ON a.account_id = d.account_id
            JOIN care.alert_life l ON l.alert_id = d.alert_id
            JOIN core.alert k ON k.alert_id = d.alert_id
            WHERE d.account_id = viewer AND NOT a.disabled AND d.channel = 'page'
              AND k.subject = of_subject AND l.state <> 'closed'
              AND (k.priority >= 3 OR NOT EXISTS (
                  SELECT FROM care.withdrawal w WHERE w.person_id = l.person_id AND w.purpose = 'care'))) THEN 'alert'
        WHEN EXISTS (
            SELECT FROM care.glass g
            JOIN care.account a ON a.account_id = g.account_id
            JOIN care.person p ON p.person_id = g.person_id
            WHERE g.account_id = viewer AND NOT a.disabled AND p.subject = of_subject
              AND g.ended_at IS NULL AND g.expires_at > coalesce(at, '-infinity')) THEN 'break_glass'
    END
$$;

CREATE OR REPLACE FUNCTION care.may_read(viewer uuid, of_subject text, today date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT care.because(viewer, of_subject, today, nullif(current_setting('hearthwatch.now', true), '')::timestamptz)
        IS NOT NULL
$$;

-- The past of somebody, beyond the alert that is open: not after a withdrawal, whatever is open.
CREATE FUNCTION care.may_read_past(viewer uuid, of_subject text, today date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT care.because(viewer, of_subject, today, nullif(current_setting('hearthwatch.now', true), '')::timestamptz)
        IN ('own', 'contract', 'break_glass')
        OR (care.may_read(viewer, of_subject, today) AND NOT EXISTS (
            SELECT FROM care.person p JOIN care.withdrawal w ON w.person_id = p.person_id AND w.purpose = 'care'
            WHERE p.subject = of_subject))
$$;

-- Who is counted for the CDC: everybody the core knows but those who withdrew it.
CREATE VIEW care.counted_profile AS
SELECT f.subject, f.body, f.valid_from FROM core.profile f
WHERE NOT EXISTS (
    SELECT FROM care.withdrawal w JOIN care.person p ON p.person_id = w.person_id
    WHERE p.subject = f.subject AND w.purpose = 'counts');

GRANT SELECT, INSERT ON care.consent TO hw_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON care.withdrawal TO hw_service;
GRANT SELECT, INSERT ON care.glass TO hw_service;
GRANT UPDATE (ended_at) ON care.glass TO hw_service;
GRANT SELECT ON care.counted_profile TO hw_service;
REVOKE EXECUTE ON FUNCTION care.because(uuid, text, date, timestamptz), care.may_read_past(uuid, text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION care.because(uuid, text, date, timestamptz), care.may_read_past(uuid, text, date) TO hw_service;
