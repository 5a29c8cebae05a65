# The list commands beside redis-server: replies, errors and their order, events, what counts as a change; forms of their own.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]
source [file join [file dirname [info script]] support effects.tcl]

# The same with what each list is after every request.
proc same_lists {keys requests} {
    set all {}
    foreach request $requests {
        lappend all $request
        foreach key $keys { lappend all [list lrange $key 0 -1] [list exists $key] }
    }
    same $all
}

with_both {

set rl [client $srv]
set ol [client $oracle]
foreach l [list $rl $ol] { $l -typed psubscribe __key* }

foreach protocol {2 3} {
    foreach c [list $r $o] { $c hello $protocol }

    test "RESP$protocol: pushing and popping at both ends" {
        fresh
        same_lists {l} {
            {lpush l a} {rpush l b c} {lpush l d e f} {lpushx l g} {rpushx l h i} {lpushx no x} {rpushx no x y} {lpop l} {rpop l}
            {lpop l 2} {rpop l 3} {lpop l 0} {rpop l 100} {lpop l} {rpop l 1} {lpop no 0} {rpush l ""} {lpop l} {rpush l 1 -1 007 1.5}
            {rpop l 9223372036854775807}
        }
        same {{set s x} {lpush s a} {rpush s a} {lpushx s a} {rpushx s a} {lpop s} {rpop s} {lpop s 1} {lpop s -1} {lpop s x}
            {lpop no -1} {lpop no x} {rpop no 9223372036854775808} {lpop} {lpop l 1 2} {rpop l 1 2} {lpush} {lpush l} {rpush l}
            {lpushx l} {llen s} {llen no} {llen}}
    }

    test "RESP$protocol: reading by index and range" {
        fresh
        same {{rpush l a b c d e} {set s x}}
        foreach start {0 1 -1 -2 4 5 -5 -6 100 -100 9223372036854775807 -9223372036854775808} {
            same [list [list lindex l $start] [list lindex no $start] [list lindex s $start]]
            foreach stop {0 1 -1 4 5 -5 -6 100 -100 9223372036854775807 -9223372036854775808} {
                same [list [list lrange l $start $stop] [list lrange no $start $stop]]
            }
        }
        same {{lindex l x} {lindex no x} {lindex s x} {lindex l} {lrange l x 0} {lrange l 0 x} {lrange no x 0} {lrange s 0 x}
            {lrange s 0 0} {lrange l 0} {lindex l 9223372036854775808}}
    }

    test "RESP$protocol: LSET, LINSERT, LREM, LTRIM" {
        fresh
        same_lists {l} {
            {rpush l a b a c a d} {lset l 0 x} {lset l -1 y} {lset l 6 z} {lset l -7 z} {lset l x z} {linsert l before a p}
            {linsert l AFTER a q} {linsert l after nope q} {linsert l between a q} {lrem l 1 a} {lrem l -1 a} {lrem l 0 nope}
            {rpush l 1 1 1 2 1} {lrem l 2 1} {lrem l -9223372036854775808 1} {ltrim l 1 -2} {ltrim l 0 -1} {ltrim l 2 1}
            {rpush l a b c} {ltrim l 5 10} {rpush l a b c} {ltrim l -100 100} {ltrim l -2 -1} {lrem l 0 b} {lrem l 0 c}
        }
        same {{set s x} {lset s 0 x} {lset no 0 x} {lset no x x} {lset s x x} {linsert s before a b} {linsert no before a b}
            {linsert s foo a b} {lrem s 0 a} {lrem no 0 a} {lrem no x a} {lrem s x a} {ltrim s 0 1} {ltrim no 0 1} {ltrim no x 1}
            {ltrim no 0 x} {ltrim s x 1} {lset l 0} {linsert l before a} {lrem l 0} {ltrim l 0}}
    }

    test "RESP$protocol: LPOS" {
        fresh
        same {{rpush l a b c 1 2 3 c c} {set s x}}
        foreach options {{} {rank 1} {rank 2} {rank -1} {rank -2} {rank 4} {rank -4} {count 0} {count 1} {count 2} {count 10}
            {rank 2 count 0} {rank -1 count 0} {rank -2 count 2} {maxlen 1} {maxlen 3} {count 0 maxlen 3} {rank -1 maxlen 1}
            {rank -1 count 0 maxlen 7 rank 1} {rank 0} {count -1} {maxlen -1} {rank x} {count x} {maxlen x} {rank} {foo 1} {rank 1 foo}
            {rank 9223372036854775807} {count 9223372036854775807 maxlen 9223372036854775807}} {
            foreach {key element} {l c l a l nope l 3 no a s a} { same [list [list lpos $key $element {*}$options]] }
        }
        same {{lpos l} {lpos}}
    }

    test "RESP$protocol: LMOVE and RPOPLPUSH" {
        fresh
        same_lists {a b} {
            {rpush a 1 2 3 4} {lmove a b left left} {lmove a b LEFT RIGHT} {lmove a b right left} {lmove a b right right} {lmove a b left left}
            {lmove b b left right} {lmove b b left left} {lmove b b right left} {lmove b b right right} {rpoplpush b b} {rpoplpush b a}
            {rpoplpush a a} {lmove a a left right} {lmove b a middle left} {lmove b a left middle} {rpoplpush a b} {rpoplpush no b}
        }
        same {{set s x} {lmove no s left left} {lmove s no left left} {lmove b s left left} {rpoplpush no s} {rpoplpush s no}
            {rpoplpush b s} {lmove no no2 left left} {lmove s s x y} {lmove a b left} {rpoplpush a} {lrange b 0 -1}}
    }

    test "RESP$protocol: LMPOP" {
        fresh
        same_lists {a b} {
            {rpush a 1 2 3 4 5} {rpush b 6 7} {lmpop 1 a left} {lmpop 2 no a right} {lmpop 3 no no2 b LEFT count 5} {lmpop 2 a b right count 2}
            {lmpop 2 b a left COUNT 100} {lmpop 2 b a left}
        }
        same {{set s x} {lmpop 1 s left} {lmpop 2 no s left} {lmpop 0 a left} {lmpop x a left} {lmpop -1 a left} {lmpop 2 a left}
            {lmpop 1 a up} {lmpop 1 a left count 0} {lmpop 1 a left count -1} {lmpop 1 a left count x} {lmpop 1 a left count}
            {lmpop 1 a left count 1 count 2} {lmpop 1 a left count x count 2} {lmpop 1 a left foo 1} {lmpop 1 a left foo}
            {lmpop 9223372036854775807 a left} {lmpop 1 a} {lmpop 2 s a left count 0} {lmpop 100 a b left}}
    }

    test "RESP$protocol: commands that wait, where there is something, and in a transaction" {
        fresh
        same {{rpush a 1 2 3 4 5 6 7} {rpush b 8 9} {set s x}}
        same_lists {a b} {
            {blpop no a 0} {brpop a b 0} {blmpop 0 2 no a left count 2} {blmove a b left right 0} {brpoplpush a b 0}
            {blpop a s 0} {blpop s a 0} {blpop no s 0} {blmpop 0 1 s left} {blmove s a left left 0} {blmove b s left left 0}
        }
        same {{blpop a x} {blpop a -1} {blpop a} {brpop a ""} {blmove a b left left x} {blmove a b x left x} {blmove a b left left -1}
            {brpoplpush a b x} {brpoplpush a b -1} {blmpop x 1 a left} {blmpop x 0 a left} {blmpop -1 1 a left} {blmpop -1 1 a up}
            {blmpop 0 1 a left count 0} {blpop no 0.001} {brpop no no2 0.001} {blmove no a left left 0.001} {brpoplpush no a 0.001}
            {blmpop 0.001 2 no no2 left count 3} {blmove no s left left 0.001}}
        same {{multi} {blpop no 0} {brpop no 0} {blmove no b left left 0} {brpoplpush no b 0} {blmpop 0 1 no left} {blpop b 0} {exec}}
    }
}

foreach c [list $r $o] { $c hello 2 }

test "events and their order" {
    foreach c [list $r $o] { $c config set notify-keyspace-events KEAmn; $c flushall }
    same_events {
        {lpush l a} {rpush l b c d e f g} {lpushx l x} {rpushx no x} {lpop l} {rpop l 2} {lpop l 0} {lpop no} {lset l 0 q} {lset l 9 q}
        {linsert l before q p} {linsert l before nope p} {lrem l 0 q} {lrem l 0 nope} {ltrim l 0 -1} {ltrim l 0 0} {ltrim no 0 1}
        {lmove l m left left} {lmove m m left right} {rpoplpush m l} {rpush m 1 2} {rpoplpush m l} {rpoplpush l l} {lmpop 2 m l left count 5}
        {lmpop 1 l right count 5} {rpush l 1 2 3} {blpop l 0} {brpop l 0} {blmove l m left right 0} {brpoplpush m l 0} {blmpop 0 1 l left}
        {rpush l 1} {ltrim l 5 6} {rpush l 1} {lrem l 0 1} {rpush l 1} {lpop l 5} {lrange l 0 -1} {llen l} {lindex l 0} {lpos l a}
        {rpush l 1} {expire l 1000} {lpush l 2} {rename l k} {copy k c} {del k c} {lmove no no2 left left} {blpop no 0.001}
    }
    foreach c [list $r $o] { $c config set notify-keyspace-events "" }
}

test "what counts as a change, a hit or a miss" {
    fresh
    same_counted {
        {rpush l a b c d e f g h} {lpush l 1 2} {lpushx no 1} {lpop l} {lpop l 2} {lpop l 0} {lpop no} {lpop no 3} {rpop l 1} {lset l 0 x}
        {lset l 100 x} {lset no 0 x} {linsert l before x y} {linsert l before no y} {linsert no before x y} {lrem l 0 x} {lrem l 0 no}
        {lrem no 0 x} {ltrim l 0 -1} {ltrim l 0 2} {ltrim no 0 1} {ltrim l 5 1} {rpush l a b c d e} {lrange l 0 -1} {lrange no 0 1} {lindex l 0}
        {lindex no 0} {llen l} {llen no} {lpos l a} {lpos no a} {lmove l m left left} {lmove l l left left} {lmove no m left left}
        {rpoplpush m l} {lmpop 1 l left count 2} {lmpop 1 no left} {blpop l 0} {blmove l m left left 0} {blmpop 0 1 m left}
    }
}

test "a trim of nothing still spoils a watched key, as in redis-server" {
    foreach c [list $r $o] d [list [client $srv] [client $oracle]] {
        $c flushall
        $c rpush l a b
        $c watch l
        $d ltrim l 0 -1
        $c multi
        $c llen l
        lappend replies [$c -typed exec]
    }
    assert_equal [lindex $replies 1] [lindex $replies 0]
    unset replies
}

test "forms: by bytes and by count, there and back at half" {
    fresh
    assert_equal 0 [$r exists l]
    $r rpush l [string repeat x 4000]
    assert_equal listpack [$r object encoding l]
    $r rpush l [string repeat x 4000]
    assert_equal listpack [$r object encoding l]
    $r rpush l [string repeat x 200]
    assert_equal quicklist [$r object encoding l]
    $r lpop l
    assert_equal quicklist [$r object encoding l]
    $r lpop l
    assert_equal listpack [$r object encoding l]
    $r config set list-max-listpack-size 4
    $r del l
    $r rpush l a b c d
    assert_equal listpack [$r object encoding l]
    $r linsert l after b x
    assert_equal quicklist [$r object encoding l]
    assert_equal {a b x c d} [$r lrange l 0 -1]
    $r ltrim l 0 2
    assert_equal quicklist [$r object encoding l]
    $r lrem l 0 x
    assert_equal listpack [$r object encoding l]
    $r rpush m a b c d e
    assert_equal quicklist [$r object encoding m]
    $r config set list-max-listpack-size -2
    $r debug reload
    assert_equal listpack [$r object encoding m]
    $r config set list-max-listpack-size 2
    $r debug reload
    assert_equal quicklist [$r object encoding m]
    assert_equal {a b c d e} [$r lrange m 0 -1]
    $r config set list-max-listpack-size -2
}

test "a long list: any place of it, removed lazily, saved and loaded" {
    fresh
    for {set i 0} {$i < 30} {incr i} {
        set elements {}
        for {set k 0} {$k < 500} {incr k} { lappend elements e[expr {$i * 500 + $k}] }
        foreach c [list $r $o] { $c rpush l {*}$elements }
    }
    same {{llen l} {lindex l 7500} {lindex l -1} {lset l 9000 x} {linsert l after e14000 y} {lrange l 13990 14010} {lrem l 0 e2345}
        {lpos l e14999} {lpos l e1 rank -1} {ltrim l 10 -10} {llen l} {lrange l 0 3} {lrange l -3 -1} {copy l m} {lpop m 2000} {lrange m 0 2}
        {rename m n} {llen n} {ltrim n 100 200} {lrange n 0 -1}}
    assert_equal [$o debug digest] [$r debug digest]
    $r debug reload
    assert_equal [$o debug digest] [$r debug digest]
    set payload [$r dump l]
    $o restore l2 0 $payload
    $r restore l2 0 [$o dump l]
    same {{llen l2} {lrange l2 1000 1010} {unlink l} {del l2} {exists l l2}}
    assert_equal [$o debug digest] [$r debug digest]
}

test "elements as long as they come" {
    fresh
    set long [string repeat abcdefgh 200000]
    same [list [list rpush l a $long b] {llen l} {lindex l 1} [list lpos l $long] {lset l 1 short} {lrange l 0 -1} [list lset l 0 $long] \
        [list linsert l before short $long] {lmove l m left right} {rpoplpush l m} [list lrem l 0 $long] {lrange l 0 -1} {lrange m 0 -1}]
    assert_equal [$o debug digest] [$r debug digest]
}

test "writes while a save runs do not reach its file" {
    fresh
    for {set i 0} {$i < 40} {incr i} { $r rpush l {*}[lrepeat 1000 element:$i] }
    $r rpush small a b c
    set before [$r debug digest]
    $r config set rdb-key-save-delay 200000
    for {set i 0} {$i < 50} {incr i} { $r set k$i x }
    set before [$r debug digest]
    $r bgsave
    for {set i 0} {$i < 200} {incr i} {
        $r lset l [expr {$i * 199}] changed
        $r lpush l x
        $r rpop l
        $r linsert l before element:20 y
    }
    $r lrem l 100 element:3
    $r ltrim l 500 -500
    $r lpush small d
    $r lpop small 2
    set after [$r debug digest]
    assert_equal 1 [info_field $r rdb_bgsave_in_progress persistence]
    $r config set rdb-key-save-delay 0
    wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0}
    assert_equal $after [$r debug digest]
    $r debug reload nosave
    assert_equal $before [$r debug digest]
}

}
