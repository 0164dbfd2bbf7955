-- What somebody told of how a person feels, and who told it. The core takes it as an observation through core.inbox;
-- this is the record that it was said, and what keeps a form that is sent twice from counting twice.
CREATE TABLE care.symptom_told (
    told_id uuid PRIMARY KEY, -- of the form: sent again it is the same
    person_id uuid NOT NULL REFERENCES care.person,
    alert_id uuid, -- beside which alert it was told
    account_id uuid NOT NULL REFERENCES care.account,
    teller text NOT NULL CHECK (teller IN ('self', 'home', 'staff')),
    symptoms text[] NOT NULL,
    fine boolean NOT NULL, -- none of them: the person is all right
    at timestamptz NOT NULL,
    CHECK (fine = (symptoms = '{}'))
);
CREATE INDEX symptom_told_of_person ON care.symptom_told (person_id, at);
GRANT SELECT, INSERT ON care.symptom_told TO hw_service;

ALTER TABLE care.symptom_told ENABLE ROW LEVEL SECURITY;
CREATE POLICY viewed ON care.symptom_told TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all'
    OR ((SELECT current_setting('hearthwatch.role', true)) IS DISTINCT FROM 'administrator'
        AND EXISTS (SELECT FROM care.person p WHERE p.person_id = symptom_told.person_id)));
