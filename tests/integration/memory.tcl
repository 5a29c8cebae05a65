# What MEMORY, INFO keysizes and /metrics say of keys: exact for every type, the biggest known at any time, also while loading.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support http.tcl]

proc get {port path} { lindex [http_get $port $path] 2 }
# Some of every type and encoding in databases 0 and 3.
proc fill {r} {
    foreach db {0 3} {
        $r select $db
        for {set i 0} {$i < 2000} {incr i} {
            lappend requests [list set s:$i [string repeat x [expr {$i * 7 % 9000}]]] [list set n:$i $i] [list hset h:$i f $i g [string repeat y [expr {$i % 90}]]]
            lappend requests [list rpush l:[expr {$i % 50}] [string repeat z [expr {$i % 300}]]] [list sadd t:[expr {$i % 20}] $i]
            lappend requests [list sadd w:[expr {$i % 3}] member:$i] [list zadd z:[expr {$i % 4}] $i member:$i] [list xadd x:[expr {$i % 5}] * f $i]
            lappend requests [list hset big:[expr {$i % 2}] field:$i $i] [list expire s:$i [expr {1000 + $i}]]
        }
        foreach reply [$r -pipeline $requests] { if {[lindex $reply 0] eq "error"} { fail $reply } }
        unset requests
    }
    $r select 0
}
proc usage_sum {r} {
    set sum 0
    foreach db {0 3} {
        $r select $db
        foreach reply [$r -pipeline [lmap key [$r keys *] { list memory usage $key }]] { incr sum [lindex $reply 1] }
    }
    $r select 0
    return $sum
}
# The lines of INFO keysizes as a dictionary.
proc keysizes {r} {
    set out {}
    foreach line [split [$r info keysizes] \n] { if {[regexp {^(db\w+):(.*\S)} $line -> name text]} { dict set out $name $text } }
    return $out
}

