#!/bin/sh
# embed.sh folder: prints the C source of the dashboard: index.html with page.css and page.js put in where it asks for them, so
# that one request brings the whole page.
set -eu
page=$(mktemp)
trap 'rm -f "$page"' EXIT
awk -v folder="$1" '
/^@include / { while ((getline line < (folder "/" $2)) > 0) print line; next }
{ print }' "$1/index.html" >"$page"
echo '/* Made by scripts/embed.sh. */'
echo '#include "observe/http_routes.h"'
echo 'const unsigned char web_page[] = {'
od -An -v -tu1 "$page" | sed 's/[0-9][0-9]*/&,/g'
echo '};'
echo 'const unsigned long web_page_size = sizeof web_page;'
