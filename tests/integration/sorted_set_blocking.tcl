# Waiting for sorted sets: who is served and in what order, time-outs, and what ends a wait. What both servers show is compared.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]
source [file join [file dirname [info script]] support waits.tcl]

with_both {

test "every command that waits is served by an addition" {
    same_waits {{bzpopmin z 0}} {{zadd z 2 b 1 a} {zrange z 0 -1 withscores}}
    same_waits {{bzpopmax z 0}} {{zadd z 2 b 1 a} {zrange z 0 -1 withscores}}
    same_waits {{bzmpop 0 2 y z max count 2}} {{zadd z 2 b 1 a 3 c} {zrange z 0 -1 withscores}}
    same_waits {{bzmpop 0 1 z min}} {{zadd z 1 a} {exists z}}
}

test "by whatever makes a sorted set" {
    same_waits {{bzpopmin z 0}} {{zadd y 1 a} {rename y z} {exists z}}
    same_waits {{bzpopmin z 0}} {{zadd y 1 a 2 b} {zunionstore z 1 y} {zcard z}}
    same_waits {{bzpopmin z 0}} {{zadd y 1 a 2 b} {zrangestore z y 0 -1} {zcard z}}
    same_waits {{bzpopmin z 0}} {{zadd y 1 a} {copy y z} {exists z}}
    same_waits {{bzpopmin z 0}} {{geoadd z 1 2 p} {exists z}}
    same_waits {{bzpopmin z 0}} {{zincrby z 5 a} {exists z}}
}

test "in the order in which they came, each as far as it goes" {
    same_waits {{bzpopmin z 0} {bzpopmin z 0} {bzpopmax z 0}} {{zadd z 1 a 2 b 3 c 4 d} {zrange z 0 -1}}
    same_waits {{bzmpop 0 1 z min count 2} {bzpopmin z 0}} {{zadd z 1 a 2 b 3 c}}
    same_waits {{bzpopmin y z 0} {bzpopmin z y 0}} {{zadd z 1 a} {zadd y 1 b}}
    same_waits {{bzpopmin y z 0} {bzpopmin y 0}} {{multi} {zadd z 1 a} {zadd y 1 b 2 c} {exec}}
}

test "another type does not serve, nor end the wait" {
    same_waits {{bzpopmin z 0}} {{set z x} {del z} {zadd z 1 a}}
    same_waits {{bzpopmin z 0}} {{rpush z x} {del z} {zadd z 1 a}}
    same_waits {{bzpopmin z 0}} {{multi} {zadd z 1 a} {del z} {exec} {zadd z 2 b}}
}

test "time-outs" {
    foreach request {{bzpopmin z 0.05} {bzpopmax y z 0.05} {bzmpop 0.05 1 z min}} { same_waits [list $request] {{ping}} }
}

test "a client that waits can be unblocked and killed" {
    foreach how {timeout error} {
        set c [client $srv]
        set id [$c client id]
        $c -send bzpopmin z 0
        wait_for {[blocked $r] == 1}
        assert_equal 1 [$r client unblock $id $how]
        if {$how eq "timeout"} {
            assert_equal (nil) [$c -read]
        } else {
            assert_error "UNBLOCKED*" {$c -read}
        }
        $c -send bzmpop 0 1 z min
        wait_for {[blocked $r] == 1}
        $r client kill id $id
        wait_for {[blocked $r] == 0}
        $r zadd z 1 a
        assert_equal 1 [$r zcard z]
        $r del z
        $c -close
    }
}

}
