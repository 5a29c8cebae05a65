# Connections from outside: greeting, login, names, replies held back, pauses, kills, and the errors of dispatch, over a socket.
source [file join [file dirname [info script]] harness harness.tcl]

set dir [harness::temp_dir]

# The value of a field in a CLIENT LIST line.
proc client_field {line name} {
    if {![regexp "(?:^| )$name=(\[^ \n\]*)" $line -> value]} { fail "no $name in: $line" }
    return $value
}
proc line_of {r id} { return [string trimright [$r client list id $id] \n] }

# ---- side by side ----
# Requests whose replies must be the same as redis-server's, byte for byte. NEW begins a new connection.
set alike {
    foo {foo a b} {foo "" ""} {config} {config foo} {config foobar baz} {config get} {CONFIG nosuch} {GET} {get a b c} {client}
    {client foo} {client list foo} {client list type} {client list type foo} {client list type master} {client list type pubsub}
    {client list id} {client list id x} {client list id 1 x} {client list id 999999} {command foo} {memory foo}
    {ping} {ping a} {ping a b} {echo} {echo x} {echo ""} {select} {select x} {select 16} {select -1} {select 99999999999999999999}
    {select 0} {hello 4} {hello 1} {hello x} {hello 03} {hello 3 foo} {hello 2 auth} {hello 2 auth a} {hello 2 auth a b}
    {hello 2 setname} {hello 2 setname "a b"} {auth} {auth a} {auth a b} {auth default b} {auth a b c} {time x}
    {reset} {reset x} {client getname} {client setname "a b"} {client setname ""} {client getname} {client setname abc}
    {client getname} {client setname a b} {client kill} {client kill 1.2.3.4:5} {client kill id x} {client kill id 0}
    {client kill id 999999} {client kill id} {client kill type foo} {client kill user nobody} {client kill skipme maybe}
    {client kill foo bar} {client kill id 3 skipme} {client kill laddr 1.2.3.4:5} {client kill addr 1.2.3.4:5 id 9 type pubsub}
    {client kill id 9 id} {client no-evict maybe} {client no-evict on} {client no-evict off} {client no-evict} {client reply foo}
    {client reply on} {client unblock x} {client unblock 999999} {client unblock 1 foo} {client unblock 999999 timeout}
    {client unblock 999999 error x} {client unblock} {client pause} {client pause x} {client pause -1} {client pause 1 foo}
    {client pause x foo} {client pause 1 write x} {client pause 0} {client pause 0 write} {client pause 0 all} {client unpause}
    {client unpause x} {client getredir} {client trackinginfo} {client tracking} {client tracking foo} {client tracking off}
    {client tracking off bcast} {client tracking on foo} {client caching} {client caching yes} {client help x}
    {lolwut version x} {client setname xyz} {reset} {client getname} {client maint_notifications on moving-endpoint-type x}
}
lappend alike [list foo [string repeat 0123456789 20] b] [list foo [string repeat a 60] [string repeat b 80] c d] \
    [list [string repeat 0123456789 15] b] [list config [string repeat 0123456789 15]] [list "f\x01o\r\no" "a\r\nb\x00c"] \
    [list client setname "a\x7fb"] [list client setname "a\xc3b"] [list client list type [string repeat x 300]] \
    [list hello 3 [string repeat x 300]] [list client kill user [string repeat x 300]]

foreach resp {2 3} {
    test "the same replies and errors as redis-server, in RESP$resp" {
        if {![file executable $harness::oracle]} { skip "no $harness::oracle" }
        set r [client [server_start]]
        set peer [client [oracle_start]]
        foreach request $alike {
            foreach c [list $r $peer] { $c hello $resp }
            assert_equal [$peer -typed {*}$request] [$r -typed {*}$request] "to '$request'"
        }
    }
}

