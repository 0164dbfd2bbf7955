-- What a follower reads of the core's rows, and writes of its own. Every row of its own names the variant.

-- name: begin
INSERT INTO core.shadow (variant, packs, since, taken_at, taken, inbox_through)
SELECT $1::text, $2::text::jsonb, $3::timestamptz,
    greatest((SELECT max(recorded_at) FROM core.observation),
        (SELECT max(recorded_at) FROM core.quarantine WHERE subject IS NOT NULL),
        '1970-01-01T00:00:00Z'::timestamptz), '{}',
    coalesce((SELECT max(inbox_id) FROM core.inbox WHERE applied_at IS NOT NULL), 0)
ON CONFLICT (variant) DO NOTHING
RETURNING variant;

-- name: taken_now
UPDATE core.shadow SET taken = coalesce((SELECT array_agg(replace(o.identity::text, '-', ''))
    FROM core.observation o WHERE o.recorded_at = taken_at), '{}')
WHERE variant = $1;

-- name: seed_cases
-- What was open when the variant began stays open in it; so does what a clinician had closed.
INSERT INTO core.shadow_case
SELECT $1, case_id, subject, family, rule_id, priority, state, opened_at, last_point_at, last_rang_at,
    ended_at, outcome, limb, facts, began_at, decided_at, decided_on, is_confirmed
FROM core.case WHERE state IN ('open', 'closed') AND rule_id = ANY ($2::text[]);

-- name: seed_taken
INSERT INTO core.shadow_taken (variant, alert_id, case_id, rule_id, stage, trigger, limb, priority, effective_at,
    due_at, began_at, dated, facts, is_lost, taken_at)
SELECT $1, t.alert_id, t.case_id, t.rule_id, t.stage, t.trigger, t.limb, t.priority, t.effective_at, t.due_at,
    t.began_at, t.dated, t.facts, t.is_lost, t.taken_at
FROM core.taken t JOIN core.shadow_case c ON c.variant = $1 AND c.case_id = t.case_id AND c.state = 'open';

-- name: seed_wakes
-- Everybody is looked at once under the variant's rules, $3 a second, as the core does under other rules (D88):
-- who is silent already has no reading to come, and the core's own wake-up may be of a rule that waits for longer.
-- Nobody before the last reading that the variant takes for known: a look sees what had been recorded by then.
INSERT INTO core.shadow_wake
SELECT $1, subject, greatest((SELECT taken_at FROM core.shadow WHERE variant = $1), least(next_wake_at,
    $2::timestamptz + make_interval(secs => ceil(row_number() OVER (ORDER BY subject) / $3::float))))
FROM core.subject_state;

-- name: hold
SELECT since, taken_at, taken, inbox_through FROM core.shadow WHERE variant = $1 FOR UPDATE;

-- name: move
UPDATE core.shadow SET taken_at = $2, taken = $3, inbox_through = $4 WHERE variant = $1;

-- name: readings
SELECT o.subject, o.recorded_at, o.identity, o.device, o.kind, o.effective_at, o.received_at,
    o.time_confidence, o.origin, o.valid, o.possible_repeat, o.rings_by_arrival, o.flags, o.detail
FROM core.observation o
WHERE o.recorded_at >= $1 AND NOT replace(o.identity::text, '-', '') = ANY ($2::text[])
ORDER BY o.recorded_at LIMIT $3;

-- name: strangers
SELECT q.subject, q.recorded_at, q.point::text AS point FROM core.quarantine q
WHERE q.subject IS NOT NULL AND q.recorded_at > $1 AND q.point IS NOT NULL
ORDER BY q.recorded_at LIMIT $2;

-- name: strangers_window
-- As `strangers` of the core: also what an open wait may rest on, however long ago it was measured.
SELECT DISTINCT q.subject, q.point::text AS point
FROM (
    SELECT home.subject, min(told.effective_at) AS since
    FROM unnest($1::text[]) AS home (subject)
    LEFT JOIN core.shadow_wake w ON w.variant = $5 AND w.subject = home.subject
    LEFT JOIN core.quarantine told ON told.subject = home.subject
        AND told.recorded_at BETWEEN least(w.wake_at, $3) - $4::interval AND $3
        AND (told.settled_at IS NULL OR told.settled_at > $3)
    GROUP BY home.subject
) heard
JOIN core.quarantine q ON q.subject = heard.subject
    AND q.effective_at >= least($2, heard.since - $4::interval)
WHERE q.recorded_at <= $3 AND (q.settled_at IS NULL OR q.settled_at > $3);

-- name: facts
SELECT inbox_id, kind, body::text AS body, applied_at FROM core.inbox
WHERE inbox_id > $1 AND applied_at IS NOT NULL AND refused IS NULL AND kind = ANY ($2::text[])
ORDER BY inbox_id LIMIT $3;

