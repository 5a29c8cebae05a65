# Publish and subscribe: beside redis-server in both protocols, and what happens to those who listen.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

with_both {

foreach protocol {2 3} {
    test "RESP$protocol: every confirmation and refusal as redis-server, byte for byte" {
        foreach requests {
            {{subscribe} {subscribe a b a} {psubscribe a* b*} {ssubscribe a} {ping} {ping x} {ping x y}
             {nosuch} {get} {unsubscribe a} {unsubscribe} {punsubscribe x y a*} {punsubscribe} {sunsubscribe a} {quit}}
            {{subscribe a} {get x} {config get nosuch} {client getname} {multi} {exec} {discard} {watch a} {unwatch}
             {auth x} {select 1} {publish a b} {pubsub channels} {reset} {get x} {quit}}
            {{unsubscribe} {unsubscribe x} {punsubscribe} {punsubscribe x} {sunsubscribe} {sunsubscribe x} {get x} {quit}}
            {{multi} {subscribe a} {publish a hi} {ping} {get x} {publish a again} {exec} {get x} {ping} {unsubscribe} {quit}}
            {{multi} {unsubscribe} {psubscribe a*} {punsubscribe} {publish ab x} {exec} {get x} {quit}}
            {{ssubscribe a} {get x} {spublish a x} {publish a x} {sunsubscribe} {get x} {spublish a x} {quit}}
            {{subscribe a} {psubscribe a*} {ssubscribe a} {publish a hi} {reset} {publish a x} {quit}}
            {{psubscribe *} {client reply off} {ping} {publish a x} {client reply on} {quit}}
            {{client reply off} {subscribe a} {publish a x} {ping} {unsubscribe} {client reply on} {ping} {quit}}
            {{client reply skip} {subscribe a} {unsubscribe} {get x} {quit}}
            {{pubsub} {pubsub nosuch} {pubsub channels a b} {pubsub shardchannels a b} {pubsub numpat x} {publish a}
             {publish a b c} {spublish a} {pubsub numsub} {pubsub numsub a b a} {pubsub shardnumsub a} {pubsub numpat} {quit}}
            {{subscribe {}} {publish {} {}} {unsubscribe {}} {quit}}
        } {
            foreach {server place} [list $srv ours $oracle theirs] {
                set c [client $server]
                $c hello $protocol
                foreach request $requests { $c -send {*}$request }
                set $place [$c -raw_rest]
            }
            assert_equal $theirs $ours $requests
        }
    }
}

foreach protocol {2 3} {
    test "RESP$protocol: messages reach channels, patterns and shards in order; PUBLISH counts them" {
        foreach {server place} [list $srv ours $oracle theirs] {
            set a [client $server]
            set b [client $server]
            set p [client $server]
            $a hello $protocol
            $a -send subscribe news other
            $a -send psubscribe n*
            $b -send ssubscribe news
            wait_for {[$p pubsub numsub news other] eq {news 1 other 1} && [$p pubsub numpat] == 1}
            wait_for {[$p pubsub shardnumsub news] eq {news 1}}
            set $place [$p -pipeline {{publish news one} {publish nope two} {publish other three} {publish none x}
                {spublish news shard} {spublish x x} {pubsub channels} {pubsub channels n*} {pubsub shardchannels}
                {pubsub shardchannels x*} {publish news ""} {multi} {publish news 1} {publish news 2} {exec}}]
            $a -send quit
            $b -send quit
            lappend $place [$a -raw_rest] [$b -raw_rest]
        }
        foreach list {ours theirs} { set $list [string map {news NEWS} [set $list]] }
        # PUBSUB CHANNELS lists in no promised order.
        assert_equal [lsort [lindex $theirs 6 1]] [lsort [lindex $ours 6 1]]
        assert_equal [lreplace $theirs 6 6] [lreplace $ours 6 6]
    }
}

test "CLIENT LIST and KILL know who is subscribed; INFO counts" {
    set s [client $srv]
    set t [client $srv]
    $t hello 3
    $s -typed subscribe a
    $t -send ssubscribe b
    $t -push
    assert_equal 2 [info_field $r pubsub_clients clients]
    assert_equal {1 0 1} [list [info_field $r pubsub_channels stats] [info_field $r pubsub_patterns stats] \
        [info_field $r pubsubshard_channels stats]]
    set lines [split [string trim [$r client list type pubsub]] \n]
    assert_equal 2 [llength $lines]
    assert_match "* flags=P *sub=1 psub=0 ssub=0*" [lindex $lines 0]
    assert_match "* flags=P *sub=0 psub=0 ssub=1*" [lindex $lines 1]
    foreach line [split [string trim [$r client list type normal]] \n] { assert_no_match "*flags=P*" $line }
    assert_equal 2 [$r client kill type pubsub]
    assert [$s -closed?]
    assert [$t -closed?]
    wait_for {[info_field $r pubsub_clients clients] == 0}
    assert_equal 0 [info_field $r pubsub_channels stats]
    assert_equal 0 [$r publish a x]
}

test "a subscriber that does not read is closed by the pubsub limit, the others get everything" {
    $r config set client-output-buffer-limit "pubsub 4mb 0 0"
    set lazy [client $srv]
    set eager [client $srv]
    $lazy -send subscribe c
    $eager -typed subscribe c
    wait_for {[$r pubsub numsub c] eq {c 2}}
    set closed [info_field $r client_output_buffer_limit_disconnections stats]
    set text [string repeat x 400000]
    for {set i 0} {$i < 60} {incr i} {
        $r publish c $text
        assert_equal $text [lindex [$eager -read] 2]
    }
    assert_equal 1 [expr {[info_field $r client_output_buffer_limit_disconnections stats] - $closed}]
    assert_equal {c 1} [$r pubsub numsub c]
    assert {[info_field $r used_memory memory] < 60000000}
}

test "one client with thousands of patterns cannot make a message outgrow its limit" {
    $r config set client-output-buffer-limit "pubsub 4mb 0 0"
    set greedy [client $srv]
    set request [list psubscribe]
    for {set i 0} {$i < 5000} {incr i} { lappend request "*[string repeat ? [expr {$i % 100}]]*$i*" c* }
    for {set i 0} {$i < 5000} {incr i} { lappend request "[string repeat * [expr {$i + 1}]]" }
    $greedy -send {*}[lrange $request 0 2000]
    $greedy -send {*}[concat psubscribe [lrange $request 10001 12000]]
    wait_for {[$r pubsub numpat] > 2000}
    set peak [info_field $r used_memory memory]
    set publisher [client $srv]
    $publisher publish c [string repeat x 100000]
    wait_for {[$r pubsub numpat] == 0}
    assert {[info_field $r used_memory_peak memory] < $peak + 100000000}
}

test "subscribers that are killed by the transaction that publishes to them" {
    set s [client $srv]
    set id [$s client id]
    $s -typed subscribe c
    set t [client $srv]
    $t -typed subscribe c
    set p [client $srv]
    $p multi
    $p publish c 1
    $p client kill id $id
    $p publish c 2
    $p exec
    assert_equal 1 [lindex [$t -read] 2]
    assert_equal 2 [lindex [$t -read] 2]
    assert [$s -closed?]
}

}
