#!/bin/sh
# clients.sh build-folder: real clients (ioredis and node-redis from npm, Debian's python3-redis) run a smoke of every type
# against the build's tarn-server, each on a server of its own. Exit code 1 when a step failed, 2 when a client cannot run.
set -u
cd "$(dirname "$0")/.." || exit 2
server=$1/tarn-server
status=0

# Debian's, which python3-redis belongs to, whatever else is in the PATH.
python=/usr/bin/python3
for program in node npm $python; do
    command -v $program >/dev/null || { echo "clients.sh: $program is missing; sh scripts/test.sh installs what is needed" >&2; exit 2; }
done
# Anew only when the lock file is newer than what it installed.
if ! [ tests/clients/node_modules/.package-lock.json -nt tests/clients/package-lock.json ]; then
    (cd tests/clients && npm ci --ignore-scripts --no-audit --no-fund >/dev/null) || { echo "clients.sh: npm ci failed" >&2; exit 2; }
    touch tests/clients/node_modules/.package-lock.json
fi

dir=$(mktemp -d)
pid=""
stop() { [ -z "$pid" ] || { kill "$pid"; wait "$pid"; } 2>/dev/null; pid=""; }
trap 'stop; rm -rf "$dir"' EXIT
trap 'exit 2' INT TERM

# A free port: one that the kernel has just given to a listener of ours.
free_port() { $python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

smoke() {
    port=$(free_port)
    "$server" --port "$port" --bind 127.0.0.1 --save '' --dir "$dir" --logfile "$dir/log" &
    pid=$!
    tries=0
    until redis-cli -p "$port" ping 2>/dev/null | grep -q PONG; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] && kill -0 $pid 2>/dev/null || { echo "clients.sh: the server does not answer:"; cat "$dir/log"; return 1; }
        sleep 0.05
    done
    echo "$1:"
    shift
    timeout 60 "$@" "$port" || status=1
    stop
}

smoke ioredis node tests/clients/ioredis.mjs || status=1
smoke node-redis node tests/clients/node_redis.mjs || status=1
smoke python3-redis $python tests/clients/smoke.py || status=1
exit $status
