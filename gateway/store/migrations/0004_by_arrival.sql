-- Readings that keep their device's doubtful time and ring by their arrival (decision D12) are few,
-- and are looked for by the arrival.
CREATE INDEX observation_by_arrival ON core.observation (subject, received_at)
    WHERE effective_at < received_at AND body ->> 'rings_by_arrival' = 'true';
