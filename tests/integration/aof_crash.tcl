# kill -9 at random instants, during load, rewrites and switches of the manifest: nothing that was acknowledged is lost, nothing is
# invented, and what is there is a prefix of what was sent.
source [file join [file dirname [info script]] harness harness.tcl]

set cycles [expr {[info exists env(TARN_CYCLES)] ? $env(TARN_CYCLES) : 12}]
harness::seed

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

# ---- kills in the middle of what takes long ----
set cycles [expr {[info exists env(TARN_CYCLES)] ? $env(TARN_CYCLES) : 5}]
proc state_of {r} { return [list [$r debug digest] [$r dbsize]] }

test "killed $cycles times in the middle of a save: the old file stays whole, and the next start removes what is left" {
    set srv [server_start -config {rdb-key-save-delay 2000}]
    set r [client $srv]
    for {set i 0} {$i < 600} {incr i} { $r set key:$i $i }
    $r config set rdb-key-save-delay 0
    $r save
    for {set cycle 0} {$cycle < $cycles} {incr cycle} {
        set before [state_of $r]
        $r incr beyond
        $r config set rdb-key-save-delay 2000
        $r bgsave
        set wanted [expr {int(rand() * 150)}]
        wait_for {[info_field $r current_save_keys_processed persistence] >= $wanted}
        server_kill $srv
        server_restart $srv
        set r [client $srv]
        assert_equal $before [state_of $r]
        assert_equal {} [glob -nocomplain -directory [server_dir $srv] temp-*]
    }
}

test "killed $cycles times in the middle of a rewrite and of its switches of the manifest" {
    set srv [server_start -config {appendonly yes appendfsync always}]
    set r [client $srv]
    for {set cycle 0} {$cycle < $cycles} {incr cycle} {
        for {set i 0} {$i < 30} {incr i} { $r incr n }
        $r config set rdb-key-save-delay [expr {int(rand() * 3) * 3000}]
        for {set i 0} {$i < 5} {incr i} { $r set key:$i $cycle }
        $r bgrewriteaof
        # Some are killed at once, some while the base is written, some about when it gets its name.
        set more [expr {int(rand() * 40)}]
        for {set i 0} {$i < $more} {incr i} { $r incr n }
        if {rand() < 0.3} { wait_for {[info_field $r aof_rewrite_in_progress persistence] == 0} 20000 }
        set before [state_of $r]
        server_kill $srv
        server_restart $srv
        set r [client $srv]
        assert_equal $before [state_of $r]
    }
}

test "killed $cycles times in the middle of a load: the files stay as they are" {
    set srv [server_start -config {appendonly yes appendfsync always}]
    set r [client $srv]
    for {set i 0} {$i < 500} {incr i} { $r set key:$i $i }
    set digest [$r debug digest]
    $r bgrewriteaof
    wait_for {[info_field $r aof_rewrites persistence] == 1 && [info_field $r aof_rewrite_in_progress persistence] == 0} 20000
    $r incr after
    set digest [$r debug digest]
    server_stop $srv
    proc contents {srv} { return [lmap path [lsort [glob [server_dir $srv]/appendonlydir/*]] { list $path [read_file $path] }] }
    set before [contents $srv]
    for {set cycle 0} {$cycle < $cycles} {incr cycle} {
        server_restart $srv -config {appendonly yes appendfsync always key-load-delay 3000} -wait listening
        set r [client $srv]
        set wanted [expr {int(rand() * 100)}]
        wait_for {[info_field $r loading_loaded_keys persistence] >= $wanted}
        assert_equal 1 [info_field $r loading persistence]
        server_kill $srv
        assert_equal $before [contents $srv]
    }
    server_restart $srv -config {appendonly yes appendfsync always} -wait ready
    assert_equal $digest [[client $srv] debug digest]
}