test "before a login, the same replies and errors as redis-server" {
    if {![file executable $harness::oracle]} { skip "no $harness::oracle" }
    set servers [list [server_start -config {requirepass secret}] [oracle_start -config {requirepass secret}]]
    foreach request {
        nosuch config {config foo} get {get a} {get a b} {client} {client foo} ping {client list} command hello {hello 3}
        {hello 2 setname foo} {hello 3 auth default x} {auth x} {auth nobody secret} {auth default x} {debug} {debug jmap x}
        {module load x} {quit}
    } {
        set replies {}
        foreach srv $servers {
            set c [client_connect 127.0.0.1 [server_port $srv]]
            lappend replies [$c -typed {*}$request]
            $c -close
        }
        if {$request eq "module load x"} { continue } ;# a command that is not there
        assert_equal [lindex $replies 1] [lindex $replies 0] "to '$request'"
    }
}

# ---- one server for the rest ----
set srv [server_start]

test "what clients send at connect, in one packet" {
    set c [client $srv]
    set replies [$c -pipeline {
        {HELLO 3 SETNAME app} {SELECT 2} {CLIENT SETINFO LIB-NAME node-redis} {CLIENT SETINFO LIB-VER 6.3.1}
        {CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-ip} {CLIENT TRACKING ON} {PING x} {CLIENT ID}
    }]
    assert_equal map [lindex $replies 0 0]
    assert_equal {{bulk server} {bulk redis} {bulk version} {bulk 7.2.4} {bulk proto} {int 3}} [lrange [lindex $replies 0 1] 0 5]
    foreach i {1 2 3 5} { assert_equal {status OK} [lindex $replies $i] }
    assert_match {error {ERR unknown subcommand 'MAINT_NOTIFICATIONS'*}} [lindex $replies 4]
    assert_equal {bulk x} [lindex $replies 6]
    set line [line_of $c [lindex $replies 7 1]]
    foreach {name value} {name app db 2 resp 3 lib-name node-redis lib-ver 6.3.1 cmd client|list user default flags t redir 0 multi -1 argv-mem *} {
        assert_match $value [client_field $line $name] $line
    }
}

test "CLIENT LIST has the fields of the peers in their order" {
    set c [client $srv]
    set names [lmap part [split [string trimright [$c client info] \n]] { lindex [split $part =] 0 }]
    set expected "id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free argv-mem multi-mem rbs rbp"
    append expected " obl oll omem tot-mem events cmd user redir resp lib-name lib-ver tot-net-in tot-net-out tot-cmds"
    assert_equal $expected $names
    set line [$c client info]
    assert_equal 127.0.0.1:[server_port $srv] [client_field $line laddr]
    assert_equal 127.0.0.1:[lindex [fconfigure [$c -fd] -sockname] 2] [client_field $line addr]
    assert_equal 10 [client_field $line argv-mem]
    assert_equal 1 [client_field $line tot-cmds] ;# this one has not run yet
    assert {[client_field $line tot-net-in] > 20 && [client_field $line tot-net-out] > 100} $line
}

test "RESET gives a fresh connection" {
    set c [client $srv]
    $c hello 3 setname me
    $c select 5
    assert_equal RESET [$c reset]
    set line [$c client info]
    foreach {name value} {name {} db 0 resp 2} { assert_equal $value [client_field $line $name] }
}

test "QUIT replies, closes, and drops what follows" {
    set c [client $srv]
    $c -raw "*1\r\n\$4\r\nquit\r\n*3\r\n\$3\r\nset\r\n\$5\r\nafter\r\n\$1\r\n1\r\n"
    assert_equal "+OK\r\n" [$c -raw_rest]
    assert_equal (nil) [[client $srv] get after]
}

test "the password is asked for, and can come in HELLO" {
    set locked [server_start -config {requirepass secretword}]
    set c [client_connect 127.0.0.1 [server_port $locked]]
    assert_error "NOAUTH Authentication required." {$c get a}
    assert_error "NOAUTH HELLO must be called*" {$c hello 3}
    assert_error "WRONGPASS*" {$c auth secretwort}
    assert_error "WRONGPASS*" {$c hello 3 auth default secret}
    assert_equal 3 [dict get [$c hello 3 auth default secretword setname me] proto]
    assert_equal me [$c client getname]
    set other [client $locked]
    $other config set requirepass ""
    set late [client_connect 127.0.0.1 [server_port $locked]]
    assert_equal PONG [$late ping]
    $other config set requirepass new
    assert_equal PONG [$late ping] ;# who is in stays in
    assert_equal 2 [info_field $other acl_access_denied_auth stats]
}

