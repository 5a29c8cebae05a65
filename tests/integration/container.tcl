# A container of 512 MB: full of data of mixed sizes, with deletes, expiry, saves and clients that do not read, and nobody is killed.
# And one of 1.15 times the server's size, in which it saves and rewrites under writes; the same with no more address space than that.
# 25 s here, as what tears the memory of values apart takes that long; TARN_CONTAINER_SECONDS and TARN_CONTAINER_CLIENTS make it long (make long). Skipped where no group can be made.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support cgroup.tcl]

set seconds [expr {[info exists env(TARN_CONTAINER_SECONDS)] ? $env(TARN_CONTAINER_SECONDS) : 25}]
set idlers [expr {[info exists env(TARN_CONTAINER_CLIENTS)] ? $env(TARN_CONTAINER_CLIENTS) : 40}]

proc size_of_value {} {
    set r [expr {rand()}]
    return [expr {$r < 0.9 ? int(64 + rand() * 1000) : $r < 0.99 ? int(rand() * 16384) : int(rand() * 262144)}]
}

set some [string repeat abcdefgh 32768]

proc round {r} {
    set commands {}
    for {set i 0} {$i < 200} {incr i} {
        set key k[expr {int(rand() * 400000)}]
        set value [string range $::some 0 [size_of_value]]
        switch [expr {int(rand() * 10)}] {
            0 - 1 { lappend commands [list del $key] }
            2 - 3 { lappend commands [list set $key $value px [expr {int(1 + rand() * 20000)}]] }
            4 { lappend commands [list get $key] }
            5 { lappend commands [list append $key $value] }
            default { lappend commands [list set $key $value] }
        }
    }
    foreach reply [$r -pipeline $commands] {
        if {[lindex $reply 0] eq "error"} { fail "a command was refused: $reply" }
    }
}

# Clients that ask for a megabyte each and again, and never read. Those that were cut come back.
proc idle_clients {srv} {
    variable idle
    while {[llength $idle] < $::idlers} {
        set s [socket 127.0.0.1 [server_port $srv]]
        fconfigure $s -blocking 0 -translation binary -buffering none
        lappend idle $s
    }
    foreach s $idle {
        if {[catch {puts -nonewline $s [string repeat "GET big\r\n" 4]}]} {
            catch {close $s}
            set idle [lsearch -all -inline -not -exact $idle $s]
        }
    }
}

test "512 MB, everything at once: 0 kills" {
    if {$harness::slow > 1} { skip "a sanitizer needs more" }
    set group [cgroup::make 536870912]
    if {$group eq ""} { skip "no control group can be made here" }
    harness::seed
    puts "  seconds=$seconds clients=$idlers group=$group"
    cgroup::inside $group { set srv [server_start -config {maxmemory auto maxmemory-policy allkeys-lru}] }
    try {
        set r [client $srv]
        assert_equal 536870912 [info_field $r maxmemory_auto_available memory]
        assert_match "*the container has 536870912 bytes*" [server_log $srv]
        $r -timeout 60000
        $r client no-evict on ;# its pipelines are among what clients hold, and it is not what is tested
        $r debug populate 350000 fill 700
        set idle {}
        set begun [clock milliseconds]
        set next_save [expr {$begun + min($seconds * 500, 60000)}]
        set peak 0
        set saves 0
        while {[clock milliseconds] - $begun < $seconds * 1000} {
            for {set i 0} {$i < 10} {incr i} { round $r }
            $r set big [string repeat x 1000000]
            idle_clients $srv
            if {[clock milliseconds] > $next_save} {
                if {![catch {$r bgsave}]} { incr saves }
                set next_save [expr {[clock milliseconds] + min($seconds * 500, 60000)}]
            }
            set peak [expr {max($peak, [server_rss_kb $srv])}]
        }
        foreach s $idle { catch {close $s} }
        wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0} 60000
        puts "  peak RSS $peak kB, [$r dbsize] keys, evicted [info_field $r evicted_keys stats] keys and\
            [info_field $r evicted_clients stats] clients, $saves saves, used [info_field $r used_memory memory]"
        assert_equal 0 [cgroup::kills $group]
        assert_equal PONG [$r ping]
        assert {$saves >= 1}
        assert {[info_field $r evicted_keys stats] > 0}
        assert_equal ok [info_field $r rdb_last_bgsave_status persistence]
        assert {$peak < 524288}
        server_stop $srv
    } finally {
        puts "  oom kills: [cgroup::kills $group]"
        catch {server_kill $srv}
        cgroup::remove $group
    }
}

