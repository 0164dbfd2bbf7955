-- name: changes
SELECT c.change_id, c.kind, c.pack, c.version, c.digest, c.text, c.rule_id, c.why, c.state,
    c.proposed_by, coalesce(s.name, a.login) AS proposer, coalesce(a.staff_id, a.account_id::text) AS proposer_human,
    c.proposed_over, c.proposed_at, c.ended_at,
    i.applied_at IS NOT NULL AS heard, i.refused
FROM care.rule_change c
LEFT JOIN care.account a ON a.account_id = c.proposed_by
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
LEFT JOIN core.inbox i ON i.inbox_id = c.inbox_id
WHERE c.state = 'open' OR c.ended_at > $1
ORDER BY c.change_id DESC LIMIT 100

-- name: approvals
-- Of an open change those count whose account still may: somebody may have left since.
SELECT p.change_id, p.account_id, coalesce(a.staff_id, a.account_id::text) AS human, coalesce(s.name, a.login) AS name,
    p.at
FROM care.rule_approval p JOIN care.rule_change c USING (change_id) JOIN care.account a USING (account_id)
LEFT JOIN care.staff s USING (staff_id)
WHERE p.change_id = ANY ($1) AND (c.state <> 'open' OR NOT a.disabled) ORDER BY p.at, p.account_id

-- name: signatures
SELECT g.change_id, g.rule_id, g.rule_hash, g.name, g.licence, g.day
FROM care.rule_signature g JOIN care.rule_change c USING (change_id) JOIN care.account a USING (account_id)
WHERE g.change_id = ANY ($1) AND (c.state <> 'open' OR NOT a.disabled) ORDER BY g.rule_id

-- name: propose
INSERT INTO care.rule_change (kind, pack, version, digest, text, rule_id, proposed_over, why, proposed_by, proposed_at,
    state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open')
ON CONFLICT DO NOTHING
RETURNING change_id

-- name: told
UPDATE care.rule_change SET inbox_id = (SELECT max(inbox_id) FROM core.inbox WHERE kind = 'pack')
WHERE change_id = $1

-- name: unanswered
SELECT EXISTS (SELECT FROM core.inbox WHERE kind = 'pack' AND applied_at IS NULL)

-- name: approve
INSERT INTO care.rule_approval (change_id, account_id, at) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING change_id

-- name: sign
INSERT INTO care.rule_signature (change_id, rule_id, rule_hash, account_id, name, licence, day, at)
SELECT $1, rule_id, rule_hash, $4, $5, $6, $7, $8
FROM unnest($2::text[], $3::text[]) AS t (rule_id, rule_hash)
ON CONFLICT (change_id, rule_id) DO UPDATE SET rule_hash = excluded.rule_hash, account_id = excluded.account_id,
    name = excluded.name, licence = excluded.licence, day = excluded.day, at = excluded.at

-- name: hold_open
SELECT change_id FROM care.rule_change WHERE change_id = $1 AND state = 'open' FOR UPDATE

-- name: end
UPDATE care.rule_change SET state = $2, ended_by = $3, ended_at = $4
WHERE change_id = $1 AND state = 'open' RETURNING change_id

-- name: decided
SELECT rule_id, max(ended_at) AS at FROM care.rule_change
WHERE kind <> 'pack' AND ended_at IS NOT NULL GROUP BY rule_id

-- name: review
-- Of each rule the newest 50 alerts about real people that somebody (no withdrawal of consent) has closed: how many led to something.
SELECT rule_id, count(*) AS alerts, count(*) FILTER (WHERE outcome = ANY ($1::text[])) AS acted_on,
    min(rule_version) AS version, min(closed_at) AS since
FROM (
    SELECT k.rule_id, k.rule_version, l.outcome, l.closed_at, row_number() OVER (PARTITION BY k.rule_id ORDER BY l.closed_at DESC, k.alert_id) AS place
    FROM core.alert k JOIN care.alert_life l USING (alert_id)
    WHERE l.state = 'closed' AND l.outcome <> 'consent_withdrawn' AND NOT k.synthetic
) AS newest
WHERE place <= $2
GROUP BY rule_id ORDER BY rule_id
