# Keys as such: DEL, EXISTS, TYPE, RENAME, COPY, MOVE, OBJECT, whole databases, WAIT.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

with_both {

test "DEL, UNLINK, EXISTS, TOUCH, TYPE: as redis-server" {
    fresh
    same {
        {del} {unlink} {exists} {touch} {type} {type a b} {set a 1} {set b 2} {exists a} {exists a a a x} {touch a b x}
        {type a} {type x} {del a a x} {exists a} {unlink b b x} {unlink b} {dbsize} {dbsize x} {randomkey} {randomkey x}
        {set "" empty} {exists ""} {get ""} {randomkey} {del ""}
    }
    set long [string repeat k 300]
    same [list [list set $long v] [list get $long] [list exists $long] [list rename $long b] [list exists $long] {get b} \
        [list rename b $long] [list expire $long 100] [list ttl $long] [list del $long]]
}

test "RENAME and RENAMENX: as redis-server" {
    fresh
    same_state {a b c} {
        {rename} {rename a} {rename a b} {rename a a} {renamenx a b} {renamenx a a} {set a 1 ex 100} {rename a b}
        {rename b b} {renamenx b b} {set c 12 ex 50} {rename b c} {set b raw} {renamenx c b} {renamenx c a} {rename b a}
        {append a x} {rename a b} {rename a b c}
    }
}

test "COPY: as redis-server" {
    fresh
    same_state {a b} {
        {copy} {copy a} {copy a b} {copy a a} {set a 1 ex 100} {copy a a} {copy a b} {copy a b} {copy a b replace}
        {copy a b REPLACE replace} {copy a b db 1} {copy a b db 1} {copy a b db 1 replace} {copy a a db 0} {copy a a db 1}
        {copy a b db} {copy a b db x} {copy a b db -1} {copy a b db 16} {copy a b db 99999999999} {copy a b foo}
        {copy a b replace db} {copy a b db 1 db 2} {copy x b db 16} {copy x b replace} {set b 5} {copy b a replace}
        {append a 5} {copy a b replace}
    }
    same {{select 1} {keys *} {get b} {ttl b} {select 2} {keys *} {select 0}}
}

test "a copy of a long value is a value of its own" {
    $r flushall
    $r set a [string repeat x 100000]
    $r copy a b
    $r setrange a 0 yyy
    assert_equal [string repeat x 100000] [$r get b]
    $r rename a c
    assert_equal yyyx [$r getrange c 0 3]
    assert_equal 100000 [$r strlen c]
}

test "MOVE and SWAPDB: as redis-server" {
    fresh
    same {
        {move} {move a} {move a 1} {move a 0} {move a x} {move a 16} {move a -1} {move a 99999999999} {move a 1.5}
        {set a 1 ex 100} {set b 2} {move a 1} {exists a} {move b 1} {set b 3} {move b 1} {select 1} {get a} {get b} {ttl a}
        {move a 0} {select 0} {get a} {ttl a}
        {swapdb} {swapdb 0} {swapdb 0 1} {keys *} {get b} {swapdb 1 0} {get a} {swapdb 0 0} {swapdb x 0} {swapdb 0 x}
        {swapdb 0 16} {swapdb -1 0} {swapdb 99999999999 0} {swapdb 0 99999999999} {swapdb 1.5 0}
    }
}

test "SWAPDB is seen by other clients at once, with the expiry" {
    $r flushall
    set other [client $srv]
    $other select 1
    $r set k zero px 50
    $other set k one
    $r swapdb 0 1
    assert_equal one [$r get k]
    wait_for {[$other dbsize] == 0}
    assert_equal one [$r get k]
}

test "FLUSHDB and FLUSHALL: as redis-server" {
    fresh
    same {
        {set a 1} {select 1} {set b 1} {flushdb foo} {flushdb sync async} {flushall foo} {flushall sync sync} {dbsize}
        {flushdb} {dbsize} {select 0} {dbsize} {flushdb SYNC} {dbsize} {set a 1} {flushdb async} {set a 1} {flushall sync}
        {dbsize} {set a 1} {flushall ASYNC} {dbsize}
    }
}

test "a flush gives the memory back" {
    $r flushall sync
    set before [info_field $r used_memory memory]
    $r debug populate 100000 key 100
    assert {[info_field $r used_memory memory] > $before + 10000000}
    $r flushall
    assert_equal 0 [$r dbsize]
    wait_for {[info_field $r used_memory memory] < $before + 1000000}
    $r debug populate 100000 key 100
    $r flushall sync
    assert {[info_field $r used_memory memory] < $before + 1000000}
}

test "OBJECT: as redis-server" {
    fresh
    set requests {
        {object} {object foo} {object foo a} {object encoding} {object encoding a b} {object freq} {object help x}
        {object encoding a} {object freq a} {object idletime a} {object refcount a}
        {set a 1} {object refcount a} {set a 9999} {object refcount a} {set a 10000} {object refcount a} {set a -1}
        {object refcount a} {set a x} {object refcount a} {object freq a} {object idletime a}
    }
    foreach value {0 -0 01 123 9223372036854775807 9223372036854775808 -9223372036854775808 1.5 "" abc} {
        lappend requests [list set a $value] {object encoding a}
    }
    foreach n {20 44 45 255 256 100000} { lappend requests [list set a [string repeat x $n]] {object encoding a} }
    same $requests
    assert_match "*OBJECT <subcommand>*ENCODING*FREQ*IDLETIME*REFCOUNT*HELP*" [$r object help]
}

test "OBJECT IDLETIME and FREQ show and keep the clocks" {
    $r flushall
    $r set a x
    assert_range [$r object idletime a] 0 1
    $r restore b 0 [$r dump a] idletime 1000
    assert_range [$r object idletime b] 1000 1001
    $r exists b
    $r type b
    $r ttl b
    $r object encoding b
    assert_range [$r object idletime b] 1000 1001
    $r touch b
    assert_range [$r object idletime b] 0 1
}

test "hits and misses count as in redis-server" {
    fresh
    foreach c [list $r $o] { $c config resetstat }
    foreach request {
        {set a 1} {exists a} {exists x} {type a} {ttl x} {touch a x} {object encoding a} {object encoding x} {dump a}
        {copy a b} {copy x b} {rename x b} {rename a c} {move x 1} {move c 1} {expire b 100} {persist b} {del x} {keys b}
        {keys *} {scan 0} {randomkey} {pexpiretime b}
    } {
        foreach c [list $r $o] { catch {$c {*}$request} }
        foreach field {keyspace_hits keyspace_misses} {
            assert_equal [info_field $o $field stats] [info_field $r $field stats] "$field after $request"
        }
    }
}

test "changes since the last save count as in redis-server" {
    fresh
    set ours [info_field $r rdb_changes_since_last_save persistence]
    set theirs [info_field $o rdb_changes_since_last_save persistence]
    foreach request {
        {flushall} {set a 1} {rename a b} {rename b b} {copy b c} {move b 1} {expire c 10} {persist c} {persist c}
        {expire c -1} {set a 1} {unlink a z} {swapdb 0 0} {swapdb 0 1} {touch a} {expire x 10} {set a 1} {set b 1} {flushdb}
        {flushdb} {pexpireat a 1}
    } {
        foreach c [list $r $o] { $c {*}$request }
        set our [expr {[info_field $r rdb_changes_since_last_save persistence] - $ours}]
        set their [expr {[info_field $o rdb_changes_since_last_save persistence] - $theirs}]
        assert_equal $their $our $request
    }
}

test "WAIT and WAITAOF of a server without replicas" {
    same {{wait} {wait 0} {wait 0 0} {wait -1 0} {wait x 0} {wait 0 x} {wait 0 -1} {wait 1 20} {wait 99999999999999999999 0}}
    assert_equal {0 0} [$r waitaof 0 0 0]
    assert_equal {0 0} [$r waitaof 0 1 20]
    assert_error "ERR WAITAOF cannot be used*" {$r waitaof 1 0 0}
    assert_error "ERR value is out of range*" {$r waitaof 2 0 0}
    assert_error "ERR value is out of range, must be positive" {$r waitaof 0 -1 0}
    set waiting [client $srv]
    set id [$waiting client id]
    $waiting -send wait 1 0
    wait_for {[info_field $r blocked_clients clients] == 1}
    $r client unblock $id
    assert_equal 0 [$waiting -read]
    $waiting -send wait 1 0
    wait_for {[info_field $r blocked_clients clients] == 1}
    $r client unblock $id error
    assert_error "UNBLOCKED*" {$waiting -read}
}

test "COMMAND INFO of the generic group: as redis-server" {
    foreach name {
        copy dbsize del dump exists expire expireat expiretime flushall flushdb keys move persist pexpire pexpireat
        pexpiretime pttl rename renamenx restore restore-asking swapdb touch ttl type unlink
    } {
        same [list [list command info $name] [list command getkeysandflags $name a b c]]
    }
}
}
