# HOTKEYS as Valkey 9.2 documents it: which keys clients use most, by sampled windows.
source [file join [file dirname [info script]] harness harness.tcl]

proc window {r field} { info_field $r hotkeys_last_window_$field hotkeys }
proc names {r} { lmap e [$r hotkeys get] { dict get $e key } }
# Traffic from make_commands until a window with at least that many samples has been seen. What it showed is in ::seen, as the
# next window may end at any time: samples, duration_ms, keys, qps, and all.
proc traffic_until {r samples make_commands} {
    wait_for {[$r -pipeline [uplevel #0 $make_commands]] ne {} && [look $r] >= $samples} 20000 1
}
proc look {r} {
    $r multi
    $r info hotkeys
    $r hotkeys get
    $r info hotkeys
    lassign [$r exec] before all after
    if {$before ne $after} { return 0 }
    foreach field {samples duration_ms} {
        regexp "hotkeys_last_window_$field:(\\d+)" $before -> value
        dict set ::seen $field $value
    }
    dict set ::seen all $all
    foreach field {key qps} { dict set ::seen $field [lmap e $all { dict get $e $field }] }
    return [dict get $::seen samples]
}
proc seen {field} { return [dict get $::seen $field] }

with_server srv {} {
    test "off by default: nothing is counted, nothing is refused" {
        set r [client $srv]
        assert_equal {hotkeys-top-k 0} [$r config get hotkeys-top-k]
        assert_equal {hotkeys-sampling-percentage 1} [$r config get hotkeys-sampling-percentage]
        assert_equal {hotkeys-window-seconds 1} [$r config get hotkeys-window-seconds]
        $r set key value
        assert_equal {array {}} [$r -typed hotkeys get]
        assert_equal OK [$r hotkeys reset]
        assert_equal {0 0} [list [window $r samples] [window $r duration_ms]]
        assert_no_match "*Hotkeys*" [$r info]
        assert_match "*Hotkeys*" [$r info all]
        foreach {name wrong} {top-k 1001 top-k -1 sampling-percentage 0 sampling-percentage 101 window-seconds 0 window-seconds 301} {
            assert_error "*" {$r config set hotkeys-$name $wrong}
        }
        assert_error "*wrong number of arguments*" {$r hotkeys}
        assert_error "ERR unknown subcommand*" {$r hotkeys start}
        assert_error "*wrong number of arguments*" {$r hotkeys get 5}
        assert_match "*RESET*" [$r hotkeys help]
        assert_equal [lsort {admin loading stale}] [lsort [lindex [$r command info hotkeys|get] 0 2]]
    }
    test "ten keys that take 5 % of the traffic each are found, ten of ten" {
        set r [client $srv]
        $r config set hotkeys-top-k 10 hotkeys-sampling-percentage 100
        set make {
            set commands {}
            for {set i 0} {$i < 2000} {incr i} {
                set key [expr {rand() < 0.5 ? "hot:[expr {int(rand() * 10)}]" : "cold:[expr {int(rand() * 1e9)}]"}]
                lappend commands [lindex [list [list get $key] [list set $key x] [list exists $key]] [expr {$i % 3}]]
            }
            set commands
        }
        traffic_until $r 4000 $make
        assert_equal [lmap i {0 1 2 3 4 5 6 7 8 9} {set i hot:$i}] [lsort [seen key]]
        set qps [seen qps]
        assert_equal [lsort -integer -decreasing $qps] $qps
        # Each is 5 % of the accesses a second: the noise of 4000 samples is far below a half.
        set all [expr {[seen samples] * 1000.0 / [seen duration_ms]}]
        foreach q $qps { assert_range [expr {$q / $all}] 0.03 0.08 }
    }
    test "sampled traffic: the rates are those of all of it" {
        set r [client $srv]
        $r config set hotkeys-top-k 3 hotkeys-sampling-percentage 20
        assert_range [llength [$r hotkeys get]] 0 3
        $r hotkeys reset
        assert_equal {} [$r hotkeys get]
        set make { lrepeat 700 {mget hot warm hot2} {get hot} }
        traffic_until $r 500 $make
        # With the keys of this traffic alone the order is known, and hot has half of it.
        assert_equal hot [lindex [seen key] 0]
        assert_equal [lsort {hot warm hot2}] [lsort [seen key]]
        set rates [seen qps]
        assert_range [expr {double([lindex $rates 0]) / [tcl::mathop::+ {*}$rates]}] 0.4 0.6
        set all [expr {[seen samples] * 1000.0 / [seen duration_ms]}]
        assert_range [expr {[tcl::mathop::+ {*}$rates] / $all}] 4.9 5.1
    }
    test "every key of a command counts, whatever its place; looking at keys does not" {
        set r [client $srv]
        $r select 1
        $r config set hotkeys-top-k 20 hotkeys-sampling-percentage 100
        $r hotkeys reset
        traffic_until $r 100 { lrepeat 10 {mset a 1 b 2} {zunion 2 c d} {xread streams e f 0 0} {sort g store h} {del missing} {object encoding o} {memory usage o} {debug object o} {ping} {eval return 0} }
        assert_equal {a b c d e f g h missing} [lsort [seen key]]
        assert_equal {1} [lsort -unique [lmap e [seen all] { dict get $e db }]]
        $r select 0
    }
    test "within a transaction and while blocked" {
        set r [client $srv]
        $r hotkeys reset
        traffic_until $r 20 { list multi {set in-exec 1} {get in-exec} exec {blpop nothing 0.001} }
        assert_equal {in-exec nothing} [lsort [seen key]]
    }
    test "what empties a database, and another dataset, clear it" {
        set r [client $srv]
        foreach clearing {flushdb {debug reload}} {
            traffic_until $r 10 { lrepeat 100 {set before 1} }
            $r {*}$clearing
            # A command after the reload finds out that the data is another.
            $r dbsize
            assert {"before" ni [names $r]} $clearing
        }
        $r config set hotkeys-top-k 0
        assert_equal {} [$r hotkeys get]
    }
    test "keys of any bytes, RESP3, long names cut" {
        set r [client $srv]
        $r hello 3
        $r config set hotkeys-top-k 5
        set odd "\x00\xff\r\n \"\xc3"
        set long [string repeat x 5000]
        traffic_until $r 10 { list [list get $odd] [list get $odd] [list get $long] }
        assert_equal [list $odd [string range $long 0 511]] [seen key]
        wait_for {[$r get $odd] eq "(nil)" && [string match "array {{map *{bulk key}*}*}" [$r -typed hotkeys get]]}
        $r config set hotkeys-top-k 0
    }
}
