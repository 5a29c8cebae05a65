# Loading, from outside: what answers meanwhile, what INFO and MEMORY say, and how a load ends. Loads are slowed down with
# key-load-delay, so a test decides how long one lasts. Files that are refused: loading_refused.tcl.
source [file join [file dirname [info script]] harness harness.tcl]

set LOADING "LOADING Tarn is loading the dataset in memory"

# A file of n small keys, the first `expired` of them long gone.
proc keys_file {path n {expired 0}} {
    set bytes [rdb::header 10][rdb::aux redis-ver 7.0.15][rdb::aux used-mem 1234567][rdb::select 0][rdb::resize $n $expired]
    for {set i 0} {$i < $n} {incr i} {
        if {$i < $expired} { append bytes [rdb::expire_ms 1000] }
        append bytes [rdb::key key:$i value:$i]
    }
    return [rdb::write $path $bytes[rdb::eof]]
}

# The files of a folder: what a load must leave as it was.
proc folder_state {dir} {
    return [lmap file [lsort [glob -nocomplain -directory $dir -types f -- * .*]] {
        if {[regexp {^std(out|err)\.\d+$} [file tail $file]]} { continue }
        list [file tail $file] [file size $file] [file mtime $file] [rdb::crc64 [read_file $file]]
    }]
}

# The commands of COMMAND as {name arity flags}, subcommands as "container sub".
proc all_commands {r} {
    set all {}
    foreach row [$r command] {
        lappend all [lrange $row 0 2]
        foreach sub [lindex $row 9] { lappend all [list [string map {| " "} [lindex $sub 0]] [lindex $sub 1] [lindex $sub 2]] }
    }
    return $all
}

# Those that the peers let run while loading; the rest of what they have must wait.
set runs_while_loading [split [string map {\n ""} {acl cat;acl deluser;acl dryrun;acl genpass;acl getuser;acl help;acl list;acl load;
acl log;acl save;acl setuser;acl users;acl whoami;auth;client caching;client capa;client getname;client getredir;client help;
client id;client import-source;client info;client kill;client list;client no-evict;client no-touch;client pause;client reply;
client setinfo;client setname;client tracking;client trackinginfo;client unblock;client unpause;cluster help;cluster info;
cluster myid;cluster myshardid;cluster nodes;cluster shards;cluster slot-stats;cluster slots;command;command count;command docs;
command getkeys;command getkeysandflags;command help;command info;command list;commandlog get;commandlog help;commandlog len;
commandlog reset;config get;config help;config resetstat;config rewrite;config set;debug;discard;echo;exec;function help;hello;
info;lastsave;latency doctor;latency graph;latency help;latency histogram;latency history;latency latest;latency reset;
memory help;memory malloc-stats;memory purge;module help;monitor;multi;object help;psubscribe;publish;pubsub channels;
pubsub help;pubsub numpat;pubsub numsub;pubsub shardchannels;pubsub shardnumsub;punsubscribe;quit;readonly;readwrite;replconf;
reset;role;script help;select;sentinel help;shutdown;slowlog get;slowlog help;slowlog len;slowlog reset;spublish;ssubscribe;
subscribe;sunsubscribe;time;unsubscribe;unwatch;watch;xgroup help;xinfo help}] ";"]
# Tarn's own views of memory and traffic speak of owners and commands, which are true at every instant; walks are taken on, and begin when the data is there.
set own_walks {"memory analyze" "memory prefixes"}
set own_views [concat {"memory tree" "memory owners" "memory history" "memory top" "hotkeys get" "hotkeys reset" "hotkeys help"} $own_walks]

set data [harness::temp_dir]
set thousand [keys_file $data/thousand.rdb 1000]

