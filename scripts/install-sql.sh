#!/usr/bin/env bash
# Installs schema bootstrap with psql alone into the database of the PG* variables, beside Keep's tables.
set -euo pipefail
cd "$(dirname "$0")/.."

bin/keep-bootstrap sql | psql -X -q -1 -v ON_ERROR_STOP=1 -f - >/dev/null
psql -X -q -v ON_ERROR_STOP=1 -c 'SELECT bootstrap.create_keep_tables()' -c 'SELECT bootstrap.prepare_keep()' >/dev/null
