# real.tcl FOLDER: a real server starts on each state that `power --emit FOLDER` has left, and has what it must have.
set folder [lindex $argv 0]
source [file join [file dirname [file dirname [file normalize [info script]]]] integration harness harness.tcl]

foreach expect [lsort -dictionary [glob -directory $folder *.expect]] {
    lassign [string trim [read_file $expect]] story least most aof
    set state [file rootname $expect]
    test "[file tail $state]: $story" {
        set srv [server_start -dir $state -config [list appendonly $aof appendfilename a appenddirname d appendfsync always]]
        set r [client $srv]
        set count [$r get count]
        if {$count eq "(nil)"} { set count 0 }
        assert_range $count $least $most
        for {set i 1} {$i <= $count} {incr i} { assert_match "v$i*" [$r get k$i] }
        assert_range [$r dbsize] [expr {$count + ($count > 0)}] [expr {$count + 2}]
        if {$aof} {
            $r incr again
            server_kill $srv
            server_restart $srv
            assert_equal 1 [[client $srv] get again]
            assert_equal $count [expr {$count ? [[client $srv] get count] : 0}]
        }
        server_stop $srv
    }
}
