#!/bin/sh
# From a bare Debian or Ubuntu to a running server: installs what is missing, builds, and starts tarn-server in the
# foreground with its default configuration. Arguments go to the server: sh scripts/run.sh --port 7000
set -eu
cd "$(dirname "$0")/.."
. scripts/packages.sh
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES
make -j"$(nproc)" all
port=6379
previous=""
for word in "$@"; do
    [ "$previous" = --port ] && port=$word
    previous=$word
done
# Beside the port, so that two servers do not meet; 0 when there is no room above it.
http_port=$((port + 2000))
[ "$http_port" -le 65535 ] || http_port=0
echo
echo "Tarn starts on port $port. Connect from another terminal:"
echo "    $PWD/build/tarn-cli -p $port        (or redis-cli, or any Redis client)"
echo "Memory over time, progress of a load and latency are at http://127.0.0.1:$http_port/, metrics at /metrics there."
echo "Ctrl-C stops it."
echo
exec build/tarn-server --http-port "$http_port" "$@"
