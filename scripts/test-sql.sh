#!/usr/bin/env bash
# make test-sql: the pgTAP files in sql/tests, each in a transaction that is rolled back, on a database with
# Keep's tables. The schema is installed the way that a DBA does it: the printed script, run by psql.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ -z ${WITH_CLUSTER:-} ]]; then
  exec scripts/with-cluster.sh "$0" "$@"
fi

export PGDATABASE=pgtap
scripts/install-sql.sh
psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION pgtap SCHEMA public'
pg_prove --quiet --failures --recurse --ext .sql "${@:-sql/tests}"
