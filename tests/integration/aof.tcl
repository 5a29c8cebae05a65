# The append-only file: what is in it, what comes back from it, and what happens when it is cut, damaged, killed or out of room.
source [file join [file dirname [info script]] harness harness.tcl]

proc needs_oracle {} { if {![file executable $harness::oracle]} { skip "no $harness::oracle" } }
proc aof_start {args} {
    set config [dict merge {appendonly yes} [expr {[dict exists $args -config] ? [dict get $args -config] : {}}]]
    return [server_start {*}$args -config $config]
}
proc folder {srv} { return [file join [server_dir $srv] appendonlydir] }
proc manifest {srv} { return [read_file [file join [folder $srv] appendonly.aof.manifest]] }
proc increments {srv} {
    set paths {}
    foreach line [split [manifest $srv] \n] {
        if {[lindex $line end] eq "i"} { lappend paths [file join [folder $srv] [lindex $line 1]] }
    }
    return $paths
}
proc wait_rewritten {r} {
    wait_for {[info_field $r aof_rewrite_in_progress persistence] == 0 && [info_field $r aof_rewrite_scheduled persistence] == 0} 20000
    assert_equal ok [info_field $r aof_last_bgrewrite_status persistence]
}

# The commands in the increments, one list a command; lines of '#' are left out.
proc commands_of {srv} {
    set commands {}
    foreach path [increments $srv] {
        set text [read_file $path]
        set at 0
        while {$at < [string length $text]} {
            set end [string first \r\n $text $at]
            set line [string range $text $at [expr {$end - 1}]]
            set at [expr {$end + 2}]
            if {[string index $line 0] eq "#"} continue
            set words {}
            for {set i [string range $line 1 end]} {$i > 0} {incr i -1} {
                set end [string first \r\n $text $at]
                set n [string range $text [expr {$at + 1}] [expr {$end - 1}]]
                lappend words [string range $text [expr {$end + 2}] [expr {$end + 1 + $n}]]
                set at [expr {$end + 4 + $n}]
            }
            lappend commands $words
        }
    }
    return $commands
}

test "what is written comes back, also after a kill, with every appendfsync" {
    foreach fsync {always everysec no} {
        set srv [aof_start -config [list appendfsync $fsync]]
        set r [client $srv]
        set later [expr {[clock milliseconds] + 3600000}]
        $r mset a 1 b 2 empty "" binary "x\x00\r\n\xff"
        $r set big [string repeat 0123456789 20000]
        $r append a 5
        $r set ttl v pxat $later
        $r multi
        $r incr n
        $r select 7
        $r set there x
        $r exec
        $r select 0
        $r del b
        set before [$r debug digest]
        server_kill $srv
        server_restart $srv
        set r [client $srv]
        assert_equal $before [$r debug digest] $fsync
        assert_equal $later [$r pexpiretime ttl]
        $r set after restart
        set before [$r debug digest]
        server_restart $srv
        assert_equal $before [[client $srv] debug digest] $fsync
        server_stop $srv
    }
}

# Names of commands are written as the client wrote them; times differ between two servers by what has passed between them.
proc effects {srv} {
    set now [clock milliseconds]
    set selected ""
    return [lmap words [commands_of $srv] {
        if {[lindex $words 0] eq "SELECT" && $words eq $selected} { continue } ;# each of our groups says its database
        if {[lindex $words 0] eq "SELECT"} { set selected $words }
        lmap word [concat [string toupper [lindex $words 0]] [lrange $words 1 end]] {
            if {[string tolower $word] in {keepttl pxat left right}} {
                string toupper $word
            } elseif {[string is wideinteger -strict $word] && abs($word - $now) < 10000000} {
                expr {($word - $now + 5000000) / 60000}
            } else {
                set word
            }
        }
    }]
}

# With everysec redis-server puts its writes off while a sync is under way, and its file would not be whole yet.
proc oracle_with_aof {} { return [oracle_start -config {appendonly yes appendfsync no}] }

