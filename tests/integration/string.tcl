# The string commands, beside redis-server: the same requests to both, the same bytes back. What redis-server 7.0 does not
# have is in tests/unit/commands/test_string.c.
source [file join [file dirname [info script]] harness harness.tcl]

# Sends the requests to both servers, one write each, and compares reply by reply.
proc same {requests} {
    set ours [$::r -pipeline $requests]
    set theirs [$::o -pipeline $requests]
    foreach request $requests our $ours their $theirs {
        if {[lindex $request 0] ne "ttl" || ![near [lindex $our 1] [lindex $their 1]]} { assert_equal $their $our $request }
    }
}

# Seconds to live: the two servers are asked at different times, so they may round to neighbours.
proc near {a b} { return [expr {$a > 0 && $b > 0 && abs($a - $b) <= 1}] }

# The same with the state of the keys looked at after every request.
proc same_state {keys requests} {
    set all {}
    foreach request $requests {
        lappend all $request
        foreach key $keys { lappend all [list get $key] [list object encoding $key] [list ttl $key] }
    }
    same $all
}

proc fresh {} { same {flushall} }

with_server srv {} {
with_server oracle [list -binary $harness::oracle] {
set r [client $srv]
set o [client $oracle]

test "SET: options, their order, their errors" {
    fresh
    same_state {k n} {
        {set k v} {SET k v2 xx} {set k v3 nx} {set n v nx get} {set n w nx get} {set n w XX GET} {set absent v xx get}
        {set k v ex 100} {set k v2 keepttl} {set k v3} {set k v px 100000} {set k v get ex 100} {set k v ex 10 ex 20}
        {set k v keepttl keepttl} {set k v nx nx} {set k v get get}
        {set k v ex} {set k v px} {set k v foo} {set k v nx xx} {set k v ex 10 px 10} {set k v keepttl ex 10}
        {set k v ex 10 keepttl} {set k v persist} {set k v exat 1 pxat 1}
        {set k v ex 0} {set k v ex -1} {set k v ex abc} {set k v ex 1.5} {set k v px 9223372036854775807}
        {set k v ex 9223372036854775} {set k v exat 9223372036854775807} {set k v pxat 0}
        {set k v exat 1} {set k v pxat 1} {set k v nx ex abc} {set k v ex abc foo}
        {set} {set k} {get} {get a b} {setnx k} {setex k 1}
    }
}

test "SET: absolute expiry" {
    fresh
    set at [expr {[clock seconds] + 1000}]
    same [list [list set k v exat $at] {expiretime k} [list set k v pxat ${at}123] {pexpiretime k} {set k w keepttl} \
        {pexpiretime k} {getset k x} {pexpiretime k}]
}

test "SETEX, PSETEX, SETNX, GETSET, GETDEL" {
    fresh
    same_state {k n} {
        {setex k 100 v} {psetex k 100000 v} {setex k 0 v} {setex k -1 v} {setex k abc v} {setex k 9223372036854775807 v}
        {psetex k 0 v} {psetex k x v} {psetex k 9223372036854775807 v} {setnx k w} {setnx n 12} {getset n 13} {getset n abc}
        {getset other v} {getdel n} {getdel n} {getdel k}
    }
}

test "GETEX" {
    fresh
    same_state {k} {
        {getex k} {getex k ex 0} {getex k ex abc} {getex k foo} {set k v} {getex k} {getex k ex 100} {getex k persist}
        {getex k persist} {getex k px 100000} {getex k ex 0} {getex k px -1} {getex k ex abc} {getex k exat} {getex k nx}
        {getex k keepttl} {getex k ex 1 px 1} {getex k persist ex 1} {getex k ex 1 persist} {getex k persist persist}
        {getex k px 9223372036854775807} {getex k exat 1} {set k v ex 100} {getex k pxat 1}
    }
}

test "APPEND and SETRANGE, and what they do to the encoding" {
    fresh
    same_state {k n s} {
        {append k 12} {append k 3} {append k ""} {incr k} {append n abc} {append n ""} {set s 12} {append s ""}
        {setrange k 0 ""} {setrange k 0 9} {setrange k 5 x} {setrange absent 0 ""} {setrange absent 3 x} {getrange absent 0 -1}
        {setrange k -1 x} {setrange k abc x} {setrange k 536870911 ab} {setrange k 9223372036854775807 a}
        {setrange absent2 536870912 a} {setrange absent2 -1 ""} {exists absent2}
    }
    foreach length {42 43 44 45 46 200 254 255 256 257 1000 100000} {
        set value [string repeat x $length]
        same_state k [list [list set k $value] {append k y} {setrange k 2 zz} [list setrange k $length tail] {strlen k} {append k ""} \
            [list set k $value ex 100] {append k y}]
    }
}

test "a long value grows by appending" {
    fresh
    for {set i 0} {$i < 20} {incr i} { same [list [list append k [string repeat [format %c [expr {97 + $i}]] 60000]]] }
    same {{strlen k} {getrange k 59990 60010} {getrange k -5 -1} {setrange k 2000000 end} {getrange k 1199990 1200010} {strlen k}}
    assert_equal [$o get k] [$r get k]
}

test "GETRANGE and SUBSTR clamp" {
    fresh
    same {{set k Hello} {set n 12345} {set e ""}}
    set places {0 1 -1 -3 -5 -6 -7 5 4 -100 -90 100 9223372036854775807 -9223372036854775808 abc 9223372036854775808}
    foreach start $places {
        set requests {}
        foreach end $places {
            lappend requests [list getrange k $start $end] [list substr n $start $end] [list getrange e $start $end] \
                [list getrange absent $start $end]
        }
        same $requests
    }
}

test "counting" {
    fresh
    foreach value {0 1 -1 10 9223372036854775807 -9223372036854775808 9223372036854775808 abc "" " 1" "1 " 01 +1 -0 1.5 1e3 0x10} {
        foreach by {1 -1 0 9223372036854775807 -9223372036854775808 abc 1.5 "" 1e3} {
            same_state k [list [list set k $value] {incr k} {decr k} [list incrby k $by] [list decrby k $by] \
                [list incrbyfloat k $by]]
        }
    }
    same_state {k n} {{set k 5 ex 100} {incr k} {incrbyfloat k 1} {append k 0} {incr k} {incr n} {del n} {decrby n 5} {del n}
        {incrbyfloat n 0.5}}
}

test "INCRBYFLOAT writes plain decimals" {
    fresh
    foreach value {0 3.0e3 5.0 0.1 -2.5 1e17 1e-17 100000000000000000000 1e300 1e4930 inf -inf nan abc "" " 1" .5 1. . -0 0x1p3} {
        foreach by {0 0.1 -0.1 1e-18 -1e-18 1e-5000 1e5000 inf -inf nan 5e-324 3.0 0x10 " 1" 1e4932 -1e17 ""} {
            same [list [list set k $value] [list incrbyfloat k $by] {get k} {object encoding k}]
        }
    }
}

test "MSET, MSETNX, MGET" {
    fresh
    same_state {a b c} {
        {mset a 1 b 2} {mset a} {mset a 1 b} {mset} {mset a 1 a 2} {set a v ex 100} {mset a 3 c v} {msetnx a 1 d 2} {exists d}
        {msetnx d 1 d 2} {get d} {msetnx e} {msetnx e 1 f} {mget a b absent c} {mget} {mget a a}
    }
}

test "LCS" {
    fresh
    same {
        {mset key1 ohmytext key2 mynewtext e "" n 12345} {lcs key1 key2} {lcs key1 key2 len} {lcs key1 key2 idx}
        {lcs key1 key2 idx minmatchlen 4 withmatchlen} {lcs key1 key2 IDX WITHMATCHLEN} {lcs key1 key2 len idx} {lcs key1 key2 foo}
        {lcs key1 key2 minmatchlen} {lcs key1 key2 minmatchlen abc} {lcs key1 key2 idx minmatchlen -4} {lcs key1 absent}
        {lcs absent absent2 idx} {lcs key1 absent len} {lcs key1 key2 withmatchlen} {lcs e key1 idx} {lcs n n} {lcs n key1} {lcs key1}
        {lcs key1 key1 idx withmatchlen}
    }
    set long [string repeat x 12000]
    same [list [list mset a $long b $long] {lcs a b} {lcs a b len} {lcs a b idx foo}]
    same {{config set proto-max-bulk-len 1mb}}
    same [list [list mset a [string repeat x 500] b [string repeat x 523]] {lcs a b len} [list set b [string repeat x 522]] {lcs a b len} \
        {setrange c 1048576 a} {setrange c 1048575 a} {append c a} {config set proto-max-bulk-len 512mb}]
}

test "RESP3 has the same shapes" {
    fresh
    foreach c [list $r $o] { $c hello 3 }
    same {{get absent} {set k v get} {set k w nx} {mget k absent} {mset key1 ohmytext key2 mynewtext} {lcs key1 key2 idx}
        {lcs key1 key2 idx withmatchlen} {lcs absent key1 idx} {incrbyfloat f 1.5} {getex absent} {getdel absent} {getset absent v}}
    foreach c [list $r $o] { $c hello 2 }
}

proc pick {list} { return [lindex $list [expr {int(rand() * [llength $list])}]] }

proc random_value {} {
    switch [pick {number text edge}] {
        number { return [pick {0 1 -1 10 9223372036854775807 -9223372036854775808 abc "" 1.5 1e3 +1 007 0.1 -2.5 1e400}] }
        text { return [string repeat [pick {a b ab abc}] [pick {0 1 2 5 9}]] }
        edge { return [string repeat x [pick {43 44 45 254 255 256 300}]] }
    }
}

proc random_options {choices} {
    set options {}
    for {set n [pick {0 0 1 1 2 3}]} {$n > 0} {incr n -1} { lappend options {*}[pick $choices] }
    return $options
}

proc random_request {} {
    set expiries {{ex 1000} {px 1000000} {ex 0} {px -5} {ex abc} {exat 1} {ex} {PX 9223372036854775807}}
    set key [pick {a b c}]
    switch [pick {set set append setrange getrange incr incrby float getex getset getdel mget mset setnx setex lcs del}] {
        set { return [list set $key [random_value] {*}[random_options [list nx XX get keepttl {*}$expiries {*}$expiries]]] }
        append { return [list append $key [random_value]] }
        setrange { return [list setrange $key [pick {0 1 5 50 260 -1 abc}] [random_value]] }
        getrange { return [list getrange $key [pick {0 1 -1 -5 abc}] [pick {0 2 -1 -300 100}]] }
        incr { return [list [pick {incr decr}] $key] }
        incrby { return [list [pick {incrby decrby}] $key [random_value]] }
        float { return [list incrbyfloat $key [random_value]] }
        getex { return [list getex $key {*}[random_options [list persist {*}$expiries]]] }
        getset { return [list getset $key [random_value]] }
        getdel { return [list [pick {getdel strlen}] $key] }
        mget { return [list mget a b [pick {c d}]] }
        mset { return [list [pick {mset msetnx}] $key [random_value] [pick {a b d}] [random_value]] }
        setnx { return [list setnx $key [random_value]] }
        setex { return [list [pick {setex psetex}] $key [pick {1000000 0 -1 abc}] [random_value]] }
        lcs { return [list lcs a b {*}[random_options {len idx withmatchlen {minmatchlen 2} {minmatchlen x}}]] }
        del { return [list del $key] }
    }
}

test "random requests" {
    set seed [expr {[info exists env(TARN_SEED)] ? $env(TARN_SEED) : [clock microseconds] % 1000000000}]
    puts "# TARN_SEED=$seed"
    expr {srand($seed)}
    fresh
    for {set round 0} {$round < 60} {incr round} {
        set requests {}
        for {set i 0} {$i < 50} {incr i} { lappend requests [random_request] }
        same_state {a b c d} $requests
    }
}

# What tells both servers apart on purpose: texts in our own words, options that came after 7.0.
proc without {dict args} {
    foreach field $args { dict unset dict $field }
    return $dict
}

test "COMMAND INFO tells the same facts" {
    set names {append decr decrby get getdel getex getrange getset incr incrby incrbyfloat lcs mget mset msetnx psetex set setex
        setnx setrange strlen substr}
    foreach name $names {
        lassign [lindex [$r command info $name] 0] our_name our_arity our_flags our_first our_last our_step our_acl our_tips our_specs
        lassign [lindex [$o command info $name] 0] name arity flags first last step acl tips specs
        assert_equal [list $name $arity $first $last $step] [list $our_name $our_arity $our_first $our_last $our_step]
        assert_equal [lsort $flags] [lsort $our_flags] $name
        assert_equal [lsort $acl] [lsort $our_acl] $name
        assert_equal $tips $our_tips $name
        assert_equal [without [lindex $specs 0] notes] [without [lindex $our_specs 0] notes] $name
        set docs [lindex [$o command docs $name] 1]
        set our_docs [lindex [$r command docs $name] 1]
        foreach field {since group} { assert_equal [dict get $docs $field] [dict get $our_docs $field] $name }
        if {$name ne "set"} { assert_equal [dict get $docs arguments] [dict get $our_docs arguments] $name }
    }
}

test "a length that no machine has memory for is refused" {
    fresh
    $r config set proto-max-bulk-len 9223372036854775807
    $r set short abc
    $r set long [string repeat x 300]
    foreach key {none short long} {
        foreach offset {5000000000000000000 9223372036854775800 4611686018427387900} {
            assert_error "ERR*" { $r setrange $key $offset y }
        }
    }
    assert_equal {abc 300 0} [list [$r get short] [$r strlen long] [$r exists none]]
    $r config set proto-max-bulk-len 512mb
}

test "the newer commands are there" {
    fresh
    foreach name {delex delifeq digest increx msetex} { assert_equal $name [lindex [$r command info $name] 0 0] }
    assert_equal 1 [$r msetex 2 a 1 b 2 nx ex 100]
    assert_equal {a b} [$r command getkeys msetex 2 a 1 b 2 nx]
    assert_equal {6 5} [$r increx a byint 5]
    assert_range [$r ttl a] 90 100
    assert_equal (nil) [$r set a 7 ifeq 5]
    assert_equal OK [$r set a 7 ifeq 6]
    assert_equal 0 [$r delifeq a 6]
    assert_equal 1 [$r delex a ifne 6]
    assert_equal 0 [$r exists a]
}

test "digests are compared, and what they let happen is written down" {
    set srv [server_start -config {appendonly yes appendfsync no}]
    set c [client $srv]
    set big [string repeat "0123456789" 100000]
    $c -pipeline [list [list set big $big] {set k "Hello world"} {set l "Hello world"} {set m 1} {set n 2 ex 1000}]
    assert_equal b6acb9d84a38ff74 [$c digest k]
    assert_equal {OK OK 1} [list [$c set k two ifdeq [$c digest l]] [$c set l three ifdne [$c digest k]] [$c delex m ifdeq [$c digest m]]]
    assert_equal {(nil) (nil) 0} [list [$c set k x ifdeq [$c digest l]] [$c set n x ifdne [$c digest n]] [$c delex n ifdne [$c digest n]]]
    assert_equal [$c digest big] [string tolower [$c digest big]]
    assert_equal OK [$c set big [string range $big 1 end] ifdeq [string toupper [$c digest big]] keepttl]
    assert_equal {k {RW access update}} [lindex [$c command getkeysandflags set k v ifdne 0000000000000000] 0]
    assert_equal {k {OW update}} [lindex [$c command getkeysandflags set k v ex 5] 0]
    assert_equal {k {RO access}} [lindex [$c command getkeysandflags digest k] 0]
    set digest [$c debug digest]
    server_kill $srv
    server_restart $srv
    set c [client $srv]
    assert_equal $digest [$c debug digest]
    assert_equal {two three (nil)} [$c mget k l m]
}
}
}
