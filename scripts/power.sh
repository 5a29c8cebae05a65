#!/bin/sh
# power.sh output-folder states [seed]: states of the disk after a loss of power (tests/power/power.c); then a real server starts on
# some two hundred of them. The last lines are "N passed, N failed".
set -u
out=$1 states=$2 seed=${3:-1}
folder=$(mktemp -d /dev/shm/tarn-power-real-XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$folder"' EXIT
every=$((states / 200 + 1))
"$out/tests/power/power" --states "$states" --seed "$seed" --emit "$folder" --emit-every "$every" || exit 1
TARN_SERVER="$out/tarn-server" tclsh tests/power/real.tcl "$folder" |
    awk '/^ok/ { ok++ } /^not ok/ { bad++ } !/^ok/ { print } END { print ok + 0 " passed, " bad + 0 " failed"; exit bad > 0 || ok == 0 }'
