#!/bin/sh
# Makes sure that /usr/bin/python3 can run the plugin of
# examples/external-plugin-python: it needs gRPC and protobuf. Installs them by
# apt-get where they are missing; does nothing where they are not, and nothing but
# say so where there is no apt-get: there the tests skip what needs them.
set -eu

ready() { /usr/bin/python3 -c 'import grpc, google.protobuf' 2>/dev/null; }

if ready; then
	echo "Python: /usr/bin/python3"
	exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
	echo "Python: /usr/bin/python3 has no gRPC, and there is no apt-get: what needs it is skipped"
	exit 0
fi
echo "Python: /usr/bin/python3 has no gRPC; installing it by apt-get"
"$(dirname "$0")/apt.sh" python3 python3-grpcio python3-protobuf
ready || {
	echo "scripts/python.sh: the packages are there, yet /usr/bin/python3 cannot import grpc and google.protobuf" >&2
	exit 1
}
