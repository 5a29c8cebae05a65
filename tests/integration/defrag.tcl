# Active defragmentation: the directives, what stands still while everything moves, and that memory given free goes back.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support allocator.tcl]

proc stat {r field} { return [info_field $r $field stats] }

test "the directives have the peers' names, bounds and defaults" {
    set srv [server_start]
    set r [client $srv]
    foreach {name value} {
        active-defrag-cycle-max 25 active-defrag-cycle-min 1 active-defrag-cycle-us 500
        active-defrag-ignore-bytes 104857600 active-defrag-max-scan-fields 1000
        active-defrag-threshold-lower 10 active-defrag-threshold-upper 100
    } {
        assert_equal [list $name $value] [$r config get $name]
        assert_equal OK [$r config set $name $value]
    }
    assert_error "*argument must be between 1 and 99*" {$r config set active-defrag-cycle-max 100}
    assert_error "*argument must be between 0 and 1000*" {$r config set active-defrag-threshold-lower 1001}
    assert_equal no [lindex [$r config set activedefrag no; $r config get activedefrag] 1]
    if {[allocator_tells $r]} {
        assert_equal OK [$r config set activedefrag yes]
    } else {
        assert_error "*needs jemalloc*" {$r config set activedefrag yes}
        assert_equal {activedefrag no} [$r config get activedefrag]
    }
    foreach field {active_defrag_hits active_defrag_misses active_defrag_key_hits active_defrag_key_misses
                   total_active_defrag_time current_active_defrag_time} {
        assert_equal 0 [stat $r $field]
    }
    assert_equal 0 [info_field $r active_defrag_running memory]
}

# ---- everything moves, all the time, under random traffic ----

set serial 0
proc value {n} { return [string repeat [format %04d $n] [expr {1 + $n % 97 * ($n % 7 == 0 ? 40 : 1)}]] }
proc some {n} { return [expr {int(rand() * $n)}] }

# One random change of one of a few keys of a type; replies are not looked at, as a key may be of another type or too short.
proc change {} {
    set n [some 40]
    set i [incr ::serial]
    switch [some 24] {
        0 { return [list set s:$n [value $i]] }
        1 { return [list append s:$n [value [some 50]]] }
        2 { return [list setrange s:$n [some 3000] [value $i]] }
        3 { return [list rpush l:$n {*}[lmap x {1 2 3 4} {value [expr {$i + $x}]}]] }
        4 { return [list lpop l:$n [some 20]] }
        5 { return [list linsert l:$n before [value [some $i]] [value $i]] }
        6 { return [list sadd t:$n {*}[lmap x {1 2 3 4 5 6} {some 3000}] m$i] }
        7 { return [list spop t:$n [some 10]] }
        8 { return [list zadd z:$n [some 1000] m[some 2000] [some 1000] m[some 2000] [some 1000] m$i] }
        9 { return [list zincrby z:$n [some 10] m[some 2000]] }
        10 { return [list zremrangebyrank z:$n 0 [some 6]] }
        11 { return [list hset h:$n f[some 900] [value $i] f[some 900] $i g$i x] }
        12 { return [list hdel h:$n f[some 900] f[some 900]] }
        13 { return [list hpexpire h:$n [expr {100000 + [some 100000]}] fields 2 f[some 900] f[some 900]] }
        14 { return [list xadd x:$n * f [value $i] i $i] }
        15 { return [list xreadgroup group g c[some 9] count 5 streams x:$n >] }
        16 { return [list xgroup create x:$n g 0 mkstream] }
        17 { return [list xtrim x:$n maxlen [some 500]] }
        18 { return [list rename [lindex {s l t z h x} [some 6]]:$n [lindex {s l t z h x} [some 6]]:[some 40]] }
        19 { return [list copy [lindex {l t z h x} [some 5]]:$n y:[some 10] replace] }
        20 { return [list pexpire [lindex {s l t z h x} [some 6]]:$n 10000000] }
        21 { return [list persist [lindex {s l t z h x} [some 6]]:$n] }
        22 { return [expr {[some 8] ? [list set i:[some 3000] $i] : [list del [lindex {s l t z h x y} [some 7]]:$n]}] }
        23 { return [list xautoclaim x:$n g c[some 9] 0 0 count 3] }
    }
}

proc batch {r n} {
    set requests {}
    for {set i 0} {$i < $n} {incr i} { lappend requests [change] }
    $r -pipeline $requests
}