# Both run the commands; then their files are compared. Those that redis-server words otherwise, with the same effect, are named.
proc assert_same_effects {commands {reworded {}}} {
    set ours [aof_start]
    set theirs [oracle_with_aof]
    foreach command $commands {
        # A command that waits is sent ahead of the one that serves it.
        if {[lindex $command 0] eq "wait"} {
            foreach srv [list $ours $theirs] {
                set waiting [client $srv]
                $waiting -send {*}[lindex $command 1]
                wait_for {[info_field [client $srv] blocked_clients clients] == 1}
                [client $srv] {*}[lindex $command 2]
                $waiting -read
            }
        } else {
            foreach srv [list $ours $theirs] { catch {[client $srv] {*}$command} }
        }
    }
    set want [effects $theirs]
    set have [effects $ours]
    foreach a $want b $have {
        if {$a ne $b && !([lindex $a 0] in $reworded && [lindex $b 0] in $reworded)} { fail "redis-server: $a, here: $b" }
    }
    set digest [[client $ours] debug digest]
    assert_equal OK [[client $ours] debug loadaof]
    assert_equal $digest [[client $ours] debug digest] "(loaded here)"
    set digest [[client $theirs] debug digest]
    foreach srv [list $ours $theirs] { server_stop $srv }
    set reader [oracle_start -dir [server_dir $ours] -config {appendonly yes}]
    assert_equal $digest [[client $reader] debug digest] "(loaded by redis-server)"
    server_stop $reader
}

test "the effects of string and key commands are those that redis-server writes" {
    needs_oracle
    assert_same_effects {
        {set a 1 ex 1000} {setex b 1000 x} {psetex c 1000000 x} {getex a ex 500} {getex a persist} {getex a} {expire a 1000}
        {expire a 2000 gt} {pexpire a 3000000} {expireat a 1999999999} {expire a -1} {expire nokey 10} {set f 1.5} {incrbyfloat f 1.25} {getdel f}
        {getdel f} {set a 5 nx} {set a 6 nx} {set e 1 keepttl} {append e 2} {setrange e 1 b} {setbit e 7 1} {mset x 1 y 2} {msetnx x 1 z 2} {del x y} {del x y}
        {unlink e} {incr n} {incrby n 5} {decr n} {rename n m} {copy m o} {persist o} {pfadd hll a b} {pfadd hll a} {flushall} {set p 1} {move p 3} {swapdb 0 3}
        {flushdb} {flushdb} {set k v xx} {get k} {bitop not dest p}
    } PEXPIREAT
}

test "transactions are kept together, and what ended in between comes first" {
    needs_oracle
    set ours [aof_start]
    set theirs [oracle_with_aof]
    foreach srv [list $ours $theirs] {
        set r [client $srv]
        $r debug set-active-expire 0
        foreach command {{multi} {set q 1} {exec} {multi} {set q 2} {get q} {incr q} {select 2} {set q 3} {exec} {set after 1} {select 0} {set after 2} {multi} {get q} {exec}
            {set short v px 1}} {
            $r {*}$command
        }
        wait_for {[$r pttl short] < 0}
        $r set other 1
        $r set short 2
    }
    assert_equal [effects $theirs] [effects $ours]
}

test "the effects of list commands" {
    needs_oracle
    assert_same_effects {
        {rpush l 1 2 3 4 5 6 7 8 9} {lpushx l 0} {lpushx none 1} {lpop l} {rpop l 2} {lpop none} {blpop l 0} {brpop none l 0} {lmove l m left right} {blmove l m right left 0} {rpoplpush l m}
        {brpoplpush l m 0} {lmpop 2 none l left count 2} {blmpop 0 1 m right count 9} {lset l 0 x} {linsert l before x y} {lrem l 0 y} {ltrim l 0 0} {lpop l}
        {wait {blpop w 0} {rpush w 1}} {wait {brpop w1 w2 0} {rpush w2 1 2}} {wait {blmove w t left left 0} {rpush w 1}} {wait {blmpop 0 1 w left count 5} {rpush w 1 2}}
        {wait {brpoplpush w t 0} {rpush w 1}}
    } {LTRIM LMOVE RPOPLPUSH}
}

