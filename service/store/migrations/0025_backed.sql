-- Whether enough people of enough homes stood behind a count that crossed: officers are told of such counts alone.
ALTER TABLE cdc.signal_source ADD COLUMN backed boolean NOT NULL DEFAULT true;
ALTER TABLE cdc.signal_source ALTER COLUMN backed DROP DEFAULT;
