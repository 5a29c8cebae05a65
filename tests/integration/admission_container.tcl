# Loading in a container: a file of twice its memory is loaded within it where keys may go, and refused where none may.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support cgroup.tcl]

set container [expr {128 << 20}]

if {$harness::slow == 1} {
    set srv [server_start]
    [client $srv] debug populate 230000 key 1100
    [client $srv] save
    set dir [server_dir $srv]
    server_stop $srv
}

proc group_or_skip {} {
    if {$harness::slow > 1} { skip "a sanitizer needs more" }
    set group [cgroup::make $::container]
    if {$group eq ""} { skip "no control group can be made here" }
    return $group
}

test "a file of twice the container's memory loads within it with maxmemory auto: 0 kills" {
    set group [group_or_skip]
    try {
        assert {[file size $dir/dump.rdb] < 10 * $container}
        cgroup::inside $group { set srv [server_start -dir $dir -config {maxmemory auto maxmemory-policy allkeys-lru}] }
        set r [client $srv]
        assert_equal $container [info_field $r maxmemory_auto_available memory]
        puts "  [$r dbsize] of 230000 keys stay, RSS [server_rss_kb $srv] kB, used [info_field $r used_memory memory]"
        assert_range [$r dbsize] 10000 150000
        assert {[info_field $r used_memory_peak memory] < $container}
        assert_equal 0 [cgroup::kills $group]
        server_stop $srv
    } finally {
        catch {server_kill $srv}
        cgroup::remove $group
    }
}

test "without maxmemory it is refused, with what it needs and what the container leaves" {
    set group [group_or_skip]
    try {
        cgroup::inside $group { set srv [server_start -dir $dir -wait exit] }
        assert_equal 1 [server_wait_exit $srv]
        assert_regexp {dump.rdb: does not fit: it needs at least \d+ bytes, and the container leaves \d+\. } [server_log $srv]
        assert_equal 0 [cgroup::kills $group]
    } finally { cgroup::remove $group }
}
