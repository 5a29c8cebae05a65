#!/bin/sh
# web-test.sh server [plain-server]: the dashboard in headless Chromium (tests/web), of a build with plots and of one without.
# Debian's chromium is driven by playwright-core, which npm brings into build/ from the lock file. Where one of them cannot be had,
# it says so and passes.
set -eu
cd "$(dirname "$0")/.."
server=$(realpath "$1")
plain=$(realpath "${2:-$(dirname "$1")/web/plain-server}")
for program in chromium node npm redis-cli; do
    command -v $program >/dev/null 2>&1 || { echo "The dashboard is not tested: there is no $program."; exit 0; }
done
folder=build/web-test
mkdir -p $folder
cp tests/web/* $folder/
if ! [ -d $folder/node_modules/playwright-core ]; then
    (cd $folder && npm ci --no-audit --no-fund >npm.log 2>&1) || { echo "The dashboard is not tested: npm could not bring playwright-core."; exit 0; }
fi
cd $folder
exec node dashboard.mjs "$server" "$plain" "$PWD"
