-- Who cares for whom, and when: teams, duty rota, leave and deputies, referral relations, the status of a person
-- with its history, duplicates, notes and review stamps, and whose an open alert is at this moment.

CREATE TABLE care.team (
    team_id text PRIMARY KEY,
    name text NOT NULL,
    institution_id text NOT NULL REFERENCES care.institution (institution_id)
);

-- What somebody does in the team; what the log-in may do is the account's role. Both days included.
CREATE TABLE care.team_member (
    team_id text NOT NULL REFERENCES care.team (team_id),
    staff_id text NOT NULL REFERENCES care.staff (staff_id),
    part text NOT NULL CHECK (part IN ('doctor', 'village_doctor', 'nurse', 'public_health')),
    valid_from date NOT NULL,
    valid_to date,
    PRIMARY KEY (team_id, staff_id, valid_from),
    CHECK (valid_to IS NULL OR valid_to >= valid_from)
);
CREATE INDEX team_member_by_staff ON care.team_member (staff_id);

ALTER TABLE care.contract ADD COLUMN team_id text REFERENCES care.team (team_id);
CREATE INDEX contract_by_team ON care.contract (team_id) WHERE team_id IS NOT NULL;

-- Who sits at an institution's duty desk from one instant to another. Without a shift in force the desk is
-- care.staff.duty_desk. A shift that was given away keeps its row; the new one names it.
CREATE TABLE care.shift (
    shift_id uuid PRIMARY KEY,
    institution_id text NOT NULL REFERENCES care.institution (institution_id),
    staff_id text NOT NULL REFERENCES care.staff (staff_id),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    instead_of uuid REFERENCES care.shift (shift_id),
    cancelled_at timestamptz,
    CHECK (ends_at > starts_at)
);
CREATE INDEX shift_by_institution ON care.shift (institution_id, ends_at) WHERE cancelled_at IS NULL;
CREATE INDEX shift_by_staff ON care.shift (staff_id, ends_at) WHERE cancelled_at IS NULL;

-- Days on which somebody answers nothing, both included, and who answers for them.
CREATE TABLE care.leave (
    leave_id uuid PRIMARY KEY,
    staff_id text NOT NULL REFERENCES care.staff (staff_id),
    first_day date NOT NULL,
    last_day date NOT NULL,
    deputy text REFERENCES care.staff (staff_id),
    cancelled_at timestamptz,
    CHECK (last_day >= first_day),
    CHECK (deputy IS NULL OR deputy <> staff_id)
);
CREATE INDEX leave_by_staff ON care.leave (staff_id, last_day) WHERE cancelled_at IS NULL;
CREATE INDEX leave_by_deputy ON care.leave (deputy, last_day) WHERE cancelled_at IS NULL;

-- Where an institution sends people up to, and takes them back down from, beside the tree of institutions.
CREATE TABLE care.referral_relation (
    from_institution text NOT NULL REFERENCES care.institution (institution_id),
    to_institution text NOT NULL REFERENCES care.institution (institution_id),
    direction text NOT NULL CHECK (direction IN ('up', 'down')),
    valid_from date NOT NULL,
    valid_to date,
    PRIMARY KEY (from_institution, to_institution, direction, valid_from),
    CHECK (from_institution <> to_institution),
    CHECK (valid_to IS NULL OR valid_to >= valid_from)
);

-- What somebody said a person's state is, and until when; care.person.status is what holds now. Append-only but
-- for `ended_at`, which says when it stopped to hold.
CREATE TABLE care.person_status (
    status_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    status text NOT NULL CHECK (status IN ('alive', 'admitted', 'away', 'moved', 'deceased', 'palliative')),
    starts_at timestamptz NOT NULL,
    expires_at timestamptz,
    source text NOT NULL CHECK (source IN ('person', 'family', 'clinician', 'hospital', 'register', 'import')),
    said_by uuid REFERENCES care.account (account_id), -- NULL: an import or the program
    said_at timestamptz NOT NULL,
    began_at timestamptz, -- when it was made to hold; NULL: not yet
    ended_at timestamptz,
    CHECK (expires_at IS NULL OR expires_at > starts_at),
    CHECK (status NOT IN ('admitted', 'away') OR expires_at IS NOT NULL),
    CHECK (status NOT IN ('deceased', 'moved') OR expires_at IS NULL)
);
CREATE INDEX person_status_by_person ON care.person_status (person_id, said_at);
CREATE INDEX person_status_waiting ON care.person_status (starts_at) WHERE began_at IS NULL AND ended_at IS NULL;
CREATE INDEX person_status_expiring ON care.person_status (expires_at)
    WHERE began_at IS NOT NULL AND ended_at IS NULL AND expires_at IS NOT NULL;

