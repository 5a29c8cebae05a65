# Configuration from outside: files and flags, CONFIG GET, SET, REWRITE and RESETSTAT, --check-config.
source [file join [file dirname [info script]] harness harness.tcl]

# Runs the server with words until it ends; gives {exit code, what it printed}.
proc run_server {args} {
    set failed [catch {exec {*}$harness::wrap $harness::server {*}$args </dev/null 2>@1} out options]
    if {!$failed} { return [list 0 $out] }
    set code [dict get $options -errorcode]
    if {[lindex $code 0] ne "CHILDSTATUS"} { return [list $code $out] }
    return [list [lindex $code 2] [regsub {\nchild process exited abnormally$} $out ""]]
}

proc conf {text} {
    set path [harness::temp_dir]/tarn.conf
    write_file $path $text
    return $path
}

proc get {r name} { return [lindex [$r config get $name] 1] }

# The file of a server started with -via file.
proc conf_of {srv} { return [file join $harness::server::state($srv,home) server.conf] }

# ---- the start ----
test "a bad line stops the start with file, line, text, reason and suggestion" {
    set path [conf "# a comment\nport 0\n\nmaxmemory-polisy allkeys-lru\n"]
    lassign [run_server $path] code out
    assert_equal 1 $code
    assert_match "*FATAL CONFIG FILE ERROR*$path*at line 4*>>> 'maxmemory-polisy allkeys-lru'*Bad directive*did you mean 'maxmemory-policy'*" $out
}

test "bad values and bad flags stop the start" {
    foreach {line reason} {
        "port abc" "argument couldn't be parsed into an integer"
        "port 65536" "argument must be between 0 and 65535 inclusive"
        "appendonly maybe" "argument must be 'yes' or 'no'"
        "maxmemory 1tb" "argument must be a memory value"
        "loglevel loud" "argument(s) must be one of the following: debug, verbose, notice, warning"
        "unixsocketperm 888" "argument couldn't be parsed as an octal number"
        "client-output-buffer-limit normal 1 2" "Wrong number of arguments in buffer limit configuration."
        "oom-score-adj-values 1 2 3000" "Invalid oom-score-adj-values, elements must be between -2000 and 2000."
        "dir /no/such/folder" "No such file or directory"
        "save 1 x" "Invalid save parameters"
        "include /no/such/file" "can't open config file '/no/such/file': No such file or directory"
        "loadmodule /x.so" "modules are not supported"
        "replicaof 127.0.0.1 1" "replication is not supported yet"
        "rename-command NONSENSE x" "No such command in rename-command"
        "rename-command GET SET" "Target command name already exists"
        "requirepass \"x" "Unbalanced quotes in configuration line"
    } {
        lassign [run_server [conf "port 0\nunixsocket /nowhere\n$line\n"]] code out
        assert_equal 1 $code $line
        assert [expr {[string first $reason $out] >= 0}] "$line: $out"
    }
    lassign [run_server --port 0 --prot 1] code out
    assert_equal 1 $code
    assert_match "*>>> 'prot 1'*did you mean 'port'*" $out
}

test "a password is not printed with its bad line" {
    lassign [run_server [conf "requirepass \"hidden\n"]] code out
    assert_equal 1 $code
    assert_no_match "*hidden*" $out
}

test "--check-config reports every mistake at once and exits with 1, or with 0" {
    set path [conf "port abc\nprot 1\nhz 20\nappendfsync allways\n"]
    lassign [run_server --check-config $path] code out
    assert_equal 1 $code
    assert_match "*$path:1: port abc: argument couldn't be parsed into an integer\n*" $out
    assert_match "*$path:2: prot 1: *did you mean 'port'?\n*" $out
    assert_match "*$path:4: appendfsync allways: *did you mean 'always'?\n*" $out
    assert_match "*3 problems found*" $out
    lassign [run_server --check-config [conf "port 7000\n"]] code out
    assert_equal 0 $code
    assert_match "*0 problems found*" $out
    assert_equal 1 [lindex [run_server --check-config /no/such/file] 0]
}

