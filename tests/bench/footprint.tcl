# Rows of the bench: what a key takes (footprint), and what it costs to look (scrape). Sourced by bench.tcl.
#
# footprint: the growth of resident memory, by the number of keys, of strings with 16-byte keys and values of 16 and 100 bytes, with
# and without a time to live, and of hashes of 8 fields. Written through the server, as in life, not loaded.
# scrape: /metrics while 10,000 clients are connected: what it asks of the executor, by its own account, and how long it takes.

# The commands for n keys, as an awk program; values are of digits that differ, as redis-server compresses nothing in memory.
set footprint_scripts {
    "16 B/16 B" {printf "SET key:%012d %016d\r\n", i, i * 7919}
    "16 B/16 B with TTL" {printf "SET key:%012d %016d EX %d\r\n", i, i * 7919, 100000 + i % 100000}
    "16 B/100 B" {printf "SET key:%012d %0100d\r\n", i, i * 7919}
    "16 B/100 B with TTL" {printf "SET key:%012d %0100d EX %d\r\n", i, i * 7919, 100000 + i % 100000}
    "hash of 8 fields" {printf "HSET hash:%d name user%d mail u%d@example.com age %d city town%d zip %05d seen %d plan basic score %d\r\n", i, i, i, i % 90, i % 500, i % 99999, 1700000000 + i, i % 1000}
}

proc measure_footprint {who} {
    set n [expr {$::quick ? 200000 : 1000000}]
    dict for {name script} $::footprint_scripts {
        set srv [start $who]
        set base [server_rss_kb $srv]
        exec awk "BEGIN { for (i = 0; i < $n; i++) $script }" | redis-cli -p [server_port $srv] --pipe >/dev/null
        set keys [[client $srv] dbsize]
        if {$keys != $n} { error "$who holds $keys keys, not $n" }
        note $who "footprint $name" [expr {([settled_rss_kb $srv] - $base) * 1024.0 / $n}]
        server_discard $srv
    }
}

proc http_get {port path} {
    set s [socket 127.0.0.1 $port]
    fconfigure $s -translation binary
    puts -nonewline $s "GET $path HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    flush $s
    set answer [read $s]
    close $s
    return $answer
}

proc measure_scrape {} {
    set port [free_port]
    set srv [start tarn -config [list http-port $port maxclients 20000]]
    [client $srv] debug populate [expr {$::quick ? 100000 : 1000000}] key 32
    set wanted [expr {$::quick ? 1000 : 10000}]
    catch { exec prlimit --nofile=[expr {$wanted + 1000}] --pid [pid] }
    set clients {}
    for {set i 0} {$i < $wanted} {incr i} { lappend clients [socket 127.0.0.1 [server_port $srv]] }
    wait_for {[info_field [client $srv] connected_clients clients] > $wanted} 60000
    for {set i 0} {$i < 20} {incr i} {
        set started [clock microseconds]
        set text [http_get $port /metrics]
        note tarn "scrape answer" [expr {([clock microseconds] - $started) / 1000.0}]
        regexp {\ntarn_figures_duration_seconds (\S+)} $text -> seconds
        note tarn "scrape executor" [expr {$seconds * 1000.0}]
        harness::pause 300
    }
    foreach s $clients { close $s }
    server_discard $srv
}

proc report_footprint {} {
    foreach name [dict keys $::footprint_scripts] {
        set limit [expr {[string match "16 B/16*" $name] ? 0.50 : [string match "16 B/100*" $name] ? 0.60 : 0.75}]
        line "$name, resident bytes a key" B "footprint $name" %.1f "ratio $limit"
    }
    foreach size {16 100} {
        set with "footprint 16 B/$size B with TTL"
        if {![info exists ::results($with,tarn)]} { continue }
        foreach who {tarn redis} {
            if {[info exists ::results($with,$who)]} {
                note $who "ttl $size" [expr {[median $::results($with,$who)] - [median $::results(footprint 16 B/$size B,$who)]}]
            }
        }
        line "a TTL of such a key, $size B" B "ttl $size" %.1f {max 16}
    }
    line "/metrics, 10,000 clients: executor's time" ms "scrape executor" %.3f {max 0.5}
    line "/metrics, 10,000 clients: answer" ms "scrape answer" %.2f {max 10}
}