with_server srv [list -rdb $thousand -config {key-load-delay 20000000} -wait listening] {
    test "data commands, and PING, answer -LOADING" {
        set r [client $srv]
        foreach command {ping {get key:1} {set a b} dbsize {keys *} {scan 0} randomkey {exists a} flushall save bgsave {debug-not-there-yet x}} {
            if {[string match debug-not* $command]} { continue }
            assert_equal [list error $LOADING] [$r -typed {*}$command] $command
        }
    }

    test "the connection can be set up and the server be asked" {
        set r [client $srv]
        assert_equal 3 [dict get [$r hello 3] proto]
        assert_equal OK [$r select 3]
        assert_equal OK [$r client setname during]
        assert_equal during [$r client getname]
        assert_match "*name=during*" [$r client list]
        assert_equal hi [$r echo hi]
        assert_equal {key-load-delay 20000000} [$r config get key-load-delay]
        assert_equal OK [$r config set maxmemory 123mb]
        assert_equal {maxmemory 128974848} [$r config get maxmemory]
        assert_equal OK [$r config set maxmemory 0]
        assert_range [$r command count] 50 1000
        assert_equal 2 [llength [$r time]]
        assert_range [$r lastsave] 0 [clock seconds]
        assert_range [llength [$r slowlog get]] 0 10
        assert_equal OK [$r config resetstat]
        assert_equal RESET [$r reset]
        assert_error "LOADING*" {$r ping}
    }

    test "CONFIG SET refuses what must not change during a load" {
        set r [client $srv]
        assert_error "*" {$r config set dir /tmp}
        assert_error "LOADING *" {$r config set appendonly yes}
        assert_equal [file normalize [server_dir $srv]] [file normalize [lindex [$r config get dir] 1]]
    }

    test "MEMORY, subcommand by subcommand" {
        set r [client $srv]
        assert_match "MEMORY <subcommand>*" [lindex [$r memory help] 0]
        set stats [$r memory malloc-stats]
        assert_range [string length $stats] 20 10000000
        assert_equal OK [$r memory purge]
        assert_error $LOADING {$r memory stats}
        assert_error $LOADING {$r memory doctor}
        assert_range [llength [$r memory tree]] 1 1000
        assert_range [llength [$r memory history]] 0 4000
        assert_range [llength [$r memory help]] 10 100
        assert_error $LOADING {$r memory usage key:1}
        assert_error $LOADING {$r memory usage key:1 samples 0}
        assert_error "ERR unknown subcommand*" {$r memory nonsense}
        assert_error "ERR wrong number of arguments for 'memory|purge' command" {$r memory purge now}
    }

    test "flags of COMMAND say what the peers' say" {
        set r [client $srv]
        foreach row [all_commands $r] {
            lassign $row name arity flags
            if {$name in $own_views} { continue }
            assert_equal [expr {$name in $runs_while_loading}] [expr {"loading" in $flags}] $name
        }
    }

    test "every command obeys its loading flag" {
        set tried 0
        set r [client $srv]
        foreach row [all_commands $r] {
            lassign $row name arity flags
            # A pure container has nothing to run.
            if {[llength [lindex [lindex [$r command info [lindex $name 0]] 0] 9]] > 0 && [llength $name] == 1 && $name ne "command"} { continue }
            if {$name in {shutdown debug "client reply"} || $name in $own_walks} { continue }
            set words $name
            while {[llength $words] < abs($arity)} { lappend words x }
            # On a connection of its own: some change it (MULTI, SUBSCRIBE), QUIT ends it.
            set one [client $srv]
            set reply [lindex [$one -typed {*}$words] 1]
            assert_equal [expr {"loading" ni $flags}] [string match "LOADING *" $reply] "$words: $reply"
            $one -close
            incr tried
        }
        assert_range $tried 100 1000
        assert [server_running $srv]
        assert_equal 1 [info_field $r loading persistence]
    }

    test "a walk waits for the data" {
        set r [client $srv]
        foreach command $own_walks {
            set waiting [client $srv]
            $waiting -send {*}$command
            wait_for {[info_field $r blocked_clients clients] == 1}
            $waiting -close
            wait_for {[info_field $r blocked_clients clients] == 0}
        }
    }

    test "an unknown command and a wrong arity are said before LOADING" {
        set r [client $srv]
        assert_error "ERR unknown command 'nonsense'*" {$r nonsense}
        assert_error "ERR wrong number of arguments for 'get' command" {$r get}
    }

    test "INFO has every section, and none of them fails" {
        set r [client $srv]
        set info [info_dict $r everything]
        foreach field {redis_version tarn_version process_id uptime_in_seconds connected_clients used_memory used_memory_rss
            loading total_commands_processed role used_cpu_sys} {
            assert [dict exists $info $field] $field
        }
    }
}

test "with a password, AUTH works and nothing else does without it" {
    set srv [server_start -rdb $thousand -config {key-load-delay 20000000 requirepass secret} -wait listening]
    set r [client_connect 127.0.0.1 [server_port $srv]]
    assert_error "NOAUTH*" {$r info}
    assert_error "WRONGPASS*" {$r auth wrong}
    assert_equal OK [$r auth secret]
    assert_equal 1 [info_field $r loading]
}

