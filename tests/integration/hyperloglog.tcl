# The HyperLogLog commands, beside redis-server: replies, and the values byte for byte.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

proc sparse_header {{cached "\0\0\0\0\0\0\0\x80"}} { return "HYLL\1\0\0\0$cached" }

# Values as GET shows them; said by length alone where they differ, as they are long.
proc same_values {keys} {
    foreach key $keys {
        set ours [$::r get $key]
        set theirs [$::o get $key]
        assert {$ours eq $theirs} "$key: [string length $theirs] and [string length $ours] bytes"
    }
}

proc changes {client} { return [info_field $client rdb_changes_since_last_save persistence] }

with_both {

test "PFADD and PFCOUNT" {
    fresh
    same_state {h} {
        {pfadd h} {pfadd h} {pfcount h} {pfadd h a b c} {pfadd h a b c} {pfcount h} {pfcount h} {pfadd h d} {pfadd h ""} {pfadd h "" ""}
        {pfcount h} {pfcount absent} {pfcount absent absent} {pfcount h absent h} {pfadd} {pfcount} {expire h 100} {pfadd h e} {pfcount h}
    }
}

test "values grow as redis-server's do, element by element" {
    fresh
    for {set i 0} {$i < 400} {incr i} {
        same [list [list pfadd h $i] {get h}]
    }
    same {{pfcount h} {pfdebug decode h} {pfdebug encoding h} {dump h}}
}

test "counts on the way to ten thousand" {
    fresh
    set at 0
    foreach upto {10 50 200 700 1500 2000 2500 3000 5000 10000} {
        while {$at < $upto} {
            set elements {}
            for {set i 0} {$i < 500 && $at < $upto} {incr i} { lappend elements element:[incr at] }
            same [list [list pfadd h {*}$elements]]
        }
        same {{pfcount h} {pfdebug encoding h} {strlen h}}
        same_values h
    }
    assert_range [$r pfcount h] 9700 10300
}

test "hll-sparse-max-bytes decides when a value turns dense" {
    foreach limit {0 18 19 100 500 3000 16000} {
        fresh
        same [list [list config set hll-sparse-max-bytes $limit] {config get hll-sparse-max-bytes}]
        for {set i 0} {$i < 60} {incr i} {
            set elements {}
            for {set k 0} {$k < 40} {incr k} { lappend elements [expr {$i * 40 + $k}] }
            same [list [list pfadd h {*}$elements] {pfdebug encoding h} {strlen h}]
        }
        same_values h
        same {{pfcount h} {pfmerge m h} {pfdebug encoding m}}
        same_values {h m}
    }
    same {{config set hll-sparse-max-bytes 1kb} {config get hll-sparse-max-bytes} {config set hll-sparse-max-bytes -1}
        {config set hll-sparse-max-bytes 3000}}
}

test "PFMERGE and counts of several" {
    fresh
    foreach {key from to} {a 0 100 b 50 150 c 1000 4000 d 0 9000} {
        for {set i $from} {$i < $to} {incr i 500} {
            set elements {}
            for {set k $i} {$k < $i + 500 && $k < $to} {incr k} { lappend elements $k }
            same [list [list pfadd $key {*}$elements]]
        }
    }
    same {{pfcount a b} {pfcount a b c} {pfcount a d} {pfcount a absent} {pfmerge m a b} {pfcount m} {get m} {pfmerge m absent} {get m}
        {pfmerge n} {get n} {object encoding n} {pfmerge n a} {get n} {pfmerge a c} {pfcount a} {pfdebug encoding a} {pfmerge b d}
        {pfcount b} {pfdebug encoding b} {pfmerge o a b c d absent} {pfcount o} {pfmerge}}
    same_values {a b c d m n o}
}

test "values travel by GET and SET, DUMP and RESTORE" {
    fresh
    set elements {}
    for {set i 0} {$i < 5000} {incr i} { lappend elements x$i }
    same [list [list pfadd dense {*}$elements] {pfadd sparse a b c} {pfcount dense} {pfcount sparse}]
    foreach key {dense sparse} {
        $r set copy:$key [$o get $key]
        $o set copy:$key [$r get $key]
        $r restore dump:$key 0 [$o dump $key]
        $o restore dump:$key 0 [$r dump $key]
        same [list [list pfcount copy:$key] [list pfcount dump:$key] [list pfadd copy:$key y z] [list pfcount copy:$key]]
    }
    same_values {copy:dense copy:sparse dump:dense dump:sparse}
}

test "PFDEBUG" {
    fresh
    same {{pfadd h a b c d e} {pfdebug encoding h} {pfdebug decode h} {pfdebug ENCODING h} {pfdebug getreg h} {pfdebug encoding h}
        {pfdebug decode h} {pfdebug todense h} {pfadd i a} {pfdebug todense i} {pfdebug todense i} {pfdebug foo i} {pfdebug encoding absent}
        {pfdebug foo absent} {pfdebug encoding} {pfdebug} {pfdebug encoding i x} {set s x} {pfdebug encoding s} {pfcount h i}}
    same_values {h i}
}

test "PFSELFTEST" {
    assert_equal OK [$r pfselftest]
    assert_error "ERR wrong number of arguments*" {$r pfselftest x}
}

test "strings that are no HyperLogLogs" {
    fresh
    set dense [string repeat \0 12288]
    foreach value [list "" 12 "HYLL" "hyll\1\0\0\0\0\0\0\0\0\0\0\0\x7f\xff" "HYLL\1\0\0\0\0\0\0\0\0\0\0" "HYLL\2\0\0\0\0\0\0\0\0\0\0\0\x7f\xff" \
        "HYLL\0\0\0\0\0\0\0\0\0\0\0\0" "HYLL\0\0\0\0\0\0\0\0\0\0\0\0[string range $dense 1 end]" \
        "HYLL\0\0\0\0\0\0\0\0\0\0\0\0${dense}x"] {
        same [list [list set k $value] {pfadd h a} {pfadd k a} {pfadd k} {pfcount k} {pfcount h k} {pfcount k h} {pfmerge k h} \
            {pfmerge h k} {pfdebug encoding k} {get k} {object encoding k} {pfcount h}]
    }
}

test "values that are corrupt inside" {
    fresh
    same {{pfadd h a b c}}
    foreach runs [list "" "\x00" "\x7f\xfe" "\x7f\xff\x00" "\x40\x10\x80" "\x80\x80\x80" "\x7f\xf0\xff\xff\xff"] {
        set value [sparse_header]$runs
        foreach request {{pfadd k a} {pfadd k} {pfcount k} {pfcount h k} {pfmerge m k} {pfmerge k h} {pfdebug getreg k} {pfdebug todense k}
            {pfdebug decode k} {pfdebug encoding k}} {
            same [list [list set k $value] $request {get k} {object encoding k} {exists m}]
        }
    }
}

test "a corrupt value stays as it was, with all its elements refused" {
    fresh
    $r set k [set value [sparse_header]\x40\x00]
    set elements {}
    for {set i 0} {$i < 100} {incr i} { lappend elements $i }
    assert_error "INVALIDOBJ Corrupted HLL object detected" {$r pfadd k {*}$elements}
    assert {[$r get k] eq $value}
    $r set k [set value [sparse_header]\x7f]
    foreach request {{pfcount k} {pfadd k a} {pfdebug decode k} {pfmerge m k}} {
        assert_error "INVALIDOBJ Corrupted HLL object detected" {$r {*}$request}
    }
    assert {[$r get k] eq $value}
}

test "runs that nobody makes but that add up are read and split as in redis-server" {
    fresh
    foreach runs [list "\x00\x00\x7f\xfd" "[string repeat \x40\x00 16]\x7f\xef" "[string repeat \x80 40]\x7f\xd7" "\x83\x83\x83\x7f\xf3" \
        "\x7f\x00[string repeat \x3f 3]\x3e"] {
        set requests [list [list set k [sparse_header]$runs] {pfcount k} {pfdebug decode k}]
        for {set i 0} {$i < 60} {incr i} { lappend requests [list pfadd k $i] {get k} }
        same $requests
        same {{pfmerge m k} {get m} {pfcount m}}
    }
}

test "the cached count is believed while it is there" {
    fresh
    same [list [list set k "[sparse_header "\x2a\0\0\0\0\0\0\0"]\x7f\xff"] {pfcount k} {pfcount k k} {pfadd k a} {pfcount k} {get k}]
    same [list [list set k "HYLL\1abc\x2a\0\0\0\0\0\0\0\x7f\xff"] {pfadd k x} {get k} {pfcount k} {get k} {pfdebug todense k} {pfcount k}]
    same_values k
}

test "what counts as a change" {
    fresh
    foreach request {{pfadd h} {pfadd h} {pfadd h a b c} {pfadd h a d} {pfcount h} {pfcount h} {pfcount h h} {pfmerge m h} {pfmerge m}
        {pfdebug todense m} {pfdebug todense m} {pfdebug encoding m} {pfadd new a b}} {
        set before [list [changes $o] [changes $r]]
        $o {*}$request
        $r {*}$request
        assert_equal [expr {[changes $o] - [lindex $before 0]}] [expr {[changes $r] - [lindex $before 1]}] $request
    }
}

test "RESP3 replies" {
    fresh
    foreach client [list $r $o] { $client hello 3 }
    same {{pfadd h a} {pfcount h} {pfcount h h} {pfmerge m h} {pfdebug decode h} {pfdebug encoding h} {pfdebug getreg h}}
}

}
