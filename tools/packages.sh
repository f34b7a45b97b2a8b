#!/usr/bin/env bash
# packages.sh demo|test|bench - see that the Debian packages which that needs are there
#
# The package manager is called only when one is missing.  PostgreSQL's major version is that of PG_CONFIG's server; on a
# machine without one, the distribution's.
. "$(dirname "$0")/common.sh"

purpose=${1:-demo}

installed()
{
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The major version of the server to build for; nothing when there is none yet; "own" when it is no package of Debian's.
server_version()
{
	local pgxs bindir
	pgxs=$("$PG_CONFIG" --pgxs 2>/dev/null) || pgxs=
	bindir=$("$PG_CONFIG" --bindir 2>/dev/null) || bindir=
	case "$bindir" in
		/usr/lib/postgresql/*/bin)
			bindir=${bindir%/bin}
			echo "${bindir##*/}" ;;
		?*)
			[ -f "$pgxs" ] && echo own ;;
	esac
	return 0
}

packages()
{
	local version=$1
	echo gcc libc6-dev make perl gzip libopenblas-serial-dev zlib1g-dev wordnet-base \
		libjpeg62-turbo-dev libpng-dev libwebp-dev libgif-dev
	[ "$version" = own ] || echo "postgresql-$version" "postgresql-server-dev-$version"
	case $purpose in
		test)
			echo libipc-run-perl
			[ "$version" = own ] || echo "postgresql-$version-pgtap" ;;
		bench)
			echo python3 python3-venv ;;
	esac
}

missing_of()
{
	local package
	for package in $(packages "$1"); do
		installed "$package" || echo "$package"
	done
}

if ! command -v dpkg-query >/dev/null; then
	say "ecml: not a Debian system; it takes a C compiler, a PostgreSQL server with its headers, a serial OpenBLAS, zlib," \
		"libjpeg-turbo, libpng, libwebp and giflib"
	exit 0
fi

version=$(server_version)
if [ -n "$version" ]; then
	missing=$(missing_of "$version")
	[ -n "$missing" ] || exit 0
fi

say "== packages"
as_root apt-get -qq update
if [ -z "$version" ]; then
	version=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
	[ -n "$version" ] || fail "the package lists name no PostgreSQL server (apt-cache depends postgresql)"
	missing=$(missing_of "$version")
fi
missing=$(echo $missing)
say "installing $missing"

# The server's package would make and start a cluster of its own: nothing here wants it.
quiet=
case " $missing " in
	*" postgresql-$version "*)
		quiet=/etc/postgresql-common/createcluster.d/ecml-no-main-cluster.conf
		as_root mkdir -p "${quiet%/*}"
		echo "create_main_cluster = false" | as_root tee "$quiet" >/dev/null
		trap 'as_root rm -f "$quiet"' EXIT ;;
esac
log=$(mktemp)
if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
	install --no-install-recommends $missing >"$log" 2>&1 </dev/null
then
	cat "$log" >&2
	fail "the packages could not be installed: $missing"
fi
rm -f "$log"
