# tarn-cli --wait-ready: what it shows, how soon it returns, and its exit codes.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support forecast.tcl]

set cli [file join [file dirname $harness::server] tarn-cli]
set options [forecast::make uniform 1]
dict set options -config key-load-delay 20000

# Starts it; {file of exit code and time, file of what it prints}. tty: on a terminal.
proc start_waiting {port words {tty 0}} {
    set dir [harness::temp_dir]
    foreach file {out err} { write_file $dir/$file "" }
    set command "$::cli -p $port --wait-ready $words"
    if {$tty} { set command "script -qec \"$command\" /dev/null </dev/null" }
    exec sh -c "$command >$dir/out 2>$dir/err; echo \$? \$(date +%s%3N) >$dir/code.new; mv $dir/code.new $dir/code" &
    return $dir
}
proc ended {dir} { return [file exists $dir/code] }
proc code {dir} {
    wait_for {[ended $dir]} 20000
    return [lindex [read_file $dir/code] 0]
}
# When the log says that the server was ready, in ms since 1970.
proc ready_ms {srv} {
    regexp {\d+:M (\d+ \w+ \d+ [\d:]+)\.(\d+) . Ready to accept} [server_log $srv] -> second ms
    return [expr {[clock scan $second -format "%d %b %Y %H:%M:%S"] * 1000 + [scan $ms %d]}]
}

test "it waits for the load, with lines of progress, and returns at once when it is done" {
    set best 1000000
    for {set i 0} {$i < 5 && $best > 100} {incr i} {
        set srv [server_start {*}$options -wait listening]
        set dir [start_waiting [server_port $srv] 60]
        wait_for {[regexp {^\d+\.\d %, \d+ s left, \d+ keys, } [read_file $dir/out]]} 10000
        assert {![ended $dir]}
        [client $srv] config set key-load-delay 0
        assert_equal 0 [code $dir]
        set best [expr {min($best, [lindex [read_file $dir/code] 1] - [ready_ms $srv])}]
        server_stop $srv
    }
    assert_range $best -1 [expr {100 * $harness::slow}]
}

test "on a terminal it draws a bar" {
    set srv [server_start {*}$options -wait listening]
    set dir [start_waiting [server_port $srv] "" 1]
    wait_for {[string match "*\r\\\[*-\\\] * % * s left *keys *base*" [read_file $dir/out]]} 10000
    [client $srv] config set key-load-delay 0
    assert_equal 0 [code $dir]
}

test "3: time is up while it loads; 2: it ends meanwhile, or nobody is there; 1: no leave to ask" {
    set srv [server_start {*}$options -wait listening]
    assert_equal 3 [code [start_waiting [server_port $srv] 0.5]]
    set dir [start_waiting [server_port $srv] 60]
    wait_for {[string match "*keys*" [read_file $dir/out]]} 10000
    server_kill $srv
    assert_equal 2 [code $dir]
    assert_match "*has ended*" [read_file $dir/err]
    assert_equal 2 [code [start_waiting [free_port] 0.3]]
    set srv [server_start -config {requirepass secret}]
    assert_equal 1 [code [start_waiting [server_port $srv] 5]]
    assert_equal 0 [code [start_waiting [server_port $srv] "5 -a secret --no-auth-warning"]]
}

test "a server that comes later is waited for; one that is busy is not waited for without end" {
    set port [free_port]
    set dir [start_waiting $port 30]
    set srv [server_start -config [list port $port]]
    assert_equal 0 [code $dir]
    set r [client $srv]
    $r -send debug sleep [expr {3 * $harness::slow}]
    set dir [start_waiting $port 0.5]
    assert_equal 3 [code $dir]
}
