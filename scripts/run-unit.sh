#!/bin/sh
# run-unit.sh jobs program ...: runs unit test programs (cmocka), several at a time, and shows what one prints only when it fails.
# TARN_WRAP is put before each. The last line is "N passed, N failed".
set -u
if [ "$1" = --one ]; then
    program=$2 out=$3/$(echo "$2" | tr / _)
    # shellcheck disable=SC2086
    ${TARN_WRAP:-} "$program" >"$out" 2>&1 </dev/null
    code=$?
    p=$(awk '/^\[  PASSED  \]/ { n += $4 } END { print n + 0 }' "$out")
    f=$(awk '/^\[  FAILED  \] [0-9]+ test/ { n += $4 } END { print n + 0 }' "$out")
    # A program that died, or was ended by a sanitizer after its tests, has failed too.
    if [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    if [ "$f" -ne 0 ]; then
        { echo "FAILED $program (exit code $code)"; tail -n 60 "$out" | sed 's/^/  /'; } >"$out.shown"
        cat "$out.shown"
    fi
    echo "$p $f" >"$out.count"
    exit 0
fi
jobs=$1
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '%s\n' "$@" | xargs -P "$jobs" -I '{}' sh "$0" --one '{}' "$folder"
cat "$folder"/*.count | awk '{ p += $1; f += $2 } END { print p + 0 " passed, " f + 0 " failed"; exit f > 0 || p == 0 }'
