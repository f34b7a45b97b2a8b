#!/usr/bin/env bash
# run.sh - the benchmark: ecml beside its peers, on the same data, in one run
#
# Environment:
#   ROWS      only these rows (default: all, in the order of the list below)
#   SCALE     factor of the number of rows, default 1 (1,000,000 rows; the big ones 10,000,000)
#   REPEAT    repetitions, default 7 (the slow ones take fewer)
#   OUT       a file that gets the tables as Markdown
#   BUILD     no: measure the extension as it is installed
#   ECML_DATA the folder of real data, default ../shared/data; what needs it is left out where it is absent
#
# A missed target makes the exit status 1, unless SCALE is below 1.
. "$(dirname "$0")/../../tools/common.sh"

here=$top/test/bench
scale=${SCALE:-1}
all_rows='
	kmeans
	linreg
	logreg
	ttest
	report
	predict
	describe
	inspect
	load
	images
	metrics
	tune
	big
	memory
	quality
	prepare
	recommend
	baskets
	serving
	lists
	iforest
	cox
	clv
	pricing
	gbdt
	forest
	mahalanobis
	anomalies
	cnn
	cnn_quality
	forecast
	accuracy
	prophet
	inventory
	sentiment
	tokenize
	text_models
	lda
	search
	typed_errors
	route
	assignment
	transport
'
rows=$(echo ${ROWS:-$all_rows})
state=
for row in $rows; do
	case " $(echo $all_rows) " in
		*" $row "*) ;;
		*) fail "no row '$row'; there are: $(echo $all_rows)" ;;
	esac
done

wanted()
{
	[[ " $rows " = *" $1 "* ]]
}

number()
{
	awk -v x="$1" -v scale="$scale" 'BEGIN { n = int(x * scale); print n < 100 ? 100 : n }'
}

# ---- the peers, in an environment of their own

venv=$here/.venv
if ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
	say "== peers into test/bench/.venv"
	rm -rf "$venv"
	python3 -m venv "$venv"
	"$venv/bin/pip" --quiet --disable-pip-version-check install -r "$here/requirements.txt"
	cp "$here/requirements.txt" "$venv/installed.txt"
fi

# ---- the extension and a cluster

if [ "${BUILD:-yes}" != no ]; then
	say "== build"
	build_and_install
fi

memory_mb=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
free_mb=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
disk_mb=$(df -Pm /tmp | awk 'NR == 2 { print $4 }')
if wanted big || wanted memory; then
	# ten million rows: 2 GB of tables, as much again on their way, and their arrays in Python
	need=$(awk -v scale="$scale" 'BEGIN { print int(8000 * scale) }')
	if [ "$free_mb" -lt "$need" ] || [ "$disk_mb" -lt "$need" ]; then
		say "left out: big, memory ($need MB of memory and of disk wanted; $free_mb and $disk_mb are free)"
		rows=$(echo " $rows " | sed 's/ big / /; s/ memory / /')
	fi
fi

state=$(mktemp /tmp/ecml_bench.XXXXXX)
trap '"$top/tools/cluster.sh" stop "$state"; rm -f "$state"' EXIT
trap 'exit 130' INT TERM

# A table is kept in shared buffers by a sequential scan only when it is smaller than a quarter of them.
buffers=$((memory_mb / 4 < 6144 ? memory_mb / 4 : 6144))
"$top/tools/cluster.sh" start "$state" shared_buffers=${buffers}MB fsync=off max_wal_size=8GB autovacuum=off
. "$state"
export PGHOST PGPORT PGUSER PGDATABASE=bench
bindir=$("$PG_CONFIG" --bindir)
psql()
{
	"$bindir/psql" -X -q -v ON_ERROR_STOP=1 "$@"
}
psql -d postgres -c 'CREATE DATABASE bench'
psql -c 'CREATE EXTENSION ecml'
say "== data"
psql -v n="$(number 1000000)" -v suffix= -f "$here/data.sql"
if wanted big || wanted memory; then
	psql -v n="$(number 10000000)" -v suffix=_big -f "$here/data.sql"
fi
if wanted quality; then
	psql -v n="$(number 50000)" -f "$here/quality.sql"
fi
psql -c CHECKPOINT

# ---- the runs

export PYTHONDONTWRITEBYTECODE=1
ROWS=$rows ECML_DATA=${ECML_DATA:-$top/../shared/data} "$venv/bin/python" "$here/bench.py"
