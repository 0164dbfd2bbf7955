-- One row of the audit for what one request read, whoever was in it: `subjects` where it was several people (or a
-- refusal beside reads), `reasons` by what right of each, in the same order.
ALTER TABLE care.audit ADD COLUMN subjects text[], ADD COLUMN reasons text[];
CREATE INDEX audit_by_subjects ON care.audit USING gin (subjects) WHERE subjects IS NOT NULL;
