-- Drugs that were handed out, person by person: how long a supply lasts, and who has run out of it.
ALTER TABLE cdc.source ADD COLUMN hands_out boolean NOT NULL DEFAULT false; -- it may say what it handed to whom

CREATE TABLE care.dispensing (
    dispensing_id uuid PRIMARY KEY, -- of the source and its own number; without one of person, drug and day
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    source_id text NOT NULL,
    atc text NOT NULL CHECK (atc ~ '^[A-Z][0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?$'),
    handed_on date NOT NULL,
    days smallint NOT NULL CHECK (days BETWEEN 1 AND 366),
    recorded_at timestamptz NOT NULL
);
CREATE INDEX dispensing_by_person ON care.dispensing (person_id, handed_on);
CREATE INDEX dispensing_by_day ON care.dispensing (handed_on);

-- As readings are: the past of somebody, for who cares for them; never for administrators.
ALTER TABLE care.dispensing ENABLE ROW LEVEL SECURITY;
CREATE POLICY viewed ON care.dispensing TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all'
    OR EXISTS (SELECT FROM care.person p WHERE p.person_id = dispensing.person_id AND care.sees_past(p.subject)));

GRANT SELECT, INSERT, UPDATE ON care.dispensing TO hw_service;
