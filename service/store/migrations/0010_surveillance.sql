-- Counts as they were known at any time, who sends them, and what of them may be seen where (design law 8).
-- Areas reach up to the province and have a first and a last day; an area that is cut anew gets a new id.
ALTER TABLE care.area DROP CONSTRAINT area_level_check;
ALTER TABLE care.area
    ADD CONSTRAINT area_level CHECK (level IN ('village', 'township', 'county', 'prefecture', 'province')),
    ADD COLUMN valid_from date, -- NULL: ever since
    ADD COLUMN valid_to date, -- the last day; NULL: until further notice
    ADD CONSTRAINT area_days CHECK (valid_from <= valid_to);
CREATE INDEX area_by_parent ON care.area (parent_id);

-- The operator's outlines, for maps; GeoJSON geometry in longitude and latitude.
CREATE TABLE cdc.area_shape (
    area text PRIMARY KEY REFERENCES care.area (area_id),
    geometry jsonb NOT NULL,
    imported_at timestamptz NOT NULL
);

-- Who sends counts. `home` is this program itself; every other source has a credential of its own.
CREATE TABLE cdc.source (
    source_id text PRIMARY KEY CHECK (source_id ~ '^[a-z0-9][a-z0-9_.-]{0,59}$'),
    kind text NOT NULL CHECK (kind IN ('home', 'clinic', 'pharmacy', 'school', 'laboratory', 'weather')),
    name text NOT NULL,
    area text REFERENCES care.area (area_id), -- it reports of this area and of what lies in it; NULL: the county
    delay_shares double precision[] NOT NULL, -- of a day's final count, known after 0, 1, 2... days; the last is 1
    weekdays smallint[] NOT NULL, -- ISO days of the week on which it reports
    token_hash bytea UNIQUE, -- SHA-256 of 256 random bits
    created_at timestamptz,
    disabled_at timestamptz
);
INSERT INTO cdc.source (source_id, kind, name, delay_shares, weekdays)
VALUES ('home', 'home', '家庭设备', '{0.8, 0.95, 1}', '{1,2,3,4,5,6,7}');

-- One sending: the report of what was taken, line by line, is the answer to it and stays here.
CREATE TABLE cdc.submission (
    submission_id uuid PRIMARY KEY,
    source_id text NOT NULL REFERENCES cdc.source (source_id),
    form text NOT NULL CHECK (form IN ('json', 'csv', 'fhir')),
    received_at timestamptz NOT NULL,
    taken integer NOT NULL,
    unchanged integer NOT NULL,
    refused integer NOT NULL
);
CREATE INDEX submission_by_source ON cdc.submission (source_id, received_at);

CREATE TABLE cdc.refused_line (
    submission_id uuid NOT NULL REFERENCES cdc.submission (submission_id),
    line integer NOT NULL,
    reason text NOT NULL,
    field text NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (submission_id, line, field)
);

-- One number of one area, source and period. Append-only: a later revision stands beside the earlier ones, so that
-- any day can be judged again as it was known then. Never a person, a home or a village.
CREATE TABLE cdc.count_cell (
    indicator text NOT NULL,
    area text NOT NULL REFERENCES care.area (area_id), -- a township or above
    day date NOT NULL, -- first day of the period
    source_id text NOT NULL REFERENCES cdc.source (source_id),
    revision integer NOT NULL CHECK (revision >= 1),
    value double precision NOT NULL, -- people, events, a mean or a share: the indicator says which
    base integer CHECK (base >= 0), -- of how many: enrolled pupils, managed people, visits
    people integer CHECK (people >= 0), -- people reporting
    households integer CHECK (households >= 0), -- in how many homes
    largest_share double precision CHECK (largest_share BETWEEN 0 AND 1), -- of one home in what was counted
    as_of timestamptz NOT NULL,
    PRIMARY KEY (indicator, area, day, source_id, revision)
);
CREATE INDEX count_cell_by_day ON cdc.count_cell (day, indicator);
INSERT INTO cdc.count_cell (indicator, area, day, source_id, revision, value, as_of)
SELECT indicator, area, day, 'home', 1, people, as_of FROM cdc.count_day;
DROP TABLE cdc.count_day;

