# XDELEX, XACKDEL, and trimming with KEEPREF, DELREF and ACKED: entries that go while groups may still need them. redis-server 7.0
# has none of it.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support effects.tcl]

set srv [server_start]
set r [client $srv]

# Entries 1-0 to 6-0. Group g has been given all and has acknowledged 1-0; h has been given 1-0 to 3-0 and has acknowledged 1-0 and 2-0.
proc six {key} {
    $::r del $key
    for {set i 1} {$i <= 6} {incr i} { $::r xadd $key $i-0 f $i }
    $::r xgroup create $key g 0
    $::r xgroup create $key h 0
    $::r xreadgroup group g c streams $key >
    $::r xreadgroup group h d count 3 streams $key >
    $::r xack $key g 1-0
    $::r xack $key h 1-0 2-0
}
proc ids {key} { return [lmap entry [$::r xrange $key - +] { lindex [split [lindex $entry 0] -] 0 }] }
proc pending {key group} { return [lmap row [$::r xpending $key $group - + 1000] { lindex [split [lindex $row 0] -] 0 }] }
proc state {key} { return [list [ids $key] [pending $key g] [pending $key h]] }

test "XDELEX" {
    six x
    assert_equal {{1 2 3 4 5 6} {2 3 4 5 6} 3} [state x]
    assert_equal {1 2 2 2 -1} [$r xdelex x acked ids 5 1-0 2-0 3-0 6-0 9-0]
    assert_equal {{2 3 4 5 6} {2 3 4 5 6} 3} [state x]
    assert_equal {1 -1} [$r xdelex x DelRef ids 2 3 3]
    assert_equal {{2 4 5 6} {2 4 5 6} {}} [state x]
    assert_equal {1 1 -1 -1} [$r xdelex x IDS 4 2-0 4-0 3-0 4-0]
    assert_equal {{5 6} {2 4 5 6} {}} [state x]
    # Of an entry that is gone something may still be pending: then it is needed; DELREF removes that too.
    assert_equal {2 -1} [$r xdelex x acked ids 2 2-0 1-0]
    assert_equal {-1 -1} [$r xdelex x delref ids 2 2-0 1-0]
    assert_equal {{5 6} {4 5 6} {}} [state x]
    assert_equal 1 [$r xdelex x ids 1 5-0 keepref]
    assert_equal 1 [$r xdelex x ids 1 6-0 delref]
    assert_equal {{} {4 5} {}} [state x]
    assert_equal 6-0 [dict get [$r xinfo stream x] max-deleted-entry-id]
    $r del x
    $r xadd x 1-0 a 1
    assert_equal 1 [$r xdelex x acked ids 1 1-0]
    assert_equal {stream 0} [list [$r type x] [$r xlen x]]
    assert_equal {-1 -1} [$r xdelex none ids 2 1 2]
    assert_equal 0 [$r exists none]
}

test "XACKDEL" {
    six x
    assert_equal {-1 1 1} [$r xackdel x g ids 3 1-0 2-0 3-0]
    assert_equal {{1 4 5 6} {4 5 6} 3} [state x]
    # What has been deleted before is only acknowledged; 4-0 is not yet given to h.
    assert_equal {1 2 -1} [list {*}[$r xackdel x h acked ids 1 3-0] {*}[$r xackdel x g acked ids 2 4-0 4-0]]
    assert_equal {{1 4 5 6} {5 6} {}} [state x]
    $r xreadgroup group h d streams x >
    assert_equal {1 2} [$r xackdel x h acked ids 2 4-0 5-0]
    assert_equal {{1 5 6} {5 6} 6} [state x]
    assert_equal 1 [$r xackdel x h delref ids 1 6-0]
    assert_equal {{1 5} 5 {}} [state x]
    assert_equal 1 [$r xackdel x g ids 1 5-0 acked]
    assert_equal {1 {} {}} [state x]
    # A group that is not there has nothing pending.
    assert_equal {-1 -1} [$r xackdel x none ids 2 1-0 1-0]
    assert_equal {-1 -1} [$r xackdel none g ids 2 1-0 1-0]
    # Another group's dangling one makes it needed.
    six y
    $r xdel y 3-0
    assert_equal {2 1} [list {*}[$r xackdel y g acked ids 1 3-0] {*}[$r xackdel y h acked ids 1 3-0]]
    assert_equal {{1 2 4 5 6} {2 4 5 6} {}} [state y]
}

