# DEBUG: the forms that other tests lean on.
source [file join [file dirname [info script]] harness harness.tcl]

test "DEBUG needs enable-debug-command" {
    set refusal "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\"*"
    set srv [server_start -config {enable-debug-command no}]
    assert_error $refusal {[client $srv] debug sleep 0}
    assert_error $refusal {[client $srv] debug nonsense}
    assert_error "ERR wrong number of arguments for 'debug' command" {[client $srv] debug}
    set srv [server_start -config {enable-debug-command local}]
    assert_equal OK [[client $srv] debug sleep 0]
}

with_server srv {} {
    test "DEBUG answers unknown forms and wrong numbers of arguments alike" {
        set r [client $srv]
        foreach form {{nonsense} {sleep} {sleep 1 2} {populate} {digest x} {object} {protocol}} {
            assert_error "ERR unknown subcommand or wrong number of arguments for '[lindex $form 0]'. Try DEBUG HELP." \
                {$r debug {*}$form}
        }
        assert_match "*DEBUG <subcommand>*RELOAD*HELP*" [$r debug help]
    }

    test "DEBUG POPULATE makes what is missing" {
        set r [client $srv]
        $r flushall
        $r set key:3 mine
        assert_equal OK [$r debug populate 10]
        assert_equal 10 [$r dbsize]
        assert_equal {mine value:9} [list [$r get key:3] [$r get key:9]]
        $r debug populate 3 p 4
        $r debug populate 2 q 12
        assert_equal [list valu "value:1\0\0\0\0\0"] [list [$r get p:2] [$r get q:1]]
        assert_error "ERR value is out of range, must be positive" {$r debug populate -1}
        assert_error "ERR value is out of range, must be positive" {$r debug populate x}
        assert_error "ERR value is out of range, must be positive" {$r debug populate 1 p -1}
        assert_equal 0 [$r exists key:10]
    }

    test "DEBUG SLEEP holds everybody" {
        set r [client $srv]
        set other [client $srv]
        set start [clock milliseconds]
        $r -send debug sleep 0.2
        harness::pause 20
        assert_equal PONG [$other ping]
        assert_range [expr {[clock milliseconds] - $start}] 150 5000
        assert_equal OK [$r -read]
        assert_equal OK [$r debug sleep nonsense]
    }

    test "DEBUG SET-ACTIVE-EXPIRE 0 leaves expired keys until they are looked at" {
        set r [client $srv]
        $r flushall
        assert_equal OK [$r debug set-active-expire 0]
        $r set k v px 1
        harness::pause 50
        assert_equal 1 [$r dbsize]
        assert_equal (nil) [$r get k]
        assert_equal 0 [$r dbsize]
        $r set k v px 1
        $r debug set-active-expire 1
        wait_for {[$r dbsize] == 0}
    }

    test "DEBUG OBJECT, SDSLEN, HTSTATS, STRUCTSIZE, MALLCTL say something plausible" {
        set r [client $srv]
        $r flushall
        $r mset number 12345 text "some text"
        assert_regexp {^Value at:0x[0-9a-f]+ refcount:1 encoding:int serializedlength:3 lru:\d+ lru_seconds_idle:\d+$} \
            [$r debug object number]
        assert_regexp {^Value at:0x[0-9a-f]+ refcount:1 encoding:embstr serializedlength:10 lru:} [$r debug object text]
        assert_no_match "*serializedlength*" [$r debug object text fast]
        assert_error "ERR no such key" {$r debug object absent}
        assert_regexp {^key_sds_len:4, key_sds_avail:0, key_zmalloc: \d+, val_sds_len:9, } [$r debug sdslen text]
        assert_error "ERR Not an sds encoded string." {$r debug sdslen number}
        assert_match "*Dictionary HT*Expires HT*" [$r debug htstats 0]
        assert_error "ERR Out of range database" {$r debug htstats 99}
        assert_match "bits:64 *" [$r debug structsize]
        set reply [$r -typed debug mallctl thread.allocated]
        assert [expr {[lindex $reply 0] eq "int" || [string match "*jemalloc is not in use*" $reply]}] $reply
        assert_equal error [lindex [$r -typed debug mallctl no.such.name] 0]
        assert_equal error [lindex [$r -typed debug mallctl-str thread.allocated] 0]
    }

    test "DEBUG ERROR, LOG and the accepted ones" {
        set r [client $srv]
        assert_error "MYCODE some text" {$r debug error "MYCODE some text"}
        assert_equal OK [$r debug log "mark 42"]
        assert_match "*DEBUG LOG: mark 42*" [server_log $srv]
        foreach form {{change-repl-id} {jmap} {dict-resizing 1} {set-disable-deny-scripts 1} {quicklist-packed-threshold 5b}
                      {replybuffer resizing 0} {pause-cron 1} {pause-cron 0}} {
            assert_equal OK [$r debug {*}$form] $form
        }
    }
}

# ---- round trips ----
proc fill {r n} {
    for {set i 0} {$i < $n} {incr i} {
        $r set key:$i [string repeat "v$i " [expr {$i % 50}]]
        if {$i % 3 == 0} { $r pexpire key:$i 10000000 }
        if {$i % 7 == 0} { $r set number:$i [expr {$i * 1000003 - 500}] }
    }
    $r select 9
    $r set "odd \x00\xff" "\r\n\x00"
    $r append raw [string repeat x 10]
    $r select 0
}