-- A death is looked back upon: every alert of the last thirty days, and every case that was open.
CREATE TABLE care.death_review (
    review_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    opened_at timestamptz NOT NULL,
    since timestamptz NOT NULL,
    owner text REFERENCES care.staff (staff_id), -- NULL: nobody was responsible, the institution's desk reads it
    institution_id text REFERENCES care.institution (institution_id),
    closed_at timestamptz,
    closed_by uuid REFERENCES care.account (account_id),
    finding text CHECK (finding IN ('expected', 'answered_in_time', 'answered_late', 'not_answered', 'no_sign', 'error')),
    CHECK ((closed_at IS NULL) = (finding IS NULL))
);
CREATE UNIQUE INDEX one_open_death_review ON care.death_review (person_id) WHERE closed_at IS NULL;
CREATE TABLE care.death_review_alert (
    review_id uuid NOT NULL REFERENCES care.death_review (review_id),
    alert_id uuid NOT NULL REFERENCES care.alert_life (alert_id) ON DELETE CASCADE,
    state text NOT NULL, -- as it stood at the death
    PRIMARY KEY (review_id, alert_id)
);

-- Two registrations of one human being. Nothing is moved: the second points at the first until it is taken back.
ALTER TABLE care.person ADD COLUMN merged_into uuid REFERENCES care.person (person_id);
ALTER TABLE care.person ADD CONSTRAINT not_merged_into_itself CHECK (merged_into <> person_id);
CREATE INDEX person_merged ON care.person (merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE care.person_merge (
    merge_id uuid PRIMARY KEY,
    kept uuid NOT NULL REFERENCES care.person (person_id),
    merged uuid NOT NULL REFERENCES care.person (person_id),
    why text NOT NULL,
    merged_by uuid REFERENCES care.account (account_id),
    merged_at timestamptz NOT NULL,
    devices jsonb NOT NULL, -- whose bindings were turned over, to give them back
    undone_by uuid REFERENCES care.account (account_id),
    undone_at timestamptz
);
CREATE UNIQUE INDEX merged_once ON care.person_merge (merged) WHERE undone_at IS NULL;

-- A clinician's note about a person, and who has read it. Append-only.
CREATE TABLE care.note (
    note_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    author uuid NOT NULL REFERENCES care.account (account_id),
    at timestamptz NOT NULL,
    text text NOT NULL CHECK (length(text) BETWEEN 1 AND 2000)
);
CREATE INDEX note_by_person ON care.note (person_id, at);
CREATE TABLE care.note_seen (
    note_id uuid NOT NULL REFERENCES care.note (note_id),
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    at timestamptz NOT NULL,
    PRIMARY KEY (note_id, account_id)
);
-- When a clinician last looked through a person's readings and said so.
CREATE TABLE care.person_review (
    person_id uuid NOT NULL REFERENCES care.person (person_id),
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    at timestamptz NOT NULL,
    PRIMARY KEY (person_id, account_id)
);

-- Whose an open alert is: the answer to "who is responsible" when it was last asked, and when to ask again.
CREATE TABLE care.alert_owner (
    alert_id uuid PRIMARY KEY REFERENCES care.alert_life (alert_id) ON DELETE CASCADE,
    staff_id text, -- NULL: not asked yet, or nobody
    link text, -- by which link of the chain
    since timestamptz,
    check_at timestamptz -- -infinity: something has changed; NULL: the alert is closed
);
CREATE INDEX alert_owner_due ON care.alert_owner (check_at) WHERE check_at IS NOT NULL;
INSERT INTO care.alert_owner (alert_id, check_at)
SELECT alert_id, CASE WHEN state <> 'closed' THEN '-infinity'::timestamptz END FROM care.alert_life;

-- The last check that nobody will be without an owner, and what it found.
CREATE TABLE care.coverage_check (
    check_id uuid PRIMARY KEY,
    checked_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    people bigint NOT NULL,
    took_s double precision NOT NULL
);
CREATE TABLE care.coverage_finding (
    check_id uuid NOT NULL REFERENCES care.coverage_check (check_id) ON DELETE CASCADE,
    place integer NOT NULL,
    kind text NOT NULL,
    institution_id text,
    staff_id text,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    people bigint NOT NULL,
    example uuid,
    PRIMARY KEY (check_id, place)
);

-- Everybody who is one human being with `of_person`: itself, what it was merged into, and what was merged into that.
CREATE FUNCTION care.same_person(of_person uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE AS $$
    SELECT o.person_id FROM care.person p
    JOIN care.person o ON o.person_id = coalesce(p.merged_into, p.person_id)
        OR o.merged_into = coalesce(p.merged_into, p.person_id)
    WHERE p.person_id = of_person
$$;

-- Staff for whom `of_staff` answers on a day: itself, and whoever is on leave and named it as deputy.
CREATE FUNCTION care.answers_for(of_staff text, today date) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT of_staff
    UNION
    SELECT v.staff_id FROM care.leave v
    WHERE v.deputy = of_staff AND v.cancelled_at IS NULL AND today BETWEEN v.first_day AND v.last_day
$$;

-- The institutions below the one where an account works, itself included: what it may administer (row O11).
CREATE FUNCTION care.institutions_of(viewer uuid) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE below (institution_id) AS (
        SELECT s.institution_id FROM care.account a JOIN care.staff s ON s.staff_id = a.staff_id
        WHERE a.account_id = viewer AND NOT a.disabled
        UNION
        SELECT i.institution_id FROM care.institution i JOIN below ON i.parent_id = below.institution_id
    )
    SELECT institution_id FROM below
$$;

-- Whether a contract in force names the account's member of staff, its team does, or somebody it stands in for.
CREATE FUNCTION care.cares_for(viewer uuid, of_person uuid, today date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM care.contract c
        JOIN care.account a ON a.account_id = viewer AND NOT a.disabled AND a.staff_id IS NOT NULL
        WHERE c.person_id IN (SELECT care.same_person(of_person))
          AND c.valid_from <= today AND (c.valid_to IS NULL OR c.valid_to >= today)
          AND (c.family_doctor IN (SELECT care.answers_for(a.staff_id, today))
               OR c.village_doctor IN (SELECT care.answers_for(a.staff_id, today))
               OR EXISTS (SELECT FROM care.team_member m WHERE m.team_id = c.team_id AND m.staff_id = a.staff_id
                          AND m.valid_from <= today AND (m.valid_to IS NULL OR m.valid_to >= today))))
$$;

CREATE OR REPLACE FUNCTION care.may_read(viewer uuid, of_subject text, today date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM (
            SELECT person_id FROM care.person WHERE subject = of_subject
            UNION ALL
            SELECT person_id FROM care.person
            WHERE of_subject LIKE 'home:%' AND household = substr(of_subject, 6)) p
        WHERE care.cares_for(viewer, p.person_id, today)
    ) OR EXISTS (
        SELECT FROM care.delivery d
        JOIN care.account a ON a.account_id = d.account_id
        JOIN care.alert_life l ON l.alert_id = d.alert_id
        JOIN core.alert k ON k.alert_id = d.alert_id
        WHERE d.account_id = viewer AND NOT a.disabled AND d.channel = 'page'
          AND k.subject = of_subject AND l.state <> 'closed'
    ) OR EXISTS (
        SELECT FROM care.account a
        JOIN care.person p ON p.person_id IN (SELECT care.same_person(a.person_id))
        WHERE a.account_id = viewer AND NOT a.disabled AND p.subject = of_subject
    )
$$;

-- Whatever changes who is responsible has every open alert that it may concern asked again, whoever wrote it: a page,
-- an import, or a hand in the database. The worker is woken when the writer's transaction has committed.
CREATE FUNCTION care.ask_again_of_people(people uuid[]) RETURNS void
LANGUAGE sql AS $$
    UPDATE care.alert_owner o SET check_at = '-infinity'
    FROM care.alert_life l
    WHERE l.alert_id = o.alert_id AND l.state <> 'closed' AND (
        l.person_id IN (SELECT care.same_person(p) FROM unnest(people) p)
        OR l.person_id IS NULL AND l.household IN (
            SELECT household FROM care.person WHERE person_id = ANY (people)));
    SELECT pg_notify('hearthwatch_alert', '');
$$;
CREATE FUNCTION care.ask_again_of_all() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE care.alert_owner o SET check_at = '-infinity'
    FROM care.alert_life l WHERE l.alert_id = o.alert_id AND l.state <> 'closed';
    PERFORM pg_notify('hearthwatch_alert', '');
    RETURN NULL;
END
$$;
CREATE FUNCTION care.contract_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM care.alert_life WHERE state <> 'closed') THEN
        PERFORM care.ask_again_of_people(ARRAY(SELECT DISTINCT person_id FROM changed));
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER contract_added AFTER INSERT ON care.contract
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION care.contract_changed();
CREATE TRIGGER contract_altered AFTER UPDATE ON care.contract
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION care.contract_changed();
CREATE TRIGGER contract_removed AFTER DELETE ON care.contract
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION care.contract_changed();
CREATE FUNCTION care.merge_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM care.ask_again_of_people(ARRAY[NEW.person_id, OLD.merged_into]);
    RETURN NULL;
END
$$;
CREATE TRIGGER person_merged AFTER UPDATE OF merged_into ON care.person
    FOR EACH ROW WHEN (OLD.merged_into IS DISTINCT FROM NEW.merged_into) EXECUTE FUNCTION care.merge_changed();
CREATE TRIGGER rota_changed AFTER INSERT OR UPDATE OR DELETE ON care.shift
    FOR EACH STATEMENT EXECUTE FUNCTION care.ask_again_of_all();
CREATE TRIGGER leave_changed AFTER INSERT OR UPDATE OR DELETE ON care.leave
    FOR EACH STATEMENT EXECUTE FUNCTION care.ask_again_of_all();
CREATE TRIGGER team_changed AFTER INSERT OR UPDATE OR DELETE ON care.team_member
    FOR EACH STATEMENT EXECUTE FUNCTION care.ask_again_of_all();
CREATE TRIGGER staff_changed AFTER UPDATE OF institution_id, duty_desk ON care.staff
    FOR EACH ROW WHEN (OLD.institution_id <> NEW.institution_id OR OLD.duty_desk <> NEW.duty_desk)
    EXECUTE FUNCTION care.ask_again_of_all();
CREATE TRIGGER account_changed AFTER UPDATE OF disabled ON care.account
    FOR EACH ROW WHEN (OLD.disabled <> NEW.disabled AND NEW.staff_id IS NOT NULL)
    EXECUTE FUNCTION care.ask_again_of_all();
CREATE TRIGGER account_added AFTER INSERT ON care.account
    FOR EACH ROW WHEN (NEW.staff_id IS NOT NULL) EXECUTE FUNCTION care.ask_again_of_all();

CREATE FUNCTION care.follow_life() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO care.alert_owner (alert_id, check_at) VALUES (NEW.alert_id, '-infinity') ON CONFLICT DO NOTHING;
    ELSE
        UPDATE care.alert_owner SET check_at = CASE WHEN NEW.state <> 'closed' THEN '-infinity'::timestamptz END
        WHERE alert_id = NEW.alert_id;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER life_begun AFTER INSERT ON care.alert_life FOR EACH ROW EXECUTE FUNCTION care.follow_life();
CREATE TRIGGER life_ended AFTER UPDATE OF state ON care.alert_life
    FOR EACH ROW WHEN ((OLD.state = 'closed') <> (NEW.state = 'closed')) EXECUTE FUNCTION care.follow_life();

GRANT SELECT, INSERT, UPDATE ON care.team, care.team_member, care.shift, care.leave, care.referral_relation,
    care.person_status, care.death_review, care.person_merge, care.person_review, care.alert_owner TO hw_service;
GRANT SELECT, INSERT ON care.death_review_alert, care.note, care.note_seen TO hw_service;
GRANT SELECT, INSERT, DELETE ON care.coverage_check, care.coverage_finding TO hw_service;
REVOKE EXECUTE ON FUNCTION care.same_person(uuid), care.answers_for(text, date), care.institutions_of(uuid),
    care.cares_for(uuid, uuid, date), care.ask_again_of_people(uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION care.same_person(uuid), care.answers_for(text, date), care.institutions_of(uuid),
    care.cares_for(uuid, uuid, date), care.ask_again_of_people(uuid[]) TO hw_service;
