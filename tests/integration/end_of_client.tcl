# A client that ends, or changes, while it or another is being served: every way of ending in every situation, each pair one test.
# It is gone at the end of the turn and not before; who stands beside it is served as if it had never been there.
source [file join [file dirname [info script]] harness harness.tcl]

# ---- the table's rows: what the victim is in the midst of ----
# situation name {field script ...}, all run in the global scope, with v the victim (RESP3), id and addr its own, r the admin:
#   begin   brings the victim v, and others in o(...), into the situation
#   stir    requests of the admin that serve all of them
#   check   what became of it: uses served and fate, and `hears`
#   when    the victim is served: turn: between commands; at_once: by the command itself; later: not within this turn; never
#   holds   1: no request of its own runs before it is served
#   late    1: what it is told comes behind a long reply
#   slow    1: it takes its time, so not in every order
#   unblock 1: CLIENT UNBLOCK ends its wait
#   type    as CLIENT KILL TYPE calls it
set situations [dict create]
proc situation {name fields} {
    dict set ::situations $name [dict merge {when at_once holds 0 late 0 slow 0 unblock 0 type normal} $fields]
}

# One after the other, so that the order in which they wait is known.
proc waits {c args} {
    set before [info_field $::r blocked_clients clients]
    $c -send {*}$args
    wait_for {[info_field $::r blocked_clients clients] == $before + 1} 5000 1
}
proc other {name args} {
    set ::o($name) [client $::srv]
    if {$args ne {}} { $::o($name) {*}$args }
    return $::o($name)
}

# What the victim was sent and has not taken, of which the kernel holds as much as it will.
proc unsent {} {
    regexp { obl=(\d+) .* tot-net-out=(\d+)} [$::r client list id $::id] -> left sent
    return [expr {$sent > 100000 ? $left : 0}]
}

# What the victim hears: what it was served, the end of its wait, or nothing but its end.
proc hears {reply {nothing {null resp3}}} {
    global v fate served mute told
    if {$served && ($fate ne "gone" || $told ne {})} {
        assert_equal $reply [$v -read_typed]
    } elseif {$fate eq "timeout"} {
        assert_equal $nothing [$v -read_typed]
    } elseif {$fate eq "error"} {
        assert_equal {error {UNBLOCKED client unblocked via CLIENT UNBLOCK}} [$v -read_typed]
    } elseif {$fate eq "gone" && !$served && !$mute && $told eq {}} {
        assert_equal "" [$v -raw_rest]
    }
}

situation "waiting for a list" {
    when turn holds 1 unblock 1
    begin {
        waits [other first] blpop l 0
        waits $v blpop l 0
        waits [other next] blpop l 0
    }
    stir {{rpush l a} {rpush l b}}
    check {
        assert_equal {l a} [$o(first) -read]
        hears {array {{bulk l} {bulk b}}}
        if {$served} { $r rpush l c }
        assert_equal [list l [expr {$served ? "c" : "b"}]] [$o(next) -read]
        assert_equal 0 [$r exists l]
    }
}

situation "waiting for a list, the last in line" {
    when turn holds 1 unblock 1
    begin { waits $v brpop l 0 }
    stir {{rpush l a}}
    check {
        hears {array {{bulk l} {bulk a}}}
        assert_equal [expr {$served ? "" : "a"}] [$r lrange l 0 -1]
    }
}

situation "waiting to move an element on to one who waits" {
    when turn holds 1 unblock 1
    begin {
        waits [other first] blpop m 0
        waits $v blmove l m left right 0
        waits [other next] brpoplpush l m 0
    }
    stir {{rpush l a}}
    check {
        assert_equal {m a} [$o(first) -read]
        hears {bulk a}
        if {!$served} { assert_equal a [$o(next) -read] }
        assert_equal 0 [$r exists l m]
    }
}

situation "waiting for a sorted set" {
    when turn holds 1 unblock 1
    begin {
        waits [other first] bzpopmin z 0
        waits $v bzpopmin z 0
        waits [other next] bzmpop 0 1 z min
    }
    stir {{zadd z 1 a} {zadd z 2 b}}
    check {
        assert_equal {z a 1} [$o(first) -read]
        hears {array {{bulk z} {bulk b} {double 2}}}
        if {$served} { $r zadd z 3 c }
        assert_equal [expr {$served ? {z {{c 3}}} : {z {{b 2}}}}] [$o(next) -read]
        assert_equal 0 [$r exists z]
    }
}

