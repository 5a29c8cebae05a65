#!/bin/sh
# Runs unit test programs (cmocka) one after the other; shows what one prints only when it fails. Several at a time would
# save little: most take milliseconds. TARN_WRAP is put before each.
set -u
passed=0
failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
for program in "$@"; do
    # shellcheck disable=SC2086
    ${TARN_WRAP:-} "$program" >"$out" 2>&1 </dev/null
    code=$?
    p=$(awk '/^\[  PASSED  \]/ { n += $4 } END { print n + 0 }' "$out")
    f=$(awk '/^\[  FAILED  \] [0-9]+ test/ { n += $4 } END { print n + 0 }' "$out")
    # A program that died, or was ended by a sanitizer after its tests, has failed too.
    if [ "$code" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    if [ "$code" -ne 0 ] || [ "$f" -ne 0 ]; then
        echo "FAILED $program (exit code $code)"
        tail -n 60 "$out" | sed 's/^/  /'
    fi
    passed=$((passed + p))
    failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
