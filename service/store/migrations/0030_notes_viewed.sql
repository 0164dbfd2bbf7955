-- What clinicians write about a person is read by whoever may read the person; the register's keepers are not among them.
ALTER TABLE care.note ENABLE ROW LEVEL SECURITY;
CREATE POLICY viewed ON care.note TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all'
    OR ((SELECT current_setting('hearthwatch.role', true)) IS DISTINCT FROM 'administrator'
        AND EXISTS (SELECT FROM care.person p WHERE p.person_id = note.person_id)));
