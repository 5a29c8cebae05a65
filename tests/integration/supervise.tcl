# What a supervisor hears: the protocol of sd_notify, over a socket in a folder and over an abstract one.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support forecast.tcl]

set script [file join [file dirname [info script]] support notify.py]

# {pid file}
proc listen {name} {
    set file [file join [harness::temp_dir] heard]
    set pid [exec setpriv --pdeathsig KILL python3 $::script $name >$file &]
    wait_for {[string match LISTENING* [read_file $file]]} 10000
    return [list $pid $file]
}
# The datagrams so far: a list of dicts.
proc heard {file} {
    set all {}
    foreach datagram [lrange [split [string map [list \n\n \x00] [string trimright [read_file $file]]] \x00] 1 end] {
        lappend all [dict create {*}[concat {*}[lmap line [split $datagram \n] { regexp {^([^=]+)=(.*)$} $line -> k v; list $k $v }]]]
    }
    return $all
}
proc said {file key} { return [lmap d [heard $file] { expr {[dict exists $d $key] ? [dict get $d $key] : [continue]} }] }

set folder [harness::temp_dir]
set options [forecast::make uniform 1]

foreach {what name} [list path $folder/notify abstract @tarn-test-[pid]] {
    test "systemd: a load tells its progress, then that it is ready, then that it ends ($what)" {
        lassign [listen $name] pid file
        dict set options -config key-load-delay 10000
        dict set options -config supervised [expr {$what eq "path" ? "systemd" : "auto"}]
        set srv [server_start {*}$options -env [list NOTIFY_SOCKET $name] -wait listening]
        wait_for {[llength [said $file STATUS]] >= 2} 20000
        assert_equal {} [said $file READY]
        assert_match "Loading (base): * %, * seconds left, * keys, *" [lindex [said $file STATUS] 0]
        assert_range [lindex [said $file EXTEND_TIMEOUT_USEC] 0] 5000000 600000000
        assert_equal systemd [info_field [client $srv] process_supervised server]
        [client $srv] config set key-load-delay 0
        wait_for {[said $file READY] eq "1"} 20000
        assert_equal [server_pid $srv] [said $file MAINPID]
        assert_equal "Ready to accept connections" [lindex [said $file STATUS] end]
        assert_equal {} [said $file STOPPING]
        server_stop $srv
        wait_for {[lindex [said $file STOPPING] 0] eq "1"}
        exec kill $pid
    }
}

test "supervised no tells nothing; systemd without a socket goes on alone" {
    lassign [listen $folder/quiet] pid file
    set srv [server_start -env [list NOTIFY_SOCKET $folder/quiet]]
    server_stop $srv
    assert_equal {} [heard $file]
    exec kill $pid
    set srv [server_start -config {supervised systemd}]
    assert_match "*NOTIFY_SOCKET is not set*" [server_log $srv]
    assert_equal no [info_field [client $srv] process_supervised server]
}

test "a supervisor that does not read, or has gone, holds nothing up" {
    lassign [listen $folder/gone] pid file
    dict set options -config key-load-delay 300
    dict set options -config supervised systemd
    set srv [server_start {*}$options -env [list NOTIFY_SOCKET $folder/gone] -wait listening]
    exec kill -STOP $pid
    wait_for {[info_field [client $srv] loading persistence] == 0} 20000
    exec kill -KILL $pid
    server_stop $srv
}

test "upstart: the process stops once, and goes on when it is continued" {
    set srv [server_start -config {supervised upstart} -env {UPSTART_JOB tarn} -wait none]
    wait_for {[string match "*) T *" [read_file /proc/[server_pid $srv]/stat]]} 20000
    server_signal $srv CONT
    harness::server::wait_until $srv ready 20000
    assert_equal upstart [info_field [client $srv] process_supervised server]
}
