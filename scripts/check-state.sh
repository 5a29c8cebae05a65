#!/bin/sh
# check-state.sh build-folder: counts the mutable objects with a lifetime of their own in each room's object files (static and
# global variables, thread-local ones too; constant tables and the storage of declared directives are not counted) and holds them
# to the figures below. They only move down; a room that is not named has none.
set -u
ALLOWED="base:3 mem:4 io:1 values:1 persist:1 observe:1 server:12"
status=0
for folder in "$1"/obj/src/*/; do
    room=$(basename "$folder")
    names=$(objdump -t "$folder"*.o | awk '
        /file format/ { file = $1 }
        /[ \t]\.(data|bss|tbss|tdata)(\.[^ \t]*)?[ \t]/ && !/rel\.ro/ && !/ d / && !/ __compound_literal/ { print file " " $NF }')
    count=$(printf '%s' "$names" | grep -c .)
    allowed=0
    for entry in $ALLOWED; do [ "${entry%%:*}" = "$room" ] && allowed=${entry#*:}; done
    [ "$count" -eq 0 ] || echo "state: $room $count of $allowed"
    [ "$count" -le "$allowed" ] || { echo "over budget: room $room has $count mutable objects, may have $allowed:"; echo "$names"; status=1; }
done
exit $status
