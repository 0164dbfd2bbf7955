#!/usr/bin/env bash
# Runs once in the database container: the two log-in roles that the migrations grant rights to.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" \
    -v core="$HW_CORE_PASSWORD" -v service="$HW_SERVICE_PASSWORD" <<'SQL'
CREATE ROLE hw_core LOGIN PASSWORD :'core';
CREATE ROLE hw_service LOGIN PASSWORD :'service';
CREATE EXTENSION IF NOT EXISTS timescaledb;
SQL
