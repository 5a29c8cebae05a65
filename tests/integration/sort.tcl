# SORT and SORT_RO beside redis-server: order, patterns, limits, what is stored; what they may cost; how they come back from the journal.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]
source [file join [file dirname [info script]] support effects.tcl]

# The requests with each key of lists after every one.
proc same_lists {keys requests} {
    set all {}
    foreach request $requests {
        lappend all $request
        foreach key $keys { lappend all [list lrange $key 0 -1] [list exists $key] }
    }
    same $all
}

proc filled {} {
    fresh
    same {{rpush l 3 1 2 10 -1} {sadd s c a b} {sadd si 10 9 8} {zadd z 1 a 2 b 3 c 4 d} {zadd zn 5 3 4 20 3 100} {set str x} {hset h f v}
        {rpush dup 2 1 2 1.0 1 01 2.0} {set w_3 5} {set w_1 -1} {set w_2 7.5} {set w_a 3} {set w_b 1} {set w_c 2}
        {hset h_3 f 1 g x "" e} {hset h_1 f 3} {hset h_10 f 2 g y} {rpush w_10 list} {set h_-1 string}}
}

with_both {

set rl [client $srv]
set ol [client $oracle]
foreach l [list $rl $ol] { $l -typed psubscribe __key* }

foreach protocol {2 3} {
    foreach c [list $r $o] { $c hello $protocol }

    test "RESP$protocol: by the elements themselves" {
        filled
        foreach name {sort sort_ro SORT} {
            foreach key {l s si z zn dup none str h} {
                foreach options {{} desc {desc asc} alpha {alpha desc} {limit 1 2} {alpha limit 1 2} {desc alpha limit 0 1}} {
                    same [list [list $name $key {*}$options]]
                }
            }
        }
        same {{sort} {sort_ro} {sort l nonsense} {sort l desc alpha nonsense} {sort str nonsense} {sort none nonsense}}
    }

    test "RESP$protocol: what is a number" {
        foreach element {"" " 1" "1 " 0x10 0X1p-1 inf -inf +inf infinity INF nan -nan 1e2 1e300 +1 00 -0 .5 5. . - 1_0 1,5 "\t1"
            "1\n" 9223372036854775807 9223372036854775808 123456789012345678901234567890 "1\x00x" "\x00" 0x 1e 1e+ a} {
            fresh
            same [list [list rpush l 7 $element 1.5] {sort l} {sort l desc} {sort l limit 0 0} {sort l by nosort} \
                [list set w_1 $element] {del l} {rpush l 1 2} {sort l by w_*} {sort l by w_* desc}]
        }
        fresh
        same [list [list rpush l [string repeat 0 5000]1 [string repeat 9 300] 2] {sort l} {sort l desc}]
        # Not compared: redis-server then takes sound numbers for such too, until something else sets errno.
        foreach element {1e400 -1e400 1e-400 1e-310} {
            $r del l
            $r rpush l $element
            assert_error "ERR One or more scores can't be converted into double" { $r sort l }
        }
    }

    test "RESP$protocol: LIMIT" {
        filled
        set requests {}
        foreach offset {0 1 2 4 5 6 -1 -5 100 9223372036854775807 -9223372036854775808 9223372036854775808 x ""} {
            foreach count {0 1 3 5 6 -1 -7 9223372036854775807 -9223372036854775808 9223372036854775808 x} {
                foreach key {l z} {
                    foreach options {{} desc {by nosort} {by nosort desc} {by w_*}} {
                        lappend requests [list sort $key alpha {*}$options limit $offset $count]
                    }
                }
            }
        }
        same $requests
        same {{sort l limit} {sort l limit 1} {sort l limit 1 2 3} {sort l limit 0 1 limit 1 2} {sort str limit x 1} {sort none limit x 1}}
    }

    test "RESP$protocol: BY" {
        filled
        foreach key {l s si z zn dup} {
            foreach pattern {w_* h_*->f h_*->g h_*-> h_*->none none_* *->f *_ w_*->f h_* ** h->*->f} {
                foreach options {{} desc {limit 1 2}} { same [list [list sort $key by $pattern {*}$options]] }
            }
        }
        foreach key {l z zn} {
            foreach pattern {nosort # "" w_ ->f} {
                foreach options {{} desc {limit 1 2} {desc limit 1 2} alpha} { same [list [list sort $key by $pattern {*}$options]] }
            }
        }
        foreach options {{} desc {limit 0 2} {limit 1 3 desc}} { same [list [list sort l by w_* alpha {*}$options] [list sort l by h_*->g alpha {*}$options]] }
        same {{sort l by} {sort l by nosort by w_*} {sort l by w_* by nosort} {sort l by w_* by none_*} {sort str by} {sort none by a get}
            {set w_3 word} {sort l by w_*} {sort l by w_* limit 0 0} {sort l by w_* alpha} {sort l by nosort limit 0 2 by w_*}}
        same {{sort s by nosort} {sort si by nosort desc}} {sort}
    }

    test "RESP$protocol: GET" {
        filled
        foreach gets {x # {# #} w_* {w_* # h_*->f} h_*-> {h_*->} *->f * #* ## "" none_* {none_* #} str {h->f} h_*->none {w_*->f}} {
            set words {}
            foreach pattern $gets { lappend words get $pattern }
            foreach options {{} desc {limit 1 2} {limit 9 9} {limit 0 0} {by w_*} {by nosort}} {
                same [list [list sort l {*}$words {*}$options] [list sort_ro z alpha {*}$options {*}$words]]
            }
        }
        same {{sort l get} {sort l get # get} {sort l get get} {sort none get #} {sort str get x}}
    }

    test "RESP$protocol: STORE" {
        filled
        same_lists {d l} {
            {sort l store d} {sort l desc store d} {sort l store d limit 1 2} {sort l store d get w_*} {sort l store d get # get h_*->g}
            {sort s by nosort store d} {sort s by nosort desc store d} {sort s alpha store d} {sort s by nosort limit 1 1 store d}
            {sort s by nosort get w_* store d} {sort si store d} {sort z by nosort desc store d} {sort z by w_* store d} {sort l store l}
            {sort l limit 9 9 store d} {sort none store d} {sort none store none} {sort l store str} {type str} {sort l limit 0 0 store l}
        }
        filled
        same_lists {d e} {
            {expire str 100} {sort l store str} {ttl str} {sort l store d store e} {sort l store} {sort_ro l store d} {sort_ro l store}
            {sort l store d nonsense} {sort s store d} {sort h store d} {sort h store h} {sort l store d by} {sort l by nosort store d get *->}
        }
    }
}

foreach c [list $r $o] { $c hello 2 }

test "many elements, as redis-server has them" {
    fresh
    expr {srand([harness::seed])}
    set words {}
    for {set i 0} {$i < 5000} {incr i} { lappend words [expr {int(rand() * 3000) / 4.0}] }
    same [list [concat rpush l $words] [concat sadd s $words]]
    for {set i 0} {$i < 3000} {incr i 3} { lappend pairs w_[expr {$i / 4.0}] [expr {$i % 71}] }
    same [list [concat mset $pairs]]
    foreach key {l s} {
        foreach limit {{} {limit 0 1} {limit 0 10} {limit 17 100} {limit 1240 20} {limit 4000 900} {limit 4990 100}} {
            foreach options {{} desc alpha {alpha desc} {by w_*} {by w_* desc} {by w_* get # get w_*}} {
                same [list [concat sort $key $limit $options]]
            }
        }
    }
}

test "hits, misses and changes are counted alike" {
    foreach request {{sort l} {sort none} {sort l by w_*} {sort l by w_* limit 0 0} {sort l by nosort limit 0 2 get w_*} {sort str} {sort l get #}
        {sort l store d} {sort l store d get # get w_*} {sort none store d} {sort none store none} {sort l store str} {sort l limit 7 1 store l}
        {sort_ro l by h_*->f get h_*->g} {sort s by w_* store w_a} {sort l store d by h_*->g}} {
        filled
        assert_equal [counted $o $request] [counted $r $request] $request
    }
}

test "events come alike" {
    foreach c [list $r $o] { $c config set notify-keyspace-events KEAm }
    foreach request {{sort l store d} {sort l store l} {sort none store d} {sort none store str} {sort l limit 9 9 store l} {sort l by w_* get none_*}
        {sort l store str} {sort l store d by h_*->g} {sort_ro none}} {
        filled
        foreach {c l} [list $r $rl $o $ol] { events_of $c $l ping }
        assert_equal [events_of $o $ol [list $request]] [events_of $r $rl [list $request]] $request
    }
    foreach c [list $r $o] { $c config set notify-keyspace-events KEA }
}

test "keys and fields that have ended count as missing, also when a look-up is what takes them away" {
    filled
    foreach c [list $r $o] { $c debug set-active-expire 0 }
    same {{pexpire w_1 1} {pexpire w_2 1}}
    wait_for {[$r exists w_2] == 0 && [$o exists w_2] == 0}
    same {{rpush l 1} {sort l by w_* get w_* get #} {sort l by w_* get w_* store d} {lrange d 0 -1} {dbsize}}
    same {{pexpire l 1}}
    wait_for {[$r exists l] == 0 && [$o exists l] == 0}
    same {{sort l by w_*} {sort l store d} {exists d}}
    foreach c [list $r $o] { $c debug set-active-expire 1 }
    $r hset t f 9 g 1
    $r rpush l t u
    $r hpexpire t 1 fields 1 f
    wait_for {[$r hexists t f] == 0}
    assert_equal {t u} [$r sort l by *->f alpha]
    assert_equal {(nil) 1 (nil) (nil)} [$r sort l by nosort get *->f get *->g]
}

test "the keys of the command" {
    same {{command getkeys sort a} {command getkeys sort a store b} {command getkeys sort a by store get store store c store d}
        {command getkeys sort_ro a by x} {command getkeys sort a store} {command getkeys sort a limit store store b}
        {command getkeys sort_ro a store b} {command getkeys sort a get x store b limit 1 1} {command getkeys sort a STORE b DESC ALPHA}
        {command getkeys sort} {command getkeysandflags sort a store b} {command getkeysandflags sort_ro a} {command getkeysandflags sort a}}
}

test "in a transaction; who waits for the list is served" {
    filled
    same {multi {sort l} {sort l store d} {sort str} {sort none limit x y} {lrange d 0 -1} {sort_ro l store d} exec}
    foreach {c s} [list $r $srv $o $oracle] {
        set waiting [client $s]
        $waiting -send blpop d2 d3 0
        wait_for {[info_field $c blocked_clients clients] == 1}
        $c sort l desc store d3
        assert_equal {d3 10} [$waiting -read]
        assert_equal {3 2 1 -1} [$c lrange d3 0 -1]
        $waiting -close
    }
}

test "a watched key is touched by what is stored over it" {
    filled
    foreach {c s} [list $r $srv $o $oracle] {
        set other [client $s]
        $c watch d
        $other sort l store d
        $c multi
        $c ping
        assert_equal (nil) [$c exec]
        $other -close
    }
}

test "a small sorted set stays as it is" {
    filled
    $r sort z by nosort
    $r sort z alpha store d
    assert_equal listpack [$r object encoding z]
}

# ---- what it may cost ----

test "a value is not copied without end" {
    fresh
    $r -timeout 60000 ;# a gigabyte is copied before it is refused
    $r set big [string repeat x 4000000]
    $r rpush l {*}[lrepeat 300 big]
    $r set sum_big [string repeat x 4000000]
    set used [info_field $r used_memory memory]
    foreach request {{sort_ro l alpha by sum_*} {sort l by nosort get # get * store d}} {
        assert_error "ERR the names and values of BY and GET come to more than 1 GB" { $r {*}$request }
    }
    assert_equal 0 [$r exists d]
    assert_equal PONG [$r ping]
    wait_for {[info_field $r used_memory memory] < $used + 1000000}
    # A few are only long.
    assert_equal 3 [$r sort l by nosort limit 0 3 get * store d]
    assert_equal 4000000 [string length [$r lindex d 2]]
}

test "more values than anybody waits for are refused" {
    fresh
    set elements [lrepeat 1000 a]
    for {set i 0} {$i < 300} {incr i} { lappend pipeline [concat rpush l $elements] }
    $r -pipeline $pipeline
    set gets [lrepeat 250 get #]
    assert_error "ERR the names and values of BY and GET*" { $r sort_ro l alpha {*}[concat {*}$gets] }
    assert_equal 300000 [$r sort l alpha get # store d]
    assert_equal 300000 [$r llen d]
}

}

# ---- the journal ----

test "what is stored comes back from the append-only file" {
    set srv [server_start -config {appendonly yes}]
    set r [client $srv]
    $r config set notify-keyspace-events ""
    $r rpush l 3 1 2
    $r sadd s c a b
    for {set i 0} {$i < 300} {incr i} { $r rpush long $i; $r hset h_$i f [expr {$i * 7 % 300}] }
    foreach i {1 2 3} { $r hset t_$i f $i g x }
    $r hpexpire t_3 1 fields 1 f
    $r set old x
    wait_for {[$r hexists t_3 f] == 0}
    foreach request {{sort l store d1} {sort l desc store old} {sort s by nosort store d2} {sort long by h_*->f store d3} {sort long get h_*->f store d4}
        {sort l by t_*->f store d5} {sort l get t_*->f get # store d6} {sort none store l2} {sort s alpha store s}} {
        $r {*}$request
    }
    $r multi
    $r sort l by t_*->f store m1
    $r sort l store m2
    $r exec
    $r hpexpire t_1 1 fields 1 f
    wait_for {[$r hexists t_1 f] == 0}
    set digest [$r debug digest]
    set list [$r lrange d6 0 -1]
    assert_equal {1 1 2 2 {} 3} $list
    $r debug loadaof
    assert_equal $digest [$r debug digest]
    assert_equal $list [$r lrange d6 0 -1]
}