test "what is refused" {
    six x
    $r set s text
    foreach {request error} {
        {xdelex s ids 1 1-0} WRONGTYPE* {xackdel s g ids 1 1-0} WRONGTYPE* {xdelex x ids 1} {ERR wrong number of arguments*}
        {xackdel x g ids 1} {ERR wrong number of arguments*} {xackdel x g ids 1-0 1} {ERR Number of IDs must be a positive integer}
        {xdelex x ids 0 1-0} {ERR Number of IDs must be a positive integer} {xdelex x ids -1 1-0} {ERR Number of IDs must be a positive integer}
        {xdelex x ids x 1-0} {ERR Number of IDs must be a positive integer}
        {xdelex x ids 99999999999999999999 1-0} {ERR Number of IDs must be a positive integer}
        {xdelex x ids 3 1-0 2-0} {ERR The `numids` parameter must match the number of arguments}
        {xdelex x ids 9223372036854775807 1-0 2-0} {ERR The `numids` parameter must match the number of arguments}
        {xdelex x ids 1 1-0 2-0} {ERR syntax error} {xdelex x keepref acked ids 1 1-0} {ERR syntax error} {xdelex x acked ids 1 1-0 acked} {ERR syntax error}
        {xdelex x ids 1 1-0 ids 1 2-0} {ERR syntax error} {xdelex x 1-0 2-0 3-0} {ERR syntax error} {xdelex x acked 1 1-0} {ERR syntax error}
        {xdelex x ids 2 1-0 x} {ERR Invalid stream ID specified as stream command argument} {xdelex x ids 2 1-0 -} {ERR Invalid stream ID*}
        {xackdel x g ids 2 2-0 acked} {ERR Invalid stream ID*} {xackdel x g ids 2 2-0 3} {} {xdelex none ids 1 x} {ERR Invalid stream ID*}
        {xtrim x maxlen 1 acked delref} {ERR syntax error} {xtrim x acked} {ERR wrong number*} {xtrim x acked maxlen} {ERR syntax error}
        {xadd x acked delref 99-0 a 1} {ERR Invalid stream ID*} {xadd x acked 99-0 a} {ERR wrong number*}
    } {
        set before [state x]
        if {$error eq ""} { assert_equal {1 1} [$r {*}$request] } else { assert_error $error { $r {*}$request }; assert_equal $before [state x] $request }
    }
}

test "XTRIM and XADD with KEEPREF, DELREF, ACKED" {
    six x
    assert_equal 1 [$r xtrim x maxlen 1 acked]
    assert_equal {{2 3 4 5 6} {2 3 4 5 6} 3} [state x]
    assert_equal 0 [$r xtrim x minid 100 acked]
    $r xack x g 2-0 4-0 5-0
    assert_equal 1 [$r xtrim x maxlen 0 acked]
    assert_equal {{3 4 5 6} {3 6} 3} [state x]
    $r xreadgroup group h d streams x >
    $r xack x h 4-0 5-0
    # Those that stay do not count, unless the length is reached.
    assert_equal 1 [$r xtrim x maxlen = 3 acked]
    assert_equal {{3 5 6} {3 6} {3 6}} [state x]
    assert_equal 4-0 [dict get [$r xinfo stream x] max-deleted-entry-id]
    assert_equal 7-0 [$r xadd x acked maxlen = 1 7-0 f 7]
    assert_equal {{3 6 7} {3 6} {3 6}} [state x]
    assert_equal 8-0 [$r xadd x maxlen 2 delref 8-0 f 8]
    assert_equal {{7 8} {} {}} [state x]
    $r xreadgroup group g c streams x >
    assert_equal 9-0 [$r xadd x keepref minid 8-0 9-0 f 9]
    assert_equal {{8 9} {7 8} {}} [state x]
    # What a deleted entry left pending goes with those around it.
    assert_equal 10-0 [$r xadd x delref 10-0 f 10]
    $r xreadgroup group g c streams x >
    $r xdel x 9-0
    assert_equal 2 [$r xtrim x maxlen 0 delref]
    assert_equal {{} 7 {}} [state x]
    # Without groups they are as nothing.
    $r del x
    for {set i 1} {$i <= 6} {incr i} { $r xadd x $i-0 f $i }
    assert_equal {2 2} [list [$r xtrim x maxlen 4 acked] [$r xtrim x minid 5 delref]]
    assert_equal {5 6} [ids x]
}

test "nodes go nearly, but none that a group needs" {
    $r config set stream-node-max-entries 4
    $r del x
    for {set i 1} {$i <= 40} {incr i} { $r xadd x $i-0 f $i }
    $r xgroup create x g 0
    $r xgroup create x h 0
    $r xreadgroup group g c count 30 streams x >
    $r xreadgroup group h c noack count 30 streams x >
    $r xack x g {*}[lmap i {1 2 3 4 6 13 14 15 16 17 21 22 23 24 25 26 27 28 29 30} { set id $i-0 }]
    assert_equal {4 1} [list [$r xtrim x minid ~ 8-0 acked] [$r xtrim x minid ~ 9-0 acked]]
    # Those of a node that may go do, whatever stays before them.
    assert_equal {4 0} [list [$r xtrim x maxlen ~ 31 acked limit 4] [$r xtrim x maxlen ~ 28 acked]]
    assert_equal {5 4 2 0} [lmap i {1 2 3 4} { $r xtrim x maxlen ~ 1 acked limit 5 }]
    assert_equal {5 7 8 9 10 11 12 18 19 20 31 32 33 34 35 36 37 38 39 40} [ids x]
    assert_equal {0 0} [list [$r xtrim x maxlen ~ 0 acked] [$r xtrim x maxlen 0 acked]]
    assert_equal {10 10} [list [$r xtrim x maxlen ~ 10 delref] [$r xtrim x maxlen 0 delref]]
    assert_equal {{} {}} [list [ids x] [pending x g]]
    $r config set stream-node-max-entries 100
}

