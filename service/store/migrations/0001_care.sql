-- Schema care: names, contracts, who was told and who answered. The core has no grant here (law 9).
-- Foreign keys point inside this schema or towards core.alert. No time of the database's own: every
-- instant is handed in by the process's clock (design D4).
CREATE SCHEMA care;

CREATE TABLE care.area (
    area_id text PRIMARY KEY,
    parent_id text REFERENCES care.area (area_id),
    level text NOT NULL CHECK (level IN ('village', 'township', 'county')),
    name text NOT NULL
);

CREATE TABLE care.institution (
    institution_id text PRIMARY KEY,
    level text NOT NULL CHECK (level IN ('village', 'township', 'county')),
    name text NOT NULL,
    parent_id text REFERENCES care.institution (institution_id),
    area text NOT NULL REFERENCES care.area (area_id)
);
CREATE INDEX institution_by_area ON care.institution (area);

CREATE TABLE care.staff (
    staff_id text PRIMARY KEY,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN
        ('village_doctor', 'family_doctor', 'county_duty', 'cdc_officer', 'administrator')),
    institution_id text NOT NULL REFERENCES care.institution (institution_id),
    phone text,
    duty_desk boolean NOT NULL -- answers for the whole institution when nobody else does
);
CREATE INDEX staff_by_institution ON care.staff (institution_id);

CREATE TABLE care.household (
    household_id text PRIMARY KEY,
    area text NOT NULL REFERENCES care.area (area_id),
    address text
);

CREATE TABLE care.person (
    person_id uuid PRIMARY KEY,
    subject text NOT NULL UNIQUE, -- the opaque id that everything outside this schema knows
    name text NOT NULL,
    birth_year smallint,
    sex text NOT NULL CHECK (sex IN ('female', 'male', 'unknown')),
    phone text,
    household text REFERENCES care.household (household_id),
    area text REFERENCES care.area (area_id),
    status text NOT NULL,
    conditions text[], -- NULL where nobody has recorded them: unknown is not empty
    drug_classes text[],
    pregnant text NOT NULL CHECK (pregnant IN ('yes', 'no', 'unknown')),
    targets jsonb NOT NULL,
    synthetic boolean NOT NULL
);
CREATE INDEX person_by_household ON care.person (household);

-- The first day and the last day, both included; valid_to NULL = until further notice.
CREATE TABLE care.contract (
    contract_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    family_doctor text NOT NULL REFERENCES care.staff (staff_id),
    village_doctor text REFERENCES care.staff (staff_id),
    institution_id text NOT NULL REFERENCES care.institution (institution_id),
    valid_from date NOT NULL,
    valid_to date,
    CHECK (valid_to IS NULL OR valid_to >= valid_from)
);
CREATE INDEX contract_by_person ON care.contract (person_id);
CREATE INDEX contract_by_family_doctor ON care.contract (family_doctor);
CREATE INDEX contract_by_village_doctor ON care.contract (village_doctor);

CREATE TABLE care.account (
    account_id uuid PRIMARY KEY,
    login text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN
        ('patient', 'village_doctor', 'family_doctor', 'county_duty', 'cdc_officer', 'administrator')),
    staff_id text REFERENCES care.staff (staff_id),
    person_id uuid REFERENCES care.person (person_id),
    language text NOT NULL CHECK (language IN ('zh', 'en')),
    disabled boolean NOT NULL,
    CHECK ((role = 'patient') = (person_id IS NOT NULL)),
    CHECK ((role = 'patient') = (staff_id IS NULL))
);
CREATE INDEX account_by_staff ON care.account (staff_id);
CREATE INDEX account_by_person ON care.account (person_id);