situation "waiting for a stream" {
    when turn holds 1 unblock 1
    begin {
        waits [other first] xread block 0 streams s 0
        waits $v xread block 0 streams s 0
        waits [other next] xread block 0 streams s 0
    }
    stir {{xadd s 1-1 f a}}
    check {
        foreach name {first next} { assert_equal {{s {{1-1 {f a}}}}} [$o($name) -read] }
        hears {map {{bulk s} {array {{array {{bulk 1-1} {array {{bulk f} {bulk a}}}}}}}}}
        assert_equal 1 [$r xlen s]
    }
}

situation "waiting in a consumer group" {
    when turn holds 1 unblock 1
    begin {
        $r xgroup create s g 0 mkstream
        waits [other first] xreadgroup group g one count 1 block 0 streams s >
        waits $v xreadgroup group g two count 1 block 0 streams s >
        waits [other next] xreadgroup group g three count 1 block 0 streams s >
    }
    stir {{xadd s 1-1 f a} {xadd s 1-2 f b}}
    check {
        assert_equal {{s {{1-1 {f a}}}}} [$o(first) -read]
        hears {map {{bulk s} {array {{array {{bulk 1-2} {array {{bulk f} {bulk b}}}}}}}}}
        if {!$served} { assert_equal {{s {{1-2 {f b}}}}} [$o(next) -read] }
        assert_equal [list 2 1-1 1-2 [list {one 1} [list [expr {$served ? "two" : "three"}] 1]]] \
            [lreplace [$r xpending s g] end end [lsort [lindex [$r xpending s g] end]]]
    }
}

situation "waiting in a consumer group that is destroyed" {
    when turn holds 1 unblock 1
    begin {
        $r xgroup create s g 0 mkstream
        waits [other first] xreadgroup group g one block 0 streams s >
        waits $v xreadgroup group g two block 0 streams s >
        waits [other next] xreadgroup group g three block 0 streams s >
    }
    stir {{xgroup destroy s g}}
    check {
        foreach name {first next} { assert_match "error NOGROUP*" [join [$o($name) -read_typed]] }
        hears {error {NOGROUP the consumer group this client was blocked on no longer exists}}
    }
}

situation "waiting, its time up in the same turn" {
    when turn holds 1 unblock 1 slow 1
    begin {
        $v -send blpop l 0.01
        set next [[other next] client id]
        $o(next) -send blpop l 0
        wait_for {[string match "* flags=b *" [$r client list id $next]]} 5000 1
    }
    stir {{debug sleep 0.01} {rpush l a}}
    check {
        # The turn may come later than the time that is up, so it may have been served or not: but somebody was.
        set words ""
        if {$fate eq "gone" && $served} { set mute 1 } ;# served, and perhaps its reply was lost with it
        if {!$mute} { set words [expr {$fate eq "gone" ? [$v -raw_rest] : [$v -read_typed]}] }
        if {!$mute} { set served [regexp {\ma\M} $words] }
        $r rpush l b
        set got [$o(next) -read]
        assert {$got in {{l a} {l b}}}
        if {!$mute} { assert_equal [list l [expr {$served ? "b" : "a"}]] $got $words }
        assert_equal [expr {$got eq {l a} ? "b" : ""}] [$r lrange l 0 -1]
        if {$fate eq "gone"} { set told {} }
    }
}

situation "queueing a transaction" {
    begin {
        $v multi
        assert_equal QUEUED [$v set q 1]
        assert_equal QUEUED [$v get k]
    }
    stir {{set k 1}}
    check {
        if {$fate eq "lives"} { assert_equal {OK 1} [$v exec] }
        if {$fate eq "queued"} { $v -send exec; assert_equal "*3\r\n+OK\r\n\$1\r\n1\r\n:1\r\n" [$v -raw_rest] }
        if {$fate eq "reset"} { assert_regexp {error {(ERR EXEC without MULTI|EXECABORT .*NOAUTH .*)}} [$v -typed exec] }
        assert_equal [expr {$fate in {lives queued}}] [$r exists q]
    }
}

