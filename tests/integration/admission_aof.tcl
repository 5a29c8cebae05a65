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

# ---- noeviction ----
# A folder with a base of so many keys with 200 bytes, and these commands behind it; as redis-server would have written them.
proc folder {keys commands} {
    set srv [server_start]
    set dir [server_dir $srv]
    [client $srv] debug populate $keys base 200
    [client $srv] save
    server_stop $srv
    file mkdir $dir/appendonlydir
    file rename $dir/dump.rdb $dir/appendonlydir/appendonly.aof.1.base.rdb
    write_file $dir/appendonlydir/appendonly.aof.manifest \
        "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    set text "*2\r\n\$6\r\nSELECT\r\n\$1\r\n0\r\n"
    foreach words $commands {
        append text *[llength $words]\r\n
        foreach word $words { append text \$[string length $word]\r\n$word\r\n }
    }
    write_file $dir/appendonlydir/appendonly.aof.1.incr.aof $text
    return $dir
}

set sets {}
for {set i 0} {$i < 150000} {incr i} { lappend sets [list SET tail:$i [string repeat t 220]] }
set dels {}
for {set i 0} {$i < 150000} {incr i} { lappend dels [list DEL base:$i] }
set small {appendonly yes maxmemory 8mb}

foreach {what keys commands} [list "a base, with commands that leave it alone" 150000 {{SET other 1} {RPUSH list a b}} \
        "what SET makes behind a base that fits" 1000 $sets] {
    test "under noeviction: $what does not fit, and is refused soon" {
        set dir [folder $keys $commands]
        assert_once {$took <= 2000 * $harness::slow} {
            set begun [clock milliseconds]
            set srv [server_start -dir $dir -config [concat $small {key-load-delay 50}] -wait exit]
            set took [expr {[clock milliseconds] - $begun}]
            assert_equal 1 [server_wait_exit $srv]
            assert_regexp {appendonlydir: does not fit: it needs at least \d{8} bytes, and maxmemory leaves 8388608} [server_log $srv]
        } 3
        # Where it is too quick to be looked at meanwhile, its end is.
        set srv [server_start -dir $dir -config $small -wait exit]
        assert_equal 1 [server_wait_exit $srv]
        assert_match "*appendonlydir: does not fit*" [server_log $srv]
        set srv [server_start -dir $dir -config [concat $small {load-oversize try}]]
        set r [client $srv]
        assert_match "*OOM*" [$r -typed set more 1]
        assert_regexp {loaded takes \d{8} bytes with what the server itself needs, maxmemory is 8388608: with noeviction} [server_log $srv]
        server_stop $srv
    }
}

test "under noeviction: what fits in the end is loaded, also where it had been more" {
    set dir [folder 150000 $dels]
    set srv [server_start -dir $dir -config $small]
    assert_equal 0 [[client $srv] dbsize]
    assert_no_match "*with what the server itself needs*" [server_log $srv]
    server_stop $srv
    set dir [folder 1000 [concat [lrange $sets 0 149000] {{FLUSHALL} {SET last 1}}]]
    set srv [server_start -dir $dir -config [concat $small {key-load-delay -100}]]
    assert_equal last [[client $srv] keys *]
    server_stop $srv
    # A command that nobody knows the end of beforehand.
    set dir [folder 1000 [concat [lrange $sets 0 149000] [list [concat DEL [lmap words [lrange $sets 0 149000] {lindex $words 1}]]]]]
    set srv [server_start -dir $dir -config [concat $small {key-load-delay -100}]]
    assert_equal 1000 [[client $srv] dbsize]
    server_stop $srv
}
