-- What must hold in a county's database. Each statement finds what does not, in words.

-- name: migrations
SELECT name, digest FROM migration.applied ORDER BY name

-- name: marks
SELECT hub, epoch, lane, through FROM core.receipt

-- name: newest_readings
SELECT * FROM core.observation ORDER BY recorded_at DESC LIMIT $1

-- name: every_reading
SELECT * FROM core.observation

-- name: alerts
-- What the machine's own canaries measured is forgotten on purpose.
SELECT alert_id::text AS alert_id, case_id, subject, rule_id, rule_version, rule_hash, stage, evidence,
       care.is_canarys(subject, synthetic) AS is_canarys
FROM core.alert ORDER BY raised_at DESC LIMIT $1

-- name: quarantined
SELECT quarantine_id, point::text AS point FROM core.quarantine WHERE point IS NOT NULL
ORDER BY quarantine_id DESC LIMIT $1

-- name: folded_subjects
-- Whose readings nobody doubts: what is in doubt is learned by nobody.
SELECT s.subject FROM core.subject_state s
WHERE NOT EXISTS (SELECT FROM core.suspicion d WHERE s.subject IN (d.subject, d.other, d.answer))
ORDER BY md5(s.subject) LIMIT $1

-- name: quoted
SELECT * FROM core.observation WHERE subject = $1 AND identity = ANY ($2::text[]::uuid[])

-- name: elsewhere
-- Of readings that are not their alert's person's: given to somebody else since, or still kept aside. One pass for all.
SELECT replace(identity::text, '-', '') AS identity FROM core.observation
WHERE identity = ANY ($1::text[]::uuid[])
UNION
SELECT point ->> 'identity' FROM core.quarantine WHERE point ->> 'identity' = ANY ($1::text[])

-- name: columns
SELECT layout, state FROM core.subject_state WHERE subject = $1

-- name: wrong_alert_without_case
SELECT format('alert %s has no case', a.alert_id) FROM core.alert a
WHERE NOT EXISTS (SELECT FROM core.case c WHERE c.case_id = a.case_id)

-- name: wrong_alert_without_outbox
SELECT format('alert %s was never handed on', a.alert_id) FROM core.alert a
WHERE NOT EXISTS (SELECT FROM core.outbox o WHERE o.alert_id = a.alert_id)

-- name: wrong_taken_without_life
SELECT format('alert %s was taken and has no life', o.alert_id) FROM core.outbox o
WHERE o.taken_at IS NOT NULL AND NOT EXISTS (SELECT FROM care.alert_life l WHERE l.alert_id = o.alert_id)

-- name: wrong_open_without_clock
SELECT format('alert %s is unacknowledged and nobody will be told', l.alert_id) FROM care.alert_life l
JOIN core.alert a ON a.alert_id = l.alert_id
WHERE l.state = 'unacknowledged' AND l.next_due_at IS NULL AND l.step < 0

-- name: wrong_receipt
SELECT format('receipt of %s/%s/%s is %s', hub, epoch, lane, through) FROM core.receipt WHERE through < 0

-- name: wrong_undated_claim
SELECT format('reading %s stands at another time than its first claim', o.identity)
FROM core.seen s JOIN core.observation o ON o.identity = s.identity AND o.claimed_at <> s.claimed_at

-- name: wrong_twice
SELECT format('reading %s is stored %s times', identity, count(*)) FROM core.observation
GROUP BY identity HAVING count(*) > 1

-- name: wrong_two_cases
SELECT format('%s has %s open cases of %s', subject, count(*), family) FROM core.case
WHERE state = 'open' GROUP BY subject, family HAVING count(*) > 1

-- name: wrong_index
SELECT format('index %s is not valid', i.indexrelid::regclass) FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('core', 'care', 'cdc') AND NOT (i.indisvalid AND i.indisready)

-- name: wrong_guard
SELECT format('trigger %s is off', t.tgname) FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('core', 'care', 'cdc') AND NOT t.tgisinternal AND t.tgenabled = 'D'
