-- name: register_homes
WITH homes AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS home (hub, cuff, meter)
), hubs AS (
    INSERT INTO core.hub (hub, household, area, secret)
    SELECT hub, 'h-' || hub, 'load', decode('00', 'hex') FROM homes
), people AS (
    INSERT INTO core.profile (subject, body, valid_from)
    SELECT 's-' || hub,
        jsonb_build_object('subject', 's-' || hub, 'birth_year', 1956, 'household', 'h-' || hub,
            'area', 'load', 'synthetic', true), $4
    FROM homes
)
INSERT INTO core.binding (device, subject, valid_from)
SELECT device, 's-' || hub, $4
FROM homes CROSS JOIN LATERAL unnest(ARRAY[cuff, meter]) AS worn (device)

-- name: stored
SELECT (SELECT count(*) FROM care.reading) AS readings, (SELECT count(*) FROM core.quarantine) AS quarantined,
    (SELECT count(*) FROM core.alert) AS alerts, (SELECT count(*) FROM core.hub_status) AS reported
