# The server as a program: flags, configuration, listeners, limits, signals, logs, exit codes.
source [file join [file dirname [info script]] harness harness.tcl]

# Runs it to its end: {exit code, standard output, standard error}.
proc run_server {args} {
    set dir [harness::temp_dir]
    set code 0
    if {[catch {exec timeout 20 {*}$harness::wrap $harness::server {*}$args >$dir/out 2>$dir/err </dev/null} why details]} {
        set code [lindex [dict get $details -errorcode] 2]
    }
    return [list $code [read_file $dir/out] [read_file $dir/err]]
}

# Starts with these config lines and expects exit code 1 and a message that matches.
proc config_refused {lines pattern} {
    set dir [harness::temp_dir]
    write_file $dir/bad.conf [join $lines \n]\n
    lassign [run_server $dir/bad.conf] code out err
    assert_equal 1 $code "$out$err"
    if {![string match -nocase $pattern $out$err]} { fail "expected something like '$pattern' but got: $out$err" }
    return $out$err
}

# ---- flags ----

test "--version and -v look as scripts expect, and end with 0" {
    foreach flag {--version -v} {
        lassign [run_server $flag] code out
        assert_equal 0 $code
        assert_regexp {^Tarn server v=\d+\.\d+\.\d+ sha=\S+ malloc=\S+ bits=\d+ build=\S+\n$} $out
    }
}

test "--help and -h" {
    foreach flag {--help -h} {
        lassign [run_server $flag] code out
        assert_equal 0 $code
        foreach word {tarn-server --check-config --version} { assert_match "*$word*" $out }
    }
}

test "values of several words on the command line; the later one wins" {
    set srv [server_start -config {save (unset)} -args {--maxclients 500 --save 60 1000 300 10 --maxclients 600}]
    set r [client $srv]
    assert_equal {save {60 1000 300 10}} [$r config get save]
    assert_equal {maxclients 600} [$r config get maxclients]
}

test "flags come after the file and win" {
    set srv [server_start -via file -config {maxclients 500} -args {--maxclients 600}]
    assert_equal {maxclients 600} [[client $srv] config get maxclients]
}

test "configuration from standard input" {
    set srv [server_start -via stdin -config {maxclients 321}]
    assert_equal {maxclients 321} [[client $srv] config get maxclients]
}

# ---- configuration files ----

