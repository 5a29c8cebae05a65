# maxmemory: what goes under each policy, who is told, what is refused, and what must not go.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support limit.tcl]

set value [string repeat v 1000]

# Sets keys prefix0 ... of value, all in one write, and returns the replies. extra: words behind the value.
proc fill {r prefix count args} {
    set commands {}
    for {set i 0} {$i < $count} {incr i} { lappend commands [list set $prefix$i $::value {*}$args] }
    return [$r -pipeline $commands]
}

proc refused {replies} { return [llength [lsearch -all -glob $replies "error {OOM *}"]] }

# An empty server without a limit.
proc fresh {r policy} {
    $r config set maxmemory 0 maxmemory-policy $policy
    $r flushall
    wait_for {[info_field $r lazyfree_pending_objects memory] == 0}
    $r config resetstat
}

proc limit_over_now {r bytes} {
    wait_for {[info_field $r lazyfree_pending_objects memory] == 0}
    set limit [expr {[counted $r] + $bytes}]
    $r config set maxmemory $limit
    return $limit
}

with_server srv {} {
    set r [client $srv]

    test "noeviction: what may use memory is refused, and nothing else" {
        limit_over_now $r 100000
        assert {[refused [fill $r k 500]] > 300}
        assert_error "OOM command not allowed when used memory > 'maxmemory'." {$r set other 1}
        assert_error "OOM command not allowed when used memory > 'maxmemory'." {$r lpush l 1}
        assert_equal $value [$r get k0]
        assert_equal 1 [$r del k0]
        assert_equal 1 [$r expire k1 1000]
        $r config set maxmemory 1mb
        assert_equal 0 [info_field $r evicted_keys stats]
        $r config set maxmemory 0
        assert_equal OK [$r set other 1]
    }

    test "noeviction: EXEC is refused for a queued write, not for reads; queueing is refused too" {
        $r config set maxmemory 0
        $r multi
        $r set a 1
        set other [client $srv]
        $other config set maxmemory 1
        assert_error "EXECABORT Transaction discarded because of: OOM *" {$r exec}
        $other config set maxmemory 0
        $r multi
        $r get other
        $other config set maxmemory 1
        assert_equal 1 [$r exec]
        $r multi
        assert_error "OOM *" {$r set a 1}
        $r discard
        $other config set maxmemory 0
    }

    foreach policy {allkeys-lru allkeys-lfu allkeys-random allkeys-lrm} {
        test "$policy keeps below the limit and refuses nothing" {
            fresh $r $policy
            set limit [limit_over_now $r 500000]
            assert_equal 0 [refused [fill $r k 3000]]
            wait_for {[counted $r] <= $limit}
            assert_range [info_field $r evicted_keys stats] 2000 2990
            # Between the two answers a few more may go: what is asked takes memory too.
            assert_range [expr {[$r dbsize] + [info_field $r evicted_keys stats]}] 3000 3030
            $r config set maxmemory 0
        }
    }

    foreach policy {volatile-lru volatile-lfu volatile-random volatile-ttl volatile-lrm} {
        test "$policy takes what has a TTL, and when that is gone refuses" {
            fresh $r $policy
            fill $r keep 300
            set limit [limit_over_now $r 300000]
            assert_equal 0 [refused [fill $r timed 1000 ex 1000]]
            assert {[refused [fill $r more 500]] > 0}
            assert_equal 0 [llength [$r keys timed*]]
            assert_equal 300 [llength [$r keys keep*]]
            $r config set maxmemory 0
        }
    }

    # So many samples that chance has no part in it: with few, one look in a hundred finds only keys that should stay.
    $r config set maxmemory-samples 64

    test "volatile-ttl takes those first that would end first" {
        fresh $r volatile-ttl
        fill $r soon 500 ex 1000
        fill $r late 500 ex 100000
        limit_over_now $r -300000
        wait_for {[info_field $r current_eviction_exceeded_time stats] == 0}
        assert_equal 500 [llength [$r keys late*]]
        assert_range [llength [$r keys soon*]] 100 450
        $r config set maxmemory 0
    }

    test "allkeys-lru keeps what is in use" {
        fresh $r allkeys-lru
        fill $r cold 500
        for {set i 0} {$i < 500} {incr i} { $r set hot$i $value }
        wait_for {[$r object idletime cold499] >= 1}
        for {set i 0} {$i < 500} {incr i} { $r get hot$i }
        limit_over_now $r -350000
        wait_for {[info_field $r current_eviction_exceeded_time stats] == 0}
        assert_equal 500 [llength [$r keys hot*]]
        assert_range [llength [$r keys cold*]] 50 400
        $r config set maxmemory 0
    }
    $r config set maxmemory-samples 5

    test "a lower limit is reached without a command, in slices" {
        fresh $r allkeys-random
        $r config set maxmemory-eviction-tenacity 0
        for {set i 0} {$i < 10} {incr i} { fill $r $i-k 2000 }
        set limit [limit_over_now $r -10000000]
        wait_for {[counted $r] <= $limit}
        assert_range [$r dbsize] 5000 15000
        assert {[info_field $r total_eviction_exceeded_time stats] > 0}
        $r config set maxmemory 0 maxmemory-eviction-tenacity 10
    }

    test "who listens, watches or caches is told" {
        fresh $r allkeys-random
        $r config set notify-keyspace-events Ee
        set listener [client $srv]
        $listener subscribe __keyevent@0__:evicted
        set watcher [client $srv]
        set cacher [client $srv]
        $cacher hello 3
        $cacher client tracking on
        fill $r k 50
        $watcher watch k7
        $cacher get k7
        $r config set maxmemory 1
        wait_for {[$r dbsize] == 0}
        set seen {}
        for {set i 0} {$i < 50} {incr i} { lappend seen [lindex [$listener -read] 2] }
        assert_equal 50 [llength [lsort -unique $seen]]
        assert {"k7" in $seen}
        assert_match "*invalidate*k7*" [$cacher -push]
        $r config set maxmemory 0
        $watcher multi
        $watcher ping
        assert_equal (nil) [$watcher exec]
        $r config set notify-keyspace-events ""
    }

    test "a big value that is freed aside is awaited: no more goes than must" {
        fresh $r allkeys-random
        set big [string repeat x 4000000]
        for {set i 0} {$i < 8} {incr i} { $r set big$i $big }
        limit_over_now $r 100000
        # One goes for each that comes.
        for {set i 0} {$i < 10} {incr i} { assert_equal OK [$r set more$i $big] }
        assert_range [info_field $r evicted_keys stats] 9 12
        # A dataset that is being dropped is no reason to take anything out of the new one.
        $r config set maxmemory 0
        for {set i 0} {$i < 20} {incr i} { fill $r $i-f 2000 }
        $r config resetstat
        limit_over_now $r 100000
        $r flushall async
        assert_equal 0 [refused [fill $r new 1000]]
        assert_equal 0 [info_field $r evicted_keys stats]
        assert_equal 1000 [$r dbsize]
        $r config set maxmemory 0
    }

    test "a full server during a save: one goes for each that comes, not everything" {
        fresh $r allkeys-lru
        for {set i 0} {$i < 3} {incr i} { fill $r $i-k 2000 }
        limit_over_now $r 100000
        $r config resetstat
        $r config set rdb-key-save-delay 20000
        $r bgsave
        assert_equal 0 [refused [fill $r new 2000]]
        assert_equal 1 [info_field $r rdb_bgsave_in_progress persistence]
        assert_range [info_field $r evicted_keys stats] 1700 2600
        assert {[info_field $r used_memory_owner_limbo memory] > 1000000}
        $r config set rdb-key-save-delay 0 maxmemory 0
        wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0}
        assert_equal ok [info_field $r rdb_last_bgsave_status persistence]
    }
}

