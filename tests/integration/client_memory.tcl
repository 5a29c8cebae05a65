# What clients hold: shown by value, bounded by maxmemory-clients and client-output-buffer-limit, and no reason to evict data.
source [file join [file dirname [info script]] harness harness.tcl]

proc fields {line} {
    set result {}
    foreach word [split [string trim $line] " "] {
        set at [string first = $word]
        dict set result [string range $word 0 [expr {$at - 1}]] [string range $word [expr {$at + 1}] end]
    }
    return $result
}

# The CLIENT LIST line of one client.
proc shown {r id} { return [fields [$r client list id $id]] }

proc clients_memory {r} {
    set sum 0
    foreach line [split [string trim [$r client list]] \n] { incr sum [dict get [fields $line] tot-mem] }
    return $sum
}

test "clients that do not read evict no data, and are cut with reason and bytes" {
    set srv [server_start -config {maxmemory-policy allkeys-lru maxmemory 30mb maxmemory-clients 20mb}]
    set r [client $srv]
    $r set big [string repeat x 1000000]
    for {set i 0} {$i < 1000} {incr i} { $r set k$i [string repeat v 100] }
    set many {}
    for {set i 0} {$i < 60} {incr i} {
        set c [client $srv]
        $c -raw [string repeat "GET big\r\n" 10]
        lappend many $c
    }
    # 600 MB were asked for.
    wait_for {[info_field $r evicted_clients stats] >= 50}
    assert_equal 0 [info_field $r evicted_keys stats]
    assert_equal 1001 [$r dbsize]
    wait_for {[clients_memory $r] <= 20 * 1024 * 1024}
    assert_match "*Evicting client id=*addr=127.0.0.1:*holds * bytes*maxmemory-clients*" [server_log $srv]
    regexp {VmHWM:\s+(\d+) kB} [read_file /proc/[server_pid $srv]/status] -> peak_kb
    assert {$peak_kb < 150000 * $harness::slow} "(peak $peak_kb kB)"
    foreach c $many { $c -close }
}

test "many that hold little each are cut, too" {
    set srv [server_start -config {maxmemory-clients 3mb}]
    set r [client $srv]
    set many {}
    for {set i 0} {$i < 400} {incr i} {
        set c [client $srv]
        $c -raw "*2\r\n\$3\r\nGET\r\n\$15000\r\n[string repeat x 9000]"
        lappend many $c
    }
    wait_for {[info_field $r evicted_clients stats] > 0} 10000
    wait_for {[clients_memory $r] <= 3 * 1024 * 1024 + 100000} 10000 ;# the list itself is in the asker's figure
    server_stop $srv
}

test "a client that may not be evicted stays; the next one goes" {
    set srv [server_start]
    set r [client $srv]
    $r set big [string repeat x 8000000]
    set kept [client $srv]
    $kept client no-evict on
    $kept -send get big
    set other [client $srv]
    $other -raw [string repeat "GET big\r\n" 2]
    wait_for {[dict get [shown $r [expr {[$r client id] + 2}]] tot-mem] > 2000000}
    $r config set maxmemory-clients 1mb
    wait_for {[info_field $r evicted_clients stats] == 1}
    $r config set maxmemory-clients 0
    assert_equal 8000000 [string length [$kept -read]]
    assert {[$other -closed? 5000]} 
    assert_equal PONG [$r ping]
}

test "a share of maxmemory" {
    set srv [server_start -config {maxmemory 200mb maxmemory-clients 5%}]
    set r [client $srv]
    assert_equal {maxmemory-clients 5%} [$r config get maxmemory-clients]
    assert_range [info_field $r maxmemory_clients memory] 10400000 10485760
    $r config set maxmemory 100mb
    assert_range [info_field $r maxmemory_clients memory] 5200000 5242880
}

test "the soft output limit cuts one who is over it for long, also without a further command" {
    set srv [server_start -config {client-output-buffer-limit {normal 0 1mb 1}}]
    set r [client $srv]
    $r set big [string repeat x 8000000]
    set c [client $srv]
    set begun [clock milliseconds]
    $c -send get big
    wait_for {[info_field $r client_output_buffer_limit_disconnections stats] == 1}
    assert {[clock milliseconds] - $begun >= 1000}
    assert_match "*output buffer limits (* bytes unsent, soft limit)*" [server_log $srv]
    # One who reads in time is left alone; a minute, as who reads here may be held up.
    $r config set client-output-buffer-limit "normal 0 1mb 60"
    set c [client $srv]
    assert_equal 8000000 [string length [$c get big]]
    assert_equal PONG [$c ping]
    assert_equal 1 [info_field $r client_output_buffer_limit_disconnections stats]
}

