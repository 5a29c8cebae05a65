# Rows of bench.tcl: what the accounts of keys cost, and how long the views of memory take.
#
#   accounts  Server CPU of writes with the accounts and the biggest keys kept, beside the same server built without them (make
#             ACCOUNTS=0, in build/no-accounts). The target is a ratio of at most 1.02. 500 k keys each.
#   views     MEMORY TREE and MEMORY TOP 128 with 5 M keys under SETs of another client: the 99th of 100 answers.
set account_commands {
    {SET "set key:__rand_int__ 0123456789abcdef0123456789abcdef"}
    {"SET, other sizes" "setrange size:__rand_int__ 120 x" "set size:__rand_int__ short"}
    {INCR "incr counter:__rand_int__"}
    {HSET "hset hash:__rand_int__ field:__rand_int__ value"}
    {LPUSH "lpush list:__rand_int__ element"}
}

proc measure_accounts {who} {
    if {$who eq "tarn"} { set binary $::harness::server } else { set binary [file join $::build no-accounts tarn-server] }
    pinned { set srv [server_start -binary $binary] }
    set n [expr {$::quick ? 500000 : 2000000}]
    foreach row $::account_commands {
        set commands [lassign $row title]
        foreach warm {1 0} {
            set before [cpu_ns $srv]
            foreach command $commands {
                exec taskset -c 1 redis-benchmark -h 127.0.0.1 -p [server_port $srv] -c 20 -P 64 -q -n $n -r 500000 {*}$command 2>/dev/null
            }
        }
        note $who "accounts $title" [expr {double([cpu_ns $srv] - $before) / $n / [llength $commands]}]
    }
    server_discard $srv
}

proc measure_views {} {
    set dir [harness::temp_dir]
    file copy -force [file join [data_file plain $::many] dump.rdb] $dir
    set srv [start tarn -dir $dir]
    set load [open |[list taskset -c 1 nice -n 10 redis-benchmark -h 127.0.0.1 -p [server_port $srv] -c 10 -P 4 -n 2000000000 -r $::many \
        -d 32 set key:__rand_int__ 0123456789abcdef0123456789abcdef 2>/dev/null >/dev/null] w]
    foreach row [split [string trim [exec {*}[probe_args $srv -seconds 5 "MEMORY TREE" "MEMORY TOP 128"]]] \n] {
        lassign [split $row \t] command count p50 p99
        note tarn "views $command" [expr {$p99 / 1000.0}]
        note redis "views $command" 0
    }
    exec sh -c "kill [pid $load]"
    catch {close $load}
    server_discard $srv
}

proc report_accounts {} {
    foreach row $::account_commands {
        set title [lindex $row 0]
        line "$title, server CPU (beside: no accounts)" ns "accounts $title" %.0f {ratio 1.02}
    }
    foreach command {"MEMORY TREE" "MEMORY TOP 128"} { line "$command, $::many keys, 99 %" ms "views $command" %.2f {max 1} }
}