set debian /etc/redis/redis.conf
test "Debian's stock redis.conf passes the check and starts" {
    if {![file readable $debian]} { skip "no $debian" }
    lassign [run_server --check-config $debian] code out
    assert_equal 0 $code $out
    set dir [harness::temp_dir]
    set port [free_port]
    set srv [server_start -args [list --port $port --daemonize no --supervised no --dir $dir --logfile "" \
        --pidfile $dir/pid --include $debian --port $port --daemonize no --dir $dir --logfile "" --pidfile $dir/pid] -wait none]
    wait_for {![catch {set r [client_connect 127.0.0.1 $port]}]}
    wait_for {![string match LOADING* [lindex [$r -typed ping] 1]]}
    assert_equal notice [get $r loglevel]
    assert_equal {127.0.0.1 -::1} [get $r bind]
    assert_equal no [get $r lazyfree-lazy-eviction]
    assert_match "*Directive 'replica-lazy-flush' is set to 'no'*no effect*" [server_log $srv]
}

test "flags of several words, in one word, and after a file" {
    set srv [server_start -via file -config {timeout 5 maxmemory 1mb} \
        -args {--save 60 1000 300 10 --client-output-buffer-limit {replica 1mb 2 3} --timeout 6 --shutdown-on-sigterm nosave now}]
    set r [client $srv]
    assert_equal {60 1000 300 10} [get $r save]
    assert_equal {normal 0 0 0 slave 1048576 2 3 pubsub 33554432 8388608 60} [get $r client-output-buffer-limit]
    assert_equal 6 [get $r timeout]
    assert_equal {nosave now} [get $r shutdown-on-sigterm]
    assert_equal 1048576 [get $r maxmemory]
}

test "save points of several lines add up, an empty one clears" {
    foreach {lines expected} {
        "save 60 1\nsave 30 3" {60 1 30 3}
        "save 60 1\nsave \"\"\nsave 30 3" {30 3}
        "save \"\"" {}
    } {
        set srv [server_start -via file -config {save (unset)} -lines [list $lines]]
        assert_equal $expected [get [client $srv] save]
    }
}

test "rename-command renames and disables" {
    set srv [server_start -via file -lines {{rename-command GET fetch} {rename-command DEL ""}}]
    set r [client $srv]
    $r set k v
    assert_equal v [$r fetch k]
    assert_error "ERR unknown command*" {$r get k}
    assert_error "ERR unknown command*" {$r del k}
}

test "an inert directive set away from its default is mentioned once" {
    set srv [server_start -config {repl-mptcp yes}]
    set r [client $srv]
    assert_equal 1 [regexp -all {'repl-mptcp' is set to 'yes'} [server_log $srv]]
    $r config set activerehashing no
    $r config set activerehashing yes
    $r config set activerehashing no
    assert_equal 1 [regexp -all {'activerehashing' is set to 'no'} [server_log $srv]]
    $r config set masterauth secret
    assert_match "*'primaryauth' is set to '\\*\\*\\*'*" [server_log $srv]
}

