#!/bin/sh
# oracle.sh [build-folder]: prints the path of a redis-server for tests and benchmarks. Debian's package redis-server is a service
# that starts at once and a link to a program of redis-tools; so redis-tools and a link of our own do.
set -eu
path=$(command -v redis-server || true)
if [ -z "$path" ] && tool=$(command -v redis-check-rdb); then
    folder=${1:-build}/oracle
    mkdir -p "$folder"
    ln -sf "$tool" "$folder/redis-server"
    path=$(cd "$folder" && pwd)/redis-server
fi
[ -n "$path" ] || { echo "$0: there is no redis-server (package redis-tools)" >&2; exit 1; }
echo "$path"
