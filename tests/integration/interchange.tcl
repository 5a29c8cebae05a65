# Random data of all types goes from redis-server to Tarn and back, in files and in DUMP payloads: the same DEBUG DIGEST at each
# step.
source [file join [file dirname [info script]] harness harness.tcl]

proc below {n} { return [expr {int(rand() * $n)}] }
proc pick {items} { return [lindex $items [below [llength $items]]] }

# Texts of the kinds that are kept in different ways: numbers of every width, short, long, compressible, binary.
proc text {{most 200}} {
    switch [below 7] {
        0 { return [below 200] }
        1 { return [expr {wide(rand() * pow(2, 1 + [below 62])) * [pick {1 -1}]}] }
        2 { return [pick {"" -0 007 1.50 +1 " 1" 9223372036854775808 -9223372036854775808 nan inf}] }
        3 { return [string repeat [pick {a xy longer\\x00}] [below $most]] }
        default {
            set bytes {}
            for {set n [below [pick [list 3 20 [expr {$most / 4}]]]]} {$n > 0} {incr n -1} { lappend bytes [below 4294967296] }
            return [binary format i* $bytes][string range xyz 1 [below 3]]
        }
    }
}

# How many elements: mostly few, now and then more than one pack holds.
proc size {} { return [expr {1 + [below [pick {3 3 20 20 140 140 600 1500}]]}] }
proc score {} { return [pick [list [below 10] -[below 1000] [expr {rand() * 1000 - 500}] inf -inf 1e300 5e-324 0.1 [expr {wide(rand() * 1e18)}]]] }

proc make_string {key} { return [list [list set $key [text 20000]]] }
proc make_list {key} {
    set request [list [pick {rpush lpush}] $key]
    for {set n [size]} {$n > 0} {incr n -1} { lappend request [text] }
    return [list $request]
}
proc make_set {key} {
    set request [list sadd $key]
    set numbers [below 2]
    for {set n [size]} {$n > 0} {incr n -1} {
        if {$numbers} { lappend request [expr {(1 << [below 40]) + [below 1000]}] } else { lappend request [text] }
    }
    return [list $request]
}
proc make_hash {key} {
    set request [list hset $key]
    for {set n [size]} {$n > 0} {incr n -1} { lappend request [text] [text] }
    return [list $request]
}
proc make_zset {key} {
    set request [list zadd $key]
    for {set n [size]} {$n > 0} {incr n -1} { lappend request [score] [text] }
    return [list $request]
}
proc make_stream {key} {
    set requests {}
    set ms 0
    for {set n [expr {1 + [size] / 4}]} {$n > 0} {incr n -1} {
        set request [list xadd $key [incr ms [expr {1 + [below 1000]}]]-[below 5]]
        if {[below 10] == 0} { lappend request [text] [text] }
        lappend request field [text] other [text]
        lappend requests $request
    }
    for {set i [below 4]} {$i > 0} {incr i -1} { lappend requests [list xtrim $key maxlen [below 100]] }
    for {set i [below 3]} {$i > 0} {incr i -1} {
        lappend requests [list xgroup create $key group$i [below $ms]-0] [list xgroup createconsumer $key group$i idle]
        lappend requests [list xreadgroup group group$i [text] count [expr {1 + [below 20]}] streams $key >]
    }
    return $requests
}

# All of them must be taken.
proc make {r type key} {
    set requests [make_$type $key]
    foreach request $requests reply [$r -pipeline $requests] {
        if {[lindex $reply 0] eq "error"} { fail "[lrange $request 0 1]: $reply" }
    }
}

set types {string list set hash zset stream}

# keys of each type in random databases, some with a TTL far away.
proc fill {r keys} {
    $r flushall
    foreach type $::types {
        for {set i 0} {$i < $keys} {incr i} {
            $r select [below 3]
            make $r $type $type:$i
            if {[below 4] == 0} { $r pexpireat $type:$i [expr {4000000000000 + [below 1000000]}] }
        }
    }
}

proc groups_of {r key} {
    set all {}
    foreach group [$r xinfo groups $key] {
        set name [dict get $group name]
        set consumers {}
        foreach consumer [$r xinfo consumers $key $name] { lappend consumers [dict get $consumer name] [dict get $consumer pending] }
        lappend all $group $consumers [lmap row [$r xpending $key $name - + 1000] { lreplace $row 2 2 }]
    }
    return $all
}

# What digests leave out: times, and the groups of streams.
proc rest {r} {
    set all {}
    for {set db 0} {$db < 3} {incr db} {
        $r select $db
        foreach key [lsort [$r keys *]] {
            lappend all $db $key [$r pexpiretime $key]
            if {[$r type $key] eq "stream"} {
                lappend all [dict remove [$r xinfo stream $key] radix-tree-keys radix-tree-nodes] [groups_of $r $key]
            }
        }
    }
    $r select 0
    return $all
}

