# A RESP2/RESP3 client.
#
#   set r [client $srv]          connected (and authenticated when the server was started with requirepass)
#   set r [client_connect host port]
#   $r set key value             sends a command, returns the plain form of its reply; an error reply raises an error
#   $r -typed get key            the reply as {type value}; an error reply is {error text}
#   $r -send get key             sends without reading
#   $r -read / -read_typed       the next reply (pushes are kept apart, see -push)
#   $r -pipeline {{set a 1} {get a}}    all in one write; list of typed replies
#   $r -raw bytes                bytes as they are
#   $r -raw_read n               exactly n bytes of what comes back
#   $r -raw_rest                 what comes until the server closes
#   $r -push ?ms?                the next push message, typed; fails after ms
#   $r -attributes               the attributes ({map ...}) met before the last reply
#   $r -closed? ?ms?             1 once the server has closed the connection
#   $r -half_close, -close, -fd, -timeout ms
#
# Types: {status OK} {error "ERR ..."} {int 5} {bulk text} {null bulk|array|resp3} {array {typed ...}} {map {typed ...}}
# {set {typed ...}} {push {typed ...}} {double text} {bool t|f} {bignum text} {verbatim {txt text}}
# Plain: text as it is, every null as (nil), aggregates as lists, bool as 1/0, an error inside an aggregate as its text.

namespace eval harness::client {
    variable next 0
    variable state ;# state(<name>,fd|buffer|pushes|attributes|timeout|eof)
    array set state {}
}

proc client_list {} {
    set names {}
    foreach key [array names harness::client::state *,fd] { lappend names [string range $key 0 end-3] }
    return $names
}

proc client_connect {host port {timeout_ms 5000}} {
    set end [expr {[clock milliseconds] + $timeout_ms * $harness::slow}]
    while {[catch {socket $host $port} fd]} {
        if {[clock milliseconds] > $end} { fail "cannot connect to $host port $port: $fd" }
        harness::pause 10
    }
    fconfigure $fd -blocking 0 -translation binary -buffering none -encoding binary
    set name "::client[incr harness::client::next]"
    foreach {field value} [list fd $fd buffer "" pushes {} attributes {} timeout 10000 eof 0] {
        set harness::client::state($name,$field) $value
    }
    interp alias {} $name {} harness::client::call $name
    return $name
}

proc harness::client::call {name command args} {
    variable state
    if {![info exists state($name,fd)]} { error "client $name is closed" }
    if {[string index $command 0] eq "-"} { return [method[string map {? _ask} $command] $name {*}$args] }
    send $name [list [list $command {*}$args]]
    set reply [read_reply $name]
    if {[lindex $reply 0] eq "error"} { return -code error -errorcode {RESP error} [lindex $reply 1] }
    return [plain $reply]
}

proc harness::client::method-typed {name args} {
    send $name [list $args]
    return [read_reply $name]
}
proc harness::client::method-send {name args} { send $name [list $args] }
proc harness::client::method-read_typed {name} { return [read_reply $name] }
proc harness::client::method-read {name} {
    set reply [read_reply $name]
    if {[lindex $reply 0] eq "error"} { return -code error -errorcode {RESP error} [lindex $reply 1] }
    return [plain $reply]
}
proc harness::client::method-pipeline {name commands} {
    send $name $commands
    set replies {}
    foreach command $commands { lappend replies [read_reply $name] }
    return $replies
}
proc harness::client::method-raw {name bytes} { write $name $bytes }
proc harness::client::method-raw_read {name n} {
    variable state
    while {[string length $state($name,buffer)] < $n} { fill $name }
    set bytes [string range $state($name,buffer) 0 $n-1]
    set state($name,buffer) [string range $state($name,buffer) $n end]
    return $bytes
}
proc harness::client::method-raw_rest {name} {
    variable state
    while {!$state($name,eof)} { catch {fill $name} why options
        if {!$state($name,eof) && [dict get $options -code] == 1} { return -options $options $why } }
    set bytes $state($name,buffer)
    set state($name,buffer) ""
    return $bytes
}
proc harness::client::method-push {name {timeout_ms 5000}} {
    variable state
    set saved $state($name,timeout)
    set state($name,timeout) $timeout_ms
    try {
        while {[llength $state($name,pushes)] == 0} {
            set reply [take $name]
            if {[lindex $reply 0] ne "push"} { fail "expected a push but got '$reply'" }
            lappend state($name,pushes) $reply
        }
    } finally { set state($name,timeout) $saved }
    set state($name,pushes) [lassign $state($name,pushes) first]
    return $first
}
proc harness::client::method-attributes {name} { variable state; return $state($name,attributes) }
proc harness::client::method-timeout {name ms} { variable state; set state($name,timeout) $ms }
proc harness::client::method-fd {name} { variable state; return $state($name,fd) }
proc harness::client::method-half_close {name} { variable state; close $state($name,fd) write }
proc harness::client::method-close {name} {
    variable state
    catch {close $state($name,fd)}
    array unset state $name,*
    interp alias {} $name {}
}
proc harness::client::method-closed_ask {name {timeout_ms 5000}} {
    variable state
    set saved $state($name,timeout)
    set state($name,timeout) $timeout_ms
    catch {while {!$state($name,eof)} { fill $name }}
    set state($name,timeout) $saved
    return $state($name,eof)
}

# Commands as RESP arrays; words are bytes (characters above 255 go out as UTF-8).
proc harness::client::send {name commands} {
    set bytes ""
    foreach command $commands {
        append bytes "*[llength $command]\r\n"
        foreach word $command {
            if {[regexp {[^\u0000-\u00ff]} $word]} { set word [encoding convertto utf-8 $word] }
            append bytes "$[string length $word]\r\n$word\r\n"
        }
    }
    write $name $bytes
}