test "the effects of sorted set commands" {
    needs_oracle
    assert_same_effects {
        {zadd z 1 a 2 b 3 c 4 d 5 e 6 f} {zadd z nx 9 a} {zadd z xx ch 1.5 a} {zadd z incr 1 a} {zincrby z 0.1 b} {zrem z c nothing} {zpopmin z} {zpopmax z 1} {bzpopmin z 0}
        {zmpop 1 z max} {bzmpop 0 1 z min count 3} {zadd y 1 a 2 b 3 c} {zremrangebyrank y 0 0} {zremrangebyscore y 2 2} {zrangestore d y 0 -1} {zunionstore u 2 y d weights 2 3}
        {zinterstore i 2 y d} {zdiffstore e 2 y d} {wait {bzpopmin w 0} {zadd w 1 a}} {wait {bzmpop 0 1 w max} {zadd w 1 a 2 b}}
    } {ZPOPMIN ZPOPMAX ZMPOP}
}

test "the effects of hash commands" {
    needs_oracle
    assert_same_effects {
        {hset h a 1 b 2} {hset h a 1} {hsetnx h a 5} {hsetnx h c 5} {hincrby h a 3} {hincrbyfloat h a 1.5} {hdel h b nothing} {hmset h x 1} {hdel h x a c}
    } {HINCRBY HSETNX HSET}
}

test "the effects of set and geo commands" {
    needs_oracle
    assert_same_effects {
        {sadd s a b c d e f} {sadd s a} {srem s a nothing} {smove s t b} {smove s t none} {sadd n 1 2 3} {sinterstore i s t} {sunionstore u s t} {sdiffstore d s t}
        {sadd one x} {spop one} {sadd two x y} {spop two 5} {spop two 1} {geoadd g 1 1 m 2 2 n} {geoadd g 1 1 m} {geosearchstore h g frommember m byradius 500 km asc}
    } {ZADD GEOADD DEL UNLINK}
}

test "the effects of stream commands" {
    needs_oracle
    assert_same_effects {
        {xadd s 1-1 a 1} {xadd s 1-* a 2} {xadd s maxlen 5 2-1 b 1} {xadd s nomkstream 3-1 c 1} {xadd none nomkstream 3-1 c 1} {xadd s 4-1 d 1} {xadd s 5-1 e 1}
        {xgroup create s g 0} {xgroup create s h $} {xgroup createconsumer s g c9} {xgroup delconsumer s g c9} {xdel s 1-2} {xtrim s maxlen 4} {xsetid s 9-9}
        {xreadgroup group g c1 noack streams s >} {xgroup setid s h 1-1} {xack s g 1-1} {xgroup destroy s h} {xadd s 10-1 f 1}
    } {XGROUP XTRIM XADD}
}

# What consumers are given carries times, so only the outcome is compared.
test "groups come back: pending entries, consumers, claims" {
    set srv [aof_start]
    set r [client $srv]
    for {set i 0} {$i < 50} {incr i} { $r xadd s * n $i }
    $r xgroup create s g 0
    $r xreadgroup group g one count 20 streams s >
    $r xreadgroup group g two count 10 streams s >
    $r xack s g [lindex [$r xrange s - + count 1] 0 0]
    $r xclaim s g three 0 [lindex [$r xrange s - + count 2] 1 0]
    $r xautoclaim s g four 0 0 count 5
    $r xadd s maxlen ~ 10 * last 1
    $r xreadgroup group g five noack streams s >
    set digest [$r debug digest]
    set pending [lmap row [$r xpending s g - + 100] { lreplace $row 2 2 }]
    set groups [$r xinfo groups s]
    server_kill $srv
    server_restart $srv
    set r [client $srv]
    assert_equal $digest [$r debug digest]
    assert_equal $pending [lmap row [$r xpending s g - + 100] { lreplace $row 2 2 }]
    assert_equal $groups [$r xinfo groups s]
}

