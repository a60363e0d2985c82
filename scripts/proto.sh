#!/bin/sh
# Generates what comes of plugins/external/protocol/plugin.proto: the code in Go,
# and the stubs of the example in Python. The generators are those of Debian's
# protobuf-compiler and protobuf-compiler-grpc, and two of Go's at the versions below.
set -eu
cd "$(dirname "$0")/.."

command -v protoc >/dev/null 2>&1 && command -v grpc_python_plugin >/dev/null 2>&1 ||
	./scripts/apt.sh protobuf-compiler protobuf-compiler-grpc

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
GOBIN=$tools go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
GOBIN=$tools go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2

python=$PWD/examples/external-plugin-python/mask
cd plugins/external/protocol
PATH=$tools:$PATH protoc \
	--go_out=. --go_opt=paths=source_relative \
	--go-grpc_out=. --go-grpc_opt=paths=source_relative \
	--python_out="$python" \
	--plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" --grpc_python_out="$python" \
	plugin.proto
