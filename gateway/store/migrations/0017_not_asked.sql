-- A decision that stands beside urgent cases asks for nobody where there is none. That is settled
-- when it is taken: a case that opens later must not make it ring for the old reading.
ALTER TABLE core.taken ALTER COLUMN case_id DROP NOT NULL;