test "what was evicted is gone from the append-only file too" {
    set srv [server_start -config {appendonly yes maxmemory-policy allkeys-lru}]
    set r [client $srv]
    limit_over_now $r 500000
    assert_equal 0 [refused [fill $r k 2000]]
    wait_for {[info_field $r current_eviction_exceeded_time stats] == 0}
    $r config set maxmemory 0
    set digest [$r debug digest]
    set keys [$r dbsize]
    assert_range $keys 100 1000
    server_kill $srv
    server_restart $srv -config {appendonly yes maxmemory 0}
    set r [client $srv]
    assert_equal $keys [$r dbsize]
    assert_equal $digest [$r debug digest]
}

test "a dataset beyond the limit is loaded whole, and then brought below it" {
    set srv [server_start]
    set r [client $srv]
    for {set i 0} {$i < 5} {incr i} { fill $r $i-k 2000 }
    $r save
    server_restart $srv -config {maxmemory 5mb maxmemory-policy allkeys-lru}
    set r [client $srv]
    assert_equal 10000 [info_field $r rdb_last_load_keys_loaded persistence]
    wait_for {[counted $r] <= 5 * 1024 * 1024}
    assert_range [$r dbsize] 2000 6000
}

test "a change between LRU and LFU: keys in use before stay sound" {
    set srv [server_start -config {maxmemory-policy allkeys-lfu}]
    set r [client $srv]
    fill $r k 100
    for {set i 0} {$i < 50} {incr i} { $r get k1 }
    assert_range [$r object freq k1] 6 60
    $r config set maxmemory-policy allkeys-lru
    assert_range [$r object idletime k2] 0 100
    $r config set maxmemory-policy volatile-lfu
    assert_range [$r object freq k2] 0 6
    $r config set maxmemory-policy allkeys-lru
    set limit [limit_over_now $r 20000]
    assert_equal 0 [refused [fill $r more 500]]
    wait_for {[counted $r] <= $limit}
}
