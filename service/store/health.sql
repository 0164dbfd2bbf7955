-- name: pulse
SELECT at, epoch, holder, body::text AS body FROM core.pulse

-- name: service_pulse
SELECT at FROM care.pulse

-- name: beat
INSERT INTO care.pulse (at) VALUES ($1) ON CONFLICT (county) DO UPDATE SET at = excluded.at

-- name: silent_areas
-- An area is dark when at least half of its hubs are; one alone is on the operator's page already.
SELECT h.area, a.name, a.level, count(*) AS hubs, count(*) FILTER (WHERE h.silent) AS silent,
       min(h.reported_at) FILTER (WHERE h.silent) AS since
FROM (
    SELECT b.hub, b.area, t.reported_at,
           t.reported_at < $1 OR (t.reported_at < $2 AND t.body ->> 'online' = 'false') AS silent
    FROM core.hub b
    JOIN core.hub_status t ON t.hub = b.hub
    LEFT JOIN care.hub_identity i ON i.hub = b.hub
    WHERE i.revoked_at IS NULL
) h
LEFT JOIN care.area a ON a.area_id = h.area
GROUP BY h.area, a.name, a.level
HAVING 2 * count(*) FILTER (WHERE h.silent) >= count(*)
ORDER BY h.area

-- name: canaries
SELECT hub, subject, account_id, every_s, since, arrived_at, took_s FROM care.canary ORDER BY hub

-- name: open_troubles
SELECT trouble_id, kind, place, began_at FROM care.trouble WHERE ended_at IS NULL ORDER BY began_at, kind, place

-- name: troubles_since
SELECT kind, place, began_at, ended_at FROM care.trouble
WHERE ended_at IS NULL OR ended_at >= $1 ORDER BY began_at DESC, kind, place LIMIT 100