situation "watching a key" {
    begin {
        foreach c [list [other first] $v [other next]] { $c watch k; $c multi; $c set q 1 }
    }
    stir {{set k 1}}
    check {
        foreach name {first next} { assert_equal {null array} [$o($name) -typed exec] }
        if {$fate in {lives queued}} { assert_equal {null resp3} [$v -typed exec] }
        if {$fate eq "reset"} { assert_regexp {error {(ERR EXEC without MULTI|EXECABORT .*NOAUTH .*)}} [$v -typed exec] }
        assert_equal 0 [$r exists q]
    }
}

situation "subscribed, in the midst of a message to all" {
    type pubsub
    begin {
        [other first] subscribe news
        $v -send subscribe news
        $v -push
        [other next] subscribe news
        [other pattern] psubscribe n*
    }
    stir {{publish news hello}}
    check {
        assert_equal [list [list int [expr {3 + $served}]]] $did
        foreach name {first next} { assert_equal {message news hello} [$o($name) -read] }
        assert_equal {pmessage n* news hello} [$o(pattern) -read]
        if {$fate eq "lives"} { assert_equal {message news hello} [lrange [plain [$v -push]] 0 2] }
        wait_for {[$r pubsub numsub news] eq [list news [expr {2 + ($fate eq "lives")}]]} 5000 1
    }
}

situation "hearing what MONITOR shows" {
    begin {
        [other first] monitor
        $v monitor
        [other next] monitor
    }
    stir {{set k 1}}
    check {
        foreach name {first next} {
            while {![string match {*"set" "k" "1"} [set line [$o($name) -read]]]} { assert_match {*127.0.0.1:*} $line }
        }
        if {$fate eq "lives"} { while {![string match {*"set" "k" "1"} [$v -read]]} {} }
    }
}

situation "told that a key it has read changes" {
    begin {
        $r set k 1
        foreach c [list [other first] $v [other next]] { $c hello 3; $c client tracking on; $c get k }
    }
    stir {{set k 2}}
    check {
        foreach name {first next} { assert_equal {invalidate k} [plain [$o($name) -push]] }
        if {$fate eq "lives"} { assert_equal {invalidate k} [plain [$v -push]] }
        assert_equal [expr {2 + ($fate eq "lives")}] [info_field $r tracking_clients clients]
    }
}

situation "told of changes by prefix, at the end of the turn" {
    when later
    begin { foreach c [list [other first] $v [other next]] { $c hello 3; $c client tracking on bcast } }
    stir {{set k 2}}
    check {
        foreach name {first next} { assert_equal {invalidate k} [plain [$o($name) -push]] }
        if {$fate eq "lives"} { assert_equal {invalidate k} [plain [$v -push]] }
    }
}

situation "told of changes in another's name" {
    type pubsub
    begin {
        $v -send subscribe __redis__:invalidate
        $v -push
        $r set k 1
        [other tracks] hello 3
        $o(tracks) client tracking on redirect $id
        $o(tracks) get k
    }
    stir {{set k 2}}
    check {
        if {$fate eq "lives"} { assert_match "invalidate k*" [plain [$v -push]] }
        # Never left in the belief that what it keeps is true.
        if {$fate eq "gone" && !$served} { assert_equal [list tracking-redir-broken $id] [plain [$o(tracks) -push]] }
        if {$fate eq "gone"} {
            assert_equal 2 [$o(tracks) get k]
            $r set k 3
            assert_equal [list tracking-redir-broken $id] [plain [$o(tracks) -push]]
        }
    }
}

situation "held by a pause" {
    when later holds 1
    begin {
        $r client pause 100000 write
        waits $v set q 1
        waits [other next] set w 1
    }
    stir {{client unpause}}
    check {
        hears {status OK}
        assert_equal OK [$o(next) -read]
        assert_equal $served [$r exists q]
    }
}

situation "waiting for replicas that do not come" {
    when never holds 1 unblock 1
    begin { waits $v waitaof 0 1 0 }
    stir {{set k 1}}
    check { hears {} {array {{int 0} {int 0}}} }
}

situation "waiting for a save" {
    when never holds 1
    begin {
        $r config set rdb-key-save-delay 10000000
        waits $v save
    }
    stir {{set k 1}}
    check {
        $r bgsave cancel
        $r config set rdb-key-save-delay 0
        wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0} 10000 1
        if {$fate ne "gone"} { assert_equal {error {ERR The save was cancelled}} [$v -read_typed] }
    }
}

