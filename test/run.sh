#!/usr/bin/env bash
# run.sh [KIND ...] - the tests: unit lint regress pgtap isolation tap drift doc demo; without a kind, all of them
#
# Environment:
#   TESTS      only the test files of these names (without folder and ending)
#   ACCEPT=1   what regress and isolation tests print becomes what is expected
#   ECML_DATA  the folder of real data, default ../shared/data; tests that need it skip where it is absent
#   JOBS       unit, pgTAP, TAP and doc files at once, default the number of cores
#   TIMEOUT    seconds for one file, default 300
#
# All but unit and lint run against the installed extension, as an unprivileged user, in a temporary folder that has its own
# copy of test/, demo/ and the documents; a private cluster serves regress, pgTAP, isolation, drift, doc and demo, and the TAP
# tests make their own.  Every assertion counts as one test; each regress, isolation, doc and demo file counts as one.
# The last line is the sum; the exit status is 0 when nothing failed.
. "$(dirname "$0")/../tools/common.sh"
export top

kinds=${*:-unit lint regress pgtap isolation tap drift doc demo}
for kind in $kinds; do
	case $kind in
		unit | lint | regress | pgtap | isolation | tap | drift | doc | demo) ;;
		*) fail "no kind of test '$kind'; there are: unit lint regress pgtap isolation tap drift doc demo" ;;
	esac
done
JOBS=${JOBS:-$(nproc)}
TIMEOUT=${TIMEOUT:-300}
export TIMEOUT

# ---- the temporary folder, the sum

ECML_BASE=$(mktemp -d /tmp/ecml.XXXXXX)
export ECML_BASE
export RESULTS=$ECML_BASE/results
state=$ECML_BASE/state
# what a server's log says of a failed assertion, and of what was left open or overwritten
unclean="TRAP:|WARNING:  .*(leak|not closed|still (referenced|active)|SPI stack|alloc set|write past|own a lock)"
mkdir "$RESULTS"
chmod 755 "$ECML_BASE"

finish()
{
	ECML_BASE= "$top/tools/cluster.sh" stop "$state" || true
	rm -rf "$ECML_BASE"
}
trap finish EXIT
trap 'exit 130' INT TERM

# record KIND-NAME PASSED FAILED SKIPPED
record()
{
	echo "$2 $3 $4" >"$RESULTS/$1"
}

# verdict KIND NAME ok|FAILED [NOTE]: one file that counts as one test
verdict()
{
	if [ "$3" = ok ]; then
		record "$1-${2//\//-}" 1 0 0
	else
		record "$1-${2//\//-}" 0 1 0
	fi
	printf '%-8s %s%s\n' "$3" "$1/$2" "${4:+  $4}"
}

# seconds_since WHEN: tenths of seconds since $EPOCHREALTIME was so
seconds_since()
{
	awk -v before="$1" -v now="$EPOCHREALTIME" 'BEGIN { printf "%.1f", now - before }'
}

skipped()
{
	record "$1-skipped" 0 0 1
	printf '%-8s %s: %s\n' skipped "$1" "$2"
}

# selected NAME: is it among TESTS?
selected()
{
	[ -z "${TESTS:-}" ] || [[ " $TESTS " = *" $1 "* ]]
}