# ---- GET ----
with_server srv {} {
    test "CONFIG GET: names, patterns, several at once, both spellings" {
        set r [client $srv]
        assert_equal {maxmemory 0} [$r config get maxmemory]
        assert_equal {MAXMEMORY 0} [$r config get MAXMEMORY]
        assert_equal {} [$r config get nonsense]
        assert_equal {} [$r config get nons*]
        array set got [$r config get *slave* maxmem* maxmemory timeout]
        foreach name {slave-read-only min-slaves-to-write maxmemory maxmemory-policy timeout repl-ping-slave-period} {
            assert [info exists got($name)] $name
        }
        assert_equal 100 [get $r slave-priority]
        assert_equal 100 [get $r replica-priority]
        assert_equal 128 [get $r slowlog-max-len]
        assert_equal 128 [get $r commandlog-slow-execution-max-len]
        set all [$r config get *]
        assert_equal [llength $all] [expr {2 * [llength [lsort -unique [dict keys $all]]]}]
        assert ![dict exists $all key-load-delay]
        assert_equal {key-load-delay 0} [$r config get key-load-delay]
        assert_error "ERR wrong number of arguments for 'config|get' command" {$r config get}
    }

    test "CONFIG GET is a map in RESP3" {
        set r [client $srv]
        $r hello 3
        assert_equal map [lindex [$r -typed config get maxmemory] 0]
    }

    test "every directive that can be set takes back what it shows" {
        set r [client $srv]
        set refused {}
        foreach {name value} [$r config get *] {
            if {$name in {port bind dir dbfilename logfile}} { continue }
            set reply [$r -typed config set $name $value]
            if {[lindex $reply 0] eq "error" && ![string match "*immutable*" $reply] && ![string match "*protected*" $reply]} {
                lappend refused "$name '$value': $reply"
            }
        }
        assert_equal {} $refused
    }

    # ---- SET ----
    test "CONFIG SET: all or none" {
        set r [client $srv]
        $r config set timeout 11 maxmemory 2mb save "100 1"
        assert_error "ERR CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be parsed into an integer" \
            {$r config set timeout 12 maxmemory 3mb save "200 2" hz x}
        assert_error "ERR CONFIG SET failed (possibly related to argument 'bind') - *" \
            {$r config set timeout 12 maxmemory 3mb bind 203.0.113.1}
        assert_error "ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter" \
            {$r config set timeout 12 timeout 13}
        assert_error "ERR syntax error" {$r config set timeout 12 hz}
        assert_equal {timeout 11} [$r config get timeout]
        assert_equal {maxmemory 2097152} [$r config get maxmemory]
        assert_equal {save {100 1}} [$r config get save]
        $r config set maxmemory 0 timeout 0 save ""
        assert_equal PONG [[client $srv] ping]
    }

    test "CONFIG SET port and bind take effect at once" {
        set r [client $srv]
        set port [free_port]
        assert_equal OK [$r config set port $port]
        assert_equal PONG [[client_connect 127.0.0.1 $port] ping]
        assert [catch {socket 127.0.0.1 [server_port $srv]}] "the old port is still open"
        assert_equal PONG [$r ping]
        assert_equal OK [$r config set port [server_port $srv]]
        assert_equal OK [$r config set bind "127.0.0.1 -203.0.113.1"]
        assert_equal PONG [[client $srv] ping]
        $r config set bind 127.0.0.1
    }

    test "CONFIG SET requirepass asks new clients" {
        set r [client $srv]
        $r config set requirepass "a b"
        assert_error "NOAUTH*" {[client_connect 127.0.0.1 [server_port $srv]] get x}
        assert_equal "a b" [get $r requirepass]
        $r config set requirepass ""
        assert_equal (nil) [[client $srv] get x]
    }

    test "CONFIG SET refuses protected, immutable and unknown directives" {
        set r [client $srv]
        assert_error "*'dir') - can't set protected config" {$r config set dir /tmp}
        assert_error "*'databases') - can't set immutable config" {$r config set databases 4}
        assert_error "ERR Unknown option or number of arguments for CONFIG SET - 'nonsense'" {$r config set nonsense 4}
    }

    test "CONFIG REWRITE without a file, RESETSTAT, HELP, unknown subcommand" {
        set r [client $srv]
        assert_error "ERR The server is running without a config file" {$r config rewrite}
        $r get absent
        assert_equal OK [$r config resetstat]
        assert_equal 0 [info_field $r keyspace_misses stats]
        assert_match "*CONFIG <subcommand>*HELP*" [$r config help]
        assert_error "ERR unknown subcommand 'nonsense'. Try CONFIG HELP." {$r config nonsense}
        assert_error "ERR wrong number of arguments for 'config' command" {$r config}
    }
}

test "CONFIG SET dir and dbfilename as enable-protected-configs allows" {
    foreach allowed {yes local} {
        set srv [server_start -config [list enable-protected-configs $allowed]]
        set r [client $srv]
        set dir [harness::temp_dir]
        assert_equal OK [$r config set dir $dir dbfilename other.rdb]
        assert_equal $dir [get $r dir]
        assert_error "*'dbfilename') - dbfilename can't be a path, just a filename" {$r config set dbfilename a/b}
    }
}

test "CONFIG SET while loading: some directives must wait" {
    set file [harness::temp_dir]/slow.rdb
    rdb::write $file [rdb::header 10][rdb::key a 1][rdb::key b 2][rdb::eof]
    set srv [server_start -rdb $file -config {key-load-delay 20000000} -wait listening]
    set r [client $srv]
    wait_for {[string match LOADING* [lindex [$r -typed get a] 1]]}
    assert_equal OK [$r config set timeout 5]
    assert_error "LOADING Tarn is loading the dataset in memory" {$r config set timeout 6 appendonly yes}
    assert_equal 5 [get $r timeout]
}

