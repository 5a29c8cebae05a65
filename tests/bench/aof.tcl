# The row aof: loading an append-only file of 5 M SETs of "key:N" with 32-byte values, on two cores. Sourced by bench.tcl.
# redis-server writes the folder once, as one increment behind an empty base; both load a copy of it.

proc aof_folder {n} {
    set dir [file join $::work "aof-$n"]
    if {[file exists [file join $dir done]]} { return $dir }
    puts "making an append-only file of $n SETs ..."
    file delete -force $dir
    file mkdir $dir
    set srv [start redis -dir $dir -config {appendonly yes appendfsync no auto-aof-rewrite-percentage 0}]
    exec awk "BEGIN { for (i = 0; i < $n; i++) printf \"SET key:%d %032d\\r\\n\", i, i * 7919 }" | redis-cli -p [server_port $srv] --pipe >/dev/null
    set keys [[client $srv] dbsize]
    server_stop $srv
    if {$keys != $n} { error "the append-only file would make $keys keys, not $n" }
    close [open [file join $dir done] w]
    return $dir
}

proc measure_aof {who} {
    set dir [harness::temp_dir]
    file copy -force [file join [aof_folder $::many] appendonlydir] $dir
    set started [clock microseconds]
    set srv [start $who -dir $dir -config {appendonly yes auto-aof-rewrite-percentage 0}]
    note $who "aof" [expr {([clock microseconds] - $started) / 1e6}]
    note $who "aof cpu" [expr {[cpu_s $srv] * 1e9 / $::many}]
    set keys [[client $srv] dbsize]
    if {$keys != $::many} { error "$who loaded $keys keys, not $::many" }
    server_discard $srv
    file delete -force $dir
}

proc report_aof {} {
    line "an append-only file of $::many SETs, load" s aof %.2f {ratio 0.30}
    line "an append-only file, CPU a command" ns "aof cpu" %.0f
}
