# Starting, watching and stopping servers: the one under test (TARN_SERVER) and Debian's redis-server (TARN_ORACLE).
#
#   set srv [server_start ?option value ...?]
#     -config {name value ...}  directives over the defaults (port, bind 127.0.0.1, dir, save "", enable-debug-command yes);
#                               a value is written as a Tcl list of words: {save "60 1000"} gives two words, {save {""}} one
#                               empty word; the value (unset) leaves a default out
#     -via flags|file|stdin     how the server gets its config (flags); -lines {...} adds raw lines to file and stdin
#     -args {...}               words put after everything else
#     -wait ready|listening|none|exit|log:PATTERN   what to wait for (ready: PING is answered and not with LOADING)
#     -dir path (the data folder; logs go elsewhere)  -binary path  -host address to connect to  -env {NAME value ...}  -timeout ms
#     -rdb path                 copied into dir as dump.rdb first
#   oracle_start ...            the same with redis-server
#   server_port, server_pid, server_dir, server_log, server_stderr, server_rss_kb  of a server
#   client $srv                 a connection to it
#   server_stop $srv ?SIGNAL?   SIGTERM, waits, and fails unless it leaves with 0
#   server_kill $srv            SIGKILL, waits
#   server_signal $srv NAME     only sends
#   server_wait_exit $srv ?ms?  waits; returns the exit code or the signal's name (SIGSEGV)
#   server_restart $srv ?option value ...?   stop when it runs, start again: same folder and port, options merged
#   with_server name {options} {body}   one server for several tests
# The servers of a test are stopped at its end. They die with the test process whatever happens.

namespace eval harness::server {
    variable next 0
    variable state
    array set state {}
    variable tries 0
}

proc server_list {} {
    set names {}
    foreach key [array names harness::server::state *,dir] { lappend names [string range $key 0 end-4] }
    return [lsort -dictionary $names]
}
proc server_port {srv} { return $harness::server::state($srv,port) }
proc server_pid {srv} { return $harness::server::state($srv,pid) }
proc server_dir {srv} { return $harness::server::state($srv,dir) }
proc server_stderr {srv} { return [read_file $harness::server::state($srv,stderr)] }

# Everything the server wrote since its last start: standard output, standard error, and its logfile if it has one.
proc server_log {srv} {
    upvar #0 harness::server::state state
    set text ""
    foreach path [list $state($srv,stdout) $state($srv,stderr) [harness::server::logfile $srv]] {
        if {$path ne "" && [file exists $path]} { append text [read_file $path] }
    }
    return $text
}
proc server_log_tail {srv lines} {
    return [join [lrange [split [string trimright [server_log $srv] \n] \n] end-[expr {$lines - 1}] end] \n]
}
proc server_rss_kb {srv} {
    regexp {VmRSS:\s+(\d+)} [read_file /proc/[server_pid $srv]/status] -> kb
    return $kb
}

proc harness::server::logfile {srv} {
    variable state
    if {![dict exists $state($srv,config) logfile]} { return "" }
    set name [lindex [dict get $state($srv,config) logfile] 0]
    return [expr {$name eq "" ? "" : [file join $state($srv,dir) $name]}]
}

# A port that nothing listens on, and that no other test process will pick: ours while we hold a listener 10000 above it.
# Both lie below the kernel's range for outgoing connections.
proc free_port {} {
    while {1} {
        set port [expr {11000 + ([pid] * 37 + [incr harness::server::tries] * 101 + int(rand() * 10000)) % 10000}]
        if {[catch {socket -server harness::server::refuse -myaddr 127.0.0.1 [expr {$port + 10000}]} claim]} { continue }
        if {![catch {socket -server harness::server::refuse -myaddr 0.0.0.0 $port} probe]} {
            close $probe
            lappend harness::server::claims $claim
            return $port
        }
        close $claim
    }
}
proc harness::server::refuse {fd args} { close $fd }

proc oracle_start {args} { return [server_start -binary $harness::oracle {*}$args] }