test "INFO persistence moves with the load" {
    set srv [server_start -rdb [keys_file $data/moving.rdb 1000 100] -config {key-load-delay 2000} -wait listening]
    set r [client $srv]
    wait_for {[info_field $r loading_total_bytes persistence] > 0}
    set size [file size $data/moving.rdb]
    set before [info_dict $r persistence]
    assert_equal 1 [dict get $before loading]
    assert_equal 0 [dict get $before async_loading]
    assert_range [dict get $before loading_start_time] [expr {[clock seconds] - 60}] [expr {[clock seconds] + 1}]
    assert_equal $size [dict get $before loading_total_bytes]
    set last_keys 0
    set last_bytes 0
    set steps 0
    while {[dict get [set now [info_dict $r persistence]] loading]} {
        assert_range [dict get $now loading_loaded_bytes] $last_bytes $size
        assert_range [dict get $now loading_loaded_keys] $last_keys 1000
        assert_range [dict get $now loading_loaded_perc] 0 100
        assert_range [dict get $now loading_eta_seconds] 0 1000
        assert_range [dict get $now loading_keys_per_sec] 0 10000
        assert_range [dict get $now loading_expired_keys] 0 100
        if {[dict get $now loading_loaded_keys] > $last_keys} { incr steps }
        set last_keys [dict get $now loading_loaded_keys]
        set last_bytes [dict get $now loading_loaded_bytes]
        if {$last_keys > 300} { assert_equal 1234567 [dict get $now loading_rdb_used_mem] }
        harness::pause 20
    }
    assert_range $steps 5 1000
    assert_equal 900 [$r dbsize]
    assert_equal 900 [dict get $now rdb_last_load_keys_loaded]
    assert_equal 100 [dict get $now rdb_last_load_keys_expired]
}

test "used_memory grows while the keys come in, and never shrinks" {
    set bytes [rdb::header 10][rdb::select 0]
    for {set i 0} {$i < 400} {incr i} { append bytes [rdb::key key:$i [string repeat $i 3000]] }
    rdb::write $data/growing.rdb $bytes[rdb::eof] -crc zero
    set srv [server_start -rdb $data/growing.rdb -config {key-load-delay 10000} -wait listening]
    set r [client $srv]
    set first [info_field $r used_memory memory]
    wait_for {[info_field $r loading_loaded_keys persistence] > 200} 20000
    set middle [info_field $r used_memory memory]
    $r config set key-load-delay 0
    wait_for {[info_field $r loading persistence] == 0} 20000
    set end [info_field $r used_memory memory]
    assert_range $middle [expr {$first + 200 * 3000}] $end
    assert_range $end [expr {$first + 400 * 3000}] [expr {$first + 400 * 20000}]
}

test "key-load-delay: changed during a load, and negative" {
    set srv [server_start -rdb $thousand -config {key-load-delay 20000000} -wait listening]
    set r [client $srv]
    assert_equal OK [$r config set key-load-delay -100]
    # The key that is being waited for may have its 20 seconds, but the load must notice sooner than that.
    wait_for {[info_field $r loading persistence] == 0} 15000
    assert_equal PONG [$r ping]
    assert_equal 1000 [$r dbsize]
    assert_equal value:77 [$r get key:77]
    # Hidden: not among the matches of a pattern.
    assert_equal {} [$r config get key-load-dela*]
    assert_equal {} [$r config get loading-process-events-interval-byte*]
    assert_equal {loading-process-events-interval-bytes 2097152} [$r config get loading-process-events-interval-bytes]
}

test "the log says that the load began and ended, with keys, and that the server is ready" {
    set srv [server_start -rdb $thousand]
    set log [server_log $srv]
    assert_regexp {(?i)load[^\n]*1000 keys|1000 keys[^\n]*load|keys loaded: 1000} $log
    assert_match "*Ready to accept connections*" $log
}

test "a progress line at most every 5 seconds" {
    set srv [server_start -rdb $thousand -config {key-load-delay 12000} -wait listening]
    set r [client $srv]
    $r -timeout 60000
    wait_for {[info_field $r loading persistence] == 0} 60000 50
    set last 0
    set lines [regexp -all -inline -line {\d\d:(\d\d):(\d\d)\.(\d{3}) . Loading .*%} [server_log $srv]]
    foreach {line minutes seconds ms} $lines {
        set at [expr {[scan $minutes %d] * 60000 + [scan $seconds %d] * 1000 + [scan $ms %d]}]
        if {$last} { assert_range [expr {($at - $last) % 3600000}] 4900 3600000 $line }
        set last $at
    }
    assert {$last}
}

