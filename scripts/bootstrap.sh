#!/usr/bin/env bash
# make bootstrap: the main job, configured by the environment. Keep's variables or BOOTSTRAP_FILE give the providers;
# DATABASE_URL and its like give the database; both are read by the program. When the environment names nothing to install,
# the example is installed. In a database that was given, it may only add, so that it prunes nothing of the user's.
set -euo pipefail
cd "$(dirname "$0")/.."

variables=$(compgen -e)
args=()
if ! grep -qE '^(KEEP_(PROVIDER|WORKFLOW|DASHBOARDS|MAPPINGS_DIRECTORY|DEFAULT_)|BOOTSTRAP_FILE$)' <<<"$variables"; then
  args+=(-f examples/providers.yaml)
  if grep -qE '^(DATABASE_|BOOTSTRAP_DATABASE|PG(HOST|HOSTADDR|PORT|DATABASE|USER|SERVICE|SERVICEFILE)$)' <<<"$variables"; then
    args+=(--max-prune 0)
  fi
fi
echo "bin/keep-bootstrap up ${args[*]}" >&2
exec bin/keep-bootstrap up "${args[@]}"
