# MEMORY ANALYZE and MEMORY PREFIXES: what they tell, who waits for whom, and that saves go before them.
source [file join [file dirname [info script]] harness harness.tcl]

proc analysis_state {r} { info_field $r memory_analysis memory }
proc waiting_clients {r} { info_field $r blocked_clients clients }
# A walk that takes at least so many seconds, unless it is stopped.
proc plant_slow_walk {r} {
    $r debug populate 2000 key 10
    $r config set memory-analysis-key-delay 10000
}

with_server srv {} {
    test "an analysis tells types, encodings, sizes and times to live" {
        set r [client $srv]
        $r debug populate 5000 user 100
        $r mset number 17 text hello
        $r set soon x ex 30
        $r set later x ex 864000
        $r rpush list a b c
        $r hset hash f v g w
        $r select 1
        $r set elsewhere y
        set a [$r memory analyze]
        assert_equal 5007 [dict get $a keys]
        assert_equal 5005 [dict get $a types string keys]
        assert_equal 3 [dict get $a types list elements]
        assert_equal 2 [dict get $a types hash elements]
        assert_equal 1 [dict get $a encodings string.int keys]
        assert_equal 1 [dict get $a encodings list.listpack keys]
        assert_equal {1 1 5005} [list [dict get $a ttl minute keys] [dict get $a ttl month keys] [dict get $a ttl none keys]]
        set keys 0
        foreach size [dict get $a sizes] { incr keys [dict get $size keys] }
        assert_equal 5007 $keys
        assert_range [dict get $a compressible string would-save] 100000 500000
        assert_equal map [lindex [[client $srv] -typed hello 3] 0]
        # The sum of the parts is what the owners say.
        set owners [expr {[info_field $r used_memory_owner_strings memory] + [info_field $r used_memory_owner_table memory]}]
        assert_range [expr {double([dict get $a bytes]) / $owners}] 0.95 1.02
    }
    test "prefixes by depth and delimiter, whatever bytes keys hold" {
        set r [client $srv]
        $r flushall
        foreach key {user:1:name user:1:mail user:2:name order:1 plain} { $r set $key value }
        $r set "a\"\xff\r\n:x" value
        set p [$r memory prefixes]
        assert_equal {6 1 0} [list [dict get $p keys] [dict get $p depth] [dict get $p other-keys]]
        assert_equal [lsort [list user: order: {} "a\"\xff\r\n:"]] [lsort [lmap row [dict get $p prefixes] {lindex $row 0}]]
        assert_equal {user: 3} [lrange [lindex [dict get $p prefixes] 0] 0 1]
        set bytes 0
        foreach key {user:1:name user:1:mail user:2:name} { incr bytes [$r memory usage $key] }
        assert_equal $bytes [lindex [dict get $p prefixes] 0 2]
        set p [$r memory prefixes 2]
        assert_equal {user:1: 2} [lrange [lindex [dict get $p prefixes] 0] 0 1]
        $r config set memory-prefix-delimiter /
        assert_equal {{} 6} [lrange [lindex [dict get [$r memory prefixes] prefixes] 0] 0 1]
        assert_error "*delimiter*" {$r config set memory-prefix-delimiter ""}
        $r config set memory-prefix-delimiter :
        foreach wrong {0 17 x -1} { assert_error "ERR depth must be between 1 and 16" {$r memory prefixes $wrong} }
        assert_error "ERR syntax error" {$r memory prefixes 1 2}
        assert_error "*wrong number of arguments*" {$r memory analyze now}
    }
    test "an analysis sees one instant, and nobody else waits for it" {
        set r [client $srv]
        $r flushall
        plant_slow_walk $r
        set a [client $srv]
        $a -send memory analyze
        wait_for {[analysis_state $r] eq "running"}
        assert_range [string trimright [info_field $r memory_analysis_progress memory] %] 0 50
        $r del {*}[lmap i [lrepeat 1000 x] { set i key:[incr gone] }]
        $r flushall
        $r config set memory-analysis-key-delay 0
        assert_equal 0 [$r dbsize]
        # It goes on as slowly as it began, so another is asked for, which has to wait in line; then both are let go.
        set b [client $srv]
        $b -send memory prefixes
        wait_for {[waiting_clients $r] == 2}
        assert_equal running [analysis_state $r]
        $a -close
        assert_equal 0 [dict get [$b -read] keys]
        assert_equal idle [analysis_state $r]
    }
    test "what is gone since an analysis began is in it" {
        set r [client $srv]
        $r flushall
        $r debug populate 400 key 10
        $r config set memory-analysis-key-delay 5000
        set a [client $srv]
        $a -send memory analyze
        wait_for {[analysis_state $r] eq "running"}
        set gone 0
        $r del {*}[lmap i [lrepeat 300 x] { set i key:[incr gone] }]
        $r flushall
        $r set other [string repeat x 100]
        assert_equal running [analysis_state $r]
        assert_equal 400 [dict get [$a -read] keys]
        $r config set memory-analysis-key-delay 0
        $r flushall
    }
    test "a walk that nobody waits for ends" {
        set r [client $srv]
        plant_slow_walk $r
        set a [client $srv]
        set b [client $srv]
        $a -send memory analyze
        wait_for {[analysis_state $r] eq "running"}
        set id [$b client id]
        $b -send memory prefixes
        wait_for {[waiting_clients $r] == 2}
        $r client unblock $id
        assert_equal (nil) [$b -read]
        $b -send memory prefixes
        wait_for {[waiting_clients $r] == 2}
        $r client unblock $id error
        assert_error "UNBLOCKED*" {$b -read}
        assert_equal running [analysis_state $r]
        $a -close
        wait_for {[analysis_state $r] eq "idle"} 2000
    }
    test "saves and rewrites go before an analysis, which says that it gave way" {
        set r [client $srv]
        plant_slow_walk $r
        foreach save {save bgsave bgrewriteaof {debug reload}} {
            set a [client $srv]
            $a -send memory analyze
            wait_for {[analysis_state $r] eq "running"}
            assert_no_match "*ERR*" [$r {*}$save]
            assert_error "ERR The analysis gave way*" {$a -read}
            wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0 && [info_field $r aof_rewrite_in_progress persistence] == 0}
        }
        assert_equal 2000 [$r dbsize]
        assert_match "*gives way*" [server_log $srv]
    }
    test "an analysis waits while a save runs" {
        set r [client $srv]
        $r config set memory-analysis-key-delay 0 rdb-key-save-delay 5000
        $r bgsave
        set a [client $srv]
        $a -send memory analyze
        wait_for {[analysis_state $r] eq "waiting"}
        set b [client $srv]
        $b -send memory prefixes
        wait_for {[waiting_clients $r] == 2}
        $r config set rdb-key-save-delay 0
        assert_equal 2000 [dict get [$a -read] keys]
        assert_equal {key: 2000} [lrange [lindex [dict get [$b -read] prefixes] 0] 0 1]
    }
    test "not inside a transaction" {
        set r [client $srv]
        $r multi
        assert_error "ERR Command not allowed inside a transaction" {$r memory analyze}
        assert_error EXECABORT* {$r exec}
    }
}

