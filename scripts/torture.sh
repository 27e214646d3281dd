#!/usr/bin/env bash
# Runs the long form of test/reliability on each PostgreSQL of VERSIONS (by default all that are supported) and prints the
# rows of the table in docs/reliability.md to stdout, progress to stderr. Ends non-zero when anything was lost. Needs pgbouncer.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
for version in ${VERSIONS:-14 15 16 17 18}; do
  begin=$SECONDS
  log=$(mktemp)
  BOOTSTRAP_TORTURE=1 BOOTSTRAP_TEST_POSTGRES=$version CI=true go test -count=1 -v -timeout 2h ${RUN:+-run "$RUN"} ./test/reliability >"$log" 2>&1 ||
    { failed=1; grep -v '^=== ' "$log" >&2; }
  sed -n 's/.*figure: //p' "$log" | sort
  grep -E '^(ok|FAIL)' "$log" >&2 || true
  echo "PostgreSQL $version took $((SECONDS - begin)) s" >&2
  rm -f "$log"
done
exit "$failed"