foreach {how script} {
    "SIGTERM" {server_signal $srv TERM}
    "SIGINT" {server_signal $srv INT}
    "SHUTDOWN NOSAVE" {$r -send shutdown nosave}
    "SHUTDOWN" {$r -send shutdown}
    "SHUTDOWN NOW FORCE" {$r -send shutdown now force}
} {
    test "$how ends a load at once and writes nothing" {
        set dir [harness::temp_dir]
        file copy $thousand $dir/dump.rdb
        # Save points that a careless server would obey.
        set srv [server_start -dir $dir -config {key-load-delay 20000000 save {1 1}} -wait listening]
        set r [client $srv]
        wait_for {[info_field $r loading persistence] == 1}
        set before [folder_state $dir]
        set started [clock milliseconds]
        eval $script
        assert_equal 0 [server_wait_exit $srv]
        # The key that is under way takes 20 s.
        assert_range [expr {[clock milliseconds] - $started}] 0 [expr {min(5000 * $harness::slow, 15000)}]
        assert_equal $before [folder_state $dir]
    }
}

test "a load leaves its folder as it was, and so do SAVE and BGSAVE during it" {
    set dir [harness::temp_dir]
    file copy $thousand $dir/dump.rdb
    set before [folder_state $dir]
    set srv [server_start -dir $dir -config {key-load-delay 50000 save {1 1}} -wait listening]
    set r [client $srv]
    for {set i 0} {$i < 12} {incr i} {
        assert_error "LOADING *" {$r save}
        assert_error "LOADING *" {$r bgsave}
        assert_equal $before [folder_state $dir]
        harness::pause 50
    }
    assert_equal 1 [info_field $r loading persistence]
}

test "no file: the server is ready at once, empty" {
    set srv [server_start]
    set r [client $srv]
    assert_equal 0 [$r dbsize]
    assert_equal 0 [info_field $r loading persistence]
    assert_equal "" [info_field $r loading_start_time persistence]
}

test "every RDB version, and Valkey's framing" {
    for {set version 1} {$version <= 12} {incr version} {
        set body [rdb::header $version][rdb::select 0][rdb::key k $version][rdb::eof]
        # Versions before 5 have no checksum.
        rdb::write $data/v.rdb $body -crc [expr {$version < 5 ? "none" : "right"}]
        set srv [server_start -rdb $data/v.rdb]
        assert_equal $version [[client $srv] get k]
        server_stop $srv
    }
    rdb::write $data/v.rdb [rdb::header 80 VALKEY][rdb::key k 80][rdb::eof]
    set srv [server_start -rdb $data/v.rdb]
    assert_equal 80 [[client $srv] get k]
}

test "every opcode and every encoding of a string" {
    set later [expr {[clock milliseconds] + 3600000}]
    set long [string repeat abcdefgh 5000]
    rdb::write $data/all.rdb [string cat [rdb::header 11] [rdb::aux redis-ver 7.2.4] [rdb::aux redis-bits [rdb::int 64 8]] [rdb::aux unknown-field x] \
        [rdb::select 0] [rdb::resize 100 50] [rdb::slot 5 10 3] [rdb::key plain value] [rdb::raw_key 0 i8 [rdb::int -5 8]] \
        [rdb::raw_key 0 i16 [rdb::int 1000 16]] [rdb::raw_key 0 i32 [rdb::int -100000 32]] [rdb::raw_key 0 lzf [rdb::lzf_literals [string repeat abcdefgh 10]]] \
        [rdb::key long $long] [rdb::key "" empty-key] [rdb::key empty ""] [rdb::key digits 123456789012] \
        "\x00[rdb::int 4711 16][rdb::str intkey]" "\x00[rdb::lzf_literals lzfkey-lzfkey-lzfkey-lzfkey][rdb::str v]" \
        [rdb::expire_ms $later] [rdb::key ms 1] [rdb::expire_s [expr {$later / 1000}]] [rdb::key s 2] \
        [rdb::expire_ms 1000] [rdb::key gone 1] [rdb::expire_ms 1000] [rdb::raw_key 0 gone-too [rdb::lzf_literals [string repeat x 50]]] \
        [rdb::idle 1000] [rdb::key idle 1] [rdb::expire_ms $later] [rdb::idle 5] [rdb::key both 1] \
        [rdb::select 15] [rdb::resize 1 0] [rdb::freq 7] [rdb::key other 1] [rdb::select 0] [rdb::key again 1] \
        "\x00[rdb::length 3 14]l14[rdb::length 1 14]x" "\x00[rdb::length 3 32]l32[rdb::length 1 64]y" [rdb::eof]]
    set srv [server_start -rdb $data/all.rdb]
    set r [client $srv]
    assert_equal {value -5 1000 -100000 123456789012 intkey v 1 x y} \
        [$r mget plain i8 i16 i32 digits 4711 lzfkey-lzfkey-lzfkey-lzfkey again l14 l32]
    assert_equal [string repeat abcdefgh 10] [$r get lzf]
    assert_equal $long [$r get long]
    assert_equal empty-key [$r get ""]
    assert_equal {bulk {}} [$r -typed get empty]
    assert_equal $later [$r pexpiretime ms]
    assert_equal [expr {$later / 1000}] [$r expiretime s]
    assert_equal 0 [$r exists gone gone-too]
    assert_range [$r object idletime idle] 990 1010
    assert_equal $later [$r pexpiretime both]
    assert_equal {int int int} [lmap k {i8 i16 digits} { $r object encoding $k }]
    assert_equal 18 [$r dbsize]
    $r select 15
    assert_equal 1 [$r get other]
    assert_equal 1 [$r dbsize]
}

