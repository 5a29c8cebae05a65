# Waiting for streams: who is served and in what order, time-outs, and what ends a wait. What both servers show is compared.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]
source [file join [file dirname [info script]] support waits.tcl]

# On both servers: `before` is run; `waits` are requests, each of a client of its own, in the order in which they begin to wait;
# then `does` are run by another one. The replies of all are compared, those of `waits` as they come, if at all.
proc same_waits {before waits does {resp 2}} {
    set results {}
    foreach server [list $::srv $::oracle] admin [list $::r $::o] {
        $admin -pipeline [linsert $before 0 {select 0} flushall]
        set clients {}
        foreach request $waits {
            set n [blocked $admin]
            set c [client $server]
            $c hello $resp
            $c -send {*}$request
            lappend clients $c
            wait_for {[blocked $admin] == $n + 1}
        }
        set did {}
        foreach request $does { lappend did [$admin -typed {*}$request] }
        # Who still waits is woken, so that there is an end.
        set waiting [blocked $admin]
        $admin -pipeline {{select 0} {del end} {xadd end 1-1 e e} {xgroup create end g 0}}
        set replies {}
        foreach c $clients {
            set request [lindex $waits [llength $replies]]
            lappend replies [list $request [$c -read_typed]]
            $c -close
        }
        lappend results [list $did $waiting $replies [state $admin]]
    }
    assert_equal [lindex $results 1] [lindex $results 0] $waits
}

# Groups and what is pending in them, without times.
proc state {c} {
    set all {}
    foreach key [lsort [$c keys *]] {
        if {[$c type $key] ne "stream"} { lappend all $key; continue }
        lappend all [list $key [$c xrange $key - +] [regsub -all {1[789][0-9]{11}} [$c xinfo stream $key full] T]]
    }
    return $all
}

set group {{xgroup create x g $ mkstream}}

