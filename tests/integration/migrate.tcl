# MIGRATE: beside redis-server and across to it, and targets that are slow, deaf, mad or gone.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

# A target inside this process: script gets the connection and what has come, and may answer.
proc fake_target {script} {
    set ::fake_script $script
    set ::fake_links {}
    set ::fake_listener [socket -server fake_accept -myaddr 127.0.0.1 0]
    return [lindex [fconfigure $::fake_listener -sockname] 2]
}
proc fake_accept {fd host port} {
    fconfigure $fd -blocking 0 -translation binary -buffering none
    lappend ::fake_links $fd
    fileevent $fd readable [list fake_read $fd]
}
proc fake_read {fd} {
    set bytes [read $fd]
    if {[eof $fd]} { catch {close $fd}; return }
    catch {apply [list {fd bytes} $::fake_script] $fd $bytes}
}
proc fake_close {} {
    foreach fd $::fake_links { catch {close $fd} }
    close $::fake_listener
}

proc waits {r} { return [expr {[info_field $r blocked_clients clients] > 0}] }

proc fill {r} {
    $r set s:int 12345
    $r set s:text "a\r\nb\x00\xff"
    $r set s:long [string repeat longer 30000]
    $r set s:time x px 600000
    $r rpush l:small a b 3
    $r rpush l:big {*}[lmap i [lrepeat 2000 x] { expr {rand()} }]
    $r sadd set:int 1 2 3
    $r sadd set:text a b 3
    $r sadd set:big {*}[lmap i [lrepeat 1000 x] { expr {rand()} }]
    $r hset h:small f v g w
    for {set i 0} {$i < 600} {incr i} { $r hset h:big f$i [expr {rand()}]; $r zadd z:big [expr {rand()}] m$i }
    $r zadd z:small 1 a 2.5 b -inf c
    for {set i 0} {$i < 300} {incr i} { $r xadd x $i-1 f $i g [expr {rand()}] }
    $r xgroup create x g 0
    $r xreadgroup group g c count 10 streams x >
    $r pfadd hll a b c
}

