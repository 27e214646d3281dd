#!/usr/bin/env bash
# make check-binary: the program built from copies of the sources in two folders has one checksum, needs no library, and has
# at most 18 MB. Of these, 3 MB are text/template and sprig, which the migration library tern brings and nothing here uses.
set -euo pipefail
cd "$(dirname "$0")/.."
limit=18000000

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for copy in a longer/name/b; do
  mkdir -p "$work/$copy"
  git ls-files -z --cached --others --exclude-standard | tar c --null --files-from - --ignore-failed-read | tar x -C "$work/$copy"
  make -s -C "$work/$copy" build VERSION="${VERSION:-unknown}"
done
cd "$work"
sha256sum a/bin/keep-bootstrap longer/name/b/bin/keep-bootstrap
cmp a/bin/keep-bootstrap longer/name/b/bin/keep-bootstrap
if ldd a/bin/keep-bootstrap 2>/dev/null; then
  echo "the program is not static" >&2
  exit 1
fi
size=$(stat -c %s a/bin/keep-bootstrap)
echo "$size bytes, at most $limit"
((size <= limit))
