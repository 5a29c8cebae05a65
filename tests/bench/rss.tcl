#!/usr/bin/env tclsh
# make long STEP=rss: RSS follows the data (docs/design/defragmentation.md). 2 GiB of values of 64 bytes to 64 KiB are set and a random
# 70 % of them deleted: used_memory_rss must come to 1.25 of used_memory within 30 s of idleness, and within 120 s under 20 k
# operations a second; GET's p99 is shown before and during (at most 1.5 times as long on a machine that does nothing else: held to only
# with -strict). Wants 3 GiB of memory and the program tests/bench/frag.
#
#   tclsh tests/bench/rss.tcl [-server path] [-build folder] [-bytes N] [-strict]
set bench_dir [file dirname [file normalize [info script]]]
source [file join $bench_dir .. integration harness harness.tcl]

set build [file join $harness::root build]
set bytes 2147483648
set strict 0
for {set i 0} {$i < [llength $argv]} {incr i} {
    switch -- [lindex $argv $i] {
        -server { set harness::server [file normalize [lindex $argv [incr i]]] }
        -build { set build [file normalize [lindex $argv [incr i]]] }
        -bytes { set bytes [lindex $argv [incr i]] }
        -strict { set strict 1 }
        default { puts stderr "rss.tcl: [lindex $argv $i]? (see the head of the file)"; exit 2 }
    }
}
set frag [file join $build tests bench frag]
set failed 0

proc ratio {r} {
    set used [info_field $r used_memory memory]
    return [expr {double([info_field $r used_memory_rss memory]) / $used}]
}

# Seconds until RSS has come down, "" when not within the limit.
proc follow {r limit_s} {
    set begun [clock milliseconds]
    while {[clock milliseconds] - $begun < $limit_s * 1000} {
        if {[ratio $r] <= 1.25} { return [expr {([clock milliseconds] - $begun) / 1000.0}] }
        harness::pause 250
    }
    return ""
}

proc verdict {what seconds limit_s} {
    if {$seconds eq ""} {
        puts "not ok - $what: not within $limit_s s"
        incr ::failed
    } else {
        puts "ok - $what: after [format %.1f $seconds] s"
    }
}

foreach shape {even log} {
    set harness::slow 30
    # the default of 100 MB at the full size, its share below it
    set srv [server_start -config [list save "" active-defrag-ignore-bytes [expr {$bytes / 20}]]]
    set r [client $srv]
    set options [list -port [server_port $srv] -bytes $bytes -shape $shape]
    puts "$shape: [exec $frag {*}$options fill]"
    set before [lindex [exec $frag {*}$options -seconds 10 traffic] 3]
    puts "# before: [format %.3f [ratio $r]]; GET p99 $before us"
    exec $frag {*}$options delete
    verdict "$shape, idle" [follow $r 30] 30
    exec $frag {*}$options fill
    exec $frag {*}$options delete
    set traffic [open "|[list $frag {*}$options -seconds 120 traffic]"]
    verdict "$shape, 20 k operations a second" [follow $r 120] 120
    set during [lindex [read $traffic] 3]
    close $traffic
    puts "# GET p99 $during us; RSS over used [format %.3f [ratio $r]]"
    if {$strict && $during > 1.5 * $before} {
        puts "not ok - $shape: GET p99 went from $before to $during us"
        incr failed
    }
    server_stop $srv
}
exit [expr {$failed > 0}]
