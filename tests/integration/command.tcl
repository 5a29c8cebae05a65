# COMMAND: what the server says of its commands is what redis-server 7.0.15 says of the same ones. Texts are our own; names,
# numbers, flags, key specifications and argument trees are compared one by one.
source [file join [file dirname [info script]] harness harness.tcl]

# A typed reply as text, maps and sets by their kind.
proc plain_map {reply} {
    set d {}
    foreach {key value} [lindex $reply 1] { dict set d [lindex $key 1] $value }
    return $d
}
proc texts {reply} {
    set out {}
    foreach item [lindex $reply 1] { lappend out [lindex $item 1] }
    return $out
}
proc field {d key} { return [expr {[dict exists $d $key] ? [dict get $d $key] : ""}] }

# ---- what differs on purpose: command, what, why ----
set intended {
    {memory|malloc-stats flags} {runs while loading, as in Valkey 8.1}
    {memory|purge flags} {runs while loading, as in Valkey 8.1}
    {config|resetstat tips} {newer: the tips of 7.2}
    {config|rewrite tips} {newer: the tips of 7.2}
    {config|get args} {newer: the form of 7.2}
    {config|set args} {newer: the form of 7.2}
    {shutdown args} {newer: the names of 7.2}
    {bgsave args} {newer: the form of 8.1, with CANCEL}
    {wait flags} {newer: blocking, as in 7.2}
    {wait acl} {newer: blocking, as in 7.2}
    {getset replaced_by} {a slip in the peer's text}
    {blpop flags} {newer: allowed in scripts, as in 7.2}
    {brpop flags} {newer: allowed in scripts, as in 7.2}
    {blmove flags} {newer: allowed in scripts, as in 7.2}
    {brpoplpush flags} {newer: allowed in scripts, as in 7.2}
    {bzpopmin flags} {newer: allowed in scripts, as in 7.2}
    {bzpopmax flags} {newer: allowed in scripts, as in 7.2}
    {hmset doc_flags} {newer: no longer deprecated, as in Valkey 9}
    {hmset deprecated_since} {newer: no longer deprecated, as in Valkey 9}
    {hmset replaced_by} {newer: no longer deprecated, as in Valkey 9}
    {geosearch args} {newer: BYPOLYGON, as in Valkey 9}
    {geosearchstore args} {newer: BYPOLYGON, as in Valkey 9}
    {zrank arity} {newer: WITHSCORE, as in 7.2}
    {zrevrank arity} {newer: WITHSCORE, as in 7.2}
}
set differences {}
proc differ {command what peer ours} {
    if {[dict exists $::intended [list $command $what]] || $peer eq $ours} { return }
    lappend ::differences "$command: $what: redis-server has '$peer', we have '$ours'"
}

# ---- INFO ----
# A key specification without its notes, which are prose.
proc bare_spec {spec} {
    set d [plain_map $spec]
    dict unset d notes
    return $d
}
proc compare_info {command peer ours} {
    foreach what {name arity flags first last step acl tips specs} i {0 1 2 3 4 5 6 7 8} {
        set a [lindex $peer 1 $i]
        set b [lindex $ours 1 $i]
        if {$what eq "specs"} {
            set a [lmap spec [lindex $a 1] { bare_spec $spec }]
            set b [lmap spec [lindex $b 1] { bare_spec $spec }]
        }
        differ $command $what $a $b
    }
}

# ---- DOCS ----
proc argument_key {argument} {
    set d [plain_map $argument]
    return [list [lindex [field $d name] 1] [lindex [field $d token] 1]]
}
# What the peer has must be there, equal and in its order; what is more must say since when, after 7.0.
proc compare_arguments {command peer ours} {
    set rest $ours
    foreach argument $peer {
        set key [argument_key $argument]
        while {$rest ne {} && [argument_key [lindex $rest 0]] ne $key} {
            set rest [lassign $rest extra]
            set since [lindex [field [plain_map $extra] since] 1]
            if {$since eq "" || [package vcompare $since 7.1] < 0} { differ $command args "no [argument_key $extra]" "since '$since'" }
        }
        if {$rest eq {}} { differ $command args $key "not there"; return }
        set rest [lassign $rest same]
        set a [plain_map $argument]
        set b [plain_map $same]
        set nested_a [lindex [field $a arguments] 1]
        set nested_b [lindex [field $b arguments] 1]
        dict unset a arguments
        dict unset b arguments
        differ $command args $a $b
        compare_arguments $command $nested_a $nested_b
    }
}
proc compare_docs {command peer ours} {
    set a [plain_map $peer]
    set b [plain_map $ours]
    foreach what {since group doc_flags deprecated_since replaced_by} { differ $command $what [field $a $what] [field $b $what] }
    foreach what {summary complexity} { differ $command "has $what" [dict exists $a $what] [dict exists $b $what] }
    set history_a [lmap line [lindex [field $a history] 1] { lindex $line 1 0 1 }]
    set history_b [lmap line [lindex [field $b history] 1] { lindex $line 1 0 1 }]
    differ $command history $history_a [lrange $history_b 0 [llength $history_a]-1]
    compare_arguments $command [lindex [field $a arguments] 1] [lindex [field $b arguments] 1]
}

if {![file executable $harness::oracle]} {
    test "COMMAND compared with redis-server" { skip "no $harness::oracle" }
    exit 0
}
set server [server_start]
set peer_server [oracle_start]
set r [client $server]
set peer [client $peer_server]

foreach resp {2 3} {
    test "COMMAND INFO says of every command what redis-server says, in RESP$resp" {
        $r hello $resp
        $peer hello $resp
        set ::differences {}
        set known [$peer command list]
        set compared 0
        foreach command [$r command list] {
            if {$command ni $known} { continue }
            incr compared
            set a [lindex [$peer -typed command info $command] 1 0]
            set b [lindex [$r -typed command info $command] 1 0]
            if {$resp == 2} { # the same forms, down to the null and the flat maps
                compare_info $command [list array [lindex $a 1]] [list array [lindex $b 1]]
            } else {
                compare_info $command $a $b
            }
        }
        assert_equal "" [join $::differences \n]
        assert_range $compared 60 400
    }
}

test "COMMAND DOCS documents every command as redis-server does" {
    $r hello 3
    $peer hello 3
    set ::differences {}
    set known [$peer command list]
    foreach command [$r command list] {
        set ours [lindex [$r -typed command docs $command] 1]
        assert_equal $command [lindex $ours 0 1]
        set docs [plain_map [lindex $ours 1]]
        assert {[string length [lindex [field $docs summary] 1]] > 3} $command
        if {$command in $known} {
            compare_docs $command [lindex [$peer -typed command docs $command] 1 1] [lindex $ours 1]
        } else {
            assert {[package vcompare [lindex [field $docs since] 1] 7.1] > 0} "$command is not in 7.0"
        }
    }
    assert_equal "" [join $::differences \n]
}

test "containers have all subcommands that redis-server has" {
    $r hello 2
    $peer hello 2
    set ours [$r command list]
    foreach command [$peer command list] {
        lassign [split $command |] container sub
        if {$sub eq "" || $container ni $ours} { continue }
        assert {$command in $ours} $command
    }
}

test "COMMAND alone, COUNT, LIST and INFO agree with each other" {
    $r hello 2
    set names [lmap info [$r command] { lindex $info 0 }]
    assert_equal [llength $names] [$r command count]
    assert_equal $names [lmap info [$r command info] { lindex $info 0 }]
    assert_equal [llength $names] [expr {[llength [$r command docs]] / 2}]
    set listed [$r command list]
    foreach name $names { assert {$name in $listed} $name }
    foreach name $listed { assert_equal $name [lindex [$r command info $name] 0 0] }
}

test "LIST filters" {
    $r hello 2
    assert_equal {} [$r command list filterby module any]
    assert_equal {} [$r command list filterby aclcat nosuch]
    foreach name [$r command list filterby aclcat string] {
        assert {"@string" in [lindex [$r command info $name] 0 6]} $name
    }
    assert_equal {config config|get config|help config|resetstat config|rewrite config|set} \
        [lsort [$r command list filterby pattern CONFIG*]]
    assert_error "ERR syntax error" {$r command list filterby}
    assert_error "ERR syntax error" {$r command list filterby pattern a b}
}

# Requests whose replies must be the same, byte for byte.
set alike {
    {command info nosuch get config|nosuch ping|x}
    {command docs nosuch}
    {command list filterby foo bar}
    {command list foo}
    {command nosuch}
    {command count x}
    {command getkeys}
    {command getkeys get}
    {command getkeys get a}
    {command getkeys get a b}
    {command getkeys ping a}
    {command getkeys nosuch a}
    {command getkeys config nosuch}
    {command getkeys config get}
    {command getkeys config get x}
    {command getkeys mset a 1 b 2}
    {command getkeys mset a 1 b}
    {command getkeys lcs a b}
    {command getkeys memory usage a}
    {command getkeys memory usage}
    {command getkeysandflags get a}
    {command getkeysandflags set a b}
    {command getkeysandflags set a b get}
    {command getkeysandflags getex a}
    {command getkeysandflags copy a b db 1}
    {command getkeysandflags rename a b}
    {command getkeysandflags restore a 0 x}
    {command getkeys object encoding a}
    {command getkeys object freq}
    {command getkeys del a b c}
    {command getkeys swapdb 0 1}
}
foreach resp {2 3} {
    test "the same replies and errors as redis-server, in RESP$resp" {
        $r hello $resp
        $peer hello $resp
        foreach request $alike { assert_equal [$peer -typed {*}$request] [$r -typed {*}$request] "to '$request'" }
    }
}

# COMMAND goes on calling it by its own name, as redis-server does.
test "a renamed command answers to its new name only" {
    set other [server_start -via file -config {rename-command {ECHO SAY}}]
    set c [client $other]
    assert_equal hi [$c say hi]
    assert_error "ERR unknown command 'echo'*" {$c echo hi}
    assert_equal echo [lindex [$c command info say] 0 0]
    assert_equal {array {{null bulk}}} [$c -typed command info echo]
}

test "the servers leave cleanly" {
    foreach srv [list $server $peer_server] { assert_equal "" [server_discard $srv] }
}
