# MEMORY DOCTOR: each cause is planted, and must be named with its figures. Causes of parts that do not exist yet (replication, scripts)
# are in tests/unit/observe/test_doctor.c.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support cgroup.tcl]
source [file join [file dirname [info script]] support allocator.tcl]

# Other findings may stand beside the one that is looked for.
proc finding {r title} {
    foreach line [split [$r memory doctor] \n] { if {[string match " \\* $title:*" $line]} { return $line } }
    return ""
}

with_server srv {} {
    test "an empty and a healthy instance" {
        set r [client $srv]
        assert_match "Hi Sam, this instance is empty or is using very little memory*" [$r memory doctor]
        $r debug populate 30000 key 1000
        # A C library keeps no figures of its heap; then what a sanitizer takes looks like gaps.
        if {[allocator_tells $r]} { assert_match "Hi Sam, I can't find any memory issue in your instance*" [$r memory doctor] }
    }
    test "one giant key" {
        set r [client $srv]
        $r setrange "giant\n" 19999999 x
        assert_match "*\"giant\\\\x0a\" in database 0, a string, takes *M*% of all data*UNLINK*" [finding $r "One giant key"]
        $r unlink "giant\n"
        wait_for {[finding $r "One giant key"] eq ""}
    }
    test "a client that does not read" {
        set r [client $srv]
        $r set value [string repeat x 1000000]
        set c [client $srv]
        set id [$c client id]
        $c -send {*}[list mget {*}[lrepeat 60 value]]
        wait_for {[finding $r "A client does not read its replies"] ne ""}
        assert_match "*client id=$id addr=127.0.0.1:* has not taken *M of replies*CLIENT KILL*" [finding $r "A client does not read its replies"]
        $c -close
        wait_for {[finding $r "A client does not read its replies"] eq ""}
    }
    test "a peak of the past, and dirty pages" {
        set r [client $srv]
        $r debug populate 100000 more 1000
        # Deleted here, so that the pages are dirty; and they stay.
        allocator_keep_pages $r
        $r config set lazyfree-lazy-user-del no
        foreach {from to} {0 25000 25000 50000 50000 75000 75000 100000} {
            $r del {*}[lmap i [lrepeat [expr {$to - $from}] x] { set key more:$from; incr from; set key }]
        }
        assert_match "*M were in use * ago, *M are now*MEMORY PURGE*" [finding $r "High peak"]
        if {[allocator_tells $r]} {
            assert_match "*the allocator holds *M and uses pages of *M are dirty*MEMORY PURGE*" [finding $r "Memory not given back"]
            $r memory purge
            wait_for {[finding $r "Memory not given back"] eq ""} ;# figures are some ms old
        }
        $r config resetstat
        wait_for {[finding $r "High peak"] eq ""}
    }
}

test "keys without a time to live that grow" {
    set srv [server_start]
    set r [client $srv]
    set n 0
    wait_for {[$r debug populate [incr n 1000] base 500] eq "OK" && [finding $r "Keys without a time to live grow"] ne ""} 40000 100
    assert_match "*keys never expire, * more than * s ago*EXPIRE*" [finding $r "Keys without a time to live grow"]
}

test "table overhead: tiny keys" {
    set srv [server_start]
    set r [client $srv]
    $r debug populate 1200000 k 1
    assert_match "*finding keys takes *M, the 1200000 keys with their values *M: * bytes a key*hashes*" [finding $r "Much memory for finding keys"]
}

test "allocator fragmentation: most of the values between others are deleted" {
    set srv [server_start]
    set r [client $srv]
    if {![allocator_tells $r]} { skip "this allocator keeps no figures" }
    $r config set activedefrag no
    $r debug populate 400000 key 200
    for {set from 0} {$from < 400000} {incr from 20000} {
        set keys {}
        for {set i $from} {$i < $from + 20000} {incr i} { if {$i % 4} { lappend keys key:$i } }
        $r unlink {*}$keys
    }
    wait_for {[finding $r "Fragmentation"] ne ""}
    assert_match "*pages of *M hold *M of data: *% of them, *M, are gaps*" [finding $r "Fragmentation"]
}

test "a container limit that is near" {
    set group [cgroup::make [expr {1 << 30}]]
    if {$group eq ""} { skip "no control group can be made here" }
    set srv [server_start]
    try {
        set r [client $srv]
        cgroup::set_limit $group [expr {([server_rss_kb $srv] << 10) + (64 << 20)}]
        if {[catch { set f [open $group/cgroup.procs w]; puts $f [server_pid $srv]; close $f }]} { skip "a process cannot be put into a control group here" }
        assert_equal "" [finding $r "Container limit near"]
        set keys 0
        wait_for {[$r debug populate [incr keys 1000] key 1000] eq "OK" && [finding $r "Container limit near"] ne ""} 20000 1
        assert_match "*M of the *M of its control group*maxmemory*" [finding $r "Container limit near"]
    } finally {
        server_stop $srv
        cgroup::remove $group
    }
}
