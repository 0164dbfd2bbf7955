-- A prompt stands on top of a page until what it is about is over: until a clinician closes an alert of its family.

ALTER TABLE care.prompt ADD COLUMN family text;
UPDATE care.prompt SET family = 'glucose'; -- until now the one rule with prompts was HW-06
ALTER TABLE care.prompt ALTER COLUMN family SET NOT NULL;
