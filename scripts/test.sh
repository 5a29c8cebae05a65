#!/bin/sh
# From a bare Debian or Ubuntu to passed tests: installs what is missing and runs `make check`. Arguments name steps
# (scripts/check.sh lists them). The last line is "N passed, N failed"; the exit code is 0 when nothing failed.
set -eu
cd "$(dirname "$0")/.."
. scripts/packages.sh
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES $TEST_PACKAGES
exec sh scripts/check.sh "$@"
