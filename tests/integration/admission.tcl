# A file that cannot fit under maxmemory is refused soon and with figures; one that fits, or was the server's own, never is.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support forecast.tcl]

set big [forecast::make uniform 900]
dict set big -config maxmemory 20mb

test "a file that cannot fit is refused, and says what it needs and what there is" {
    dict set ::big -config key-load-delay 50
    set begun [clock milliseconds]
    set srv [server_start {*}$::big -wait exit]
    assert_range [expr {[clock milliseconds] - $begun}] 0 [expr {2000 * $harness::slow}]
    assert_equal 1 [server_wait_exit $srv]
    assert_regexp {dump.rdb: does not fit: it needs at least \d+ bytes, and maxmemory leaves 20971520} [server_log $srv]
    dict set ::big -config key-load-delay 0
}

test "load-oversize try, a policy that evicts, and no limit take it" {
    foreach {name value keys} {load-oversize try 900000 maxmemory 0 900000 maxmemory-policy allkeys-random 0} {
        set options $::big
        dict set options -config $name $value
        set srv [server_start {*}$options]
        set r [client $srv]
        if {$keys} {
            assert_equal $keys [$r dbsize]
        } else {
            # The rest goes between the turns.
            wait_for {[info_field $r used_memory memory] < 24 * 1048576} 30000
            assert_range [$r dbsize] 1000 899999
        }
        server_stop $srv
    }
}

test "a server that was full and was killed comes back" {
    set srv [server_start -config {maxmemory 30mb maxmemory-policy noeviction}]
    for {set i 0} {$i < ([info exists ::env(TARN_LONG)] ? 100 : 2)} {incr i} {
        set r [client $srv]
        set size [expr {int(10 * 8 ** ($i % 3) * (1 + rand()))}]
        for {set n 0} {1} {incr n} {
            set reply [$r -typed debug populate 2000 full:$i:$n: $size]
            if {[lindex [$r -typed set probe x] 0] eq "error"} { break }
            if {$n > 5000} { fail "never full: $reply" }
        }
        $r save
        set keys [$r dbsize]
        server_kill $srv
        server_restart $srv
        assert_equal $keys [[client $srv] dbsize]
        [client $srv] flushall
    }
}
