# A long argument is received in a block of its own, which becomes the value: however it comes, whatever else goes on meanwhile, and
# never held twice.
source [file join [file dirname [info script]] harness harness.tcl]

proc fields {line} {
    set result {}
    foreach word [split [string trim $line] " "] {
        set at [string first = $word]
        dict set result [string range $word 0 [expr {$at - 1}]] [string range $word [expr {$at + 1}] end]
    }
    return $result
}
proc shown {r id} { return [fields [$r client list id $id]] }
proc owner {r name} { return [info_field $r used_memory_owner_$name memory] }
proc request {args} {
    set out "*[llength $args]\r\n"
    foreach word $args { append out "\$[string length $word]\r\n$word\r\n" }
    return $out
}
# No two pieces of it are alike.
proc long_text {n {salt x}} {
    set out ""
    for {set i 0} {[string length $out] < $n} {incr i} { append out "$salt:$i," }
    return [string range $out 0 [expr {$n - 1}]]
}
proc peak_kb {srv} {
    regexp {VmHWM:\s+(\d+) kB} [read_file /proc/[server_pid $srv]/status] -> kb
    return $kb
}

with_server srv {} {
    test "pieces of any size, with other requests before and behind" {
        set r [client $srv]
        set value [long_text 300000]
        set c [client $srv]
        foreach size {1000 4096 65536 65537 99999 200000 299990 300030 300055} {
            set stream "[request set small 1][request set big $value][request incr small][request mset big2 $value small2 2]"
            append stream "[request get small]"
            for {set at 0} {$at < [string length $stream]} {incr at $size} {
                $c -raw [string range $stream $at [expr {$at + $size - 1}]]
                $r ping
            }
            assert_equal {OK OK 2 OK 2} [list [$c -read] [$c -read] [$c -read] [$c -read] [$c -read]] "(pieces of $size)"
            assert {[$r get big] eq $value && [$r get big2] eq $value} "(pieces of $size)"
            $r flushall
        }
    }

    test "two clients whose pieces come in turn" {
        set r [client $srv]
        set a [client $srv]
        set b [client $srv]
        set streams [list [request set a [long_text 200000 a]] [request set b [long_text 150000 b]]]
        for {set at 0} {$at < 210000} {incr at 7001} {
            foreach c [list $a $b] stream $streams { $c -raw [string range $stream $at [expr {$at + 7000}]] }
            $r ping
        }
        assert_equal {OK OK} [list [$a -read] [$b -read]]
        assert {[$r get a] eq [long_text 200000 a] && [$r get b] eq [long_text 150000 b]}
    }

    test "what is being collected is the client's, and the dataset's afterwards" {
        set r [client $srv]
        set c [client $srv]
        set id [$c client id]
        $r flushall
        set in [owner $r client_in]
        set strings [owner $r strings]
        set head "*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$5000000\r\n"
        $c -raw $head[string repeat x 3000000]
        wait_for {[dict get [shown $r $id] qbuf] == [string length $head] + 3000000}
        set f [shown $r $id]
        assert_range [dict get $f tot-mem] 5000000 6000000
        assert_range [expr {[owner $r client_in] - $in}] 5000000 6000000
        assert_equal $strings [owner $r strings]
        $c -raw [string repeat x 2000000]\r\n
        assert_equal OK [$c -read]
        wait_for {[dict get [shown $r $id] qbuf] == 0}
        assert_range [dict get [shown $r $id] tot-mem] 1 5000
        assert_range [expr {[owner $r strings] - $strings}] 5000000 6000000
        assert_range [expr {[owner $r client_in] - $in}] -100000 100000
        assert_equal 5000000 [$r strlen k]
        $r del k
        wait_for {[owner $r strings] == $strings}
    }

    test "announced and not sent costs little; who leaves takes it along" {
        set r [client $srv]
        set in [owner $r client_in]
        set many {}
        for {set i 0} {$i < 20} {incr i} {
            set c [client $srv]
            $c -raw "*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$500000000\r\nxx"
            lappend many $c
        }
        $r ping
        wait_for {[owner $r client_in] - $in > 20 * 100000}
        assert_range [expr {[owner $r client_in] - $in}] 1 [expr {20 * 1200000}]
        foreach c [lrange $many 0 9] { $c -close }
        $r client kill type normal skipme yes
        wait_for {[owner $r client_in] - $in < 200000}
        assert_equal 0 [$r exists k]
    }

    test "options, and commands that take no value" {
        set r [client $srv]
        set v [long_text 100000 v]
        set w [long_text 120000 w]
        assert_equal OK [$r set k $v]
        assert {[$r set k $w get] eq $v}
        assert {[$r set k $w get] eq $w}
        assert_equal "(nil)" [$r set k $v nx]
        assert {[$r get k] eq $w}
        assert_equal OK [$r set k $v xx ex 1000]
        assert_equal OK [$r set k $w keepttl]
        assert_range [$r ttl k] 900 1000
        assert_equal OK [$r setex k 500 $v]
        assert_range [$r ttl k] 400 500
        assert_equal 0 [$r setnx k $w]
        assert {[$r getset k $w] eq $v}
        assert_equal OK [$r mset k $v k $w k 1 k2 $v]
        assert_equal 1 [$r get k]
        assert {[$r get k2] eq $v}
        assert_equal 220000 [$r append k2 $w]
        assert {[$r get k2] eq "$v$w"}
        assert_equal 1 [$r hset h f $v]
        assert {[$r hget h f] eq $v}
        assert_equal $v [$r echo $v]
        assert_error "ERR unknown command*" {$r $v $w}
        assert_error "ERR wrong number*" {$r get $v $w}
        assert_equal OK [$r set $v $w]
        assert {[$r get $v] eq $w}
        $r flushall
    }

    test "in a MULTI" {
        set r [client $srv]
        set in [owner $r client_in]
        set id [$r client id]
        set other [client $srv]
        set v [long_text 400000 v]
        set w [long_text 500000 w]
        $r multi
        assert_equal QUEUED [$r set k $v]
        assert_equal QUEUED [$r append k x]
        assert_equal QUEUED [$r set k $w get]
        assert_equal QUEUED [$r del k]
        assert_equal QUEUED [$r mset k $v l $w]
        assert_range [dict get [shown $other $id] multi-mem] 1800000 2500000
        set reply [$r exec]
        assert {$reply eq [list OK 400001 ${v}x 1 OK]}
        assert {[$r get k] eq $v && [$r get l] eq $w}
        $r multi
        $r set k $w
        $r discard
        wait_for {[owner $other client_in] - $in < 100000}
        $r flushall
    }

    test "held back by a pause, it is there when the pause is over" {
        set r [client $srv]
        set c [client $srv]
        set id [$c client id]
        set v [long_text 1000000 v]
        foreach round {1 2} {
            $r client pause 100000 write
            $c -raw "[request set k $v][request strlen k]"
            wait_for {[string match *b* [dict get [shown $r $id] flags]]}
            assert_range [dict get [shown $r $id] qbuf] 1000000 1001000
            $r client unpause
            assert_equal {OK 1000000} [list [$c -read] [$c -read]]
            assert {[$r get k] eq $v}
            $r del k
        }
        $r client pause 100000 write
        $c -raw [request set k $v]
        wait_for {[string match *b* [dict get [shown $r $id] flags]]}
        $r client kill id $id
        $r client unpause
        assert_equal 0 [$r exists k]
    }

    test "limits: the query buffer, proto-max-bulk-len, and the memory of clients" {
        set r [client $srv]
        $r config set client-query-buffer-limit 1mb
        set c [client $srv]
        catch {$c -raw "*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$5000000\r\n[string repeat x 3000000]"}
        assert {[$c -closed? 5000]}
        $r config set client-query-buffer-limit 1gb
        $r config set proto-max-bulk-len 2mb
        set c [client $srv]
        $c -raw "*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$2097153\r\n"
        assert_error "ERR Protocol error: invalid bulk length" {$c -read}
        assert_equal OK [$r set k [string repeat x 2097152]]
        $r config set proto-max-bulk-len 512mb
        $r config set maxmemory-clients 4mb
        set c [client $srv]
        catch {$c -raw "*3\r\n\$3\r\nSET\r\n\$2\r\nk2\r\n\$5000000\r\n[string repeat x 1000000]"}
        assert {[$c -closed? 5000]}
        assert_equal 1 [info_field $r evicted_clients stats]
        assert_equal 0 [$r exists k2]
        $r config set maxmemory-clients 0
    }

    test "MONITOR and the slow log read it when it is a value already" {
        set r [client $srv]
        $r config set slowlog-log-slower-than 0
        set m [client $srv]
        $m monitor
        set v [long_text 100000 v]
        $r set k $v
        assert {[string match "*\"set\" \"k\" \"$v\"*" [$m -read]]}
        assert_match "v:0,v:1,*more bytes)*" [lindex [lsearch -inline -index {3 0} [$r slowlog get 10] set] 3 2]
    }
}

