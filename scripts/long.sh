#!/bin/sh
# make long: what takes too long for every commit, step by step; `sh scripts/long.sh crash` runs only that. What a step prints is
# in build/long/<step>.log. Expect two hours for all of it.
#   power  half a million states of the disk after a loss of power, and real starts on some of them (LONG_STATES)
#   crash  kill -9 at random instants, 200 cycles of each kind (LONG_CYCLES)
#   snapshot  2 GB overwritten while a slow save reads them (LONG_SNAPSHOT_MB)
#   load   how true a load's forecast is over five large files; full servers that were killed come back, 100 of 100;
#          INFO during a command of 512 MB and a MULTI of a million
#   rss    2 GB of values, 70 % of them deleted: RSS follows within 30 s idle, 120 s under traffic (LONG_RSS_BYTES)
#   fuzz   the fuzzers of RDB and append-only files, half an hour each (LONG_FUZZ_SECONDS)
#   hits   eviction beside redis-server, ten times as long a trace
#   container  512 MB, everything at once, ten minutes (LONG_SECONDS)
#   growth 20 million small keys at full speed (LONG_KEYS)
set -u
cd "$(dirname "$0")/.." || exit 2
unset MAKEFLAGS MFLAGS MAKELEVEL MODE CC BUILD MALLOC ONLY
logs=build/long
mkdir -p $logs

steps="power crash snapshot load rss fuzz hits container growth"
one() { make all && TARN_SERVER=build/tarn-server tclsh "tests/integration/$1.tcl"; } # without the runner's time limit
step_power() { make power STATES="${LONG_STATES:-500000}" SEED="${SEED:-1}"; }
step_crash() { TARN_CYCLES="${LONG_CYCLES:-200}" one aof_crash; }
step_snapshot() { TARN_SNAPSHOT_MB="${LONG_SNAPSHOT_MB:-2048}" make integration ONLY=save; }
step_rss() { make -j2 all build/tests/bench/frag && tclsh tests/bench/rss.tcl -bytes "${LONG_RSS_BYTES:-2147483648}"; }
step_fuzz() {
    for name in rdb aof; do make fuzz T=$name SECONDS="${LONG_FUZZ_SECONDS:-1800}" || return 1; done
}
# One after the other: beside another load no forecast comes true.
step_load() {
    for file in loading_forecast admission full_restart loading_long; do (export TARN_LONG=1 && one $file) || return 1; done
}
step_hits() { TARN_QUALITY_STEPS="${LONG_TRACE:-300000}" one eviction_quality; }
step_container() { TARN_CONTAINER_SECONDS="${LONG_SECONDS:-600}" TARN_CONTAINER_CLIENTS=200 one container; }
step_growth() { TARN_GROWTH_KEYS="${LONG_KEYS:-20000000}" one growth; }

failures=""
[ $# -gt 0 ] || eval "set -- $steps"
for step in "$@"; do
    case " $steps " in
    *" $step "*) ;;
    *) echo "long.sh: no step $step; there are: $steps" >&2; exit 2 ;;
    esac
    started=$(date +%s)
    if "step_$step" >"$logs/$step.log" 2>&1 </dev/null; then result=ok; else result=FAILED failures="$failures $step"; fi
    printf '%-14s %s  %5d s\n' "$step" "$result" "$(($(date +%s) - started))"
    [ $result = ok ] || tail -n 30 "$logs/$step.log" | sed 's/^/    /'
done
[ -z "$failures" ] || { echo "failed:$failures"; exit 1; }