test "what chance removes is written down" {
    set srv [aof_start]
    set r [client $srv]
    for {set i 0} {$i < 20} {incr i} {
        $r sadd s$i {*}[lmap n [lrepeat 50 x] { expr {int(rand() * 1000)} }]
        $r spop s$i
        $r spop s$i 1
        $r spop s$i [expr {int(rand() * 60)}]
    }
    set digest [$r debug digest]
    server_kill $srv
    server_restart $srv
    assert_equal $digest [[client $srv] debug digest]
}

test "redis-server reads what was written here, and the other way round, in turn" {
    needs_oracle
    set ours [aof_start]
    set r [client $ours]
    for {set i 0} {$i < 200} {incr i} { $r set key:$i $i }
    $r bgrewriteaof
    wait_rewritten $r
    for {set i 0} {$i < 200} {incr i 2} { $r incr key:$i }
    set digest [$r debug digest]
    set dir [server_dir $ours]
    server_stop $ours
    foreach turn {1 2} {
        set theirs [oracle_start -dir $dir -config {appendonly yes}]
        set t [client $theirs]
        assert_equal 200 [$t dbsize]
        assert_equal 199 [$t get key:198]
        $t set oracle:$turn x
        $t del oracle:$turn
        server_stop $theirs
        server_restart $ours
        set r [client $ours]
        assert_equal $digest [$r debug digest]
        $r set ours:$turn x
        $r del ours:$turn
        server_stop $ours
    }
}

# ---- damage ----
proc sample {config} {
    set srv [aof_start -config $config]
    set r [client $srv]
    for {set i 0} {$i < 10} {incr i} { $r set k$i v$i }
    server_stop $srv
    return $srv
}

test "a torn tail is cut off and logged; with aof-load-truncated no it is refused" {
    foreach tail [list "#TARN 30 0 0123" "*3\r\n\$3\r\nSET\r\n\$1" [string repeat \x00 300] "#TARN 5 0 0123456789abcdef\r\nhello"] {
        set srv [sample {appendfsync always}]
        set path [lindex [increments $srv] end]
        set whole [read_file $path]
        write_file $path $whole$tail
        set refused [server_start -dir [server_dir $srv] -config {appendonly yes aof-load-truncated no} -wait exit]
        assert_equal 1 [server_wait_exit $refused]
        assert_match "*appendonly.aof*offset [string length $whole]*" [server_log $refused]
        assert_equal $whole$tail [read_file $path]
        server_restart $srv
        assert_match "*are cut off*" [server_log $srv]
        assert_equal 10 [[client $srv] dbsize]
        assert_equal $whole [read_file $path]
        [client $srv] set more 1
        server_restart $srv
        assert_equal 11 [[client $srv] dbsize]
        server_stop $srv
    }
}

test "damage before the tail is refused, with file and offset, and nothing is written" {
    set srv [sample {appendfsync always}]
    set path [lindex [increments $srv] end]
    set whole [read_file $path]
    set bad [string replace $whole [string first v3 $whole] [string first v3 $whole] w]
    write_file $path $bad
    set names [lsort [glob -directory [folder $srv] -tails *]]
    server_restart $srv -wait exit
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*appendonly.aof.1.incr.aof*offset*checksum*" [server_log $srv]
    assert_no_match "*Ready to accept*" [server_log $srv]
    assert_equal $bad [read_file $path]
    assert_equal $names [lsort [glob -directory [folder $srv] -tails *]]
}

test "a file of the manifest that is missing, and a manifest that is none" {
    set srv [sample {}]
    set path [lindex [increments $srv] end]
    file rename $path $path.away
    server_restart $srv -wait exit
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*incr.aof*No such file*" [server_log $srv]
    file rename $path.away $path
    set manifest [manifest $srv]
    write_file [folder $srv]/appendonly.aof.manifest "file x seq\n"
    server_restart $srv -wait exit
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*manifest*line 1*" [server_log $srv]
    write_file [folder $srv]/appendonly.aof.manifest $manifest
    server_restart $srv -wait ready
    assert_equal 10 [[client $srv] dbsize]
}