with_server srv {-config {save "" active-defrag-cycle-max 75 active-defrag-max-scan-fields 20}} {
    test "whatever moves, the data stays what it is" {
        set r [client $srv]
        $r -timeout [expr {60000 * $harness::slow}]
        harness::seed
        $r debug set-active-expire 0
        $r debug defrag 1
        for {set round 0} {$round < 12} {incr round} {
            batch $r 1500
            set before [$r debug digest]
            set hits [stat $r active_defrag_hits]
            set passes [stat $r active_defrag_passes]
            wait_for {[stat $r active_defrag_passes] > $passes + 1} 60000
            assert {[stat $r active_defrag_hits] > $hits}
            assert_equal $before [$r debug digest]
        }
        assert {[stat $r active_defrag_key_hits] > 0 && [info_field $r active_defrag_running memory] == 75}
    }

    test "it stands still while a snapshot is live, and goes on afterwards" {
        set r [client $srv]
        $r -timeout [expr {60000 * $harness::slow}]
        batch $r 2000
        set digest [$r debug digest]
        for {set i 0} {$i < 3} {incr i} {
            $r config set rdb-key-save-delay 20000
            assert_equal "Background saving started" [$r bgsave]
            set hits [stat $r active_defrag_hits]
            wait_for {[info_field $r current_save_keys_processed persistence] > 10} 20000
            assert_equal $hits [stat $r active_defrag_hits]
            assert_equal 1 [info_field $r rdb_bgsave_in_progress persistence]
            $r config set rdb-key-save-delay 0
            wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0} 60000
            assert_equal ok [info_field $r rdb_last_bgsave_status persistence]
            assert_equal $digest [$r debug digest]
            set hits [stat $r active_defrag_hits]
            wait_for {[stat $r active_defrag_hits] > $hits} 60000
        }
        $r debug reload
        assert_equal $digest [$r debug digest]
        set hits [stat $r active_defrag_hits]
        wait_for {[stat $r active_defrag_hits] > $hits} 60000
        assert_equal $digest [$r debug digest]
    }

    test "saves under traffic hold what was there" {
        set r [client $srv]
        $r -timeout [expr {60000 * $harness::slow}]
        for {set i 0} {$i < 5} {incr i} {
            $r bgsave
            batch $r 1500
            wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0} 60000
            assert_equal ok [info_field $r rdb_last_bgsave_status persistence]
            batch $r 500
        }
        set digest [$r debug digest]
        $r debug reload
        assert_equal $digest [$r debug digest]
    }

    test "DEBUG DEFRAG 0 ends it" {
        set r [client $srv]
        $r debug defrag 0
        $r config set activedefrag no
        wait_for {[info_field $r active_defrag_running memory] == 0}
        assert_equal 0 [stat $r current_active_defrag_time]
        assert {[stat $r total_active_defrag_time] > 0}
    }
}

# ---- memory goes back ----

test "what is deleted at random goes back from the slabs that it leaves thin" {
    set srv [server_start -config {save "" active-defrag-ignore-bytes 1mb active-defrag-cycle-max 50}]
    set r [client $srv]
    if {![allocator_tells $r]} { skip "this allocator does not tell how its memory is used" }
    $r config set activedefrag no
    for {set i 0} {$i < 60} {incr i} {
        set requests {}
        for {set k 0} {$k < 1000} {incr k} {
            lappend requests [list set k:[expr {$i * 1000 + $k}] [string repeat x [expr {200 + ($i * 7 + $k * 13) % 800}]]]
        }
        $r -pipeline $requests
    }
    set requests {}
    for {set k 0} {$k < 60000} {incr k} { if {$k * 2654435761 % 1000 < 700} { lappend requests [list del k:$k] } }
    $r -pipeline $requests
    assert {[info_field $r allocator_frag_ratio memory] > 1.6}
    $r config set activedefrag yes
    wait_for {[info_field $r allocator_frag_ratio memory] < 1.25} 60000
    assert {[stat $r active_defrag_hits] > 1000}
    # and then it ends, as nothing is left to be gained
    wait_for {[info_field $r active_defrag_running memory] == 0} 60000
}

# ---- MEMORY PURGE ----

proc purged {r field} { return [info_field $r $field memory] }

with_server srv {-config {save "" activedefrag no}} {
    test "MEMORY PURGE says what it gave back" {
        set r [client $srv]
        assert_equal 0 [purged $r mem_purges]
        if {[allocator_tells $r]} {
            allocator_keep_pages $r
            for {set i 0} {$i < 40} {incr i} { $r set big:$i [string repeat x 1000000] }
            $r flushall sync
        }
        assert_equal OK [$r memory purge]
        assert_equal 1 [purged $r mem_purges]
        assert_match "*MEMORY PURGE gave * bytes back to the system in * us*" [server_log $srv]
        assert_equal [purged $r mem_purged_last_bytes] [purged $r mem_purged_bytes]
        if {[allocator_tells $r]} { assert_range [purged $r mem_purged_bytes] 20000000 100000000 }
    }

    test "several may ask at a time, in a transaction too, and one may leave before the end" {
        set r [client $srv]
        set before [purged $r mem_purges]
        set others [list [client $srv] [client $srv] [client $srv]]
        foreach c $others { $c -send memory purge }
        [lindex $others 0] -close
        foreach c [lrange $others 1 end] { assert_equal OK [$c -read] }
        $r multi
        $r memory purge
        assert_equal OK [$r exec]
        wait_for {[purged $r mem_purges] >= $before + 3}
        assert_equal {{status OK} {status PONG}} [$r -pipeline {{memory purge} {ping}}]
    }
}
