#!/bin/sh
# Installs Debian packages by apt-get, as root or through sudo.
set -eu

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		echo "scripts/apt.sh: installing needs root or sudo; the packages are: $packages" >&2
		exit 1
	fi
}

packages=$*
if ! command -v apt-get >/dev/null 2>&1; then
	echo "scripts/apt.sh: there is no apt-get here; the packages are: $packages" >&2
	exit 1
fi
as_root apt-get -o Acquire::Retries=3 update
as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get -o Acquire::Retries=3 install --yes --no-install-recommends "$@"
