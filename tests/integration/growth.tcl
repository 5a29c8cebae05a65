# Small keys while the table grows: no step of used_memory, and no command that pays for all. Here so many keys at a time, so that
# each look sees the same on any machine; with TARN_GROWTH_KEYS (make long) at full speed from redis-benchmark, and then the slowest
# command counts as well, which on a machine that does other things says nothing.
source [file join [file dirname [info script]] harness harness.tcl]

set long [info exists env(TARN_GROWTH_KEYS)]
set keys [expr {$long ? $env(TARN_GROWTH_KEYS) : 1000000}]

# Makes some more keys; false when they are all there.
proc grow_by_steps {r} {
    if {[$r dbsize] >= $::keys} { return 0 }
    $r debug populate 2500 step[incr ::step] 3
    return 1
}
proc grow_by_benchmark {r} {
    read $::bench ;# its progress
    harness::pause 5
    return [expr {![eof $::bench]}]
}

# What the keys since the last look have brought, at the mean of a key, is no step; and a look that comes when the keys are a hundredth
# more shows none. Below 30 MB what has a fixed size (the places of the biggest keys) is a hundredth by itself.
proc look {r} {
    global last_used last_keys worst where samples
    set info [$r info memory keyspace]
    set used 0
    set now_keys 0
    regexp {used_memory:(\d+)} $info -> used
    regexp {mem_not_counted_for_evict:(\d+)} $info -> clients
    incr used -$clients ;# 50 clients' buffers come and go
    regexp {db0:keys=(\d+)} $info -> now_keys
    if {$last_used > 30e6 && ($now_keys - $last_keys) * 100 < $now_keys} {
        set step [expr {100.0 * ($used - $last_used - ($now_keys - $last_keys) * double($used) / $now_keys) / $used}]
        if {$step > $worst} {
            set worst $step
            set where "$last_keys to $now_keys keys, $last_used to $used bytes"
        }
        incr samples
    }
    set last_used $used
    set last_keys $now_keys
}

test "no step of used_memory while a table grows" {
    if {$long && [auto_execok redis-benchmark] eq ""} { skip "no redis-benchmark" }
    set srv [server_start -config {slowlog-log-slower-than 2000 slowlog-max-len 10000}]
    set r [client $srv]
    lassign {0 0 0 "" 0 0} last_used last_keys worst where samples step
    set grow [expr {$long ? "grow_by_benchmark" : "grow_by_steps"}]
    if {$long} {
        set bench [open "|redis-benchmark -p [server_port $srv] -t set -n $keys -r 1000000000 -d 3 -P 32 -q 2>@1" r]
        fconfigure $bench -blocking 0
    }
    set begun [clock milliseconds]
    while {[$grow $r]} { look $r }
    if {$long} { catch {close $bench} }
    set seconds [expr {([clock milliseconds] - $begun) / 1000.0}]
    set slow [$r slowlog get -1]
    set slowest 0
    foreach entry $slow { set slowest [expr {max($slowest, [lindex $entry 2])}] }
    puts [format "  %d keys in %.1f s, largest step %.2f %% of %d samples, commands above 2 ms: %d, slowest %d us, longest turn %s us" \
        [$r dbsize] $seconds $worst $samples [llength $slow] $slowest [info_field $r eventloop_duration_max debug]]
    assert {$samples > 50}
    assert {$worst <= 1.0} "($where)"
    if {$long} { assert_equal 0 [llength $slow] }
}