with_both {
with_server t1 {} { with_server t2 [list -binary $harness::oracle] {
set tr [client $t1]
set to [client $t2]

# After an AUTH or a SELECT that was refused redis-server sends its keys all the same, so nothing here lets them be taken.
# PORT: each server has a target of its own.
proc same_migrate {requests} {
    foreach request $requests {
        set ours [$::r -typed {*}[string map [list PORT [server_port $::t1]] $request]]
        set theirs [$::o -typed {*}[string map [list PORT [server_port $::t2]] $request]]
        assert_equal $theirs $ours $request
    }
    foreach db {0 9} {
        foreach c [list $::r $::o $::tr $::to] { $c select $db }
        assert_equal [lsort [$::o keys *]] [lsort [$::r keys *]]
        assert_equal [lsort [$::to keys *]] [lsort [$::tr keys *]]
        foreach key [$::to keys *] { assert_equal [$::to get $key] [$::tr get $key] }
    }
    foreach c [list $::r $::o $::tr $::to] { $c select 0 }
}

test "errors, their order, and what is moved: as redis-server" {
    same_migrate {
        {migrate} {migrate a b c} {migrate 127.0.0.1 PORT nokey 0 1000} {migrate 127.0.0.1 xx nokey 0 1000}
        {migrate 127.0.0.1 xx nokey abc def} {migrate 127.0.0.1 PORT nokey 0 def} {migrate 127.0.0.1 PORT nokey 1.5 10}
        {migrate 127.0.0.1 PORT nokey abc 10 foo} {migrate 127.0.0.1 xx nokey abc def keys a} {migrate 127.0.0.1 xx "" abc def keys}
        {migrate 127.0.0.1 xx "" 0 0 keys} {migrate 127.0.0.1 PORT "" 0 0} {migrate 127.0.0.1 PORT "" 0 0 keys a copy}
        {migrate 127.0.0.1 PORT "" 0 0 auth} {migrate 127.0.0.1 PORT "" 0 0 auth2 a} {migrate 127.0.0.1 PORT "" 0 0 copy auth keys a}
        {migrate 127.0.0.1 PORT a 0 0 replace keys copy}
        {set a 1} {migrate 127.0.0.1 1 a 0 100} {migrate 127.0.0.1 -1 a 0 100} {migrate 127.0.0.1 0 a 0 100} {exists a}
        {migrate 127.0.0.1 PORT a 0 1000} {exists a} {migrate 127.0.0.1 PORT a 0 1000}
        {set a 1} {migrate 127.0.0.1 PORT a 99 1000} {migrate 127.0.0.1 PORT a 99999999999999 1000} {exists a}
        {set a 2} {migrate 127.0.0.1 PORT a 0 1000} {get a} {migrate 127.0.0.1 PORT a 0 1000 copy} {get a}
        {migrate 127.0.0.1 PORT a 0 1000 COPY Replace} {get a} {migrate 127.0.0.1 PORT a 0 -5 replace} {exists a}
        {set a 3} {migrate 127.0.0.1 PORT a 0 1000 copy replace} {migrate 127.0.0.1 PORT a 0 1000 auth foo} {migrate 127.0.0.1 PORT a 0 1000 auth2 u p}
        {migrate 127.0.0.1 PORT a 0 1000 auth2 u p auth x} {get a}
        {mset a 4 b 5 c 6} {migrate 127.0.0.1 PORT "" 0 1000 keys a b c} {exists a b c} {mset b 7 c 8}
        {migrate 127.0.0.1 PORT "" 9 0 replace keys a b c a zz} {exists a b c} {migrate 127.0.0.1 PORT "" 9 0 keys a b}
        {mset a 1 d 2} {migrate 127.0.0.1 PORT "" 9 1000 keys d d a} {exists a d} {set "" empty}
        {migrate 127.0.0.1 PORT "" 9 1000} {exists ""} {select 9} {set in9 1} {migrate 127.0.0.1 PORT in9 0 1000} {select 0}
        {multi} {migrate 127.0.0.1 PORT nokey 0 1000} {migrate 127.0.0.1 PORT a 0 1000 foo} {exec}
    }
    same {{command getkeys migrate h 1 k 0 9} {command getkeys migrate h 1 "" 0 9 copy keys a b}
        {command getkeys migrate h 1 "" 0 9 auth keys keys a b}
        {command getkeys migrate h 1 "" 0 9 auth keys} {command getkeys migrate h 1 k 0 9 keys d} {command getkeys migrate h 1 k 0 9}
        {command getkeys migrate h 1 "" 0 9 auth2 keys keys keys a} {command getkeysandflags migrate h 1 k 0 9} {command getkeysandflags migrate h 1 "" 0 9 keys a}}
}

test "a password and a user" {
    foreach c [list $tr $to] { $c config set requirepass secret }
    $to client kill type normal skipme yes; # redis-server keeps its connection to a target for a while
    same_migrate {
        {set a 1} {migrate 127.0.0.1 PORT a 5 1000 replace} {migrate 127.0.0.1 PORT a 5 1000 auth wrong} {exists a}
        {migrate 127.0.0.1 PORT a 5 1000 auth secret replace} {exists a} {set a 2} {migrate 127.0.0.1 PORT a 5 1000 auth secret}
        {migrate 127.0.0.1 PORT a 5 1000 auth2 default secret replace} {exists a} {set a 2} {migrate 127.0.0.1 PORT a 5 1000 auth2 nobody secret}
    }
    foreach c [list $tr $to] { $c config set requirepass "" }
}

test "events of what has left, and how errors are counted" {
    foreach c [list $r $o] { $c flushall; $c config set notify-keyspace-events KEA; $c config resetstat }
    set events {}
    foreach {srv name} [list $srv r $oracle o] { set l$name [client $srv]; [set l$name] psubscribe * }
    same_migrate {{mset a 1 b 2 c 3} {migrate 127.0.0.1 PORT "" 3 1000 keys a b} {migrate 127.0.0.1 PORT c 3 1000 copy}
        {migrate 127.0.0.1 PORT c 3 1000} {migrate 127.0.0.1 1 c 3 1000} {publish end end}}
    foreach name {r o} {
        set got {}
        while {[lindex $got end] ne "end"} { lappend got {*}[lrange [[set l$name] -read] 2 3] }
        lappend events $got
    }
    assert_equal [lindex $events 1] [lindex $events 0]
    foreach field {errorstat_ERR errorstat_IOERR} {
        assert_equal [info_field $o $field errorstats] [info_field $r $field errorstats]
    }
    assert_match "*failed_calls=2*" [info_field $r cmdstat_migrate commandstats]
    foreach c [list $r $o] { $c config set notify-keyspace-events "" }
}

test "every type goes from here to redis-server, from there to here, and from here to here" {
    foreach {from into} [list $r $to $o $tr $r $tr] target [list $t2 $t1 $t1] {
        $from flushall; $into flushall
        fill $from
        set keys [lsort [$from keys *]]
        set digests [$from debug digest-value {*}$keys]
        set ttl [$from pttl s:time]
        assert_equal OK [$from migrate 127.0.0.1 [server_port $target] "" 0 5000 keys {*}$keys]
        assert_equal 0 [$from dbsize]
        assert_equal $keys [lsort [$into keys *]]
        assert_equal $digests [$into debug digest-value {*}$keys]
        assert_range [$into pttl s:time] [expr {$ttl - 5000}] $ttl
        assert_equal -1 [$into ttl s:int]
    }
}

test "fields with a time of their own: to Tarn as they are, refused by redis-server and kept" {
    $r hset h f v g w
    $r hexpire h 1000 fields 1 f
    assert_error "ERR Target instance replied with error: ERR DUMP payload version or checksum are wrong" {
        $r migrate 127.0.0.1 [server_port $t2] h 0 1000 }
    assert_equal OK [$r migrate 127.0.0.1 [server_port $t1] h 0 1000]
    assert_equal 0 [$r exists h]
    assert_range [$tr httl h fields 1 f] 990 1000
}

test "many keys, and a value larger than any buffer" {
    foreach c [list $r $to] { $c flushall }
    $r debug populate 30000 k 100
    $r setrange huge 60000000 x
    $r setrange huge 0 [string map {0 a} [expr {rand()}]]
    set keys [concat [lsort [lmap i [lrepeat 30000 x] { set k k:[incr n] }]] huge]
    for {set i 0} {$i < 100} {incr i} { lappend values [expr {rand()}][string repeat [expr {rand()}] 3000] }
    $r rpush noise {*}$values
    set before [$r dbsize]
    set digests [$r debug digest-value huge noise]
    assert_equal OK [$r migrate localhost [server_port $t2] "" 0 10000 keys huge noise {*}[lrange $keys 0 end-1]]
    assert_equal $before [expr {[$r dbsize] + [$to dbsize]}]
    assert_range [$r dbsize] 0 1
    assert_equal $digests [$to debug digest-value huge noise]
}
}}
}

