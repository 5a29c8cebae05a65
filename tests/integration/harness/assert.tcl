# test, assertions and waiting.

namespace eval harness {
    variable passed 0
    variable failed 0
    variable skipped 0
    variable only [expr {[info exists env(TARN_TEST)] ? $env(TARN_TEST) : "*"}]
    variable depth 0
}

# Runs body in the scope of the caller's file (global) and prints "ok - name" or "not ok - name" and why. Servers and
# clients made by the body are closed at its end; a server that crashed, left with a wrong code or printed a sanitizer
# report fails the test, even where the body was content. TARN_TEST=pattern (string match) selects tests by name.
proc test {name body} {
    if {![string match $harness::only $name]} { return }
    set started [clock milliseconds]
    set before_servers [server_list]
    set before_clients [client_list]
    set code [catch {uplevel #0 $body} result options]
    set why ""
    if {$code == 1 && [string match "harness skip *" [dict get $options -errorcode]]} {
        set skip $result
    } elseif {$code == 1} {
        set why [harness::explain $result $options]
    }
    foreach c [client_list] { if {$c ni $before_clients} { catch {$c -close} } }
    set logs ""
    foreach srv [server_list] {
        if {$srv in $before_servers} {
            append why [server_fault $srv]
        } else {
            set dir [server_dir $srv]
            set tail [server_log_tail $srv 25]
            set fault [server_discard $srv]
            append why $fault
            append logs "server $srv ($dir), end of its log:\n$tail\n"
        }
    }
    set ms [expr {[clock milliseconds] - $started}]
    if {$why ne ""} {
        incr harness::failed
        puts "not ok - $name ($ms ms)"
        set lines [split [string trimright "$why$logs" \n] \n]
        foreach line [lrange $lines 0 79] { puts "#   [string range $line 0 399]" }
        if {[llength $lines] > 80} { puts "#   ... ([llength $lines] lines)" }
    } elseif {[info exists skip]} {
        incr harness::skipped
        puts "ok - $name # skip $skip"
    } else {
        incr harness::passed
        puts "ok - $name ($ms ms)"
    }
    flush stdout
}

# The message, and the lines of the test file that led to it.
proc harness::explain {result options} {
    set text "$result\n"
    foreach line [split [dict get $options -errorinfo] \n] {
        if {[regexp {^\s*(invoked from within|while executing|\("uplevel" body line \d+\))} $line]} { append text "  $line\n" }
        if {[regexp {^"(.{0,160})} $line -> code]} { append text "    $code\n" }
    }
    return $text
}

proc skip {reason} { return -code error -errorcode {harness skip test} $reason }
proc fail {message} { return -code error -errorcode {harness assert} $message }

# A value as an assertion shows it: printable, cut.
proc harness::show {value} {
    set out ""
    foreach char [split [string range $value 0 600] ""] {
        scan $char %c code
        append out [expr {$code >= 32 && $code < 127 ? $char : $code == 10 ? "\\n" : $code == 13 ? "\\r" : [format "\\x%02x" $code]}]
    }
    if {[string length $value] > 600} { append out "... ([string length $value] characters)" }
    return $out
}

proc assert {condition {message ""}} {
    if {![uplevel 1 [list expr $condition]]} { fail "assertion failed: $condition $message" }
}
proc assert_equal {expected actual {message ""}} {
    if {$expected ne $actual} {
        fail "expected '[harness::show $expected]' but got '[harness::show $actual]' $message"
    }
}
proc assert_not_equal {unwanted actual {message ""}} {
    if {$unwanted eq $actual} { fail "did not expect '[harness::show $actual]' $message" }
}
# pattern: string match's. Backslash [ and ] in it.
proc assert_match {pattern actual {message ""}} {
    if {![string match $pattern $actual]} {
        fail "expected something like '[harness::show $pattern]' but got '[harness::show $actual]' $message"
    }
}
proc assert_no_match {pattern actual {message ""}} {
    if {[string match $pattern $actual]} { fail "did not expect '[harness::show $actual]' (pattern '$pattern') $message" }
}
proc assert_regexp {pattern actual {message ""}} {
    if {![regexp -- $pattern $actual]} { fail "expected /$pattern/ but got '[harness::show $actual]' $message" }
}
proc assert_range {value min max {message ""}} {
    if {![string is double -strict $value] || $value < $min || $value > $max} {
        fail "expected $min..$max but got '[harness::show $value]' $message"
    }
}
# The script must raise an error (an error reply raises one) whose text matches the pattern.
proc assert_error {pattern script {message ""}} {
    if {![catch {uplevel 1 $script} result options] || [dict get $options -code] != 1} {
        fail "expected an error like '$pattern' but got '[harness::show $result]' $message"
    }
    if {[dict get $options -errorcode] eq "harness assert"} { return -options $options $result }
    if {![string match $pattern $result]} {
        fail "expected an error like '$pattern' but got the error '[harness::show $result]' $message"
    }
    return $result
}

# Waits until the expression holds, looking every interval milliseconds; fails after timeout (times TARN_SLOW).
proc wait_for {condition {timeout_ms 5000} {interval_ms 5}} {
    set end [expr {[clock milliseconds] + $timeout_ms * $harness::slow}]
    while {![uplevel 1 [list expr $condition]]} {
        if {[clock milliseconds] > $end} { fail "waited [expr {$timeout_ms * $harness::slow}] ms in vain for: $condition" }
        harness::pause $interval_ms
    }
}

# The expression must hold once the script has run, at one of some tries: for what must be quick, as any one try may be held up by
# what else runs on the machine, and what is slow by itself is slow each time. Returns at the first that is good.
proc assert_once {condition script {tries 5}} {
    for {set i 0} {$i < $tries} {incr i} {
        uplevel 1 $script
        if {[uplevel 1 [list expr $condition]]} { return }
    }
    fail "none of $tries tries was good: [uplevel 1 [list subst -nocommands $condition]] ($condition)"
}

# Lets time pass without holding up events. For polling; a test that waits for something uses wait_for.
proc harness::pause {ms} {
    set mark ::harness::pause_[incr ::harness::pauses]
    after $ms [list set $mark 1]
    vwait $mark
    unset $mark
}
