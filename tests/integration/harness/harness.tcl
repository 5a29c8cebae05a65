# The integration harness. A test file starts with
#
#     source [file join [file dirname [info script]] harness harness.tcl]
#
# and then calls `test`. README.md in this folder is the manual, with an example. The parts:
#     assert.tcl  test, assertions, wait_for
#     server.tcl  starting, watching and stopping servers
#     client.tcl  a RESP2/RESP3 client
#     rdb.tcl     RDB files made by hand
package require Tcl 8.6

namespace eval harness {
    variable root [file normalize [file join [file dirname [info script]] .. .. ..]]
    variable server [expr {[info exists env(TARN_SERVER)] ? $env(TARN_SERVER) : "$root/build/tarn-server"}]
    variable oracle [expr {[info exists env(TARN_ORACLE)] ? $env(TARN_ORACLE) : "/usr/bin/redis-server"}]
    # Every time-out is multiplied by this: sanitizer builds are several times slower.
    variable slow [expr {[info exists env(TARN_SLOW)] ? $env(TARN_SLOW) : 1}]
    # A command put before the server's own (valgrind, setarch -R, ...).
    variable wrap [expr {[info exists env(TARN_WRAP)] ? $env(TARN_WRAP) : {}}]
    variable file [file tail [info script]]
    variable dirs {}
}

foreach part {assert client server rdb} {
    source [file join [file dirname [info script]] $part.tcl]
}

# Random choices of a test come from one seed, printed at its first use.
proc harness::seed {} {
    variable seeded
    if {![info exists seeded]} {
        set seeded [expr {[info exists ::env(TARN_SEED)] ? $::env(TARN_SEED) : [clock microseconds] % 2147483647}]
        expr {srand($seeded)}
        puts "# TARN_SEED=$seeded"
    }
    return $seeded
}

# A fresh folder, removed when the file ends.
proc harness::temp_dir {} {
    variable dirs
    set base [expr {[info exists ::env(TMPDIR)] ? $::env(TMPDIR) : "/tmp"}]
    while {1} {
        set dir [file join $base [format "tarn-test-%d-%d-%06x" [pid] [llength $dirs] [expr {int(rand() * 0xffffff)}]]]
        if {![file exists $dir]} { break }
    }
    file mkdir $dir
    lappend dirs $dir
    return $dir
}

proc harness::remove_dirs {} {
    variable dirs
    foreach dir $dirs { catch {file delete -force $dir} }
    set dirs {}
}

proc read_file {path} {
    set f [open $path rb]
    try { return [read $f] } finally { close $f }
}

proc write_file {path bytes} {
    set f [open $path wb]
    try { puts -nonewline $f $bytes } finally { close $f }
}

# tclsh calls `exit` after the last line of a script: stop what still runs, remove the folders, leave with 1 when a test
# failed.
proc harness::finish {{code 0}} {
    variable failed
    foreach srv [server_list] {
        set fault [server_discard $srv]
        if {$fault ne ""} { test "$srv leaves cleanly" [list fail $fault] }
    }
    remove_dirs
    ::harness::real_exit [expr {$code != 0 ? $code : ($failed > 0 ? 1 : 0)}]
}
rename exit ::harness::real_exit
proc exit {{code 0}} { harness::finish $code }