proc server_start {args} {
    upvar #0 harness::server::state state
    set srv "server[incr harness::server::next]"
    set defaults [dict create -config {} -via flags -lines {} -args {} -wait ready -dir "" -binary $harness::server \
        -host 127.0.0.1 -env {} -timeout 20000 -rdb ""]
    foreach option [dict keys $args] {
        if {![dict exists $defaults $option]} { error "server_start: unknown option $option" }
    }
    set options [dict merge $defaults $args]
    set home [harness::temp_dir]
    if {[dict get $options -dir] eq ""} { dict set options -dir $home }
    set dir [dict get $options -dir]
    if {[dict get $options -rdb] ne ""} { file copy -force [dict get $options -rdb] [file join $dir dump.rdb] }
    set config [dict create port "" bind 127.0.0.1 dir [list $dir] save {{}} enable-debug-command yes]
    foreach {name value} [dict get $options -config] {
        if {$value eq "(unset)"} { dict unset config $name } else { dict set config $name $value }
    }
    if {[dict exists $config port] && [dict get $config port] eq ""} { dict set config port [free_port] }
    set state($srv,port) [expr {[dict exists $config port] ? [dict get $config port] : 6379}]
    foreach {field value} [list dir $dir home $home config $config options $options launches 0 code "" pid 0 seen 0 asked 0] {
        set state($srv,$field) $value
    }
    harness::server::launch $srv
    return $srv
}

proc harness::server::launch {srv} {
    variable state
    set options $state($srv,options)
    set n [incr state($srv,launches)]
    set state($srv,stdout) [file join $state($srv,home) stdout.$n]
    set state($srv,stderr) [file join $state($srv,home) stderr.$n]
    set flags {}
    set lines {}
    dict for {name words} $state($srv,config) {
        lappend flags --$name {*}$words
        set line $name
        foreach word $words {
            append line " \"[string map {\\ \\\\ \" \\\" \n \\n \r \\r \t \\t} $word]\""
        }
        lappend lines $line
    }
    set text [join [concat $lines [dict get $options -lines]] \n]\n
    set command {}
    if {[dict get $options -env] ne {}} {
        set command [list env {*}[lmap {name value} [dict get $options -env] { format %s=%s $name $value }]]
    }
    set input /dev/null
    lappend command {*}[auto_execok setpriv] --pdeathsig KILL {*}$::harness::wrap [dict get $options -binary]
    switch -- [dict get $options -via] {
        flags { lappend command {*}$flags }
        file {
            set path [file join $state($srv,home) server.conf]
            if {$n == 1} { write_file $path $text }
            lappend command $path
        }
        stdin {
            set input [file join $state($srv,home) stdin.conf]
            write_file $input $text
            lappend command -
        }
    }
    lappend command {*}[dict get $options -args]
    # Through a shell, because Tcl's exec takes words that begin with < or > for redirections.
    set script exec
    foreach word $command { append script " [quote $word]" }
    append script " <[quote $input] >[quote $state($srv,stdout)] 2>[quote $state($srv,stderr)]"
    set state($srv,chan) [open |[list sh -c $script] w]
    set state($srv,pid) [pid $state($srv,chan)]
    set state($srv,code) ""
    set state($srv,asked) 0
    wait_until $srv [dict get $options -wait] [dict get $options -timeout]
}

proc harness::server::quote {word} { return '[string map {' '\\''} $word]' }

proc harness::server::wait_until {srv what timeout_ms} {
    variable state
    set end [expr {[clock milliseconds] + $timeout_ms * $::harness::slow}]
    if {$what eq "none"} { return }
    if {$what eq "exit"} { server_wait_exit $srv $timeout_ms; return }
    while {1} {
        # The order matters: what a dead server's log or port says was said before it died.
        set running [server_running $srv]
        switch -glob -- $what {
            listening { set done [expr {$running && [listening $srv]}] }
            ready { set done [expr {$running && [answers $srv]}] }
            log:* { set done [string match "*[string range $what 4 end]*" [server_log $srv]] }
            default { error "server_start: -wait $what?" }
        }
        if {$done} { return }
        if {!$running} { fail "the server left with [server_wait_exit $srv] before it was $what:\n[server_log_tail $srv 20]" }
        if {[clock milliseconds] > $end} {
            fail "the server was not $what within [expr {$timeout_ms * $::harness::slow}] ms:\n[server_log_tail $srv 20]"
        }
        ::harness::pause 5
    }
}

proc harness::server::listening {srv} {
    variable state
    if {[catch {socket [dict get $state($srv,options) -host] $state($srv,port)} fd]} { return 0 }
    close $fd
    return 1
}

# Answers PING with something other than LOADING.
proc harness::server::answers {srv} {
    variable state
    if {[catch {client_connect [dict get $state($srv,options) -host] $state($srv,port) 0} r]} { return 0 }
    set failed [catch {$r -typed ping} reply]
    $r -close
    return [expr {!$failed && ![string match "LOADING*" [lindex $reply 1]]}]
}

proc client {srv} {
    upvar #0 harness::server::state state
    set r [client_connect [dict get $state($srv,options) -host] $state($srv,port)]
    if {[dict exists $state($srv,config) requirepass]} {
        set password [lindex [dict get $state($srv,config) requirepass] 0]
        if {$password ne ""} { $r auth $password }
    }
    return $r
}

