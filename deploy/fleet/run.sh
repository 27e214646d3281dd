#!/usr/bin/env bash
# run.sh DIRECTORY ARGUMENT...: keep-bootstrap up ARGUMENT... for each file NAME.env of a directory, eight at a time, then one table
# of the results. A file has the variables of one database: DATABASE_URL, BOOTSTRAP_FILE, tokens. The outputs are kept next to the files.
set -euo pipefail
directory=$1
shift
rm -rf "$directory/results"
mkdir "$directory/results"
# shellcheck disable=SC2016 # expanded by the inner shell
find "$directory" -maxdepth 1 -name '*.env' -print0 | xargs -0 -P 8 -I '{}' bash -c '
  keep-bootstrap up --env-file "$1" -o json --log-format json "${@:3}" >"$2/$(basename "$1" .env).jsonl" 2>&1 || true' run '{}' "$directory/results" "$@"
exec keep-bootstrap fleet-report "$directory"/results/*.jsonl