test "what a killed rewrite has left goes at the next start, and nothing else" {
    set srv [sample {}]
    set dir [folder $srv]
    foreach name {temp-1-2.rdb appendonly.aof.7.incr.aof appendonly.aof.9.base.rdb temp-appendonly.aof.manifest} { write_file $dir/$name stray }
    foreach name {keep.me appendonly.aof.bak appendonly.aof.x.incr.aof} { write_file $dir/$name keep }
    server_restart $srv
    assert_equal {} [lsearch -all -inline [glob -directory $dir -tails *] temp*]
    assert_equal 0 [file exists $dir/appendonly.aof.9.base.rdb]
    foreach name {keep.me appendonly.aof.bak appendonly.aof.x.incr.aof} { assert [file exists $dir/$name] $name }
    assert_equal 10 [[client $srv] dbsize]
}

test "the one file of before Redis 7 becomes the base" {
    set dir [harness::temp_dir]
    write_file $dir/appendonly.aof "*2\r\n\$6\r\nSELECT\r\n\$1\r\n0\r\n*3\r\n\$3\r\nSET\r\n\$1\r\na\r\n\$1\r\n1\r\n"
    set srv [aof_start -dir $dir]
    assert_equal 1 [[client $srv] get a]
    assert_equal 0 [file exists $dir/appendonly.aof]
    assert_match "#TARN-MANIFEST *\nfile appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n" [manifest $srv]
    [client $srv] set b 2
    server_restart $srv
    assert_equal 2 [[client $srv] dbsize]
}

test "an old file that begins as an RDB file, and goes on as commands" {
    set srv [server_start]
    set r [client $srv]
    $r mset a 1 b 2
    $r save
    set rdb [read_file [server_dir $srv]/dump.rdb]
    server_stop $srv
    set dir [harness::temp_dir]
    write_file $dir/appendonly.aof "$rdb*2\r\n\$6\r\nSELECT\r\n\$1\r\n0\r\n*3\r\n\$3\r\nSET\r\n\$1\r\na\r\n\$1\r\n9\r\n*2\r\n\$3\r\nDEL"
    set srv [aof_start -dir $dir]
    assert_equal {9 2} [[client $srv] mget a b]
    assert_match "*are cut off*" [server_log $srv]
    server_restart $srv
    assert_equal {9 2} [[client $srv] mget a b]
}

# The folder of tests/corpus that redis-server wrote: every key is what its list of contents says, and the same for redis-server
# after it has been rewritten here.
test "a folder that redis-server 7.0 wrote loads" {
    set corpus [file join [file dirname [file dirname [file normalize [info script]]]] corpus]
    set dir [harness::temp_dir]
    file copy $corpus/redis-7.0-appendonlydir $dir/appendonlydir
    set probe [server_start]
    foreach name {sadd xadd} { if {[llength [lindex [[client $probe] command info $name] 0]] < 2} { skip "no $name yet" } }
    set srv [aof_start -dir $dir]
    set lines [split [string trim [read_file $corpus/redis-7.0-appendonlydir.jsonl]] \n]
    set r [client $srv]
    set keys 0
    for {set db 0} {$db < 16} {incr db} {
        $r select $db
        incr keys [$r dbsize]
    }
    assert_equal [llength $lines] $keys
    set digest [$r debug digest]
    needs_oracle
    file copy $corpus/redis-7.0-appendonlydir $dir/theirs
    set oracle [oracle_start -dir $dir -config {appendonly yes appenddirname theirs}]
    assert_equal [[client $oracle] debug digest] $digest
    $r bgrewriteaof
    wait_rewritten $r
    server_restart $srv
    assert_equal $digest [[client $srv] debug digest]
}

# ---- the base as commands ----
proc assert_base_as_commands {srv} {
    set base [lindex [split [manifest $srv] \n] 1]
    assert_match "*.base.aof seq *" $base
    set text [read_file [file join [folder $srv] [lindex $base 1]]]
    assert_match "#TARN-AOF 1 *#TARN-END *" $text
    return $text
}