test "LFU counters are taken over where the policy asks for them" {
    rdb::write $data/lfu.rdb [rdb::header 10][rdb::freq 77][rdb::key k v][rdb::eof]
    set srv [server_start -rdb $data/lfu.rdb -config {maxmemory-policy allkeys-lfu}]
    assert_range [[client $srv] object freq k] 70 78
}

test "a file without a checksum, and one that nobody wants checked" {
    rdb::write $data/zero.rdb [rdb::header 10][rdb::key k v][rdb::eof] -crc zero
    set srv [server_start -rdb $data/zero.rdb]
    assert_equal v [[client $srv] get k]
    rdb::write $data/wrong.rdb [rdb::header 10][rdb::key k v][rdb::eof] -crc wrong
    set srv [server_start -rdb $data/wrong.rdb -config {rdbchecksum no}]
    assert_equal v [[client $srv] get k]
}

test "the same key in two databases is no duplicate" {
    rdb::write $data/two.rdb [rdb::header 10][rdb::select 0][rdb::key k a][rdb::select 1][rdb::key k b][rdb::eof]
    set srv [server_start -rdb $data/two.rdb]
    set r [client $srv]
    assert_equal a [$r get k]
    $r select 1
    assert_equal b [$r get k]
}

test "a size hint that lies costs no memory" {
    foreach hint {0 1000000000 1152921504606846976 18446744073709551615} {
        rdb::write $data/hint.rdb [rdb::header 10][rdb::select 0]\xfb[rdb::length $hint 64][rdb::length $hint 64][rdb::key k v][rdb::eof]
        set srv [server_start -rdb $data/hint.rdb -wait log:Ready]
        assert_range [server_rss_kb $srv] 1000 [expr {$harness::slow > 1 ? 2000000 : 100000}]
        assert_equal v [[client $srv] get k]
        server_stop $srv
    }
}

test "answers are quick during a load, with one huge value in it" {
    if {![file executable $harness::oracle]} { skip "no $harness::oracle" }
    set dir [harness::temp_dir]
    set oracle [oracle_start -dir $dir]
    set o [client $oracle]
    $o -timeout 60000
    $o config set rdbcompression no
    $o debug populate 200000 key 32
    $o setrange huge 200000000 x
    $o save
    server_stop $oracle
    assert_once {$worst <= 250000 * $harness::slow} {
        set srv [server_start -dir $dir -wait listening -config {rdbchecksum no}]
        set r [client $srv]
        set worst 0
        set asked 0
        while {[info_field $r loading persistence]} {
            foreach command {{info} {config get maxmemory} {memory malloc-stats}} {
                set started [clock microseconds]
                $r {*}$command
                set worst [expr {max($worst, [clock microseconds] - $started)}]
                incr asked
            }
        }
        puts "# $asked answers during the load, the slowest took $worst us"
        assert_equal 200001 [$r dbsize]
        assert_equal 200000001 [$r strlen huge]
        server_stop $srv
    } 3
}
