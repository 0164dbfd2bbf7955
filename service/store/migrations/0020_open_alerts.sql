-- Row-level security that stays cheap in a county with many open alerts: what is asked for a whole list is asked once
-- by a function that is bound to the viewer itself, and the policies' long way round is known to be dear.

-- The open alerts that concern an account; of another account than the present viewer's: none.
CREATE FUNCTION care.open_alerts(viewer uuid, today date) RETURNS TABLE (alert_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT found.alert_id FROM (
        -- from the open alerts, which are few, to the contracts: never through all contracts
        SELECT l.alert_id
        FROM care.alert_life l
        JOIN care.contract c ON c.person_id = l.person_id
        JOIN care.account a ON a.staff_id IN (c.family_doctor, c.village_doctor)
        WHERE a.account_id = viewer AND NOT a.disabled AND l.state <> 'closed'
          AND c.valid_from <= today AND (c.valid_to IS NULL OR c.valid_to >= today)
        UNION
        SELECT l.alert_id
        FROM care.alert_life l
        JOIN care.person p ON p.household = l.household AND l.person_id IS NULL
        JOIN care.contract c ON c.person_id = p.person_id
        JOIN care.account a ON a.staff_id IN (c.family_doctor, c.village_doctor)
        WHERE a.account_id = viewer AND NOT a.disabled AND l.state <> 'closed'
          AND c.valid_from <= today AND (c.valid_to IS NULL OR c.valid_to >= today)
        UNION
        SELECT l.alert_id
        FROM care.delivery d
        JOIN care.account a ON a.account_id = d.account_id
        JOIN care.alert_life l ON l.alert_id = d.alert_id
        WHERE d.account_id = viewer AND NOT a.disabled AND d.channel = 'page' AND l.state <> 'closed'
    ) found
    WHERE current_setting('hearthwatch.viewer', true) IN ('all', viewer::text)
$$;
ALTER FUNCTION care.open_alerts(uuid, date) ROWS 20;

-- Whether the present viewer may see an alert: by the contract, else the long way round.
CREATE FUNCTION care.sees_alert(of_alert uuid, of_subject text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM care.alert_life l JOIN care.contract c ON c.person_id = l.person_id
        WHERE l.alert_id = of_alert
          AND NOT EXISTS (SELECT FROM care.withdrawal w WHERE w.person_id = l.person_id AND w.purpose = 'care')
          AND c.valid_from <= nullif(current_setting('hearthwatch.today', true), '')::date
          AND (c.valid_to IS NULL OR c.valid_to >= nullif(current_setting('hearthwatch.today', true), '')::date)
          AND (c.family_doctor = ANY (nullif(current_setting('hearthwatch.staff', true), '')::text[])
               OR c.village_doctor = ANY (nullif(current_setting('hearthwatch.staff', true), '')::text[]))
    ) OR care.sees(of_subject);
END
$$;
DROP POLICY viewed ON core.alert;
CREATE POLICY viewed ON core.alert FOR SELECT TO hw_service USING (
    (SELECT current_setting('hearthwatch.viewer', true)) = 'all' OR care.sees_alert(alert_id, subject));

-- Asked by the service for an account that it names, these look past the policies, which ask the same again.
ALTER FUNCTION care.because(uuid, text, date, timestamptz) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION care.may_read(uuid, text, date) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION care.may_read_past(uuid, text, date) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION care.cares_for(uuid, uuid, date) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

ALTER FUNCTION care.sees(text) COST 20000;
ALTER FUNCTION care.sees_past(text) COST 20000;
ALTER FUNCTION care.sees_life(uuid) COST 20000;
ALTER FUNCTION care.sees_alert(uuid, text) COST 5000;

REVOKE EXECUTE ON FUNCTION care.open_alerts(uuid, date), care.sees_alert(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION care.open_alerts(uuid, date), care.sees_alert(uuid, text) TO hw_service;
