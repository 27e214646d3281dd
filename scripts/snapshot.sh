#!/usr/bin/env bash
# make snapshot: freezes sql/functions into the newest snapshot, which the migration of that number installs.
# make snapshot NEW=NNN starts the next one: after a release a snapshot that users have installed is never rewritten.
set -euo pipefail
cd "$(dirname "$0")/../sql/migrations"

mkdir -p snapshots
newest=$(find snapshots -mindepth 1 -maxdepth 1 -type d | sort | tail -n 1)
number=${NEW:-${newest##*/}}
number=${number:-002}
if ! [[ $number =~ ^[0-9]{3}$ ]]; then
  echo "NEW must be three digits, as in NEW=007" >&2
  exit 64
fi
rm -rf "snapshots/$number"
mkdir -p "snapshots/$number"
cp ../functions/*.sql "snapshots/$number/"
echo "sql/migrations/snapshots/$number: $(find "snapshots/$number" -name '*.sql' | wc -l) files"