test "a base as commands: all types, read here and by redis-server" {
    set corpus [file join [file dirname [file dirname [file normalize [info script]]]] corpus redis-7.0-all-types.rdb]
    needs_oracle
    set oracle [oracle_start -rdb $corpus]
    [client $oracle] function flush; # a library would keep the base in the other form
    [client $oracle] save
    set srv [server_start -rdb [server_dir $oracle]/dump.rdb -config {aof-use-rdb-preamble no}]
    server_stop $oracle
    set r [client $srv]
    for {set i 0} {$i < 500} {incr i} { lappend many member:$i }
    $r rpush long {*}$many
    $r sadd wide {*}$many
    for {set i 0} {$i < 300} {incr i} { $r zadd ranks [expr {$i * 0.37}] m$i -inf low inf high }
    $r set big [string repeat 0123456789 20000]
    $r set "binary \x00\r\n\xff" "" pxat 1999999999999
    $r xadd empty 5-1 a b
    $r xdel empty 5-1
    $r xgroup create empty g 3-0
    $r xgroup createconsumer empty g idle
    set digest [$r debug digest]
    $r config set appendonly yes
    wait_rewritten $r
    assert_base_as_commands $srv
    $r set after 1
    $r del after
    set info [$r xinfo stream empty full]
    server_kill $srv
    server_restart $srv -config {appendonly yes aof-use-rdb-preamble no}
    set r [client $srv]
    assert_equal $digest [$r debug digest]
    assert_equal {5-1 1 5-1} [lmap field {last-generated-id entries-added max-deleted-entry-id} { dict get [$r xinfo stream empty] $field }]
    assert_equal 3-0 [dict get [lindex [$r xinfo groups empty] 0] last-delivered-id]
    assert_equal 1 [llength [$r xinfo consumers empty g]]
    set dir [server_dir $srv]
    server_stop $srv
    set oracle [oracle_start -dir $dir -config {appendonly yes aof-use-rdb-preamble no}]
    assert_equal $digest [[client $oracle] debug digest]
    [client $oracle] set theirs 1
    server_stop $oracle
    server_restart $srv
    assert_equal 1 [[client $srv] get theirs]
}

test "a base as commands keeps times of fields, and groups with what is pending, deleted entries too" {
    set srv [aof_start -config {aof-use-rdb-preamble no}]
    assert_base_as_commands $srv
    set r [client $srv]
    set later [expr {[clock milliseconds] + 3600000}]
    $r hset h a 1 b 2 c 3
    $r hpexpireat h $later fields 2 a c
    for {set i 1} {$i <= 40} {incr i} { $r xadd s $i-0 n $i }
    $r xgroup create s g 0
    $r xgroup create s h 5-0 entriesread 5
    $r xreadgroup group g one count 20 streams s >
    $r xreadgroup group h two count 3 streams s >
    $r xclaim s g three 0 4-0 5-0
    $r xdel s 3-0 30-0 7-0
    $r xtrim s minid 3
    $r xadd t 1-0 a b
    $r xgroup create t g 0
    $r xreadgroup group g c streams t >
    $r xdel t 1-0
    proc state {r} {
        set all [list [$r debug digest] [$r hpexpiretime h fields 3 a b c]]
        foreach {key groups} {s {g h} t g} {
            foreach field {length last-generated-id max-deleted-entry-id entries-added groups} { lappend all [dict get [$r xinfo stream $key] $field] }
            lappend all [$r xinfo groups $key]
            foreach group $groups { lappend all [lmap row [$r xpending $key $group - + 100] { lreplace $row 2 2 }] }
        }
        return $all
    }
    set before [state $r]
    $r bgrewriteaof
    wait_rewritten $r
    assert_base_as_commands $srv
    server_kill $srv
    server_restart $srv
    assert_equal $before [state [client $srv]]
}