# The test files of a pattern, by name, that are selected.
files()
{
	local file name
	for file in "$@"; do
		name=${file##*/}
		if [ -f "$file" ] && selected "${name%.*}"; then
			echo "$file"
		fi
	done
}

in_parallel()
{
	xargs -r -d '\n' -P "$JOBS" -I '{}' bash -c "set -euo pipefail; $1 \"\$1\"" _ '{}' || true
}

# ---- a folder for the server's user, a cluster

prepare_inputs()
{
	[ -d "$ECML_BASE/in" ] && return
	mkdir -p "$ECML_BASE/in" "$ECML_BASE/out" "$ECML_BASE/tmp"
	cp -r "$top/test" "$top/demo" "$ECML_BASE/in/"
	mkdir "$ECML_BASE/in/doc"
	for file in "$top"/README.md "$top"/doc/*.md; do
		if [ -f "$file" ]; then cp "$file" "$ECML_BASE/in/doc/"; fi
	done
	rm -rf "$ECML_BASE/in/test/expected"
	cp -r "$top/expected" "$ECML_BASE/in/test/expected"
	if [ "$(id -u)" = 0 ]; then
		chown -R "$(server_user):" "$ECML_BASE/in" "$ECML_BASE/out" "$ECML_BASE/tmp" "$RESULTS"
	fi
	ECML_DATA=${ECML_DATA:-$top/../shared/data}
	if [ -d "$ECML_DATA" ]; then
		ECML_DATA=$(cd "$ECML_DATA" && pwd)
		if ! as_server test -r "$ECML_DATA/README.md"; then
			cp -r "$ECML_DATA" "$ECML_BASE/data"
			ECML_DATA=$ECML_BASE/data
			chmod -R a+rX "$ECML_DATA"
		fi
		say "real data: $ECML_DATA"
	else
		say "real data: none ($ECML_DATA is not there)"
	fi
	export ECML_DATA
}

prepare_cluster()
{
	prepare_inputs
	[ -f "$state" ] && return
	"$top/tools/cluster.sh" start "$state" fsync=off synchronous_commit=off full_page_writes=off \
		shared_buffers=256MB max_wal_size=4GB max_connections=60
	local work=$ECML_BASE
	. "$state"
	server_log=$ECML_BASE/log
	ECML_BASE=$work
	export PGHOST PGPORT PGUSER PGTZ=UTC libdir
	libdir=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
	bindir=$("$PG_CONFIG" --bindir)
	export PATH="$bindir:$PATH"
}

sql()
{
	psql -XqAt -v ON_ERROR_STOP=1 "$@"
}

# ---- unit, lint

run_unit()
{
	local program=$1 name
	name=${program#"$top"/build/}
	(cd "$top" && perl test/lib/tap.pl "unit/$name" "$RESULTS/unit-${name//\//-}" \
		timeout -k 10 "$TIMEOUT" "$program")
}

kind_unit()
{
	local source name flavour broken= log=$RESULTS/unit-build.log
	ECML_DATA=${ECML_DATA:-$top/../shared/data}
	[ ! -d "$ECML_DATA" ] || ECML_DATA=$(cd "$ECML_DATA" && pwd)
	export ECML_DATA
	if ! make -C "$top" --no-print-directory -s -k -j"$(nproc)" unit-build >"$log" 2>&1; then
		broken=1
		grep -E 'error|Error|undefined|warning' "$log" | head -n 40 || true
	fi
	rm -f "$log"
	local programs=()
	for source in $(files "$top"/test/unit/test_*.c); do
		name=$(basename "$source" .c)
		for flavour in asan fast; do
			# after a failure, what is out of date is no witness
			if [ -z "$broken" ] || make -C "$top" -s -q "build/$flavour/$name" >/dev/null 2>&1; then
				programs+=("$top/build/$flavour/$name")
			else
				verdict unit "$flavour/$name" FAILED "it was not built"
			fi
		done
	done
	[ ${#programs[@]} = 0 ] || printf '%s\n' "${programs[@]}" | in_parallel run_unit
}

kind_lint()
{
	(cd "$top" && perl test/lib/tap.pl lint "$RESULTS/lint" tools/lint.sh) || true
}

# ---- regress, isolation

# regression KIND PROGRAM NAMES OPTIONS...: run pg_regress or pg_isolation_regress and judge each test by what it prints
regression()
{
	local kind=$1 program=$2 names=$3 name out=$ECML_BASE/out/$1 seconds
	shift 3
	[ -n "$names" ] || return 0
	as_server mkdir -p "$out"
	as_server timeout -k 10 "$((TIMEOUT * 3))" "$program" --bindir="$bindir" --inputdir="$ECML_BASE/in/test" \
		--outputdir="$out" --dbname="ecml_$kind" --user=postgres "$@" $names >"$out.log" 2>&1 </dev/null || true
	for name in $names; do
		seconds=$(sed -nE "s/.*[ -]$name .* ([0-9]+) ms.*/\1 ms/p" "$out.log" | head -n 1)
		if grep -qE "^(test $name +\.\.\. ok|ok [0-9]+ +[-+] $name )" "$out.log"; then
			verdict "$kind" "$name" ok "($seconds)"
			continue
		fi
		if [ -n "${ACCEPT:-}" ] && [ -f "$out/results/$name.out" ]; then
			cp "$out/results/$name.out" "$top/expected/$name.out"
			verdict "$kind" "$name" ok "accepted: read expected/$name.out before you commit it"
			continue
		fi
		verdict "$kind" "$name" FAILED
		diff -U3 "$ECML_BASE/in/test/expected/$name.out" "$out/results/$name.out" 2>&1 | head -n 200 || true
		[ -f "$out/results/$name.out" ] || tail -n 30 "$out.log"
	done
}

kind_regress()
{
	local names=
	for file in "$top"/test/sql/*.sql; do
		name=$(basename "$file" .sql)
		# all run in one database, which the first of them sets up
		if [ "$name" = 00_install ] || selected "$name"; then
			names="$names $name"
		fi
	done
	regression regress "$libdir/src/test/regress/pg_regress" "${names# }"
}

kind_isolation()
{
	local names=
	for file in $(files "$top"/test/specs/*.spec); do
		names="$names $(basename "$file" .spec)"
	done
	if [ ! -x "$libdir/src/test/isolation/pg_isolation_regress" ]; then
		skipped isolation "this PostgreSQL came without pg_isolation_regress"
		return
	fi
	regression isolation "$libdir/src/test/isolation/pg_isolation_regress" "${names# }" --load-extension=ecml
}

# ---- pgTAP: each file in a database of its own

run_pgtap()
{
	local file=$1 name database
	name=$(basename "$file" .sql)
	database=pgtap_$name
	createdb -T ecml_pgtap "$database"
	local data=()
	[ ! -d "$ECML_DATA" ] || data=(-v "data=$ECML_DATA")
	cd "$ECML_BASE/in/test/pgtap"
	perl "$top/test/lib/tap.pl" "pgtap/$name" "$RESULTS/pgtap-$name" timeout -k 10 "$TIMEOUT" \
		psql -XqAt -P pager=off -v ON_ERROR_STOP=1 "${data[@]}" -d "$database" -f "$file" || true
	dropdb --force "$database"
}

kind_pgtap()
{
	if [ "$(sql -d postgres -c "SELECT count(*) FROM pg_available_extensions WHERE name = 'pgtap'")" = 0 ]; then
		skipped pgtap "this PostgreSQL came without the extension pgtap"
		return
	fi
	createdb ecml_pgtap
	sql -d ecml_pgtap -c 'CREATE EXTENSION ecml' -c 'CREATE EXTENSION pgtap'
	files "$ECML_BASE"/in/test/pgtap/*.sql | in_parallel run_pgtap
}

# ---- TAP: Perl programs that make their own servers; one that says "# alone" at its head measures time, and runs by itself

run_tap()
{
	local file=$1 name log
	name=$(basename "$file" .pl)
	as_server mkdir -p "$ECML_BASE/out/$name/log"
	(
		unset PGHOST PGPORT PGUSER
		export TESTDIR=$ECML_BASE/out/$name TESTDATADIR=$ECML_BASE/out/$name TESTLOGDIR=$ECML_BASE/out/$name/log
		# sockets and what a test that dies leaves behind
		export TMPDIR=$ECML_BASE/tmp
		export PG_REGRESS=$libdir/src/test/regress/pg_regress PERL5LIB=$libdir/src/test/perl:$ECML_BASE/in/test/t
		as_server perl "$ECML_BASE/in/test/lib/tap.pl" "tap/$name" "$RESULTS/tap-$name" \
			timeout -k 10 "$TIMEOUT" perl "$file" || true
	)
	if [ ! -f "$RESULTS/tap-$name" ]; then
		verdict tap "$name" FAILED
	elif ! grep -q ' 0 [0-9]*$' "$RESULTS/tap-$name"; then
		for log in "$ECML_BASE/out/$name"/log/*.log "$ECML_BASE/out/$name"/tmp_check/log/*.log; do
			[ -f "$log" ] && echo "         ${log##*/}:" && tail -n 15 "$log" | sed 's/^/         /'
		done || true
	fi
	if grep -rhE "$unclean" "$ECML_BASE/out/$name" --include='*.log'; then
		verdict tap "$name-log" FAILED "the server complained"
	fi
	as_server rm -rf "$ECML_BASE/out/$name"
}

