#!/usr/bin/env bash
# Lints the SQL that the program ships: the up part of every migration, and every routine.
# A down part drops what its up part made, which is what squawk warns of.
set -euo pipefail
cd "$(dirname "$0")/.."
version=2.66.0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/migrations" "$work/functions"
for file in sql/migrations/*.sql; do
  sed '/^---- create above \/ drop below ----$/,$d' "$file" >"$work/migrations/${file##*/}"
done
cp sql/functions/*.sql "$work/functions/"
cp .squawk.toml "$work/"
cd "$work"
npx --yes --loglevel=error "squawk-cli@$version" migrations/*.sql functions/*.sql
