# INFO, MEMORY, LATENCY, SLOWLOG and COMMANDLOG of a running server, beside those of redis-server where both have them.
source [file join [file dirname [info script]] harness harness.tcl]

# INFO as a list of {section {field value ...}}.
proc info_sections {r args} {
    set sections {}
    foreach line [split [string map {\r\n \n} [$r info {*}$args]] \n] {
        if {[regexp {^# (.*)$} $line -> title]} {
            lappend sections $title {}
        } elseif {[regexp {^([^:]*):(.*)$} $line -> field value]} {
            set fields [lindex $sections end]
            lappend fields $field $value
            lset sections end $fields
        }
    }
    return $sections
}
proc info_titles {r args} {
    set titles {}
    foreach {title fields} [info_sections $r {*}$args] { lappend titles $title }
    return $titles
}

# What a value looks like: agents tell numbers from texts.
proc shape {value} {
    if {[string is entier -strict $value]} { return integer }
    if {[regexp {^-?\d+\.\d{2}$} $value]} { return decimals2 }
    if {[regexp {^-?\d+\.\d{6}$} $value]} { return decimals6 }
    if {[regexp {^-?\d+\.\d{2}%$} $value]} { return percent }
    if {[regexp {^\d+(\.\d{2})?[BKMGT]$} $value]} { return human }
    return text
}

# Fields of 7.0.15 that mean nothing here, and why.
set not_ours {
    atomicvar_api "a detail of that implementation"
}

test "INFO has the sections of the oracle, in its order, whatever is asked for" {
    set srv [server_start]
    set oracle [oracle_start]
    set r [client $srv]
    set o [client $oracle]
    foreach wanted {{} default all everything {CPU clients cpu} {keyspace nonsense modules} {default commandstats} memory
        latencystats nonsense sentinel {cluster replication} errorstats} {
        # Hot keys came with Valkey 9.2.
        set ours [lmap title [info_titles $r {*}$wanted] {if {$title eq "Hotkeys"} continue; set title}]
        assert_equal [info_titles $o {*}$wanted] $ours "INFO $wanted"
    }
    assert_equal [$o info cluster modules] [$r info cluster modules]
    assert_equal "" [$r info nonsense]
}

test "INFO has every field of the oracle, and values of the same kind" {
    set srv [server_start]
    set oracle [oracle_start]
    set r [client $srv]
    set o [client $oracle]
    foreach each [list $r $o] {
        $each set k v ex 1000
        $each get k
        catch {$each nonsense}
    }
    set missing {}
    set other {}
    set ours [info_sections $r everything]
    foreach {title fields} [info_sections $o everything] {
        if {$title in {Commandstats Latencystats}} { continue }
        foreach {field value} $fields {
            if {[dict exists $::not_ours $field]} { continue }
            if {![dict exists $ours $title $field]} {
                lappend missing $title/$field
            } elseif {[shape $value] ne [shape [dict get $ours $title $field]]} {
                lappend other "$field:$value:[dict get $ours $title $field]"
            }
        }
    }
    assert_equal {} $missing "(fields)"
    assert_equal {} $other "(kinds)"
}

test "no field stands twice" {
    set srv [server_start]
    set r [client $srv]
    foreach {title fields} [info_sections $r everything] {
        set names {}
        foreach {field value} $fields { lappend names $field }
        assert_equal [lsort -unique $names] [lsort $names] $title
    }
}

test "INFO server begins with the versions that tools look for" {
    set srv [server_start]
    set r [client $srv]
    set fields [lindex [info_sections $r server] 1]
    assert_equal {redis_version 7.2.4 server_name tarn} [lrange $fields 0 3]
    assert_equal tarn_version [lindex $fields 4]
    foreach misleading {valkey_version dragonfly_version} { assert ![dict exists $fields $misleading] }
    assert_equal standalone [dict get $fields redis_mode]
    assert_equal [server_port $srv] [dict get $fields tcp_port]
    assert_equal [server_pid $srv] [dict get $fields process_id]
    assert_regexp {^[0-9a-f]{40}$} [dict get $fields run_id]
    assert_match "*tarn-server" [dict get $fields executable]
    assert_range [expr {[dict get $fields server_time_usec] / 1000000 - [clock seconds]}] -2 2
}

with_server srv {} {
    test "keyspace, commands and errors are printed as agents parse them" {
        set r [client $srv]
        $r config resetstat
        $r select 3
        $r set a 1 px 100000
        $r set b 2
        catch {$r get}
        catch {$r nonsense}
        assert_regexp {db3:keys=2,expires=1,avg_ttl=\d+\r\n} [$r info keyspace]
        assert_no_match "*db0*" [$r info keyspace]
        assert_regexp {cmdstat_set:calls=2,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=0,failed_calls=0\r\n} \
            [$r info commandstats]
        assert_regexp {cmdstat_get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0\r\n} \
            [$r info commandstats]
        assert_regexp {cmdstat_config\|resetstat:calls=1,} [$r info commandstats]
        assert_match "*errorstat_ERR:count=2\r\n*" [$r info errorstats]
        assert_regexp {latency_percentiles_usec_set:p50=\d+\.\d{3},p99=\d+\.\d{3},p99.9=\d+\.\d{3}\r\n} [$r info latencystats]
        assert_equal OK [$r flushall]
        assert_no_match "*db3*" [$r info keyspace]
    }

    test "latency-tracking and its percentiles" {
        set r [client $srv]
        $r set a 1
        assert_equal {latency-tracking-info-percentiles {50 99 99.9}} [$r config get latency-tracking-info-percentiles]
        assert_equal OK [$r config set latency-tracking-info-percentiles "0 100 99.99"]
        assert_equal {latency-tracking-info-percentiles {0 100 99.99}} [$r config get latency-tracking-info-percentiles]
        assert_regexp {latency_percentiles_usec_set:p0=[\d.]+,p100=[\d.]+,p99.99=[\d.]+\r\n} [$r info latencystats]
        assert_error "*Invalid latency-tracking-info-percentiles parameters*" {$r config set latency-tracking-info-percentiles "50 x"}
        assert_error "*should sit between*" {$r config set latency-tracking-info-percentiles 101}
        assert_equal OK [$r config set latency-tracking-info-percentiles "50 99 99.9"]
        assert_equal OK [$r config set latency-tracking no]
        assert_equal "# Latencystats\r\n" [$r info latencystats]
        assert_equal OK [$r config set latency-tracking yes]
    }

    test "INFO is verbatim text under RESP3" {
        set r [client $srv]
        $r hello 3
        assert_match {verbatim {txt {# CPU*}}} [$r -typed info cpu]
        assert_match {verbatim {txt *}} [$r -typed memory doctor]
        assert_match {verbatim {txt *}} [$r -typed memory malloc-stats]
        assert_match {verbatim {txt *}} [$r -typed latency doctor]
        assert_match {map *} [$r -typed memory stats]
        assert_match {map *} [$r -typed latency histogram]
    }
}

test "used_memory is the sum of its owners and follows the data" {
    set srv [server_start]
    set r [client $srv]
    set before [lindex [info_sections $r memory] 1]
    $r set big [string repeat x 1000000]
    set fields [lindex [info_sections $r memory] 1]
    set sum 0
    dict for {field value} $fields { if {[string match used_memory_owner_* $field]} { incr sum $value } }
    assert_equal $sum [dict get $fields used_memory]
    assert_equal $sum [expr {[dict get $fields used_memory_dataset] + [dict get $fields used_memory_overhead]}]
    assert_range [expr {[dict get $fields used_memory_owner_strings] - [dict get $before used_memory_owner_strings]}] 1000000 1400000
    assert [expr {[dict get $fields used_memory_peak] >= $sum}]
    assert_range [dict get $fields used_memory_startup] 1 [dict get $fields used_memory]
    $r getdel big
    wait_for {[info_field $r used_memory_owner_strings memory] < 100000}
}

test "MEMORY STATS has the fields of the oracle, in its order" {
    set srv [server_start]
    set oracle [oracle_start]
    set r [client $srv]
    set o [client $oracle]
    foreach each [list $r $o] {
        $each set k v
        $each select 2
        $each set k v ex 100
    }
    set names {}
    dict for {name value} [$r memory stats] { lappend names $name }
    set at -1
    dict for {name value} [$o memory stats] {
        set found [lsearch -exact $names $name]
        assert [expr {$found > $at}] "($name)"
        set at $found
        if {[string is entier -strict $value]} { assert [string is entier -strict [dict get [$r memory stats] $name]] $name }
    }
    set stats [$r memory stats]
    assert_equal 2 [dict get $stats keys.count]
    assert_equal {overhead.hashtable.main overhead.hashtable.expires} [dict keys [dict get $stats db.2]]
    assert_range [dict get $stats dataset.percentage] 0 100
    assert_range [dict get $stats peak.percentage] 0 100
}

test "MEMORY USAGE, DOCTOR, PURGE, MALLOC-STATS and HELP" {
    set srv [server_start]
    set r [client $srv]
    assert_equal (nil) [$r memory usage absent]
    $r set small 1
    $r set big [string repeat x 100000]
    assert_range [$r memory usage small] 16 200
    assert_range [$r memory usage big] 100000 140000
    assert_equal [$r memory usage big] [$r memory usage big samples 0]
    assert_error "ERR syntax error" {$r memory usage big samples}
    assert_error "ERR syntax error" {$r memory usage big samples -1}
    assert_error "ERR unknown subcommand 'nonsense'. Try MEMORY HELP." {$r memory nonsense}
    assert_match "Hi Sam, this instance is empty or is using very little memory*" [$r memory doctor]
    $r debug populate 100000 key 100
    assert_match "*Sam, *[lindex [split [info_field $r used_memory_human memory] .] 0]*" [$r memory doctor]
    assert_equal OK [$r memory purge]
    assert_range [string length [$r memory malloc-stats]] 40 1000000
    assert_match "MEMORY <subcommand>*" [lindex [$r memory help] 0]
}

with_server srv {-config {slowlog-log-slower-than 150000}} {
    test "the slow log keeps slow commands with their client" {
        set r [client $srv]
        $r client setname bob
        assert_equal 0 [$r slowlog len]
        $r debug sleep 0.2
        assert_equal 1 [$r slowlog len]
        set entry [lindex [$r slowlog get] 0]
        lassign $entry id time us words peer name
        assert_equal 0 $id
        assert_range $time [expr {[clock seconds] - 60}] [clock seconds]
        assert_range $us 199000 20000000
        assert_equal {debug sleep 0.2} $words
        assert_regexp {^127\.0\.0\.1:\d+$} $peer
        assert_equal bob $name
        assert_equal [list $entry] [$r commandlog get -1 slow]
        assert_error "ERR count should be greater than or equal to -1" {$r slowlog get -2}
        assert_equal OK [$r slowlog reset]
        assert_equal {} [$r slowlog get]
    }

    test "long arguments are cut, many are counted" {
        set r [client $srv]
        $r config set slowlog-log-slower-than 0
        $r slowlog reset
        set words [list mset]
        for {set i 0} {$i < 40} {incr i} { lappend words k$i [string repeat v [expr {100 + $i}]] }
        $r {*}$words
        set kept [lindex [lindex [$r slowlog get 1] 0] 3]
        assert_equal 32 [llength $kept]
        assert_equal "... (50 more arguments)" [lindex $kept end]
        $r slowlog reset
        $r set k [string repeat x 150]
        assert_equal "[string repeat x 128]... (22 more bytes)" [lindex [lindex [$r slowlog get 1] 0] 3 2]
        $r config set slowlog-log-slower-than 150000
    }

    test "secrets are not shown" {
        set r [client $srv]
        $r config set slowlog-log-slower-than 0
        $r slowlog reset
        catch {$r auth default secret1}
        catch {$r hello 2 auth default secret2}
        $r config set requirepass secret3 maxmemory 0
        $r config set requirepass ""
        $r config set slowlog-log-slower-than 150000
        assert_no_match "*secret*" [$r slowlog get -1]
        assert_match "*config set requirepass (redacted) maxmemory 0*" [$r slowlog get -1]
        assert_match "*auth (redacted) (redacted)*" [$r slowlog get -1]
    }

    test "the log's length is bounded, also when it shrinks" {
        set r [client $srv]
        $r config set slowlog-log-slower-than 0
        for {set i 0} {$i < 150} {incr i} { $r ping }
        assert_equal 128 [$r slowlog len]
        $r config set slowlog-max-len 5
        assert_equal 5 [$r slowlog len]
        assert_equal 5 [llength [$r slowlog get -1]]
        $r config set slowlog-max-len 128 slowlog-log-slower-than -1
        $r slowlog reset
        $r debug sleep 0.01
        assert_equal 0 [$r slowlog len]
    }

    test "both names of a directive are known" {
        set r [client $srv]
        $r config set commandlog-execution-slower-than 777
        assert_equal {slowlog-log-slower-than 777} [$r config get slowlog-log-slower-than]
        assert_equal {commandlog-execution-slower-than 777} [$r config get commandlog-execution-slower-than]
        assert_equal {slowlog-max-len 128} [$r config get slowlog-max-len]
        assert_equal 2 [llength [$r config get commandlog-slow-execution-max-len]]
        $r config set slowlog-log-slower-than 10000
    }

    test "large requests and large replies have logs of their own" {
        set r [client $srv]
        $r config set commandlog-request-larger-than 5000 commandlog-reply-larger-than 5000
        $r set small x
        $r set big [string repeat x 6000]
        $r get small
        $r get big
        $r get big
        assert_equal 1 [$r commandlog len large-request]
        assert_equal 2 [$r commandlog len large-reply]
        lassign [lindex [$r commandlog get 1 LARGE-REQUEST] 0] id time bytes words
        assert_range $bytes 6000 6100
        assert_equal "[string repeat x 128]... (5872 more bytes)" [lindex $words 2]
        lassign [lindex [$r commandlog get 1 large-reply] 0] id time bytes words
        assert_equal 6009 $bytes
        assert_equal {get big} $words
        # Of a pipeline, each reply counts for itself.
        $r commandlog reset large-reply
        set commands {}
        for {set i 0} {$i < 5000} {incr i} { lappend commands {get small} }
        $r -pipeline $commands
        assert_equal 0 [$r commandlog len large-reply]
        assert_equal OK [$r commandlog reset large-request]
        assert_equal 0 [$r commandlog len large-request]
        assert_error "ERR type should be one of the following: slow, large-request, large-reply" {$r commandlog len nonsense}
    }
}

test "the latency monitor" {
    set srv [server_start]
    set r [client $srv]
    assert_match "I'm sorry, Dave*" [$r latency doctor]
    $r debug sleep 0.02
    assert_equal {} [$r latency latest]
    $r config set latency-monitor-threshold 150
    assert_match "Dave, no latency spike*" [$r latency doctor]
    $r debug sleep 0.2
    $r debug sleep 0.3
    lassign [lindex [$r latency latest] 0] event time latest max
    assert_equal command $event
    assert_range $time [expr {[clock seconds] - 60}] [clock seconds]
    assert_range $max 299 20000
    assert_range [llength [$r latency history command]] 1 2
    assert_equal {} [$r latency history nonsense]
    assert_match "command - high * ms, low * ms (all time high $max ms)*" [$r latency graph command]
    assert_error "ERR No samples available for event 'nonsense'" {$r latency graph nonsense}
    assert_match "*1. command: * latency spikes (average *ms, mean deviation *ms, period * sec). Worst all time event ${max}ms.*" \
        [$r latency doctor]
    assert_equal 1 [$r latency reset command nonsense]
    assert_equal 0 [$r latency reset]
}

test "LATENCY HISTOGRAM in the form of the oracle" {
    set srv [server_start]
    set oracle [oracle_start]
    set calls {}
    foreach each [list [client $srv] [client $oracle]] {
        $each config resetstat
        for {set i 0} {$i < 20} {incr i} { $each set k $i }
        lappend calls [$each latency histogram set config nonsense]
    }
    foreach reply $calls {
        assert_equal {set config|resetstat} [dict keys $reply]
        assert_equal 20 [dict get $reply set calls]
        assert_equal 20 [lindex [dict get $reply set histogram_usec] end]
        dict for {bound count} [dict get $reply set histogram_usec] {
            assert [expr {$bound in {1 2 4 8 16 33 66 132 264 528 1056 2113 4227 8454 16908 33816}}] $bound
        }
    }
}

test "COMMAND INFO and the arguments in COMMAND DOCS are the oracle's" {
    set srv [server_start]
    set oracle [oracle_start]
    set r [client $srv]
    set o [client $oracle]
    foreach command {info memory latency slowlog memory|usage memory|stats memory|doctor memory|purge memory|malloc-stats
        memory|help latency|doctor latency|graph latency|help latency|histogram latency|history latency|latest latency|reset
        slowlog|get slowlog|len slowlog|reset slowlog|help} {
        set pair {}
        foreach each [list $r $o] {
            lassign [lindex [$each command info $command] 0] name arity flags first last step acl tips specs
            lappend pair [list $name $arity [lsort $flags] $first $last $step [lsort $acl] [lsort $tips] $specs]
        }
        lassign $pair ours theirs
        # Since Valkey 8.1 these run while the dataset is loading.
        if {$command in {memory|purge memory|malloc-stats}} { lset theirs 2 loading }
        assert_equal $theirs $ours $command
    }
    foreach command {info memory latency slowlog} {
        set pair {}
        foreach each [list $r $o] {
            set docs [dict get [$each command docs $command] $command]
            set seen [list [dict get $docs since] [dict get $docs group]]
            if {[dict exists $docs arguments]} { lappend seen [dict get $docs arguments] }
            # These are ours alone.
            foreach own {memory|tree memory|top memory|history memory|analyze memory|prefixes} {
                if {[dict exists $docs subcommands $own]} { dict unset docs subcommands $own }
            }
            if {[dict exists $docs subcommands]} {
                dict for {name sub} [dict get $docs subcommands] {
                    lappend seen [list $name [dict get $sub since] [expr {[dict exists $sub arguments] ? [dict get $sub arguments] : {}}]]
                }
            }
            lappend pair [lsort $seen]
        }
        assert_equal [lindex $pair 1] [lindex $pair 0] $command
    }
}

test "INFO is cheap" {
    set srv [server_start]
    set r [client $srv]
    assert_once {$us / 200.0 <= 500 * $harness::slow} {
        $r config resetstat
        for {set i 0} {$i < 200} {incr i} { $r info }
        regexp {cmdstat_info:calls=200,usec=(\d+)} [$r info commandstats] -> us
    }
}