situation "waiting for another server" {
    when never holds 1
    begin {
        $r set k 1
        waits $v migrate 127.0.0.1 $deaf k 0 60000
    }
    stir {{get k}}
    check {
        assert_equal [list [list bulk 1]] $did
        if {$fate ne "gone"} { $r client kill id $id; set fate gone; set told {} }
        assert_equal {status OK} [$r -typed set k 2]
    }
}

situation "waiting for an analysis" {
    when never holds 1 unblock 1
    begin {
        $r config set memory-analysis-key-delay 10000
        waits $v memory prefixes
    }
    stir {{set k 1}}
    check {
        if {$fate eq "lives"} { assert_equal 1 [$r client unblock $id] }
        hears {}
        if {$fate eq "lives"} { assert_equal {null resp3} [$v -read_typed] }
    }
}

# What it asked last may run after the stir, which makes another value, but one as large.
situation "half through large replies" {
    late 1 slow 1
    begin {
        for {set times 0} {[unsent] == 0} {incr times} { foreach request $large { $v -send {*}$request } }
    }
    stir {{sunionstore huge huge}}
    check {
        if {$fate ne "gone" || $told ne {}} { $v -raw_read [expr {$times * $large_bytes}] }
    }
}

# ---- the table's columns: how it ends, or changes ----
# way name {field ...}:
#   strike  requests of the admin; says: how the first of them are answered
#   tail    a request of the victim itself, behind what it is doing; told: its reply
#   fate    gone, lives, reset; timeout or error where it waits and may be unblocked (else it lives)
#   loud    1: it has large messages unread
#   after   what is put back
set ways [dict create]
proc way {name fields} {
    dict set ::ways $name [dict merge {strike {} says {} tail {} told {} fate gone loud 0 leaves 0 after {}} $fields]
}

way "killed by its id" {strike {{client kill id $id}} says {{int 1}}}
way "killed by its address" {strike {{client kill addr $addr}} says {{int 1}}}
way "killed in the old form" {strike {{client kill $addr}} says {{status OK}}}
way "killed by filters" {strike {{client kill type $type id $id user default skipme yes addr $addr}} says {{int 1}}}
way "killed more than once, and asked for" {
    strike {{client kill id $id} {client kill id $id} {client unblock $id} {client list id $id} {client tracking on redirect $id}}
    says {{int 1} {int 0} {int 0} {bulk {}} {error {ERR The client ID you want redirect to does not exist}}}
}
way "over maxmemory-clients" {strike {{config set maxmemory-clients 1mb}} says {{status OK}} loud 1 after {config set maxmemory-clients 0}}
way "over its output limit" {
    strike {{config set client-output-buffer-limit "pubsub 1mb 0 0"} {get nothing}} says {{status OK} {null bulk}} loud 1
    after {config set client-output-buffer-limit "pubsub 32mb 8mb 60"}
}
way "unblocked as by time" {strike {{client unblock $id timeout}} fate timeout}
way "unblocked with an error" {strike {{client unblock $id error}} fate error}
way "left by its peer" {leaves 1}
way "killing itself" {tail {client kill id $id skipme no} told {{int 1}}}
way "starting anew" {tail reset told {{status RESET}} fate reset}
way "losing its rights" {
    strike {{config set requirepass secret}} says {{status OK}} tail reset told {{status RESET}} fate reset
    after {config set requirepass ""}
}
way "left in while a password is set" {
    strike {{config set requirepass secret}} says {{status OK}} fate lives after {config set requirepass ""}
}

# ---- one pair ----
# The requests of the admin in one write: the strike before or after what serves, plainly or in a transaction. What the victim
# does itself, or its peer, lies there with it when the server looks.
proc orders {situation way} {
    if {[dict get $way tail] ne "" || [dict get $way leaves]} { return {"at once"} }
    if {[dict get $way loud] || [dict get $situation slow]} { return {"strike first" "strike last in EXEC"} }
    return {"strike first" "strike last" "strike first in EXEC" "strike last in EXEC"}
}

