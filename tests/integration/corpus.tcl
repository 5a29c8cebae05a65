# The files of tests/corpus, which real servers wrote: each is loaded, and every key compared with what must be there, reply by
# reply; corrupt ones are refused.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support json.tcl]

set corpus [file join [file dirname [file dirname [file normalize [info script]]]] corpus]

proc corpus_lines {name} {
    set lines {}
    foreach line [split [string trim [read_file [file join $::corpus $name.jsonl]]] \n] { lappend lines [json::parse $line] }
    return $lines
}

proc with_corpus {name body} {
    set srv [server_start -rdb [file join $::corpus $name.rdb]]
    uplevel 1 [list set srv $srv]
    uplevel 1 [list set r [client $srv]]
    uplevel 1 $body
}

proc compare_set {r key value} { assert_equal $value [lsort [$r smembers $key]] }

proc compare_hash {r key value} {
    set pairs {}
    foreach {field text} [$r hgetall $key] { lappend pairs [list $field $text] }
    assert_equal $value [lsort -index 0 $pairs]
}

proc compare_group {r key group} {
    set name [dict get $group name]
    set found {}
    foreach fields [$r xinfo groups $key] { if {[dict get $fields name] eq $name} { set found $fields } }
    assert_equal [dict get $group consumers] [dict get $found consumers] "$key $name"
    assert_equal [dict get $group last-delivered] [dict get $found last-delivered-id] "$key $name"
    set pending {}
    foreach row [$r xpending $key $name - + 1000000] {
        lassign $row id consumer idle times
        lappend pending [list $id $consumer $times]
    }
    assert_equal [dict get $group pending] $pending "$key $name"
}

proc compare_stream {r key value} {
    assert_equal [dict get $value entries] [$r xrange $key - +]
    set info [$r xinfo stream $key]
    assert_equal [dict get $value last-id] [dict get $info last-generated-id]
    assert_equal [dict get $value max-deleted] [dict get $info max-deleted-entry-id]
    assert_equal [dict get $value entries-added] [dict get $info entries-added]
    assert_equal [llength [dict get $value groups]] [dict get $info groups]
    foreach group [dict get $value groups] { compare_group $r $key $group }
}

proc compare_key {r line} {
    set key [dict get $line key]
    set value [dict get $line value]
    $r select [dict get $line db]
    assert_equal [dict get $line type] [$r type $key] $key
    switch [dict get $line type] {
        string { assert_equal $value [$r get $key] $key }
        list { assert_equal $value [$r lrange $key 0 -1] $key }
        zset { assert_equal $value [$r zrange $key 0 -1 withscores] $key }
        set { compare_set $r $key $value }
        hash { compare_hash $r $key $value }
        stream { compare_stream $r $key $value }
    }
    set at [expr {[dict exists $line pexpiretime] ? [dict get $line pexpiretime] : -1}]
    assert_equal $at [$r pexpiretime $key] $key
}

proc compare_all {r lines} {
    set keys [dict create]
    foreach line $lines {
        compare_key $r $line
        dict incr keys [dict get $line db]
    }
    dict for {db count} $keys {
        $r select $db
        assert_equal $count [$r dbsize] "keys of database $db"
    }
    $r select 0
}

# The digest, and the encoding of every key. As Valkey from 8.0 on, small lists and sets are listpacks here, which
# redis-server 7.0 does not know.
proc digest_and_encodings {r lines} {
    set all [list [$r debug digest]]
    foreach line $lines {
        $r select [dict get $line db]
        set encoding [$r object encoding [dict get $line key]]
        switch [dict get $line type]:$encoding {
            list:listpack { set encoding quicklist }
            set:listpack { set encoding hashtable }
        }
        lappend all [dict get $line key] $encoding
    }
    return $all
}

foreach name {redis-7.0-all-types legacy/hash-zipmap legacy/hash-ziplist legacy/zset-ziplist legacy/list-quicklist legacy/encodings} {
    set lines [corpus_lines $name]

    test "$name: every key holds what it must" {
        with_corpus $name { compare_all $r $lines }
    }

    test "$name: digest and encodings as redis-server's, and what is saved is the same for both" {
        set oracle [oracle_start -rdb [file join $corpus $name.rdb]]
        set theirs [digest_and_encodings [client $oracle] $lines]
        with_corpus $name {
            assert_equal $theirs [digest_and_encodings $r $lines]
            $r debug reload
            assert_equal $theirs [digest_and_encodings $r $lines]
            $r save
            set saved [oracle_start -rdb [file join [server_dir $srv] dump.rdb]]
            assert_equal $theirs [digest_and_encodings [client $saved] $lines]
        }
    }
}

test "values without elements are left out, and told" {
    with_corpus legacy/corrupt_empty_keys {
        assert_equal 0 [$r dbsize]
        set log [server_log $srv]
        foreach key {set hash list_ziplist zset zset_listpack hash_ziplist list_quicklist zset_ziplist list_quicklist_empty_ziplist} {
            assert_match "*offset*key \"$key\"*" $log
        }
        assert_match "*9 keys without elements*" $log
    }
}

test "a damaged ziplist is refused with file, offset, key and reason" {
    set srv [server_start -rdb [file join $corpus legacy corrupt_ziplist.rdb] -wait exit]
    assert_equal 1 [server_wait_exit $srv]
    set log [server_log $srv]
    assert_regexp {dump\.rdb: offset (\d+), key "[^"]+": corrupt: \S+} $log
    regexp {offset (\d+)} $log -> offset
    assert_range $offset 9 493 $log
}
