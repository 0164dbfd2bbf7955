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
WHERE v.event_id > $1 AND NOT care.is_canarys(k.subject, k.synthetic)
  AND NOT EXISTS (SELECT FROM care.seal_entry e WHERE e.stream = 'event' AND e.entry = v.event_id)
ORDER BY v.event_id LIMIT $2

-- name: new_alert
SELECT o.outbox_id AS entry, k.alert_id, k.case_id, k.subject, k.kind, k.priority, k.family, k.rule_id, k.rule_version,
       k.rule_hash, k.stage, k.dated, k.raised_at, k.effective_at, k.synthetic, k.evidence
FROM core.outbox o JOIN core.alert k ON k.alert_id = o.alert_id
WHERE o.outbox_id > $1 AND NOT care.is_canarys(k.subject, k.synthetic)
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

-- name: unsealed
-- Rows that no seal knows although they are older than the longest transaction ($4), or seals have passed them.
WITH unknown AS (
    SELECT 'audit' AS stream, a.audit_id AS entry, a.at, a.audit_id <= $1 AS passed FROM care.audit a
    WHERE (a.audit_id <= $1 OR a.at < $4)
      AND NOT EXISTS (SELECT FROM care.seal_entry e WHERE e.stream = 'audit' AND e.entry = a.audit_id)
    UNION ALL
    SELECT 'event', v.event_id, v.at, v.event_id <= $2
    FROM care.alert_event v JOIN core.alert k ON k.alert_id = v.alert_id
    WHERE (v.event_id <= $2 OR v.at < $4) AND NOT care.is_canarys(k.subject, k.synthetic)
      AND NOT EXISTS (SELECT FROM care.seal_entry e WHERE e.stream = 'event' AND e.entry = v.event_id)
    UNION ALL
    SELECT 'alert', o.outbox_id, o.created_at, o.outbox_id <= $3
    FROM core.outbox o JOIN core.alert k ON k.alert_id = o.alert_id
    WHERE (o.outbox_id <= $3 OR o.created_at < $4) AND NOT care.is_canarys(k.subject, k.synthetic)
      AND NOT EXISTS (SELECT FROM care.seal_entry e WHERE e.stream = 'alert' AND e.entry = o.outbox_id)
)
SELECT stream, passed, count(*) AS rows, min(at) AS oldest, (array_agg(entry ORDER BY entry))[1:20] AS some
FROM unknown GROUP BY stream, passed ORDER BY stream, passed

-- name: outside
-- What the chain cannot reach: an alert that no outbox names, a canary that is somebody.
SELECT format('alert %s stands without its row in the outbox: no seal knows it', k.alert_id) AS fault
FROM core.alert k WHERE NOT EXISTS (SELECT FROM core.outbox o WHERE o.alert_id = k.alert_id)
UNION ALL
SELECT format('the canary of hub %s is somebody: %s', c.hub, c.subject)
FROM care.canary c LEFT JOIN care.person p ON p.subject = c.subject
WHERE c.subject <> 's-canary-' || c.hub OR NOT coalesce(p.synthetic, false)
ORDER BY 1 LIMIT 50

-- name: state
-- The last seal, one to keep elsewhere ($1), and since when the oldest row waits that no seal knows.
SELECT l.seal_id, l.at, l.digest, k.seal_id AS kept_seal_id, k.digest AS kept_digest, (
    SELECT min(w.at) FROM (
        (SELECT a.at FROM care.audit a WHERE a.audit_id > coalesce(l.audit_through, 0) ORDER BY a.audit_id LIMIT 1)
        UNION ALL
        (SELECT v.at FROM care.alert_event v JOIN core.alert a ON a.alert_id = v.alert_id
         WHERE v.event_id > coalesce(l.event_through, 0) AND NOT care.is_canarys(a.subject, a.synthetic)
         ORDER BY v.event_id LIMIT 1)
        UNION ALL
        (SELECT o.created_at FROM core.outbox o JOIN core.alert a ON a.alert_id = o.alert_id
         WHERE o.outbox_id > coalesce(l.alert_through, 0) AND NOT care.is_canarys(a.subject, a.synthetic)
         ORDER BY o.outbox_id LIMIT 1)) w) AS waiting_since
FROM (SELECT) once
LEFT JOIN LATERAL (SELECT * FROM care.seal ORDER BY seal_id DESC LIMIT 1) l ON true
LEFT JOIN LATERAL (SELECT * FROM care.seal WHERE at < $1 ORDER BY seal_id DESC LIMIT 1) k ON true
