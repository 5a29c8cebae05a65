#!/bin/sh
# make bench: see tests/bench/bench.tcl. ONLY=row,row QUICK=1 ROUNDS=n BUILD=folder come from make.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
for program in taskset redis-benchmark redis-cli tclsh; do
    command -v $program >/dev/null || { echo "bench.sh: $program is missing; sh scripts/test.sh installs what is needed" >&2; exit 1; }
done
set -- -build "$build" -server "${TARN_SERVER:-$build/tarn-server}" -oracle "${TARN_ORACLE:-$(sh scripts/oracle.sh "$build")}"
[ -z "${ONLY:-}" ] || set -- "$@" -only "$ONLY"
[ -z "${ROUNDS:-}" ] || set -- "$@" -rounds "$ROUNDS"
[ -z "${QUICK:-}" ] || set -- "$@" -quick
exec tclsh tests/bench/bench.tcl "$@"
