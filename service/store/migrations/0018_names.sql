-- Finding people whose names are sealed: words of the name under a key that is not here (docs/security.md).
CREATE TABLE care.name_word (
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    word bytea NOT NULL,
    PRIMARY KEY (word, person_id)
);
CREATE INDEX name_word_by_person ON care.name_word (person_id);
GRANT SELECT, INSERT, DELETE ON care.name_word TO hw_service;