test "subscribers have limits of their own" {
    set srv [server_start -config {client-output-buffer-limit {pubsub 2mb 0 0}}]
    set r [client $srv]
    set s [client $srv]
    $s subscribe news
    for {set i 0} {$i < 30} {incr i} { $r publish news [string repeat x 500000] }
    wait_for {[info_field $r client_output_buffer_limit_disconnections stats] == 1}
    assert_match "*hard limit*" [server_log $srv]
}

test "CLIENT LIST shows what is held" {
    set srv [server_start]
    set r [client $srv]
    set c [client $srv]
    set id [$c client id]
    # Half a request: its bytes are in the query buffer, whose rest is free.
    $c -raw "*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$200000\r\n[string repeat x 100000]"
    wait_for {[dict get [shown $r $id] qbuf] == 100029}
    set f [shown $r $id]
    assert_range [expr {[dict get $f qbuf] + [dict get $f qbuf-free]}] 100029 400000
    assert_range [dict get $f tot-mem] [expr {[dict get $f qbuf] + [dict get $f qbuf-free]}] 420000
    assert_equal 0 [dict get $f obl]
    $c -raw "[string repeat x 100000]\r\n"
    assert_equal OK [$c -read]
    wait_for {[dict get [shown $r $id] qbuf] == 0}
    assert_range [dict get [shown $r $id] tot-mem] 1 5000
    # Replies that are not read: what the kernel has not taken.
    $r set big [string repeat x 8000000]
    $c -send get big
    wait_for {[dict get [shown $r $id] omem] > 0}
    set f [shown $r $id]
    assert_equal 1 [dict get $f oll]
    assert_range [dict get $f obl] 100000 8000011
    assert {[dict get $f omem] >= [dict get $f obl]}
    assert_range [expr {[dict get $f tot-mem] - [dict get $f omem]}] 1 5000
    # A queue of a transaction.
    set m [client $srv]
    $m multi
    assert_equal QUEUED [$m set a [string repeat q 50000]]
    set f [fields [lindex [lsearch -all -inline [split [$r client list] \n] "*multi=1 *"] 0]]
    assert_range [dict get $f multi-mem] 50000 60000
    assert {[dict get $f tot-mem] > [dict get $f multi-mem]}
    # And the sum is what the owners say, but for the turn's own buffers and the commands under way.
    set owners 0
    foreach owner {client client_in client_out} { incr owners [info_field $r used_memory_owner_$owner memory] }
    assert_range [expr {$owners - [clients_memory $r]}] 0 400000
    assert_equal 8000000 [string length [$c -read]]
    wait_for {[dict get [shown $r $id] omem] == 0}
}

test "maxmemory auto: from the container or the machine, with reserves that are shown" {
    set srv [server_start -config {maxmemory auto}]
    set r [client $srv]
    assert_equal {maxmemory auto} [$r config get maxmemory]
    foreach name {available clients replication slack} {
        set $name [info_field $r maxmemory_auto_$name memory]
        assert {[set $name] > 0} $name
    }
    set data [info_field $r maxmemory memory]
    assert_range [expr {$available - $data - $clients - $replication - $slack}] 0 100
    assert_equal $clients [info_field $r maxmemory_clients memory]
    assert_match "*maxmemory auto: the * has $available bytes; $data for data, $clients reserved for clients*" [server_log $srv]
    $r config set maxmemory 1gb
    assert_equal {maxmemory 1073741824} [$r config get maxmemory]
    assert_equal 0 [info_field $r maxmemory_clients memory]
}

test "DEBUG CLIENT-EVICTION tells who may go, by size" {
    set srv [server_start -config {maxmemory-clients 50mb}]
    set r [client $srv]
    $r set big [string repeat x 20000000]
    set c [client $srv]
    $c -send get big
    wait_for {[regexp {\nfrom 16777216 bytes: 1 clients, (\d+) bytes\n} [$r debug client-eviction] -> bytes] || \
        [regexp {\nfrom 8388608 bytes: 1 clients, (\d+) bytes\n} [$r debug client-eviction] -> bytes]}
    assert_match "* bytes of at most 52428800\n*" [$r debug client-eviction]
    $c -send client no-evict on
    assert_equal 20000000 [string length [$c -read]]
    assert_equal OK [$c -read]
    wait_for {![regexp {from (16777216|8388608) bytes} [$r debug client-eviction]]}
    $r config set maxmemory-clients 0
    assert_error "ERR maxmemory-clients is disabled." {$r debug client-eviction}
}