test "a server that is stopped does not wait for an analysis" {
    set srv [server_start]
    set r [client $srv]
    plant_slow_walk $r
    set a [client $srv]
    $a -send memory analyze
    wait_for {[analysis_state $r] eq "running"}
    set started [clock milliseconds]
    server_stop $srv
    assert_range [expr {[clock milliseconds] - $started}] 0 [expr {3000 * $harness::slow}]
}

test "random writes and analyses at the same time, with saves in between" {
    harness::seed
    set srv [server_start]
    set r [client $srv]
    $r debug populate 20000 key 50
    $r config set rdb-key-save-delay 10
    set asked [lmap i {1 2 3} {client $srv}]
    for {set round 0} {$round < 15} {incr round} {
        foreach a $asked what {analyze prefixes {prefixes 2}} { $a -send memory {*}$what }
        set commands {}
        for {set i 0} {$i < 200} {incr i} {
            set k key:[expr {int(rand() * 20000)}]
            lappend commands [lindex [list [list set $k $i] [list del $k] [list append $k x] [list expire $k 1000] [list rpush l$k a b]] [expr {$i % 5}]]
        }
        $r -pipeline $commands
        if {$round % 3 == 1} { $r bgsave }
        if {$round == 7} { $r flushall async; $r debug populate 20000 key 50 }
        foreach a $asked { catch {$a -read} answer; assert {[string match "*keys*" $answer] || [string match "*gave way*" $answer]} $answer }
        wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0} 20000
    }
    assert_equal OK [$r debug reload]
}