# The replies of the strike, and of what serves.
proc together {order strike stir} {
    set last [string match "strike last*" $order]
    set all [expr {$last ? [concat $stir $strike] : [concat $strike $stir]}]
    if {[string match "*EXEC" $order]} {
        set replies [lindex [$::r -pipeline [list multi {*}$all exec]] end 1]
    } else {
        set replies [$::r -pipeline $all]
    }
    set first [llength [expr {$last ? $stir : $strike}]]
    set parts [list [lrange $replies 0 $first-1] [lrange $replies $first end]]
    return [expr {$last ? [lreverse $parts] : $parts}]
}

# served: whether the victim gets what all get; fate: what becomes of it.
proc foresee {s w order} {
    global served fate told
    set fate [dict get $w fate]
    set told [dict get $w told]
    set when [dict get $s when]
    if {$fate in {timeout error} && (![dict get $s unblock] || ($when eq "turn" && $order eq "strike last"))} { set fate lives }
    set served [expr {$when eq "turn" && $order eq "strike last" || $when eq "at_once" && [string match "strike last*" $order]}]
    if {$fate eq "lives"} { set served [expr {$when ne "never"}] }
    if {[dict get $w tail] eq ""} { return }
    if {$when eq "never"} { # and its own request stays where it is
        set fate lives
        set told {}
    }
    set served [expr {[dict get $s holds] && $when ne "never"}]
    if {$::queues && $fate eq "gone"} {
        set fate queued
        set told {{status QUEUED}}
    }
}

# One write a request: of several, the kernel would hold back the last until the first is acknowledged, 40 ms.
proc write_at_once {c} { fconfigure [$c -fd] -buffersize 65536 }

# More than the kernel takes, by many patterns that fit one event: a read alone makes it, also where writes must wait.
proc make_loud {} {
    global r v id
    set patterns __keyevent@0__:keymiss
    for {set i 1} {$i < 120} {incr i} { lappend patterns "__keyevent@0__:keymiss[string repeat * $i]" }
    $v -send psubscribe {*}$patterns
    return $patterns
}

# What the victim has written, or its end, has come to the server's socket: else the kernel may hand over later words first.
proc has_come {} {
    set ends [format ":%04X " [server_port $::srv]]
    set from [format ":%04X " [lindex [split $::addr :] end]]
    foreach line [split [read_file /proc/net/tcp] \n] {
        lassign $line - local remote state queues
        if {![string match "*$ends" "$local "] || ![string match "*$from" "$remote "]} { continue }
        return [expr {$state eq "08" || ![string match *:00000000 $queues]}]
    }
    return 1 ;# the connection is no more
}

proc pair {situation way order} {
    upvar #0 r r v v id id addr addr type type o o did did mute mute queues queues told told fate fate
    set s [dict get $::situations $situation]
    set w [dict get $::ways $way]
    unset -nocomplain o
    array set o {}
    set type [dict get $s type]
    set queues [expr {[string first multi [dict get $s begin]] >= 0}]
    set mute [expr {[dict get $w loud] || [dict get $w leaves]}]
    set v [client $::srv]
    write_at_once $v
    $v hello 3
    set id [$v client id]
    regexp { addr=(\S+) } [$v client info] -> addr
    foresee $s $w $order
    if {[dict get $w loud]} { make_loud }
    uplevel #0 [dict get $s begin]
    if {[dict get $w loud]} {
        wait_for {[$r get [string repeat n 50000]] eq "(nil)" && [unsent] > 1200000} 5000 1
    }
    set strike [lmap request [dict get $w strike] { subst -nocommands $request }]
    set tail [subst -nocommands [dict get $w tail]]
    set stays_put [expr {[dict get $s holds] && $tail ne ""}] ;# it lies there anyhow until the victim is served
    if {$order eq "at once"} {
        set struck [lmap request $strike { $r -typed {*}$request }]
        if {!$stays_put} { server_signal $::srv STOP }
    }
    if {$tail ne ""} { $v -send {*}$tail }
    if {[dict get $w leaves]} { $v -close }
    if {$order eq "at once"} {
        if {!$stays_put} { wait_for {[has_come]} 5000 1 }
        foreach request [dict get $s stir] { $r -send {*}$request }
        if {!$stays_put} { server_signal $::srv CONT }
        set did [lmap request [dict get $s stir] { $r -read_typed }]
    } else {
        lassign [together $order $strike [dict get $s stir]] struck did
    }
    foreach said [dict get $w says] answer $struck { if {$said ne ""} { assert_equal $said $answer } }
    aftermath $s $w
}

