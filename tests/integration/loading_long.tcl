# INFO while an append-only file loads that holds one very long command, or one MULTI of very many: the event loop does not wait for it.
# A quarter of the size here; with TARN_LONG (make long) 512 MB and a million. The figures are printed.
#
# What would be wrong shows without a clock of its own: a server whose event loop waited for the command would answer
# nothing while it lasts, which is most of the load. A machine that does other things may stall as long once, but not three times.
source [file join [file dirname [info script]] harness harness.tcl]

set long [info exists ::env(TARN_LONG)]
set bytes [expr {$long ? 512 << 20 : $harness::slow > 1 ? 32 << 20 : 128 << 20}]
set commands [expr {$long ? 1000000 : $harness::slow > 1 ? 100000 : 250000}]

# Loads the folder and asks for INFO all the time: {answers, worst ms, 99.9 % ms, ms from the first answer to the end of the load}.
proc ask_while_loading {dir} {
    set srv [server_start -dir $dir -config {appendonly yes auto-aof-rewrite-percentage 0} -wait listening]
    set r [client $srv]
    $r -timeout 120000
    set begun [clock microseconds]
    set times {}
    while 1 {
        set asked [clock microseconds]
        set loading [info_field $r loading persistence]
        set answered [clock microseconds]
        lappend times [expr {($answered - $asked) / 1000.0}]
        if {!$loading} { break }
    }
    set sorted [lsort -real $times]
    set count [llength $sorted]
    server_stop $srv
    return [list [expr {$count - 1}] [lindex $sorted end] [lindex $sorted [expr {int(($count - 1) * 0.999)}]] [expr {($answered - $begun) / 1000.0}]]
}

# Makes sure that no answer took half of the load, in one of three loads.
proc assert_free {what dir} {
    for {set tries 1} {$tries <= 3} {incr tries} {
        lassign [ask_while_loading $dir] answers worst most whole
        puts [format "  $what: %d answers in %.0f ms, 99.9 %% within %.1f ms, worst %.1f ms" $answers $whole $most $worst]
        if {$answers >= 10 && $worst < $whole / 2} { return }
    }
    fail "INFO took $worst ms of a load of $whole ms, three times"
}

proc write_manifest {dir} {
    file mkdir $dir/appendonlydir
    write_file $dir/appendonlydir/appendonly.aof.manifest "file appendonly.aof.1.incr.aof seq 1 type i\n"
    set f [open $dir/appendonlydir/appendonly.aof.1.incr.aof w]
    fconfigure $f -translation binary -buffersize 1000000
    return $f
}

# Tarn's own file: one group, which is read twice, because it is checked before it runs.
test "INFO while one long command loads" {
    set dir [harness::temp_dir]
    set srv [server_start -dir $dir -config {appendonly yes appendfsync no auto-aof-rewrite-percentage 0}]
    set r [client $srv]
    $r -timeout 120000
    set block [string repeat abcdefgh 131072]
    $r -raw "*3\r\n\$3\r\nSET\r\n\$4\r\nlong\r\n\$$bytes\r\n"
    for {set i 0} {$i < $bytes} {incr i 1048576} { $r -raw $block }
    $r -raw "\r\n"
    assert_equal OK [$r -read]
    server_stop $srv
    assert_free "one command of [expr {$bytes >> 20}] MB" $dir
    set srv [server_start -dir $dir -config {appendonly yes auto-aof-rewrite-percentage 0}]
    set r [client $srv]
    assert_equal $bytes [$r strlen long]
    assert_equal abcdefgh [$r getrange long [expr {$bytes - 8}] -1]
    server_stop $srv
}

# As redis-server writes it: outside of groups, so that it waits for its EXEC in memory.
test "INFO while one MULTI of very many commands loads" {
    set dir [harness::temp_dir]
    set f [write_manifest $dir]
    puts -nonewline $f "*2\r\n\$6\r\nSELECT\r\n\$1\r\n0\r\n*1\r\n\$5\r\nMULTI\r\n"
    for {set i 0} {$i < $commands} {incr i} {
        set key key:$i
        puts -nonewline $f "*3\r\n\$3\r\nSET\r\n\$[string length $key]\r\n$key\r\n\$16\r\nabcdefghabcdefgh\r\n"
    }
    puts -nonewline $f "*1\r\n\$4\r\nEXEC\r\n"
    close $f
    assert_free "one MULTI of $commands commands" $dir
    set srv [server_start -dir $dir -config {appendonly yes auto-aof-rewrite-percentage 0}]
    assert_equal $commands [[client $srv] dbsize]
    server_stop $srv
}

test "a load is given up in the middle of a long command" {
    set dir [harness::temp_dir]
    set f [write_manifest $dir]
    puts -nonewline $f "*3\r\n\$3\r\nSET\r\n\$4\r\nlong\r\n\$$bytes\r\n"
    for {set i 0} {$i < $bytes} {incr i 1048576} { puts -nonewline $f [string repeat abcdefgh 131072] }
    puts -nonewline $f "\r\n"
    close $f
    set size [file size $dir/appendonlydir/appendonly.aof.1.incr.aof]
    set srv [server_start -dir $dir -config {appendonly yes} -wait listening]
    server_stop $srv
    assert_equal $size [file size $dir/appendonlydir/appendonly.aof.1.incr.aof]
}
