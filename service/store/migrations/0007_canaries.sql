-- What refers to a canary's alerts and cases since goes with them.
CREATE OR REPLACE FUNCTION care.forget_canaries(before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    gone uuid[];
    cases uuid[];
BEGIN
    SELECT array_agg(k.alert_id), array_agg(DISTINCT k.case_id) INTO gone, cases
    FROM core.alert k JOIN care.canary c ON c.subject = k.subject
    LEFT JOIN care.alert_life l ON l.alert_id = k.alert_id
    WHERE k.synthetic AND k.raised_at < before AND l.state = 'closed';
    DELETE FROM care.patient_message WHERE alert_id = ANY (gone);
    DELETE FROM care.delivery WHERE alert_id = ANY (gone);
    DELETE FROM care.alert_event WHERE alert_id = ANY (gone);
    DELETE FROM care.alert_life WHERE alert_id = ANY (gone);
    DELETE FROM core.outbox WHERE alert_id = ANY (gone);
    DELETE FROM core.alert_rank WHERE alert_id = ANY (gone);
    DELETE FROM core.alert WHERE alert_id = ANY (gone);
    DELETE FROM core.inbox i WHERE i.applied_at < before AND (
        i.kind = 'closing' AND i.body ->> 'case_id' = ANY (cases::text[])
        OR i.kind = 'told' AND i.body ->> 'alert_id' = ANY (gone::text[]));
    DELETE FROM core.taken WHERE case_id = ANY (cases);
    DELETE FROM core.case c WHERE c.case_id = ANY (cases) AND c.state <> 'open'
        AND NOT EXISTS (SELECT FROM core.alert k WHERE k.case_id = c.case_id);
    DELETE FROM core.observation o USING care.canary c
    WHERE o.subject = c.subject AND o.effective_at < before;
    RETURN coalesce(cardinality(gone), 0);
END
$$;