with_server srv {} { with_server target {} {
set r [client $srv]
set r2 [client $srv]
set t [client $target]
set port [server_port $target]

test "inside a transaction it is refused, because it waits" {
    $r set k v
    $r multi
    $r migrate 127.0.0.1 $port k 0 1000
    assert_match "{ERR MIGRATE waits*}" [$r exec]
    assert_equal v [$r get k]
}

test "while the target is silent, others are served and writes wait; after the timeout all is as before" {
    $r set k v
    server_signal $target STOP
    set begun [clock milliseconds]
    $r -send migrate 127.0.0.1 $port k 0 400
    wait_for {[waits $r2]}
    set w [client $srv]
    $w -send set k new
    assert_equal v [$r2 get k]
    assert_equal 1 [$r2 exists k]
    assert_error "IOERR error or timeout reading to target instance" {$r -read}
    assert_range [expr {[clock milliseconds] - $begun}] 390 [expr {3000 * $harness::slow}]
    assert_equal OK [$w -read]
    assert_equal new [$r2 get k]
    server_signal $target CONT
    assert_equal 0 [$t exists k]
    assert_equal OK [$r migrate 127.0.0.1 $port k 0 4000]
    assert_equal {0 new} [list [$r exists k] [$t get k]]
}

test "a target that does not read: the timeout is one of writing, and what is kept ready is bounded" {
    set f [open /dev/urandom rb]
    set noise [read $f 100000]
    close $f
    $r set k0 $noise
    for {set i 1} {$i < 400} {incr i} { $r copy k0 k$i }
    set at [fake_target { puts -nonewline $fd "+OK\r\n"; fileevent $fd readable {} }]
    $r -send migrate 127.0.0.1 $at "" 0 1000 keys {*}[$r2 keys *]
    wait_for {[waits $r2]}
    assert_range [info_field $r2 used_memory memory] 40000000 50000000
    assert_error "IOERR error or timeout writing to target instance" {$r -read}
    fake_close
    assert_equal 400 [$r dbsize]
    $r flushall
}

test "who asks is killed: nothing is lost, writes go on" {
    $r set k v
    server_signal $target STOP
    set asker [client $srv]
    set id [$asker client id]
    $asker -send migrate 127.0.0.1 $port k 0 60000
    wait_for {[waits $r2]}
    $r -send set other 1
    assert_equal 0 [$r2 client unblock $id]
    assert_equal 1 [$r2 client kill id $id]
    assert_equal OK [$r -read]
    assert [$asker -closed?]
    assert_equal v [$r get k]
    # and one that goes by itself, also while the connection is being made
    foreach where [list [list 127.0.0.1 $port] {no.such.host.invalid 1}] {
        set asker [client $srv]
        $asker -send migrate {*}$where k 0 60000
        if {[lindex $where 0] eq "127.0.0.1"} { wait_for {[waits $r2]} }
        $asker -close
        wait_for {![waits $r2]}
        assert_equal OK [$r set other 2]
    }
    server_signal $target CONT
    $t flushall
}

test "answers that make no sense, an early end, half an answer" {
    foreach {script error} {
        {close $fd}                                     "IOERR error or timeout * to target instance"
        {puts -nonewline $fd "+OK\r\n"; close $fd}      "IOERR error or timeout * to target instance"
        {puts -nonewline $fd ":1\r\n"}                  "IOERR error or timeout reading to target instance"
        {puts -nonewline $fd "+OK\r\n+OK\r\n+OK\r\n"}   "IOERR error or timeout reading to target instance"
        {puts -nonewline $fd "\r\n"}                    "IOERR error or timeout reading to target instance"
        {puts -nonewline $fd [string repeat x 5000]}    "IOERR error or timeout reading to target instance"
        {puts -nonewline $fd "-[string repeat y 1500]\r\n"} "IOERR error or timeout reading to target instance"
        {puts -nonewline $fd "+O"}                      "IOERR error or timeout reading to target instance"
        {puts -nonewline $fd "-[string repeat y 900]\r\n"} "ERR Target instance replied with error: yyy*"
        {puts -nonewline $fd "-MOVED 1 h:1\r\n"}        "ERR Target instance replied with error: MOVED 1 h:1"
    } {
        $r set k v
        set at [fake_target $script]
        assert_error $error {$r migrate 127.0.0.1 $at k 0 300}
        assert_equal v [$r get k] $script
        fake_close
    }
}

test "before the target has selected the database no key is sent" {
    set ::got ""
    set at [fake_target {append ::got $bytes}]
    assert_error "IOERR*" {$r migrate 127.0.0.1 $at k 7 200 auth2 me secret}
    fake_close
    assert_equal "*3\r\n\$4\r\nAUTH\r\n\$2\r\nme\r\n\$6\r\nsecret\r\n*2\r\n\$6\r\nSELECT\r\n\$1\r\n7\r\n" $::got
}

test "what was taken before the target went is deleted, the rest stays" {
    $r flushall
    $r mset a 1 b 2 c 3
    set at [fake_target {
        if {[string match *SELECT* $bytes]} { puts -nonewline $fd "+OK\r\n" }
        if {[string match *RESTORE* $bytes]} { puts -nonewline $fd "+OK\r\n-BUSYKEY so\r\n"; close $fd }
    }]
    assert_error "ERR Target instance replied with error: BUSYKEY so" {$r migrate 127.0.0.1 $at "" 0 2000 keys a b c}
    fake_close
    assert_equal {b c} [lsort [$r keys *]]
}

test "who asks goes in the middle: what was taken is deleted and told, and the journal knows" {
    $r flushall
    $r config set appendonly yes
    $r config set notify-keyspace-events KEA
    $r mset a 1 b 2
    set ::taken 0
    set at [fake_target {
        if {[string match *SELECT* $bytes]} { puts -nonewline $fd "+OK\r\n" }
        if {[string match *RESTORE* $bytes]} { puts -nonewline $fd "+OK\r\n"; set ::taken 1 }
    }]
    set asker [client $srv]
    $asker hello 3
    $asker -send psubscribe __keyevent*
    $asker -push
    set listener [client $srv]
    $listener psubscribe __keyevent*
    $asker -send migrate 127.0.0.1 $at "" 0 60000 keys a b
    wait_for {$::taken}
    # what it has answered is looked at before a request that comes later
    $r2 ping
    $r -send set late 1
    assert_equal 1 [$r2 client kill id [expr {[lindex [regexp -inline {id=(\d+)[^\n]*cmd=migrate} [$r2 client list]] 1]}]]
    assert_equal OK [$r -read]
    assert_equal {pmessage __keyevent* __keyevent@0__:del a} [$listener -read]
    assert_equal {b late} [lsort [$r keys *]]
    fake_close
    assert_equal OK [$r debug loadaof]
    assert_equal {b late} [lsort [$r keys *]]
    $r config set appendonly no
    $r config set notify-keyspace-events ""
    $r flushall
}

test "a key whose time comes before it could be sent" {
    $r flushall
    $r set brief x px 1000
    server_signal $target STOP
    $r -send migrate 127.0.0.1 $port brief 0 10000
    wait_for {[waits $r2]}
    wait_for {[$r2 exists brief] == 0}
    server_signal $target CONT
    assert_equal NOKEY [$r -read]
    assert_equal {0 0} [list [$r dbsize] [$t dbsize]]
    $r flushall
    $t flushall
}

test "a second one waits for the first" {
    $r mset a 1 b 2
    server_signal $target STOP
    $r -send migrate 127.0.0.1 $port a 0 5000
    wait_for {[waits $r2]}
    set third [client $srv]
    $r2 -send migrate 127.0.0.1 $port b 0 5000
    wait_for {[info_field $third blocked_clients clients] == 2}
    server_signal $target CONT
    assert_equal {OK OK} [list [$r -read] [$r2 -read]]
    assert_equal {a b} [lsort [$t keys *]]
}
}}