# A process that has ended stays a zombie until its channel is closed.
proc server_running {srv} {
    upvar #0 harness::server::state state
    if {$state($srv,code) ne ""} { return 0 }
    if {[catch {read_file /proc/$state($srv,pid)/stat} stat]} { return 0 }
    return [expr {![string match "*) Z *" $stat]}]
}

proc server_signal {srv signal} {
    upvar #0 harness::server::state state
    exec sh -c "kill -$signal $state($srv,pid)"
}

proc server_wait_exit {srv {timeout_ms 15000}} {
    upvar #0 harness::server::state state
    set state($srv,asked) 1
    if {$state($srv,code) ne ""} { return $state($srv,code) }
    wait_for {![server_running $srv]} $timeout_ms
    if {![catch {close $state($srv,chan)} why options]} {
        set state($srv,code) 0
    } elseif {[lindex [dict get $options -errorcode] 0] in {CHILDSTATUS CHILDKILLED}} {
        set state($srv,code) [lindex [dict get $options -errorcode] 2]
    } else {
        error "server $srv: $why"
    }
    return $state($srv,code)
}

proc server_stop {srv {signal TERM}} {
    server_signal $srv $signal
    set code [server_wait_exit $srv]
    if {$code != 0} { fail "the server left with $code on SIG$signal:\n[server_log_tail $srv 20]" }
}

proc server_kill {srv} {
    if {[server_running $srv]} { server_signal $srv KILL }
    server_wait_exit $srv
}

proc server_restart {srv args} {
    upvar #0 harness::server::state state
    if {[server_running $srv]} { server_stop $srv }
    server_wait_exit $srv
    foreach {option value} $args {
        switch -- $option {
            -config {
                foreach {name words} $value {
                    if {$words eq "(unset)"} { dict unset state($srv,config) $name } else { dict set state($srv,config) $name $words }
                }
            }
            default { dict set state($srv,options) $option $value }
        }
    }
    harness::server::launch $srv
}

# What is wrong with a server, said once: it is gone and nobody asked it to, or a sanitizer or a failed check spoke.
proc server_fault {srv} {
    upvar #0 harness::server::state state
    if {$state($srv,seen)} { return "" }
    set fault ""
    if {$state($srv,code) eq "" && ![server_running $srv]} {
        set code [server_wait_exit $srv]
        set state($srv,asked) 0
    }
    set code $state($srv,code)
    if {$code ne "" && !$state($srv,asked)} { append fault "server $srv ended by itself with $code\n" }
    if {$code in {SIGSEGV SIGABRT SIGBUS SIGILL SIGFPE}} { append fault "server $srv crashed with $code\n" }
    foreach path [glob -nocomplain -directory $state($srv,home) stderr.* stdout.*] {
        append fault [harness::server::report [read_file $path]]
    }
    if {$fault ne ""} {
        set state($srv,seen) 1
        append fault "[server_log_tail $srv 40]\n"
    }
    return $fault
}

proc harness::server::report {text} {
    set pattern {(ERROR: (Address|Leak|Memory|UndefinedBehavior)Sanitizer|WARNING: ThreadSanitizer|runtime error: )}
    if {![regexp -indices $pattern $text at]} { return "" }
    set start [expr {[lindex $at 0] - 200}]
    return "sanitizer report:\n[string range $text $start [expr {$start + 6000}]]\n"
}

# Stops it if it runs, and forgets it. Returns what was wrong with it.
proc server_discard {srv} {
    upvar #0 harness::server::state state
    if {[server_running $srv]} {
        server_signal $srv TERM
        if {[catch {server_wait_exit $srv} why]} {
            server_kill $srv
            append fault "server $srv did not leave on SIGTERM: $why\n"
        } elseif {$state($srv,code) != 0} {
            append fault "server $srv left with $state($srv,code) on SIGTERM\n"
        }
    }
    append fault [server_fault $srv]
    catch {close $state($srv,chan)}
    array unset state $srv,*
    return $fault
}

proc with_server {name options body} {
    uplevel #0 [list set $name [server_start {*}$options]]
    set srv [set ::$name]
    set code [catch {uplevel #0 $body} result details]
    if {[info exists harness::server::state($srv,dir)]} {
        set tail [server_log_tail $srv 30]
        set fault [server_discard $srv]
        if {$fault ne ""} { test "$name leaves cleanly" [list fail "$fault\n$tail"] }
    }
    return -options $details $result
}
