#!/usr/bin/env tclsh
# make bench: tarn-server against Debian's redis-server on this machine, one after the other, several rounds, medians.
#
#   tclsh tests/bench/bench.tcl [-server path] [-oracle path] [-only row,row] [-rounds N] [-quick] [-build folder]
#
# Rows: get set (pipelines of 128 and 16, and none; 50 connections; 2 M keys, 32-byte values), memory load save (5 M keys "key:N",
# 32-byte values), latency (commands during BGSAVE, and during MEMORY ANALYZE, under full-speed SETs), purge (GETs during MEMORY PURGE), loading (INFO, CONFIG GET, MEMORY MALLOC-STATS while
# the 5 M keys load), aof (aof.tcl), families and values (families.tcl), footprint and scrape (footprint.tcl), accounts and views (accounts.tcl). For get and set the server is bound to core 0 and redis-benchmark to core 1; a server's processor time is
# what the kernel's scheduler counted for all its threads (nanoseconds). For the others the server has both cores, as in life.
# The table goes to the terminal and to build/bench/report.txt. Data files are made once, by redis-server, in build/bench.
set bench_dir [file dirname [file normalize [info script]]]
source [file join $bench_dir .. integration harness harness.tcl]
source [file join $bench_dir families.tcl]
source [file join $bench_dir footprint.tcl]
source [file join $bench_dir accounts.tcl]
source [file join $bench_dir aof.tcl]

set quick 0
set only {}
set rounds ""
set build [file join $harness::root build]
for {set i 0} {$i < [llength $argv]} {incr i} {
    switch -- [lindex $argv $i] {
        -server { set harness::server [file normalize [lindex $argv [incr i]]] }
        -oracle { set harness::oracle [file normalize [lindex $argv [incr i]]] }
        -only { set only [split [lindex $argv [incr i]] ", "] }
        -rounds { set rounds [lindex $argv [incr i]] }
        -build { set build [file normalize [lindex $argv [incr i]]] }
        -quick { set quick 1 }
        default { puts stderr "bench.tcl: [lindex $argv $i]? (see the head of the file)"; exit 2 }
    }
}
if {$rounds eq ""} { set rounds [expr {$quick ? 1 : 3}] }
set work [file join $build bench]
set load_average [lrange [read_file /proc/loadavg] 0 1]
set probe [file join $build tests bench probe]
set few [expr {$quick ? 500000 : 2000000}]
set many [expr {$quick ? 500000 : 5000000}]
file mkdir $work

proc wanted {row} { return [expr {$::only eq {} || $row in $::only}] }
proc median {values} { return [lindex [lsort -real $values] [expr {[llength $values] / 2}]] }

# results(<row>,<who>) is the list of what the rounds measured.
proc note {who row value} { lappend ::results($row,$who) $value }

