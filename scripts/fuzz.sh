#!/bin/sh
# Runs every fuzz target of the module for a short while, one after the other.
# FUZZTIME is the time for each (default 10s).
set -eu

fuzztime=${FUZZTIME:-10s}
targets=$(grep -rEo --include='*_test.go' --exclude-dir=node_modules \
	'^func Fuzz[A-Za-z0-9_]*' . | sed 's/:func /:/' | sort) || true
if [ -z "$targets" ]; then
	echo "no fuzz targets"
	exit 0
fi
for target in $targets; do
	file=${target%%:*}
	name=${target##*:}
	echo "== $name in $(dirname "$file"), $fuzztime"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" "./$(dirname "$file")"
done