test "a base as commands that is damaged or cut is refused" {
    set srv [sample {appendfsync always}]
    server_restart $srv -config {appendonly yes aof-use-rdb-preamble no}
    set r [client $srv]
    $r bgrewriteaof
    wait_rewritten $r
    set whole [assert_base_as_commands $srv]
    set path [glob [folder $srv]/*.base.aof]
    server_stop $srv
    set cut [string first "#TARN-END" $whole]
    set damage [string first v3 $whole]
    foreach bad [list [string range $whole 0 $cut-1] [string range $whole 0 $damage] [string replace $whole $damage $damage w]] {
        write_file $path $bad
        server_restart $srv -wait exit
        assert_equal 1 [server_wait_exit $srv]
        assert_match "*base.aof*offset*" [server_log $srv]
    }
    write_file $path $whole
    server_restart $srv -wait ready
    assert_equal 10 [[client $srv] dbsize]
}

# ---- rewriting, on and off ----
test "BGREWRITEAOF: new base, next increment, the old ones go" {
    set srv [aof_start]
    set r [client $srv]
    for {set i 0} {$i < 1000} {incr i} { $r incr n }
    $r bgrewriteaof
    $r set during 1
    wait_rewritten $r
    $r set after 1
    wait_for {[string match "#TARN-MANIFEST *\nfile appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n" [manifest $srv]]}
    wait_for {[llength [glob -directory [folder $srv] *]] == 3}
    assert_equal 1 [info_field $r aof_rewrites persistence]
    set digest [$r debug digest]
    assert_equal OK [$r debug loadaof]
    assert_equal $digest [$r debug digest]
    server_kill $srv
    server_restart $srv
    assert_equal $digest [[client $srv] debug digest]
}

test "a save and a rewrite asked for at the same time: one after the other" {
    foreach {first second} {{bgrewriteaof} {bgsave schedule} {bgsave} {bgrewriteaof}} {
        set srv [aof_start -config {rdb-key-save-delay 1000}]
        set r [client $srv]
        for {set i 0} {$i < 300} {incr i} { $r set key:$i $i }
        set saves [info_field $r rdb_saves persistence]
        assert_match "*started*" [$r {*}$first]
        wait_for {[info_field $r aof_rewrite_in_progress persistence] || [info_field $r rdb_bgsave_in_progress persistence]}
        assert_match "Background *" [$r {*}$second]; # at the very start of a rewrite a save still comes first
        $r set during 1
        $r config set rdb-key-save-delay 0
        wait_for {[info_field $r rdb_saves persistence] == $saves + 1 && [info_field $r rdb_bgsave_in_progress persistence] == 0 &&
            [info_field $r aof_rewrites persistence] == 1} 20000
        wait_rewritten $r
        assert_equal ok [info_field $r rdb_last_bgsave_status persistence]
        set digest [$r debug digest]
        server_kill $srv
        server_restart $srv
        assert_equal $digest [[client $srv] debug digest] "(after $first, $second)"
        server_stop $srv
        server_restart $srv -config {appendonly no}
        assert_range [[client $srv] dbsize] 300 301
        server_stop $srv
    }
}

test "an automatic rewrite when the file has grown" {
    set srv [aof_start -config {auto-aof-rewrite-percentage 100 auto-aof-rewrite-min-size 4kb appendfsync no}]
    set r [client $srv]
    $r -pipeline [lrepeat 2000 {incr n}]
    wait_for {[info_field $r aof_rewrites persistence] > 0} 10000
    wait_rewritten $r
    assert_range [info_field $r aof_current_size persistence] 100 60000
    server_restart $srv
    assert_equal 2000 [[client $srv] get n]
}

test "CONFIG SET appendonly yes and no while it runs" {
    set srv [server_start]
    set r [client $srv]
    $r set before 1
    assert_equal 0 [info_field $r aof_enabled persistence]
    $r config set appendonly yes
    $r set during 1
    assert_equal 1 [info_field $r aof_enabled persistence]
    wait_for {[file exists [folder $srv]/appendonly.aof.manifest]}
    wait_rewritten $r
    $r set after 1
    server_kill $srv
    server_restart $srv -config {appendonly yes}
    set r [client $srv]
    assert_equal {1 1 1} [$r mget before during after]
    $r config set appendonly no
    $r set lost 1
    server_kill $srv
    server_restart $srv
    assert_equal 3 [[client $srv] dbsize]
}

test "WAITAOF waits for the disk" {
    set srv [aof_start -config {appendfsync everysec}]
    set r [client $srv]
    assert_equal {1 0} [$r waitaof 1 0 100]
    $r set k v
    assert_equal {1 0} [$r waitaof 1 0 [expr {5000 * $harness::slow}]]
    assert_equal {1 0} [$r waitaof 0 1 10]
    $r config set appendfsync no
    wait_for {[info_field $r aof_pending_bio_fsync persistence] == 0}
    $r set k w
    assert_equal {0 0} [$r waitaof 1 0 50]
    $r config set appendfsync always
    $r set k x
    assert_equal {1 0} [$r waitaof 1 0 [expr {5000 * $harness::slow}]]
    $r config set appendonly no
    assert_error "ERR WAITAOF cannot be used*" {$r waitaof 1 0 0}
}

test "times: annotations when asked for, and no key ends while a file is loaded" {
    set srv [aof_start -config {aof-timestamp-enabled yes}]
    set r [client $srv]
    $r -pipeline {{set a 1 px 400} {set b 1 px 400} {persist a} {set c 1}}
    set due [expr {[clock milliseconds] + 400}]
    assert_match "*#TS:*" [read_file [lindex [increments $srv] end]]
    server_kill $srv
    wait_for {[clock milliseconds] > $due}
    server_restart $srv
    set r [client $srv]
    assert_equal 2 [$r exists a b c]
    assert_equal 1 [$r get a]
}

test "what is renamed is written by its own name" {
    set srv [aof_start -config {rename-command {set put}}]
    [client $srv] put a 1
    assert_equal {{SELECT 0} {set a 1}} [commands_of $srv]
    server_restart $srv -config {rename-command (unset)}
    assert_equal 1 [[client $srv] get a]
}

test "what cannot be replayed is refused: unknown commands, failing ones, and those that change nothing" {
    foreach {command why} {{nonsense a} "*unknown command*" {incr text} "*not an integer*" {get text} "*does not change data*" {shutdown} "*does not change data*" {config set dir /} "*does not change data*"} {
        set srv [sample {appendonly yes}]
        set text "*2\r\n\$6\r\nSELECT\r\n\$1\r\n0\r\n*3\r\n\$3\r\nset\r\n\$4\r\ntext\r\n\$1\r\nx\r\n*[llength $command]\r\n"
        foreach word $command { append text "\$[string length $word]\r\n$word\r\n" }
        set path [lindex [increments $srv] end]
        write_file $path [read_file $path]$text
        server_restart $srv -wait exit
        assert_equal 1 [server_wait_exit $srv] $command
        assert_match "*appendonly.aof.1.incr.aof*offset*" [server_log $srv]
        assert_match $why [server_log $srv] $command
    }
}

# ---- out of room ----
test "without room writes are refused, nothing is torn, and service resumes by itself" {
    foreach fsync {always everysec} {
        set dir [harness::temp_dir]
        if {[catch {exec mount -t tmpfs -o size=512k tarn-test $dir} why]} { skip "no tmpfs: $why" }
        try {
            set srv [aof_start -dir $dir -config [list appendfsync $fsync auto-aof-rewrite-percentage 0]]
            set r [client $srv]
            $r set before 1
            write_file $dir/filler [string repeat x 400000]
            set acknowledged {}
            set n 0
            # The reply of the write that finds no room waits for it.
            $r -timeout 1000
            while {[incr n] < 1000} {
                if {[catch {$r set key:$n [string repeat $n 2000]} why]} break
                lappend acknowledged $n
            }
            assert_range $n 2 999
            set q [client $srv]
            assert_error "MISCONF Errors writing to the AOF file: No space left on device*" {$q set other 1}
            assert_equal 1 [$q get before]
            assert_equal err [info_field $q aof_last_write_status persistence]
            file delete $dir/filler
            wait_for {![catch {$q set other 1}]} 10000
            assert_equal ok [info_field $q aof_last_write_status persistence]
            set digest [$q debug digest]
            server_kill $srv
            server_restart $srv
            set r [client $srv]
            assert_equal $digest [$r debug digest]
            foreach n $acknowledged { assert_equal [string repeat $n 2000] [$r get key:$n] }
            server_stop $srv
        } finally {
            foreach s [server_list] { catch {server_kill $s} }
            exec umount $dir
        }
    }
}
