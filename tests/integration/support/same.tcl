# Tarn beside redis-server 7.0.15: the same requests to both, the same bytes back.
#
#   with_both { test "..." { same {{set k v} {get k}} } }     r: Tarn's client, o: the oracle's

proc with_both {body} {
    uplevel #0 [list with_server srv {} [list with_server oracle [list -binary $harness::oracle] \
        "set r \[client \$srv\]\nset o \[client \$oracle\]\n$body"]]
}

proc near {a b} {
    return [expr {[string is wideinteger -strict $a] && [string is wideinteger -strict $b] && $a > 0 && abs($a - $b) <= 3000}]
}

# Requests whose replies name times still to live, to come or gone by: the servers are asked one after the other.
proc same_near {request} {
    lassign [string tolower [lrange $request 0 1]] name sub
    return [expr {$name in {ttl pttl expiretime pexpiretime} || ($name eq "object" && $sub eq "idletime")}]
}

# Sends the requests to both servers, one write each, and compares reply by reply. sorted: names of commands whose replies
# are lists in no promised order.
proc same {requests {sorted {keys}}} {
    set ours [$::r -pipeline $requests]
    set theirs [$::o -pipeline $requests]
    foreach request $requests our $ours their $theirs {
        set name [lindex $request 0]
        if {[same_near $request] && [near [lindex $our 1] [lindex $their 1]]} { continue }
        if {$name in $sorted} { set our [lsort [plain $our]]; set their [lsort [plain $their]] }
        assert_equal $their $our $request
    }
}

# The same with what each key is like after every request.
proc same_state {keys requests} {
    set all {}
    foreach request $requests {
        lappend all $request
        foreach key $keys { lappend all [list get $key] [list object encoding $key] [list ttl $key] }
    }
    same $all
}

proc fresh {} { same {{flushall} {select 0}} }
