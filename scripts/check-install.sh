#!/bin/sh
# check-install.sh: `make install` into a folder of its own, and a look at what is there: the programs run, the packaged configuration
# is right, the man pages and completions are read without complaint by what reads them (each where it is installed).
set -eu
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
make install DESTDIR="$dir" PREFIX=/usr SYSCONFDIR=/etc >/dev/null
for file in bin/tarn-server bin/tarn-cli bin/tarn-check share/man/man1/tarn-check.1 share/man/man1/tarn-server.1 share/man/man1/tarn-cli.1 share/man/man5/tarn.conf.5 \
    share/bash-completion/completions/tarn-cli share/zsh/vendor-completions/_tarn-cli lib/systemd/system/tarn.service; do
    [ -s "$dir/usr/$file" ] || { echo "not installed: $file"; exit 1; }
done
"$dir/usr/bin/tarn-cli" --version
# What the file names is not there on this machine: the folders of a package.
sed "s|/var/[a-z]*/tarn|$dir|" "$dir/etc/tarn/tarn.conf" >"$dir/tarn.conf"
"$dir/usr/bin/tarn-server" --check-config "$dir/tarn.conf"
grep -q '^http-port 0$' "$dir/etc/tarn/tarn.conf"
# Every option and every directive has its entry.
entries=$(grep -c '^\.TP$' "$dir/usr/share/man/man5/tarn.conf.5")
[ "$entries" -eq "$("$dir/usr/bin/tarn-server" --dump-directives | wc -l)" ]
if command -v bash >/dev/null; then for f in "$dir"/usr/share/bash-completion/completions/*; do bash -n "$f"; done; fi
if command -v zsh >/dev/null; then for f in "$dir"/usr/share/zsh/vendor-completions/*; do zsh -n "$f"; done; fi
if command -v man >/dev/null; then
    for page in "$dir"/usr/share/man/man*/*; do
        warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
        [ -z "$warnings" ] || { echo "$page: $warnings"; exit 1; }
    done
fi
# A second installation leaves a changed configuration alone.
echo "# mine" >>"$dir/etc/tarn/tarn.conf"
make install DESTDIR="$dir" PREFIX=/usr SYSCONFDIR=/etc >/dev/null
grep -q '^# mine$' "$dir/etc/tarn/tarn.conf"