test "DEBUG RELOAD brings the same data back" {
    set srv [server_start]
    set r [client $srv]
    fill $r 300
    set before [$r debug digest]
    set ttl [$r pexpiretime key:3]
    assert_equal OK [$r debug reload]
    assert_equal $before [$r debug digest]
    assert_equal $ttl [$r pexpiretime key:3]
    $r set key:1 changed
    assert_equal OK [$r debug reload nosave]
    assert_equal $before [$r debug digest]
    assert_error "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options." {$r debug reload nonsense}
}

test "DEBUG RELOAD NOSAVE NOFLUSH: the file's keys join the others, or none of them" {
    set srv [server_start]
    set r [client $srv]
    $r mset a file b file
    $r save
    $r flushall
    $r mset b mine c mine
    assert_error "ERR The file holds keys that exist already*" {$r debug reload nosave noflush}
    assert_equal {(nil) mine mine} [$r mget a b c]
    assert_equal OK [$r debug reload nosave noflush merge]
    assert_equal {file file mine} [$r mget a b c]
}

test "a file that cannot be loaded leaves the data as it was" {
    set srv [server_start]
    set r [client $srv]
    $r set a 1
    rdb::write [server_dir $srv]/dump.rdb [rdb::header 10][rdb::key b 2][rdb::eof] -crc wrong
    assert_error "ERR Error trying to load the RDB dump*" {$r debug reload nosave}
    assert_equal 1 [$r get a]
    file delete [server_dir $srv]/dump.rdb
    assert_error "ERR Error trying to load the RDB dump*" {$r debug reload nosave}
    assert_equal 1 [$r get a]
    assert_equal OK [$r set a 2]
}

test "while DEBUG RELOAD loads, others hear -LOADING" {
    set srv [server_start -config {key-load-delay 200000}]
    set r [client $srv]
    set other [client $srv]
    $r debug populate 50
    $r -send debug reload
    wait_for {[string match LOADING* [lindex [$other -typed get key:1] 1]]}
    assert_error "LOADING*" {$other debug reload}
    assert_error "LOADING*" {$other debug populate 5}
    assert_equal OK [$other config set key-load-delay 0]
    assert_equal OK [$r -read]
    assert_equal value:1 [$other get key:1]
    assert_equal 50 [$other dbsize]
}

test "who asked for a DEBUG RELOAD may leave meanwhile" {
    set srv [server_start -config {key-load-delay 200000}]
    set r [client $srv]
    set other [client $srv]
    $r debug populate 50
    $r -send debug reload
    wait_for {[string match LOADING* [lindex [$other -typed get key:1] 1]]}
    $r -close
    $other config set key-load-delay 0
    wait_for {[lindex [$other -typed get key:1] 0] ne "error"}
    assert_equal 50 [$other dbsize]
    assert_equal OK [$other debug reload]
}

test "DEBUG RELOAD during a BGSAVE asks for patience" {
    set srv [server_start -config {rdb-key-save-delay 200000}]
    set r [client $srv]
    $r debug populate 50
    $r bgsave
    foreach form {{} nosave {nosave noflush merge}} {
        assert_error "ERR A save is running*" {$r debug reload {*}$form}
    }
    $r config set rdb-key-save-delay 0
    wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0}
    assert_equal OK [$r debug reload]
    assert_equal 50 [$r dbsize]
}

test "after a DEBUG RELOAD the dataset keeps its settings" {
    set srv [server_start -config {maxmemory-policy allkeys-lfu}]
    set r [client $srv]
    $r debug set-active-expire 0
    $r set k v
    $r debug reload
    assert_range [$r object freq k] 0 255
    $r set gone v px 1
    harness::pause 50
    assert_equal 2 [$r dbsize]
}

# ---- beside redis-server ----
test "DEBUG PROTOCOL: every type, both protocols, as redis-server" {
    if {![file executable $harness::oracle]} { skip "no $harness::oracle" }
    set t [client [server_start]]
    set o [client [oracle_start]]
    foreach version {2 3} {
        $t hello $version
        $o hello $version
        foreach type {string integer double bignum null array set map attrib verbatim true false nonsense} {
            assert_equal [$o -typed debug protocol $type] [$t -typed debug protocol $type] "RESP$version $type"
        }
    }
}

test "DEBUG DIGEST and DIGEST-VALUE equal redis-server's" {
    if {![file executable $harness::oracle]} { skip "no $harness::oracle" }
    set t [client [server_start]]
    set o [client [oracle_start]]
    assert_equal [$o debug digest] [$t debug digest]
    foreach r [list $t $o] { fill $r 200 }
    assert_equal [$o debug digest] [$t debug digest]
    assert_equal [$o debug digest-value key:0 key:1 number:7 absent] [$t debug digest-value key:0 key:1 number:7 absent]
    foreach r [list $t $o] { $r persist key:0; $r del key:1 }
    assert_equal [$o debug digest] [$t debug digest]
}

# ---- ends ----
test "DEBUG SEGFAULT, PANIC, ASSERT, OOM end the process and nothing else" {
    foreach form {segfault panic assert oom} {
        set srv [server_start]
        set r [client $srv]
        catch {$r debug $form}
        assert_not_equal 0 [server_wait_exit $srv] $form
        server_discard $srv ;# with what it says of the crash
    }
}
