# Hit ratios beside redis-server: the same trace to both, each made to keep the same number of keys. TARN_QUALITY_STEPS makes it longer (make long).
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support limit.tcl]

set steps [expr {[info exists env(TARN_QUALITY_STEPS)] ? $env(TARN_QUALITY_STEPS) : 20000}]
set seed [harness::seed]
set universe 30000
set kept 3000
set batch 50
set value [string repeat v 100]

# Zipf with exponent 1, nearly: each octave of ranks is as likely as every other. scanned: every second stretch of 1500 steps goes
# over keys that do not come again.
proc next_key {trace step} {
    variable scan
    if {$trace eq "scanned" && $step % 3000 >= 1500} { return "scan:[incr scan]" }
    set octave [expr {int(rand() * 15)}]
    set rank [expr {int((1 << $octave) * (1 + rand()))}]
    return "key:[expr {$rank % $::universe}]"
}

# A full cache of so many keys, under this policy.
proc prepare {r policy} {
    $r config set maxmemory 0 maxmemory-policy $policy
    $r flushall sync
    for {set i 0} {$i < $::kept} {incr i $::batch} {
        set sets {}
        for {set k $i} {$k < $i + $::batch} {incr k} { lappend sets [list set key:[expr {$k * 7 % $::universe}] $::value] }
        $r -pipeline $sets
    }
    $r config set maxmemory [counted $r]
}

# More or less memory until it keeps as many keys as it shall: what clients need counts for one and not for the other.
proc adjust {r} {
    set keys [$r dbsize]
    set limit [lindex [$r config get maxmemory] 1]
    if {abs($keys - $::kept) * 100 > $::kept} { $r config set maxmemory [expr {$limit + ($::kept - $keys) * 130}] }
    return $keys
}

# One batch: asks, and stores what was not there. Returns the hits among keys that come again.
proc ask {r keys} {
    set hits 0
    set sets {}
    foreach reply [$r -pipeline [lmap k $keys {list get $k}]] key $keys {
        if {[lindex $reply 0] eq "null"} {
            lappend sets [list set $key $::value]
        } elseif {[string match key:* $key]} {
            incr hits
        }
    }
    if {[llength $sets]} { $r -pipeline $sets }
    return $hits
}

# Hit ratios of both in percent, from the second quarter of the trace on.
proc ratios {ours theirs policy trace seed} {
    variable scan 0
    expr {srand($seed)}
    set sum {0 0}
    set kept_sum {0 0}
    set asked 0
    foreach r [list $ours $theirs] { prepare $r $policy }
    for {set step 0} {$step < $::steps} {incr step $::batch} {
        set keys {}
        for {set i 0} {$i < $::batch} {incr i} { lappend keys [next_key $trace [expr {$step + $i}]] }
        set counts [expr {$step * 4 > $::steps}]
        set results {}
        foreach r [list $ours $theirs] total $sum {
            set hits [ask $r $keys]
            lappend results [expr {$total + ($counts ? $hits : 0)}]
        }
        set sum $results
        if {$counts} { incr asked [llength [lsearch -all $keys key:*]] }
        if {$step % 1000 == 0} {
            set kept_sum [lmap r [list $ours $theirs] k $kept_sum { expr {[adjust $r] + $k} }]
        }
    }
    set samples [expr {($::steps + 999) / 1000}]
    foreach total $sum keys $kept_sum name {tarn redis} {
        lappend result [expr {100.0 * $total / $asked}]
        puts [format "  %s %s: %s hits %.2f %%, %d keys" $policy $trace $name [lindex $result end] [expr {$keys / $samples}]]
    }
    return $result
}

test "hit ratios are redis-server's or better, but for a point of chance" {
    set oracle [oracle_start]
    set srv [server_start]
    set ours [client $srv]
    set theirs [client $oracle]
    # Both count by seconds, of which a trace has few, and where they fall is chance: up to four traces count together.
    foreach {policy trace} {allkeys-lru zipf allkeys-lru scanned allkeys-lfu zipf allkeys-lfu scanned} {
        lassign {0 0} tarn_sum redis_sum
        for {set try 1} {$try <= 4} {incr try} {
            lassign [ratios $ours $theirs $policy $trace [expr {$seed + $try}]] tarn redis
            set tarn_sum [expr {$tarn_sum + $tarn}]
            set redis_sum [expr {$redis_sum + $redis}]
            if {$tarn_sum >= $redis_sum - $try} { break }
        }
        assert {$try <= 4} "$policy $trace: [expr {$tarn_sum / 4}] against [expr {$redis_sum / 4}]"
    }
}