-- Server-side sessions; only the hash of the cookie is kept.
CREATE TABLE care.session (
    token_hash bytea PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX session_by_account ON care.session (account_id);

CREATE TABLE care.login_failure (
    at timestamptz NOT NULL,
    login text NOT NULL,
    address text NOT NULL
);
CREATE INDEX login_failure_by_login ON care.login_failure (login, at);
CREATE INDEX login_failure_by_address ON care.login_failure (address, at);

-- The life of an immutable core.alert: who owns it, which tier has been told, what is due next.
CREATE TABLE care.alert_life (
    alert_id uuid PRIMARY KEY REFERENCES core.alert (alert_id),
    case_id uuid NOT NULL,
    person_id uuid REFERENCES care.person (person_id),
    household text,
    area text,
    state text NOT NULL CHECK (state IN ('unacknowledged', 'acknowledged', 'closed')),
    tier smallint NOT NULL, -- place on the ladder that was told last
    step integer NOT NULL, -- how often somebody was told, over all rounds of the ladder
    round integer NOT NULL, -- how often the ladder began again
    taken_at timestamptz NOT NULL,
    next_due_at timestamptz, -- when the next tier is told, or the owner's check is due
    acknowledged_by uuid REFERENCES care.account (account_id),
    acknowledged_at timestamptz,
    answer text CHECK (answer IN ('seen', 'contacted', 'going')),
    next_check_at timestamptz,
    outcome text,
    closed_at timestamptz,
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK (state <> 'acknowledged' OR (acknowledged_by IS NOT NULL AND next_check_at IS NOT NULL))
);
CREATE INDEX alert_life_due ON care.alert_life (next_due_at) WHERE next_due_at IS NOT NULL;
CREATE INDEX alert_life_by_person ON care.alert_life (person_id);
CREATE INDEX alert_life_open ON care.alert_life (state) WHERE state <> 'closed';

-- One row for each recipient and channel; the receiver's id is alert and step, so a repeat is known as one.
CREATE TABLE care.delivery (
    delivery_id uuid PRIMARY KEY,
    alert_id uuid NOT NULL REFERENCES care.alert_life (alert_id),
    tier smallint NOT NULL,
    step integer NOT NULL,
    account_id uuid REFERENCES care.account (account_id),
    channel text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'dead')),
    attempts smallint NOT NULL,
    priority smallint NOT NULL,
    created_at timestamptz NOT NULL,
    next_attempt_at timestamptz,
    delivered_at timestamptz,
    detail text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (alert_id, step, account_id, channel)
);
CREATE INDEX delivery_due ON care.delivery (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX delivery_by_account ON care.delivery (account_id);

-- What the patient was told, word for word, in both languages.
CREATE TABLE care.patient_message (
    message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    alert_id uuid NOT NULL REFERENCES care.alert_life (alert_id),
    step integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('contacted', 'unanswered', 'answered')),
    at timestamptz NOT NULL,
    text_zh text NOT NULL,
    text_en text NOT NULL
);
-- a repeated delivery says nothing twice; several people may answer one step
CREATE UNIQUE INDEX patient_told_once ON care.patient_message (alert_id, step, kind) WHERE kind <> 'answered';
CREATE INDEX patient_message_by_person ON care.patient_message (person_id, at);

-- The timeline: why did I get this, who was told, who answered. Append-only.
CREATE TABLE care.alert_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    alert_id uuid NOT NULL REFERENCES care.alert_life (alert_id),
    actor text NOT NULL, -- account id, or the word `system`
    what text NOT NULL,
    detail jsonb NOT NULL
);
CREATE INDEX alert_event_by_alert ON care.alert_event (alert_id, event_id);

-- Every read of a person's data and every act. Append-only.
CREATE TABLE care.audit (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    account_id uuid REFERENCES care.account (account_id),
    action text NOT NULL,
    subject text,
    detail jsonb NOT NULL
);
CREATE INDEX audit_by_subject ON care.audit (subject, at);

-- Whether `viewer` may read what concerns `of_subject` today: a contract in force names the staff
-- member, or an alert of this subject (or home) that is still open was delivered to the account,
-- or it is the person's own account. Every read by a clinician or patient passes through here.
CREATE FUNCTION care.may_read(viewer uuid, of_subject text, today date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM care.contract c
        JOIN care.account a ON a.staff_id IN (c.family_doctor, c.village_doctor)
        WHERE a.account_id = viewer AND NOT a.disabled
          AND c.valid_from <= today AND (c.valid_to IS NULL OR c.valid_to >= today)
          AND c.person_id IN (
              SELECT person_id FROM care.person WHERE subject = of_subject
              UNION ALL
              SELECT person_id FROM care.person
              WHERE of_subject LIKE 'home:%' AND household = substr(of_subject, 6))
    ) OR EXISTS (
        SELECT FROM care.delivery d
        JOIN care.account a ON a.account_id = d.account_id
        JOIN care.alert_life l ON l.alert_id = d.alert_id
        JOIN core.alert k ON k.alert_id = d.alert_id
        WHERE d.account_id = viewer AND NOT a.disabled AND d.channel = 'page'
          AND k.subject = of_subject AND l.state <> 'closed'
    ) OR EXISTS (
        SELECT FROM care.account a JOIN care.person p ON p.person_id = a.person_id
        WHERE a.account_id = viewer AND NOT a.disabled AND p.subject = of_subject
    )
$$;

GRANT USAGE ON SCHEMA care TO hw_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA care TO hw_service;
REVOKE UPDATE, DELETE ON care.audit, care.alert_event, care.patient_message FROM hw_service;
REVOKE DELETE ON care.alert_life, care.delivery, care.person, care.contract, care.account FROM hw_service;
REVOKE EXECUTE ON FUNCTION care.may_read(uuid, text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION care.may_read(uuid, text, date) TO hw_service;
