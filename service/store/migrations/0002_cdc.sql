-- Schema cdc: counts of townships, and what of them was released. No person, home or village stands here
-- (design law 8). True counts stay inside; pages read cdc.release_cell only.
CREATE SCHEMA cdc;

-- Per township and local day, renewed until the week is closed; the detector's input.
CREATE TABLE cdc.count_day (
    area text NOT NULL REFERENCES care.area (area_id),
    indicator text NOT NULL CHECK (indicator IN ('reporting', 'systolic_160')),
    day date NOT NULL,
    people integer NOT NULL CHECK (people >= 0),
    as_of timestamptz NOT NULL,
    PRIMARY KEY (area, indicator, day)
);

-- What anybody with the permission may see of a closed week; decided once, never recomputed.
CREATE TABLE cdc.release_cell (
    week_start date NOT NULL CHECK (extract(isodow FROM week_start) = 1),
    indicator text NOT NULL CHECK (indicator IN ('reporting', 'systolic_160')),
    area text NOT NULL REFERENCES care.area (area_id), -- a township, or the county for the total
    disclosure text NOT NULL CHECK (disclosure IN ('shown', 'small', 'withheld')),
    people integer, -- distinct people in the week
    monitored_up_to integer NOT NULL, -- rounded up to tens
    detector text NOT NULL,
    judgement text NOT NULL
        CHECK (judgement IN ('usual', 'flagged', 'not_shown', 'not_assessable')),
    expected integer, -- people a day; NULL where not judged or below the floor
    threshold integer,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (indicator, week_start, area),
    CHECK ((disclosure = 'shown') = (people IS NOT NULL)),
    CHECK (disclosure = 'shown' OR judgement = 'not_shown'),
    CHECK (judgement IN ('usual', 'flagged') OR (expected IS NULL AND threshold IS NULL))
);

CREATE FUNCTION cdc.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a released cell is never recomputed';
END
$$;
CREATE TRIGGER release_is_final BEFORE UPDATE OR DELETE ON cdc.release_cell
    FOR EACH ROW EXECUTE FUNCTION cdc.refuse_change();

GRANT USAGE ON SCHEMA cdc TO hw_service;
GRANT SELECT, INSERT, UPDATE ON cdc.count_day TO hw_service;
GRANT SELECT, INSERT ON cdc.release_cell TO hw_service;