test "under a snapshot the file has what was there" {
    set srv [server_start -config {rdb-key-save-delay 20000 appendonly yes}]
    set r [client $srv]
    for {set i 0} {$i < 30} {incr i} { $r set k$i [long_text 100000 old$i] }
    $r set shared [long_text 100000 old]
    $r bgsave
    for {set i 0} {$i < 30} {incr i} {
        $r set k$i [long_text 100000 new$i]
        $r set k$i [long_text 110000 newer$i]
    }
    $r rename shared renamed
    $r set renamed [long_text 100000 new]
    wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0} 20000
    set there [server_start -dir [harness::temp_dir]]
    server_stop $there
    file copy -force [server_dir $srv]/dump.rdb [server_dir $there]/dump.rdb
    set there [server_start -dir [server_dir $there]]
    set o [client $there]
    for {set i 0} {$i < 30} {incr i} {
        assert {[$o get k$i] eq [long_text 100000 old$i]}
        assert {[$r get k$i] eq [long_text 110000 newer$i]}
    }
    assert {[$o get shared] eq [long_text 100000 old]}
    set digest [$r debug digest]
    server_kill $srv
    set srv [server_start -dir [server_dir $srv] -config {appendonly yes}]
    assert_equal $digest [[client $srv] debug digest]
}

