#!/bin/sh
# Holds every #include "room/..." of src/ and tools/ against src/ROOMS, and src/ROOMS against itself: a room names only rooms
# that stand above it in that file, so a cycle cannot be written. Prints what is wrong; exit code 1 when anything is.
set -u
cd "$(dirname "$0")/.." || exit 2
# shellcheck disable=SC2016
find src tools -name '*.[ch]' 2>/dev/null | sort | xargs awk '
BEGIN {
    while ((getline line < "src/ROOMS") > 0) {
        if (line ~ /^#/ || line !~ /:/) continue
        room = line; sub(/:.*/, "", room)
        n = split(substr(line, length(room) + 2), names, " ")
        for (i = 1; i <= n; i++) {
            if (!(names[i] in known)) { print "src/ROOMS: " room " names " names[i] ", which does not stand above it"; bad = 1 }
            may[room, names[i]] = 1
        }
        known[room] = 1; may[room, room] = 1
    }
    n = split("base mem io wire store", names, " ")
    for (i = 1; i <= n; i++) may["tools", names[i]] = may["tools/check", names[i]] = 1
    may["tools/check", "values"] = may["tools/check", "persist"] = 1
}
FNR == 1 {
    split(FILENAME, part, "/")
    mine = part[1] != "tools" ? part[2] : part[2] == "check" ? "tools/check" : "tools"
    if (part[1] != "tools" && !(mine in known)) { print FILENAME ": room " mine " is not in src/ROOMS"; bad = 1 }
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    target = $0; sub(/^[^"]*"/, "", target); sub(/".*/, "", target)
    if (split(target, path, "/") != 2) {
        if (mine !~ /^tools/) { print FILENAME ":" FNR ": \"" target "\": write room/header.h"; bad = 1 }
        next
    }
    if (mine ~ /^tools/ && !(path[1] in known)) next
    if (!((mine, path[1]) in may)) { print FILENAME ":" FNR ": room " mine " may not include " target; bad = 1 }
    if (target ~ /_int\.h$/ && path[1] != mine) { print FILENAME ":" FNR ": " target " is private to room " path[1]; bad = 1 }
}
END { exit bad }'