-- name: windows
-- As in core_store.sql, but only what was recorded by then.
SELECT o.subject, o.identity, o.device, o.kind, o.effective_at, o.received_at, o.time_confidence,
    o.origin, o.valid, o.possible_repeat, o.rings_by_arrival, o.flags, o.detail
FROM unnest($1::text[], $2::timestamptz[]) AS wanted (subject, since)
JOIN core.observation o ON o.subject = wanted.subject AND o.effective_at >= wanted.since
    AND o.recorded_at <= $3
UNION ALL
SELECT o.subject, o.identity, o.device, o.kind, o.effective_at, o.received_at, o.time_confidence,
    o.origin, o.valid, o.possible_repeat, o.rings_by_arrival, o.flags, o.detail
FROM unnest($1::text[], $2::timestamptz[]) AS wanted (subject, since)
JOIN core.observation o ON o.subject = wanted.subject AND o.received_at >= wanted.since
    AND o.rings_by_arrival AND o.effective_at < wanted.since AND o.recorded_at <= $3;

-- name: next_wake
SELECT min(wake_at) FROM core.shadow_wake WHERE variant = $1;

-- name: due
SELECT subject FROM core.shadow_wake WHERE variant = $1 AND wake_at <= $2 ORDER BY subject;

-- name: clear_wakes
DELETE FROM core.shadow_wake WHERE variant = $1 AND subject = ANY ($2::text[]);

-- name: write_wakes
INSERT INTO core.shadow_wake SELECT $1, * FROM unnest($2::text[], $3::timestamptz[]);

-- name: open_cases
SELECT case_id::text, subject, family, rule_id, priority, state, opened_at, last_point_at,
    last_rang_at, ended_at, outcome, limb, facts::text AS facts, began_at, decided_at, decided_on,
    is_confirmed
FROM core.shadow_case WHERE variant = $1 AND state = 'open' AND subject = ANY ($2::text[]);

-- name: last_closings
SELECT DISTINCT ON (subject, family) case_id::text, subject, family, rule_id, priority, state,
    opened_at, last_point_at, last_rang_at, ended_at, outcome, limb, facts::text AS facts,
    began_at, decided_at, decided_on, is_confirmed
FROM core.shadow_case WHERE variant = $1 AND state = 'closed' AND subject = ANY ($2::text[])
ORDER BY subject, family, ended_at DESC;

-- name: cases_since
SELECT c.case_id::text, c.subject, c.family, c.rule_id, c.priority, c.state, c.opened_at, c.last_point_at,
    c.last_rang_at, c.ended_at, c.outcome, c.limb, c.facts::text AS facts, c.began_at, c.decided_at,
    c.decided_on, c.is_confirmed
FROM unnest($2::text[], $3::timestamptz[]) AS wanted (subject, since)
JOIN core.shadow_case c ON c.variant = $1 AND c.subject = wanted.subject
    AND (c.ended_at IS NULL OR c.ended_at > wanted.since);

-- name: taken_into
SELECT alert_id::text AS alert_id, case_id::text AS case_id, rule_id, stage, trigger, limb, priority,
    effective_at, due_at, began_at, dated, facts::text AS facts, is_lost
FROM core.shadow_taken WHERE variant = $1 AND case_id = ANY ($2::text[]::uuid[]) AND trigger IS NOT NULL;

-- name: unheard
-- Open in shadow for so long since they rang, where nothing live is open that somebody would answer.
-- What opened without ringing (the last case was closed lately) nobody answers.
SELECT s.case_id::text AS case_id FROM core.shadow_case s
WHERE s.variant = $1 AND s.state = 'open' AND s.last_rang_at <= $2 AND s.last_rang_at >= s.opened_at AND s.subject = ANY ($4::text[]) AND NOT EXISTS (
    SELECT FROM core.case c WHERE c.subject = s.subject AND c.family = s.family
        AND c.opened_at <= $3 AND (c.ended_at IS NULL OR c.ended_at > s.last_rang_at))
ORDER BY s.case_id;

-- name: case_by_id
SELECT case_id::text, subject, family, rule_id, priority, state, opened_at, last_point_at,
    last_rang_at, ended_at, outcome, limb, facts::text AS facts, began_at, decided_at, decided_on,
    is_confirmed
FROM core.shadow_case WHERE variant = $1 AND case_id = $2::text::uuid;

-- name: known_alerts
-- What rang before the variant began is not asked for again.
SELECT alert_id::text AS alert_id FROM core.shadow_alert WHERE variant = $1 AND alert_id = ANY ($2::text[]::uuid[])
UNION ALL
SELECT alert_id::text FROM core.shadow_taken WHERE variant = $1 AND alert_id = ANY ($2::text[]::uuid[])
UNION ALL
SELECT a.alert_id::text FROM core.alert a JOIN core.shadow s ON s.variant = $1
WHERE a.alert_id = ANY ($2::text[]::uuid[]) AND a.raised_at <= s.since
UNION ALL
SELECT t.alert_id::text FROM core.taken t JOIN core.shadow s ON s.variant = $1
WHERE t.alert_id = ANY ($2::text[]::uuid[]) AND t.taken_at <= s.since;

