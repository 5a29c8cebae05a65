# MONITOR: which commands are shown, how, and to whom, as redis-server.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

# Everything a monitor hears of these requests, without times and addresses.
proc heard {server requests {before {}}} {
    set m [client $server]
    foreach request $before { $m {*}$request }
    assert_equal OK [$m monitor]
    set c [client $server]
    $c -pipeline $requests
    [client $server] echo "that was all"
    set lines {}
    while {![string match "*that was all*" [set line [$m -read]]]} {
        if {![regexp {^(\d{10})\.(\d{6}) \[(\d+) ([^ ]+)\] (.*)$} $line -> s us db peer text]} { fail "odd line: $line" }
        assert_range $s [expr {[clock seconds] - 5}] [expr {[clock seconds] + 1}]
        assert_match 127.0.0.1:* $peer
        lappend lines "\[$db\] $text"
    }
    $m -close
    return $lines
}

with_both {

foreach protocol {2 3} {
    test "RESP$protocol: the lines are those of redis-server" {
        foreach requests {
            {{set a 1} {GET a} {multi} {set a 2} {select 3} {get a} {exec} {select 0} {echo "a b\"c\\d"} {ping}}
            {{auth x} {auth x y} {hello 3 auth default x} {hello 2 AUTH u p SETNAME n} {hello 2 setname auth}
             {hello 3 setname x auth default y} {auth}}
            {{config get port} {client list} {client id} {client getname} {debug sleep 0} {object help} {info server}
             {slowlog get} {command count} {latency latest} {memory usage a} {save} {client kill id 99999} {shutdown x y z}}
            {{nosuch} {get} {get a b} {incr a b} {set a x} {incr a} {multi} {multi} {get} {exec} {exec} {discard} {watch a}
             {multi} {exec x} {exec} {unwatch} {subscribe c} {unsubscribe} {publish c x} {reset} {time} {swapdb 0 1} {wait 0 0}}
        } {
            assert_equal [heard $oracle $requests [list [list hello $protocol]]] [heard $srv $requests [list [list hello $protocol]]]
        }
        assert_equal {{[0] "auth" "(redacted)" "(redacted)" "(redacted)"} {[0] "hello" "9" "auth" "(redacted)" "(redacted)"}} \
            [heard $srv {{auth a b c} {hello 9 auth u p}}]
        set bytes ""
        for {set i 0} {$i < 256} {incr i} { append bytes [format %c $i] }
        assert_equal [heard $oracle [list [list echo $bytes]]] [heard $srv [list [list echo $bytes]]]
    }
}

test "a monitor may not touch keys, and hears itself: byte for byte" {
    foreach requests {
        {{monitor} {monitor} {get a} {set a 1} {ping} {client getname} {subscribe x} {get a} {multi} {exec} {unsubscribe} {reset} {get a} {quit}}
        {{multi} {monitor} {get a} {exec} {quit}}
        {{monitor} {client reply off} {ping} {client reply on} {ping} {quit}}
        {{monitor} {multi} {ping} {get a} {exec} {quit}}
    } {
        foreach {server place} [list $srv ours $oracle theirs] {
            set c [client $server]
            foreach request $requests { $c -send {*}$request }
            set $place [regsub -all {\+\d+\.\d+ \[(\d+) [^ ]+\]} [$c -raw_rest] {+[\1]}]
        }
        assert_equal $theirs $ours $requests
    }
}

test "a monitor is shown as such, can be killed while it is told, and does not slow down those who are left" {
    set m [client $srv]
    set id [$m client id]
    $m monitor
    assert_match "*id=$id * flags=O *" [$r client list]
    set n [client $srv]
    $n monitor
    $r -pipeline [list multi [list client kill id $id] {echo gone} exec]
    assert [$m -closed?]
    assert_match {*"multi"} [$n -read]
    assert_match {*"echo" "gone"} [$n -read]
    assert_match {*"exec"} [$n -read]
    assert_no_match "*id=$id *" [$r client list]
}

}