# ---- saves in what is hardly more than the data ----
set keys 50000

# A server with its data, an append-only file, and a save that takes about a second.
proc full_server {} {
    set srv [server_start -config {appendonly yes appendfsync everysec auto-aof-rewrite-percentage 0 rdb-key-save-delay 4}]
    set r [client $srv]
    $r -timeout 60000
    $r debug populate $::keys k 4000
    set last 0
    wait_for {abs([server_rss_kb $srv] - [set was $last]) < 500 || [set last [server_rss_kb $srv]] < 0} 20000 200
    return $srv
}

# Writes at a moderate rate until the field is 0: pauses of 10 ms between 25 values of 4 KB. Returns how many.
proc write_while {r field} {
    set written 0
    while {[info_field $r $field persistence] != 0 || [info_field $r aof_rewrite_scheduled persistence] != 0} {
        set commands {}
        for {set i 0} {$i < 25} {incr i} {
            lappend commands [list set k:[expr {int(rand() * $::keys)}] [string range $::some 0 4000]]
        }
        foreach reply [$r -pipeline $commands] { assert_equal {status OK} $reply }
        incr written 25
        harness::pause 10
    }
    return $written
}

# A save and a rewrite end well, without a second process; what they wrote is whole.
proc assert_saves {srv} {
    set r [client $srv]
    $r -timeout 60000
    foreach {command field} {bgsave rdb_bgsave_in_progress bgrewriteaof aof_rewrite_in_progress} {
        $r {*}$command
        assert_equal "" [string trim [read_file /proc/[server_pid $srv]/task/[server_pid $srv]/children]]
        set written [write_while $r $field]
        puts "  $command: $written writes meanwhile, RSS [server_rss_kb $srv] kB"
        assert {$written > 0}
    }
    assert_equal {ok ok ok} [lmap field {rdb_last_bgsave_status aof_last_bgrewrite_status aof_last_write_status} {info_field $r $field persistence}]
    assert_equal $::keys [$r dbsize]
    return [$r debug digest]
}

# What is in the files is what was there.
proc assert_saved {srv digest} {
    server_stop $srv
    set srv [server_start -dir [server_dir $srv] -config {appendonly yes}]
    assert_equal $digest [[client $srv] debug digest]
    server_stop $srv
}

test "BGSAVE and BGREWRITEAOF under writes in a container of 1.15 times the resident set" {
    if {$harness::slow > 1} { skip "a sanitizer needs more" }
    set group [cgroup::make 1073741824]
    if {$group eq ""} { skip "no control group can be made here" }
    cgroup::inside $group { set srv [full_server] }
    try {
        set limit [expr {[server_rss_kb $srv] * 1024 * 115 / 100 / 4096 * 4096}]
        assert {[cgroup::set_limit $group $limit]}
        puts "  RSS [server_rss_kb $srv] kB, limit [expr {$limit / 1024}] kB"
        set digest [assert_saves $srv]
        assert_equal 0 [cgroup::kills $group]
        assert_saved $srv $digest
    } finally {
        puts "  oom kills: [cgroup::kills $group]"
        catch {server_kill $srv}
        cgroup::remove $group
    }
}

# vm.overcommit_memory=2 counts what is mapped to be written, and refuses what goes beyond; a fork would count all of it twice.
test "BGSAVE and BGREWRITEAOF under writes with hardly more memory than is mapped" {
    if {$harness::slow > 1} { skip "a sanitizer maps far more than it uses" }
    set srv [full_server]
    regexp {VmData:\s+(\d+) kB} [read_file /proc/[server_pid $srv]/status] -> mapped
    set limit [expr {($mapped + [server_rss_kb $srv] * 15 / 100) * 1024}]
    if {[catch {exec prlimit --pid [server_pid $srv] --data=$limit}]} { skip "no limit can be set here" }
    puts "  mapped $mapped kB, limit [expr {$limit / 1024}] kB"
    assert_saved $srv [assert_saves $srv]
}