# A big request is written in pieces, and what comes back meanwhile is read: a server that answers before it has read
# everything would otherwise wait for us, and we for it.
proc harness::client::write {name bytes} {
    variable state
    set fd $state($name,fd)
    if {[string length $bytes] <= 65536} {
        puts -nonewline $fd $bytes
        flush $fd
        return
    }
    for {set i 0} {$i < [string length $bytes]} {incr i 65536} {
        puts -nonewline $fd [string range $bytes $i $i+65535]
        while {[fblocked $fd] || [chan pending output $fd] > 0} {
            append state($name,buffer) [read $fd]
            if {[eof $fd]} { set state($name,eof) 1; return }
            flush $fd
            if {[chan pending output $fd] > 0} { ::harness::pause 1 } else { break }
        }
    }
}

# Waits for more bytes.
proc harness::client::fill {name} {
    variable state
    variable ready
    set fd $state($name,fd)
    set end [expr {[clock milliseconds] + $state($name,timeout) * $::harness::slow}]
    while {1} {
        if {$state($name,eof)} { fail "the server closed the connection (unread: '[::harness::show $state($name,buffer)]')" }
        if {[catch {read $fd} bytes]} { set state($name,eof) 1; continue }
        if {$bytes ne ""} { append state($name,buffer) $bytes; return }
        if {[eof $fd]} { set state($name,eof) 1; continue }
        if {[clock milliseconds] > $end} {
            fail "no reply within [expr {$state($name,timeout) * $::harness::slow}] ms (unread: '[::harness::show $state($name,buffer)]')"
        }
        set ready 0
        fileevent $fd readable {set ::harness::client::ready 1}
        set timer [after 20 {set ::harness::client::ready 0}]
        vwait ::harness::client::ready
        after cancel $timer
        fileevent $fd readable {}
    }
}

# The next reply that is not a push.
proc harness::client::read_reply {name} {
    variable state
    set state($name,attributes) {}
    while {1} {
        set reply [take $name]
        if {[lindex $reply 0] ne "push"} { return $reply }
        lappend state($name,pushes) $reply
    }
}

proc harness::client::take {name} {
    variable state
    while {1} {
        set at 0
        if {[parse $name at reply]} { break }
        fill $name
    }
    set state($name,buffer) [string range $state($name,buffer) $at end]
    if {[lindex $reply 0] eq "attribute"} {
        set state($name,attributes) [list map [lindex $reply 1]]
        return [take $name]
    }
    return $reply
}

# One reply at position at of the buffer; 0 when it is not complete.
proc harness::client::parse {name at_name reply_name} {
    variable state
    upvar 1 $at_name at $reply_name reply
    upvar 0 state($name,buffer) buffer
    set end [string first "\r\n" $buffer $at]
    if {$end < 0} { return 0 }
    set line [string range $buffer $at+1 $end-1]
    set mark [string index $buffer $at]
    set at [expr {$end + 2}]
    switch -- $mark {
        + { set reply [list status $line] }
        - { set reply [list error $line] }
        : { set reply [list int $line] }
        , { set reply [list double $line] }
        "#" { set reply [list bool $line] }
        ( { set reply [list bignum $line] }
        _ { set reply {null resp3} }
        "$" - = - ! {
            if {$line == -1} { set reply {null bulk}; return 1 }
            if {[string length $buffer] < $at + $line + 2} { return 0 }
            set body [string range $buffer $at [expr {$at + $line - 1}]]
            if {[string range $buffer [expr {$at + $line}] [expr {$at + $line + 1}]] ne "\r\n"} {
                fail "a bulk of $line bytes without CR LF after it: '[::harness::show $body]'"
            }
            incr at [expr {$line + 2}]
            set reply [switch -- $mark {
                "$" { list bulk $body }
                "!" { list error $body }
                = { list verbatim [list [string range $body 0 2] [string range $body 4 end]] }
            }]
        }
        * - ~ - > - % - | {
            if {$line == -1} { set reply {null array}; return 1 }
            set count [expr {$mark in {% |} ? 2 * $line : $line}]
            set items {}
            for {set i 0} {$i < $count} {incr i} {
                if {![parse $name at item]} { return 0 }
                lappend items $item
            }
            set reply [list [dict get {* array ~ set > push % map | attribute} $mark] $items]
        }
        default { fail "not RESP: '[::harness::show [string range $buffer $at-[expr {[string length $line] + 3}] $at+60]]'" }
    }
    return 1
}

proc harness::client::plain {reply} {
    lassign $reply type value
    switch -- $type {
        null { return (nil) }
        bool { return [expr {$value eq "t"}] }
        verbatim { return [lindex $value 1] }
        array - set - push - map {
            set items {}
            foreach item $value { lappend items [plain $item] }
            return $items
        }
        default { return $value }
    }
}
proc plain {typed} { return [harness::client::plain $typed] }

# INFO as a dict of field to value; sections as INFO takes them.
proc info_dict {r args} {
    set fields {}
    foreach line [split [$r info {*}$args] \n] {
        set line [string trimright $line \r]
        if {[regexp {^([^#:][^:]*):(.*)$} $line -> field value]} { dict set fields $field $value }
    }
    return $fields
}
proc info_field {r field args} {
    set fields [info_dict $r {*}$args]
    if {![dict exists $fields $field]} { return "" }
    return [dict get $fields $field]
}
