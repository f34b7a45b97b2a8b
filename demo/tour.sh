#!/usr/bin/env bash
# tour.sh FILE ... - run SQL files in the current database, each statement followed by its result
#
# Files in demo/real find the real data in the folder that the environment variable ECML_DATA names.
set -euo pipefail

# five digits are enough to read
export PGOPTIONS="${PGOPTIONS:-} -c extra_float_digits=-10"
for file in "$@"; do
	printf '\n'
	PAGER= psql -X -q -e -v ON_ERROR_STOP=1 -P pager=off -P null='' -f "$file" 2>&1
done
