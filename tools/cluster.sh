#!/usr/bin/env bash
# cluster.sh start STATE [name=value ...] | stop STATE | psql STATE [argument ...]
#
# A private cluster in a temporary folder, reached by a unix socket alone.  STATE is a file, made by start, that says where
# it is (shell assignments: ECML_BASE, PGHOST, PGPORT, PGUSER).  The folder lies in /tmp, for a socket's path may have no more
# than 107 bytes.
. "$(dirname "$0")/common.sh"

command=${1:?start, stop or psql}
state=${2:?the state file}
shift 2

bindir=$("$PG_CONFIG" --bindir)

start()
{
	ECML_BASE=$(mktemp -d /tmp/ecml.XXXXXX)
	export ECML_BASE
	mkdir "$ECML_BASE/socket"
	if [ "$(id -u)" = 0 ]; then
		chown -R "$(server_user):" "$ECML_BASE"
	fi
	trap 'rm -rf "$ECML_BASE"' EXIT
	as_server "$bindir/initdb" -D "$ECML_BASE/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
		>/dev/null || fail "initdb failed"
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$ECML_BASE/socket'"
		echo "port = 5432"
		echo "timezone = 'UTC'"
		echo "log_line_prefix = '%m [%p] %d %a '"
		for setting in "$@"; do
			echo "${setting%%=*} = '${setting#*=}'"
		done
	} | as_server tee -a "$ECML_BASE/data/postgresql.conf" >/dev/null
	if ! as_server "$bindir/pg_ctl" -s -w -t 60 -D "$ECML_BASE/data" -l "$ECML_BASE/log" start </dev/null; then
		tail -n 30 "$ECML_BASE/log" >&2 || true
		fail "the private cluster did not start"
	fi
	mkdir -p "$(dirname "$state")"
	{
		echo "ECML_BASE=$ECML_BASE"
		echo "PGHOST=$ECML_BASE/socket"
		echo "PGPORT=5432"
		echo "PGUSER=postgres"
	} >"$state"
	trap - EXIT
}

stop()
{
	[ -f "$state" ] || return 0
	. "$state"
	export ECML_BASE
	case "$ECML_BASE" in
		/tmp/ecml.*) ;;
		*) fail "$state names $ECML_BASE, which is no folder of a private cluster" ;;
	esac
	if [ -f "$ECML_BASE/data/postmaster.pid" ]; then
		as_server "$bindir/pg_ctl" -s -w -m fast -D "$ECML_BASE/data" stop ||
			as_server "$bindir/pg_ctl" -s -w -m immediate -D "$ECML_BASE/data" stop || true
	fi
	rm -rf "$ECML_BASE" "$state"
}

case $command in
	start) start "$@" ;;
	stop) stop ;;
	psql)
		. "$state"
		export PGHOST PGPORT PGUSER
		exec "$bindir/psql" "$@" ;;
	*) fail "cluster.sh: start, stop or psql" ;;
esac
