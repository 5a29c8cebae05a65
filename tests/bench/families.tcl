# Rows of make bench for the command families and for the memory of values; sourced by bench.tcl.
#
# families: CPU an operation at a pipeline of 32, 50 connections, 100 k keys or members. Each row is one or more commands that
# redis-benchmark repeats (its __rand_int__ is a number below 100 k, another at every place); a row of several gives their mean.
# The rows run in this order against one server, so each finds what those before it have made.
# values: resident memory of small and of big values, loaded from one file that redis-server has made.

set family_rows {
    {"INCR"                       600000 {"INCR counter:__rand_int__"}}
    {"LPUSH, RPOP"                600000 {"LPUSH list:__rand_int__ element:__rand_int__" "RPOP list:__rand_int__"}}
    {"SADD, SISMEMBER"            600000 {"SADD set:__rand_int__ member:__rand_int__" "SISMEMBER set:__rand_int__ member:__rand_int__"}}
    {"HSET, HGET"                 600000 {"HSET hash:__rand_int__ field:__rand_int__ value:__rand_int__" "HGET hash:__rand_int__ field:__rand_int__"}}
    {"SADD, SISMEMBER, one key"   600000 {"SADD bigset member:__rand_int__" "SISMEMBER bigset member:__rand_int__"}}
    {"HSET, HGET, one key"        600000 {"HSET bighash field:__rand_int__ value:__rand_int__" "HGET bighash field:__rand_int__"}}
    {"ZADD"                       600000 {"ZADD bigzset __rand_int__ member:__rand_int__"}}
    {"ZRANGEBYSCORE, 10 members"  300000 {"ZRANGEBYSCORE bigzset __rand_int__ +inf LIMIT 0 10"}}
    {"ZRANK"                      600000 {"ZRANK bigzset member:__rand_int__"}}
    {"LRANGE 100"                 100000 {"LRANGE biglist 0 99"}}
    {"XADD, XREAD 10"             300000 {"XADD stream:__rand_int__ * field value:__rand_int__" "XREAD COUNT 10 STREAMS stream:__rand_int__ 0"}}
    {"MGET 10"                    200000 {"MGET counter:__rand_int__ counter:__rand_int__ counter:__rand_int__ counter:__rand_int__ counter:__rand_int__ counter:__rand_int__ counter:__rand_int__ counter:__rand_int__ counter:__rand_int__ counter:__rand_int__"}}
    {"PUBLISH to 100 subscribers"  30000 {"PUBLISH channel message:__rand_int__"}}
    {"LINDEX, middle of 1 M"       20000 {"LINDEX hugelist 500000"}}
}
set family_target 0.6
set family_mean_target 0.45

# Subscribers that read what they get, in a process of their own on the generator's core.
proc subscribers {srv n} {
    set script {
        lassign $argv port n
        for {set i 0} {$i < $n} {incr i} {
            set s [socket 127.0.0.1 $port]
            fconfigure $s -translation binary -blocking 0
            puts -nonewline $s "SUBSCRIBE channel\r\n"
            flush $s
            fileevent $s readable [list apply {s { if {[read $s 65536] eq "" && [eof $s]} { exit } }} $s]
        }
        vwait forever
    }
    set file [file join $::work subscribers.tcl]
    set out [open $file w]
    puts $out $script
    close $out
    return [open |[list taskset -c 1 tclsh $file [server_port $srv] $n] r]
}

proc repeat_command {srv command n} {
    set before [cpu_ns $srv]
    exec taskset -c 1 redis-benchmark -h 127.0.0.1 -p [server_port $srv] -c 50 -P 32 -n $n -r 100000 -q {*}$command >/dev/null 2>@1
    return [expr {double([cpu_ns $srv] - $before) / $n}]
}

