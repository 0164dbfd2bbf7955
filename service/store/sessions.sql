-- name: audit
INSERT INTO care.audit (at, account_id, action, subject, detail, request, door, because)
VALUES ($1, $2, $3, $4, $5, $6, $7, care.because($2, $4, $8, $1))

-- name: audit_looks
INSERT INTO care.audit (at, account_id, action, subject, detail, request, door, because, subjects, reasons)
SELECT $1, $2, $3, $4, $5, $6, $7, care.because($2, $4, $8, $1), array_agg(s.subject ORDER BY s.place),
       array_agg(care.because($2, s.subject, $8, $1) ORDER BY s.place)
FROM unnest($9::text[]) WITH ORDINALITY AS s (subject, place)

-- name: login_failures
SELECT count(*) FILTER (WHERE login = $1) AS by_login,
       count(*) FILTER (WHERE address = $2) AS by_address
FROM care.login_failure WHERE (login = $1 OR address = $2) AND at > $3

-- name: begin_try
INSERT INTO care.login_failure (try_id, at, login, address) VALUES ($1, $2, $3, $4)

-- name: forget_try
DELETE FROM care.login_failure WHERE try_id = $1

-- name: forget_login_failures
DELETE FROM care.login_failure WHERE at < $1

-- name: credentials
SELECT a.account_id, a.login, a.role, a.staff_id, a.person_id, a.language, a.password_hash,
       s.institution_id, coalesce(i.area, p.area) AS area, coalesce(s.name, p.name) AS name, p.subject
FROM care.account a
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
LEFT JOIN care.institution i ON i.institution_id = s.institution_id
LEFT JOIN care.person p ON p.person_id = a.person_id
WHERE a.login = $1 AND NOT a.disabled

-- name: open_session
INSERT INTO care.session (token_hash, account_id, created_at, last_seen_at, expires_at, step)
VALUES ($1, $2, $3, $3, $4, $5)

-- name: close_session
DELETE FROM care.session WHERE token_hash = $1

-- name: use_session
UPDATE care.session u SET last_seen_at = $2
FROM care.account a
LEFT JOIN care.staff s ON s.staff_id = a.staff_id
LEFT JOIN care.institution i ON i.institution_id = s.institution_id
LEFT JOIN care.person p ON p.person_id = a.person_id
WHERE u.token_hash = $1 AND u.expires_at > $2 AND u.last_seen_at > $3
  AND a.account_id = u.account_id AND NOT a.disabled
RETURNING u.step, a.account_id, a.login, a.role, a.staff_id, a.person_id, a.language,
          s.institution_id, coalesce(i.area, p.area) AS area, coalesce(s.name, p.name) AS name, p.subject

-- name: forget_sessions
DELETE FROM care.session WHERE expires_at < $1

-- name: set_language
UPDATE care.account SET language = $2 WHERE account_id = $1
