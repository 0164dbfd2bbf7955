-- What the population models found; they are learned again from the readings at every start.
CREATE TABLE core.population_position (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    learned_through date NOT NULL
);

-- Devices of one model, delivery or hub that read differently since a day. Technical, never clinical.
CREATE TABLE core.population_finding (
    kind text NOT NULL, -- model, delivery, hub
    key text NOT NULL,
    quantity text NOT NULL,
    since date NOT NULL,
    found_on date NOT NULL,
    shift double precision NOT NULL, -- canonical unit
    moved integer NOT NULL,
    homes integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (kind, key, quantity, found_on)
);

-- How unusual an alert's newest reading is among similar people's; NULL = too little is known.
CREATE TABLE core.alert_rank (
    alert_id uuid PRIMARY KEY REFERENCES core.alert (alert_id),
    percentile double precision,
    stratum text NOT NULL,
    readings integer NOT NULL,
    ranked_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON core.population_position TO hw_core;
GRANT SELECT, INSERT ON core.population_finding, core.alert_rank TO hw_core;
GRANT SELECT ON core.population_position, core.population_finding, core.alert_rank TO hw_service;
