#!/bin/sh
# make check: everything that CI runs, step by step; `sh scripts/check.sh rooms unit` runs only those. What a step prints is in
# build/check/<step>.log and is shown when it fails; the steps after it run all the same. The last line sums the tests (a step
# without tests counts as one): "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 2
# Not from the make that may have called us: each step chooses its own.
unset MAKEFLAGS MFLAGS MAKELEVEL MODE CC BUILD MALLOC ONLY
logs=build/check
mkdir -p $logs
jobs=$(nproc)
fuzz_seconds=${FUZZ_SECONDS:-20}
differential_count=${DIFFERENTIAL_COUNT:-200000}

steps="rooms budgets format gcc state install unit integration power web differential clients clang libc asan ubsan tsan fuzz"
step_rooms() { sh scripts/check-rooms.sh; }
step_budgets() { sh scripts/check-budgets.sh; }
step_format() { make format-check; }
step_gcc() { make -j"$jobs" all; }
step_state() { sh scripts/check-state.sh build; }
# What make install puts where.
step_install() { sh scripts/check-install.sh; }
step_unit() { make -j"$jobs" unit; }
step_integration() { make -j"$jobs" integration; }
step_power() { make power; }
# The dashboard in a browser; says so and passes where there is none.
step_web() { make -j"$jobs" all build/web/plain-server && sh scripts/web-test.sh build/tarn-server; }
step_differential() { make differential COUNT="$differential_count"; }
step_clients() { sh scripts/clients.sh build; }
step_clang() { make -j"$jobs" all CC=clang-14 BUILD=build/clang; }
step_libc() { make -j"$jobs" all MALLOC=libc LTO= BUILD=build/libc && build/libc/tarn-server --version; }
# Unit and integration tests, the second also when the first have failed.
both() {
    make -j"$jobs" MODE="$1" all || return 1
    make -j"$jobs" MODE="$1" unit
    unit=$?
    make MODE="$1" integration ONLY="$2" && [ $unit -eq 0 ]
}
step_asan() { both asan ""; }
step_ubsan() { make -j"$jobs" MODE=ubsan all && make -j"$jobs" MODE=ubsan unit; }
# The integration tests with more than one thread at work.
step_tsan() { both tsan loading,save,server,config,debug,connection,scan,analysis,defrag,salvage; }
# From one seed, so that what passes here passes again; without SEED `make fuzz` looks further each time.
step_fuzz() {
    for fuzzer in tests/fuzz/fuzz_*.c; do
        name=${fuzzer#tests/fuzz/fuzz_}
        make -j"$jobs" fuzz T="${name%.c}" SECONDS="$fuzz_seconds" SEED=1 || return 1
    done
}

passed=0
failed=0
failures=""
[ $# -gt 0 ] || eval "set -- $steps"
for step in "$@"; do
    case " $steps " in
    *" $step "*) ;;
    *) echo "check.sh: no step $step; there are: $steps" >&2; exit 2 ;;
    esac
    started=$(date +%s)
    "step_$step" >"$logs/$step.log" 2>&1 </dev/null
    code=$?
    seconds=$(($(date +%s) - started))
    # Every "N passed, N failed" line of the step adds up.
    counts=$(awk '/^[0-9]+ passed, [0-9]+ failed/ { p += $1; f += $3; n++ } END { print p + 0, f + 0, n + 0 }' "$logs/$step.log")
    p=${counts%% *}
    rest=${counts#* }
    f=${rest%% *}
    if [ "${rest#* }" -eq 0 ] && [ $code -eq 0 ]; then p=1; fi
    if [ $code -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
    passed=$((passed + p))
    failed=$((failed + f))
    if [ "$f" -eq 0 ]; then
        printf '%-14s ok      %5d passed  %4d s\n' "$step" "$p" "$seconds"
    else
        printf '%-14s FAILED  %5d passed  %4d s  %d failed; the end of %s:\n' "$step" "$p" "$seconds" "$f" "$logs/$step.log"
        { grep -E "^(FAILED|  not ok|over budget|DIFFERENCE|src/ROOMS)|(error|Error):|may not include" "$logs/$step.log" | head -n 20
          echo ...
          tail -n 30 "$logs/$step.log"; } | sed 's/^/    /'
        failures="$failures $step"
    fi
done
[ -z "$failures" ] || echo "failed:$failures"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
