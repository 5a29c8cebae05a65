# The set commands, beside redis-server. A small set of texts is a listpack here and a table there (Valkey 8, Redis 7.2).
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]
source [file join [file dirname [info script]] support effects.tcl]

# Replies whose order is free.
set unordered {smembers sinter sunion sdiff spop srandmember}

# The same, with what the set is like after every request.
proc same_set {key requests} {
    set all {}
    foreach request $requests { lappend all $request [list smembers $key] [list scard $key] [list type $key] [list ttl $key] }
    same $all $::unordered
}

# The encoding here and there.
proc assert_encoding {ours theirs key} {
    assert_equal $ours [$::r object encoding $key]
    assert_equal $theirs [$::o object encoding $key]
}

with_both {

foreach protocol {2 3} {
    foreach c [list $r $o] { $c hello $protocol }

    test "RESP$protocol: adding, asking and removing" {
        fresh
        same_set s {
            {sadd s a} {sadd s a b c a} {sadd s ""} {sadd s 1 01 +1 1.0} {scard s} {sismember s a} {sismember s z} {sismember s ""}
            {sismember s 1} {sismember s 001} {smismember s a z 1} {srem s a z} {srem s a} {srem s b c "" 1 01 +1 1.0} {srem s x}
            {sadd s} {sadd} {srem s} {srem} {scard} {scard s s} {sismember s} {smismember s} {smembers} {smembers s s}
            {sismember none a} {smismember none a b} {scard none} {smembers none} {sadd s 5 3 9 -1} {smembers s}
        }
    }

    test "RESP$protocol: the forms, by number and length of the members" {
        fresh
        same {{sadd s 1 2 3}}
        assert_encoding intset intset s
        same {{sadd s a}}
        assert_encoding listpack hashtable s
        same {{srem s a}}
        assert_encoding listpack hashtable s
        same [list {del s} [list sadd s [string repeat x 64]]]
        assert_encoding listpack hashtable s
        same [list [list sadd s [string repeat x 65]]]
        assert_encoding hashtable hashtable s
        set numbers {}
        for {set i 0} {$i < 512} {incr i} { lappend numbers $i }
        same [list {del s} [list sadd s {*}$numbers]]
        assert_encoding intset intset s
        same {{sadd s 511}}
        assert_encoding intset intset s
        same {{sadd s 512}}
        assert_encoding hashtable hashtable s
        same [list {del s} [list sadd s {*}[lrange $numbers 0 126]] {sadd s a}]
        assert_encoding listpack hashtable s
        same {{sadd s b}}
        assert_encoding hashtable hashtable s
        same [list {del s} [list sadd s {*}[lrange $numbers 0 127]] {sadd s a}]
        assert_encoding hashtable hashtable s
        same {{del s} {config set set-max-intset-entries 2} {sadd s 1 2} {object encoding s} {sadd s 3} {object encoding s}}
        $r del s
        $r config set set-max-listpack-entries 2 set-max-listpack-value 3
        $r sadd s a bcd
        assert_equal listpack [$r object encoding s]
        $r sadd s e
        assert_equal hashtable [$r object encoding s]
        $r del s
        $r sadd s abcd
        assert_equal hashtable [$r object encoding s]
        $r config set set-max-listpack-entries 128 set-max-listpack-value 64
        same {{config set set-max-intset-entries 512}}
    }

    test "RESP$protocol: wrong types, and which error comes first" {
        fresh
        same {{set str x} {sadd s a b c}}
        foreach request {{sadd str a} {srem str a} {scard str} {sismember str a} {smismember str a} {smembers str} {spop str} {spop str 0}
            {spop str 1} {spop str x} {spop str 1 2} {srandmember str} {srandmember str x} {srandmember str 1} {smove str s a} {smove s str a}
            {smove s str zz} {smove nokey str a} {smove str str a} {sinter str} {sinter nokey str} {sinter str nokey} {sinter s str}
            {sinterstore d nokey str} {sunion s str} {sunionstore d str} {sdiff nokey str} {sdiffstore d s str} {sintercard 2 s str}
            {sintercard 2 nokey str} {sintercard 1 str limit x} {sscan str 0} {sscan str 0 count 0} {sscan str x}} {
            same [list $request {exists d} {type str}] $::unordered
        }
        same {{sinterstore str s} {type str} {set str x} {sunionstore str s} {type str} {set str x} {sdiffstore str s s} {exists str}}
    }

    test "RESP$protocol: SMOVE" {
        fresh
        same {{sadd a 1 2 3} {sadd b x}}
        foreach request {{smove a b 1} {smove a b 1} {smove a b zz} {smove a a 2} {smove a a zz} {smove a new 2} {smove a new 3} {smove a new 3}
            {smove b new x} {smove none b x} {smove a b}} {
            same [list $request {smembers a} {smembers b} {smembers new} {exists a}] $::unordered
        }
        same {{sadd a 1} {sadd b 1} {smove a b 1} {exists a} {scard b}}
    }

    test "RESP$protocol: SPOP" {
        fresh
        same {{sadd s a b c}}
        same {{spop s 0} {spop s -1} {spop s x} {spop s 1.5} {spop s 9223372036854775808} {spop s 1 2} {spop none} {spop none 0} {spop none 3}
            {spop none x} {scard s}}
        same {{spop s 3} {exists s} {sadd s a b c} {spop s 100} {exists s} {sadd s x} {spop s} {exists s} {sadd s 1 2 3} {spop s 9223372036854775807}
            {sadd s x} {spop s 1} {exists s}} $::unordered
        foreach {first size} {1 400 a 100 a 1000} {
            set members {}
            for {set i 0} {$i < $size} {incr i} { lappend members $i }
            foreach count {1 10 50 90 99 380 900} {
                if {$count >= $size} { continue }
                $r del s
                $r sadd s $first {*}$members
                set all [lsort [$r smembers s]]
                set taken [$r spop s $count]
                assert_equal $count [llength [lsort -unique $taken]]
                assert_equal $all [lsort [concat $taken [$r smembers s]]]
            }
        }
    }

    test "RESP$protocol: SRANDMEMBER" {
        fresh
        same {{sadd s a b c}}
        same {{srandmember s 0} {srandmember s x} {srandmember s -9223372036854775808} {srandmember s 9223372036854775808} {srandmember s 1 2}
            {srandmember none} {srandmember none 1} {srandmember none -5} {srandmember none -9223372036854775807} {srandmember none x}}
        same {{srandmember s 3} {srandmember s 100} {srandmember s 9223372036854775807}} $::unordered
        assert {[$r srandmember s] in {a b c}}
        assert_equal 20 [llength [$r srandmember s -20]]
        assert_error "*at most 500000*" {$r srandmember s -500001}
        assert_error "*at most 500000*" {$r srandmember s -9223372036854775807}
        assert_equal 20000 [llength [$r srandmember s -20000]]
        set numbers {}
        for {set i 0} {$i < 400} {incr i} { lappend numbers $i }
        foreach {key member} {big a ints 0} {
            $r sadd $key $member
            $r sadd $key {*}$numbers
            set size [$r scard $key]
            foreach count {1 10 100 399 400 401 1000} {
                set some [$r srandmember $key $count]
                assert_equal [expr {min($count, $size)}] [llength [lsort -unique $some]]
            }
            foreach one [$r srandmember $key -300] { assert_equal 1 [$r sismember $key $one] }
            assert_equal $size [$r scard $key]
        }
    }

    test "RESP$protocol: unions, intersections and differences" {
        fresh
        same {{sadd a 1 2 3 4 5} {sadd b 3 4 5 6} {sadd c x y 3} {sadd one 4}}
        foreach keys {{a} {a b} {a b c} {b a} {c a b} {a a} {a none} {none a} {none none} {one a} {a one b} {c none b} {a b a b a b a b a b a b}} {
            same [list "sinter $keys" "sunion $keys" "sdiff $keys"] $::unordered
            foreach store {sinterstore sunionstore sdiffstore} {
                same [list {sadd d old} {expire d 100} "$store d $keys" {smembers d} {ttl d} "$store a2 a $keys" {smembers a2} {copy a self replace} \
                    "$store self self $keys" {smembers self}] $::unordered
            }
            same [list "sintercard [llength $keys] $keys" "sintercard [llength $keys] $keys limit 1" "sintercard [llength $keys] $keys limit 0"]
        }
        same {{sinter} {sunion} {sdiff} {sinterstore d} {sunionstore d} {sdiffstore d} {sintercard 1} {sinterstore} {sintercard 0 a} {sintercard -1 a}
            {sintercard x a} {sintercard 2 a} {sintercard 9223372036854775807 a} {sintercard 1 a limit} {sintercard 1 a limit -1} {sintercard 1 a limit x}
            {sintercard 1 a foo 1} {sintercard 1 a limit 1 limit 2} {sintercard 1 a b} {sintercard 2 a b limit 9223372036854775807}}
    }

    # A difference of many small sets is taken out of a copy, of few it is looked up; what is stored shows which.
    test "RESP$protocol: the form of what is stored" {
        fresh
        set numbers {}
        for {set i 0} {$i < 400} {incr i} { lappend numbers $i }
        same [list [list sadd big {*}$numbers] {sadd mixed 1 2 x} {sadd few 1 2} {sadd few2 3} {sadd few3 4}]
        same {{sinterstore d big few} {object encoding d} {sinterstore d mixed few} {object encoding d} {sunionstore d few few2} {object encoding d}
            {sdiffstore d big few few2 few3} {object encoding d} {scard d} {sdiffstore d few big} {exists d} {sdiffstore d mixed few3} {scard d}}
        same {{sunionstore d big few} {object encoding d} {config set set-max-intset-entries 100} {sunionstore d big few} {object encoding d}
            {sdiffstore d big few} {object encoding d} {sdiffstore d few big few2} {exists d} {config set set-max-intset-entries 512}}
    }

    test "RESP$protocol: SUNIONCARD and SDIFFCARD" {
        fresh
        $r sadd a 1 2 3 4 5
        $r sadd b 3 4 5 6
        $r sadd c x y 3
        $r set str x
        assert_equal 6 [$r sunioncard 2 a b]
        assert_equal 8 [$r sunioncard 3 a b c approx]
        assert_equal 4 [$r sunioncard 3 a b c limit 4]
        assert_equal 4 [$r sunioncard 3 a b c limit 4 approx]
        assert_equal 5 [$r sunioncard 2 a none limit 0]
        assert_equal 2 [$r sunioncard 1 a limit 2]
        assert_equal 0 [$r sunioncard 1 none]
        assert_equal 2 [$r sdiffcard 2 a b]
        assert_equal 1 [$r sdiffcard 2 a b limit 1]
        assert_equal 0 [$r sdiffcard 2 none a]
        assert_equal 5 [$r sdiffcard 1 a limit 9]
        assert_equal 2 [$r sdiffcard 12 a b c c c c c c c c c c limit 3]
        assert_error "*numkeys*" {$r sdiffcard 0 a}
        assert_error "*Number of keys*" {$r sunioncard 2 a}
        assert_error "*syntax*" {$r sdiffcard 1 a approx}
        assert_error "*LIMIT*" {$r sunioncard 1 a limit -1}
        assert_error "WRONGTYPE*" {$r sunioncard 2 a str}
    }

    test "RESP$protocol: SSCAN" {
        fresh
        same {{sadd s 1 2 3} {sscan s 0} {sscan s 5} {sscan s -1} {sscan s +1} {sscan s ""} {sscan s 18446744073709551615} {sscan s 18446744073709551616}
            {sscan s abc} {sscan s 0 match 1*} {sscan s 0 match *} {sscan s 0 match z} {sscan s 0 count 1} {sscan s 0 count 0} {sscan s 0 count -1}
            {sscan s 0 count x} {sscan s 0 foo} {sscan s 0 foo bar} {sscan s 0 match} {sscan s 0 count 5 match 2 count 1} {sscan s 0 type set}
            {sscan s 0 novalues} {sscan none 0} {sscan none 0 count 0} {sscan none x} {sscan s} {sscan}}
        set members {}
        for {set i 0} {$i < 3000} {incr i} { lappend members member:$i }
        $r sadd big {*}$members
        set cursor 0
        set all {}
        while 1 {
            lassign [$r sscan big $cursor count 100] cursor some
            lappend all {*}$some
            if {$cursor eq 0} { break }
        }
        assert_equal [lsort $members] [lsort $all]
    }

    test "RESP$protocol: events, changes, hits and misses" {
        fresh
        set requests {{sadd s a b} {sadd s a} {sadd s a c} {srem s zz} {srem s a zz} {srem s b c} {srem none a} {sadd s a b c} {spop s 0} {spop none}
            {spop none 2} {spop s 2} {spop s} {sadd s a b} {spop s 2} {sadd s a b} {spop s 9} {sadd a 1 2} {sadd b 2} {smove a b 1} {smove a b 9}
            {smove a a 2} {smove a b 2} {smove b new 1} {sinterstore d b b} {sinterstore d b none} {sinterstore d b none} {sunionstore d b new}
            {sunionstore d none} {sdiffstore d b none} {sdiffstore d b b} {set d 1} {sdiffstore d b} {srandmember b 2} {smembers b} {sscan b 0}
            {smove none b x} {smove b none2 9} {sadd m x} {sinter m none} {sunion m none} {sdiff none m} {sinterstore d none m} {sunionstore d m m}
            {sintercard 2 m none} {spop m 1} {srem m x} {smismember none a} {sismember d a} {scard d} {smembers none} {sscan none 0} {srandmember none}}
        set listeners {}
        foreach c [list $r $o] server [list $srv $oracle] {
            $c config set notify-keyspace-events KEAn
            lappend listeners [set l [client $server]]
            $l -typed psubscribe __key*
        }
        foreach request $requests {
            set counted {}
            set events {}
            foreach c [list $r $o] l $listeners {
                set before [measures $c]
                lappend events [events_of $c $l [list $request]]
                lappend counted [lmap a $before b [measures $c] { expr {$b - $a} }]
            }
            assert_equal [lindex $events 1] [lindex $events 0] $request
            # A hit of SPOP that takes all is an accident of how Redis does it.
            if {[lindex $request 0] eq "spop"} { set counted [lmap one $counted { lindex $one 0 }] }
            assert_equal [lindex $counted 1] [lindex $counted 0] $request
        }
        foreach l $listeners { $l -close }
    }

    test "RESP$protocol: aggregates and nulls" {
        fresh
        same {{sadd s a b} {sadd t b} {smembers s} {smembers none} {sinter s t} {sinter s none} {sunion t t} {sunion none} {sdiff s t} {sdiff none}
            {sismember s a} {smismember s a z} {srandmember none} {srandmember none 1} {srandmember t 1} {srandmember t -2} {sscan t 0} {spop none}
            {spop none 1} {spop t 0} {spop t 1} {spop t} {srandmember s 5}} $::unordered
    }

    test "RESP$protocol: dumps go both ways" {
        fresh
        same {{sadd ints 1 2 70000} {sadd texts 1 b ""} {sadd long x}}
        same [list [list sadd long [string repeat y 300]] {dump ints}]
        foreach {from to} [list $r $o $o $r] {
            foreach key {ints texts long} {
                $to restore copy 0 [$from dump $key] replace
                assert_equal [lsort [$from smembers $key]] [lsort [$to smembers copy]]
            }
        }
    }

    test "RESP$protocol: a member that was taken by chance goes the same way in the append-only file" {
        fresh
        $r config set appendonly yes
        wait_for {[info_field $r aof_rewrite_in_progress persistence] == 0 && [info_field $r aof_rewrite_scheduled persistence] == 0} 20000
        set members {}
        for {set i 0} {$i < 300} {incr i} { lappend members m:$i }
        $r sadd s {*}$members
        $r sadd few 1 2 3 4
        $r sadd all a b c
        $r sadd table {*}$members x
        $r spop s 200
        $r spop few
        $r spop few 1
        $r spop all 5
        for {set i 0} {$i < 20} {incr i} { $r spop table }
        foreach key {s few table} { lappend left [lsort [$r smembers $key]] }
        $r debug loadaof
        foreach key {s few table} { lappend loaded [lsort [$r smembers $key]] }
        assert_equal $left $loaded
        assert_equal {100 2 281 0} [list [$r scard s] [$r scard few] [$r scard table] [$r exists all]]
        $r config set appendonly no
    }

    test "RESP$protocol: COMMAND INFO of what 7.0 has" {
        foreach name {sadd scard sdiff sdiffstore sinter sintercard sinterstore sismember smembers smismember smove spop srandmember srem sscan sunion
            sunionstore} {
            same [list [list command info $name]]
        }
    }
}

}

# Who can choose members must not be able to choose which of them share a bucket.
test "the order of members is keyed anew by every process" {
    for {set i 0} {$i < 500} {incr i} { lappend chosen member:$i }
    foreach place {one other} {
        set r [client [server_start]]
        $r sadd s {*}$chosen
        set $place [$r smembers s]
    }
    assert_equal [lsort $one] [lsort $other]
    assert {$one ne $other}
}