# Nanoseconds on a processor, all threads.
proc cpu_ns {srv} {
    set sum 0
    foreach path [glob -nocomplain /proc/[server_pid $srv]/task/*/schedstat] {
        if {![catch {read_file $path} text]} { incr sum [lindex $text 0] }
    }
    return $sum
}
proc cpu_s {srv} {
    set fields [split [lindex [split [read_file /proc/[server_pid $srv]/stat] ")"] end]]
    return [expr {([lindex $fields 12] + [lindex $fields 13]) / 100.0}]
}

proc start {who args} {
    set harness::slow 30
    return [server_start -binary [expr {$who eq "tarn" ? $harness::server : $harness::oracle}] {*}$args]
}
proc pinned {body} {
    set harness::wrap {taskset -c 0}
    try { uplevel 1 $body } finally { set harness::wrap {} }
}

# A file of n keys "key:<12 digits>" with 32-byte values (redis-benchmark's own key form), or "key:N" (DEBUG POPULATE's).
proc data_file {form n} {
    set dir [file join $::work "$form-$n"]
    if {[file exists [file join $dir dump.rdb]]} { return $dir }
    puts "making $n keys ($form) ..."
    file mkdir $dir
    set srv [start redis -dir $dir]
    set r [client $srv]
    $r -timeout 600000
    if {$form eq "plain"} {
        $r debug populate $n key 32
    } else {
        set awk {BEGIN { for (i = 0; i < n; i++) printf "SET key:%012d %032d\r\n", i, i }}
        exec awk -v n=$n $awk | redis-cli -p [server_port $srv] --pipe >/dev/null
    }
    if {[$r dbsize] != $n} { error "the data file would hold [$r dbsize] keys, not $n" }
    $r save
    server_discard $srv
    return $dir
}

proc throughput {who srv command pipeline} {
    set requests [expr {[dict get {128 4000000 16 2000000 1 300000} $pipeline] / ($::quick ? 8 : 1)}]
    set before [cpu_ns $srv]
    set out [exec taskset -c 1 redis-benchmark -h 127.0.0.1 -p [server_port $srv] -c 50 -P $pipeline -n $requests -r $::few -d 32 \
        -t $command --csv 2>/dev/null]
    set cpu [expr {double([cpu_ns $srv] - $before) / $requests}]
    regexp {"[A-Z]+","([0-9.]+)"} [lindex [split [string trim $out] \n] end] -> rate
    note $who "$command P$pipeline rate" $rate
    note $who "$command P$pipeline cpu" $cpu
}

proc measure_commands {who} {
    set dir [data_file padded $::few]
    pinned { set srv [start $who -dir $dir] }
    foreach command {get set} {
        if {![wanted $command]} { continue }
        foreach pipeline {128 16 1} { throughput $who $srv $command $pipeline }
    }
    server_discard $srv
}

# When the allocator has given back what it will: jemalloc keeps pages for some 10 s.
proc settled_rss_kb {srv} {
    for {set still 0; set last [server_rss_kb $srv]} {$still < 11} {incr still} {
        harness::pause 1000
        if {abs([server_rss_kb $srv] - $last) < 1000} { continue }
        set last [server_rss_kb $srv]
        set still -1
    }
    return [server_rss_kb $srv]
}

proc measure_memory {who} {
    set empty [start $who]
    set base [server_rss_kb $empty]
    server_discard $empty
    set file [file join [data_file plain $::many] dump.rdb]
    set dir [harness::temp_dir]
    file copy -force $file $dir
    foreach cores {1 2} {
        set harness::wrap [expr {$cores == 1 ? {taskset -c 0} : {}}]
        exec cat [file join $dir dump.rdb] >/dev/null ;# one server drops the file's pages after a load, the other does not
        set started [clock microseconds]
        set srv [start $who -dir $dir]
        set harness::wrap {}
        note $who "load $cores" [expr {([clock microseconds] - $started) / 1e6}]
        note $who "load cpu $cores" [cpu_s $srv]
        set r [client $srv]
        if {[$r dbsize] != $::many} { error "$who loaded [$r dbsize] keys, not $::many" }
        if {$cores == 2} { break }
        server_discard $srv
    }
    set rss [settled_rss_kb $srv]
    note $who "rss" [expr {$rss / 1024.0}]
    note $who "bytes" [expr {($rss - $base) * 1024.0 / $::many}]
    $r -timeout 100000
    set started [clock microseconds]
    $r save
    note $who "save" [expr {([clock microseconds] - $started) / 1e6}]
    server_discard $srv
}

# The probe's lines as {command count p99.9 max}. It runs at real-time priority where we may, so that it measures the
# server's delays and not its own wait for a processor.
proc probe_args {srv args} {
    set prefix {}
    if {![catch {exec chrt -f 10 true}]} { set prefix {chrt -f 10} }
    return [list {*}$prefix $::probe -port [server_port $srv] {*}$args]
}
proc probe_lines {out} {
    return [lmap line [split [string trim $out] \n] {
        lassign [split $line \t] command count p50 p99 p999 max errors
        list $command $count $p999 $max
    }]
}

proc measure_latency {who} {
    set dir [harness::temp_dir]
    file copy -force [file join [data_file plain $::many] dump.rdb] $dir
    set srv [start $who -dir $dir]
    set r [client $srv]
    set load [open |[list taskset -c 1 nice -n 10 redis-benchmark -h 127.0.0.1 -p [server_port $srv] -c 50 -P 16 -n 2000000000 -r $::many \
        -d 32 set key:__rand_int__ 0123456789abcdef0123456789abcdef 2>/dev/null >/dev/null] w]
    set commands {"PING" "GET key:1" "SET key:2 x"}
    foreach phase {before during} {
        if {$phase eq "during"} { $r bgsave }
        # Before: for two seconds. During: until the save is over, which the probe's last command sees.
        if {$phase eq "before"} {
            set lines [probe_lines [exec {*}[probe_args $srv -seconds 2 {*}$commands]]]
        } else {
            set lines [probe_lines [exec {*}[probe_args $srv -seconds 120 -until rdb_bgsave_in_progress:0 {*}$commands "INFO persistence"]]]
        }
        set worst 0
        set worst999 0
        foreach line $lines {
            set worst [expr {max($worst, [lindex $line 3])}]
            set worst999 [expr {max($worst999, [lindex $line 2])}]
        }
        note $who "latency $phase max" [expr {$worst / 1000.0}]
        note $who "latency $phase p999" [expr {$worst999 / 1000.0}]
    }
    if {[info_field $r rdb_last_bgsave_status persistence] ne "ok"} { error "$who: BGSAVE failed" }
    if {$who eq "tarn"} { measure_analysis $srv $commands }
    exec sh -c "kill [pid $load]"
    catch {close $load}
    server_discard $srv
}

# The same commands while walks over all keys follow each other.
proc measure_analysis {srv commands} {
    set asker [client $srv]
    set probe [open |[probe_args $srv -seconds 4 {*}$commands]]
    fconfigure $probe -blocking 0
    set out ""
    while {![eof $probe]} {
        foreach walk {analyze prefixes} {
            set answer [$asker memory $walk]
            note tarn "walk $walk" [expr {[dict get $answer duration-ms] / 1000.0}]
        }
        append out [read $probe]
    }
    close $probe
    set lines [probe_lines $out]
    note tarn "latency walk max" [expr {[tcl::mathfunc::max {*}[lmap line $lines {lindex $line 3}]] / 1000.0}]
    note tarn "latency walk p999" [expr {[tcl::mathfunc::max {*}[lmap line $lines {lindex $line 2}]] / 1000.0}]
}

# GETs while MEMORY PURGE gives back what a deletion has left: half of a GiB of values, defragmentation off.
proc measure_purge {} {
    set n [expr {$::quick ? 100000 : 1000000}]
    set srv [start tarn -config {activedefrag no}]
    set r [client $srv]
    $r -timeout 600000
    $r debug populate $n key 1000
    exec awk "BEGIN { for (i = 10; i < $n / 2; i++) printf \"DEL key:%d\\r\\n\", i }" | redis-cli -p [server_port $srv] --pipe >/dev/null
    set probe [open |[probe_args $srv -seconds 3 "GET key:1" "PING"]]
    fconfigure $probe -blocking 0
    set out ""
    while {![eof $probe]} {
        $r memory purge
        append out [read $probe]
        harness::pause 100
    }
    close $probe
    note tarn "purge max" [expr {[tcl::mathfunc::max {*}[lmap line [probe_lines $out] {lindex $line 3}]] / 1000.0}]
    note tarn "purge given" [expr {[info_field $r mem_purged_bytes memory] / 1048576.0}]
    server_discard $srv
}

proc measure_loading {who} {
    set dir [data_file plain $::many]
    set srv [start $who -dir $dir -wait none]
    set commands {"INFO" "CONFIG GET maxmemory" "MEMORY MALLOC-STATS"}
    foreach line [probe_lines [exec {*}[probe_args $srv -seconds 300 -until "\nloading:0" {*}$commands]]] {
        lassign $line command count p999 max
        if {$count == 0} { continue }
        note $who "loading [lindex $command 0] p999" [expr {$p999 / 1000.0}]
        note $who "loading [lindex $command 0] max" [expr {$max / 1000.0}]
    }
    server_discard $srv
}

# One line of the table. Ratio: Tarn / Redis. A target holds for the ratio ("ratio 0.30") or for Tarn's own figure ("max 50").
proc line {title unit row format {target ""}} {
    global results
    if {![info exists results($row,tarn)]} { return }
    set tarn [median $results($row,tarn)]
    set redis [expr {[info exists results($row,redis)] ? [median $results($row,redis)] : ""}]
    set ratio [expr {$redis ne "" && $redis > 0 ? $tarn / $redis : 0}]
    set verdict ""
    if {$target ne ""} {
        lassign $target kind limit
        set value [expr {$kind eq "ratio" ? $ratio : $tarn}]
        set verdict [expr {$value <= $limit ? "reached" : "missed"}]
        set target [expr {$kind eq "ratio" ? "<= $limit" : "<= $limit $unit"}]
    }
    emit [format "%-46s %-6s %12s %12s %7.2f  %-10s %s" $title $unit [format $format $tarn] [expr {$redis eq "" ? "-" : [format $format $redis]}] $ratio $target $verdict]
}
proc emit {text} {
    puts $text
    puts $::report_file $text
}

proc report {} {
    global rounds few many
    set ::report_file [open [file join $::work report.txt] w]
    set cpu "unknown processor"
    regexp {model name\s*:\s*([^\n]+)} [read_file /proc/cpuinfo] -> cpu
    emit "$cpu, [exec nproc] cores; [clock format [clock seconds] -format %Y-%m-%d]; $rounds round(s), medians[expr {$::quick ? {; QUICK: figures are rough} : {}}]"
    if {[lindex $::load_average 0] > 0.5} { emit "Other work was running (load average $::load_average): figures, latencies above all, are disturbed." }
    emit "tarn: $harness::server   redis: [lrange [exec $harness::oracle --version] 0 2]"
    emit [format "%-46s %-6s %12s %12s %7s  %-10s" "" unit tarn redis ratio target]
    foreach {pipeline target} {128 0.30 16 0.55 1 0.95} {
        foreach command {get set} {
            set name "[string toupper $command], [expr {$pipeline == 1 ? {no pipeline} : "pipeline $pipeline"}]"
            line "$name, server CPU an operation" ns "$command P$pipeline cpu" %.0f "ratio $target"
            line "$name, operations a second" 1/s "$command P$pipeline rate" %.0f
        }
    }
    line "$many keys, resident memory" MiB rss %.1f {ratio 0.55}
    line "$many keys, resident bytes a key" B bytes %.1f
    line "$many keys, load, one core" s "load 1" %.2f
    line "$many keys, load, two cores" s "load 2" %.2f {ratio 0.15}
    line "$many keys, load, CPU" s "load cpu 2" %.2f
    line "$many keys, SAVE" s save %.2f
    line "worst command under SETs, without a save" ms "latency before max" %.2f
    line "worst command under SETs, during BGSAVE" ms "latency during max" %.2f {max 5}
    line "99.9 % of commands, during BGSAVE" ms "latency during p999" %.2f
    line "$many keys, MEMORY ANALYZE under SETs" s "walk analyze" %.2f
    line "$many keys, MEMORY PREFIXES under SETs" s "walk prefixes" %.2f
    line "worst command under SETs, during both" ms "latency walk max" %.2f
    line "99.9 % of commands, during both" ms "latency walk p999" %.2f {max 2}
    line "worst GET while MEMORY PURGE gives memory back" ms "purge max" %.2f {max 5}
    line "what it gave back" MiB "purge given" %.0f
    foreach {command name} {INFO INFO CONFIG "CONFIG GET" MEMORY "MEMORY MALLOC-STATS"} {
        line "$name while loading, 99.9 %" ms "loading $command p999" %.2f {max 10}
        line "$name while loading, worst" ms "loading $command max" %.2f {max 50}
    }
    report_aof
    report_families
    report_footprint
    report_accounts
    close $::report_file
}

for {set round 1} {$round <= $rounds} {incr round} {
    # Who goes first alternates, so that a machine that slows down does not always slow down the same one.
    foreach who [expr {$round % 2 ? {tarn redis} : {redis tarn}}] {
        puts "round $round of $rounds: $who"
        if {[wanted get] || [wanted set]} { measure_commands $who }
        if {[wanted memory] || [wanted load] || [wanted save]} { measure_memory $who }
        if {[wanted latency]} { measure_latency $who }
        if {[wanted purge] && $who eq "tarn"} { measure_purge }
        if {[wanted loading]} { measure_loading $who }
        if {[wanted aof]} { measure_aof $who }
        if {[wanted accounts]} { measure_accounts $who }
        if {[wanted views] && $who eq "tarn"} { measure_views }
        if {[wanted families]} { measure_families $who }
        if {[wanted values]} { measure_values $who }
        if {[wanted footprint]} { measure_footprint $who }
        if {[wanted scrape] && $who eq "tarn"} { measure_scrape }
    }
}
report