kind_tap()
{
	if [ ! -f "$libdir/src/test/perl/PostgreSQL/Test/Cluster.pm" ]; then
		skipped tap "this PostgreSQL came without PostgreSQL::Test"
		return
	fi
	local file alone=() together=()
	for file in $(files "$ECML_BASE"/in/test/t/*.pl); do
		if head -n 5 "$file" | grep -q '^# alone'; then
			alone+=("$file")
		else
			together+=("$file")
		fi
	done
	[ ${#together[@]} = 0 ] || printf '%s\n' "${together[@]}" | in_parallel run_tap
	for file in "${alone[@]}"; do
		run_tap "$file"
	done
}

# ---- drift: what the extension consists of, fresh and by way of every upgrade script

kind_drift()
{
	local versions oldest newest
	versions=$(sql -d postgres -c "SELECT version FROM pg_available_extension_versions WHERE name = 'ecml'" | sort -V)
	oldest=$(head -n 1 <<<"$versions")
	newest=$(sql -d postgres -c "SELECT default_version FROM pg_available_extensions WHERE name = 'ecml'")
	if [ "$oldest" = "$newest" ]; then
		skipped drift "there is one version, $newest: nothing to compare"
		return
	fi
	createdb ecml_fresh
	createdb ecml_upgraded
	sql -d ecml_fresh -c 'CREATE EXTENSION ecml'
	if ! sql -d ecml_upgraded -c "CREATE EXTENSION ecml VERSION '$oldest'" -c 'ALTER EXTENSION ecml UPDATE'; then
		verdict drift "$oldest-$newest" FAILED "the upgrade fails"
		return
	fi
	sql -d ecml_fresh -f "$top/test/lib/objects.sql" >"$RESULTS/fresh.log"
	sql -d ecml_upgraded -f "$top/test/lib/objects.sql" >"$RESULTS/upgraded.log"
	if diff -U0 "$RESULTS/fresh.log" "$RESULTS/upgraded.log" >"$RESULTS/drift.log"; then
		verdict drift "$oldest-$newest" ok "($(wc -l <"$RESULTS/fresh.log") objects)"
	else
		verdict drift "$oldest-$newest" FAILED "(fresh: -, upgraded: +)"
		head -n 100 "$RESULTS/drift.log"
	fi
}

# ---- documents and demo: every statement runs, in a small shop

shop_database()
{
	local exists
	exists=$(sql -d postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'ecml_shop'")
	[ "$exists" = 0 ] || return 0
	PGOPTIONS='-c client_min_messages=warning' sql -d postgres -c 'DROP DATABASE IF EXISTS ecml_shop_made'
	createdb ecml_shop_made
	sql -d ecml_shop_made -c 'CREATE EXTENSION ecml'
	PGOPTIONS='-c client_min_messages=warning' sql -d ecml_shop_made -v scale=0.05 -f "$top/demo/shop.sql" >/dev/null
	sql -d postgres -c 'ALTER DATABASE ecml_shop_made RENAME TO ecml_shop'
}

# run_in DATABASE KIND NAME FILE: it passes when no statement fails
run_in()
{
	local database=$1 kind=$2 name=$3 file=$4 before=$EPOCHREALTIME
	if (cd "$ECML_BASE/in" && PGOPTIONS='-c client_min_messages=warning' timeout -k 10 "$TIMEOUT" psql -X -P pager=off \
		-v ON_ERROR_STOP=1 -d "$database" -f "$file") >"$RESULTS/$kind-$name.log" 2>&1 </dev/null
	then
		verdict "$kind" "$name" ok "($(seconds_since "$before") s)"
	else
		verdict "$kind" "$name" FAILED
		tail -n 20 "$RESULTS/$kind-$name.log"
	fi
}

# A document's ```sql fences, each line where it stands in the document, so that errors name its line.
run_doc()
{
	local name
	name=$(basename "$1" .md)
	awk '/^```/ { code = !code && $0 == "```sql"; print ""; next } { print code ? $0 : "" }' "$1" \
		>"$ECML_BASE/in/doc/$name.sql"
	createdb -T ecml_shop "doc_$name"
	(cd "$ECML_BASE/in/doc" && run_in "doc_$name" doc "$name" "doc/$name.sql")
	dropdb --force "doc_$name"
}

kind_doc()
{
	local file
	shop_database
	for file in $(files "$ECML_BASE"/in/doc/*.md); do
		if grep -qx '```sql' "$file"; then echo "$file"; fi
	done | in_parallel run_doc
}

# Tours follow each other in one shop, as make demo runs them: one may trip over what another left behind.
kind_demo()
{
	local file
	shop_database
	createdb -T ecml_shop demo
	for file in $(files "$ECML_BASE"/in/demo/tour/*.sql); do
		run_in demo demo "$(basename "$file" .sql)" "${file#"$ECML_BASE"/in/}"
	done
	if [ -d "$ECML_DATA" ]; then
		for file in $(files "$ECML_BASE"/in/demo/real/*.sql); do
			run_in demo demo "$(basename "$file" .sql)" "${file#"$ECML_BASE"/in/}"
		done
	else
		skipped demo "the tour on real data: $ECML_DATA is not there"
	fi
	dropdb --force demo
}

export unclean
export -f as_server server_user record verdict seconds_since run_unit run_pgtap run_tap run_in run_doc

# ---- all of it

for kind in $kinds; do
	if [[ $kind != unit && $kind != lint ]]; then
		say "== build and install"
		build_and_install
		break
	fi
done
for kind in $kinds; do
	say "== $kind"
	if [[ $kind != unit && $kind != lint ]]; then
		prepare_cluster
	fi
	# in a subshell of its own, where set -e holds: "a || b" would switch it off
	set +e
	(set -e; "kind_$kind")
	[ $? = 0 ] || verdict "$kind" harness FAILED "it ended early"
	set -e
done
if [ -f "$state" ]; then
	if grep -E "PANIC|was terminated by signal|$unclean" "$server_log"; then
		verdict server log FAILED "a backend crashed, or left something behind"
	else
		verdict server log ok "no backend crashed, or left anything behind"
	fi
fi

say ""
find "$RESULTS" -maxdepth 1 -type f ! -name '*.log' -exec cat {} + | awk '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
		exit failed > 0 || passed == 0
	}'
