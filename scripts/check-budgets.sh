#!/bin/sh
# Holds src/ and tools/ to the budgets of docs/design.md and prints where they stand. The figures only move down (asserts: up).
#   function lines: median, 95th percentile, longest (a longer one needs a comment "/* Long: why */" on the line above)
#   lines of a file; lines of our headers (without comments) that one .c file sees; asserts (proven, debug_proven) per 100 functions
# check-budgets.sh -l lists the longest functions.
set -u
cd "$(dirname "$0")/.." || exit 2
MEDIAN=12 P95=55 LONGEST=70 FILE_LINES=1200 HEADER_LINES=1500
DIRS=src
[ -d tools ] && DIRS="src tools"
# Asserts per 100 functions.
ASSERT_FLOORS="store:100 values:100 wire:100 keyspace:100 persist:100"
functions=$(mktemp)
trap 'rm -f "$functions"' EXIT

# One line a function: lines file name excused. A function starts at column 0 and ends with "}" there (clang-format sees to it).
# shellcheck disable=SC2016,SC2086
find $DIRS -name "*.[ch]" | sort | xargs awk '
FNR == 1 { inside = 0; head = ""; above = "" }
inside && /^}/ {
    if ($0 !~ /^};?[ ]*[^ ]*;/) print FNR - start + 1, FILENAME, name, excused
    inside = 0; head = ""; next
}
inside { next }
/^[A-Za-z_]/ && /\(/ && !/^(typedef|struct [a-z_]+ \{|enum|union)/ {
    head = $0; start = FNR; excused = above ~ /\/\* Long: / ? 1 : 0
    name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
}
head != "" && /\) \{.*\}$/ && FNR == start { print 1, FILENAME, name, excused; head = ""; next }
head != "" && /\) \{$/ { inside = 1; next }
head != "" && /[;}]$/ { head = "" }
{ above = $0 }' | sort -n >"$functions"
[ "${1:-}" = -l ] && tail -n 20 "$functions"

status=0
fail() { echo "over budget: $*"; status=1; }
count=$(wc -l <"$functions")
if [ "$count" -gt 0 ]; then
    at() { awk -v n="$1" 'NR == n { print $1 }' "$functions"; }
    median=$(at $(((count + 1) / 2)))
    p95=$(at $(((count * 95 + 99) / 100)))
    echo "functions: $count, lines: median $median, 95th percentile $p95, longest $(at "$count")"
    [ "$median" -le $MEDIAN ] || fail "median function length $median > $MEDIAN"
    [ "$p95" -le $P95 ] || fail "95th percentile of function length $p95 > $P95"
    long=$(awk -v max=$LONGEST '$1 > max && !$4 { print $2 ": " $3 " has " $1 " lines" }' "$functions")
    [ -z "$long" ] || fail "functions above $LONGEST lines without a reason on the line above:
$long"
fi
# shellcheck disable=SC2086
long=$(find $DIRS tests -name '*.[ch]' -exec wc -l {} + | awk -v max=$FILE_LINES '$2 != "total" && $1 > max { print $2 ": " $1 " lines" }')
[ -z "$long" ] || fail "files above $FILE_LINES lines:
$long"

# shellcheck disable=SC2016,SC2086
seen=$(find $DIRS -name "*.[ch]" | sort | xargs awk -v max=$HEADER_LINES '
# A header is also a manual: what counts is what the compiler sees.
FNR == 1 { comment = 0 }
{
    text = $0; sub(/^[ \t]+/, "", text)
    if (comment) { if (text ~ /\*\//) comment = 0 }
    else if (text ~ /^\/\*/) { if (text !~ /\*\//) comment = 1 }
    else if (text != "" && text !~ /^\/\//) lines[FILENAME]++
}
/^[ \t]*#[ \t]*include[ \t]*"/ { t = $0; sub(/^[^"]*"/, "", t); sub(/".*/, "", t); includes[FILENAME] = includes[FILENAME] " src/" t }
function visit(file,    part, n, i) {
    n = split(includes[file], part, " ")
    for (i = 1; i <= n; i++) if (!(part[i] in met)) { met[part[i]] = 1; total += lines[part[i]]; visit(part[i]) }
}
END {
    for (file in lines) if (file ~ /\.c$/) {
        split("", met); total = 0; visit(file)
        if (total > most) { most = total; where = file }
        if (total > max) print "over " file ": sees " total " lines of our headers"
    }
    print "headers: " where " sees most, " most + 0 " lines"
}')
echo "$seen" | grep -v '^over '
over=$(echo "$seen" | grep '^over ')
[ -z "$over" ] || fail "header lines above $HEADER_LINES:
$over"

for entry in $ASSERT_FLOORS; do
    room=${entry%%:*} floor=${entry#*:}
    n=$(awk -v room="src/$room/" 'index($2, room) == 1 { n++ } END { print n + 0 }' "$functions")
    [ "$n" -gt 0 ] || continue
    asserts=$(cat src/"$room"/*.[ch] | grep -o '\b\(debug_\)\?proven(' | wc -l)
    per=$((asserts * 100 / n))
    echo "asserts: $room $per per 100 functions ($asserts in $n)"
    [ "$per" -ge "$floor" ] || fail "$room has $per asserts per 100 functions, wants $floor"
done
exit $status