proc hear_told {} {
    foreach reply $::told { assert_equal $reply [$::v -read_typed] }
    set ::told {}
}

proc aftermath {s w} {
    upvar #0 r r v v id id o o fate fate
    if {![dict get $s holds] && ![dict get $s late]} { set told $::told; hear_told; set ::told $told }
    uplevel #0 [dict get $s check]
    if {[dict get $s holds] || [dict get $s late]} { hear_told }
    if {$fate eq "gone"} {
        if {![dict get $w leaves] && ![dict get $w loud]} { assert [$v -closed?] "(it is not closed)" }
        wait_for {[$r client list id $id] eq ""} 5000 1
    }
    if {$fate eq "reset"} { check_reset [dict get $w strike] }
    close_others
    if {[dict get $w after] ne ""} { $r {*}[dict get $w after] }
    wait_for {[info_field $r connected_clients clients] == 1} 5000 1
    assert_equal 0 [info_field $r blocked_clients clients]
    $r del k l m z s q w
    assert_equal 202 [$r dbsize]
    assert_equal PONG [$r ping]
}

proc close_others {} { foreach c [client_list] { if {$c ni $::kept} { $c -close } } }

# After a failure, so that the next pair begins as this one did.
proc put_back {w} {
    close_others
    if {[dict get $w after] ne ""} { $::r {*}[dict get $w after] }
    $::r client unpause
    $::r client tracking off
    catch {$::r bgsave cancel}
    $::r config set rdb-key-save-delay 0
    $::r del k l m z s q w
}

proc check_reset {password} {
    upvar #0 v v r r id id
    if {$password ne {}} {
        assert_error "NOAUTH *" {$v get k}
        $v auth secret
    }
    assert_equal {status PONG} [$v -typed ping]
    assert_match "* flags=N *sub=0 psub=0 ssub=0 multi=-1 watch=0 * resp=2 *" [$r client list id $id]
}

proc test_pairs {situations} {
    set ::kept [client_list]
    dict for {situation s} $situations {
        dict for {way w} $::ways {
            test "$situation: $way" [string map [list SITUATION [list $situation] WAY [list $way]] {
                set w [dict get $ways WAY]
                foreach order [orders [dict get $situations SITUATION] $w] {
                    set failed [catch {pair SITUATION WAY $order} why options]
                    put_back $w
                    if {$failed} { return -options $options "($order) $why" }
                }
            }]
        }
    }
}

# ---- time: who is idle goes, who waits or listens stays ----
# Set up here and looked at in the end, since idle is who has been so for more than a second.
set quiet [server_start -config {timeout 1}]
set watcher [client $quiet]
$watcher hello 3
$watcher -send subscribe nothing ;# which keeps it from being idle
$watcher -push
$watcher set big [string repeat x 4000000]

# name, requests, whether it stays, what another does when time has passed, and what it hears then.
set idlers {
    "one who waits for a list" {{blpop l 0}} 1 {rpush l a} {l a}
    "one who waits for a stream" {{xread block 0 streams s $}} 1 {xadd s 1-1 f v} {{s {{1-1 {f v}}}}}
    "one who waits for replicas" {{waitaof 0 1 0}} 1 {ping} ""
    "a subscriber" {{subscribe news}} 1 {publish news hello} {message news hello}
    "a monitor" {{monitor}} 1 {echo hello} {*"echo" "hello"}
    "one who does nothing" {{ping}} 0 {ping} ""
    "one who queues" {{multi} {set q 1}} 0 {ping} ""
    "one who watches" {{watch k} {multi} {set q 1}} 0 {set k 1} ""
    "one who tracks" {{hello 3} {client tracking on} {get k}} 0 {set k 2} ""
    "one who does not read" {{get big} {get big} {get big} {get big}} 0 {ping} ""
}
set idle {}
foreach {name requests stays does hears} $idlers {
    set c [client $quiet]
    dict set idle $name [list $c [$c client id]]
    foreach request $requests { $c -send {*}$request }
    if {[lindex $requests 0 0] in {subscribe monitor}} { $c -read }
}
set idle_since [clock milliseconds]

