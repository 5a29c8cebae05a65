# The observer: HTTP while the executor is busy, while a dataset loads, with bad input, with a token; MEMORY TREE and HISTORY.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support http.tcl]

proc field {json name} {
    set pattern [string map [list NAME $name] {"NAME":("([^"]*)"|[^,\]\x7d]*)}]
    if {![regexp $pattern $json -> whole text]} { fail "no $name in $json" }
    return [expr {[string index $whole 0] eq "\"" ? $text : $whole}]
}
proc assert_fast {port path} {
    assert_once {$ms <= 10 * $harness::slow} { set ms [lindex [http_get $port $path] 3] } 10
}

set port [free_port]
with_server srv [list -config [list http-port $port]] {
    test "every route answers with its type" {
        foreach {path type} {/ text/html* /metrics application/openmetrics-text* /livez application/json* /readyz application/json*
                /api/memory application/json* /api/history application/json* /api/loading application/json* /api/top application/json*
                /api/prefixes application/json* /api/operations application/json* /api/history?span=minutes application/json*} {
            lassign [http_get $port $path] status headers body
            assert_equal 200 $status $path
            assert_match "*Content-Type: $type" $headers $path
            assert_match "*Content-Length: [string length $body]\r*" $headers $path
        }
    }
    test "HEAD has no body" {
        lassign [http_raw $port "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"] status headers body
        assert_equal {200 {}} [list $status $body]
    }
    test "what is not there, not allowed or not HTTP is refused" {
        assert_equal 404 [lindex [http_get $port /nothing] 0]
        assert_equal 404 [lindex [http_get $port /metrics/] 0]
        foreach method {POST PUT DELETE OPTIONS CONNECT} {
            lassign [http_raw $port "$method /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"] status headers
            assert_equal 405 $status $method
            assert_match "*Allow: GET, HEAD*" $headers
        }
        assert_equal 413 [lindex [http_raw $port "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"] 0]
        assert_equal 413 [lindex [http_raw $port "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"] 0]
        assert_equal 400 [lindex [http_raw $port "GET / HTTP/1.1\r\n\r\n"] 0]
        assert_equal 400 [lindex [http_raw $port "GET  /livez HTTX/1.1\r\n\r\n"] 0]
        assert_equal 405 [lindex [http_raw $port "*1\r\n\$4\r\nPING\r\n"] 0]
        assert_equal 414 [lindex [http_get $port /[string repeat a 2000]] 0]
        assert_equal 431 [lindex [http_raw $port "GET / HTTP/1.1\r\nHost: localhost\r\nX: [string repeat a 20000]\r\n\r\n"] 0]
    }
    test "every path that is no route gets 404, by any method but GET and HEAD 405" {
        foreach path {/metrics/ //metrics /METRICS /api /api/ /api/memory/x /api/../metrics /%6detrics /livez%00 /favicon.ico /index.html /.git/config * http://localhost/metrics /metrics;x} {
            assert_equal 404 [lindex [http_get $port $path] 0] $path
            assert_equal 405 [lindex [http_raw $port "POST $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"] 0] $path
        }
        assert_equal 200 [lindex [http_get $port /livez?any=query&/..] 0]
    }
    test "only names that are ours: a rebound name is refused" {
        proc by_name {port name} { lindex [http_raw $port "GET /livez HTTP/1.1\r\nHost: $name\r\nConnection: close\r\n\r\n"] 0 }
        set r [client $srv]
        foreach name [list 127.0.0.1 127.0.0.1:$port localhost:1 "\[::1\]:80" 10.0.0.1] { assert_equal 200 [by_name $port $name] $name }
        foreach name [list evil.example evil.example:$port localhost.evil.example 127.0.0.1.evil.example "" "\[::1" [string repeat a 600]] {
            assert_equal 421 [by_name $port $name] $name
        }
        assert_match "*http-hosts*" [lindex [http_raw $port "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"] 2]
        assert_equal 400 [lindex [http_raw $port "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"] 0]
        # Browsers always send it; a tool of old that does not is no browser.
        assert_equal 200 [lindex [http_raw $port "GET /livez HTTP/1.0\r\n\r\n"] 0]
        $r config set http-hosts "tarn.example,other.example"
        wait_for {[by_name $port tarn.example:$port] == 200}
        assert_equal {200 421} [list [by_name $port OTHER.example] [by_name $port evil.example]]
        $r config set http-hosts *
        wait_for {[by_name $port evil.example] == 200}
        $r config set http-hosts ""
        wait_for {[by_name $port evil.example] == 421}
    }
    test "requests that come together are answered in order" {
        set answer [http_raw $port "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"]
        assert_match "*\"live\":true*404 Not Found*" [lindex $answer 2]
    }
    test "a slow request is cut after five seconds" {
        set c [client_connect 127.0.0.1 $port]
        set started [clock milliseconds]
        $c -raw "GET / HT"
        assert_equal 1 [$c -closed? 9000]
        assert_range [expr {[clock milliseconds] - $started}] 4000 [expr {9000 * $harness::slow}]
    }
    test "many connections are bounded" {
        set all {}
        for {set i 0} {$i < 80} {incr i} { lappend all [client_connect 127.0.0.1 $port] }
        set closed 0
        wait_for {[set closed [llength [lmap c $all {if {![$c -closed? 1]} continue; set c}]]] >= 16}
        foreach c $all { $c -close }
        wait_for {[lindex [http_get $port /livez] 0] == 200}
    }
    test "the figures of commands and databases" {
        set r [client $srv]
        for {set i 0} {$i < 10} {incr i} { $r set key:$i value }
        wait_for {[string match "*redis_commands_total{cmd=\"set\"} 10\n*redis_db_keys{db=\"db0\"} 10\n*" [lindex [http_get $port /metrics] 2]]}
        set text [lindex [http_get $port /metrics] 2]
        assert_match "*# EOF\n" $text
        foreach name {redis_up redis_memory_used_bytes redis_memory_max_bytes redis_connected_clients redis_commands_processed_total
                redis_uptime_in_seconds redis_keyspace_hits_total redis_cpu_user_seconds_total redis_net_input_bytes_total} {
            assert_regexp "(?n)^$name \[0-9.e+-\]+$" $text
        }
        # A family stands once and together, and has a type before its samples.
        set seen {}
        foreach line [split [string trimright $text \n] \n] {
            if {[regexp {^# TYPE (\S+)} $line -> name]} {
                assert {$name ni $seen} $name
                lappend seen $name
            } elseif {![string match "#*" $line]} {
                regexp {^[a-zA-Z_0-9]+} $line sample
                assert_match "$name*" $sample
            }
        }
        assert_once {$seconds <= 0.0005 * $harness::slow} {
            regexp {\ntarn_figures_duration_seconds (\S+)} [lindex [http_get $port /metrics] 2] -> seconds
        } 20
    }
    test "prefixes are there soon after somebody looks, whatever bytes they hold" {
        set r [client $srv]
        $r set "we\"ird\xff\n</script>:1" value
        wait_for {[string match {*"count":2,*} [set body [lindex [http_get $port /api/prefixes] 2]]]} 15000
        assert_match {*"prefix":"key:","keys":10,*} $body
        assert_match {*"prefix":"we\\u0022ird\\u00ff\\u000a\\u003c/script>:","keys":1,*} $body
        assert_match {*"known":true,*} $body
        assert_match {*"prefixes":\[\]*} [lindex [http_get $port /api/prefixes?count=0] 2]
        assert_range [field $body age_ms] 0 60000
    }
    test "it answers while the executor sleeps, and says how old its figures are" {
        set r [client $srv]
        # Had an answer waited for the executor, those behind it would come after the sleep.
        set begun [clock milliseconds]
        $r -send debug sleep [expr {2 + $harness::slow}]
        harness::pause 1200
        foreach path {/livez /readyz /metrics /api/memory /api/history /api/operations /api/prefixes} {
            assert_fast $port $path
        }
        assert_range [field [lindex [http_get $port /api/memory] 2] figures_age_ms] 500 [expr {3000 + 1000 * $harness::slow}]
        assert_range [expr {[clock milliseconds] - $begun}] 0 [expr {1000 * (2 + $harness::slow)}]
        assert_equal OK [$r -read]
    }
    test "the history has a sample a second" {
        set r [client $srv]
        wait_for {[llength [$r memory history]] > 3} 8000
        set first [lindex [$r memory history] 0]
        assert_equal time [lindex $first 0]
        assert_equal [llength $first] [llength [lindex [$r memory history seconds] 1]]
        # A row for each minute that has ended since the start, below the row of names.
        assert_range [llength [$r memory history minutes]] 1 [expr {2 + [info_field $r uptime_in_seconds server] / 60}]
        assert_error "*syntax*" {$r memory history hours}
        set since [lindex [$r memory history] 1 0]
        assert_no_match "*\\\[$since,*" [lindex [http_get $port /api/history?since=$since] 2]
    }
    test "the history knows the slowest command of a second" {
        set r [client $srv]
        set history [$r memory history]
        set column [lsearch -exact [lindex $history 0] slowest_us]
        # The second that runs may know an earlier test's.
        wait_for {[set before [llength [$r memory history]]] > [llength $history]} 8000
        assert_equal OK [$r debug sleep 0.3]
        wait_for {[llength [set more [lrange [$r memory history] $before end]]] >= 2} 8000
        assert_range [tcl::mathfunc::max {*}[lmap row $more { lindex $row $column }]] 295000 [expr {1500000 * $harness::slow}]
    }
    test "the memory tree adds up and ends at what the kernel says" {
        set r [client $srv]
        $r debug populate 200000 key 100
        foreach ask {{$r memory tree json} {lindex [http_get $port /api/memory] 2}} {
            # RSS is another's word, and may just be falling.
            assert_once {$tree(rss) >= 0.97 * $rss && $tree(rss) <= 1.03 * $rss} {
                set used 0
                foreach {- name bytes} [regexp -all -inline {"name":"(\w+)","bytes":(-?\d+)} [eval $ask]] { set tree($name) $bytes }
                set rss [expr {[server_rss_kb $srv] * 1024.0}]
                foreach owner {dataset table expiry limbo clients replication aof scripts pubsub tracking persist observe server} {
                    incr used $tree($owner)
                }
                assert_equal $tree(used) $used
                assert_equal $tree(rss) [expr {$tree(used) + $tree(allocator) + $tree(process)}]
            } 1000
        }
        assert_match "*dataset*" [$r memory tree]
        assert_error "*syntax*" {$r memory tree xml}
    }
    test "the memory tree counts keys by type, timed keys, clients, channels, and the blocks of owners" {
        set r [client $srv]
        set listener [client $srv]
        $r flushall
        wait_for {[info_field $r mem_blocks_owner_strings memory] < 100}
        $r debug populate 100 s 10
        $r select 3
        foreach i {1 2 3} { $r rpush l$i a; $r hset h$i a b }
        foreach i {1 2} { $r sadd s$i a; $r zadd z$i 1 a }
        $r xadd x * a b
        $r set timed 1 ex 1000
        $listener subscribe one
        set want {dataset 112 strings 101 lists 3 hashes 3 sets 2 zsets 2 streams 1 table 112 expiry 1 clients 2 client 2 pubsub 1 tracking 0}
        proc counts {json} {
            set counts {}
            foreach {- name more} [regexp -all -inline {"name":"(\w+)",([^\x7b\x7d]*)} $json] {
                if {[regexp {"count":(\d+)} $more -> count]} { lappend counts $name $count }
            }
            return $counts
        }
        set found [counts [$r memory tree json]]
        foreach {name count} $want { assert_equal $count [dict get $found $name] $name }
        wait_for {[counts [lindex [http_get $port /api/memory] 2]] eq $found}
        wait_for {[string match "*tarn_memory_node_count{node=\"lists\"} 3\n*" [lindex [http_get $port /metrics] 2]]}
        assert_match "*keys with hashes (3)\n*" [$r memory tree]
        # A key of its own is a block of its own, at least.
        set json [$r memory tree json]
        assert_equal 1 [regexp {"name":"strings","bytes":\d+,"blocks":(\d+)} $json -> blocks]
        assert_range $blocks 101 1000
        assert_equal $blocks [info_field $r mem_blocks_owner_strings memory]
        assert_match "*tarn_memory_owner_blocks{owner=\"strings\"} $blocks\n*" [lindex [http_get $port /metrics] 2]
        regexp {"name":"used","bytes":\d+,"blocks":(\d+)} $json -> all
        set sum 0
        foreach {- name count} [regexp -all -inline {"name":"(\w+)","bytes":\d+,"blocks":(\d+)} $json] {
            if {$name ni {used dataset clients}} { incr sum $count }
        }
        assert_equal $all $sum
        assert_no_match {*"name":"slack","bytes":*"blocks"*"name":"caches"*} $json
        $r select 0
    }
    test "the port is moved and closed at run time" {
        set r [client $srv]
        set other [free_port]
        $r config set http-port $other
        wait_for {![catch {http_get $other /livez}]}
        assert_error "*" {$r config set http-port [server_port $srv]}
        assert_equal [list http-port $other] [$r config get http-port]
        $r config set http-port 0
        wait_for {[catch {close [socket 127.0.0.1 $other]}]}
    }
}

test "with a token, nothing is served without it" {
    set srv [server_start -config [list http-port $port http-token s3cret]]
    foreach path {/ /metrics /livez /readyz /api/memory /nothing} {
        lassign [http_get $port $path] status headers
        assert_equal 401 $status $path
        assert_match "*WWW-Authenticate: Bearer*" $headers
        assert_equal 401 [lindex [http_get $port $path "Authorization: Bearer s3cre\r\n"] 0]
        assert_equal 401 [lindex [http_get $port $path "Authorization: Bearer s3cretX\r\n"] 0]
    }
    assert_equal 200 [lindex [http_get $port /metrics "Authorization: Bearer s3cret\r\n"] 0]
    assert_equal 200 [lindex [http_get $port / "Authorization: Basic [binary encode base64 any:s3cret]\r\n"] 0]
    assert_equal 401 [lindex [http_get $port / "Authorization: Basic [binary encode base64 s3cret]\r\n"] 0]
}

test "while loading: not ready, with progress; all routes answer" {
    set srv [server_start]
    set r [client $srv]
    $r debug populate 20000 key 100
    $r save
    set file [server_dir $srv]/dump.rdb
    set second [server_start -rdb $file -config [list http-port $port key-load-delay 500] -wait listening]
    wait_for {[string match {*"loading":true*} [lindex [http_get $port /readyz] 2]]}
    lassign [http_get $port /readyz] status headers body
    assert_equal 503 $status
    assert_equal loading [field $body phase]
    wait_for {[field [lindex [http_get $port /api/loading] 2] loaded_keys] > 100}
    # What has been loaded so far counts in the tree.
    wait_for {[dict get [counts [lindex [http_get $port /api/memory] 2]] strings] > 100}
    set body [lindex [http_get $port /api/loading] 2]
    assert_range [field $body percent] 0.01 99.9
    assert_range [field $body eta_seconds] 1 [expr {100 * $harness::slow}]
    assert_range [field $body keys_per_second] 1 1000000
    foreach path {/livez /metrics /api/memory /api/history /api/top /api/prefixes /} {
        assert_equal 200 [lindex [http_get $port $path] 0] $path
        assert_fast $port $path
    }
    set l [client_connect 127.0.0.1 [server_port $second]]
    assert_match "*strings*" [$l memory tree]
    assert_equal time [lindex [$l memory history] 0 0]
    $l config set key-load-delay 0
    wait_for {[lindex [http_get $port /readyz] 0] == 200} 20000
}
