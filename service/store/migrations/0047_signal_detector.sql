-- Which detector held a day's count against its past; NULL of rows from before it was kept.
ALTER TABLE cdc.signal_source ADD COLUMN detector text;
