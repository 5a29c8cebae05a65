#!/bin/sh
# make deb: the Debian package in build/deb/, built from a copy of the tree, and looked at by lintian where that is installed.
set -eu
cd "$(dirname "$0")/.."
. scripts/packages.sh
# shellcheck disable=SC2086
need_packages $BUILD_PACKAGES debhelper dpkg-dev
rm -rf build/deb
mkdir -p build/deb/tarn
# What git knows and what is new, without what it ignores; a tree that is no repository goes whole, but for build/.
if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files -co --exclude-standard | tar -cf - -T - | tar -xf - -C build/deb/tarn
else
    tar -cf - --exclude=./build . | tar -xf - -C build/deb/tarn
fi
(cd build/deb/tarn && dpkg-buildpackage -b -us -uc)
if command -v lintian >/dev/null 2>&1; then
    lintian --allow-root --fail-on error build/deb/*.changes
else
    echo "lintian is not installed: the package was not looked at"
fi
ls -l build/deb/*.deb
