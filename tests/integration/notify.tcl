# Keyspace notifications: every event, its name, place and order as redis-server, and expired events on time.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]
source [file join [file dirname [info script]] support effects.tcl]

proc listener {server} {
    set l [client $server]
    $l -typed psubscribe __key*
    return $l
}

with_both {

set rl [listener $srv]
set ol [listener $oracle]

proc events_on {classes} { foreach c [list $::r $::o] { $c config set notify-keyspace-events $classes; $c flushall } }

test "strings: as redis-server" {
    events_on KEAmn
    foreach c [list $r $o] { $c debug set-active-expire 0 }
    same_events {
        {set a 1} {set a 1 ex 100} {get nokey} {mget a no1 no2} {setex a 100 1} {psetex a 10000 1} {getset a 2} {getset new1 2}
        {append a 1} {append new2 x} {setrange a 0 x} {setrange a 0 ""} {setrange no 0 ""} {incr n} {decrby n 2} {incrby n 0}
        {incrbyfloat n 1.5} {mset x 1 y 2} {mset x 2 z 3} {msetnx p 1 q 2} {msetnx p 1 q2 2} {getdel p} {getdel p} {getex q ex 10}
        {getex q persist} {getex q persist} {getex q} {getex q exat 1} {getex no} {setnx z1 1} {setnx z1 2} {set z1 2 nx}
        {set z1 2 xx} {set z1 3 get} {set nz 3 get} {set no xx xx} {set keep 1 ex 10} {set keep 2 keepttl} {set past 1 exat 1}
        {strlen no} {getrange no 0 1} {substr no 0 1} {lcs a no} {incr a} {append a x} {set a 1 px 0} {setrange big 0 x}
    }
    foreach c [list $r $o] { $c flushall; $c debug set-active-expire 1 }
}

test "keys: as redis-server" {
    events_on KEAmn
    same_events {
        {set a 1} {exists no a} {type no} {ttl no} {touch no a} {object encoding no} {object idletime no} {dump no}
        {expire a 100} {expire a 50 gt} {expire a 100 nx} {expire no 1} {persist a} {persist a} {persist no} {pexpireat a 1}
        {set a 1} {expire a -1} {set a 1} {set b 1} {del a b no} {set a 1} {unlink a no} {rename a b} {set a 1} {rename a b}
        {rename b b} {renamenx b c} {set b 1} {renamenx b c} {copy c d} {copy c d} {copy c d replace} {copy c d db 1} {copy no x}
        {move d 1} {move c 1} {move no 1} {select 1} {set s 1} {del s} {select 0} {swapdb 0 1} {swapdb 0 1} {randomkey}
        {scan 0} {keys *} {watch no} {unwatch} {flushdb} {set a 1} {flushall} {dbsize}
    }
    events_on KEA
    foreach c [list $r $o] l [list $rl $ol] { $c set a 1; set dump($c) [$c dump a]; events_of $c $l {{del a}} }
    assert_equal [events_of $o $ol [list [list restore a 0 $dump($o)] [list restore a 100 $dump($o) replace]]] \
        [events_of $r $rl [list [list restore a 0 $dump($r)] [list restore a 100 $dump($r) replace]]]
}

test "events inside a transaction come in its order" {
    events_on KEA
    foreach c [list $r $o] l [list $rl $ol] place {ours theirs} {
        set $place [events_of $c $l {{multi} {set a 1} {select 2} {set b 1} {incr b} {select 0} {del a} {exec}}]
    }
    assert_equal $theirs $ours
}

test "only what is selected is told" {
    foreach classes {KEA "" K E A Kg Eg K$ E$ KEx KEn KEm KEe KElshzt KE$x Kgn} {
        events_on $classes
        same_events {{set a 1 ex 100} {get no} {del a} {set b 1} {rename b c} {expire c -1} {incr n}}
    }
}

test "keys that end are told as expired, with the miss that noticed it" {
    events_on KEAm
    foreach c [list $r $o] { $c debug set-active-expire 0 }
    same_events {{set a 1 px 1} {debug sleep 0.02} {get a} {get a} {set b 1 px 1} {debug sleep 0.02} {set b 2} {exists b}
        {set c 1 px 1} {debug sleep 0.02} {del c}}
    foreach c [list $r $o] { $c debug set-active-expire 1 }
    $r set d 1 px 10
    foreach event {set expire expired} {
        assert_equal [list pmessage __key* __keyspace@0__:d $event] [$rl -read]
        assert_equal [list pmessage __key* __keyevent@0__:$event d] [$rl -read]
    }
}

test "a listener in RESP3 hears its own changes too" {
    events_on KEA
    set l [client $srv]
    $l hello 3
    $l -send psubscribe __keyevent*
    $l -push
    assert_equal OK [$l set a 1]
    assert_equal {push {{bulk pmessage} {bulk __keyevent*} {bulk __keyevent@0__:set} {bulk a}}} [$l -push]
}

}

test "expired events come within 50 ms of their time while a million keys carry a TTL" {
    with_server srv {-config {notify-keyspace-events Ex}} {
        set r [client $srv]
        $r -send client reply off
        for {set i 0} {$i < 100} {incr i} {
            set bytes ""
            for {set k 0} {$k < 10000} {incr k} {
                append bytes "SET key:$i:$k value PX [expr {600000 + ($i * 10000 + $k) * 7919 % 3000000}]\r\n"
            }
            $r -raw $bytes
        }
        set c [client $srv]
        set l [client $srv]
        $l -typed subscribe __keyevent@0__:expired
        wait_for {[$c dbsize] == 1000000}
        assert_once {[lindex $late end] <= 50 * $harness::slow} {
            set due [expr {[clock milliseconds] + 300}]
            set requests {}
            for {set i 0} {$i < 200} {incr i} { lappend requests [list set due:$i x pxat [expr {$due + 5 * $i}]] }
            $c -pipeline $requests
            set late {}
            for {set i 0} {$i < 200} {incr i} {
                set name [lindex [$l -read] 2]
                lappend late [expr {[clock milliseconds] - $due - 5 * [lindex [split $name :] 1]}]
            }
            set late [lsort -integer $late]
            assert {[lindex $late 0] >= 0} $late
        }
        assert_equal 1000000 [$c dbsize]
    }
}
