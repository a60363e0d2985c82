#!/bin/sh
# Runs the linters. First a check that golangci-lint cannot make: each plugin
# folder has its import rule in .golangci.yml, or the rule "a plugin never
# imports another plugin" would not hold for a new one.
set -eu

for dir in plugins/*/; do
	[ -d "$dir" ] || continue
	name=$(basename "$dir")
	if ! grep -q "/plugins/$name/\*\*" .golangci.yml; then
		echo "scripts/lint.sh: plugins/$name has no depguard rule in .golangci.yml: copy that of plugins/snooze" >&2
		exit 1
	fi
done

exec go tool -modfile=tools/go.mod golangci-lint run "$@"