set port [free_port]
with_server srv [list -config [list http-port $port]] {
    test "the sum of MEMORY USAGE and the other owners is used_memory" {
        set r [client $srv]
        fill $r
        set sum [usage_sum $r]
        set used 0
        foreach owner {limbo client client_in client_out replication aof scripts pubsub tracking persist observe server} {
            incr sum [info_field $r used_memory_owner_$owner memory]
        }
        assert_range [expr {double($sum) / [info_field $r used_memory memory]}] 0.995 1.005
    }
    test "accounts by type are the owners' bytes, and the table's keys" {
        set r [client $srv]
        set sizes [keysizes $r]
        set keys 0
        foreach type {strings lists sets zsets hashes streams} {
            set bytes 0
            foreach db {0 3} {
                regexp {keys=(\d+),elements=(\d+),bytes=(\d+)} [dict get $sizes db${db}_$type] -> k e b
                incr keys $k
                incr bytes $b
                foreach spread [list db${db}_distrib_${type}_sizes db${db}_distrib_${type}_[expr {$type eq "strings" ? "memory" : "items"}]] {
                    set sum 0
                    foreach pair [split [dict get $sizes $spread] ,] { incr sum [lindex [split $pair =] 1] }
                    assert_equal $k $sum $spread
                }
            }
            assert_equal [info_field $r used_memory_owner_$type memory] $bytes $type
        }
        assert_equal [expr {2 * [$r dbsize]}] $keys
    }
    test "INFO keysizes counts by powers of two" {
        set r [client $srv]
        $r select 5
        $r set empty ""
        $r set one 1
        $r set minus -12
        $r mset a [string repeat x 1023] b [string repeat x 1024] c [string repeat x 1500000]
        $r rpush l a b c
        $r zadd z 1 a
        $r select 0
        set sizes [keysizes $r]
        assert_equal 0=1,1=1,2=1,512=1,1K=1,1M=1 [dict get $sizes db5_distrib_strings_sizes]
        assert_equal 2=1 [dict get $sizes db5_distrib_lists_items]
        assert_equal 1=1 [dict get $sizes db5_distrib_zsets_items]
        assert_match "keys=6,elements=1502051,bytes=*" [dict get $sizes db5_strings]
        assert_no_match *keysizes* [string tolower [$r info]]
        $r swapdb 5 6
        assert_equal 1=1 [dict get [keysizes $r] db6_distrib_zsets_items]
        $r select 6
        $r flushdb
        $r select 0
        assert_no_match *db6* [$r info keysizes]
    }
    test "MEMORY USAGE takes SAMPLES and refuses what Redis refuses" {
        set r [client $srv]
        set exact [$r memory usage big:0]
        foreach samples {0 1 5 100000} { assert_equal $exact [$r memory usage big:0 samples $samples] }
        assert_equal $exact [$r memory usage big:0 SAMPLES 3 samples 4]
        assert_equal {null bulk} [$r -typed memory usage none]
        assert_equal {null bulk} [$r -typed memory usage none samples 3]
        set oracle [client [server_start -binary $harness::oracle]]
        foreach words {{big:0 samples} {big:0 samples x} {big:0 samples -1} {big:0 5} {big:0 samples 5 6} {} {none samples x} {a b c d e f}} {
            assert_equal [$oracle -typed memory usage {*}$words] [$r -typed memory usage {*}$words] $words
        }
    }
    test "MEMORY STATS has every field" {
        set r [client $srv]
        set stats [$r memory stats]
        foreach field {peak.allocated total.allocated startup.allocated replication.backlog clients.slaves clients.normal cluster.links
                aof.buffer lua.caches functions.caches db.0 db.3 overhead.db.hashtable.lut overhead.db.hashtable.rehashing
                db.dict.rehashing.count overhead.total keys.count keys.bytes-per-key dataset.bytes dataset.percentage peak.percentage
                allocator.allocated allocator.active allocator.resident allocator.muzzy allocator-fragmentation.ratio
                allocator-fragmentation.bytes allocator-rss.ratio allocator-rss.bytes rss-overhead.ratio rss-overhead.bytes
                fragmentation fragmentation.bytes replicas.repl.buffer} {
            assert {[dict exists $stats $field]} $field
        }
        foreach db {db.0 db.3} {
            assert_equal {overhead.hashtable.main overhead.hashtable.expires} [dict keys [dict get $stats $db]]
        }
        assert_equal [info_field $r used_memory_dataset memory] [dict get $stats dataset.bytes]
    }
    test "MEMORY TOP shows the biggest keys of all databases" {
        set r [client $srv]
        $r select 9
        $r set huge [string repeat x 5000000]
        $r select 0
        lassign [lindex [$r memory top] 0] key db type elements bytes
        assert_equal {huge 9 string 5000000} [list $key $db $type $elements]
        assert_range $bytes 5000000 6300000
        set shown [$r memory top 128]
        assert_equal 128 [llength $shown]
        set last $bytes
        foreach row $shown {
            lassign $row key db type elements bytes
            assert {$bytes <= $last} $row
            set last $bytes
            # MEMORY USAGE adds the key's share of the table, and of the calendar.
            if {$db ni {0 3}} { continue }
            $r select $db
            assert_equal [$r type $key] $type
            assert_range [expr {[$r memory usage $key] - $bytes}] 0 60
        }
        $r select 9
        $r flushdb
        $r select 0
        assert_no_match *huge* [$r memory top 128]
        assert_equal 128 [info_field $r top_keys_sure memory]
    }
    test "in RESP3 each key is a map" {
        set r [client $srv]
        $r hello 3
        set row [lindex [$r memory top 1] 0]
        assert_equal {key db type elements bytes} [dict keys $row]
        assert_equal map [lindex [lindex [$r -typed memory top 1] 1 0] 0]
    }
    test "wrong arguments of MEMORY TOP are refused" {
        set r [client $srv]
        foreach n {0 -1 129 99999999999999999999} { assert_error "ERR value is*out of range*" {$r memory top $n} }
        assert_error "ERR value is not an integer*" {$r memory top x}
        assert_error "ERR syntax error" {$r memory top 1 2}
        assert_match "*TOP*" [$r memory help]
    }
    test "many of the biggest are deleted, and the next ones come" {
        set r [client $srv]
        $r select 1
        $r debug populate 5000 gone 14000
        for {set i 0} {$i < 6} {incr i} { $r set last:$i [string repeat x 12000] }
        for {set i 0} {$i < 5000} {incr i} { lappend keys gone:$i }
        assert_equal 5000 [$r del {*}$keys]
        wait_for {[info_field $r top_keys_sure memory] == 128}
        set own [lmap row [$r memory top 128] { if {[lindex $row 1] != 1} continue; lindex $row 0 }]
        assert_equal {last:0 last:1 last:2 last:3 last:4 last:5} [lsort $own]
        $r flushdb
        $r select 0
    }
    test "/metrics has gauge histograms of elements and bytes" {
        set r [client $srv]
        wait_for {[string match {*tarn_key_bytes_gcount\{db="db3",type="stream"\} 5*} [set text [get $port /metrics]]]}
        assert_match "*# TYPE tarn_key_elements gaugehistogram*" $text
        regexp {\ntarn_key_elements_gsum\{db="db0",type="hash"\} (\d+)} $text -> sum
        assert_equal 6000 $sum
        set last 0
        foreach {- le count} [regexp -all -inline {\ntarn_key_elements_bucket\{db="db0",type="hash",le="([^"]+)"\} (\d+)} $text] {
            assert {$count >= $last} $le
            set last $count
        }
        assert_equal {+Inf 2002} [list $le $count]
    }
    test "/api/top answers while the executor is busy, keys escaped" {
        set r [client $srv]
        $r set "ev\"il\xff\n</script>" [string repeat x 4000000]
        $r set [string repeat k 3000] [string repeat x 3000000]
        wait_for {[string match *4000000*key_length\":3000,* [set body [get $port /api/top?n=2]]]}
        assert_match {*"keys":\[\{"key":"ev\\u0022il\\u00ff\\u000a\\u003c/script>","key_length":16,"db":0,"type":"string","elements":4000000,"bytes":*} $body
        assert_match {*kkk","key_length":3000,*"complete":true,"age_ms":*} $body
        # Had an answer waited for the executor, all of them would come after the sleep.
        set begun [clock milliseconds]
        $r -send debug sleep [expr {2 + $harness::slow}]
        harness::pause 100
        for {set i 0} {$i < 10} {incr i} { assert_match *4000000* [get $port /api/top] }
        assert_range [expr {[clock milliseconds] - $begun}] 0 [expr {1000 * (2 + $harness::slow)}]
        assert_equal OK [$r -read]
        $r del "ev\"il\xff\n</script>" [string repeat k 3000]
    }
}

# Keys of growing size, so that the biggest so far is the last.
proc growing {path n} {
    set bytes [rdb::header 10][rdb::select 0]
    for {set i 1} {$i <= $n} {incr i} { append bytes [rdb::key grow:$i [string repeat x [expr {$i * 50}]]] }
    return [rdb::write $path $bytes[rdb::eof] -crc zero]
}
proc top_while_loading {second port} {
    set r [client $second]
    wait_for {[llength [$r memory top 128]] > 20}
    set row [lindex [$r memory top 1] 0]
    assert_match {grow:* 0 string *} $row
    assert_equal [expr {50 * [string range [lindex $row 0] 5 end]}] [lindex $row 3]
    assert_error "LOADING *" {$r dbsize}
    assert_error "ERR value is*" {$r memory top 0}
    wait_for {[string match {*"phase":"loading"*"keys":\[\{"key":"grow:*"age_ms":*} [get $port /api/top]]}
    set now [lindex [$r memory top 1] 0 4]
    wait_for {[lindex [$r memory top 1] 0 4] > $now} 10000
    $r config set key-load-delay 0
    wait_for {[info_field $r loading persistence] == 0}
    # Sizes that share a block's size are equal: any of them may stand first.
    assert_range [lindex [$r memory top 1] 0 3] 45000 50000
}

test "MEMORY TOP and /api/top while an RDB file loads" {
    set file [growing [harness::temp_dir]/growing.rdb 1000]
    set second [server_start -rdb $file -config [list http-port $port key-load-delay 10000] -wait listening]
    top_while_loading $second $port
}

test "after a load the accounts are the loaded dataset's" {
    proc counted {r} { dict filter [keysizes $r] script {name text} { expr {[string match *_items $name] || $name eq "db0_distrib_strings_sizes"} } }
    set srv [server_start]
    set r [client $srv]
    fill $r
    $r save
    set before [counted $r]
    $r debug reload
    assert_equal $before [counted $r]
    foreach type {strings lists sets zsets hashes streams} {
        set bytes 0
        foreach db {0 3} {
            regexp {bytes=(\d+)} [dict get [keysizes $r] db${db}_$type] -> b
            incr bytes $b
        }
        wait_for {[info_field $r used_memory_owner_$type memory] == $bytes}
    }
    assert_equal 128 [llength [$r memory top 128]]
}
