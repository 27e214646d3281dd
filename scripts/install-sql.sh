#!/usr/bin/env bash
# Creates the database of the PG* variables and installs schema bootstrap with psql alone, next to the tables of Keep.
set -euo pipefail
cd "$(dirname "$0")/.."

psql -X -q -v ON_ERROR_STOP=1 -d postgres -c "CREATE DATABASE $PGDATABASE"
psql -X -q -1 -v ON_ERROR_STOP=1 -f sql/keep-tables.sql >/dev/null
bin/keep-bootstrap sql | psql -X -q -1 -v ON_ERROR_STOP=1 -f - >/dev/null
