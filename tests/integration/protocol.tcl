# Requests that arrive in pieces: whatever the cuts, the replies are those of the whole.
source [file join [file dirname [info script]] harness harness.tcl]

proc bulk_request {args} {
    set out "*[llength $args]\r\n"
    foreach a $args { append out "$[string length $a]\r\n$a\r\n" }
    return $out
}

# Sends each piece when the server has read the one before it, as INFO on another connection tells.
proc send_pieces {r watcher pieces} {
    foreach piece $pieces {
        set read [info_field $watcher total_reads_processed stats]
        $r -raw $piece
        # The watcher's own request is one read of each look.
        wait_for {[info_field $watcher total_reads_processed stats] > $read + 1 || [incr looks] > 20}
    }
}

with_server srv {} {
    set watcher [client $srv]

    test "a header cut before its number ends, and another behind a whole request" {
        set looks 0
        set r [client $srv]
        send_pieces $r $watcher [list "*1" "\r\n\$4\r\nPING\r\n" "*" "1\r\n\$4\r\nPING\r\n*1\r" "\n\$4\r\nPING\r\n"]
        foreach i {1 2 3} { assert_equal PONG [$r -read] }
    }

    test "one cut at every place of a stream of requests" {
        set stream "[bulk_request SET k v]PING\r\n[bulk_request GET k]\r\n*0\r\n[bulk_request ECHO "a\r\nb"]*-1\r\nECHO 'x y'\r\n"
        for {set at 1} {$at < [string length $stream]} {incr at} {
            set looks 0
            set r [client $srv]
            send_pieces $r $watcher [list [string range $stream 0 $at-1] [string range $stream $at end]]
            foreach expected [list OK PONG v "a\r\nb" "x y"] { assert_equal $expected [$r -read] "cut at $at" }
            $r -close
        }
    }

    test "a request that comes byte by byte, and one right behind it" {
        set looks 0
        set r [client $srv]
        send_pieces $r $watcher [split [bulk_request SET byte bite] ""]
        $r -raw "[bulk_request GET byte]"
        assert_equal OK [$r -read]
        assert_equal bite [$r -read]
    }
}
