-- What a case rests on, so that the same readings give the same case in any order of arrival: the
-- earliest reading, and the decision that speaks for it (the highest, confirmed before unconfirmed,
-- then the earliest). Cases that stand here already keep what they were opened with.
ALTER TABLE core.case
    ADD COLUMN began_at timestamptz,
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN decided_on text,
    ADD COLUMN is_confirmed boolean NOT NULL DEFAULT true;
UPDATE core.case SET began_at = opened_at, decided_at = opened_at, decided_on = '';
ALTER TABLE core.case
    ALTER COLUMN began_at SET NOT NULL,
    ALTER COLUMN decided_at SET NOT NULL,
    ALTER COLUMN decided_on SET NOT NULL,
    ALTER COLUMN is_confirmed DROP DEFAULT;

-- Decisions that joined an open case without asking for anybody. A late reading has those after it
-- judged again; what was taken once is not taken twice, and never rings for it.
CREATE TABLE core.taken (
    alert_id uuid PRIMARY KEY, -- the name under which it would have rung
    case_id uuid NOT NULL REFERENCES core.case (case_id),
    taken_at timestamptz NOT NULL
);
CREATE INDEX taken_by_case ON core.taken (case_id);
GRANT SELECT, INSERT, DELETE ON core.taken TO hw_core;
