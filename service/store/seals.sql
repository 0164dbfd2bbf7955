-- name: lock
SELECT pg_try_advisory_xact_lock($1)

-- name: last_seal
SELECT seal_id, digest, audit_through, event_through, alert_through FROM care.seal ORDER BY seal_id DESC LIMIT 1

-- name: settled
-- Up to where every row has long been sealed: a transaction that began before the seal has ended by now.
SELECT audit_through, event_through, alert_through FROM care.seal WHERE at <= $1 ORDER BY seal_id DESC LIMIT 1

-- name: new_audit
SELECT a.audit_id AS entry, a.at, a.account_id, a.action, a.subject, a.detail::text AS detail, a.request, a.door,
       a.because, a.subjects, a.reasons
FROM care.audit a
WHERE a.audit_id > $1 AND NOT EXISTS (SELECT FROM care.seal_entry e WHERE e.stream = 'audit' AND e.entry = a.audit_id)
ORDER BY a.audit_id LIMIT $2

-- name: new_event
-- What a canary sets off is forgotten again, and not sealed.
SELECT v.event_id AS entry, v.at, v.alert_id, v.actor, v.what, v.detail::text AS detail
FROM care.alert_event v JOIN core.alert k ON k.alert_id = v.alert_id
WHERE v.event_id > $1 AND NOT EXISTS (SELECT FROM care.canary c WHERE c.subject = k.subject)
  AND NOT EXISTS (SELECT FROM care.seal_entry e WHERE e.stream = 'event' AND e.entry = v.event_id)
ORDER BY v.event_id LIMIT $2

-- name: new_alert
SELECT o.outbox_id AS entry, k.alert_id, k.case_id, k.subject, k.kind, k.priority, k.family, k.rule_id, k.rule_version,
       k.rule_hash, k.stage, k.dated, k.raised_at, k.effective_at, k.synthetic, k.evidence
FROM core.outbox o JOIN core.alert k ON k.alert_id = o.alert_id
WHERE o.outbox_id > $1 AND NOT EXISTS (SELECT FROM care.canary c WHERE c.subject = k.subject)
  AND NOT EXISTS (SELECT FROM care.seal_entry e WHERE e.stream = 'alert' AND e.entry = o.outbox_id)
ORDER BY o.outbox_id LIMIT $2

-- name: put_seal
INSERT INTO care.seal (seal_id, at, previous, digest, audit_through, event_through, alert_through)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: put_entry
INSERT INTO care.seal_entry (seal_id, place, stream, entry, digest) VALUES ($1, $2, $3, $4, $5)

-- name: seals
SELECT seal_id, at, previous, digest FROM care.seal WHERE seal_id > $1 ORDER BY seal_id LIMIT $2

-- name: entries
SELECT seal_id, place, stream, entry, digest FROM care.seal_entry
WHERE seal_id > $1 AND seal_id <= $2 ORDER BY seal_id, place

-- name: audit_rows
SELECT a.audit_id AS entry, a.at, a.account_id, a.action, a.subject, a.detail::text AS detail, a.request, a.door,
       a.because, a.subjects, a.reasons
FROM care.audit a WHERE a.audit_id = ANY ($1::bigint[])

-- name: event_rows
SELECT v.event_id AS entry, v.at, v.alert_id, v.actor, v.what, v.detail::text AS detail
FROM care.alert_event v WHERE v.event_id = ANY ($1::bigint[])

-- name: alert_rows
SELECT o.outbox_id AS entry, k.alert_id, k.case_id, k.subject, k.kind, k.priority, k.family, k.rule_id, k.rule_version,
       k.rule_hash, k.stage, k.dated, k.raised_at, k.effective_at, k.synthetic, k.evidence
FROM core.outbox o JOIN core.alert k ON k.alert_id = o.alert_id WHERE o.outbox_id = ANY ($1::bigint[])

-- name: slipped_in
-- Rows that no seal knows although seals have long passed them.
SELECT 'audit' AS stream, a.audit_id AS entry FROM care.audit a
WHERE a.audit_id <= $1 AND NOT EXISTS (SELECT FROM care.seal_entry e WHERE e.stream = 'audit' AND e.entry = a.audit_id)
UNION ALL
SELECT 'event', v.event_id FROM care.alert_event v JOIN core.alert k ON k.alert_id = v.alert_id
WHERE v.event_id <= $2 AND NOT EXISTS (SELECT FROM care.canary c WHERE c.subject = k.subject)
  AND NOT EXISTS (SELECT FROM care.seal_entry e WHERE e.stream = 'event' AND e.entry = v.event_id)
UNION ALL
SELECT 'alert', o.outbox_id FROM core.outbox o JOIN core.alert k ON k.alert_id = o.alert_id
WHERE o.outbox_id <= $3 AND NOT EXISTS (SELECT FROM care.canary c WHERE c.subject = k.subject)
  AND NOT EXISTS (SELECT FROM care.seal_entry e WHERE e.stream = 'alert' AND e.entry = o.outbox_id)
ORDER BY 1, 2 LIMIT 50