# ---- the table ----
with_server srv {-config {notify-keyspace-events Em}} {
    set deaf_fd [socket -server {apply {{fd args} {}}} -myaddr 127.0.0.1 0]
    set deaf [lindex [fconfigure $deaf_fd -sockname] 2]
    set r [client $srv]
    write_at_once $r
    $r set big [string repeat x 2000000]
    for {set i 0} {$i < 10} {incr i} { $r sadd huge [string repeat $i 100000] }
    for {set i 0} {$i < 200} {incr i} { $r set kept$i $i }
    set large {{mget big big big} {smembers huge} {sort huge alpha}}
    set large_bytes [expr {3 * 2000000 + 20 * 100000 + [string length "*3\r\n"] + 3 * [string length "\$2000000\r\n\r\n"] \
        + 2 * [string length "*10\r\n"] + 20 * [string length "\$100000\r\n\r\n"]}]
    test_pairs $situations
    close $deaf_fd
}

set situations [dict create]
situation "its reply held until the disk has the write" {
    late 1
    begin {
        $v -send set q 1
        $v -send get big
    }
    stir {{set k 1}}
    check {
        if {$fate ne "gone" || $told ne {}} {
            assert_equal OK [$v -read]
            assert_equal 300000 [string length [$v -read]]
        }
        assert_equal 1 [$r get q]
    }
}
with_server srv {-config {notify-keyspace-events Em appendonly yes appendfsync always}} {
    set r [client $srv]
    write_at_once $r
    for {set i 0} {$i < 201} {incr i} { $r set kept$i $i }
    $r set big [string repeat x 300000]
    test_pairs $situations

    test "a reply that waits for a later sync than the one that has ended" {
        set b [client $srv]
        for {set i 0} {$i < 5} {incr i} {
            set a [client $srv]
            $a -send set v [string repeat y 2000000]
            for {set k 0} {$k < 5} {incr k} {
                $b -send set w $k
                $b -send get big
                assert_equal PONG [$r ping]
            }
            for {set k 0} {$k < 5} {incr k} {
                assert_equal OK [$b -read]
                assert_equal 300000 [string length [$b -read]]
            }
            assert_equal OK [$a -read]
            $a -close
        }
    }
}

# ---- one who ends itself in the midst of its own transaction ----
with_server srv {-config {notify-keyspace-events Em}} {
    set r [client $srv]
    write_at_once $r
    proc admin {} {
        global r
        if {$r ni [client_list]} { write_at_once [set r [client $::srv]] }
    }
    # its own requests, how they are answered, whether it stays, and whether the one who waits goes as well
    set strikes {
        "kills itself by id" {{client kill id $id skipme no}} 0 0 0
        "kills itself by address" {{client kill $addr}} 0 0 0
        "kills all, itself included" {{client kill type normal skipme no}} 0 1 0
        "kills all but itself" {{client kill type normal skipme yes}} 1 1 0
        "asks to be unblocked" {{client unblock $id}} 1 0 0
        "sets a password" {{config set requirepass secret}} 1 0 0
        "lowers maxmemory-clients below what it holds" {{config set maxmemory-clients 1mb}} 0 0 1
        "lowers its output limit below what it holds" {
            {config set client-output-buffer-limit "pubsub 1mb 0 0"} {get nothing}
        } 0 0 1
    }
    foreach {name strike stays all loud} $strikes {
        test "one who $name, in a transaction that serves another" [string map [list STRIKE [list $strike] STAYS $stays ALL $all LOUD $loud] {
            admin
            set v [client $srv]
            write_at_once $v
            $v hello 3
            set id [$v client id]
            regexp { addr=(\S+) } [$v client info] -> addr
            if {LOUD} {
                make_loud
                wait_for {[$r get [string repeat n 50000]] eq "(nil)" && [unsent] > 1200000} 5000 1
            }
            set waiter [client $srv]
            waits $waiter blpop l 0
            set requests [list multi {rpush l a} {*}[lmap request STRIKE { subst -nocommands $request }] {rpush m b} exec {set q 1}]
            foreach request $requests { $v -send {*}$request }
            if {STAYS} {
                for {set i 0} {$i < [llength $requests] - 2} {incr i} { $v -read }
                assert_equal [list 1 1] [lreplace [$v -read] 1 end-1]
                assert_equal OK [$v -read]
                assert_equal "PONG" [$v ping]
            } elseif {!LOUD} {
                assert [$v -closed?]
            }
            if {ALL} { $r -close; admin }
            wait_for {[$r exists m] == 1} 5000 1
            if {!STAYS} { wait_for {[$r client list id $id] eq ""} 5000 1 }
            if {ALL} {
                assert [$waiter -closed?]
                assert_equal a [$r lpop l]
            } else {
                assert_equal {l a} [$waiter -read]
            }
            $r config set maxmemory-clients 0 client-output-buffer-limit "pubsub 32mb 8mb 60" requirepass ""
            assert_equal 0 [$r exists l]
            assert_equal b [$r lrange m 0 -1]
            if {!LOUD} { assert_equal STAYS [$r exists q] }
            $r del m q
            wait_for {[info_field $r blocked_clients clients] == 0} 5000 1
        }]
    }
}

