#!/usr/bin/env bash
# with-cluster.sh COMMAND...: runs a command with PG* variables that point to a throw-away cluster of the system's
# PostgreSQL, on a socket in a temporary folder, and removes the cluster afterwards. Within such a command it uses that one's
# cluster. PG_BINDIR chooses the version, CLUSTER_SETTINGS replaces the settings (options of postgres).
set -euo pipefail
if [[ -n ${WITH_CLUSTER:-} ]]; then
  exec "$@"
fi

bindir=${PG_BINDIR:-$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)}
if [[ ! -x $bindir/initdb ]]; then
  echo "no PostgreSQL server found; install it or set PG_BINDIR" >&2
  exit 69
fi

# The server refuses to run as root.
as_server=()
if [[ $(id -u) == 0 ]]; then
  as_server=(runuser -u "$(id -un postgres 2>/dev/null || echo nobody)" --)
fi

work=$(mktemp -d)
chmod 0711 "$work"
trap '"${as_server[@]}" "$bindir/pg_ctl" -D "$work/cluster/data" -m immediate -s stop || true; rm -rf "$work"' EXIT
mkdir "$work/cluster"
chmod 0711 "$work/cluster"
[[ ${#as_server[@]} == 0 ]] || chown "${as_server[2]}" "$work/cluster"
cd "$work"

"${as_server[@]}" "$bindir/initdb" -D "$work/cluster/data" -U postgres --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
"${as_server[@]}" "$bindir/pg_ctl" -D "$work/cluster/data" -l "$work/cluster/log" -s -w start \
  -o "-c listen_addresses='' -c unix_socket_directories='$work/cluster' ${CLUSTER_SETTINGS:--c fsync=off}"

unset DATABASE_URL DATABASE_CONNECTION_STRING PGHOSTADDR PGSERVICE PGPASSWORD
export WITH_CLUSTER=1 PGHOST=$work/cluster PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
cd "$OLDPWD"
"$@"
