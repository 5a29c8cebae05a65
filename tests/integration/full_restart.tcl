# A server that was full, under writes, and was killed comes back: with every policy, from an RDB file and from an append-only file.
# A few times here; a hundred times with TARN_LONG=1.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support limit.tcl]

set seed [harness::seed]
set times [expr {[info exists env(TARN_LONG)] ? 100 : 2}]
set limit [expr {4 << 20}]

# Each value says which write it was: key, number, filling.
proc value {key n} { return "$key $n [string repeat . [expr {200 + ($n * 37) % 1500}]]" }

# Some hundred writes; acknowledged ones are noted in `last`. Returns how many were refused for want of memory.
proc write_some {r} {
    upvar #0 last last written written
    set commands {}
    set meant {}
    for {set i 0} {$i < 400} {incr i} {
        set key k[expr {int(rand() * 4000)}]
        incr written
        lappend meant $key $written
        set command [list set $key [value $key $written]]
        if {$written % 2} { lappend command ex 100000 }
        lappend commands $command
    }
    set refused 0
    foreach reply [$r -pipeline $commands] {key n} $meant {
        if {[lindex $reply 0] eq "error"} { incr refused } else { dict set last $key $n }
    }
    return $refused
}

proc fill_up {r} {
    for {set i 0} {$i < 100} {incr i} {
        if {[write_some $r] > 0 || [info_field $r evicted_keys stats] > 100} { return }
    }
    fail "never full"
}

# No key has a value that is older than the last one acknowledged (of an RDB file: than the last one saved), or of another key.
proc assert_values {r known} {
    set keys [$r keys *]
    foreach key $keys reply [$r -pipeline [lmap key $keys {list get $key}]] {
        if {[lindex $reply 0] eq "null"} { continue } ;# it went meanwhile
        set n [lindex [lindex $reply 1] 1]
        if {[lindex $reply 1] ne [value $key $n]} { fail "$key is broken: [string range $reply 0 60]" }
        if {![dict exists $known $key] || [dict get $known $key] != $n} { fail "$key has write $n, not the last one acknowledged" }
    }
    return [llength $keys]
}

foreach policy {noeviction allkeys-lru allkeys-lfu allkeys-random volatile-lru volatile-lfu volatile-random volatile-ttl} {
    foreach aof {no yes} {
        test "$policy, appendonly $aof: full, killed under writes, and back" {
            expr {srand($seed)}
            set last [dict create]
            set written 0
            set srv [server_start -config [list maxmemory $limit maxmemory-policy $policy appendonly $aof]]
            for {set i 0} {$i < $times} {incr i} {
                set r [client $srv]
                fill_up $r
                if {!$aof} { $r save }
                set known $last
                set keys [$r dbsize]
                $r -send set unanswered [string repeat u 100]
                server_kill $srv
                server_restart $srv
                set r [client $srv]
                $r del unanswered
                set back [assert_values $r $known]
                assert_range $back [expr {$keys / 2}] [expr {$keys + 200}] ;# some went between the save and the count
                wait_for {[counted $r] <= $limit + $limit / 50}
                set last $known
            }
            server_stop $srv
        }
    }
}
