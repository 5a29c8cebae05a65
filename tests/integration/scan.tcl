# KEYS and SCAN.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

# All keys that a full SCAN names, with repeats.
proc scan_all {r args} {
    set cursor 0
    set keys {}
    while 1 {
        lassign [$r scan $cursor {*}$args] cursor found
        lappend keys {*}$found
        if {$cursor eq "0"} { return $keys }
    }
}

with_both {

test "SCAN's arguments: as redis-server" {
    fresh
    same {
        {scan} {scan x} {scan -} {scan +} {scan ++1} {scan " 0"} {scan "0 "} {scan 0x} {scan 1.0} {scan 18446744073709551616}
        {scan -18446744073709551616} {scan x match} {scan 0} {scan ""} {scan +0} {scan -0} {scan 00} {scan 0 foo} {scan 0 match}
        {scan 0 foo bar} {scan 0 count} {scan 0 count x} {scan 0 count 0} {scan 0 count -1} {scan 0 count 1.5}
        {scan 0 count 9223372036854775808} {scan 0 count x foo} {scan 0 match * foo}
        {set abc 1} {scan 0} {scan 0 match a*} {scan 0 MATCH b*} {scan 0 match * match b*} {scan 0 count 9223372036854775807}
        {scan 0 type string} {scan 0 TYPE STRING} {scan 0 type hash} {scan 0 type nothing} {scan 0 type string match abc count 100}
        {scan 0 count 1 count 50}
    }
}

test "KEYS: as redis-server" {
    fresh
    set requests {{keys} {keys a b}}
    foreach key {one two three a* {a?b} foo:1 foo:2 {[x]} \\x} { lappend requests [list set $key v] }
    foreach pattern {* ** ? ??? o* *e t* "" a* a\\* {a\?b} foo:[12] foo:[^1] foo:? {\[x\]} {[[]x]} *:* one onee \\\\x ne} {
        lappend requests [list keys $pattern]
    }
    same $requests
}

test "SCAN names every key of a database that rests once" {
    $r flushall
    $r debug populate 20000
    foreach count {1 10 100 7777} {
        set keys [scan_all $r count $count]
        assert_equal 20000 [llength $keys]
        assert_equal 20000 [llength [lsort -unique $keys]]
    }
    assert_equal 1000 [llength [lsort -unique [scan_all $r match key:1???]]]
}

test "a call of SCAN does about as much as COUNT says" {
    $r flushall
    $r debug populate 20000
    foreach count {1 10 100 1000} {
        lassign [$r scan 0 count $count] cursor found
        assert_range [llength $found] $count [expr {$count + 40}]
    }
    lassign [$r scan 0 match nothing count 100] cursor found
    assert_equal {} $found
    assert_not_equal 0 $cursor
}

test "SCAN while the database grows and shrinks names all that stays" {
    $r flushall
    set stay {}
    for {set i 0} {$i < 1000} {incr i} { lappend stay stay:$i }
    $r -pipeline [lmap key $stay {list set $key v}]
    foreach way {grow shrink} {
        set cursor 0
        set keys {}
        set step 0
        while 1 {
            lassign [$r scan $cursor count 5] cursor found
            lappend keys {*}$found
            if {$cursor eq "0"} break
            if {[incr step] > 150} continue
            if {$way eq "grow"} { $r debug populate 100 grow:$step } else { $r del {*}[$r keys grow:$step:*] }
        }
        assert {$step > 150}
        set seen [lsearch -all -inline $keys stay:*]
        assert_equal [lsort $stay] [lsort $seen] $way
    }
    assert_equal 1000 [$r dbsize]
}

test "RANDOMKEY reaches every key" {
    $r flushall
    assert_equal (nil) [$r randomkey]
    $r debug populate 50
    set seen {}
    for {set i 0} {$i < 2000} {incr i} { dict set seen [$r randomkey] 1 }
    assert_equal 50 [dict size $seen]
}
}