proc same_data {a b} {
    assert_equal [$a debug digest] [$b debug digest]
    assert_equal [rest $a] [rest $b]
}

test "files go from redis-server to Tarn and back" {
    foreach {config keys} {{} 40 {list-max-listpack-size 3 hash-max-listpack-entries 8 zset-max-listpack-value 8} 15} {
        set first [oracle_start -config $config]
        set o [client $first]
        fill $o $keys
        $o save
        set srv [server_start -rdb [file join [server_dir $first] dump.rdb]]
        set r [client $srv]
        same_data $o $r
        foreach {name value} {rdbcompression yes rdbcompression no} {
            $r config set $name $value
            $r save
            set last [oracle_start -rdb [file join [server_dir $srv] dump.rdb]]
            same_data $r [client $last]
            server_stop $last
        }
        $r debug reload
        same_data $o $r
        server_stop $first
        server_stop $srv
    }
}

test "function libraries, which do not run here, are carried on" {
    set theirs [server_start -binary $harness::oracle]
    set o [client $theirs]
    foreach name {one two} {
        $o function load "#!lua name=$name\nredis.register_function('$name', function() return '$name' end)"
    }
    $o set k v
    set libraries [lsort [$o function list withcode]]
    $o save
    set ours [server_start -rdb [file join [server_dir $theirs] dump.rdb]]
    set r [client $ours]
    assert_match "*function library is kept*" [server_log $ours]
    $r debug reload
    $r save
    set again [server_start -binary $harness::oracle -rdb [file join [server_dir $ours] dump.rdb]]
    set o [client $again]
    assert_equal $libraries [lsort [$o function list withcode]]
    assert_equal one [$o fcall one 0]
    assert_equal v [$o get k]
}

test "version 11 and version 80 of a file say the same" {
    set first [oracle_start]
    set o [client $first]
    fill $o 20
    $o save
    set srv [server_start -rdb [file join [server_dir $first] dump.rdb]]
    set r [client $srv]
    foreach version {11 80} {
        $r config set rdb-version $version
        $r debug reload
        assert_match [expr {$version == 80 ? "VALKEY080*" : "REDIS0011*"}] [read_file [file join [server_dir $srv] dump.rdb]]
        same_data $o $r
    }
}

test "DUMP of either side is restored by the other" {
    set ours [server_start]
    set theirs [oracle_start]
    set r [client $ours]
    set o [client $theirs]
    foreach type $types {
        for {set i 0} {$i < 40} {incr i} {
            set from [pick [list $r $o]]
            set to [expr {$from eq $r ? $o : $r}]
            $from del k
            make $from $type k
            set payload [$from dump k]
            assert_equal OK [$to restore k 0 $payload replace]
            assert_equal [$from debug digest-value k] [$to debug digest-value k] "$type from [expr {$from eq $r ? "Tarn" : "redis-server"}]"
            assert_equal OK [$from restore again 0 [$to dump k] replace]
            assert_equal [$from debug digest-value k] [$from debug digest-value again]
            if {$type eq "stream"} { assert_equal [groups_of $from k] [groups_of $to k] }
        }
    }
}

test "records of every age are restored as by redis-server" {
    set r [client [server_start]]
    set o [client [oracle_start]]
    set seeds [file join [file dirname [file dirname [file normalize [info script]]]] fuzz corpus restore]
    set asked 0
    foreach path [lsort [glob -directory $seeds *]] {
        set body [string range [read_file $path] 1 end]
        binary scan $body cu type
        if {$type > 19} { continue }
        set payload $body[binary format s 10]
        append payload [binary format w [rdb::crc64 $payload]]
        assert_equal [$o restore k 0 $payload replace] [$r restore k 0 $payload replace] $path
        assert_equal [$o debug digest-value k] [$r debug digest-value k] $path
        if {[$o type k] eq "stream"} { assert_equal [groups_of $o k] [groups_of $r k] $path }
        incr asked
    }
    assert_range $asked 20 100
}

test "fields with times: Valkey's form of a file, and none of an older version" {
    set srv [server_start]
    set r [client $srv]
    set file [file join [server_dir $srv] dump.rdb]
    set at [expr {[clock milliseconds] + 3600000}]
    $r hset h f v g w
    $r hset plain f v
    $r save
    assert_match "REDIS0010*" [read_file $file]
    $r hpexpireat h $at fields 1 f
    set digest [$r debug digest]
    foreach version {9 10 11} {
        $r config set rdb-version $version
        assert_error "ERR *version $version cannot hold*1 hash*" {$r save}
        assert_match "REDIS0010*" [read_file $file]
    }
    $r config set rdb-version auto
    $r debug reload
    assert_match "VALKEY080*" [read_file $file]
    assert_equal $digest [$r debug digest]
    assert_equal "$at -1 -2" [$r hpexpiretime h fields 3 f g x]
    set payload [$r dump h]
    assert_equal 80 [scan [string index $payload end-9] %c]
    assert_equal OK [$r restore again 0 $payload]
    assert_equal "$at -1" [$r hpexpiretime again fields 2 f g]
    # The last time is gone: the file is as before.
    $r hpersist h fields 1 f
    $r del again
    $r save
    assert_match "REDIS0010*" [read_file $file]
}

