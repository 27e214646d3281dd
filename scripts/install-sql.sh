#!/usr/bin/env bash
# Installs schema bootstrap with psql alone into the database of the PG* variables, next to the tables of Keep.
set -euo pipefail
cd "$(dirname "$0")/.."

psql -X -q -1 -v ON_ERROR_STOP=1 -f sql/keep-tables.sql >/dev/null
bin/keep-bootstrap sql | psql -X -q -1 -v ON_ERROR_STOP=1 -f - >/dev/null