CREATE FUNCTION cdc.refuse_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a count is revised by a new row';
END
$$;
CREATE TRIGGER count_is_history BEFORE UPDATE OR DELETE ON cdc.count_cell
    FOR EACH ROW EXECUTE FUNCTION cdc.refuse_revision();

-- At which level an indicator is released, declared before the first week it holds for.
CREATE TABLE cdc.release_level (
    indicator text NOT NULL,
    since date NOT NULL CHECK (extract(isodow FROM since) = 1),
    level text NOT NULL CHECK (level IN ('township', 'county')),
    declared_at timestamptz NOT NULL,
    PRIMARY KEY (indicator, since)
);

ALTER TABLE cdc.release_cell DROP CONSTRAINT release_cell_indicator_check;
ALTER TABLE cdc.release_cell DROP CONSTRAINT release_cell_disclosure_check;
ALTER TABLE cdc.release_cell
    -- thin: too few people or homes report, or one home is more than half: nothing is said
    ADD CONSTRAINT release_cell_disclosure CHECK (disclosure IN ('shown', 'small', 'withheld', 'thin')),
    ADD COLUMN floor smallint NOT NULL DEFAULT 5 CHECK (floor >= 2);
ALTER TABLE cdc.release_cell ALTER COLUMN floor DROP DEFAULT;

-- Who by name may ask for a true count of an open signal of this county.
CREATE TABLE cdc.duty_officer (
    area text NOT NULL REFERENCES care.area (area_id),
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    first_day date NOT NULL,
    last_day date NOT NULL CHECK (last_day >= first_day),
    named_by uuid REFERENCES care.account (account_id),
    named_at timestamptz NOT NULL,
    PRIMARY KEY (area, account_id, first_day)
);

-- What the levels above may read, through postgres_fdw and nothing else: released cells.
CREATE VIEW cdc.rollup AS
SELECT c.week_start, c.indicator, c.area, r.name AS area_name, r.level, c.disclosure, c.people, c.monitored_up_to,
    c.floor, c.decided_at
FROM cdc.release_cell c JOIN care.area r ON r.area_id = c.area;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hw_above') THEN CREATE ROLE hw_above LOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- another database of this cluster created it at the same moment
END
$$;
GRANT USAGE ON SCHEMA cdc TO hw_above;
GRANT SELECT ON cdc.rollup TO hw_above;

-- Several people of one home or village within days: a task for those who know the place (never a signal yet).
CREATE TABLE care.cluster_task (
    task_id uuid PRIMARY KEY,
    rule_id text NOT NULL,
    scope text NOT NULL CHECK (scope IN ('household', 'village')),
    place text NOT NULL, -- the household or the village
    area text NOT NULL REFERENCES care.area (area_id),
    family text NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    people integer NOT NULL,
    households integer NOT NULL,
    evidence jsonb NOT NULL, -- the cases it rests on, and how many people of which age
    opened_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    institution_id text REFERENCES care.institution (institution_id),
    state text NOT NULL CHECK (state IN ('open', 'verified', 'dismissed')),
    answered_by uuid REFERENCES care.account (account_id),
    answered_at timestamptz,
    verified_people integer CHECK (verified_people > 0),
    reason text, -- of a dismissal, coded
    CHECK ((state = 'open') = (answered_at IS NULL)),
    CHECK ((state = 'verified') = (verified_people IS NOT NULL)),
    CHECK ((state = 'dismissed') = (reason IS NOT NULL))
);
CREATE UNIQUE INDEX one_open_cluster ON care.cluster_task (rule_id, place) WHERE state = 'open';
CREATE INDEX cluster_by_institution ON care.cluster_task (institution_id, state);

GRANT SELECT ON cdc.area_shape, cdc.source, cdc.release_level, cdc.duty_officer, cdc.rollup TO hw_service;
GRANT INSERT, UPDATE, DELETE ON cdc.area_shape TO hw_service;
GRANT INSERT, UPDATE ON cdc.source TO hw_service;
GRANT INSERT ON cdc.release_level, cdc.duty_officer TO hw_service;
GRANT SELECT, INSERT ON cdc.submission, cdc.refused_line, cdc.count_cell TO hw_service;
GRANT SELECT, INSERT, UPDATE ON care.cluster_task TO hw_service;
