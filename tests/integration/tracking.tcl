# Client-side caching: who is told of which change, beside redis-server byte for byte, and what it costs.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

# All that client c gets up to and with the reply to a PING behind the request, or, from MULTI on, the next line. Numbers of
# clients are told by their letters.
proc step {c request ids} {
    variable mark
    variable in_multi
    set word "mark[incr mark]"
    set name [lindex $request 0]
    $c -send {*}$request
    if {$name in {multi exec}} { set in_multi [expr {$name eq "multi"}] }
    if {$in_multi} { set word "" } else { $c -send ping $word }
    set got ""
    while {![string match "*$word\r\n" $got]} { append got [$c -raw_read 1] }
    if {$word ne ""} { lappend ids $word MARK }
    return [string map [list "\$6\r\n7.0.15" VERSION "\$5\r\n7.2.4" VERSION {*}$ids] $got]
}

# Lines of `client request`, clients a to c; a number of a client is written as $a. Returns what each line gave.
proc play {server script} {
    variable mark 0
    variable in_multi 0
    set ids {}
    for {set i 0} {$i < 3} {incr i} {
        set c [client $server]
        # Numbers that no other bytes of the replies look like.
        while {[$c client id] < 300} { $c -close; set c [client $server] }
        set clients([lindex {a b c} $i]) $c
        set id([lindex {a b c} $i]) [$c client id]
    }
    foreach name {a b c} { lappend ids ":$id($name)\r\n" ":ID-$name\r\n" }
    set result {}
    foreach line [split [string trim $script] \n] {
        set line [string trim $line]
        if {$line eq "" || [string match "#*" $line]} { continue }
        set request [string map [list %a $id(a) %b $id(b) %c $id(c)] [lrange $line 1 end]]
        lappend result "$line: [step $clients([lindex $line 0]) $request $ids]"
    }
    foreach name {a b c} {
        if {![$clients($name) -closed? 0]} { lappend result "$name: [step $clients($name) {ping} $ids]" }
    }
    foreach name {a b c} { $clients($name) -close }
    return $result
}

proc both {script} {
    foreach ours [play $::srv $script] theirs [play $::oracle $script] { assert_equal $theirs $ours }
}

# So that numbers of clients are long from the start, on both servers.
proc many_connections {server} {
    for {set i 0} {$i < 3} {incr i} {
        set all {}
        for {set k 0} {$k < 100} {incr k} { lappend all [client $server] }
        foreach c $all { $c ping; $c -close }
    }
}

