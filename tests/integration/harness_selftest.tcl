# The harness tried on a server that is known to work: Debian's redis-server, whatever -server says.
source [file join [file dirname [info script]] harness harness.tcl]

if {![file executable $harness::oracle]} {
    test "an oracle to try the harness on" { skip "no $harness::oracle" }
    exit
}

test "a server starts, answers and stops" {
    set srv [oracle_start]
    set r [client $srv]
    assert_equal PONG [$r ping]
    assert_equal OK [$r set k "a\r\nb\x00\xff"]
    assert_equal "a\r\nb\x00\xff" [$r get k]
    assert_equal (nil) [$r get absent]
    assert_equal {null bulk} [$r -typed get absent]
    assert_equal {int 1} [$r -typed del k]
    assert_match "*Ready to accept connections*" [server_log $srv]
    assert_range [server_rss_kb $srv] 1000 1000000
    server_stop $srv
    assert_equal 0 [server_wait_exit $srv]
    assert ![server_running $srv]
}

test "configuration by file, by flags and on standard input" {
    foreach via {flags file stdin} {
        set srv [oracle_start -via $via -config {save {60 1000} maxclients 77}]
        set r [client $srv]
        assert_equal {maxclients 77} [$r config get maxclients] $via
        assert_equal {save {60 1000}} [$r config get save] $via
    }
}

