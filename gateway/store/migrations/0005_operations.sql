-- What the owning core tells of itself every few seconds, on its own clock; one row for the county.
CREATE TABLE core.pulse (
    county boolean PRIMARY KEY DEFAULT true CHECK (county),
    at timestamptz NOT NULL,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    body jsonb NOT NULL -- gateway/pulse.py: counts and durations, no person
);

-- When nothing could reach the core: no core owned the county, or its broker was lost, or a hub was gone
-- (hub set). A wait for a confirmation does not run in that time (design section 6).
CREATE TABLE core.downtime (
    downtime_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what text NOT NULL CHECK (what IN ('core', 'broker', 'hub')),
    hub text REFERENCES core.hub (hub),
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    CHECK (ended_at > began_at),
    CHECK ((what = 'hub') = (hub IS NOT NULL))
);
CREATE INDEX downtime_by_end ON core.downtime (ended_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON core.pulse, core.downtime TO hw_core;
GRANT SELECT ON core.pulse, core.downtime TO hw_service;

-- The canary's alerts are nobody's: they may be forgotten. Everybody else's are never edited or unsent.
CREATE OR REPLACE FUNCTION core.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.synthetic THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'core.% is never edited or unsent', TG_TABLE_NAME;
END
$$;
