# An append-only file that holds more than maxmemory: what stays has the values that were acknowledged, whatever the commands behind
# the base do with keys that have gone; and the files say the same from then on.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support limit.tcl]

proc fill {r} {
    set commands {}
    for {set i 0} {$i < 2000} {incr i} {
        lappend commands [list hset h:$i a [string repeat a 150] b $i] [list set c:$i $i] [list set s:$i [string repeat s 400]] \
            [list rpush l:$i 1 2 3 [string repeat l 100]] [list sadd t:$i 1 2 3 x y] [list set v:$i [string repeat v 300] ex 100000]
    }
    $r -pipeline $commands
}

# Every command changes something that must be there as a whole, or makes a key of others.
proc change {r} {
    set commands {}
    for {set i 0} {$i < 2000} {incr i} {
        set j [expr {($i * 7 + 1) % 2000}]
        lappend commands [list hset h:$i c new] [list incrby c:$i 1000] [list append s:$i tail] [list lset l:$i 0 first] \
            [list persist v:$i] [list expire v:$i 200000]
        switch [expr {$i % 10}] {
            0 { lappend commands [list rename h:$i renamed:$i] [list hset renamed:$i d 1] }
            1 { lappend commands [list sunionstore union:$i t:$i t:$j] [list srem union:$i 1] }
            2 { lappend commands [list lmove l:$i l:$j left right] }
            3 { lappend commands [list multi] [list hset h:$i d 4] [list copy c:$i copied:$i] [list incr copied:$i] [list exec] }
            4 { lappend commands [list set c:$i whole] [list append c:$i .] [list del s:$i] [list setrange s:$i 5 x] }
            5 { lappend commands [list mset m:$i 1 c:$j 5] [list incr c:$j] }
            6 { lappend commands [list sort l:$i by nosort alpha store sorted:$i] [list rpush sorted:$i end] }
            7 { lappend commands [list move c:$i 1] [list copy s:$i s:$i db 2] [list select 1] [list incr c:$i] [list select 2] [list append s:$i there] [list select 0] }
            8 { lappend commands [list set s:$i [string repeat k 50] keepttl] [list append s:$i x] }
            9 { lappend commands [list smove t:$i t:$j x] [list hincrby h:$i b 5] }
        }
    }
    foreach reply [$r -pipeline $commands] {
        if {[lindex $reply 0] eq "error" && ![string match "*at*least*" $reply]} { fail "refused: $reply" }
    }
}

# {db key} -> digest of the value.
proc picture {r} {
    set all [dict create]
    foreach db {0 1 2} {
        $r select $db
        set keys [$r keys *]
        foreach key $keys digest [lmap reply [$r -pipeline [lmap key $keys {list debug digest-value $key}]] {lindex $reply 1}] {
            if {![string match *0000000000000000* $digest]} { dict set all "$db $key" $digest } ;# else it went meanwhile
        }
    }
    $r select 0
    return $all
}

proc assert_part_of {all part} {
    set wrong {}
    dict for {key digest} $part {
        if {![dict exists $all $key]} { lappend wrong "$key should not be there" } \
        elseif {[dict get $all $key] ne $digest} { lappend wrong "$key differs" }
    }
    if {[llength $wrong]} { fail "[llength $wrong] keys, as [lrange $wrong 0 5]" }
}

# Writes to keys that have gone, is killed, and comes back with the same.
proc assert_goes_on {srv r before} {
    for {set i 0} {$i < 2000} {incr i 50} {
        $r hset h:$i z 1
        $r incr c:$i
    }
    $r config set maxmemory 0
    set now [picture $r]
    server_kill $srv
    server_restart $srv
    set r [client $srv]
    $r config set maxmemory 0
    set again [picture $r]
    assert_part_of $now $again
    # The limit was on while it was loaded.
    assert_range [dict size $again] [expr {[dict size $now] / 2}] [dict size $now]
}

foreach {preamble policy part_of_it renews} {yes allkeys-lru 0.55 1 no allkeys-random 0.55 1 yes volatile-lru 0.87 0} {
    test "base in RDB form $preamble, $policy within $part_of_it of what there is: what stays is right, and the files agree" {
        set config [list appendonly yes appendfsync always auto-aof-rewrite-percentage 0 aof-use-rdb-preamble $preamble]
        set srv [server_start -config $config]
        set r [client $srv]
        $r -timeout 60000
        fill $r
        $r bgrewriteaof
        wait_for {[info_field $r aof_rewrite_in_progress persistence] == 0 && [info_field $r aof_rewrite_scheduled persistence] == 0}
        change $r
        set all [picture $r]
        set limit [expr {int([counted $r] * $part_of_it)}] ;# an allocator's sizes are its own
        set dir [server_dir $srv]
        server_kill $srv
        set srv [server_start -dir $dir -config [concat $config [list maxmemory $limit maxmemory-policy $policy]]]
        set r [client $srv]
        $r -timeout 60000
        assert_range [info_field $r load_evicted_keys persistence] 100 [dict size $all]
        assert_range [counted $r] 1 [expr {$limit + (64 << 10)}] ;# what the asking itself takes
        assert_match "*hold more than maxmemory*" [server_log $srv]
        set part [picture $r]
        set renewed [string match "*A new base of the append-only file is written*" [server_log $srv]]
        puts "  [dict size $all] keys, [dict size $part] stay"
        assert_equal $renews $renewed "with a new base, or with a DEL for each key"
        assert_range [dict size $part] 100 [dict size $all]
        assert_part_of $all $part
        assert_goes_on $srv $r $part
        server_stop $srv
    }
}
