-- A guided measurement: somebody said "I sit down now", rested, and measured. Its pulse is one at rest.
CREATE TABLE care.guided_rest (
    subject text NOT NULL,
    begun_at timestamptz NOT NULL,
    PRIMARY KEY (subject, begun_at)
);
CREATE INDEX guided_rest_by_time ON care.guided_rest (begun_at);
ALTER TABLE care.guided_rest ENABLE ROW LEVEL SECURITY;
CREATE POLICY viewed ON care.guided_rest TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all' OR care.sees_past(subject));
GRANT SELECT, INSERT ON care.guided_rest TO hw_service;
