-- A mean of which nobody is left (withdrawn, moved) is taken back by a revision without a value: 0 would be a reading.
ALTER TABLE cdc.count_cell ALTER COLUMN value DROP NOT NULL;
ALTER TABLE cdc.count_cell ADD CONSTRAINT unsaid_of_nobody CHECK (value IS NOT NULL OR people IS NOT DISTINCT FROM 0);