test "what has left stays away: the append-only file" {
    set srv [server_start -config {appendonly yes appendfsync always}]
    set target [server_start -config {appendonly yes}]
    set r [client $srv]
    $r mset a 1 b 2 c 3
    assert_equal OK [$r migrate 127.0.0.1 [server_port $target] "" 4 2000 keys a b none]
    assert_equal OK [$r migrate 127.0.0.1 [server_port $target] c 4 2000 copy]
    foreach s [list $srv $target] { server_kill $s; server_restart $s }
    assert_equal c [[client $srv] keys *]
    set t [client $target]
    $t select 4
    assert_equal {a b c} [lsort [$t keys *]]
}

test "the server ends while one waits: the key is saved" {
    foreach name {no.such.host.invalid 127.0.0.1} {
        set srv [server_start -config {save "3600 1"}]
        set target [server_start]
        set r [client $srv]
        $r set k v
        server_signal $target STOP
        $r -send migrate $name [server_port $target] k 0 60000
        if {$name eq "127.0.0.1"} { set other [client $srv]; wait_for {[waits $other]} }
        server_stop $srv
        server_signal $target CONT
        server_restart $srv
        assert_equal v [[client $srv] get k]
    }
}

test "the data is saved to be reloaded meanwhile: the keys stay, and it says so" {
    set srv [server_start]
    set target [server_start]
    lassign [list [client $srv] [client $srv]] r r2
    $r set k v
    server_signal $target STOP
    $r -send migrate 127.0.0.1 [server_port $target] k 0 60000
    wait_for {[waits $r2]}
    assert_equal OK [$r2 debug reload]
    server_signal $target CONT
    assert_error "ERR The keys were sent but stay here too*" {$r -read}
    assert_equal v [$r get k]
    assert_equal v [[client $target] get k]
    assert_equal OK [$r set k w]
}
