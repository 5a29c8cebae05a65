# MULTI, EXEC, DISCARD, WATCH, UNWATCH: beside redis-server in both protocols, and what happens around them.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

with_both {

# A second client of each server.
set r2 [client $srv]
set o2 [client $oracle]

# steps: {who request} in order, who 1 or 2: the same step on both servers, the same reply.
proc same_steps {steps} {
    foreach {who request} $steps {
        set ours [expr {$who == 1 ? $::r : $::r2}]
        set theirs [expr {$who == 1 ? $::o : $::o2}]
        assert_equal [$theirs -typed {*}$request] [$ours -typed {*}$request] $request
    }
}

# Watches `watch`, lets the other client do `mid`, and runs a transaction: as redis-server, dirty or not.
proc same_watch {before watch mid} {
    same_steps {2 {select 0} 2 flushall 1 discard 1 unwatch}
    set steps {}
    foreach request $before { lappend steps 2 $request }
    foreach request $watch { lappend steps 1 $request }
    foreach request $mid { lappend steps 2 $request }
    lappend steps 1 multi 1 {set done 1} 1 exec 1 exec
    same_steps $steps
}

foreach protocol {2 3} {
    foreach c [list $r $o $r2 $o2] { $c hello $protocol }

    test "RESP$protocol: queueing, errors and EXEC as redis-server" {
        fresh
        same {
            {exec} {discard} {unwatch} {multi} {multi} {watch x} {set a 1} {get a} {exec} {exec} {get a}
            {multi} {nosuch} {exec} {multi} {get} {get a} {exec} {multi} {config nosuch} {exec} {exec x} {multi x} {watch}
            {multi} {exec} {multi} {discard} {exec} {multi} {set a 2} {discard} {get a} {discard}
            {multi} {exec x} {exec} {discard} {multi} {discard x} {discard} {multi} {multi x} {exec}
            {multi} {save} {exec} {multi} {shutdown} {exec}
            {set a x} {multi} {incr a} {append a y} {get a} {getrange a 0 b} {exec} {get a}
            {multi} {select 3} {set a 3} {select 0} {get a} {exec} {multi} {select 3} {exec} {get a} {select 0}
            {watch a} {multi} {unwatch} {set a 1} {exec} {watch a} {unwatch} {set a 2} {multi} {get a} {exec}
            {multi} {wait 1 0} {wait 0 0} {ping} {echo x} {exec}
            {multi} {set a 1} {reset} {exec} {multi} {set a 9} {select 0} {exec}
        }
        foreach c [list $r $o] { $c hello $protocol }
        same {{multi} {hello 3} {config get port x} {hello 2} {exec x} {exec} {multi} {discard} {unwatch}}
        foreach c [list $r $o] { $c hello $protocol }
    }

    test "RESP$protocol: what spoils a watched key, and what does not" {
        foreach {before watch mid} {
            {{set k 1}} {{watch k}} {{set k 1}}
            {{set k 1}} {{watch k}} {{get k} {del none} {setnx k 2} {set k 1 nx} {incrby k x} {touch k} {object encoding k}}
            {{set k 1}} {{watch k}} {{expire k 100}}
            {{set k 1}} {{watch k}} {{persist k}}
            {} {{watch k}} {{flushall}}
            {{set k 1}} {{watch k}} {{flushall}}
            {{set k 1}} {{watch k}} {{flushdb async}}
            {{set k 1}} {{watch k}} {{select 1} {flushdb} {select 0}}
            {} {{watch k}} {{swapdb 0 1}}
            {{select 1} {set k 1}} {{watch k}} {{swapdb 0 1}}
            {{set k 1}} {{watch k}} {{swapdb 0 1}}
            {{set k 1}} {{watch k}} {{swapdb 2 1}}
            {{set k 1} {select 1} {set k 1}} {{watch k}} {{swapdb 1 0}}
            {{set k 1}} {{watch k}} {{swapdb 0 0}}
            {{set x 1}} {{watch k}} {{rename x k}}
            {{set k 1}} {{watch k}} {{rename k x}}
            {{set k 1}} {{watch k}} {{move k 1}}
            {{set x 1}} {{watch k}} {{copy x k}}
            {{set k 1}} {{watch k} {set k 2}} {}
            {{set k 1}} {{watch k} {set k 2} {unwatch}} {{set k 3}}
            {{set k 1}} {{watch k k} {watch k}} {}
            {{set k 1}} {{watch a b k} {watch c}} {{set c 1}}
            {{set k 1}} {{watch k} {select 1} {watch k} {select 0}} {{select 1} {set k 2} {select 0}}
            {{set k 1}} {{watch k}} {{debug reload}}
            {} {{watch k}} {{debug reload}}
            {{set k 1}} {{watch k} {multi} {discard}} {{set k 3}}
            {{set k 1}} {{watch k} {multi} {exec}} {{set k 3}}
            {{set k 1}} {{watch k}} {{set k 2} {set k 1}}
            {{set k 1}} {{watch k}} {{expire k 0}}
        } { same_watch $before $watch $mid }
    }
}

foreach c [list $r $o $r2 $o2] { $c hello 2 }

test "a key that ends between WATCH and EXEC spoils, noticed or not; one that had ended before does not" {
    same_steps {2 {debug set-active-expire 0}}
    foreach pause {none noticed} {
        same_steps {2 flushall 2 {set k 1 px 400} 1 {watch k} 2 {debug sleep 0.45}}
        if {$pause eq "noticed"} { same_steps {2 {get k}} }
        same_steps {1 multi 1 {set done 1} 1 exec 2 {get done}}
    }
    same_steps {2 flushall 2 {set k 1 px 1} 2 {debug sleep 0.02} 1 {watch k} 2 {get k} 1 multi 1 {set done 1} 1 exec}
    same_steps {2 flushall 2 {set k 1 px 1} 2 {debug sleep 0.02} 1 {watch k} 2 flushall 1 multi 1 {set done 1} 1 exec}
    same_steps {2 flushall 2 {set k 1 px 1} 2 {debug sleep 0.02} 1 {watch k} 2 {set k 2} 1 multi 1 {set done 1} 1 exec}
    same_steps {2 flushall 2 {set k 1 px 1} 2 {select 1} 2 {set k 2 px 1} 2 {debug sleep 0.02} 2 {select 0} 1 {watch k}
        2 {swapdb 0 1} 1 multi 1 {set done 1} 1 exec}
    same_steps {2 {debug set-active-expire 1}}
}

test "CLIENT LIST shows what is queued and watched; INFO counts the watchers" {
    set w [client $srv]
    $w watch a b a
    assert_match "*watch=2 *" [$w client list]
    assert_equal 1 [info_field $r watching_clients clients]
    assert_equal 2 [info_field $r total_watched_keys clients]
    $r watch a
    assert_equal 2 [info_field $w watching_clients clients]
    assert_equal 2 [info_field $w total_watched_keys clients]
    $r unwatch
    assert_match "*multi=-1 *multi-mem=0 *" [$w client list id [$w client id]]
    $w multi
    $w set x [string repeat y 1000]
    set line [$r client list id [$r client id] id [expr {[$r client id]}]]
    foreach line [split [string trim [$r client list]] \n] {
        if {[string match "* multi=1 *" $line]} { set queued $line }
    }
    assert_match "* flags=x *watch=2*multi-mem=1*" $queued
    $r set a 1
    assert_equal 0 [info_field $r watching_clients clients]
    foreach line [split [string trim [$r client list]] \n] {
        if {[string match "* multi=1 *" $line]} { set queued $line }
    }
    assert_match "* flags=xd *watch=0*" $queued
    assert_equal (nil) [$w exec]
    assert_match "* flags=N *multi=-1 *" [$w client info]
}

test "commands and errors are counted once" {
    foreach c [list $r $o] {
        $c config resetstat
        $c -pipeline {{set a x} {multi} {incr a} {append a y} {incr a} {exec} {multi} {nosuch} {get} {exec} {exec} {multi} {save} {discard}}
    }
    foreach field {cmdstat_multi cmdstat_exec cmdstat_incr cmdstat_append cmdstat_get cmdstat_save cmdstat_discard} {
        foreach c [list $r $o] {
            regexp {calls=(\d+).*(rejected_calls.*)} [info_field $c $field commandstats] -> calls rest
            lappend ::stats($c) $field $calls $rest
        }
    }
    assert_equal $stats($o) $stats($r)
    foreach field {errorstat_ERR errorstat_EXECABORT} {
        assert_equal [info_field $o $field errorstats] [info_field $r $field errorstats] $field
    }
    assert_equal [info_field $o total_error_replies stats] [info_field $r total_error_replies stats]
    assert_equal [info_field $o total_commands_processed stats] [info_field $r total_commands_processed stats]
}

test "memory: what is queued counts when it is queued, EXEC as what it will run" {
    same_steps {
        1 multi 1 {get a} 2 {config set maxmemory 1} 1 {get a} 1 {set a 1} 1 exec 1 multi 1 {get a} 1 exec 1 multi 1 exec
        2 {config set maxmemory 0} 1 multi 1 {set a 1} 1 {get a} 2 {config set maxmemory 1} 1 exec 1 exec
        2 {config set maxmemory 0} 1 multi 1 {get a} 2 {config set maxmemory 1} 1 exec 1 exec 2 {config set maxmemory 0}
    }
}

test "a password: MULTI is refused, EXEC too, what was queued before stays" {
    same_steps {1 multi 1 {set a 1} 2 {config set requirepass secret} 1 {get a} 1 exec}
    foreach server [list $srv $oracle] place {ours theirs} {
        set c [client_connect 127.0.0.1 [server_port $server]]
        set $place [$c -pipeline {{multi} {exec} {set a 1} {nosuch} {auth secret} {multi} {auth bad} {auth secret} {get a} {exec}}]
    }
    assert_equal $theirs $ours
    same_steps {2 {config set requirepass ""}}
}

test "CLIENT REPLY and a client that closes itself inside a transaction: byte for byte" {
    foreach requests {
        {{multi} {client reply off} {set a 1} {exec} {get a} {client reply on} {get a} {quit}}
        {{multi} {client reply skip} {set a 1} {exec} {get a} {get a} {quit}}
        {{client reply off} {multi} {get a} {exec} {client reply on} {get a} {quit}}
        {{client reply off} {multi} {get a} {client reply on} {get a} {exec} {get a} {quit}}
        {{client reply skip} {multi} {get a} {client reply skip} {exec} {get a} {quit}}
        {{multi} {set a 1} {quit} {exec}}
        {{multi} {quit} {exec}}
    } {
        foreach server [list $srv $oracle] place {ours theirs} {
            set c [client $server]
            $c set a v
            foreach request $requests { $c -send {*}$request }
            set $place [$c -raw_rest]
        }
        assert_equal $theirs $ours $requests
    }
}

test "EXEC of a transaction that closes clients, its own too: all of it runs, each is destroyed after its turn" {
    foreach server [list $srv $oracle] place {ours theirs} {
        set victim [client $server]
        set watcher [client $server]
        set id [$victim client id]
        $watcher watch a
        $victim watch a
        $victim multi
        set c [client $server]
        set own [$c client id]
        foreach request [list multi {set a 1} [list client kill id $id] {set a 2} [list client kill id $own skipme no] \
            {set a 3} {get a} exec ping] { $c -send {*}$request }
        set $place [$c -raw_rest]
        assert [$victim -closed?]
        lappend $place [[client $server] get a]
        $watcher multi
        lappend $place [$watcher exec]
    }
    assert_equal $theirs $ours
}

test "a pause for writes holds what would be queued, and EXEC of what writes" {
    set c [client $srv]
    $c multi
    $c get a
    $c set a paused
    $r client pause 100000 write
    $c -send exec
    wait_for {[string match "*flags=xb*" [$r client list]]}
    $r client unpause
    assert_equal {3 OK} [lreplace [$c -read] 0 0 3]
    $c multi
    $r client pause 100000 write
    $c -send get a
    assert_equal QUEUED [$c -read]
    $c -send exec
    assert_equal paused [$c -read]
    $r client unpause
}

}

test "while loading EXEC runs only what may run then" {
    set loading [server_start -config {key-load-delay 5000}]
    set c [client $loading]
    set d [client $loading]
    set e [client $loading]
    set f [client $loading]
    $c debug populate 1000
    foreach request {multi {set a 1} ping} { $c {*}$request }
    foreach request {multi {client id} {client getname}} { $d {*}$request }
    $e watch key:1
    $f watch none
    [client $loading] -send debug reload
    set o [client $loading]
    wait_for {[info_field $o loading persistence] == 1}
    assert_error "EXECABORT Transaction discarded because of: LOADING *" {$c exec}
    assert_equal 2 [llength [$d exec]]
    $d multi
    assert_error "LOADING*" {$d get a}
    assert_error "EXECABORT Transaction discarded because of previous errors." {$d exec}
    $o config set key-load-delay 0
    wait_for {[info_field $o loading persistence] == 0}
    foreach w [list $e $f] { $w multi; $w ping }
    assert_equal (nil) [$e exec]
    assert_equal PONG [$f exec]
}
