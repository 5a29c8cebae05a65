# tarn-cli at a terminal: the prompt, what it completes and hints, and the screen of `tarn-cli top`. The terminal is python3's pty and
# pyte (support/terminal.py); without pyte the tests are left out.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support limit.tcl]

set cli [file join [file dirname $harness::server] tarn-cli]
set terminal [file join [file dirname [info script]] support terminal.py]
# Debian's, which python3-pyte belongs to, whatever else is in the PATH.
set python /usr/bin/python3
set have_pyte [expr {![catch {exec $python -c "import pyte"}]}]
# A build may be without the libraries.
set linked [exec ldd $cli]

# Runs tarn-cli with the words on a terminal, through the steps; its output.
proc on_terminal {size steps port args} {
    if {!$::have_pyte} { skip "no pyte (python3-pyte)" }
    set command [list $::python $::terminal $size [expr {10 * $harness::slow}] {*}$steps -- $::cli -p $port {*}$args]
    if {[catch {exec env HOME=$::home {*}$command 2>@1} output]} { fail $output }
    return $output
}
proc needs {library} { if {![string match *$library* $::linked]} { skip "built without $library" } }

set home [harness::temp_dir]

with_server srv {} {
    set port [server_port $srv]
    set r [client $srv]

    test "a command and its reply, the database and the transaction in the prompt" {
        set out [on_terminal 100x24 [list wait:$port> "type:set k v\\r" wait:OK "type:get k\\r" {wait:"v"} "type:select 3\\r" \
            "wait:$port\\\[3\\\]>" "type:multi\\r" "wait:$port\\\[3\\\]\\(TX\\)>" "type:foo\\r" {wait:\(error\)} "type:exec\\r" \
            "wait:EXECABORT(.|\\n)*$port\\\[3\\\]>" "type:quit\\r" end] $port]
        assert_match "*exit 0" $out
        assert_equal v [$r get k]
    }

    test "names are completed, arguments are hinted" {
        needs libedit
        set out [on_terminal 100x24 [list wait:$port> "type:getra\\t" "wait:> getrange " "wait:key start end" "type:k 0 " \
            {wait:getrange k 0  +end$} "type:1\\r" {wait:"v"} "type:CONFI\\t" "wait:> CONFIG" "type: \\t" "wait:config rewrite" \
            "type:REW\\t" "wait:CONFIG REWRITE" "type:\\x15:set nohints\\r" "type:getrange k" {wait:> getrange k$} \
            "type:\\x15zzz\\tq" "wait:> zzzq" "type:\\x15\\x04" end] $port]
        assert_match "*exit 0" $out
    }

    test "a long hint is cut, a narrow terminal shows none" {
        needs libedit
        on_terminal 80x24 [list wait:$port> "type:set k " {wait:set k  +value.*\.\.\.$}] $port
        on_terminal 40x24 [list wait:$port> "type:set k " {wait:set k$}] $port
    }

    test "history is kept between runs, passwords are not" {
        needs libedit
        on_terminal 80x24 [list wait:$port> "type:echo remembered\\r" {wait:"remembered"} "type:auth secret1\\r" wait:ERR \
            "type:acl setuser u >secret2\\r" "type:migrate h 1 k 0 1 auth secret3\\r" "type:exit\\r" end] $port
        set history [read_file $home/.tarncli_history]
        assert_match *remembered* [string map {\\040 " "} $history]
        assert_no_match *secret* $history
        assert_equal 00600 [file attributes $home/.tarncli_history -permissions]
        on_terminal 80x24 [list wait:$port> "type:\\x1b\[A" "wait:> exit" "type:\\x1b\[A" "wait:> echo remembered" "type:\\r" \
            {wait:(remembered(.|\n)*){2}}] $port
    }

    test "help" {
        set out [on_terminal 80x50 [list wait:$port> "type:help\\r" "wait:help @<group>" "type:help get\\r" \
            "wait:GET key\n  summary: .+\n  since: 1.0.0\n  group: string" "type:help nosuch\\r" "wait:no help" \
            "type:help config get\\r" "wait:CONFIG GET parameter" "type:help @transactions\\r" "wait:DISCARD\n(.|\n)*MULTI\n" \
            "type:exit\\r" end] $port]
        assert_match "*exit 0" $out
    }

    test "repeating, connecting elsewhere, a server that is not there" {
        set none [free_port]
        on_terminal 80x24 [list wait:$port> "type:3 incr n\\r" {wait:\(integer\) 3} "type:connect 127.0.0.1 $none\\r" \
            "wait:not connected>" "type:get k\\r" "wait:Could not connect(.|\n)*Could not connect" "type:connect 127.0.0.1 $port\\r" "wait:connect 127.0.0.1 $port\n127.0.0.1:$port>$" \
            "type:get k\\r" {wait:"v"}] $port
    }

    test "a password is asked for and not shown" {
        $r config set requirepass "p\"w"
        try {
            set out [on_terminal 80x24 [list "wait:input password:" "type:px\\x7f\"w\\r" wait:PONG screen end] $port --askpass ping]
            assert_error "*NOAUTH*" {exec $cli -p $port top --once}
        } finally { $r config set requirepass "" }
        assert_match "*password: \\*\\**\nPONG*exit 0" $out
        assert_no_match "*\"w*" $out
    }

    test "preferences from a file" {
        needs libedit
        write_file $home/.tarnclirc ":set nohints\n"
        on_terminal 80x24 [list wait:$port> "type:getrange k" {wait:> getrange k$} "type:\\r" wait:ERR] $port
        file delete $home/.tarnclirc
    }

    test "top: a frame, sorted, helped, resized, quit" {
        needs ncurses
        for {set i 1} {$i <= 20} {incr i} { $r rpush list:$i [string repeat x 10000] }
        set out [on_terminal 80x24 [list {wait:^MEMORY BY OWNER} {wait:q quit  s sort by name} {wait:q quit  s sort by name} screen type:s {wait:sort by size} screen type:h \
            "wait:^KEYS" type:h "wait:^MEMORY" resize:120x10 {wait:^\(?q quit(.|\n){0,120}$} screen type:p wait:PAUSED resize:80x24 \
            {wait:(.*\n){23}q quit} type:q end] $port top]
        lassign [split [string map [list "\n=\n=\n" \x1 "=\n" "" "\n=" ""] $out] \x1] first second
        assert_match "*tarn * at 127.0.0.1:$port * serving*Ops *Clients *Memory *" $first
        set lines [split $first \n]
        assert_equal "q quit  s sort by name  p pause  h help" [lindex $lines end]
        assert_equal 24 [llength $lines]
        foreach line $lines { assert_range [string length $line] 0 80 }
        set names [lmap {all name} [regexp -all -inline {\n([a-z_]+) +\[} $second] {set name}]
        assert_equal [lsort $names] $names
        assert {"lists" in $names}
        assert_match "*exit 0" $out
    }

    test "top: no server" {
        needs ncurses
        set other [server_start]
        set other_port [server_port $other]
        set out [on_terminal 80x24 [list "wait:^MEMORY" type:q end] $other_port top]
        server_stop $other
        assert_match "exit 1" [on_terminal 80x24 {{wait:Could not connect} end} $other_port top]
    }

    test "top --once: one plain frame of at most 80 columns" {
        set out [exec $cli -p $port top --once]
        assert_match "tarn * at 127.0.0.1:$port *serving\nOps *\nClients *\nMemory *\n\nMEMORY BY OWNER*\n*" $out
        assert_regexp {\nlists +\[#*-*\] +[0-9.]+[KM] +[0-9.]+%} $out
        assert_no_match "*\x1b*" $out
        assert_no_match "*q quit*" $out
        foreach line [split $out \n] { assert_range [string length $line] 0 80 }
        assert_error "*top needs a terminal*" {exec $cli -p $port top < /dev/null}
        assert_error "*Could not connect*" {exec $cli -p [free_port] top --once}
    }

    test "top --once: near the limit" {
        $r config set maxmemory [expr {[counted $r] * 10 / 9}]
        assert_regexp {max [0-9.]+[KM] \[#+-*\] (89|9[0-9])% NEAR} [exec $cli -p $port top --once]
        $r config set maxmemory 0
    }
}

test "top: while a file loads, the progress" {
    set dir [harness::temp_dir]
    set keys ""
    for {set i 0} {$i < 20000} {incr i} { append keys [rdb::key k$i $i] }
    rdb::write $dir/dump.rdb [rdb::header 10]$keys[rdb::eof]
    set srv [server_start -dir $dir -config {key-load-delay 500} -wait listening]
    assert_regexp {\nLoading \[#*-*\] [0-9.]+%  [0-9.]+[KMB]+ of [0-9.]+[KMB]+  \d+ s left\n} [exec $cli -p [server_port $srv] top --once]
}

with_server srv [list -binary $harness::oracle] {
    test "top: redis-server, from its INFO" {
        set out [exec $cli -p [server_port $srv] top --once]
        assert_match "redis 7.* at *MEMORY BY INFO*BIGGEST KEYS\n*(not told by this server)*" $out
        assert_regexp {\n(dataset|startup) +\[} $out
    }
    test "help and hints of redis-server's commands" {
        needs libedit
        set port [server_port $srv]
        on_terminal 100x24 [list wait:$port> "type:help get\\r" "wait:GET key\n" "type:getrange " "wait:key start end"] $port
    }
}