-- name: begin_trouble
INSERT INTO care.trouble (trouble_id, kind, place, began_at, noticed_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING trouble_id

-- name: end_trouble
UPDATE care.trouble SET ended_at = $2 WHERE trouble_id = $1 AND ended_at IS NULL RETURNING trouble_id

-- name: add_notice
INSERT INTO care.trouble_notice (trouble_id, edge, state, attempts, next_attempt_at, detail)
VALUES ($1, $2, 'pending', 0, $3, '') ON CONFLICT DO NOTHING

-- name: claim_notice
UPDATE care.trouble_notice n SET attempts = n.attempts + 1, next_attempt_at = $2
FROM care.trouble t
WHERE t.trouble_id = n.trouble_id AND (n.trouble_id, n.edge) = (
    SELECT trouble_id, edge FROM care.trouble_notice WHERE next_attempt_at <= $1
    ORDER BY next_attempt_at, edge LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING n.trouble_id, n.edge, n.attempts, t.kind, t.place, t.began_at, t.ended_at

-- name: note_notice
UPDATE care.trouble_notice SET state = $3, next_attempt_at = $4, delivered_at = $5, detail = $6
WHERE trouble_id = $1 AND edge = $2

-- name: places
WITH RECURSIVE up (asked, area_id, parent_id, level, name) AS (
    SELECT area_id, area_id, parent_id, level, name FROM care.area WHERE area_id = ANY ($1::text[])
    UNION ALL
    SELECT up.asked, a.area_id, a.parent_id, a.level, a.name FROM care.area a JOIN up ON a.area_id = up.parent_id
)
SELECT asked, max(name) FILTER (WHERE area_id = asked) AS name,
       max(name) FILTER (WHERE level = 'township') AS township
FROM up GROUP BY asked ORDER BY asked

-- name: responsible
SELECT DISTINCT h.area, a.account_id
FROM care.household h
JOIN care.person p ON p.household = h.household_id
JOIN care.contract c ON c.person_id = p.person_id
JOIN care.account a ON a.staff_id IN (c.family_doctor, c.village_doctor)
WHERE h.area = ANY ($1::text[]) AND NOT p.synthetic AND NOT a.disabled
  AND c.valid_from <= $2 AND (c.valid_to IS NULL OR c.valid_to >= $2)

-- name: canary_in_inbox
-- Brought to the canary's own page and still open: what its doctor would answer.
SELECT DISTINCT c.hub, l.alert_id, k.effective_at, k.raised_at
FROM care.canary c
JOIN core.alert k ON k.subject = c.subject AND k.synthetic
JOIN care.alert_life l ON l.alert_id = k.alert_id AND l.state <> 'closed'
JOIN care.delivery d ON d.alert_id = k.alert_id AND d.account_id = c.account_id
    AND d.channel = 'page' AND d.state = 'delivered'
ORDER BY k.raised_at, l.alert_id

-- name: canary_arrived
UPDATE care.canary SET arrived_at = $2, took_s = $3 WHERE hub = $1

-- name: forget_canaries
SELECT care.forget_canaries($1)

-- name: register_canary
INSERT INTO care.canary (hub, subject, account_id, every_s, since) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (hub) DO UPDATE SET account_id = excluded.account_id, every_s = excluded.every_s

-- name: remove_canary
DELETE FROM care.canary WHERE hub = $1 RETURNING subject

-- name: hub_place
SELECT b.hub, b.area, (SELECT i.institution_id FROM care.institution i WHERE i.level = 'county'
                       ORDER BY i.institution_id LIMIT 1) AS institution_id
FROM core.hub b WHERE b.hub = $1

-- name: waiting
SELECT (SELECT count(*) FROM core.inbox WHERE applied_at IS NULL) AS inbox,
       (SELECT min(created_at) FROM core.inbox WHERE applied_at IS NULL) AS inbox_since,
       (SELECT count(*) FROM core.outbox WHERE taken_at IS NULL) AS outbox,
       (SELECT min(created_at) FROM core.outbox WHERE taken_at IS NULL) AS outbox_since,
       (SELECT count(*) FROM care.delivery WHERE state IN ('pending', 'failed')) AS deliveries,
       (SELECT count(*) FROM care.delivery d JOIN core.alert k ON k.alert_id = d.alert_id
        WHERE d.state = 'dead' AND NOT k.synthetic) AS dead

-- name: unacknowledged
-- What no service has taken has no life yet, and nobody was told of it at all.
SELECT k.priority, count(*) AS alerts, min(k.raised_at) AS oldest
FROM (
    SELECT l.alert_id FROM care.alert_life l WHERE l.state = 'unacknowledged'
    UNION
    SELECT o.alert_id FROM core.outbox o WHERE o.taken_at IS NULL
) u JOIN core.alert k ON k.alert_id = u.alert_id
WHERE NOT k.synthetic
GROUP BY k.priority ORDER BY k.priority DESC

-- name: quarantine_by_reason
SELECT reason, count(*) AS records FROM core.quarantine WHERE recorded_at >= $1 GROUP BY reason ORDER BY reason

-- name: alert_to_page
SELECT count(*) AS deliveries,
       percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY extract(epoch FROM d.delivered_at - k.raised_at))
           AS seconds
FROM care.delivery d JOIN core.alert k ON k.alert_id = d.alert_id
WHERE d.channel = 'page' AND d.step = 0 AND d.delivered_at >= $1 AND NOT k.synthetic

-- name: hub_figures
SELECT count(*) AS hubs, count(t.hub) AS heard,
       count(*) FILTER (WHERE t.reported_at < $1 OR (t.reported_at < $2 AND t.body ->> 'online' = 'false')) AS silent,
       coalesce(sum((t.body -> 'spool' ->> 'waiting_live')::bigint), 0)::bigint AS waiting_live,
       coalesce(sum((t.body -> 'spool' ->> 'waiting_backlog')::bigint), 0)::bigint AS waiting_backlog
FROM core.hub b LEFT JOIN core.hub_status t ON t.hub = b.hub LEFT JOIN care.hub_identity i ON i.hub = b.hub
WHERE i.revoked_at IS NULL

-- name: tables
-- Estimated rows and bytes with indexes; a partitioned table is the sum of its parts.
SELECT n.nspname || '.' || c.relname AS name, count(p.oid) AS parts,
       (greatest(max(c.reltuples), 0) + coalesce(sum(greatest(p.reltuples, 0)), 0))::bigint AS rows,
       (max(pg_total_relation_size(c.oid)) + coalesce(sum(pg_total_relation_size(p.oid)), 0))::bigint AS bytes
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_inherits h ON h.inhparent = c.oid
LEFT JOIN pg_class p ON p.oid = h.inhrelid AND p.relkind IN ('r', 'p')
WHERE n.nspname IN ('core', 'care', 'cdc') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
GROUP BY 1 ORDER BY 4 DESC, 1

-- name: downtimes
SELECT what, hub, began_at, ended_at FROM core.downtime WHERE ended_at >= $1 ORDER BY began_at DESC, downtime_id LIMIT 50

-- name: downtime_seconds
SELECT what, coalesce(sum(extract(epoch FROM ended_at - began_at)), 0)::float8 AS seconds
FROM core.downtime GROUP BY what ORDER BY what
