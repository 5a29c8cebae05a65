# Watching a load from outside, and judging what was foretold: at each sample the time that is left, and the percentage.

namespace eval forecast {}

# What the load's thread has waited for a processor that others had, ms; 0 when the kernel does not say.
proc forecast::waited_ms {pid} {
    foreach task [glob -nocomplain /proc/$pid/task/*] {
        if {[catch {string trim [read_file $task/comm]} name] || $name ne "loader"} { continue }
        if {![catch {lindex [read_file $task/schedstat] 1} ns] && [string is entier -strict $ns]} { return [expr {$ns / 1000000}] }
    }
    return 0
}

# Every ~20 ms until the load is over. Returns {samples total_ms waited_ms}; a sample: {at_ms remaining_ms percent phase}.
proc forecast::watch {srv} {
    set r [client $srv]
    $r -timeout 600000
    set samples {}
    set waited 0
    set begun [clock milliseconds]
    while {1} {
        set info [info_dict $r persistence]
        if {![dict get $info loading]} { break }
        lappend samples [list [expr {[clock milliseconds] - $begun}] [dict get $info loading_remaining_ms] \
            [dict get $info loading_loaded_perc] [dict get $info loading_phase]]
        set waited [expr {max($waited, [forecast::waited_ms [server_pid $srv]])}]
        harness::pause 20
    }
    return [list $samples [expr {[clock milliseconds] - $begun}] $waited]
}

# {good falls above worst count}: the part of the samples after the first tenth that were within `share` or `slack_ms`; how often the
# percentage fell; the part of the time it stood above 99; the worst error in ms.
proc forecast::judge {watched {share 0.2} {slack_ms 1000}} {
    lassign $watched samples total
    set good 0
    set count 0
    set falls 0
    set above 0
    set worst 0
    set last 0
    foreach sample $samples {
        lassign $sample at left percent
        if {$percent < $last} { incr falls }
        if {$percent > 99} { incr above }
        set last $percent
        if {$at < $total / 10} { continue }
        incr count
        set error [expr {abs($left - ($total - $at))}]
        if {$error > $worst} { set worst $error }
        if {$error <= $slack_ms || $error <= $share * ($total - $at)} { incr good }
    }
    set all [expr {max(1, [llength $samples])}]
    return [list [expr {$count ? double($good) / $count : 1}] $falls [expr {double($above) / $all}] $worst $count]
}

# Lines of awk to the server, as fast as it takes them.
proc forecast::feed {srv program} {
    exec awk "BEGIN { srand(1); $program }" | [file join [file dirname $::harness::server] tarn-cli] -p [server_port $srv] --pipe
}

# The five kinds of files, n thousand keys or so each; the server that wrote it is gone. Returns the options for server_start.
proc forecast::make {kind n} {
    set config {save {{}} rdbcompression no}
    if {$kind eq "compressible"} { dict set config rdbcompression yes }
    if {$kind eq "base and tail"} { dict set config appendonly yes; dict set config auto-aof-rewrite-percentage 0 }
    set srv [server_start -config $config]
    set r [client $srv]
    $r -timeout 600000
    forecast::fill $kind $n $srv $r
    if {$kind ne "base and tail"} { $r save }
    set dir [server_dir $srv]
    server_stop $srv
    return [list -dir $dir -config $config]
}

proc forecast::fill {kind n srv r} {
    switch $kind {
        uniform { $r debug populate [expr {$n * 1000}] key 40 }
        "heavy end" {
            # Nine tenths of the bytes are long strings, in a database of their own.
            forecast::feed $srv "x = \"abcdefghij\"; while (length(x) < 10000) x = x x; for (i = 0; i < $n * 30; i++) print \"SET long:\" i \" \" i x"
            $r select 1
            $r debug populate [expr {$n * 500}] key 20
            forecast::feed $srv "print \"SELECT 1\"; for (i = 0; i < $n * 20; i++) { printf \"HSET h:%d\", i; for (j = 0; j < 10; j++) printf \" f%d %d\", j, rand() * 1e6; print \"\" }"
        }
        compressible {
            forecast::feed $srv "x = \"abcdefghij\"; while (length(x) < 4000) x = x x; for (i = 0; i < $n * 50; i++) print \"SET c:\" i \" \" substr(x, 1, 100 + rand() * 3900)"
            $r debug populate [expr {$n * 300}] key 40
        }
        "giant zset" {
            # In the order of their scores: so it is sooner made, and in the file they are in that order anyway.
            forecast::feed $srv "for (i = 0; i < $n * 10; i++) { printf \"ZADD z\"; for (j = 0; j < 100; j++) printf \" %d m:%d\", i * 1000 + j * 10, rand() * 1e9 * 4; print \"\" }"
        }
        "base and tail" {
            $r debug populate [expr {$n * 500}] key 40
            $r bgrewriteaof
            wait_for {[info_field $r aof_rewrite_in_progress] == 0 && [info_field $r aof_rewrite_scheduled] == 0} 600000
            forecast::feed $srv "for (i = 0; i < $n * 800; i++) { k = int(rand() * 1e7); print (i % 4 ? \"SET t:\" k \" value:\" i : \"HSET u:\" int(k / 20) \" f\" i % 20 \" \" i) }"
        }
    }
}
