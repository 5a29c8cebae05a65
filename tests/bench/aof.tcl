# The row aof: loading an append-only file of 5 M SETs of "key:N" with 32-byte values, on two cores. Sourced by bench.tcl.
# redis-server writes the folder once, as one increment behind an empty base; both load a copy of it. The same with INFO asked meanwhile:
# one command of 512 MB, and one MULTI of a million.

# What `script`, a shell command that feeds the server at port $P, has left of n keys.
proc aof_folder {name n script} {
    set dir [file join $::work "aof-$name"]
    if {[file exists [file join $dir done]]} { return $dir }
    puts "making an append-only file ($name) ..."
    file delete -force $dir
    file mkdir $dir
    set srv [start redis -dir $dir -config {appendonly yes appendfsync no auto-aof-rewrite-percentage 0}]
    exec sh -c "P=[server_port $srv]; $script >/dev/null"
    set keys [[client $srv] dbsize]
    server_stop $srv
    if {$keys != $n} { error "the append-only file would make $keys keys, not $n" }
    close [open [file join $dir done] w]
    return $dir
}

proc aof_sets {n} { return "awk 'BEGIN { for (i = 0; i < $n; i++) printf \"SET key:%d %032d\\r\\n\", i, i * 7919 }'" }
proc aof_copy {args} {
    set dir [harness::temp_dir]
    file copy -force [file join [aof_folder {*}$args] appendonlydir] $dir
    return $dir
}

proc measure_aof_info {what args} {
    set dir [aof_copy {*}$args]
    set srv [start tarn -dir $dir -config {appendonly yes auto-aof-rewrite-percentage 0} -wait none]
    lassign [lindex [probe_lines [exec {*}[probe_args $srv -interval-us 500 -seconds 300 -until "\nloading:0" INFO]]] 0] command count p999 max
    note tarn "aof $what p999" [expr {$p999 / 1000.0}]
    note tarn "aof $what max" [expr {$max / 1000.0}]
    server_discard $srv
    file delete -force $dir
}

proc measure_aof {who} {
    set dir [aof_copy $::many $::many "[aof_sets $::many] | redis-cli -p \$P --pipe"]
    set started [clock microseconds]
    set srv [start $who -dir $dir -config {appendonly yes auto-aof-rewrite-percentage 0}]
    note $who "aof" [expr {([clock microseconds] - $started) / 1e6}]
    note $who "aof cpu" [expr {[cpu_s $srv] * 1e9 / $::many}]
    set keys [[client $srv] dbsize]
    if {$keys != $::many} { error "$who loaded $keys keys, not $::many" }
    server_discard $srv
    file delete -force $dir
    if {$who ne "tarn"} { return }
    measure_aof_info long long 1 {head -c 536870912 /dev/zero | redis-cli -p $P -x set long}
    measure_aof_info multi multi 1000000 "{ echo MULTI; [aof_sets 1000000]; echo EXEC; } | redis-cli -p \$P --pipe"
}

proc report_aof {} {
    line "an append-only file of $::many SETs, load" s aof %.2f {ratio 0.30}
    line "an append-only file, CPU a command" ns "aof cpu" %.0f
    foreach {what text} {long "a command of 512 MB" multi "a MULTI of a million"} {
        line "INFO while $text loads, 99.9 %" ms "aof $what p999" %.2f {max 10}
        line "INFO while $text loads, worst" ms "aof $what max" %.2f {max 50}
    }
}
