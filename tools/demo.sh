#!/usr/bin/env bash
# demo.sh start|psql|stop - the shop in a private cluster, and the tour
#
# SCALE=1 is about 20,000 customers and 350,000 orders.  DATA names the folder of real data, for the second part of the tour.
. "$(dirname "$0")/common.sh"

command=${1:-start}
state=$top/.demo/state
scale=${SCALE:-1}

start()
{
	say "== build and install"
	build_and_install
	stop
	say "== a private cluster"
	"$top/tools/cluster.sh" start "$state" shared_buffers=256MB work_mem=32MB max_wal_size=4GB fsync=off \
		maintenance_work_mem=128MB
	trap 'stop' EXIT
	trap 'exit 130' INT TERM
	. "$state"
	export PGHOST PGPORT PGUSER PGDATABASE=shop PGOPTIONS='-c client_min_messages=warning'
	psql -XqAt -d postgres -c 'CREATE DATABASE shop'
	psql -Xq -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION ecml'

	say "== the shop (SCALE=$scale)"
	local before=$SECONDS
	psql -Xq -v ON_ERROR_STOP=1 -v scale="$scale" -f "$top/demo/shop.sql"
	psql -XAt -F '  ' -c "SELECT rpad(relname, 20), lpad(to_char(n, 'FM999,999,990'), 12) || ' rows', d
		FROM (SELECT c.relname, c.reltuples::bigint AS n, obj_description(c.oid) AS d
			FROM pg_class c WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace) t ORDER BY relname"
	say "generated in $((SECONDS - before)) s"

	"$top/demo/tour.sh" "$top"/demo/tour/*.sql
	if [ -n "${DATA:-}" ]; then
		[ -d "$DATA" ] || fail "DATA=$DATA: no such folder"
		ECML_DATA=$(cd "$DATA" && pwd) "$top/demo/tour.sh" "$top"/demo/real/*.sql
	fi
	trap - EXIT INT TERM
	say ""
	say "The shop stays: make psql opens psql on it, to try statements of your own or those of doc/ (begin with doc/index.md);"
	say "make stop ends it and takes it away."
}

stop()
{
	"$top/tools/cluster.sh" stop "$state"
	rm -rf "$top/.demo"
}

case $command in
	start) start ;;
	psql)
		[ -f "$state" ] || fail "no demo is running: make demo starts one"
		exec "$top/tools/cluster.sh" psql "$state" -d shop ;;
	stop)
		if [ -f "$state" ]; then stop; else say "no demo is running"; fi ;;
	*) fail "demo.sh: start, psql or stop" ;;
esac
