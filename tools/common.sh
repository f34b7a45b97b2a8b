# common.sh - what the scripts share; to be sourced
#
# PostgreSQL's server never runs as root: root acts through an unprivileged user (the package's postgres, else nobody),
# anyone else is that user himself.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_CONFIG=${PG_CONFIG:-pg_config}
export LC_ALL=C.UTF-8
unset MAKEFLAGS MFLAGS MAKELEVEL

say()
{
	printf '%s\n' "$*"
}

fail()
{
	printf 'ecml: %s\n' "$*" >&2
	exit 1
}

server_user()
{
	if [ "$(id -u)" != 0 ]; then
		id -un
	elif id postgres >/dev/null 2>&1; then
		echo postgres
	else
		echo nobody
	fi
}

# Run a command as root.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		fail "this needs root, and there is no sudo: $*"
	fi
}

# Run a command as the server's user, in a folder that it may enter.
as_server()
{
	if [ "$(id -u)" != 0 ]; then
		"$@"
	else
		local user
		user=$(server_user)
		(
			[ -n "${ECML_BASE:-}" ] && cd "$ECML_BASE" || cd /
			exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups \
				env HOME="${ECML_BASE:-/tmp}" USER="$user" LOGNAME="$user" "$@"
		)
	fi
}

# Build with warnings as errors and install; root only for the installing, and only where it is needed.
build_and_install()
{
	local jobs
	jobs=$(nproc)
	make -C "$top" --no-print-directory -s -j"$jobs" WERROR=1 all
	local into
	into=$("$PG_CONFIG" --pkglibdir)
	if [ -w "$into" ] && [ -w "$("$PG_CONFIG" --sharedir)/extension" ]; then
		make -C "$top" --no-print-directory -s WERROR=1 PG_CONFIG="$PG_CONFIG" install >/dev/null
	else
		as_root make -C "$top" --no-print-directory -s WERROR=1 PG_CONFIG="$PG_CONFIG" install >/dev/null
	fi
}
