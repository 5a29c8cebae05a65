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
echo
echo "Tarn starts on port $port. Connect from another terminal:"
echo "    $PWD/build/tarn-cli -p $port        (or redis-cli, or any Redis client)"
echo "Ctrl-C stops it."
echo
exec build/tarn-server "$@"