# ---- REWRITE ----
test "CONFIG REWRITE keeps the file and changes what changed" {
    set srv [server_start -via file -lines {"# my comment" "maxclients 50" "slave-priority 7" "" "# the end"}]
    set r [client $srv]
    $r config set maxclients 60 timeout 3 requirepass {it's "so"} save "100 5"
    assert_equal OK [$r config rewrite]
    set text [read_file [conf_of $srv]]
    assert_match "*\n# my comment\nmaxclients 60\nslave-priority 7\n\n# the end\n*# Generated by CONFIG REWRITE\n*timeout 3\n*" $text
    assert_equal OK [$r config rewrite]
    assert_equal $text [read_file [conf_of $srv]]
    lassign [run_server --check-config [conf_of $srv]] code out
    assert_equal 0 $code $out
    server_stop $srv
    server_restart $srv
    set r [client_connect 127.0.0.1 [server_port $srv]]
    $r auth {it's "so"}
    assert_equal {60 3 {100 5} 7} [lmap name {maxclients timeout save replica-priority} { get $r $name }]
}

test "DEBUG CONFIG-REWRITE-FORCE-ALL writes a file that loads to the same values" {
    set srv [server_start -via file]
    set r [client $srv]
    set before [$r config get *]
    assert_equal OK [$r debug config-rewrite-force-all]
    server_stop $srv
    server_restart $srv
    assert_equal [lsort -stride 2 $before] [lsort -stride 2 [[client $srv] config get *]]
}

# ---- beside redis-server ----
test "CONFIG SET answers bad values as redis-server does" {
    if {![file executable $harness::oracle]} { skip "no $harness::oracle" }
    set t [client [server_start]]
    set o [client [oracle_start]]
    foreach {name value} {
        timeout -1  timeout x  timeout {}  timeout 1.5  timeout 010  tcp-keepalive 99999999999  maxclients 0
        maxmemory abc  maxmemory -1  maxmemory 1.5gb  maxmemory 1tb  proto-max-bulk-len 10  client-query-buffer-limit 1m
        appendonly maybe  maxmemory-clients 200%  maxmemory-clients -5  maxmemory-clients x  appendfsync sometimes
        save abc  save {1 2 3}  save {-1 5}  client-output-buffer-limit {normal 1 2}  client-output-buffer-limit {foo 1 1 1}
        client-output-buffer-limit {normal a 1 1}  notify-keyspace-events xyz  oom-score-adj-values {1 2}
        shutdown-on-sigterm foo  shutdown-on-sigterm {save nosave}  latency-tracking-info-percentiles 101
        list-max-listpack-size 12345678901  slowlog-log-slower-than -2  proc-title-template {{foo}}
        databases 3  daemonize yes  unixsocketperm 700  replicaof {a 1}  dir /tmp  dbfilename a/b  nonsense 1
        bind {1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17}  port 70000  hz x  lfu-log-factor -1  repl-backlog-size 0
    } {
        assert_equal [$o -typed config set $name $value] [$t -typed config set $name $value] "$name '$value'"
    }
}

test "CONFIG GET shows what was set as redis-server does" {
    if {![file executable $harness::oracle]} { skip "no $harness::oracle" }
    set t [client [server_start]]
    set o [client [oracle_start]]
    foreach {name value} {
        timeout 7  maxmemory 1k  maxmemory 1kb  maxmemory 3G  maxmemory-clients 5%  loglevel DEBUG  hz 1000  hz 0
        save {900 1 300 10}  save {}  client-output-buffer-limit {normal 1 2 3 replica 1mb 2kb 6}  notify-keyspace-events KEA
        notify-keyspace-events gKx  notify-keyspace-events Em  notify-keyspace-events {}  latency-tracking-info-percentiles {50.00 99.999}
        latency-tracking-info-percentiles {}  shutdown-on-sigterm {nosave now force}  shutdown-on-sigterm {default save}  shutdown-on-sigterm default
        oom-score-adj-values {1 2 3}  maxmemory-policy ALLKEYS-LFU  requirepass {a "b" c}
        slowlog-max-len 5  list-max-listpack-size -9  repl-backlog-size 5mb  masterauth x  tcp-keepalive 0
    } {
        assert_equal [$o -typed config set $name $value] [$t -typed config set $name $value] "$name '$value'"
        assert_equal [$o config get $name] [$t config get $name] "$name '$value'"
    }
}
