#!/bin/sh
# Makes sure that the tests find a PostgreSQL: either a server named by
# HOOKDESK_TEST_POSTGRES_DSN, or the server's programs (initdb, postgres), which
# the tests start by themselves on a private socket. Installs them by apt-get
# where they are missing; does nothing where they are not.
set -eu

# found prints the first folder that holds the server's programs.
found() {
	if initdb=$(command -v initdb 2>/dev/null); then
		dirname "$initdb"
		return 0
	fi
	for dir in "${PG_BIN:-}" \
		/usr/lib/postgresql/*/bin /usr/pgsql-*/bin \
		/opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
		/Applications/Postgres.app/Contents/Versions/*/bin; do
		if [ -n "$dir" ] && [ -x "$dir/initdb" ]; then
			echo "$dir"
			return 0
		fi
	done
	return 1
}

fail() {
	echo "scripts/postgres.sh: $1" >&2
	exit 1
}

if [ -n "${HOOKDESK_TEST_POSTGRES_DSN:-}" ]; then
	echo "PostgreSQL: the server of HOOKDESK_TEST_POSTGRES_DSN"
	exit 0
fi
if dir=$(found); then
	echo "PostgreSQL: $dir"
	exit 0
fi

case $(uname -s) in
Darwin)
	fail "PostgreSQL is missing: run 'brew install postgresql@17', or set HOOKDESK_TEST_POSTGRES_DSN"
	;;
esac
if ! command -v apt-get >/dev/null 2>&1; then
	fail "PostgreSQL is missing: install your system's PostgreSQL server package, or set HOOKDESK_TEST_POSTGRES_DSN"
fi

echo "PostgreSQL: missing; installing it by apt-get"
"$(dirname "$0")/apt.sh" postgresql ||
	fail "PostgreSQL cannot be installed: see above, or set HOOKDESK_TEST_POSTGRES_DSN"
dir=$(found) || fail "apt-get installed the package postgresql, yet no initdb is to be found"
echo "PostgreSQL: $dir"
