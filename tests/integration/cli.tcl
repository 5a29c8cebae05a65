# tarn-cli prints what redis-cli prints: both talk to the same redis-server, so that only the cli differs.
source [file join [file dirname [info script]] harness harness.tcl]

set cli [file join [file dirname $harness::server] tarn-cli]
set peer [auto_execok redis-cli]
if {$peer eq ""} { set peer /usr/bin/redis-cli }
unset -nocomplain env(REDISCLI_AUTH)

# Runs a cli with the words, input on its standard input. Returns {exit-code stdout stderr}.
proc run_cli {binary port words {input ""}} {
    set dir [harness::temp_dir]
    write_file $dir/in $input
    set code 0
    if {[catch {exec $binary -p $port {*}$words < $dir/in > $dir/out 2> $dir/err} message options]} {
        set status [dict get $options -errorcode]
        set code [expr {[lindex $status 0] eq "CHILDSTATUS" ? [lindex $status 2] : $status}]
    }
    set result [list $code [read_file $dir/out] [read_file $dir/err]]
    file delete -force $dir
    return $result
}

proc same {port words {input ""}} {
    set theirs [run_cli $::peer $port $words $input]
    set ours [run_cli $::cli $port $words $input]
    assert_equal $theirs $ours "$words < [harness::show $input]"
}

# A server that answers the first request of every connection with these bytes and closes.
proc fake_server {bytes} {
    set ::fake_bytes $bytes
    set fd [socket -server fake_accept -myaddr 127.0.0.1 0]
    return [list $fd [lindex [fconfigure $fd -sockname] 2]]
}
proc fake_accept {fd args} {
    fconfigure $fd -translation binary -blocking 0
    fileevent $fd readable [list fake_answer $fd]
}
proc fake_answer {fd} {
    catch {
        if {[read $fd] ne ""} { puts -nonewline $fd $::fake_bytes }
        fconfigure $fd -blocking 1
    }
    catch {close $fd}
}

# Like run_cli with PING, while this process serves the other side.
proc run_against_fake {bytes args} {
    lassign [fake_server $bytes] fd port
    if {"--scan" ni $args} { lappend args PING }
    set pipe [open "|[list $::cli -p $port {*}$args 2>@1]" r]
    fconfigure $pipe -blocking 0 -translation binary
    set ::fake_output ""
    fileevent $pipe readable [list fake_collect $pipe]
    set deadline [after [expr {10000 * $harness::slow}] {set ::fake_done timeout}]
    vwait ::fake_done
    after cancel $deadline
    close $fd
    fconfigure $pipe -blocking 1
    set code 0
    if {[catch {close $pipe} message options]} { set code [lindex [dict get $options -errorcode] 2] }
    if {$::fake_done eq "timeout"} { fail "tarn-cli did not end" }
    return [list $code $::fake_output]
}
proc fake_collect {pipe} {
    append ::fake_output [read $pipe]
    if {[eof $pipe]} { set ::fake_done eof }
}

set forms {{} --no-raw --raw -3 {-3 --no-raw} -2 --csv {--csv -3} --json {--json -2} {-d ,} {-D ; --raw}}
set commands {
    {get k} {get none} {lrange l 0 -1} {lrange none 0 -1} {hgetall h} {hgetall one} {hgetall none} {smembers s}
    {smembers none} {zrange z 0 -1 withscores} {zscore z a} {strlen k} foo {foo bar} {command info get nosuch set}
    {command docs get} {debug protocol double} {debug protocol null} {debug protocol map} {debug protocol set}
    {debug protocol verbatim} {debug protocol true} {debug protocol false} {debug protocol string} ping {xinfo help}
    {xrange x - +} {xinfo stream x full} exec {mget k none} {cluster info} {memory doctor} {lolwut}
    {latency doctor} {client list extra} {object help} get subscribe {hello 9} {geopos g a}
    {eval "return {{},{1},{1,{2,3,{}}},'x'}" 0}
    {eval "return {1,2,3,4,5,6,7,8,9,10,{1,{2}}}" 0}
    {eval "return {redis.error_reply('MY error'),1}" 0}
    {eval "redis.setresp(3); return {map={a={1,2},b={map={x=1}},c={},d={map={}},e={set={q=true}}}}" 0}
    {eval "redis.setresp(3); return {map={a={{map={x=1}}},b={{1}},c={{1,2}},d={map={q={map={r={map={s=1}}}}}}}}" 0}
}

