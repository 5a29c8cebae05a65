# The hash commands, beside redis-server. Times of fields, which 7.0 does not have, are in hash_time.tcl.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]
source [file join [file dirname [info script]] support effects.tcl]

# The same, with what the hash is like after every request.
proc same_hash {key requests} {
    set all {}
    foreach request $requests {
        lappend all $request [list hgetall $key] [list object encoding $key] [list hlen $key] [list ttl $key]
    }
    same $all {hgetall hkeys hvals}
}

with_both {

test "setting, reading and removing, with the encoding" {
    fresh
    same_hash h {
        {hset h a 1} {hset h a 2 b 3 a 4} {hmset h c x d {}} {hsetnx h a 9} {hsetnx h e 9} {hget h a} {hget h none} {hmget h a none b}
        {hexists h a} {hexists h none} {hstrlen h c} {hstrlen h none} {hstrlen h a} {hkeys h} {hvals h} {hdel h a none b} {hdel h}
        {hset h} {hset h a} {hset h a 1 b} {hmset h a 1 b} {hsetnx h a} {hget h} {hmget h} {hdel h c d e} {hdel h x} {hset h "" ""}
        {hget h ""} {hdel h ""}
    }
}

test "a hash becomes a table by its size and by a long text" {
    fresh
    same {{config set hash-max-listpack-entries 4} {config set hash-max-listpack-value 10}}
    same_hash h {
        {hset h 1 1 2 2 3 3 4 4} {hset h 4 5} {hset h 5 5} {hdel h 1 2 3 4} {del h} {hset h a 0123456789} {hset h a 01234567890} {del h}
        {hset h 0123456789a x} {del h} {hsetnx h a 01234567890} {hsetnx h a 1} {del h} {hset h a 1} {hincrby h abcdefghijk 1} {del h}
        {hset h 1 1 2 2 3 3 4 4} {config set hash-max-listpack-entries 2} {hset h 1 2}
    }
    same {{config set hash-max-listpack-entries 512} {config set hash-max-listpack-value 64}}
}

test "a hash keeps its expiry" {
    fresh
    same_hash h {{hset h a 1} {expire h 1000} {hset h a 2} {hincrby h a 2} {hdel h a} {hset h a 1}}
}

test "counting" {
    fresh
    same_hash h {
        {hincrby h a 5} {hincrby h a -7} {hincrby h a x} {hincrby h a 1.5} {hset h max 9223372036854775807} {hincrby h max 1}
        {hincrby h max -1} {hset h min -9223372036854775808} {hincrby h min -1} {hset h t text s " 1" e ""} {hincrby h t 1} {hincrby h s 1}
        {hincrby h e 1} {hincrbyfloat h a 1.5} {hincrbyfloat h a x} {hincrbyfloat h a inf} {hincrbyfloat h a nan} {hincrbyfloat h a -inf}
        {hincrbyfloat h t 1} {hincrbyfloat h s 1} {hincrbyfloat h e 1} {hincrbyfloat h new 3.0e3} {hincrbyfloat h new 0.1} {hset h i inf}
        {hincrbyfloat h i 1} {hset h x 0x10} {hincrbyfloat h x 1} {hincrby h} {hincrbyfloat h a} {hincrby none a x} {hincrby h a ""}
    }
}

test "wrong types, and which error comes first" {
    fresh
    same {{set s x}}
    foreach request {{hset s a 1} {hset s a} {hmset s a 1} {hsetnx s a 1} {hget s a} {hmget s a} {hgetall s} {hkeys s} {hvals s} {hlen s}
        {hstrlen s a} {hexists s a} {hdel s a} {hincrby s a x} {hincrby s a 1} {hincrbyfloat s a x} {hincrbyfloat s a inf}
        {hincrbyfloat s a 1} {hrandfield s} {hrandfield s x} {hrandfield s 1 foo} {hrandfield s 1} {hrandfield s 1 withvalues foo}
        {hscan s 0} {hscan s x} {hscan s 0 count x} {hscan none 0 count x} {hscan none x} {hrandfield s 4611686018427387904 withvalues}} {
        same [list $request]
    }
}

test "HSCAN" {
    fresh
    same {{hset h a 1 b 2 ab 3}}
    same {{hscan h 0} {hscan h 5} {hscan h -1} {hscan h +1} {hscan h ""} {hscan h 18446744073709551615} {hscan h 18446744073709551616}
        {hscan h abc} {hscan h 0 match a*} {hscan h 0 match *} {hscan h 0 match z} {hscan h 0 count 1} {hscan h 0 count 0}
        {hscan h 0 count -1} {hscan h 0 count x} {hscan h 0 foo} {hscan h 0 match} {hscan h 0 count 5 match b count 1} {hscan h 0 type hash}
        {hscan none 0} {hscan none 0 match a}}
    assert_equal {0 {a b ab}} [$r hscan h 0 novalues]
    assert_equal {0 {a ab}} [$r hscan h 0 match a* novalues count 3]
    for {set i 0} {$i < 3000} {incr i} { lappend pairs field:$i $i }
    $r hset big {*}$pairs
    set cursor 0
    set all {}
    while 1 {
        lassign [$r hscan big $cursor count 100] cursor some
        lappend all {*}$some
        if {$cursor eq 0} { break }
    }
    assert_equal [lsort $pairs] [lsort $all]
}

test "HRANDFIELD" {
    fresh
    same {{hset h a 1 b 2 c 3}}
    same {{hrandfield h 0} {hrandfield h 0 withvalues} {hrandfield none} {hrandfield none 3} {hrandfield none -3 withvalues}
        {hrandfield h x} {hrandfield h -9223372036854775808} {hrandfield h 9223372036854775807 withvalues} {hrandfield h 1 foo}
        {hrandfield h 4611686018427387904 withvalues} {hrandfield h -4611686018427387905 withvalues} {hrandfield h 1 withvalues x}}
    same {{hrandfield h 3} {hrandfield h 100} {hrandfield h 100 withvalues}} {hrandfield}
    foreach client [list $r $o] { $client hello 3 }
    same {{hrandfield h 100 withvalues} {hrandfield h 0 withvalues}} {hrandfield}
    foreach client [list $r $o] { $client hello 2 }
    assert_equal 20 [llength [$r hrandfield h -20]]
    assert_equal 40 [llength [$r hrandfield h -20 withvalues]]
    assert {[$r hrandfield h] in {a b c}}
    assert_error "*at most 500000*" {$r hrandfield h -500001}
    assert_error "*at most 500000*" {$r hrandfield h -9223372036854775807}
    assert_equal 500000 [llength [$r hrandfield h -500000]]
    for {set i 0} {$i < 1000} {incr i} { $r hset big $i $i }
    foreach count {1 10 300 400 999 1000 1001} {
        set some [$r hrandfield big $count]
        assert_equal [expr {min($count, 1000)}] [llength [lsort -unique $some]]
    }
    foreach {field value} [$r hrandfield big -100 withvalues] { assert_equal $field $value }
}

test "events and what counts as a change" {
    fresh
    set requests {{hset h a 1 b 2} {hset h a 1} {hmset h c 1} {hsetnx h a 1} {hsetnx h z 1} {hincrby h a 1} {hincrby h b x} {hset h t t}
        {hincrby h t 1} {hincrbyfloat h a 1.5} {hdel h none} {hdel h a b} {hdel h c z t} {hdel none x} {hget h a} {hgetall h}}
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
            set before [info_field $c rdb_changes_since_last_save persistence]
            lappend events [events_of $c $l [list $request]]
            lappend counted [expr {[info_field $c rdb_changes_since_last_save persistence] - $before}]
        }
        assert_equal [lindex $events 1] [lindex $events 0] $request
        assert_equal [lindex $counted 1] [lindex $counted 0] $request
    }
    foreach l $listeners { $l -close }
}

test "RESP3 replies" {
    fresh
    foreach client [list $r $o] { $client hello 3 }
    same {{hset h a 1 b 2} {hgetall h} {hgetall none} {hkeys h} {hvals none} {hmget h a none} {hget h none} {hrandfield none}
        {hrandfield none 1} {hincrbyfloat h a 1.5} {hscan h 0}}
}

test "dumps go both ways" {
    fresh
    same {{hset h a 1 b two c {}}}
    foreach {from to} [list $r $o $o $r] {
        foreach long {0 1} {
            if {$long} { $from hset h long [string repeat x 300] }
            $to restore copy 0 [$from dump h] replace
            assert_equal [lsort [$from hgetall h]] [lsort [$to hgetall copy]]
            assert_equal [$from object encoding h] [$to object encoding copy]
        }
        $from hdel h long
    }
}

test "COMMAND INFO and DOCS of what 7.0 has" {
    foreach name {hset hsetnx hget hmget hgetall hkeys hvals hlen hstrlen hexists hdel hincrby hincrbyfloat hrandfield hscan} {
        same [list [list command info $name]]
    }
}

}
