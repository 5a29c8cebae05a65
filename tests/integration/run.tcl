#!/usr/bin/env tclsh
# Runs the integration tests: every tests/integration/*.tcl but this one, each in a process of its own.
#
#   tclsh tests/integration/run.tcl [-j N] [-only pattern ...] [-test pattern] [-server path] [-oracle path]
#                                   [-slow factor] [-wrap command] [-timeout seconds] [-v]
#
#   -j N         files at a time (2)            -only  file names without .tcl (string match), several or comma separated
#   -test        tests by name                  -slow  multiplies all time-outs (sanitizer builds)
#   -wrap        put before the server's command (setarch -R, valgrind ...)
#   -timeout     for one file, times slow (300)  -v    passing tests too
#
# The last line is "N passed, N failed" (", N skipped" when there are any); the exit code is 1 when one failed.
package require Tcl 8.6

set here [file normalize [file dirname [info script]]]
set options [dict create -j 2 -test * -server "" -oracle "" -slow 1 -wrap "" -timeout 300]
set only {}
set verbose 0
for {set i 0} {$i < [llength $argv]} {incr i} {
    set word [lindex $argv $i]
    if {$word eq "-v"} {
        set verbose 1
    } elseif {$word eq "-only"} {
        foreach pattern [split [lindex $argv [incr i]] ", "] { if {$pattern ne ""} { lappend only $pattern } }
    } elseif {[dict exists $options $word]} {
        dict set options $word [lindex $argv [incr i]]
    } else {
        puts stderr "run.tcl: $word? (see the head of the file)"
        exit 2
    }
}
if {[dict get $options -server] ne ""} { set env(TARN_SERVER) [file normalize [dict get $options -server]] }
if {[dict get $options -oracle] ne ""} { set env(TARN_ORACLE) [file normalize [dict get $options -oracle]] }
set env(TARN_SLOW) [dict get $options -slow]
set env(TARN_WRAP) [dict get $options -wrap]
set env(TARN_TEST) [dict get $options -test]

proc chosen {file} {
    set name [file rootname [file tail $file]]
    if {$name eq "run"} { return 0 }
    if {$::only eq {}} { return 1 }
    foreach pattern $::only { if {[string match $pattern $name]} { return 1 } }
    return 0
}

set waiting {}
foreach file [lsort [glob -nocomplain -directory $here *.tcl]] { if {[chosen $file]} { lappend waiting $file } }
if {$waiting eq {}} { puts stderr "run.tcl: no test file matches"; exit 2 }
array set count {passed 0 failed 0 skipped 0}
array set output {}
set running 0

proc start_next {} {
    global waiting running output
    if {$waiting eq {}} { return }
    set waiting [lassign $waiting file]
    set chan [open |[list [info nameofexecutable] $file 2>@1] r]
    fconfigure $chan -blocking 0 -encoding utf-8
    set output($chan) ""
    set limit [expr {1000 * [dict get $::options -timeout] * [dict get $::options -slow]}]
    set timer [after $limit [list too_long $chan $file]]
    incr running
    fileevent $chan readable [list take $chan $file $timer [clock milliseconds]]
}

# Its servers die with it (see harness/server.tcl).
proc too_long {chan file} {
    append ::output($chan) "\nnot ok - [file tail $file] took too long and was ended\n"
    catch {exec sh -c "kill -9 [pid $chan]"}
}

proc take {chan file timer started} {
    global output running
    append output($chan) [read $chan]
    if {![eof $chan]} { return }
    after cancel $timer
    fconfigure $chan -blocking 1
    set code 0
    if {[catch {close $chan} why details]} { set code [lindex [dict get $details -errorcode] 2] }
    set text $output($chan)
    unset output($chan)
    report $file $text $code [expr {[clock milliseconds] - $started}]
    incr running -1
    start_next
}

proc report {file text code ms} {
    global count verbose
    array set before [array get count]
    set shown ""
    set failing 0
    foreach line [split $text \n] {
        set failing [expr {[string match "not ok - *" $line] || ($failing && [string match "#*" $line])}]
        if {[string match "not ok - *" $line]} {
            incr count(failed)
        } elseif {[regexp {^ok - .* # skip } $line]} {
            incr count(skipped)
            append shown "  $line\n"
            continue
        } elseif {[string match "ok - *" $line]} {
            incr count(passed)
        }
        if {$failing || $verbose || ![string match "ok - *" $line]} { append shown "  $line\n" }
    }
    # An error outside of a test ends the file early: what it did not run has failed.
    if {$code ni {0 1} || ($code == 1 && $count(failed) == $before(failed))} {
        incr count(failed)
        append shown "  not ok - [file tail $file] ended early with $code\n"
    }
    puts [format "%-28s %4d passed %3d failed %7.1f s" [file tail $file] [expr {$count(passed) - $before(passed)}] \
        [expr {$count(failed) - $before(failed)}] [expr {$ms / 1000.0}]]
    set shown [string trimright [string trim $shown \n]]
    if {$shown ne ""} { puts $shown }
    flush stdout
}

for {set i 0} {$i < [dict get $options -j]} {incr i} { start_next }
while {$running > 0} { vwait running }
set line "$count(passed) passed, $count(failed) failed"
if {$count(skipped) > 0} { append line ", $count(skipped) skipped" }
puts $line
exit [expr {$count(failed) > 0}]
