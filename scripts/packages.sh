# Sourced by run.sh and test.sh: installs Debian or Ubuntu packages that are missing, with as little as sh and apt.
# shellcheck shell=sh disable=SC2034
# Without libedit-dev and libncurses-dev the build works too: tarn-cli then has a plain prompt and no top. Without libjs-dygraphs
# the dashboard has tables for plots.
BUILD_PACKAGES="gcc make libc6-dev libjemalloc-dev liblzf-dev libisal-dev libxxhash-dev node-llhttp libjs-dygraphs libedit-dev libncurses-dev"
TEST_PACKAGES="clang-14 libclang-rt-14-dev clang-format-14 libcmocka-dev tcl redis-tools util-linux procps python3-redis python3-pyte"
# Node from wherever it is there already, else Debian's.
command -v npm >/dev/null 2>&1 || TEST_PACKAGES="$TEST_PACKAGES nodejs npm"

is_installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' installed$'; }

# Packages of "$@" that are not installed, on one line.
missing_packages() {
    missing=""
    for package in "$@"; do is_installed "$package" || missing="$missing $package"; done
    echo "$missing"
}

# What cannot be done here, said with the names of the packages, so that somebody who may can install them.
cannot_install() {
    echo "$0: $1" >&2
    echo "$0: these packages are missing:$2" >&2
    exit 1
}

install_packages() {
    # shellcheck disable=SC2086
    $1 env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $2 </dev/null
}

# need_packages "$@": returns when all are there. A second run asks only dpkg, which takes milliseconds.
need_packages() {
    if ! command -v dpkg-query >/dev/null 2>&1; then
        echo "$0: this is not Debian or Ubuntu; taking it that the likes of these are installed: $*" >&2
        return 0
    fi
    wanted=$(missing_packages "$@")
    [ -n "$wanted" ] || return 0
    command -v apt-get >/dev/null 2>&1 || cannot_install "there is no apt-get here" "$wanted"
    as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || cannot_install "not root, and there is no sudo" "$wanted"
        as_root="sudo"
        if ! [ -t 0 ] && ! sudo -n true 2>/dev/null; then cannot_install "sudo asks for a password and there is no terminal" "$wanted"; fi
    fi
    echo "Installing:$wanted"
    # Old package lists may name what is gone: then once more with new ones.
    install_packages "$as_root" "$wanted" ||
        { $as_root apt-get update </dev/null && install_packages "$as_root" "$wanted"; } ||
        cannot_install "apt-get could not install them" "$wanted"
}