# ---- replies held back ----
test "CLIENT REPLY holds replies back, pipelined too" {
    set c [client $srv]
    $c -send client reply off
    foreach i {1 2 3} { $c -send set off:$i $i }
    $c -send nosuch
    $c -send client reply on
    assert_equal OK [$c -read]
    assert_equal {{bulk 1} {bulk 3}} [$c -pipeline {{get off:1} {get off:3}}]
    set bytes ""
    foreach words {{client reply skip} {echo a} {echo b} {client reply skip} {client reply skip} {echo c} {echo d}} {
        append bytes "*[llength $words]\r\n"
        foreach word $words { append bytes "\$[string length $word]\r\n$word\r\n" }
    }
    $c -raw $bytes
    assert_equal b [$c -read]
    assert_equal d [$c -read]
    assert_equal PONG [$c ping]
}

# ---- kill ----
test "CLIENT KILL closes others at once, its own after the reply" {
    set c [client $srv]
    set victims [lmap i {1 2 3} { client $srv }]
    set ids [lmap v $victims { $v client id }]
    assert_equal 1 [$c client kill id [lindex $ids 0]]
    assert [[lindex $victims 0] -closed?]
    assert_equal OK [$c client kill 127.0.0.1:[lindex [fconfigure [[lindex $victims 1] -fd] -sockname] 2]]
    assert [[lindex $victims 1] -closed?]
    assert_equal PONG [[lindex $victims 2] ping]
    assert_equal 0 [$c client kill id [$c client id]]
    assert_equal 1 [$c client kill id [$c client id] skipme no]
    assert [$c -closed?]
}

test "a client that kills itself in a pipeline runs nothing behind it" {
    set c [client $srv]
    set id [$c client id]
    $c -send client kill id $id skipme no
    $c -send set behind 1
    assert_equal 1 [$c -read]
    assert [$c -closed?]
    assert_equal (nil) [[client $srv] get behind]
}

# ---- pause ----
test "CLIENT PAUSE WRITE holds writes and lets reads through, each client in its order" {
    set c [client $srv]
    set writer [client $srv]
    set lone [client $srv]
    $c set p 0
    $c client pause 100000 write
    $lone -send append p a
    $writer -send get p
    assert_equal 0 [$writer -read]
    $writer -send append p b
    $writer -send get p
    wait_for {[info_field $c blocked_clients clients] == 2}
    assert_equal 0 [$c get p]
    assert_equal write [info_field $c paused_actions clients]
    assert_range [info_field $c paused_timeout_milliseconds clients] 1 100000
    assert_equal 2 [regexp -all { flags=b } [$c client list]]
    $c client unpause
    assert_equal 2 [$lone -read] ;# nothing but the end of the pause moves it
    assert_equal 3 [$writer -read]
    assert_equal 0ab [$writer -read]
    assert_equal none [info_field $c paused_actions clients]
}

test "CLIENT PAUSE ends by itself" {
    set c [client $srv]
    set other [client $srv]
    set started [clock milliseconds]
    $c client pause 150
    assert_equal PONG [$other ping]
    assert_range [expr {[clock milliseconds] - $started}] 140 5000
}

test "a client that is held by a pause can be killed, but not unblocked" {
    set c [client $srv]
    set writer [client $srv]
    set id [$writer client id]
    $c client pause 100000 write
    $writer -send set p 2
    wait_for {[info_field $c blocked_clients clients] == 1}
    assert_equal 0 [$c client unblock $id]
    assert_equal 1 [$c client kill id $id]
    assert [$writer -closed?]
    wait_for {[info_field $c blocked_clients clients] == 0}
    $c client unpause
}

