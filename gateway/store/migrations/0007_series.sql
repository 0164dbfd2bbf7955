-- What people say about somebody's series (gateway/series.py). Append-only: the newest row holds, the
-- earlier ones tell how it came about. No names: `set_by` and `marked_by` are accounts, or `core`.
CREATE TABLE core.series_anchor (
    anchor_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject text NOT NULL,
    quantity text NOT NULL,
    mean double precision NOT NULL, -- canonical unit
    readings integer NOT NULL,
    from_day date NOT NULL, -- first day of the week it is the mean of
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    reason text NOT NULL, -- empty: the first week was confirmed
    recorded_at timestamptz NOT NULL
);
CREATE INDEX series_anchor_of_subject ON core.series_anchor (subject, quantity, set_at);

CREATE TABLE core.series_mark (
    mark_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject text NOT NULL,
    change text NOT NULL, -- drug, device
    at timestamptz NOT NULL,
    marked_by text NOT NULL,
    detail text NOT NULL, -- a code or a model, never free text
    recorded_at timestamptz NOT NULL
);
CREATE INDEX series_mark_of_subject ON core.series_mark (subject, at);

GRANT SELECT, INSERT ON core.series_anchor, core.series_mark TO hw_core;
GRANT SELECT ON core.series_anchor, core.series_mark TO hw_service;
