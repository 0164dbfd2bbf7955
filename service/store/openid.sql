-- name: link
INSERT INTO care.openid_name (account_id, issuer, subject, linked_at)
SELECT a.account_id, $2, $3, $4 FROM care.account a WHERE a.login = $1
ON CONFLICT (account_id) DO UPDATE SET issuer = excluded.issuer, subject = excluded.subject,
    linked_at = excluded.linked_at
RETURNING account_id

-- name: unlink
DELETE FROM care.openid_name o USING care.account a WHERE a.account_id = o.account_id AND a.login = $1
RETURNING o.account_id

-- name: linked
SELECT a.login, o.issuer, o.subject, o.linked_at
FROM care.openid_name o JOIN care.account a ON a.account_id = o.account_id ORDER BY a.login

-- name: login_of
SELECT a.login FROM care.openid_name o JOIN care.account a ON a.account_id = o.account_id
WHERE o.issuer = $1 AND o.subject = $2 AND NOT a.disabled

-- name: link_of
SELECT a.login, o.issuer, o.subject, o.linked_at
FROM care.openid_name o JOIN care.account a ON a.account_id = o.account_id WHERE o.account_id = $1
