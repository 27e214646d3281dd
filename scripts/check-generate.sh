#!/usr/bin/env bash
# Fails if generated files do not match their sources: Go from sqlc (including leftovers of a deleted query file), generated
# SQL, the JSON Schema, docs/cli.md. A test of tools/sqldoc checks docs/sql.md.
# Writes the correct files.
set -euo pipefail
cd "$(dirname "$0")/.."
paths=(internal/db sql/migrations sql/functions test/pgtest/keep schema docs/cli.md)

before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
cp --parents -R "${paths[@]}" "$before"

go generate ./...
CGO_ENABLED=0 go tool -modfile=tools/sqlc/go.mod sqlc vet # as in sql/generate.go: its parser is compiled to Go, which takes less time than C

status=0
for path in "${paths[@]}"; do
  diff -r "$before/$path" "$path" || status=1
done
if [[ $status != 0 ]]; then
  echo "generated files were stale and have been written again; commit them" >&2
fi
exit "$status"