-- name: write_cases
INSERT INTO core.shadow_case (variant, case_id, subject, family, rule_id, priority, state, opened_at,
    last_point_at, last_rang_at, ended_at, outcome, limb, facts, began_at, decided_at, decided_on,
    is_confirmed)
SELECT $1, case_id::uuid, subject, family, rule_id, priority, state, opened_at, last_point_at,
    last_rang_at, ended_at, outcome, limb, facts::jsonb, began_at, decided_at, decided_on,
    is_confirmed
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[],
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::text[],
    $13::text[], $14::text[], $15::timestamptz[], $16::timestamptz[], $17::text[], $18::boolean[])
    AS t (case_id, subject, family, rule_id, priority, state, opened_at, last_point_at,
        last_rang_at, ended_at, outcome, limb, facts, began_at, decided_at, decided_on,
        is_confirmed)
ON CONFLICT (variant, case_id) DO UPDATE
SET rule_id = excluded.rule_id, priority = excluded.priority, state = excluded.state,
    last_point_at = excluded.last_point_at, last_rang_at = excluded.last_rang_at,
    ended_at = excluded.ended_at, outcome = excluded.outcome, limb = excluded.limb,
    facts = excluded.facts, began_at = excluded.began_at, decided_at = excluded.decided_at,
    decided_on = excluded.decided_on, is_confirmed = excluded.is_confirmed;

-- name: write_alerts
INSERT INTO core.shadow_alert (variant, alert_id, case_id, subject, kind, priority, family, rule_id,
    rule_version, rule_hash, stage, dated, raised_at, effective_at, synthetic, evidence)
SELECT $1, alert_id::uuid, case_id::uuid, subject, kind, priority, family, rule_id, rule_version,
    rule_hash, stage, dated, raised_at, effective_at, synthetic, evidence
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[],
    $8::text[], $9::integer[], $10::text[], $11::text[], $12::boolean[], $13::timestamptz[],
    $14::timestamptz[], $15::boolean[], $16::text[])
    AS t (alert_id, case_id, subject, kind, priority, family, rule_id, rule_version, rule_hash,
        stage, dated, raised_at, effective_at, synthetic, evidence)
ON CONFLICT DO NOTHING
RETURNING alert_id::text AS alert_id;

-- name: lost_alerts
SELECT alert_id::text AS alert_id FROM core.shadow_taken
WHERE variant = $1 AND alert_id = ANY ($2::text[]::uuid[]) AND is_lost;

-- name: write_taken
INSERT INTO core.shadow_taken (variant, alert_id, case_id, rule_id, stage, trigger, limb, priority, effective_at,
    due_at, began_at, dated, facts, is_lost, taken_at)
SELECT $1, alert_id::uuid, case_id::uuid, rule_id, stage, trigger, limb, priority, effective_at, due_at,
    began_at, dated, facts::jsonb, is_lost, $15::timestamptz
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::smallint[],
    $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::boolean[], $13::text[], $14::boolean[])
    AS t (alert_id, case_id, rule_id, stage, trigger, limb, priority, effective_at, due_at, began_at,
        dated, facts, is_lost)
ON CONFLICT (variant, alert_id) DO UPDATE
SET case_id = excluded.case_id, limb = excluded.limb, due_at = excluded.due_at,
    began_at = excluded.began_at, dated = excluded.dated, facts = excluded.facts,
    is_lost = excluded.is_lost;

-- name: write_unasked
INSERT INTO core.shadow_taken (variant, alert_id, taken_at)
SELECT $1, alert_id::uuid, $3::timestamptz FROM unnest($2::text[]) AS t (alert_id)
ON CONFLICT DO NOTHING;

-- name: prune
WITH alerts AS (DELETE FROM core.shadow_alert WHERE variant = $1 AND raised_at < $2 RETURNING 1),
    taken AS (DELETE FROM core.shadow_taken t WHERE variant = $1 AND taken_at < $2 AND NOT EXISTS (
        SELECT FROM core.shadow_case c WHERE c.variant = $1 AND c.case_id = t.case_id AND c.state = 'open') RETURNING 1),
    cases AS (DELETE FROM core.shadow_case WHERE variant = $1 AND state <> 'open' AND ended_at < $2 RETURNING 1)
SELECT (SELECT count(*) FROM alerts) + (SELECT count(*) FROM taken) + (SELECT count(*) FROM cases);

-- name: forget
DELETE FROM core.shadow WHERE NOT variant = ANY ($1::text[]) RETURNING variant;
