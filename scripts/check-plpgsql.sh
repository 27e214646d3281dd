#!/usr/bin/env bash
# make check-plpgsql: plpgsql_check over every routine of schema bootstrap, next to the tables of Keep. PostgreSQL itself looks
# into a body only when a statement is reached.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ -z ${WITH_CLUSTER:-} ]]; then
  exec scripts/with-cluster.sh "$0"
fi

export PGDATABASE=plpgsql_check
scripts/install-sql.sh
# A table of Keep that routines read where it exists, and that provisioning does not need.
psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE TABLE public.alert (id uuid PRIMARY KEY, tenant_id varchar NOT NULL, provider_id varchar)'
findings=$(psql -X -q -A -t -v ON_ERROR_STOP=1 -f scripts/check-plpgsql.sql)
if [[ -n $findings ]]; then
  printf '%s\n' "$findings" >&2
  exit 1
fi
psql -X -A -t -c "SELECT 'plpgsql_check: ' || count(*) || ' routines, no finding' FROM pg_proc WHERE pronamespace = 'bootstrap'::regnamespace"
