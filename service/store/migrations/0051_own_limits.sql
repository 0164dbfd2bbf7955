-- Who set each of a person's own limits (`targets`) and when, by the limit's name: {"limit": "150", "by": an account's
-- id, "at": an instant}. What was set before is in the record (care.audit).

ALTER TABLE care.person ADD COLUMN targets_set jsonb NOT NULL DEFAULT '{}';
