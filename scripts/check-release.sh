#!/usr/bin/env bash
# check-release.sh: what make release-snapshot built is complete, and its Debian package works: in CI it is installed and
# removed again, elsewhere only unpacked.
set -euo pipefail
cd "$(dirname "$0")/../dist/release"

sha256sum --check --quiet --ignore-missing SHA256SUMS
count() { # NUMBER PATTERN: that many files are in SHA256SUMS
  [[ $(grep -cE "  $2\$" SHA256SUMS) == "$1" ]] || { echo "SHA256SUMS has not $1 of $2" >&2; exit 1; }
}
count 2 '.*_linux_(amd64|arm64)\.tar\.gz'
count 2 '.*_darwin_(amd64|arm64)\.tar\.gz'
count 1 '.*_windows_amd64\.zip'
count 2 '.*\.deb'
count 2 '.*\.rpm'
count 5 '.*\.cdx\.json'
count 1 'keep-bootstrap-.*\.tgz'
count 2 '(bootstrap|roles)\.sql'
grep -q 'github.com/jackc/pgx/v5' ./*_linux_amd64.tar.gz.cdx.json

package=$(echo ./*_"$(dpkg --print-architecture)".deb)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
if [[ -n ${CI:-} && $(id -u) == 0 ]]; then
  dpkg --install "$package" >/dev/null
  root=/
  trap 'dpkg --purge keep-bootstrap >/dev/null' EXIT
else
  dpkg-deb --extract "$package" "$root"
fi
version=$(dpkg-deb --field "$package" Version)
printed=$("$root/usr/bin/keep-bootstrap" --version)
printed=${printed#keep-bootstrap }
echo "$package: $printed"
[[ ${printed//[-~]/} == "${version//[-~]/}" ]] # a package writes ~ for the first -
"$root/usr/bin/keep-bootstrap" validate --log-format text -f ../../examples/providers.yaml
grep -q 'KEEP_PROVIDER_<NAME>' <(zcat -f "$root"/usr/share/man/man1/keep-bootstrap-up.1* | sed 's/\\_/_/g')
for file in man/man1/keep-bootstrap.1 bash-completion/completions/keep-bootstrap keep-bootstrap/bootstrap.sql keep-bootstrap/roles.sql doc/keep-bootstrap/copyright; do
  compgen -G "$root/usr/share/$file*" >/dev/null || { echo "$package has no $file" >&2; exit 1; }
done
