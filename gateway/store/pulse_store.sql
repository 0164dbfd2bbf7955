-- name: write_pulse
INSERT INTO core.pulse (at, epoch, holder, body) VALUES ($1, $2, $3, $4::text::jsonb)
ON CONFLICT (county) DO UPDATE
SET at = excluded.at, epoch = excluded.epoch, holder = excluded.holder, body = excluded.body;

-- name: last_pulse
SELECT at, body::text AS body FROM core.pulse;

-- name: note_downtime
INSERT INTO core.downtime (what, hub, began_at, ended_at) VALUES ($1, $2, $3, $4);

-- name: downtimes
SELECT what, hub, began_at, ended_at FROM core.downtime WHERE ended_at > $1 ORDER BY began_at, downtime_id;