with_server srv [list -binary $harness::oracle] {
    set port [server_port $srv]
    set r [client $srv]
    $r mset k v n 1
    $r rpush l a "" "a b" "x\ny\"'\x01\xff\t\\"
    $r hset h f1 v1 f2 v2
    $r hset one f v
    $r sadd s m
    $r zadd z 1.5 a 2 b
    $r xadd x 1-1 a b c d

    foreach form $forms {
        test "every kind of reply, [expr {$form eq {} ? {plain pipe} : $form}]" {
            foreach command $commands { same $port [list {*}$form {*}$command] }
        }
    }

    test "options" {
        foreach words {
            {-r 3 ping} {-r 2 -i 0.01 ping} {-n 3 get k} {-n 99 ping} {-a foo ping} {-a foo --no-auth-warning ping}
            {--user u --pass x ping} {-e foo} {-r 2 -e foo} {-e ping} {-3 -n 2 ping}
            {--quoted-input set "\"q\\x00q\"" v} {--no-raw keys q*}
        } { same $port $words }
        foreach uri {redis://127.0.0.1:%d redis://127.0.0.1:%d/3 redis://u:p%%21@127.0.0.1:%d} {
            same $port [list -u [format $uri $port] get k]
        }
    }

    test "the password from the environment" {
        set env(REDISCLI_AUTH) secret
        try { same $port {get k} } finally { unset env(REDISCLI_AUTH) }
    }

    test "commands from a pipe" {
        foreach form {{} --no-raw {-3 --no-raw} {-n 2} {-r 2} --csv --json} {
            foreach input [list "set a 1\nget a\nget none\nfoo\n\n3 strlen a\nset \"a b\nlrange l 0 -1\nselect 2\nget a\nquit\nget a\n" \
                    "get k" "" "multi\nset x 1\nexec\nmulti\nfoo\nexec\nmulti\nset x 2\ndiscard\nget x\n" \
                    "set \"a\\x41\" \"\\n\"\nget aA\nset a 'x y'\r\nget a\nSELECT 3\nset z 1\nselect 0\nget k\n"] {
                same $port $form $input
            }
        }
    }

    test "the last or a named argument from standard input" {
        same $port {-x set xx} "hello\nworld\n"
        same $port {--no-raw get xx}
        same $port {-X tag mset x1 tag y 1} "z\0z"
        same $port {--no-raw mget x1 y}
    }

    test "mass insertion" {
        set commands ""
        for {set i 0} {$i < 20000} {incr i} { append commands "SET mass:$i $i\r\n" }
        lassign [run_cli $cli $port --pipe $commands] code out err
        assert_equal 0 $code
        assert_match "*errors: 0, replies: 20000*" $out
        assert_equal 19999 [$r get mass:19999]
        lassign [run_cli $cli $port --pipe "SET pa 1\r\nfoo\r\n*1\r\n\$4\r\nPING\r\n"] code out err
        assert_equal 1 $code
        assert_match "*errors: 1, replies: 3*" $out
        assert_match "ERR unknown command*" $err
    }

    # The order of types in a summary follows no rule there.
    proc sorted_lines {result} { return [lreplace $result 1 1 [lsort [split [lindex $result 1] \n]]] }
    proc same_sorted {port words} {
        assert_equal [sorted_lines [run_cli $::peer $port $words]] [sorted_lines [run_cli $::cli $port $words]] $words
    }

    test "surveys of the keyspace" {
        $r select 5
        for {set i 1} {$i <= 40} {incr i} { $r set s:$i [string repeat x $i] ; $r rpush l:$i a b c }
        $r hset h a b c d
        $r zadd z 1 a
        $r sadd "a b\x01\"" a b
        $r xadd x 1-1 a b
        foreach form {{} --no-raw --csv} { same $port [list {*}$form -n 5 --scan] }
        foreach words {
            {--scan --pattern s:1*} {--scan --quoted-pattern "\"a\\x20b*\""} {--scan --quoted-pattern "\"a"}
            {--scan --pattern nothing*} {-n 6 --scan}
        } { same $port [list -n 5 {*}$words] }
        foreach words {--bigkeys --memkeys {--memkeys-samples 0} {--bigkeys -i 0.001} {--hotkeys} {-n 6 --bigkeys}} {
            same_sorted $port [list -n 5 {*}$words]
        }
        $r config set maxmemory-policy allkeys-lfu
        same $port {-n 5 --hotkeys}
        $r config set maxmemory-policy noeviction
        $r flushdb
        $r select 0
    }

    test "a survey of another server's mistakes ends" {
        foreach bytes [list "-ERR no\r\n" "+OK\r\n" "*2\r\n\$1\r\n0\r\n:1\r\n" "*1\r\n:0\r\n" "*2\r\n*0\r\n*0\r\n" "*2\r\n\$1\r\n0\r\n*1\r\n*0\r\n"] {
            assert_match "1 {*Error:*}" [run_against_fake $bytes --scan]
        }
    }

    test "figures over time" {
        assert_regexp {^0 \{[0-9]+ [0-9]+ [0-9.]+ [0-9]+\n\} \{\}$} [run_cli $cli $port {--latency -i 0.05}]
        assert_regexp {^0 \{[0-9]+,[0-9]+,[0-9.]+,[0-9]+\n\} \{\}$} [run_cli $cli $port {--latency --csv -i 0.05}]
        assert_regexp {^0 \{(\d+ \d+ [0-9.]+ \d+\n){2}\} \{\}$} [run_cli $cli $port {--latency-history -r 2 -i 0.02}]
        assert_regexp {(\x1b\[48;5;\d+m\x1b\[38;5;\d+m.){31}\x1b\[0m . \d+%\n} [lindex [run_cli $cli $port {--latency-dist -r 2 -i 0.02}] 1]
        assert_match "*clients blocked*\n* 0 * (+0)*\n* 0 * (+1)*" [lindex [run_cli $cli $port {--stat -r 2 -i 0.01}] 1]
        assert_match "Max latency so far: *total runs*" [lindex [run_cli $cli 1 {--intrinsic-latency 1}] 1]
        assert_match "*Hits: * Misses: *" [lindex [run_cli $cli $port {-n 6 --lru-test 20 -r 2 -i 0.05}] 1]
        assert_equal 1 [lindex [run_cli $cli 1 --stat] 0]
        $r select 6
        assert_range [$r dbsize] 1 20
        $r flushdb
        $r select 0
    }

    test "the dataset as a file, through SYNC" {
        set dir [harness::temp_dir]
        lassign [run_cli $cli $port [list --rdb $dir/a.rdb]] code out err
        assert_equal {0 {}} [list $code $out] $err
        assert_match "*Transfer finished with success after [file size $dir/a.rdb] bytes*" $err
        assert_equal REDIS [string range [read_file $dir/a.rdb] 0 4]
        assert_match "*OK*" [exec redis-check-rdb $dir/a.rdb]
        assert_match "REDIS*" [lindex [run_cli $cli $port {--functions-rdb -}] 1]
        assert_equal 1 [lindex [run_cli $cli $port [list --rdb $dir/nowhere/x]] 0]
        with_server plain {} {
            lassign [run_cli $cli [server_port $plain] [list --rdb $dir/b.rdb]] code out err
            assert_equal {1 0} [list $code [file exists $dir/b.rdb]] $err
        }
    }

    test "a script from a file" {
        set dir [harness::temp_dir]
        write_file $dir/s.lua {return {KEYS[1],ARGV[1],ARGV[2],#KEYS}}
        foreach words {{k1 k2 , a b} {k , a b} {, a} {k ,} {}} { same $port [list --eval $dir/s.lua {*}$words] }
        same $port [list --no-raw -r 2 --eval $dir/s.lua k , a]
        same $port [list -e --eval $dir/none.lua]
    }

    test "a server that goes away on SHUTDOWN is no error" {
        set other [oracle_start]
        assert_equal {0 {} {}} [run_cli $cli [server_port $other] {shutdown nosave}]
        server_wait_exit $other
    }
}

test "no connection: exit code 1, and which address" {
    set port [free_port]
    assert_equal [list 1 "" "Could not connect to Tarn at 127.0.0.1:$port: Connection refused\n"] [run_cli $cli $port ping]
    assert_equal [list 1 "" "Could not connect to Tarn at 127.0.0.1:$port: Connection refused\n"] [run_cli $cli $port {} "ping\n"]
    assert_match {1 {} {Could not connect to Tarn at /nowhere/s: No such file*}} [run_cli $cli $port {-s /nowhere/s ping}]
}

test "wrong options: exit code 1; help and version" {
    foreach words {--cluster {--cluster help} --tls {--ldb --eval x} {--scan foo} {--count 0 --scan} {--show-pushes maybe ping} {-u rediss://a ping} --nosuch {-p x ping} {-p 70000 ping} {-n x ping} {-i -1 ping} {-u x:1 ping} -p} {
        assert_equal 1 [lindex [run_cli $cli 1 $words] 0] $words
    }
    assert_match {0 {tarn-cli [0-9]*} {}} [run_cli $cli 1 --version]
    assert_match "0 {Usage: *} {}" [run_cli $cli 1 --help]
}

test "replies that are none" {
    foreach bytes [list "" "+OK" "x\r\n" "*3\r\n:1\r\n" ":12a\r\n" "\$5\r\nab" "*99999999999999999999\r\n" \
            "\$99999999999999999999\r\n" "*2147483647\r\n" "[string repeat "*1\r\n" 100000]:1\r\n" "%1\r\n+a\r\n" "\$-2\r\n"] {
        lassign [run_against_fake $bytes] code out
        assert_equal 1 $code [harness::show [string range $bytes 0 40]]
        assert_match "Error: *" $out
    }
}

test "a cluster's redirections are followed with -c" {
    with_server srv {} {
        set r [client $srv]
        $r set k v
        foreach word {MOVED ASK} {
            lassign [run_against_fake "-$word 12 127.0.0.1:[server_port $srv]\r\n" -e] code out
            assert_equal 1 $code
            assert_match "$word 12 *" $out
        }
        assert_equal "0 {PONG\n}" [run_against_fake "-MOVED 12 127.0.0.1:[server_port $srv]\r\n" -c]
        assert_equal "0 {PONG\n}" [run_against_fake "-MOVED 12 :[server_port $srv]\r\n" -c]
    }
    assert_match "1 {Could not connect*}" [run_against_fake "-MOVED 12 127.0.0.1:[free_port]\r\n" -c]
    foreach bytes {"-MOVED 12 x" "-MOVED" "-MOVED 1 a:b" "-ASK 1 a:70000" "-MOVED a b c d"} {
        assert_match "0 {*}" [run_against_fake "$bytes\r\n" -c]
    }
}

test "attributes are left out, pushes do not answer" {
    assert_equal "0 {v\n}" [run_against_fake "|1\r\n+ttl\r\n*2\r\n:1\r\n:2\r\n+v\r\n"]
    assert_equal "0 {1) \"a\"\n}" [run_against_fake "*1\r\n|1\r\n+k\r\n|1\r\n+x\r\n+y\r\n+z\r\n\$1\r\na\r\n" --no-raw]
    assert_equal "0 {PONG\n}" [run_against_fake ">2\r\n+invalidate\r\n*1\r\n+k\r\n+PONG\r\n"]
    assert_equal "0 {(big number) 123456789012345678901234567890\n}" \
        [run_against_fake "(123456789012345678901234567890\r\n" --no-raw]
    assert_equal "0 {(error) SYNTAX wrong\n}" [run_against_fake "!12\r\nSYNTAX wrong\r\n" --no-raw]
}
