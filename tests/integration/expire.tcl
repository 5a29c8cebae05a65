# Times to live: EXPIRE and its kin, TTL and its kin, and that keys end when they should.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

with_both {

test "EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT: options and errors as redis-server" {
    fresh
    set requests {{set a 1}}
    set now [clock seconds]
    set n 0
    foreach {name in100 unit from} [list expire 100 1 0 pexpire 100000 1000 0 expireat [expr {$now + 100}] 1 $now \
        pexpireat [expr {$now + 100}]000 1000 ${now}000] {
        lappend requests [list $name] [list $name a] [list $name a x] [list $name a 1.5] [list $name nokey $in100] \
            [list $name nokey x] [list $name nokey $in100 foo] [list $name a $in100 foo] [list $name a x foo] \
            [list $name a 9223372036854775807 foo] [list $name a -9223372036854775808 NX] [list persist a]
        foreach options {nx xx gt lt {nx xx} {nx gt} {NX LT} {gt lt} {xx gt} {xx lt} {nx nx} {gt gt}} {
            # No time twice: the two servers would see it at different milliseconds, and GT and LT compare those.
            foreach seconds {1000 5000 100} {
                lappend requests [list $name a [expr {$from + ($seconds + [incr n]) * $unit}] {*}$options] {ttl a} \
                    {expiretime a}
            }
        }
    }
    same $requests
}

test "times at the end of all time" {
    fresh
    same {
        {set a 1} {expire a 9223372036854775807} {expire a 9223372036854775} {expire a 9223370000000000}
        {expireat a 9223372036854775807} {expireat a 9223372036854775} {expiretime a} {pexpiretime a}
        {pexpire a 9223372036854775807} {pexpireat a 9223372036854775807} {pexpiretime a} {expiretime a} {persist a}
        {expire a -9223372036854775808} {exists a}
    }
}

test "a time that has passed deletes the key" {
    fresh
    same {
        {set a 1} {expire a 0} {exists a} {set a 1} {expire a -1} {exists a} {set a 1} {pexpireat a 1} {exists a}
        {set a 1} {expireat a 0} {exists a} {set a 1} {expire a -1 xx} {expire a -1 gt} {exists a} {expire a -1 lt} {exists a}
        {set a 1 ex 100} {expire a -1 gt} {expire a -1 nx} {exists a} {expire a -1 xx} {exists a} {pexpire a 0}
    }
}

test "TTL, PTTL, EXPIRETIME, PEXPIRETIME, PERSIST: as redis-server" {
    fresh
    same {
        {ttl} {ttl a b} {pttl} {expiretime} {pexpiretime} {persist} {ttl a} {pttl a} {expiretime a} {pexpiretime a} {persist a}
        {set a 1} {ttl a} {pttl a} {expiretime a} {pexpiretime a} {persist a} {pexpireat a 33177117420000} {expiretime a}
        {pexpiretime a} {pexpireat a 33177117420500} {expiretime a} {pexpireat a 33177117420499} {expiretime a} {persist a}
        {persist a} {ttl a} {set a 1 ex 100} {set a 2} {ttl a} {set a 1 ex 100} {append a x} {ttl a} {set a 1 ex 100 keepttl}
    }
}

# Milliseconds of a reply of TIME.
proc ms {time} {
    lassign $time seconds microseconds
    return [expr {$seconds * 1000 + $microseconds / 1000}]
}

test "a key is gone in its millisecond, by the server's own clock" {
    for {set i 0} {$i < 20} {incr i} {
        $r set k v px 30
        set end [$r pexpiretime k]
        set there 1
        while {$there} {
            lassign [lmap reply [$r -pipeline {time {exists k} time}] {plain $reply}] before there after
            if {$there} {
                assert {[ms $before] <= $end + 100 * $harness::slow}
            } else {
                assert {[ms $after] > $end}
            }
        }
        assert_equal -2 [$r pttl k]
    }
}

test "keys that nobody asks for end on time too" {
    assert_once {$late <= 500 * $harness::slow} {
        $r flushall
        $r config resetstat
        set requests {}
        for {set i 0} {$i < 2000} {incr i} { lappend requests [list set key:$i v px [expr {100 + $i % 300}]] }
        $r -pipeline $requests
        set end [expr {[clock milliseconds] + 400}]
        lassign [lindex [$r -pipeline {multi dbsize {info stats} exec}] 3 1] size stats
        regexp {expired_keys:(\d+)} [lindex $stats 1] -> expired
        assert_equal 2000 [expr {[lindex $size 1] + $expired}]
        wait_for {[$r dbsize] == 0}
        set late [expr {[clock milliseconds] - $end}]
        assert_equal 2000 [info_field $r expired_keys stats]
    }
}

test "an expired key is not there for any command, even while nothing removes it" {
    $r flushall
    $r debug set-active-expire 0
    $r set live v
    $r set other v
    foreach name {a b c d e f g h i j k} { $r set $name v px 1 }
    set end [expr {[clock milliseconds] + 20}]
    wait_for {[clock milliseconds] > $end}
    assert_equal 13 [$r dbsize]
    assert_equal {live other} [lsort [$r keys *]]
    assert_equal {live other} [lsort [lindex [$r scan 0 count 1000] 1]]
    assert_equal 13 [$r dbsize]
    assert_equal 0 [$r exists a]
    assert_equal (nil) [$r get b]
    assert_equal 0 [$r del c]
    assert_equal none [$r type d]
    assert_error "ERR no such key" {$r rename e x}
    assert_equal 0 [$r expire f 100]
    assert_equal 0 [$r persist g]
    assert_equal 0 [$r copy h x]
    assert_equal 1 [$r renamenx live i]
    assert_equal 1 [$r copy i j]
    assert_equal 1 [$r append k x]
    assert_equal {x -1} [list [$r get k] [$r ttl k]]
    $r debug set-active-expire 1
    wait_for {[$r dbsize] == 4}
}

test "INFO keyspace counts keys with a TTL and their average" {
    $r flushall
    $r set a v
    $r set b v ex 100
    $r set c v ex 200
    assert_match "keys=3,expires=2,avg_ttl=1*" [info_field $r db0 keyspace]
    regexp {avg_ttl=(\d+)} [info_field $r db0 keyspace] -> average
    assert_range $average 148000 150000
    $r persist b
    assert_match "keys=3,expires=1,avg_ttl=*" [info_field $r db0 keyspace]
    $r flushall
}

test "a key whose TTL goes to and fro leaves no memory behind" {
    $r flushall sync
    $r set k v
    set requests {}
    for {set i 0} {$i < 5000} {incr i} { lappend requests {expire k 100} {expire k 50} {set j v ex 1000} {del j} }
    $r -pipeline $requests
    set before [info_field $r used_memory memory]
    for {set i 0} {$i < 3} {incr i} { $r -pipeline $requests }
    assert_range [info_field $r used_memory memory] 0 [expr {$before + 300000}]
}
}

test "CLIENT PAUSE: the data stands still, no key is taken away meanwhile" {
    with_server srv {} {
        set r [client $srv]
        assert_equal {{status OK} {status OK}} [$r -pipeline {{set k v px 30} {client pause 60000 write}}]
        # Nobody looks at the key: only the calendar could take it. That nothing happens takes time to see.
        set until [expr {[clock milliseconds] + 150}]
        wait_for {[clock milliseconds] > $until}
        assert_equal 0 [info_field $r expired_keys stats]
        $r client unpause
        wait_for {[info_field $r expired_keys stats] == 1}
    }
}