test "fields with times as Redis 7.4 writes them" {
    set r [client [server_start]]
    foreach name {hash-redis-7-4-times hash-redis-7-4-listpack-with-times} {
        set body [string range [read_file [file join [file dirname [file dirname [file normalize [info script]]]] fuzz corpus restore $name]] 1 end]
        set payload $body[binary format s 12]
        append payload [binary format w [rdb::crc64 $payload]]
        $r restore $name 0 $payload
        assert_equal {f v n 12} [concat f [$r hget $name f] n [$r hget $name n]]
        assert_equal {4102444800000 -1} [$r hpexpiretime $name fields 2 f n]
    }
    assert_equal [$r debug digest-value hash-redis-7-4-times] [$r debug digest-value hash-redis-7-4-listpack-with-times]
}

test "fields whose time has come are gone when a file is loaded" {
    set srv [server_start -config {enable-debug-command yes}]
    set r [client $srv]
    $r debug set-active-expire 0
    $r hset h short 1 long 2
    $r hset gone short 1
    $r hpexpire h 1 fields 1 short
    $r hpexpire gone 1 fields 1 short
    wait_for {[lindex [$r hpttl h fields 1 short] 0] == -2}
    $r save
    set again [client [server_start -rdb [file join [server_dir $srv] dump.rdb]]]
    assert_equal {long 2} [$again hgetall h]
    assert_equal 0 [$again exists gone]
    assert_equal 1 [info_field $again rdb_last_load_keys_expired persistence]
    assert_equal 1 [$again dbsize]
}

# One change of any kind to a key that is there.
proc change {type key} {
    switch $type {
        string { return [pick [list [list append $key [text]] [list setrange $key [below 100] [text]] [list set $key [text]]]] }
        list {
            return [pick [list [list lpush $key [text]] [list rpush $key [text] [text]] [list lset $key 0 [text]] [list lset $key -1 [text]] \
                [list linsert $key before [text] [text]] [list ltrim $key [below 3] -[below 5]] [list lpop $key [below 5]] [list lrem $key 1 [text]]]]
        }
        set { return [pick [list [list sadd $key [text] [text]] [list spop $key [below 3]] [list sadd $key [below 1000]] [list srem $key [below 1000]]]] }
        hash { return [pick [list [list hset $key [text] [text]] [list hset $key [below 200] [text 2000]] [list hdel $key [below 200]] [list hincrby $key counter 1]]] }
        zset {
            return [pick [list [list zadd $key [score] [text]] [list zincrby $key [below 100] [below 200]] [list zpopmin $key [below 3]] \
                [list zremrangebyrank $key [below 5] [below 8]] [list zadd $key xx [below 5] [text]]]]
        }
        stream {
            return [pick [list [list xadd $key * [text] [text]] [list xtrim $key maxlen [below 100]] [list xdel $key 5-0 [below 3000]-1] \
                [list xgroup create $key g[below 5] 0] [list xreadgroup group g[below 5] c[below 3] count 5 streams $key >] [list xack $key g[below 5] [below 3000]-1]]]
        }
    }
}

test "a file of BGSAVE shows its beginning, whatever is written meanwhile" {
    set first [oracle_start]
    set o [client $first]
    fill $o 25
    $o save
    set srv [server_start -rdb [file join [server_dir $first] dump.rdb] -config {rdb-key-save-delay 3000}]
    set r [client $srv]
    set before [list [$r debug digest] [rest $r]]
    $r bgsave
    set changes 0
    while {[info_field $r rdb_bgsave_in_progress persistence]} {
        set requests {}
        for {set i 0} {$i < 200} {incr i} {
            set type [pick $types]
            set key $type:[below 25]
            lappend requests [list select [below 3]]
            switch [below 12] {
                0 { lappend requests [list [pick {del unlink}] $key] }
                1 { lappend requests [list rename $key $type:[below 25]] }
                2 { lappend requests [list pexpireat $key [expr {4000000000000 + [below 1000000]}]] }
                3 { lappend requests [list copy $key $type:[below 25] replace] }
                default { lappend requests [change $type $key] }
            }
            incr changes
        }
        $r -pipeline $requests
    }
    assert_range $changes 200 1000000
    assert_equal ok [info_field $r rdb_last_bgsave_status persistence]
    assert_not_equal [lindex $before 0] [$r debug digest]
    foreach start {server_start oracle_start} {
        set c [client [$start -rdb [file join [server_dir $srv] dump.rdb]]]
        assert_equal $before [list [$c debug digest] [rest $c]]
    }
}