proc measure_families {who} {
    pinned { set srv [start $who] }
    set r [client $srv]
    $r -timeout 100000
    foreach {key n} {biglist 100000 hugelist 1000000} {
        for {set i 0} {$i < $n} {incr i 1000} {
            set elements {}
            for {set k 0} {$k < 1000} {incr k} { lappend elements element:[expr {$i + $k}] }
            $r rpush $key {*}$elements
        }
    }
    foreach row $::family_rows {
        lassign $row title n commands
        if {$::quick} { set n [expr {$n / 4}] }
        set reading ""
        if {[string match PUBLISH* $title]} {
            set reading [subscribers $srv 100]
            wait_for {[$r pubsub numsub channel] eq {channel 100}}
        }
        set sum 0
        foreach command $commands { set sum [expr {$sum + [repeat_command $srv $command $n]}] }
        note $who "family $title" [expr {$sum / [llength $commands]}]
        if {$reading ne ""} {
            exec kill [pid $reading]
            catch {close $reading}
        }
    }
    server_discard $srv
}

# 200 k each of small hashes, sorted sets, lists and sets; 20 each of sorted sets and hashes of 100 k members.
proc values_file {which} {
    set dir [file join $::work "values-$which"]
    if {[file exists [file join $dir dump.rdb]]} { return $dir }
    puts "making values ($which) ..."
    file mkdir $dir
    set srv [start redis -dir $dir]
    set small {BEGIN { for (i = 0; i < 200000; i++) {
        printf "HSET hash:%d name user%d mail user%d@example.com age %d city town%d\r\n", i, i, i, i % 90, i % 500
        printf "ZADD zset:%d %d alpha%d %d beta%d %d gamma%d %d delta%d\r\n", i, i, i, i % 1000, i, i * 3, i, i % 17, i
        printf "RPUSH list:%d item%d item%d item%d item%d item%d\r\n", i, i, i + 1, i + 2, i + 3, i + 4
        printf "SADD set:%d tag%d tag%d tag%d tag%d\r\n", i, i % 300, i % 301, i % 307, i % 311 } }}
    set big {BEGIN { for (k = 0; k < 20; k++) for (i = 0; i < 100000; i++) {
        printf "ZADD bigzset:%d %d member:%d\r\n", k, (i * 7919) % 1000003, i
        printf "HSET bighash:%d field:%d value:%d\r\n", k, i, i * 31 } }}
    foreach {name script} [list small $small big $big] {
        if {$which eq $name || $which eq "all"} { exec awk $script | redis-cli -p [server_port $srv] --pipe >/dev/null }
    }
    set r [client $srv]
    $r -timeout 600000
    $r save
    server_discard $srv
    return $dir
}

proc measure_values {who} {
    set empty [start $who]
    set base [server_rss_kb $empty]
    server_discard $empty
    foreach which {all big} {
        set dir [harness::temp_dir]
        file copy -force [file join [values_file $which] dump.rdb] $dir
        set started [clock microseconds]
        set srv [start $who -dir $dir]
        note $who "values load $which" [expr {([clock microseconds] - $started) / 1e6}]
        note $who "values rss $which" [expr {([settled_rss_kb $srv] - $base) / 1024.0}]
        set r [client $srv]
        $r -timeout 100000
        set started [clock microseconds]
        $r save
        note $who "values save $which" [expr {([clock microseconds] - $started) / 1e6}]
        server_discard $srv
    }
}

proc report_families {} {
    set product 1.0
    set count 0
    foreach row $::family_rows {
        lassign $row title
        set key "family $title"
        line "$title, server CPU, pipeline 32" ns $key %.0f \
            [list ratio [expr {[string match LINDEX* $title] ? 0.2 : $::family_target}]]
        if {![info exists ::results($key,tarn)]} { continue }
        set product [expr {$product * [median $::results($key,tarn)] / [median $::results($key,redis)]}]
        incr count
    }
    if {$count > 0} {
        set mean [expr {$product ** (1.0 / $count)}]
        emit [format "%-46s %-6s %12s %12s %7.2f  %-10s %s" "geometric mean of the families" "" "" "" $mean \
            "<= $::family_mean_target" [expr {$mean <= $::family_mean_target ? "reached" : "missed"}]]
    }
    line "small and big values, resident memory" MiB "values rss all" %.1f {ratio 0.75}
    line "big values, resident memory" MiB "values rss big" %.1f {ratio 0.6}
    line "small and big values, load, two cores" s "values load all" %.2f {ratio 0.30}
    line "small and big values, SAVE" s "values save all" %.2f {ratio 0.45}
}
