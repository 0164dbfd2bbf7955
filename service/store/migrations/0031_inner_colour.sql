-- `colour` drives the clocks and is what officers may know; `inner_colour` counts small sources too, for the duty
-- officer: a due time must not tell of a source that is not named.
ALTER TABLE cdc.signal ADD COLUMN inner_colour text CHECK (inner_colour IN ('blue', 'yellow', 'orange', 'red'));
UPDATE cdc.signal SET inner_colour = colour;
ALTER TABLE cdc.signal ALTER COLUMN inner_colour SET NOT NULL;