# ---- counters ----
test "calls, rejections, failures and errors are counted" {
    set c [client $srv]
    $c config resetstat
    $c set n 1
    catch {$c getrange n x y}
    catch {$c getrange n}
    catch {$c nosuch}
    catch {$c config nosuch}
    set stats [$c info commandstats]
    assert_match "*cmdstat_set:calls=1,usec=*,usec_per_call=*,rejected_calls=0,failed_calls=0*" $stats
    assert_match "*cmdstat_getrange:calls=1,*,rejected_calls=1,failed_calls=1*" $stats
    assert_match "*cmdstat_config:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0*" $stats
    assert_match "*errorstat_ERR:count=4*" [$c info errorstats]
    assert_match "*latency_percentiles_usec_set:p50=*,p99=*,p99.9=*" [$c info latencystats]
    assert_equal 4 [info_field $c total_error_replies stats]
}

# ---- hostile ----
test "requests with very many or very long words cost only a refusal" {
    set c [client $srv]
    set words [lrepeat 100000 x]
    assert_error "ERR unknown command 'x', with args beginning with: 'x' 'x' *" {$c {*}$words}
    assert_error "ERR wrong number of arguments for 'get' command" {$c get {*}$words}
    assert_error "ERR Invalid client ID" {$c client list id {*}$words}
    assert_error "ERR syntax error" {$c client kill {*}$words}
    assert_equal "" [$c client list id {*}[lrepeat 100000 999999999]]
    assert_equal 50000 [llength [$c command getkeys mset {*}$words]]
    set long [string repeat x 100000]
    assert_error "ERR unknown command 'xxx*" {$c $long $long}
    assert_error "ERR unknown subcommand 'xxx*" {$c config $long}
    assert_error "ERR Syntax error in HELLO option 'xxx*" {$c hello 3 $long}
    assert_error "ERR Unknown client type 'xxx*" {$c client list type $long}
    assert_equal OK [$c client setname $long]
    assert_equal $long [$c client getname]
    assert_match "*name=$long *" [$c client list]
    assert_equal PONG [$c ping]
}

test "the server leaves cleanly" { assert_equal "" [server_discard $srv] }

test "a hard output limit holds within one pipeline" {
    set srv [server_start -config {client-output-buffer-limit {normal 1mb 0 0}}]
    set m [client $srv]
    $m setrange k 4999999 x
    set c [client $srv]
    $c -raw [string repeat "GET k\r\n" 200]
    wait_for {[info_field $m client_output_buffer_limit_disconnections stats] == 1}
    # 200 replies would be 1 GB.
    regexp {VmHWM:\s+(\d+) kB} [read_file /proc/[server_pid $srv]/status] -> peak_kb
    assert {$peak_kb < 500000} "(peak $peak_kb kB)"
}

test "too few descriptors: maxclients follows, and saves have what they need" {
    set wrap $harness::wrap
    set harness::wrap [concat $wrap prlimit --nofile=40:40 --]
    try { set srv [server_start] } finally { set harness::wrap $wrap }
    set r [client $srv]
    if {[lindex [$r config get maxclients] 1] == 10000} { skip "the limit could be raised" }
    assert_equal 8 [lindex [$r config get maxclients] 1]
    for {set i 0} {$i < 30} {incr i} { lappend many [socket 127.0.0.1 [server_port $srv]] }
    wait_for {[info_field $r rejected_connections stats] > 20}
    assert_equal OK [$r save]
    foreach s $many { close $s }
}

test "what a request of very many words needed is given back" {
    set srv [server_start]
    set r [client $srv]
    set before [info_field $r used_memory_owner_client_in memory]
    assert_equal 0 [$r exists {*}[lrepeat 100000 k]]
    assert_range [info_field $r used_memory_owner_client_in memory] 0 [expr {$before + 100000}]
}

test "CLIENT REPLY SKIP lasts until the end of a wait" {
    set srv [server_start]
    set r [client $srv]
    set c [client $srv]
    $c -send client reply skip
    $c -send blpop queue 0
    wait_for {[info_field $r blocked_clients clients] == 1}
    $r rpush queue x
    wait_for {[info_field $r blocked_clients clients] == 0}
    assert_equal PONG [$c ping]
    assert_equal 0 [$r llen queue]
}
