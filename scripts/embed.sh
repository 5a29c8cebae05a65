#!/bin/sh
# embed.sh folder [plots]: prints the C source of the dashboard: index.html with its files put in where it asks for them, so that
# one request brings the whole page. plots: the folder of dygraphs, whose files and notice are left out without it.
set -eu
page=$(mktemp)
trap 'rm -f "$page"' EXIT
awk -v folder="$1" -v plots="${2:-}" '
function put(file) { while ((got = (getline line < file)) > 0) if (line !~ /sourceMappingURL=/) print line; if (got < 0) exit 1 }
$1 == "@include" { put(folder "/" $2); next }
$1 == "@plots" { if (plots != "") put(plots "/" $2); next }
$1 == "@notice" { if (plots != "") { print "<!--"; put(folder "/dygraphs.txt"); print "-->" } next }
{ print }' "$1/index.html" >"$page"
echo '/* Made by scripts/embed.sh. */'
echo '#include "observe/http_routes.h"'
echo 'const unsigned char web_page[] = {'
od -An -v -tu1 "$page" | sed 's/[0-9][0-9]*/&,/g'
echo '};'
echo 'const unsigned long web_page_size = sizeof web_page;'
