-- An alert's way to somebody: its richer life, when each delivery interrupts and what moved it, the addresses by
-- which staff and families are reached, answers from a message, receipts, drills, shelves, and what came of an action.

ALTER TABLE care.alert_life DROP CONSTRAINT alert_life_state_check;
ALTER TABLE care.alert_life ADD CONSTRAINT alert_life_state_check
    CHECK (state IN ('unacknowledged', 'acknowledged', 'returned_to_normal', 'shelved', 'closed'));
ALTER TABLE care.alert_life
    ADD COLUMN answer_by timestamptz, -- when the time to answer is over; NULL: a life of before this migration
    ADD COLUMN answers_needed smallint NOT NULL DEFAULT 1 CHECK (answers_needed BETWEEN 1 AND 5),
    ADD COLUMN answered_by uuid[] NOT NULL DEFAULT '{}', -- accounts, since the ladder last began
    ADD COLUMN returned_at timestamptz, -- when readings cleared the core's case
    ADD COLUMN shelved_until timestamptz,
    ADD COLUMN shelf_reason text,
    ADD COLUMN grouped_into uuid, -- a later, at least as urgent alert of the case asks for this one too
    ADD COLUMN why_not text, -- coded, with the outcome not_needed
    ADD COLUMN asked_at timestamptz, -- when the ladder last began; figures measure from here
    ADD CONSTRAINT shelved_has_an_end CHECK ((state = 'shelved') = (shelved_until IS NOT NULL));
UPDATE care.alert_life SET asked_at = taken_at;
CREATE INDEX alert_life_by_case ON care.alert_life (case_id) WHERE state <> 'closed';
CREATE INDEX alert_life_closed ON care.alert_life (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX alert_life_taken ON care.alert_life (taken_at);

ALTER TABLE care.delivery DROP CONSTRAINT delivery_state_check;
ALTER TABLE care.delivery ADD CONSTRAINT delivery_state_check
    CHECK (state IN ('pending', 'delivered', 'failed', 'dead', 'not_needed'));
ALTER TABLE care.delivery
    ADD COLUMN because text, -- why this recipient
    ADD COLUMN hold text, -- what moved it, or took its bell away
    ADD COLUMN interrupts_at timestamptz, -- NULL: it only stands on the list
    ADD COLUMN bundle uuid, -- deliveries that left in one message; a repeat carries the same id
    ADD COLUMN received_at timestamptz, -- the receiver's own receipts
    ADD COLUMN read_at timestamptz;
CREATE INDEX delivery_interruptions ON care.delivery (account_id, interrupts_at) WHERE interrupts_at IS NOT NULL;
CREATE INDEX delivery_by_bundle ON care.delivery (bundle) WHERE bundle IS NOT NULL;
CREATE INDEX delivery_by_alert ON care.delivery (alert_id);
CREATE INDEX delivery_lane ON care.delivery (channel, priority DESC, next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- Everybody concerned in a home hears in words of their own, so one step may say one thing to several people.
DROP INDEX care.patient_told_once;
CREATE UNIQUE INDEX patient_told_once ON care.patient_message (alert_id, step, kind, person_id) WHERE kind <> 'answered';

-- How an account is reached beside its page. `state` dead: a drill or the channel found that nobody is there.
CREATE TABLE care.contact (
    contact_id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    channel text NOT NULL,
    address text NOT NULL CHECK (length(address) BETWEEN 1 AND 500),
    state text NOT NULL CHECK (state IN ('new', 'good', 'dead')),
    since timestamptz NOT NULL, -- of this state
    reached_at timestamptz, -- when somebody last answered from it
    UNIQUE (account_id, channel)
);

-- When somebody works and how often they may be interrupted; without a row the county's usual day holds.
CREATE TABLE care.duty_day (
    account_id uuid PRIMARY KEY REFERENCES care.account (account_id),
    opens time NOT NULL,
    closes time NOT NULL,
    budget smallint NOT NULL CHECK (budget BETWEEN 1 AND 50),
    CHECK (closes > opens)
);

-- A key in a message: whoever opens it sees what is asked and may answer as this account. Only its hash is kept.
CREATE TABLE care.answer_link (
    token_hash bytea PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    bundle uuid, -- the deliveries it is about
    drill_id uuid, -- or the drill
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CHECK ((bundle IS NULL) <> (drill_id IS NULL))
);
CREATE INDEX answer_link_ends ON care.answer_link (expires_at);

-- What a messenger or SMS gateway said of a message, each said once; a repeat is told apart from a new one.
CREATE TABLE care.receipt (
    webhook_id text PRIMARY KEY,
    at timestamptz NOT NULL,
    said text NOT NULL,
    message_id text NOT NULL,
    result text NOT NULL
);

-- Once a month every address is asked whether somebody is there.
CREATE TABLE care.drill (
    drill_id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES care.account (account_id),
    channel text NOT NULL,
    due_at timestamptz, -- when it is sent, or judged; NULL: it is over
    sent_at timestamptz,
    answered_at timestamptz,
    result text NOT NULL CHECK (result IN ('waiting', 'sent', 'reached', 'silent', 'undeliverable')),
    attempts smallint NOT NULL,
    detail text NOT NULL
);
CREATE INDEX drill_due ON care.drill (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX drill_by_account ON care.drill (account_id, channel);

-- A rule rests for one person: with a reason, by somebody, until an expiry. Soon and routine only.
CREATE TABLE care.shelf (
    shelf_id uuid PRIMARY KEY,
    subject text NOT NULL,
    rule_id text NOT NULL,
    reason text NOT NULL,
    put_by uuid NOT NULL REFERENCES care.account (account_id),
    put_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    ended_at timestamptz, -- taken off before its end
    CHECK (until > put_at)
);
CREATE INDEX shelf_of ON care.shelf (subject, rule_id, until) WHERE ended_at IS NULL;

-- Fourteen days after an action the data is asked whether the person improved (row D11).
CREATE TABLE care.follow_up (
    alert_id uuid PRIMARY KEY REFERENCES care.alert_life (alert_id) ON DELETE CASCADE,
    acted_at timestamptz NOT NULL,
    due_at timestamptz, -- NULL: judged
    verdict text CHECK (verdict IN ('improved', 'unchanged', 'worse', 'too_few')),
    before_mean double precision,
    after_mean double precision,
    before_count integer,
    after_count integer,
    judged_at timestamptz,
    CHECK ((verdict IS NULL) = (judged_at IS NULL))
);
CREATE INDEX follow_up_due ON care.follow_up (due_at) WHERE due_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON care.contact, care.duty_day, care.drill, care.shelf, care.follow_up TO hw_service;
GRANT SELECT, INSERT, DELETE ON care.answer_link TO hw_service;
GRANT SELECT, INSERT ON care.receipt TO hw_service;
GRANT DELETE ON care.contact, care.duty_day TO hw_service;