test "quotes, spaces and redirection characters reach the server" {
    foreach via {flags file} {
        set srv [oracle_start -via $via -config {requirepass {{>pass "word" it's}}}]
        set r [client_connect 127.0.0.1 [server_port $srv]]
        assert_error "NOAUTH*" {$r get x}
        set r [client $srv]
        assert_equal {>pass "word" it's} [lindex [$r config get requirepass] 1]
    }
}

test "error replies raise errors, typed reads do not" {
    set srv [oracle_start]
    set r [client $srv]
    assert_error "ERR unknown command 'nonsense'*" {$r nonsense}
    assert_match "ERR wrong number*" [lindex [$r -typed get] 1]
    assert_equal {{status OK} {bulk 1} {error {WRONGTYPE Operation against a key holding the wrong kind of value}}} \
        [$r -pipeline {{set a 1} {get a} {lpush a x}}]
}

test "RESP3 types and plain forms" {
    set srv [oracle_start]
    set r [client $srv]
    assert_equal map [lindex [$r -typed hello 3] 0]
    assert_equal {null resp3} [$r -typed get x]

}

test "every RESP3 reply the oracle can make" {
    set srv [oracle_start]
    set r [client $srv]
    set version [dict get [$r hello 3] version]
    foreach {kind pattern} {
        string {bulk {Hello World}} integer {int 12345} double {double 3.141*} null {null resp3}
        array {array {{int 0} {int 1} {int 2}}} set {set {{int 0} {int 1} {int 2}}}
        map {map {{int 0} {bool f} {int 1} {bool t} {int 2} {bool f}}} verbatim {verbatim {txt {This is a verbatim*string}}}
        true {bool t} false {bool f} bignum {bignum 1234567999999999999999999999999999999}
    } {
        assert_match $pattern [$r -typed debug protocol $kind] $kind
    }
    $r -typed debug protocol attrib
    assert_match {map *} [$r -attributes]
    $r -send debug protocol push
    assert_match {push {{bulk server-cpu-usage} {int 42}}} [$r -push]
}

test "pushes are kept apart from replies" {
    set srv [oracle_start]
    set r [client $srv]
    set other [client $srv]
    $r hello 3
    $r client tracking on bcast
    $r set mine 1
    assert_match {push {{bulk invalidate} {array {{bulk mine}}}}} [$r -push]
    $other set theirs 1
    assert_equal PONG [$r ping]
    assert_match {push {{bulk invalidate} {array {{bulk theirs}}}}} [$r -push]
}

test "raw bytes, inline commands, half-closed connections" {
    set srv [oracle_start]
    set r [client $srv]
    $r -raw "PING\r\nECHO 'a b'\r\n"
    assert_equal "+PONG\r\n\$3\r\na b\r\n" [$r -raw_read 16]
    $r -raw "*x\r\n"
    assert_match "-ERR Protocol error*" [$r -raw_rest]
    assert [$r -closed?]
    set r [client $srv]
    $r -raw "PING\r\n"
    $r -half_close
    assert_match "+PONG\r\n*" [$r -raw_rest]
}

test "a big request and a big reply" {
    set srv [oracle_start]
    set r [client $srv]
    set value [string repeat "0123456789abcdef" 500000]
    assert_equal OK [$r set big $value]
    assert_equal $value [$r get big]
    set commands {}
    for {set i 0} {$i < 2000} {incr i} { lappend commands [list set k$i $i] [list get k$i] }
    assert_equal 4000 [llength [$r -pipeline $commands]]
    assert_equal 2001 [$r dbsize]
}

test "a missing reply is a failure, not a hang" {
    set srv [oracle_start]
    set r [client $srv]
    $r -timeout 100
    set started [clock milliseconds]
    assert_equal 1 [catch {$r blpop nothing 0} why]
    assert_match "no reply within*" $why
    assert_range [expr {[clock milliseconds] - $started}] 90 [expr {3000 * $harness::slow}]
}

test "wait_for waits, and says what it waited for" {
    set counter 0
    wait_for {[incr counter] > 3}
    assert_equal 1 [catch {wait_for {0 == 1} 50} why]
    assert_match "waited * for: 0 == 1" $why
}

test "assertions can fail" {
    foreach script {
        {assert {1 == 2}} {assert_equal a b} {assert_not_equal a a} {assert_match a* b} {assert_no_match a* ab}
        {assert_regexp {^\d+$} x} {assert_range 5 6 7} {assert_error x* {error y}} {assert_error x* {set y 1}} {fail x}
    } {
        assert_equal 1 [catch $script why details] $script
        assert_equal {harness assert} [dict get $details -errorcode] $script
    }
}

test "a crash is noticed" {
    set srv [oracle_start]
    server_signal $srv KILL
    wait_for {![server_running $srv]}
    assert_match "server $srv ended by itself with SIGKILL*" [server_fault $srv]
    # Said once.
    assert_equal "" [server_fault $srv]
}

test "a sanitizer report is noticed" {
    foreach text {
        "==12==ERROR: AddressSanitizer: heap-use-after-free on address 0x1"
        "WARNING: ThreadSanitizer: data race (pid=3)"
        "x.c:1:2: runtime error: signed integer overflow"
        "==1==ERROR: LeakSanitizer: detected memory leaks"
    } {
        assert_match "sanitizer report:*" [harness::server::report "line\n$text\nmore\n"] $text
    }
    assert_equal "" [harness::server::report "an ordinary log"]
}

test "a start that fails is seen with its exit code" {
    set srv [oracle_start -config {maxclients nonsense} -wait exit]
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*maxclients*" [server_log $srv]
    assert_equal 1 [catch {oracle_start -config {maxclients nonsense}} why]
    assert_match "the server left with 1 before it was ready*" $why
}

test "restart keeps folder and port; config can change; kill is a kill" {
    set srv [oracle_start -config {save {900 1}}]
    set port [server_port $srv]
    [client $srv] set k v
    server_restart $srv -config {maxclients 99}
    assert_equal $port [server_port $srv]
    set r [client $srv]
    assert_equal v [$r get k]
    assert_equal 99 [lindex [$r config get maxclients] 1]
    server_kill $srv
    assert_equal SIGKILL [server_wait_exit $srv]
}

test "crc64 of the check string" {
    assert_equal e9c6d914c4b8d9ca [format %lx [rdb::crc64 123456789]]
}

test "a hand-made RDB file loads in the oracle" {
    set later [expr {[clock milliseconds] + 3600000}]
    set path [file join [harness::temp_dir] made.rdb]
    rdb::write $path [string cat [rdb::header 10] [rdb::aux redis-ver 7.0.15] [rdb::select 0] [rdb::resize 9 2] \
        [rdb::key plain value] [rdb::raw_key 0 i8 [rdb::int -5 8]] [rdb::raw_key 0 i16 [rdb::int 1000 16]] \
        [rdb::raw_key 0 i32 [rdb::int -100000 32]] \
        [rdb::raw_key 0 lzf [rdb::lzf_literals [string repeat abcdefgh 10]]] [rdb::key long [string repeat x 20000]] \
        [rdb::expire_ms $later] [rdb::key ms 1] [rdb::expire_s [expr {$later / 1000}]] [rdb::key s 2] \
        [rdb::idle 1000] [rdb::key idle 1] [rdb::select 3] [rdb::freq 7] [rdb::key other 1] [rdb::eof]]
    set srv [oracle_start -rdb $path]
    set r [client $srv]
    assert_equal {value -5 1000 -100000} [$r mget plain i8 i16 i32]
    assert_equal [string repeat abcdefgh 10] [$r get lzf]
    assert_equal 20000 [$r strlen long]
    assert_equal $later [$r pexpiretime ms]
    assert_equal [expr {$later / 1000}] [$r expiretime s]
    assert_range [$r object idletime idle] 999 1010
    $r select 3
    assert_equal 1 [$r get other]
    rdb::write $path [rdb::header 10][rdb::key a b][rdb::eof] -crc wrong
    set srv [oracle_start -rdb $path -wait exit]
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*checksum*" [server_log $srv]
}

test "INFO helpers" {
    set srv [oracle_start]
    set r [client $srv]
    assert_equal [server_pid $srv] [info_field $r process_id server]
    assert_equal "" [info_field $r no_such_field]
}

with_server shared [list -binary $harness::oracle] {
    test "one server for several tests: first" { [client $shared] set x 1 }
    test "one server for several tests: second" { assert_equal 1 [[client $shared] get x] }
}
