#!/usr/bin/env bash
# valgrind.sh NAME ... - pgTAP files, each in a server of its own under valgrind's memcheck
#
# PG_CONFIG must be that of a PostgreSQL compiled with CPPFLAGS=-DUSE_VALGRIND, which tells memcheck of palloc and pfree, with
# ecml (this tree's, just installed) and pgtap in it.  SUPPRESSIONS is PostgreSQL's src/tools/valgrind.supp.  What is found
# stands in full in a folder that is named at the end.  A file takes 20 to 60 times as long as otherwise; TIMEOUT (default 1200)
# is in seconds.
. "$(dirname "$0")/../tools/common.sh"

[ $# -gt 0 ] || fail "valgrind.sh: names of files in test/pgtap, without ending"
TIMEOUT=${TIMEOUT:-1200}
bindir=$("$PG_CONFIG" --bindir)
found=$(mktemp -d /tmp/ecml-valgrind.XXXXXX)
failed=0

# Run the file against a cluster that was made beforehand, for initdb and CREATE EXTENSION are not what is looked at.
check()
{
	local name=$1 state=$found/state out=$found/$name.out
	"$top/tools/cluster.sh" start "$state" fsync=off autovacuum=off shared_buffers=64MB authentication_timeout=600
	. "$state"
	export PGHOST PGPORT PGUSER ECML_BASE
	"$bindir/psql" -Xq -d postgres -c 'CREATE EXTENSION ecml' -c 'CREATE EXTENSION pgtap'
	as_server "$bindir/pg_ctl" -s -w -D "$ECML_BASE/data" stop
	as_server mkdir "$ECML_BASE/memcheck"
	as_server valgrind --quiet --leak-check=no --trace-children=yes ${SUPPRESSIONS:+--suppressions="$SUPPRESSIONS"} \
		--error-markers=FOUND,END --log-file="$ECML_BASE/memcheck/%p" "$bindir/postgres" -D "$ECML_BASE/data" \
		>"$found/$name.log" 2>&1 &
	for ((i = 0; i < 300; i++)); do
		! "$bindir/psql" -Xq -d postgres -c 'SELECT 1' >/dev/null 2>&1 || break
		sleep 1
	done
	local before=$SECONDS
	(cd "$top/test/pgtap" && timeout -k 10 "$TIMEOUT" "$bindir/psql" -XqAt -P pager=off -v ON_ERROR_STOP=1 \
		${ECML_DATA:+-v data="$ECML_DATA"} -d postgres -f "$name.sql") >"$out" 2>&1 || echo "# it ended with status $?" >>"$out"
	local seconds=$((SECONDS - before))
	as_server "$bindir/pg_ctl" -s -w -t 300 -m fast -D "$ECML_BASE/data" stop || true
	wait
	cat "$ECML_BASE"/memcheck/* 2>/dev/null | sed -n '/FOUND/,/END/p' >"$found/$name.memcheck"
	local errors bad
	errors=$(grep -c FOUND "$found/$name.memcheck" || true)
	bad=$(grep -cE '^not ok|^# it ended' "$out" || true)
	[ "$errors" = 0 ] && [ "$bad" = 0 ] || failed=1
	printf '%-24s %3d passed, %d failed, %d errors of memory  (%d s)\n' "$name" "$(grep -c '^ok' "$out" || true)" "$bad" "$errors" "$seconds"
	"$top/tools/cluster.sh" stop "$state"
}

for name in "$@"; do
	check "$name"
done
say "what was found: $found"
exit $failed
