# A file that cannot fit under maxmemory is refused soon and with figures; one that fits, or was the server's own, never is.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support forecast.tcl]
source [file join [file dirname [info script]] support limit.tcl]

set big [forecast::make uniform 900]
dict set big -config maxmemory 20mb

test "a file that cannot fit is refused, and says what it needs and what there is" {
    dict set ::big -config key-load-delay 50
    assert_once {$took <= 2000 * $harness::slow} {
        set begun [clock milliseconds]
        set srv [server_start {*}$::big -wait exit]
        set took [expr {[clock milliseconds] - $begun}]
        assert_equal 1 [server_wait_exit $srv]
        assert_regexp {dump.rdb: does not fit: it needs at least \d+ bytes, and maxmemory leaves 20971520} [server_log $srv]
    } 3
    dict set ::big -config key-load-delay 0
}

test "load-oversize try and no limit take it" {
    foreach {name value} {load-oversize try maxmemory 0} {
        set options $::big
        dict set options -config $name $value
        set srv [server_start {*}$options]
        assert_equal 900000 [[client $srv] dbsize]
        server_stop $srv
    }
}

# The highest use of memory since the start, as it is sampled ten times a second: with the buffers of the load.
proc assert_within {r limit} {
    assert_within_now $r $limit
    assert_range [info_field $r used_memory_peak memory] 1 [expr {$limit + (24 << 20)}]
}
proc assert_within_now {r limit} {
    assert_range [info_field $r used_memory memory] 1 [expr {$limit + (6 << 20)}]
    assert_range [counted $r] 1 [expr {$limit + (64 << 10)}] ;# what the asking itself takes
}

test "with a policy that evicts, a file of many times the limit is loaded within it, and it is told what went" {
    foreach policy {allkeys-random allkeys-lru allkeys-lfu} {
        set options $::big
        dict set options -config maxmemory-policy $policy
        set srv [server_start {*}$options]
        set r [client $srv]
        assert_within $r [expr {20 << 20}]
        set keys [$r dbsize]
        assert_range $keys 50000 400000
        set evicted [info_field $r load_evicted_keys persistence]
        assert_range [expr {900000 - $keys - $evicted}] 0 5000 ;# for what clients make the server hold
        assert_equal [expr {900000 - [$r dbsize]}] [info_field $r evicted_keys stats]
        assert_regexp "hold more than maxmemory: $evicted keys of \\d+ bytes went by maxmemory-policy" [server_log $srv]
        server_stop $srv
    }
}

test "what the file says of use and of time decides who stays" {
    set srv [server_start -config {maxmemory 0 maxmemory-policy allkeys-lru}]
    set r [client $srv]
    $r debug populate 20000 cold 1000
    $r debug populate 2000 warm 1000
    set payload [$r dump cold:1]
    set requests {}
    for {set i 0} {$i < 20000} {incr i} { lappend requests [list restore cold:$i 0 $payload replace idletime 100000] }
    $r -pipeline $requests
    $r save
    set dir [server_dir $srv]
    server_stop $srv
    set srv [server_start -dir $dir -config {maxmemory 16mb maxmemory-policy allkeys-lru maxmemory-samples 10}]
    set r [client $srv]
    set warm [llength [$r keys warm:*]]
    assert_range [llength [$r keys cold:*]] 1000 15000
    assert_range $warm 1900 2000
    server_stop $srv
}

test "volatile-*: only keys with a TTL go, and without enough of them it is as with noeviction" {
    foreach {lasting policy} {1000 volatile-lru 1000 volatile-ttl 1000 volatile-random 30000 volatile-lru} {
        set srv [server_start -config {maxmemory 0}]
        set r [client $srv]
        $r debug populate $lasting lasting 2000
        set value [string repeat x 2000]
        set requests {}
        for {set i 0} {$i < 20000} {incr i} { lappend requests [list set volatile:$i $value ex [expr {1000 + $i}]] }
        $r -pipeline $requests
        $r save
        set dir [server_dir $srv]
        server_stop $srv
        set config [list maxmemory 20mb maxmemory-policy $policy]
        if {$lasting > 10000} {
            set srv [server_start -dir $dir -config $config -wait exit]
            assert_equal 1 [server_wait_exit $srv]
            assert_regexp {does not fit: it needs at least \d+ bytes, and maxmemory leaves 20971520: maxmemory-policy lets only} \
                [server_log $srv]
            lappend config load-oversize try
            set srv [server_start -dir $dir -config $config]
            set r [client $srv]
            assert_equal $lasting [llength [$r keys lasting:*]]
        } else {
            set srv [server_start -dir $dir -config $config]
            set r [client $srv]
            assert_within $r [expr {20 << 20}]
            assert_equal $lasting [llength [$r keys lasting:*]]
            assert_range [$r dbsize] 4000 10000
            if {$policy eq "volatile-ttl"} { assert_equal [$r keys volatile:19999] volatile:19999 }
        }
        server_stop $srv
    }
}

test "a limit that is lowered while a file is loaded holds for the rest of it" {
    set options $::big
    dict set options -config maxmemory 0
    dict set options -config maxmemory-policy allkeys-lru
    dict set options -config key-load-delay -200
    set srv [server_start {*}$options -wait listening]
    set r [client $srv]
    wait_for {[info_field $r loading_loaded_keys persistence] > 1000}
    $r config set maxmemory 20mb
    $r config set key-load-delay 0
    wait_for {![info_field $r loading persistence]} 60000
    assert_within_now $r [expr {20 << 20}] ;# the peak may have been before
    assert_range [info_field $r load_evicted_keys persistence] 500000 890000
    server_stop $srv
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