test "comments, empty lines, case, quotes, escapes" {
    set srv [server_start -via file -lines [list "# a comment" "" "   " "  MaxClients   77  " {requirepass "a b\x41\"c"} "loglevel 'verbose'"]]
    set r [client_connect 127.0.0.1 [server_port $srv]]
    $r auth {a bA"c}
    assert_equal {maxclients 77} [$r config get maxclients]
    assert_equal {loglevel verbose} [$r config get loglevel]
}

test "memory units" {
    set srv [server_start]
    set r [client $srv]
    foreach {text bytes} {1k 1000 1kb 1024 1m 1000000 1MB 1048576 1g 1000000000 1Gb 1073741824 12345678 12345678 0 0} {
        assert_equal OK [$r config set maxmemory $text]
        assert_equal "maxmemory $bytes" [$r config get maxmemory] $text
    }
    assert_error "ERR CONFIG SET failed*" {$r config set maxmemory 1x}
    assert_error "ERR CONFIG SET failed*" {$r config set maxmemory -1}
}

test "include, also with a pattern; what comes later wins" {
    set dir [harness::temp_dir]
    write_file $dir/one.conf "maxclients 101\nhz 20\n"
    write_file $dir/part-a.conf "hz 30\n"
    write_file $dir/part-b.conf "loglevel warning\n"
    set srv [server_start -via file -lines [list "include $dir/one.conf" "include $dir/part-*.conf" "maxclients 102"]]
    set r [client $srv]
    assert_equal {maxclients 102} [$r config get maxclients]
    assert_equal {hz 30} [$r config get hz]
    assert_equal {loglevel warning} [$r config get loglevel]
    config_refused [list "include $dir/absent.conf"] *absent.conf*
    write_file $dir/loop.conf "include $dir/loop.conf\n"
    config_refused [list "include $dir/loop.conf"] *include*
}

test "a bad line stops the start with file, line and reason" {
    foreach {lines pattern} {
        {{hz 10} {maxclients abc}} {*bad.conf*2*maxclients*}
        {{hz 10} {} {no-such-directive 1}} {*bad.conf*3*no-such-directive*}
        {{maxclients}} {*maxclients*}
        {{maxclients 1 2}} {*maxclients*}
        {{maxclients 0}} {*maxclients*}
        {{maxmemory 99999999999999999999}} {*maxmemory*}
        {{loglevel loud}} {*loglevel*}
        {{appendfsync sometimes}} {*appendfsync*}
        {{daemonize perhaps}} {*daemonize*}
        {{requirepass "unbalanced}} {*1*requirepass*}
        {{save 60}} {*save*}
        {{save a b}} {*save*}
        {{port 70000}} {*port*}
        {{unixsocketperm 999}} {*unixsocketperm*}
    } {
        config_refused $lines $pattern
    }
}

test "a misspelt directive gets a suggestion" {
    assert_match *maxmemory* [config_refused {{maxmemry 1gb}} *maxmemry*]
}

test "a bad flag stops the start" {
    foreach {args pattern} {
        {--maxclients abc} *maxclients* {--no-such-thing 1} *no-such-thing* {--port} *port* {/no/such/file.conf} *file.conf*
    } {
        lassign [run_server {*}$args] code out err
        assert_equal 1 $code $args
        assert_match $pattern $out$err $args
    }
}

test "--check-config: 0 for a good file, 1 and every error for a bad one" {
    set dir [harness::temp_dir]
    write_file $dir/good.conf "maxclients 100\nsave 60 1\nsave 5 5\nbind 127.0.0.1 -::1\n"
    lassign [run_server --check-config $dir/good.conf] code out err
    assert_equal 0 $code "$out$err"
    write_file $dir/bad.conf "maxclients abc\nhz 10\nloglevel loud\nno-such 1\n"
    lassign [run_server --check-config $dir/bad.conf] code out err
    assert_equal 1 $code
    foreach word {maxclients loglevel no-such 1 3 4} { assert_match "*$word*" $out$err }
    lassign [run_server --check-config $dir/absent.conf] code out err
    assert_equal 1 $code
    # It only looks: no server was started, nothing was written.
    assert_equal {bad.conf good.conf} [lsort [glob -directory $dir -tails *]]
}

test "Debian's redis.conf starts the server unchanged but for place and port" {
    set conf /etc/redis/redis.conf
    if {![file readable $conf]} { skip "$conf is not readable" }
    set dir [harness::temp_dir]
    set port [free_port]
    set srv [server_start -via none -config [list port $port] -args \
        [list $conf --port $port --dir $dir --daemonize no --pidfile "" --logfile "" --supervised no]]
    assert_equal PONG [[client $srv] ping]
}

test "CONFIG SET of several is all or nothing" {
    set srv [server_start]
    set r [client $srv]
    assert_equal OK [$r config set maxclients 200 hz 50]
    assert_error "ERR CONFIG SET failed (possibly related to argument 'hz')*" {$r config set maxclients 300 hz abc}
    assert_equal {maxclients 200} [$r config get maxclients]
    assert_error "ERR CONFIG SET failed (possibly related to argument 'port')*" "$r config set maxclients 300 port 999999"
    assert_equal {maxclients 200} [$r config get maxclients]
    assert_error "ERR Unknown option or number of arguments for CONFIG SET - 'no-such'" {$r config set maxclients 300 no-such 1}
    assert_error "ERR CONFIG SET failed (possibly related to argument 'maxclients')*duplicate*" {$r config set maxclients 300 maxclients 400}
    assert_error "*can't set immutable config*" {$r config set databases 5}
    assert_equal {hz 50} [$r config get hz]
}

test "CONFIG GET: patterns, several, sensitive to nothing but names" {
    set srv [server_start]
    set r [client $srv]
    assert_equal {maxclients 10000 maxmemory 0} [lrange [lsort -stride 2 [$r config get maxclients maxmemory]] 0 3]
    assert_equal {} [$r config get no-such-thing]
    assert_range [llength [$r config get *]] 300 1000
    assert_equal 10000 [lindex [$r config get MAXCLIENTS] 1]
    $r hello 3
    assert_equal map [lindex [$r -typed config get max*] 0]
}

test "CONFIG REWRITE keeps comments and order, and the file starts a server with the same settings" {
    set srv [server_start -via file -lines {"# first comment" "maxclients 100" "" "# second comment" "hz 20"}]
    set r [client $srv]
    $r config set maxclients 222 save "60 1000" maxmemory-policy allkeys-lru requirepass {pa ss"word}
    assert_equal OK [$r config rewrite]
    set text [read_file [lindex [split [info_field $r config_file server] \n] 0]]
    assert_regexp {(?n)# first comment\nmaxclients 222\n\n# second comment\nhz 20} $text
    server_restart $srv
    set r [client_connect 127.0.0.1 [server_port $srv]]
    $r auth {pa ss"word}
    assert_equal {maxclients 222} [$r config get maxclients]
    assert_equal {save {60 1000}} [$r config get save]
    assert_equal {maxmemory-policy allkeys-lru} [$r config get maxmemory-policy]
    $r config set save ""
}

test "CONFIG REWRITE without a file" {
    set srv [server_start]
    assert_error "ERR The server is running without a config file" {[client $srv] config rewrite}
}

# ---- listeners ----

test "a port that is taken: exit code 1 and a word about it" {
    set srv [server_start]
    set second [server_start -config [list port [server_port $srv]] -wait exit]
    assert_equal 1 [server_wait_exit $second]
    assert_match "*[server_port $srv]*" [server_log $second]
}

test "nowhere to listen is an error" {
    set srv [server_start -config {port 0} -wait exit]
    assert_equal 1 [server_wait_exit $srv]
}

test "an address that is not ours: an error, or nothing when it is optional" {
    set srv [server_start -config {bind {127.0.0.1 192.0.2.77}} -wait exit]
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*192.0.2.77*" [server_log $srv]
    set srv [server_start -config {bind {127.0.0.1 -192.0.2.77}}]
    assert_equal PONG [[client $srv] ping]
}

proc has_ipv6 {} {
    if {[catch {socket -server {apply {args {}}} -myaddr ::1 0} fd]} { return 0 }
    close $fd
    return 1
}

test "IPv6" {
    if {![has_ipv6]} { skip "no IPv6 here" }
    set srv [server_start -config {bind ::1} -host ::1]
    set r [client $srv]
    assert_equal PONG [$r ping]
    assert_match "*addr=\\\[::1\\\]:*" [$r client info]
}

test "several addresses, changed while it runs" {
    set srv [server_start -config {bind {127.0.0.1 127.0.0.2}}]
    set r [client $srv]
    assert_equal PONG [[client_connect 127.0.0.2 [server_port $srv]] ping]
    assert_equal OK [$r config set bind "127.0.0.1 127.0.0.3"]
    assert_equal PONG [[client_connect 127.0.0.3 [server_port $srv]] ping]
    assert_equal 1 [catch {socket 127.0.0.2 [server_port $srv]}]
    # The connection that asked goes on.
    assert_equal PONG [$r ping]
    assert_error "ERR CONFIG SET failed*bind*" {$r config set bind "192.0.2.77"}
    assert_equal {bind {127.0.0.1 127.0.0.3}} [$r config get bind]
    assert_equal PONG [[client_connect 127.0.0.3 [server_port $srv]] ping]
}

test "the port changed while it runs" {
    set srv [server_start]
    set r [client $srv]
    set port [free_port]
    assert_equal OK [$r config set port $port]
    assert_equal PONG [[client_connect 127.0.0.1 $port] ping]
    assert_equal 1 [catch {socket 127.0.0.1 [server_port $srv]}]
}

test "unix socket: permissions, commands, gone after the end" {
    if {[auto_execok redis-cli] eq ""} { skip "no redis-cli" }
    set dir [harness::temp_dir]
    set srv [server_start -config [list port 0 unixsocket $dir/s unixsocketperm 700] -wait log:eady]
    assert_equal socket [file type $dir/s]
    assert_match "*700" [file attributes $dir/s -permissions]
    assert_equal PONG [exec redis-cli -s $dir/s ping]
    assert_match "*addr=$dir/s:0*" [exec redis-cli -s $dir/s client info]
    server_stop $srv
    assert ![file exists $dir/s]
}

test "a stale unix socket does not stop the start" {
    if {[auto_execok redis-cli] eq ""} { skip "no redis-cli" }
    set dir [harness::temp_dir]
    set srv [server_start -config [list unixsocket $dir/s]]
    server_kill $srv
    assert_equal socket [file type $dir/s]
    set srv [server_start -config [list unixsocket $dir/s]]
    assert_equal PONG [exec redis-cli -s $dir/s ping]
}

# ---- limits and guards ----

test "maxclients" {
    set srv [server_start -config {maxclients 3}]
    wait_for {[info_field [set r [client $srv]] connected_clients] == 1 || [$r -close] eq "x"}
    set second [client $srv]
    $second ping
    set third [client $srv]
    $third ping
    set fourth [client_connect 127.0.0.1 [server_port $srv]]
    assert_equal "-ERR max number of clients reached\r\n" [$fourth -raw_rest]
    assert_equal 1 [info_field $r rejected_connections stats]
    $second -close
    wait_for {[info_field $r connected_clients] == 2}
    assert_equal PONG [[client $srv] ping]
}

test "idle connections end after timeout seconds" {
    set srv [server_start -config {timeout 1}]
    set r [client $srv]
    $r ping
    set started [clock milliseconds]
    assert [$r -closed? 8000]
    assert_range [expr {[clock milliseconds] - $started}] 900 [expr {6000 * $harness::slow}]
}

# An address of this machine that is not a loopback one.
proc outer_address {} {
    if {[catch {exec hostname -I} all]} { return "" }
    foreach address $all { if {[regexp {^\d+\.\d+\.\d+\.\d+$} $address]} { return $address } }
    return ""
}

test "protected mode: without a password only this machine" {
    set address [outer_address]
    if {$address eq ""} { skip "this machine has no address but its own loopback" }
    set srv [server_start -config {bind *}]
    assert_equal PONG [[client_connect 127.0.0.1 [server_port $srv]] ping]
    assert_match "-DENIED *" [[client_connect $address [server_port $srv]] -raw_rest]
    set r [client $srv]
    assert_equal OK [$r config set protected-mode no]
    assert_equal PONG [[client_connect $address [server_port $srv]] ping]
    assert_equal OK [$r config set protected-mode yes requirepass secret]
    assert_error "NOAUTH*" {[client_connect $address [server_port $srv]] get x}
}

test "requirepass" {
    set srv [server_start -config {requirepass secret}]
    set r [client_connect 127.0.0.1 [server_port $srv]]
    assert_error "NOAUTH Authentication required." {$r get x}
    assert_error "NOAUTH*" {$r ping}
    assert_error "WRONGPASS invalid username-password pair or user is disabled." {$r auth wrong}
    assert_error "WRONGPASS*" {$r auth nobody secret}
    assert_error "NOAUTH*" {$r get x}
    assert_error "NOAUTH HELLO must be called with the client already authenticated*" {$r hello 3}
    assert_equal OK [$r auth secret]
    assert_equal (nil) [$r get x]
    assert_equal RESET [$r reset]
    assert_error "NOAUTH*" {$r get x}
    assert_equal OK [$r auth default secret]
    set r [client_connect 127.0.0.1 [server_port $srv]]
    assert_equal 3 [dict get [$r hello 3 auth default secret setname me] proto]
    assert_equal me [$r client getname]
    assert_equal OK [$r config set requirepass ""]
    assert_equal PONG [[client_connect 127.0.0.1 [server_port $srv]] ping]
    assert_error "ERR AUTH <password> called without any password configured*" {[client_connect 127.0.0.1 [server_port $srv]] auth x}
}

test "before authentication, requests are small" {
    set srv [server_start -config {requirepass secret}]
    foreach {bytes error} {
        "*11\r\n" "unauthenticated multibulk length" "*2\r\n$3\r\nGET\r\n$16385\r\n" "unauthenticated bulk length"
    } {
        set r [client_connect 127.0.0.1 [server_port $srv]]
        $r -raw [subst -nocommands -novariables $bytes]
        assert_equal "-ERR Protocol error: $error\r\n" [$r -raw_rest]
    }
}

test "HTTP is cut off and logged" {
    set srv [server_start]
    set seen 0
    foreach request {
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nSET hacked yes\r\n"
        "GET / HTTP/1.1\r\nHost: example.org\r\n\r\nSET hacked yes\r\n"
        "Host: x\r\nSET hacked yes\r\n"
    } {
        set r [client_connect 127.0.0.1 [server_port $srv]]
        $r -raw $request
        assert [$r -closed?] $request
        incr seen
        # The log is sparing with it, so one line will do for all.
        wait_for {[regexp -nocase {(security|http|cross.protocol)} [server_log $srv]]}
    }
    assert_equal (nil) [[client $srv] get hacked]
}

test "proto-max-bulk-len and client-query-buffer-limit" {
    set srv [server_start -config {proto-max-bulk-len 1mb client-query-buffer-limit 1mb}]
    set r [client_connect 127.0.0.1 [server_port $srv]]
    $r -raw "*3\r\n\$3\r\nSET\r\n\$1\r\na\r\n\$1048577\r\n"
    assert_equal "-ERR Protocol error: invalid bulk length\r\n" [$r -raw_rest]
    set r [client $srv]
    assert_error "ERR string exceeds maximum allowed size*" {$r setrange k 1048576 x}
    # More pending bytes than one connection may hold: it is closed, others live on.
    $r config set proto-max-bulk-len 8mb
    set greedy [client_connect 127.0.0.1 [server_port $srv]]
    catch {$greedy -raw "*3\r\n\$3\r\nSET\r\n\$1\r\na\r\n\$4000000\r\n[string repeat x 3900000]"}
    assert [$greedy -closed?]
    assert_equal PONG [$r ping]
}

test "a slow reader with a limit is cut off, and costs the others nothing" {
    set srv [server_start -config {client-output-buffer-limit {normal 2mb 0 0}}]
    set r [client $srv]
    $r set big [string repeat x 1000000]
    set slow [client_connect 127.0.0.1 [server_port $srv]]
    for {set i 0} {$i < 60} {incr i} { $slow -send get big }
    wait_for {![string match "*id=[expr {[$r client id] + 1}] *" [$r client list]]}
    assert_equal PONG [$r ping]
}

test "DEBUG is for those who asked for it" {
    set srv [server_start -config {enable-debug-command no}]
    assert_error "ERR DEBUG command not allowed*" {[client $srv] debug sleep 0}
    set srv [server_start -config {enable-debug-command local}]
    assert_equal OK [[client $srv] debug sleep 0]
    assert_error "*can't set immutable config*" {[client $srv] config set enable-debug-command yes}
}

# ---- pid file, daemon, logs ----

test "pid file: there while it runs" {
    set dir [harness::temp_dir]
    set srv [server_start -config [list pidfile $dir/pid]]
    wait_for {[file exists $dir/pid]}
    assert_equal [server_pid $srv] [string trim [read_file $dir/pid]]
    server_stop $srv
    assert ![file exists $dir/pid]
}

test "daemonize: the starter leaves with 0, the server lives in its own session" {
    set dir [harness::temp_dir]
    set srv [server_start -config [list daemonize yes pidfile $dir/pid logfile $dir/log] -wait exit]
    assert_equal 0 [server_wait_exit $srv]
    wait_for {[file exists $dir/pid] && [string trim [read_file $dir/pid]] ne ""}
    set pid [string trim [read_file $dir/pid]]
    try {
        wait_for {![catch {socket 127.0.0.1 [server_port $srv]} fd] && [close $fd] eq ""}
        set r [client $srv]
        assert_equal $pid [info_field $r process_id]
        assert_not_equal [server_pid $srv] $pid
        # Session id, sixth field of stat.
        assert_equal $pid [lindex [split [lindex [split [read_file /proc/$pid/stat] ")"] end]] 4]
    } finally {
        exec sh -c "kill $pid"
        wait_for {![file exists /proc/$pid] || [string match "*) Z *" [read_file /proc/$pid/stat]]}
    }
    assert_match "*Ready to accept connections*" [read_file $dir/log]
    assert ![file exists $dir/pid]
}

test "log: the layout that scripts know, and what they wait for" {
    set srv [server_start]
    set log [server_stderr $srv][server_log $srv]
    foreach line [split [string trim [server_log $srv]] \n] {
        if {$line eq ""} { continue }
        assert_regexp {^\d+:[XCSM] \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3} [.*#-] } $line
    }
    assert_match "*PID: [server_pid $srv]*" $log
    assert_match "*Server initialized*" $log
    assert_match "*Ready to accept connections*" $log
}

test "logfile, loglevel, formats and time stamps" {
    set dir [harness::temp_dir]
    set srv [server_start -config [list logfile $dir/a.log loglevel debug]]
    assert_match "*Ready to accept connections*" [read_file $dir/a.log]
    server_stop $srv
    set srv [server_start -config [list logfile $dir/b.log loglevel warning]]
    assert_no_match "*Ready to accept connections*" [read_file $dir/b.log]
    server_stop $srv
    set srv [server_start -config [list logfile $dir/c.log log-format logfmt log-timestamp-format iso8601]]
    foreach line [split [string trim [read_file $dir/c.log]] \n] {
        assert_regexp {^pid=\d+ role=\S+ timestamp="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\S*" level=\S+ message=".*"$} $line
    }
    server_stop $srv
    set srv [server_start -config [list logfile $dir/d.log log-format json log-timestamp-format milliseconds]]
    foreach line [split [string trim [read_file $dir/d.log]] \n] {
        assert_regexp {^\{"pid":\d+,"role":"[^"]+","timestamp":"?\d{13}"?,"level":"[a-z]+","message":".*"\}$} $line
    }
    assert_equal 1 [catch {server_start -config {logfile /no/such/folder/log}}]
}

# ---- signals and ends ----

test "SIGTERM and SIGINT end it with 0, SIGHUP does not end it" {
    foreach signal {TERM INT} {
        set srv [server_start]
        server_signal $srv HUP
        assert_equal PONG [[client $srv] ping]
        server_stop $srv $signal
    }
}

test "SHUTDOWN, with every word it knows" {
    foreach words {{} nosave now force {nosave now} {now force nosave} save} {
        set srv [server_start]
        set r [client $srv]
        $r -send shutdown {*}$words
        assert_equal 0 [server_wait_exit $srv] $words
        assert [$r -closed?]
    }
    set srv [server_start]
    set r [client $srv]
    assert_error "ERR syntax error" {$r shutdown maybe}
    assert_error "ERR syntax error" {$r shutdown save nosave}
    assert_error "ERR No shutdown in progress." {$r shutdown abort}
    assert_equal PONG [$r ping]
}

test "a folder that does not exist" {
    set srv [server_start -config {dir /no/such/folder} -wait exit]
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*no/such/folder*" [server_log $srv]
}

test "what clients and agents read: HELLO, INFO server, LOLWUT" {
    set srv [server_start]
    set r [client $srv]
    set hello [$r hello 3]
    assert_equal redis [dict get $hello server]
    assert_equal 3 [dict get $hello proto]
    assert_equal standalone [dict get $hello mode]
    set lines [split [$r info server] \n]
    assert_equal "# Server" [string trim [lindex $lines 0]]
    assert_match "redis_version:7.2.4*" [lindex $lines 1]
    assert_match "server_name:tarn*" [lindex $lines 2]
    assert_match "tarn_version:*" [lindex $lines 3]
    assert_no_match "*valkey_version*" [$r info everything]
}

test "redis-cli and redis-benchmark talk to it" {
    if {[auto_execok redis-benchmark] eq ""} { skip "no redis-tools" }
    set srv [server_start]
    set port [server_port $srv]
    assert_equal OK [exec redis-cli -p $port set a 1]
    assert_equal 1 [exec redis-cli -3 -p $port get a]
    assert_match "*redis_version*" [exec redis-cli -p $port info]
    assert_match "*\"SET\"*" [exec redis-benchmark -p $port -t set,get -n 2000 -P 16 -q --csv]
    set reply [exec redis-cli -p $port --bigkeys]
    assert_match "*Sampled 2 keys*" $reply
}
