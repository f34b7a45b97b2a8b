#!/usr/bin/env bash
# lint.sh - the rules of the house that a grep can see, as TAP
cd "$(dirname "$0")/.." || exit 1
shopt -s nullglob

number=0

# check NAME OFFENDERS: passes when the second is empty
check()
{
	number=$((number + 1))
	if [ -z "$2" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		printf '%s\n' "$2" | sed 's/^/#   /'
	fi
}

# server headers: postgres.h and its like, by name or by folder
server='#[[:space:]]*include[[:space:]]*[<"](postgres|fmgr|funcapi|miscadmin|varatt|c\.h|pg_config|(access|catalog|commands|common|executor|foreign|lib|libpq|mb|nodes|optimizer|parser|port|portability|postmaster|storage|tcop|tsearch|utils)/)'
kernels=$(find src -name '*.[ch]' ! -name '*_sql.[ch]' ! -path 'src/core/*' ! -path src/ecml.c)
sources=$(find src -name '*.[ch]')
families=$(find src -mindepth 1 -maxdepth 1 -type d ! -name core ! -name num -printf '%f\n')

check "only core, *_sql.c and ecml.c include PostgreSQL's headers" \
	"$(grep -nHE "$server" $kernels /dev/null)"
check "pure kernels include no core header" \
	"$(grep -nHE '#[[:space:]]*include[[:space:]]*"(\.\./)?core/' $kernels /dev/null)"
check "PG_VERSION_NUM stands in src/core/compat.h alone" \
	"$(grep -nH PG_VERSION_NUM $sources /dev/null | grep -v '^src/core/compat\.h:')"
check "functions that do not return are ECML_NORETURN: PostgreSQL's own word for it changed in 18" \
	"$(grep -nHwE 'pg_attribute_noreturn|pg_noreturn' $sources /dev/null)"
check "num includes nothing above it" \
	"$(grep -nHE '#[[:space:]]*include[[:space:]]*"' src/num/*.[ch] /dev/null |
		grep -E '"(\.\./)?('"$(echo core $families | tr ' ' '|')"')/')"
check "core includes no family" \
	"$(for family in $families; do
		grep -nHE "#[[:space:]]*include[[:space:]]*\"(\.\./)?$family/" src/core/*.[ch] /dev/null; done)"
check "families do not include each other" \
	"$(for family in $families; do for other in $families; do
		[ "$family" = "$other" ] ||
			grep -nHE "#[[:space:]]*include[[:space:]]*\"(\.\./)?$other/" src/"$family"/*.[ch] /dev/null; done; done)"
check "no flag of those that harm" \
	"$(grep -nE -e '^[^#]*-(ffast-math|Ofast|funsafe-math-optimizations|march=)' Makefile tools/*.sh test/run.sh /dev/null |
		grep -v '^tools/lint.sh:')"
check "no mutable static in a kernel" \
	"$(grep -nHE '^[[:space:]]*static[[:space:]][^(]*(;|=)' $(echo "$kernels" | grep '\.c$') /dev/null |
		grep -vE 'static[[:space:]]+(inline|const)|[[:space:]]const[[:space:]]|\(')"
check "kernels neither print, exit, nor call malloc" \
	"$(grep -nHE '(^|[^_[:alnum:].>"])(printf|fprintf|puts|exit|abort|malloc|calloc|realloc|free|fopen)[[:space:]]*\(' $kernels /dev/null |
		grep -vE '^[^:]*:[0-9]*:[[:space:]]*(\*|/[*/])')"
check "the shipped script has no OR REPLACE and no IF NOT EXISTS" \
	"$(grep -nHiE '^[^-]*(CREATE OR REPLACE|IF NOT EXISTS)' sql/[0-9][0-9]_*.sql /dev/null)"
check "nothing was left to do later" \
	"$(grep -nHE '\b(TODO|FIXME|XXX)\b' $sources sql/[0-9][0-9]_*.sql /dev/null)"
version=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" ecml.control)
check "META.json has the version of ecml.control" \
	"$(sed '/"meta-spec"/,$d' META.json | grep '"version"' | grep -v "\"$version\"")"
check "every upgrade script leads to a version with a script" \
	"$(for file in sql/ecml--*--*.sql; do
		from=${file#sql/ecml--}; to=${from#*--}; to=${to%.sql}; from=${from%%--*}
		[ "$to" = "$version" ] || compgen -G "sql/ecml--$to--*.sql" >/dev/null || echo "$file: nothing leads on from $to"
		compgen -G "sql/ecml--*--$from.sql" >/dev/null || [ -f "sql/old/ecml--$from.sql" ] ||
			echo "$file: sql/old/ecml--$from.sql is not there"
	done)"
echo "1..$number"