test "as an append-only file, with a restart" {
    set srv [server_start -config {appendonly yes aof-use-rdb-preamble no}]
    set r [client $srv]
    $r set a [long_text 70000 a]
    $r set b [long_text 6000000 b] ex 10000
    $r multi
    $r set c [long_text 2000000 c]
    $r set c [long_text 3000000 d] get
    $r mset e [long_text 1000000 e] f 1 g [long_text 1000001 g]
    $r exec
    $r mset h [long_text 70000 a] h [long_text 70000 h]
    $r getset a [long_text 80000 i]
    set digest [$r debug digest]
    foreach rewritten {0 1} {
        server_kill $srv
        set srv [server_start -dir [server_dir $srv] -config {appendonly yes aof-use-rdb-preamble no}]
        set r [client $srv]
        assert_equal $digest [$r debug digest]
        assert {[$r get b] eq [long_text 6000000 b]}
        if {$rewritten} break
        $r bgrewriteaof
        wait_for {[info_field $r aof_rewrite_in_progress persistence] == 0 && [info_field $r aof_rewrite_scheduled persistence] == 0} 20000
    }
}

# ---- how much memory it takes ----
proc needs_real_memory {} { if {$harness::slow > 1} { skip "a sanitizer needs more" } }

# Not as one string: what this process takes is no matter, but a machine may be small.
proc send_long {c bytes} {
    set mib [string repeat y 1048576]
    $c -raw "*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$$bytes\r\n"
    for {set i 0} {$i < $bytes} {incr i 1048576} { $c -raw $mib }
    $c -raw \r\n
}

test "a SET of 128 MiB takes them once" {
    needs_real_memory
    set srv [server_start]
    set r [client $srv]
    set before [peak_kb $srv]
    send_long $r 134217728
    assert_equal OK [$r -read]
    assert_range [expr {[peak_kb $srv] - $before}] 131072 [expr {131072 * 105 / 100 + 4096}]
    regexp {cmdstat_set:calls=1,usec=(\d+)} [$r info commandstats] -> us
    assert {$us < 20000} "($us us)" ;# a copy takes 50000 and more
    server_stop $srv
}

test "an append-only file with one SET of 256 MiB takes them once, and is seen to be read" {
    needs_real_memory
    set dir [harness::temp_dir]
    set out [open $dir/appendonly.aof wb]
    puts -nonewline $out "*2\r\n\$6\r\nSELECT\r\n\$1\r\n0\r\n*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$268435456\r\n"
    set mib [string repeat y 1048576]
    for {set i 0} {$i < 256} {incr i} { puts -nonewline $out $mib }
    puts -nonewline $out "\r\n"
    close $out
    set config {appendonly yes aof-load-truncated no}
    set before [peak_kb [set empty [server_start -config {appendonly yes}]]]
    server_stop $empty
    set between 0
    # A quick machine may have read it before it is asked.
    for {set try 0} {$try < 5 && $between == 0} {incr try} {
        set srv [server_start -dir $dir -config $config -wait listening]
        set r [client $srv]
        while {[info_field $r loading persistence]} {
            set done [info_dict $r persistence]
            if {![dict exists $done loading_loaded_bytes]} break
            set bytes [dict get $done loading_loaded_bytes]
            if {$bytes > 10000000 && $bytes < 260000000} { incr between }
        }
        assert_equal 268435456 [$r strlen k]
        assert_range [expr {[peak_kb $srv] - $before}] 200000 [expr {262144 * 105 / 100 + 4096}]
        server_stop $srv
    }
    assert {$between > 0}
}
