-- After the rules have changed everybody is looked at once more, a few people a second: who is silent already would
-- never measure again, and who waits for a confirmation may wait for less now. One row; it stays where the walk has come.
CREATE TABLE core.rules_walk (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mark bigint NOT NULL, -- fingerprint of the rules under which people are looked at
    after text NOT NULL, -- the last subject whom the walk has passed
    is_done boolean NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON core.rules_walk TO hw_core;