test "events, changes, WATCH" {
    set l [client $srv]
    $l -typed psubscribe __key*
    $r config set notify-keyspace-events KEA
    six x
    set deleted {{__keyspace@0__:x xdel} {__keyevent@0__:xdel x}}
    set trimmed {{__keyspace@0__:x xtrim} {__keyevent@0__:xtrim x}}
    events_of $r $l {}
    foreach {request events changes} [list {xdelex x ids 2 1-0 2-0} $deleted 2 {xdelex x ids 1 1-0} {} 0 {xdelex x acked ids 1 3-0} {} 0 \
        {xdelex x delref ids 1 2-0} {} 1 {xdelex x delref ids 1 3-0} $deleted 3 {xackdel x g acked ids 1 4-0} {} 1 {xackdel x g ids 1 5-0} $deleted 2 \
        {xackdel x g ids 1 5-0} {} 0 {xtrim x maxlen 0 acked} {} 0 {xtrim x maxlen 1 delref} $trimmed 1] {
        set before [info_field $r rdb_changes_since_last_save persistence]
        set other [client $srv]
        $other watch x
        assert_equal $events [events_of $r $l [list $request]] $request
        assert_equal $changes [expr {[info_field $r rdb_changes_since_last_save persistence] - $before}] $request
        $other multi
        $other ping
        assert_equal [expr {$events eq "" ? "PONG" : "(nil)"}] [$other exec] $request
        $other -close
    }
    $r config set notify-keyspace-events ""
}

test "their rows" {
    foreach {name arity request} {xdelex -5 {xdelex k acked ids 1 1-0} xackdel -6 {xackdel k g ids 1 1-0}} {
        assert_equal [list $name $arity {write fast} 1 1 1 {@write @stream @fast}] [lrange [lindex [$r command info $name] 0] 0 6]
        assert_equal k [$r command getkeys {*}$request]
        assert_equal {k {RW update}} [lindex [$r command getkeysandflags {*}$request] 0]
    }
}

# A random life of a stream with groups, which the file must bring back: what goes with ACKED depends on all that was before.
test "an append-only file brings back what went" {
    set file [server_start -config {appendonly yes appendfsync no auto-aof-rewrite-percentage 0 stream-node-max-entries 5}]
    set r [client $file]
    harness::seed
    foreach group {g h} { $r xgroup create x $group 0 mkstream }
    proc below {n} { return [expr {int(rand() * $n)}] }
    set last 0
    for {set i 0} {$i < 3000} {incr i} {
        set refs [lindex {keepref delref acked acked} [below 4]]
        set group [lindex {g h} [below 2]]
        set id [expr {$last - [below 60]}]
        if {$id < 1} { set id 1 }
        switch [below 12] {
            0 { $r xtrim x maxlen [lindex {= ~} [below 2]] [expr {20 + [below 60]}] $refs }
            1 { $r xadd x maxlen [lindex {= ~} [below 2]] [expr {20 + [below 60]}] $refs [incr last]-0 f $last }
            2 { $r xtrim x minid [lindex {= ~} [below 2]] $id $refs }
            3 { $r xdelex x $refs ids 2 $id-0 [expr {$id + 3}]-0 }
            4 { $r xackdel x $group $refs ids 3 $id-0 [expr {$id + 1}]-0 [expr {$id + 2}]-0 }
            5 - 6 { $r xreadgroup group $group c[below 3] count [below 20] streams x > }
            7 { $r xack x $group {*}[lmap n {0 1 2 3 4 5 6} { set at [expr {$id + $n}]-0 }] }
            default { $r xadd x [incr last]-0 f $last }
        }
    }
    proc known {c} { return [list [$c xrange x - +] [lmap g {g h} { lmap row [$c xpending x $g - + 10000] { lreplace $row 2 2 } }] [$c xinfo groups x] \
        [dict remove [$c xinfo stream x] radix-tree-keys radix-tree-nodes]] }
    set before [known $r]
    assert {[dict get [$r xinfo stream x] entries-added] > 600 && [$r xlen x] < 500}
    # With other nodes than it was written with.
    server_kill $file
    server_restart $file -config {stream-node-max-entries 3}
    set r [client $file]
    foreach a $before b [known $r] { assert_equal $a $b }
    $r bgrewriteaof
    wait_for {[info_field $r aof_rewrite_in_progress persistence] == 0 && [info_field $r aof_rewrite_scheduled persistence] == 0}
    server_restart $file
    set r [client $file]
    foreach a $before b [known $r] { assert_equal $a $b }
}