with_both {

test "served by an addition" {
    foreach resp {2 3} {
        same_waits {} {{xread block 0 streams x $}} {{xadd x 1-1 a 1}} $resp
        same_waits {{xadd x 1-1 a 1}} {{xread block 0 streams x $}} {{xadd x 2-1 a 1 b 2}} $resp
        same_waits {{xadd x 1-1 a 1}} {{xread block 0 streams x 1-1}} {{xadd x 1-2 a 1 b 2} {xadd x 1-3 a 1}} $resp
        same_waits {} {{xread block 0 streams y x $ $}} {{xadd x 1-1 a 1}} $resp
        same_waits {} {{xread count 1 block 0 streams x 0}} {{multi} {xadd x 1-1 a 1} {xadd x 1-2 a 1} {exec}} $resp
        same_waits {} {{xread block 0 streams x 0}} {{multi} {xadd x 1-1 a 1} {xadd x 1-2 a 1} {exec}} $resp
        same_waits $group {{xreadgroup group g c block 0 streams x >}} {{xadd x 1-1 a 1}} $resp
        same_waits $group {{xreadgroup group g c noack block 0 streams x >}} {{xadd x 1-1 a 1} {xpending x g}} $resp
        same_waits $group {{xreadgroup group g c count 2 block 0 streams x >}} {{multi} {xadd x 1-1 a 1} {xadd x 1-2 b 2} {xadd x 1-3 c 3} {exec} {xpending x g}} $resp
    }
}

test "an addition below what is waited for does not serve" {
    same_waits {} {{xread block 0 streams x end 5-0 0}} {{xadd x 1-1 a 1} {xadd x 5-0 a 1}}
    same_waits {} {{xread block 0 streams x 5-0}} {{xadd x 1-1 a 1} {xadd x 5-1 a 1}}
    same_waits {{xadd x 9-1 a 1}} {{xread block 0 streams x $}} {{del x} {xadd x 1-1 a 1} {xadd x 9-2 a 1}}
}

test "all who read are served, of a group the first one" {
    same_waits {} {{xread block 0 streams x $} {xread block 0 streams x $} {xread block 0 streams y x 0 0}} {{xadd x 1-1 a 1}}
    same_waits $group {{xreadgroup group g a block 0 streams x >} {xreadgroup group g b block 0 streams x >} {xread block 0 streams x $}} {{xadd x 1-1 a 1} {xadd x 2-1 b 2}}
    same_waits $group {{xreadgroup group g a count 1 block 0 streams x >} {xreadgroup group g b count 1 block 0 streams x >}} {{multi} {xadd x 1-1 a 1} {xadd x 2-1 b 2} {exec}}
    same_waits $group {{xreadgroup group g a block 0 streams x >} {xreadgroup group g b block 0 streams x >}} {{xadd x 1-1 a 1} {xadd x 2-1 b 2}}
    same_waits {{xgroup create x g $ mkstream} {xgroup create x h $}} {{xreadgroup group g a block 0 streams x >} {xreadgroup group h b block 0 streams x >}} {{xadd x 1-1 a 1}}
    same_waits {{xgroup create x g $ mkstream} {xgroup create y g $ mkstream}} {{xreadgroup group g a block 0 streams x y > >} {xreadgroup group g b block 0 streams y x > >}} {{xadd y 1-1 a 1} {xadd x 1-1 a 1}}
}

test "history does not wait, and what is there is not waited for" {
    foreach resp {2 3} {
        foreach c [list $r $o] { $c hello $resp }
        fresh
        same $group
        same {{xreadgroup group g c block 0 streams x 0} {xreadgroup group g c block 0 streams x 5} {xadd x 1-1 a 1} {xreadgroup group g c block 0 streams x >} {xreadgroup group g c block 0 streams x 0}
            {xread block 0 streams x 0} {xread block 1 streams x $} {xread block 20 streams none $} {xreadgroup group g c block 1 streams x >} {xinfo stream x}
            {multi} {xread block 0 streams x $} {xreadgroup group g c block 0 streams x >} {exec}}
    }
    foreach c [list $r $o] { $c hello 2 }
}

test "a group that is destroyed ends the wait" {
    same_waits $group {{xreadgroup group g c block 0 streams x >}} {{xgroup destroy x g}}
    same_waits $group {{xreadgroup group g a block 0 streams x >} {xreadgroup group g b block 0 streams x >}} {{xgroup destroy x g}}
    same_waits {{xgroup create x g $ mkstream} {xgroup create x h $}} {{xreadgroup group g a block 0 streams x >} {xreadgroup group h b block 0 streams x >}} {{xgroup destroy x g} {xadd x 1-1 a 1}}
    same_waits $group {{xreadgroup group g c block 0 streams x >}} {{multi} {xgroup destroy x g} {xgroup create x g $} {exec} {xadd x 1-1 a 1}}
    same_waits $group {{xread block 0 streams x $}} {{xgroup destroy x g} {xadd x 1-1 a 1}}
}

test "a key that goes or is of another type ends the wait of a group, not of others" {
    foreach does {{{del x}} {{unlink x}} {flushall} {flushdb} {{set x v}} {{rename x y}} {{set y v} {rename y x}} {{move x 1}} {{select 1} {swapdb 0 1}}
        {{multi} {del x} {xgroup create x g $ mkstream} {exec} {xadd x 1-1 a 1}} {{multi} {del x} {xadd x 1-1 a 1} {exec}} {{multi} {del x} {rpush x 1} {exec}} {{pexpire x -1}} {{lpush l 3 2} {sort l store x}}
        {{zadd z 1 a} {zunionstore x 1 z}} {{xadd y 1-1 a 1} {copy y x replace}}} {
        same_waits $group {{xreadgroup group g c block 0 streams x >}} $does
    }
    foreach does {{{del x} {xadd x 1-1 a 1}} {{set x v} {del x} {xadd x 1-1 a 1}} {flushall {xadd x 1-1 a 1}} {{set x v} {xadd x 1-1 a 1}} {{rename x y} {xadd x 1-1 a 1}}} {
        same_waits $group {{xread block 0 streams x end $ 0}} $does
    }
}

test "a key that expires ends the wait of a group" {
    set replies {}
    foreach server [list $srv $oracle] admin [list $r $o] {
        $admin flushall
        $admin xgroup create x g $ mkstream
        set c [client $server]
        set d [client $server]
        $c -send xreadgroup group g c block 0 streams x >
        wait_for {[blocked $admin] == 1}
        $d -send xread block 0 streams x $
        wait_for {[blocked $admin] == 2}
        $admin pexpire x 40
        set reply [$c -read_typed]
        lappend replies [list $reply [blocked $admin] [$admin xadd x 1-1 a 1] [$d -read_typed]]
        $c -close
        $d -close
    }
    assert_equal [lindex $replies 1] [lindex $replies 0]
}

test "RENAME, MOVE, COPY, RESTORE and SWAPDB bring a stream" {
    same_waits {{xadd y 1-1 a 1}} {{xread block 0 streams x 0}} {{rename y x}}
    same_waits {{xadd y 1-1 a 1}} {{xread block 0 streams x end 0 0}} {{copy y x}}
    same_waits {{select 1} {xadd x 1-1 a 1} {select 0}} {{xread block 0 streams x 0}} {{swapdb 0 1}}
    same_waits {{select 1} {xadd x 1-1 a 1} {select 0}} {{xread block 0 streams x 0}} {{select 1} {move x 0}}
    same_waits {{xgroup create y g 0 mkstream} {xadd y 1-1 a 1} {xgroup create x g $ mkstream}} {{xreadgroup group g c block 0 streams x >}} {{rename y x}}
    same_waits {{xadd y 1-1 a 1} {xgroup create x g $ mkstream}} {{xreadgroup group g c block 0 streams x >}} {{rename y x}}
    same_waits {{select 1} {xgroup create x g 0 mkstream} {xadd x 1-1 a 1} {select 0} {xgroup create x g $ mkstream}} {{xreadgroup group g c block 0 streams x >}} {{swapdb 0 1}}
}

test "what a group has not been given, by SETID" {
    same_waits {{xadd x 1-1 a 1} {xgroup create x g $}} {{xreadgroup group g c block 0 streams x >}} {{xgroup setid x g 0} {xadd x 2-1 b 2}}
}

# As in Redis 7.2: 7.0 answers with no entry.
test "an entry that is gone before anybody could see it serves nobody" {
    foreach request {{xread block 0 streams x $} {xreadgroup group g c block 0 streams x >}} {
        fresh
        same $group
        set c [client $srv]
        $c -send {*}$request
        wait_for {[blocked $r] == 1}
        $r -pipeline {{multi} {xadd x 1-1 a 1} {xdel x 1-1} {exec} {xadd x maxlen 0 1-2 a 1}}
        assert_equal 1 [blocked $r]
        $r xadd x 2-1 b 2
        assert_equal {{x {{2-1 {b 2}}}}} [$c -read]
        $c -close
    }
}

test "a consumer that is deleted while it waits is made again" {
    same_waits {{xgroup create x g $ mkstream} {xgroup createconsumer x g c}} {{xreadgroup group g c block 0 streams x >}} {{xgroup delconsumer x g c} {xadd x 1-1 a 1}}
}

test "CLIENT UNBLOCK, as time-out and as error, and a client that is killed" {
    foreach how {timeout error} {
        foreach request {{xread block 0 streams x $} {xreadgroup group g c block 0 streams x >}} {
            set replies {}
            foreach server [list $srv $oracle] admin [list $r $o] {
                $admin flushall
                $admin xgroup create x g $ mkstream
                set c [client $server]
                set id [$c client id]
                $c -send {*}$request
                wait_for {[blocked $admin] == 1}
                lappend replies [list [$admin client unblock $id $how] [$c -read_typed] [blocked $admin] [$admin xadd x 1-1 a 1] [$admin xinfo groups x]]
                $c -close
            }
            assert_equal [lindex $replies 1] [lindex $replies 0] "$request $how"
        }
    }
    foreach server [list $srv $oracle] admin [list $r $o] {
        $admin flushall
        $admin xgroup create x g $ mkstream
        set c [client $server]
        set d [client $server]
        set id [$c client id]
        $c -send xreadgroup group g c block 0 streams x >
        wait_for {[blocked $admin] == 1}
        $d -send xreadgroup group g d block 0 streams x >
        wait_for {[blocked $admin] == 2}
        $admin -pipeline [list multi [list client kill id $id] {xadd x 1-1 a 1} exec]
        assert_equal {{x {{1-1 {a 1}}}}} [$d -read]
        assert_equal {{d 1}} [lindex [$admin xpending x g] 3]
        wait_for {[blocked $admin] == 0}
        $c -close
        $d -close
    }
}

test "time-outs come when they are due, to the millisecond" {
    fresh
    same $group
    foreach ms {20 150 300} {
        set c [client $srv]
        foreach request [list [list xread block $ms streams x $] [list xreadgroup group g c block $ms streams x >]] {
            assert_once {$waited < $ms + 100 * $harness::slow} {
                set start [clock microseconds]
                assert_equal {null array} [$c -typed {*}$request]
                set waited [expr {([clock microseconds] - $start) / 1e3}]
                assert {$waited + 1 >= $ms} "$request: $waited"
            }
        }
        $c hello 3
        assert_equal {null resp3} [$c -typed xread block 1 streams x $]
        $c -close
    }
    assert_error "ERR timeout is out of range" {$r xread block 9223372036854775807 streams x $}
}

test "events of one who is served come after those of the addition" {
    set heard {}
    foreach server [list $srv $oracle] admin [list $r $o] {
        $admin flushall
        $admin xgroup create x g $ mkstream
        $admin config set notify-keyspace-events KEA
        set l [client $server]
        $l psubscribe __keyevent*
        foreach request {{xread block 0 streams x $} {xreadgroup group g c block 0 streams x >} {xreadgroup group g d noack block 0 streams x >}} {
            $admin xgroup setid x g $
            set c [client $server]
            $c -send {*}$request
            wait_for {[blocked $admin] == 1}
            $admin xadd x * a 1
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

test "many wait, one addition serves all who read" {
    fresh
    set clients {}
    for {set i 0} {$i < 200} {incr i} {
        lappend clients [set c [client $srv]]
        $c -send xread block 0 streams x other$i $ $
    }
    wait_for {[blocked $r] == 200}
    $r xadd x 1-1 a 1
    foreach c $clients {
        assert_equal {{x {{1-1 {a 1}}}}} [$c -read]
        $c -close
    }
    assert_equal 0 [blocked $r]
}

test "one who waits and leaves is forgotten" {
    fresh
    same $group
    set c [client $srv]
    $c -send xreadgroup group g c block 0 streams x >
    wait_for {[blocked $r] == 1}
    $c -close
    wait_for {[blocked $r] == 0}
    $r xadd x 1-1 a 1
    assert_equal 0 [lindex [$r xpending x g] 0]
}

}

test "what was delivered to one who waited is in the append-only file" {
    set srv [server_start -config {appendonly yes appendfsync always}]
    set r [client $srv]
    $r xgroup create x g $ mkstream
    foreach request {{xreadgroup group g a block 0 streams x >} {xreadgroup group g b noack block 0 streams x >} {xreadgroup group g a count 1 block 0 streams x >}} {
        set c [client $srv]
        $c -send {*}$request
        wait_for {[blocked $r] == 1}
        $r -pipeline {multi {xadd x * a 1} {xadd x * b 2} exec}
        $c -read
        $c -close
    }
    set before [state $r]
    assert_equal 3 [lindex [$r xpending x g] 0]
    server_restart $srv
    set r [client $srv]
    assert_equal $before [state $r]
}
