# Waiting for lists: who is served and in what order, time-outs, and what ends a wait. What both servers can show is compared.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]
source [file join [file dirname [info script]] support waits.tcl]

with_both {

test "every command that waits is served by a push" {
    same_waits {{blpop l 0}} {{rpush l a b} {lrange l 0 -1}}
    same_waits {{brpop l 0}} {{rpush l a b} {lrange l 0 -1}}
    same_waits {{blmove l m left right 0}} {{rpush l a b} {lrange l 0 -1} {lrange m 0 -1}}
    same_waits {{brpoplpush l m 0}} {{rpush l a b} {lrange l 0 -1} {lrange m 0 -1}}
    same_waits {{brpoplpush l l 0}} {{rpush l a b} {lrange l 0 -1}}
    same_waits {{blmpop 0 2 k l right count 2}} {{rpush l a b c} {lrange l 0 -1}}
    same_waits {{blmpop 0 1 l left}} {{rpush l a} {exists l}}
}

test "in the order in which they came, each as far as it goes" {
    same_waits {{blpop l 0} {blpop l 0} {brpop l 0}} {{rpush l a b c d} {lrange l 0 -1}}
    same_waits {{blpop l 0} {blpop l 0}} {{rpush l a} {rpush l b}}
    same_waits {{blmpop 0 1 l left count 2} {blpop l 0}} {{rpush l a b c}}
    same_waits {{blpop k l 0} {blpop l k 0}} {{rpush l a} {rpush k b}}
    same_waits {{blpop k l 0} {blpop k 0}} {{multi} {rpush l 1} {rpush k 2 3} {exec}}
    same_waits {{blpop l l l 0}} {{rpush l a b} {llen l}}
}

test "one who is served feeds another" {
    same_waits {{blmove a b left right 0} {blmove b c left right 0} {blpop c 0}} {{rpush a x} {exists a b c}}
    same_waits {{brpoplpush a b 0} {brpoplpush b a 0}} {{lpush a x} {lrange a 0 -1} {lrange b 0 -1}}
    same_waits {{blpop b 0} {blmove a b left left 0}} {{rpush a 1 2} {lrange a 0 -1} {lrange b 0 -1}}
}

test "what makes a key ready" {
    same_waits {{blpop l 0}} {{rpush k a b} {rename k l} {lrange l 0 -1}}
    same_waits {{blpop l 0}} {{rpush k a b} {copy k l} {lrange l 0 -1}}
    same_waits {{blpop l 0}} {{rpush k a b} {lmove k l left left} {exists l}}
    same_waits {{blpop l 0}} {{rpush k a b} {rpoplpush k l} {exists l}}
    same_waits {{blpop l 0}} {{select 1} {rpush l a} {swapdb 0 1} {exists l} {select 0} {exists l}}
    same_waits {{blpop l 0}} {{select 1} {rpush l a b} {move l 0} {exists l} {select 0} {lrange l 0 -1}}
}

test "SORT with STORE makes a key ready" {
    same_waits {{blpop l 0}} {{lpush k 3 1 2} {sort k store l} {lrange l 0 -1}}
}

test "what does not, and what changes its type in between" {
    same_waits {{blpop l 0}} {{set l x} {del l} {hset l f v} {del l} {rpush l real}}
    same_waits {{blpop l 0}} {{multi} {rpush l a} {del l} {exec} {rpush l b}}
    same_waits {{blpop l 0}} {{multi} {rpush l a} {del l} {set l x} {exec} {get l} {del l} {rpush l b}}
    same_waits {{blpop l 0}} {{multi} {rpush l a} {lpush l b} {rpop l} {exec} {exists l}}
    same_waits {{blpop l 0}} {{lpushx l a} {rpush other a} {rpush l b}}
}

test "a target of another type is told when the wait ends" {
    same_waits {{blmove l s left left 0}} {{set s x} {rpush l a} {lrange l 0 -1} {get s}}
    same_waits {{brpoplpush l s 0} {blpop l 0}} {{set s x} {rpush l a} {exists l} {get s}}
}

test "flushing wakes nobody" {
    same_waits {{blpop l 0}} {{rpush k a} {flushall} {flushdb} {rpush l b}}
}

test "CLIENT UNBLOCK, as time-out and as error" {
    foreach how {timeout error} {
        foreach request {{blpop l 0} {brpop l m 0} {blmove l m left left 0} {brpoplpush l m 0} {blmpop 0 1 l left}} {
            set replies {}
            foreach server [list $srv $oracle] admin [list $r $o] {
                $admin flushall
                set c [client $server]
                set id [$c client id]
                $c -send {*}$request
                wait_for {[blocked $admin] == 1}
                lappend replies [list [$admin client unblock $id $how] [$c -read_typed] [blocked $admin] [$admin rpush l a] \
                    [$admin llen l]]
                $c -close
            }
            assert_equal [lindex $replies 1] [lindex $replies 0] "$request $how"
        }
    }
}

test "one who is killed takes nothing" {
    foreach server [list $srv $oracle] admin [list $r $o] {
        $admin flushall
        set c [client $server]
        set d [client $server]
        set id [$c client id]
        $c -send blpop l 0
        wait_for {[blocked $admin] == 1}
        $d -send blpop l 0
        wait_for {[blocked $admin] == 2}
        $admin -pipeline [list multi [list client kill id $id] {rpush l a} exec]
        assert_equal {l a} [$d -read]
        assert_equal 0 [$admin exists l]
        wait_for {[blocked $admin] == 0}
        $c -close
        $d -close
    }
}

test "time-outs come when they are due, to the millisecond" {
    foreach timeout {0.02 0.15 0.3} {
        set c [client $srv]
        foreach request [list [list blpop l $timeout] [list blmove l m left left $timeout] [list blmpop $timeout 1 l left]] {
            assert_once {$waited < $timeout + 0.1 * $harness::slow} {
                set start [clock microseconds]
                assert_equal {null array} [$c -typed {*}$request]
                set waited [expr {([clock microseconds] - $start) / 1e6}]
                assert {$waited + 0.001 >= $timeout} "$request: $waited"
            }
        }
        $c -close
    }
}

test "a key that expires is not there" {
    foreach server [list $srv $oracle] admin [list $r $o] {
        $admin flushall
        $admin debug set-active-expire 0
        $admin rpush l a
        $admin pexpire l 1
        wait_for {[$admin pttl l] == -2}
        set c [client $server]
        $c -send blpop l 0
        wait_for {[blocked $admin] == 1}
        $admin rpush l b
        assert_equal {l b} [$c -read]
        $admin debug set-active-expire 1
        $c -close
    }
}

test "events of one who is served come after those of the push" {
    set heard {}
    foreach server [list $srv $oracle] admin [list $r $o] {
        $admin flushall
        $admin config set notify-keyspace-events KEA
        set l [client $server]
        $l psubscribe __keyevent*
        foreach request {{blpop l 0} {blmove l m left right 0} {blmpop 0 1 l left count 3} {brpoplpush l l 0}} {
            set c [client $server]
            $c -send {*}$request
            wait_for {[blocked $admin] == 1}
            $admin rpush l a
            $c -read
            $c -close
        }
        $admin set end x
        set events {}
        while {[lindex $events end 1] ne "end"} { lappend events [lrange [$l -read] 2 3] }
        lappend heard $events
        $l -close
        $admin config set notify-keyspace-events ""
    }
    assert_equal [lindex $heard 1] [lindex $heard 0]
}

test "many wait, each push serves one" {
    $r flushall
    set clients {}
    for {set i 0} {$i < 200} {incr i} {
        lappend clients [set c [client $srv]]
        $c -send blpop l other$i 0
        wait_for {[blocked $r] == $i + 1}
    }
    for {set i 0} {$i < 200} {incr i} { $r rpush l $i }
    for {set i 0} {$i < 200} {incr i} {
        assert_equal [list l $i] [[lindex $clients $i] -read]
        [lindex $clients $i] -close
    }
    assert_equal 0 [$r exists l]
    assert_equal 0 [blocked $r]
}

test "one who waits and leaves is forgotten" {
    $r flushall
    set c [client $srv]
    $c -send blpop l 0
    wait_for {[blocked $r] == 1}
    $c -close
    wait_for {[blocked $r] == 0}
    $r rpush l a
    assert_equal 1 [$r llen l]
}

}
