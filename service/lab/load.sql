-- name: register_homes
WITH people AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS p (hub, subject, cuff, meter)
), hubs AS (
    INSERT INTO core.hub (hub, household, area, secret)
    SELECT DISTINCT hub, 'h-' || hub, 'load', decode('00', 'hex') FROM people
), profiles AS (
    INSERT INTO core.profile (subject, body, valid_from)
    SELECT subject,
        jsonb_build_object('subject', subject, 'birth_year', 1956, 'household', 'h-' || hub,
            'area', 'load', 'synthetic', true), $5
    FROM people
)
INSERT INTO core.binding (device, subject, valid_from)
SELECT device, subject, $5
FROM people CROSS JOIN LATERAL unnest(ARRAY[cuff, meter]) AS worn (device)

-- name: stored
SELECT (SELECT count(*) FROM care.reading) AS readings, (SELECT count(*) FROM core.quarantine) AS quarantined,
    (SELECT count(*) FROM core.alert) AS alerts, (SELECT count(*) FROM core.hub_status) AS reported