# ---- what is not found by pairs ----
with_server srv {} {
    set r [client $srv]
    write_at_once $r

    test "one who is cut by what another is shown of its request, before the request has ended" {
        $r set big [string repeat x 2000000]
        $r set k v
        set m [client $srv]
        $m monitor
        set v [client $srv]
        set id [$v client id]
        while {[unsent] < 5000000} { $v -send get big }
        set held 0
        foreach line [split [string trim [$r client list]] \n] { regexp { tot-mem=(\d+) } $line -> bytes; incr held $bytes }
        $r config set maxmemory-clients [expr {$held + 2000000}]
        # Its argument is shown four times as long as it is.
        set fd [$v -fd]
        fconfigure $fd -blocking 1
        puts -nonewline $fd "*4\r\n\$8\r\nsetrange\r\n\$1\r\nk\r\n\$2\r\n-1\r\n\$700000\r\n[string repeat \x00 700000]\r\n"
        flush $fd
        wait_for {[info_field $r evicted_clients stats] == 1} 5000 1
        assert_equal count=1 [info_field $r errorstat_ERR errorstats]
        assert_equal "" [$r client list id $id]
        while {![string match {*"setrange" "k" "-1" *} [$m -read]]} {}
        $r config set maxmemory-clients 0
        assert_equal v [$r get k]
    }

    test "one who stops tracking in its transaction leaves nothing to be told to the next" {
        set one [client $srv]
        set two [client $srv]
        foreach c [list $one $two] { $c hello 3; $c client tracking on; $c get k }
        $one -pipeline {multi flushall {client tracking off} exec}
        assert_equal {invalidate (nil)} [plain [$two -push]]
        $two get k
        $r set k 1
        assert_equal {invalidate k} [plain [$two -push]]
    }
}

# ---- time, looked at ----
set r $watcher
foreach {name requests stays does hears} $idlers {
    test "$name, when its time is up, [expr {$stays ? "stays" : "goes"}]" [string map [list NAME [list $name] STAYS $stays DOES $does HEARS [list $hears]] {
        lassign [dict get $idle NAME] c id
        if {STAYS} {
            wait_for {[clock milliseconds] - $idle_since > 2500} 5000
            assert_not_equal "" [$r client list id $id]
            set since [clock milliseconds]
            $r DOES
            if {HEARS ne ""} { while {![string match HEARS [$c -read]]} {} }
        } else {
            wait_for {[$r client list id $id] eq ""} 5000
            $r DOES
            assert_equal 0 [$r exists q]
        }
        assert_equal PONG [$r ping]
    }]
}

test "one who was served just now is not idle" {
    # It waited for a while, and the turn in which its time is up is followed by the one that looks for idle clients.
    set c [client $quiet]
    $c -send blpop none 1.2
    set begun [clock milliseconds]
    wait_for {[clock milliseconds] - $begun > 1100}
    $r debug sleep 1.1
    assert_equal {null array} [$c -read_typed]
    $r config set timeout 0
}

test "one who reads slowly is not idle" {
    $r config set timeout 1
    assert_once {[$r client list id $id] ne ""} {
        set c [client $quiet]
        set id [$c client id]
        for {set i 0} {$i < 12} {incr i} { $c -send get big }
        set begun [clock milliseconds]
        # Past the client, which would take all there is at once.
        while {[clock milliseconds] - $begun < 2200 && ![catch {read [$c -fd] 100000}]} { harness::pause 10 }
    } 3
}
server_stop $quiet
