-- What the core's screen remembers of a person's last days (gateway/recent.py); NULL = look exactly.
ALTER TABLE core.subject_state ADD COLUMN recent bytea;
-- A row is rewritten with nearly every reading and keeps its length: room for the next version on the same page
-- spares the indexes.
ALTER TABLE core.subject_state SET (fillfactor = 80);
