-- A try to sign in is written down before it is judged, and taken out where it was right: many at once are all counted.
ALTER TABLE care.login_failure ADD COLUMN try_id uuid;
CREATE UNIQUE INDEX login_failure_by_try ON care.login_failure (try_id);
