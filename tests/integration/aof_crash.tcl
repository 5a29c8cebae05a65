# kill -9 at random instants, during load, rewrites and switches of the manifest: nothing that was acknowledged is lost, nothing is
# invented, and what is there is a prefix of what was sent.
source [file join [file dirname [info script]] harness harness.tcl]

set cycles [expr {[info exists env(TARN_CYCLES)] ? $env(TARN_CYCLES) : 12}]

# Transactions of two keys that count up together, so that one that was torn apart shows. Returns the number acknowledged.
proc write_until_killed {srv kill_after_ms with_rewrites} {
    global sent acked
    set r [client $srv]
    set admin [client $srv]
    set end [expr {[clock milliseconds] + $kill_after_ms}]
    while {[clock milliseconds] < $end} {
        set burst [expr {1 + int(rand() * 50)}]
        for {set i 0} {$i < $burst} {incr i} {
            incr sent
            $r -send multi
            $r -send set key:$sent $sent
            $r -send incr count
            $r -send exec
        }
        if {$with_rewrites && rand() < 0.2} { catch {$admin bgrewriteaof} }
        # Some are killed with replies on the way.
        set read [expr {[clock milliseconds] < $end ? $burst : int(rand() * $burst)}]
        for {set i 0} {$i < $read} {incr i} {
            foreach _ {multi set incr} { $r -read }
            assert_equal OK [lindex [$r -read] 0]
            incr acked
        }
    }
    server_kill $srv
}

proc check {srv} {
    global sent acked
    set r [client $srv]
    set count [$r get count]
    if {![string is integer -strict $count]} { set count 0 }
    assert_range $count $acked $sent "acknowledged $acked, sent $sent"
    assert_equal [expr {$count + ($count > 0)}] [$r dbsize]
    set values [$r -pipeline [lmap i [lseq $count] { list get key:$i }]]
    set i 0
    foreach value $values { assert_equal [list bulk [incr i]] $value }
    set sent $count
    set acked $count
}
proc lseq {n} {
    set all {}
    for {set i 1} {$i <= $n} {incr i} { lappend all $i }
    return $all
}

foreach {fsync rewrites} {always 0 always 1 everysec 1 no 1} {
    test "killed $cycles times with appendfsync $fsync[expr {$rewrites ? " and rewrites" : ""}]" {
        set sent 0
        set acked 0
        set srv [server_start -config [list appendonly yes appendfsync $fsync]]
        for {set cycle 0} {$cycle < $cycles} {incr cycle} {
            write_until_killed $srv [expr {int(rand() * 120)}] $rewrites
            server_restart $srv
            check $srv
        }
    }
}
