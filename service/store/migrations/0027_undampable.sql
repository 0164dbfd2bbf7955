-- An alert that nothing may move though its priority is low: its rule is undampable and rang at once (design section 6).
ALTER TABLE care.alert_life ADD COLUMN undampable boolean NOT NULL DEFAULT false;
