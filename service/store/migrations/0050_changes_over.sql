-- What people agree to is a difference: a proposed pack names the text that it would take the place of.

ALTER TABLE care.rule_change ADD COLUMN proposed_over text; -- SHA-256 of it, '' where none held; NULL: nobody noted it
-- Who signs again, a licence mistyped or the hash another, replaces what was signed while the change is open.
GRANT UPDATE ON care.rule_signature TO hw_service;
