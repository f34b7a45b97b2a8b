#!/usr/bin/env bash
# tour.sh FILE ... - run SQL files in the current database, each statement followed by its result
#
# Files in demo/real find the real data in the folder that the environment variable ECML_DATA names.
set -euo pipefail

for file in "$@"; do
	printf '\n'
	PAGER= psql -X -e -v ON_ERROR_STOP=1 -P pager=off -P null='' -f "$file" 2>&1
done
