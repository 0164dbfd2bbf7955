-- Who tried to speak at the broker under another's name, as the broker's log told: by hour, so that a flood is a number.
CREATE TABLE care.refused_speech (
    client text NOT NULL, -- whose certificate or log-in it was
    claimed text NOT NULL, -- the beginning of the topic: whose place it is
    hour timestamptz NOT NULL,
    times integer NOT NULL CHECK (times > 0),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (client, claimed, hour)
);
CREATE INDEX refused_speech_by_time ON care.refused_speech (last_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON care.refused_speech TO hw_service;