with_both {

many_connections $srv
many_connections $oracle

test "what CLIENT TRACKING and its kin refuse" {
    both {
        a client trackinginfo
        a client getredir
        a client caching yes
        a client caching x
        a client tracking foo
        a client tracking on foo
        a client tracking on prefix a
        a client tracking on redirect 99999999
        a client tracking on redirect x
        a client tracking on redirect
        a client tracking on redirect %b redirect %c
        a client tracking on bcast optin
        a client tracking on optin optout
        a client tracking on bcast prefix foo prefix foobar
        a client tracking on bcast prefix foo prefix foo
        a client tracking on
        a client caching yes
        a client caching no
        a client caching x
        a client tracking on bcast
        a client tracking on optin
        a client tracking on optout
        a client tracking off
        a client tracking on optout
        a client tracking on optin
        a client caching yes
        a client caching no
        a client trackinginfo
        a client tracking off
        a client tracking on bcast prefix foo
        a client tracking on bcast prefix fo
        a client tracking on bcast prefix fooo
        a client tracking on bcast prefix foo
        a client tracking on bcast prefix bar
        a client trackinginfo
        a client tracking on
        a client tracking off bcast prefix x
        a client trackinginfo
    }
}

test "a key that was read is told once, after the reply when the change was one's own" {
    both {
        a hello 3 setname x
        a client tracking on
        a client getredir
        a set k 1
        a get k
        b set k 2
        b set k 3
        a get k
        a set k 4
        a mget k l m
        b mset k 1 l 2 m 3
        a get k
        a get k
        b expire k 100
        a exists k
        b del k
        a strlen k
        b append k x
        a get k
        b rename k l
        a get l
        b getdel l
        a setrange n 1 x
        b set n 1
        a get k
        b flushall
        a get k
        a flushdb
        a ping
        a multi
        a get k
        a set k 1
        a get k
        a set k 2
        a exec
        a client tracking off
        b set k 9
        a ping
    }
}

test "NOLOOP, OPTIN and OPTOUT" {
    both {
        a hello 3
        a client tracking on noloop
        a get k
        a set k 1
        a get k
        b set k 2
        a client tracking on optin
        a get k
        b set k 3
        a client caching yes
        a get k
        a get l
        b mset k 4 l 5
        a client caching yes
        a client trackinginfo
        a client tracking off
        a client tracking on optout
        a client caching no
        a get k
        a get l
        b mset k 6 l 7
        a ping
    }
}

test "broadcasts by prefix" {
    both {
        a hello 3
        a client tracking on bcast
        b set x 1
        b mset p 1 q 2 r 3
        a set own 1
        a client tracking off
        a client tracking on bcast noloop prefix u: prefix v:
        b set u:1 1
        a ping
        b set v:1 1
        a ping
        b set w:1 1
        a set u:2 1
        a client trackinginfo
        b flushdb
        a ping
        c hello 3
        c client tracking on bcast prefix u:
        b set u:9 1
        c ping
        a ping
        a client tracking off
        b set u:8 1
        c ping
        a ping
    }
}

test "redirection, to RESP3 and to a subscriber, and when its target goes" {
    both {
        a hello 3
        b client tracking on redirect %a
        b client getredir
        b client trackinginfo
        b get k
        c set k 1
        a ping
        b get k
        a hello 2
        c set k 2
        a ping
        a subscribe __redis__:invalidate
        b get k
        c set k 3
        a ping
        b get k
        c flushall
        a ping
        b get k
        c client kill id %a
        c set k 4
        b get k
        b client trackinginfo
        b hello 3
        b get k
        c set k 5
        b client trackinginfo
        b reset
        b client trackinginfo
    }
}

test "CLIENT LIST shows it, INFO counts it, RESET and the end of a session end it" {
    set s [client $srv]
    set t [client $srv]
    set id [$s client id]
    $s hello 3
    $s client tracking on
    assert_match "* flags=t *redir=0 *" [$r client list id $id]
    $s get one
    $s mget one two
    $t hello 3
    $t client tracking on bcast prefix a redirect $id
    assert_match "* flags=tB *redir=$id *" [$r client list id [$t client id]]
    assert_equal {2 2 2 1} [list [info_field $r tracking_clients clients] [info_field $r tracking_total_keys stats] \
        [info_field $r tracking_total_items stats] [info_field $r tracking_total_prefixes stats]]
    $s reset
    assert_equal {1 0} [list [info_field $r tracking_clients clients] [info_field $r tracking_total_keys stats]]
    $t -close
    wait_for {[info_field $r tracking_clients clients] == 0}
    assert_equal 0 [info_field $r tracking_total_prefixes stats]
}

test "the table of tracked keys is bounded: the oldest is told as changed" {
    set s [client $srv]
    $s hello 3
    $r config set tracking-table-max-keys 10
    $s client tracking on
    for {set i 0} {$i < 15} {incr i} { $s get key:$i }
    assert_equal 10 [info_field $r tracking_total_keys stats]
    for {set i 0} {$i < 5} {incr i} {
        assert_equal [list push [list {bulk invalidate} [list array [list [list bulk key:$i]]]]] [$s -push]
    }
    $r config set tracking-table-max-keys 1000000
}

test "expired keys are told too" {
    set s [client $srv]
    $s hello 3
    $s client tracking on
    # On a machine that is held up it may have ended before it is read.
    wait_for {[$r set soon:[incr n] x px 50] eq "OK" && [$s get soon:$n] eq "x"}
    assert_equal [list push [list {bulk invalidate} [list array [list [list bulk soon:$n]]]]] [$s -push]
}

}
