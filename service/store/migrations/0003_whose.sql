-- "Whose is this?": a resident's code for the clinic, who has said "not me", and whom an account may ask.

-- What a resident's code names instead of the person; a new one makes the former worthless.
ALTER TABLE care.person ADD COLUMN code uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE;

-- Signs the codes, so that a mistyped or made-up one is known as such. Drawn here, kept by nobody else.
CREATE TABLE care.code_key (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    key bytea NOT NULL
);
INSERT INTO care.code_key (key) SELECT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());

-- A resident says that a measurement of the home was not theirs; the others and the doctor are still asked.
CREATE TABLE care.not_me (
    identity text NOT NULL,
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    at timestamptz NOT NULL,
    PRIMARY KEY (identity, person_id)
);

-- The homes whose unknown measurements an account is asked about: those of the contracts in force, the own
-- home, and the clinic where the account's staff member works (clinic = its institution, else NULL).
CREATE FUNCTION care.homes_of(viewer uuid, today date) RETURNS TABLE (household text, clinic text)
LANGUAGE sql STABLE AS $$
    SELECT p.household, NULL
    FROM care.account a
    JOIN care.contract c ON a.staff_id IN (c.family_doctor, c.village_doctor)
    JOIN care.person p ON p.person_id = c.person_id
    WHERE a.account_id = viewer AND NOT a.disabled AND p.household IS NOT NULL
      AND c.valid_from <= today AND (c.valid_to IS NULL OR c.valid_to >= today)
    UNION
    SELECT p.household, NULL
    FROM care.account a JOIN care.person p ON p.person_id = a.person_id
    WHERE a.account_id = viewer AND NOT a.disabled AND p.household IS NOT NULL
    UNION
    SELECT h.household, h.clinic
    FROM care.account a
    JOIN care.staff s ON s.staff_id = a.staff_id
    JOIN core.hub h ON h.clinic = s.institution_id
    WHERE a.account_id = viewer AND NOT a.disabled
$$;

-- Whose a measurement at such a home can be, for that account: a patient's only the own; staff choose among
-- who lives there, or at a clinic among those who have a contract in force with somebody who works there.
CREATE FUNCTION care.may_be(viewer uuid, of_household text, of_clinic text, today date)
RETURNS TABLE (person_id uuid, subject text, name text, birth_year smallint)
LANGUAGE sql STABLE AS $$
    SELECT p.person_id, p.subject, p.name, p.birth_year
    FROM care.account a
    JOIN care.person p ON p.household = of_household AND (a.person_id IS NULL OR a.person_id = p.person_id)
    WHERE a.account_id = viewer AND of_clinic IS NULL AND p.status NOT IN ('deceased', 'moved')
    UNION
    SELECT p.person_id, p.subject, p.name, p.birth_year
    FROM care.staff s
    JOIN care.contract c ON s.staff_id IN (c.family_doctor, c.village_doctor)
    JOIN care.person p ON p.person_id = c.person_id
    WHERE s.institution_id = of_clinic AND p.status NOT IN ('deceased', 'moved')
      AND c.valid_from <= today AND (c.valid_to IS NULL OR c.valid_to >= today)
$$;

GRANT SELECT ON care.code_key TO hw_service;
GRANT SELECT, INSERT ON care.not_me TO hw_service;
REVOKE EXECUTE ON FUNCTION care.homes_of(uuid, date), care.may_be(uuid, text, text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION care.homes_of(uuid, date), care.may_be(uuid, text, text, date) TO hw_service;
