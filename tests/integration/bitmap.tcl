# The bitmap commands, beside redis-server. BITOP's newer operations are compared with a model here; long strings and the loops
# over them are in tests/unit/values/test_bitmap.c.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

# Changes that a request counts, and hits and misses.
proc counted {client request} {
    set before [list [info_field $client rdb_changes_since_last_save persistence] [info_field $client keyspace_hits stats] \
        [info_field $client keyspace_misses stats]]
    catch {$client {*}$request}
    set after [list [info_field $client rdb_changes_since_last_save persistence] [info_field $client keyspace_hits stats] \
        [info_field $client keyspace_misses stats]]
    return [lmap a $before b $after { expr {$b - $a} }]
}

proc same_counted {requests} {
    foreach request $requests { assert_equal [counted $::o $request] [counted $::r $request] $request }
}

with_both {

test "SETBIT and GETBIT: offsets, bits, growth, encodings" {
    fresh
    same_state {k n e} {
        {setbit k 7 1} {setbit k 7 1} {setbit k 7 0} {setbit k 0 1} {getbit k 0} {getbit k 1} {setbit k 100 0} {getbit k 100}
        {getbit k 101} {getbit k 4294967295} {getbit k 4294967296} {getbit k -1} {getbit k abc} {getbit absent 5}
        {setbit k 4294967296 1} {setbit k -1 1} {setbit k 1.5 1} {setbit k 1 2} {setbit k 1 -1} {setbit k 1 ""} {setbit k "" ""}
        {set n 12} {getbit n 2} {setbit n 6 0} {setbit n 6 1} {set n 12} {setbit n 40 0} {set e ""} {setbit e 3 1}
        {set n abc} {setbit n 1 1} {set n abc ex 100} {setbit n 0 1}
    }
}

test "a bit at the last offset makes a string of 512 MB" {
    fresh
    same {{config set proto-max-bulk-len 1048576} {setbit k 8388607 1} {setbit k 8388608 1} {strlen k} {bitcount k} {bitpos k 1}
        {bitfield k get u8 8388608} {bitfield k set i64 8388607 -1} {strlen k} {getbit k 8388607} {getbit k 8388608}
        {config set proto-max-bulk-len 536870912} {setbit k 8388608 0} {bitcount k}}
}

test "BITCOUNT: ranges of bytes and bits" {
    fresh
    same [list [list set k "foobar\xff\x00\x01"] {set n 12345} {set e ""}]
    set ends {0 1 -1 -2 5 7 8 9 63 64 70 -9 -10 -72 -73 100 -100 9223372036854775807 -9223372036854775808}
    foreach key {k n e absent} {
        same [list [list bitcount $key]]
        foreach start $ends {
            foreach end $ends {
                same [list [list bitcount $key $start $end] [list bitcount $key $start $end bit] \
                    [list bitcount $key $start $end BYTE]]
            }
        }
    }
    same {{bitcount k x 1} {bitcount k 1 x} {bitcount k 0 1 bits} {bitcount k 0 1 bit x} {bitcount k -1 -2 bits} {bitcount k 1 0 bits}
        {bitcount absent x} {bitcount absent 0 1 bits} {bitcount absent 0 x} {bitcount}}
}

test "BITCOUNT with a start alone, as Valkey 8.0 has it" {
    fresh
    $r set k "foobar"
    assert_equal [$r bitcount k 2 -1] [$r bitcount k 2]
    assert_equal [$r bitcount k -1 -1] [$r bitcount k -1]
    assert_equal 0 [$r bitcount k 100]
    assert_error "ERR value is not an integer or out of range" {$r bitcount k x}
}

test "BITPOS: ranges of bytes and bits, the end of the string" {
    fresh
    same [list [list set k "\x00\x00\xff\xf0\x00"] [list set f [string repeat \xff 40]] [list set z [string repeat \x00 40]] {set e ""}]
    set ends {0 1 -1 -2 2 3 5 7 8 16 17 30 319 320 -40 -41 100 -100 9223372036854775807 -9223372036854775808}
    foreach key {k f z e absent} {
        foreach bit {0 1} {
            same [list [list bitpos $key $bit]]
            foreach start $ends {
                same [list [list bitpos $key $bit $start]]
                foreach end $ends {
                    same [list [list bitpos $key $bit $start $end] [list bitpos $key $bit $start $end bit] \
                        [list bitpos $key $bit $start $end Byte]]
                }
            }
        }
    }
    same {{bitpos k 2} {bitpos k x} {bitpos k -1} {bitpos k} {bitpos k 1 x} {bitpos k 1 0 x} {bitpos k 1 0 x foo} {bitpos k 1 0 x bit}
        {bitpos k 1 x x foo} {bitpos k 1 0 1 bit x} {bitpos absent 1 x} {bitpos absent 0 0 1 foo} {bitpos absent 2}}
}

test "BITOP: AND, OR, XOR, NOT" {
    fresh
    same [list [list set a "\xff\x0f\xaa"] [list set b "\x0f\xf0"] {set n 255} {set e ""} {set t x ex 100}]
    foreach op {and OR xOr} {
        same_state {d t} [list [list bitop $op d a] [list bitop $op d a b] [list bitop $op d a b n e absent] \
            [list bitop $op d b b b b] [list bitop $op t a b] [list bitop $op a a b] [list bitop $op d absent] \
            [list bitop $op d absent e]]
    }
    same_state {d n} {{bitop not d a} {bitop not d d} {bitop not n n} {bitop not d absent} {bitop not d a b} {bitop not d e}
        {bitop nand d a b} {bitop and d} {bitop "" d a}}
}

test "BITOP: long strings of different lengths" {
    fresh
    set a [string repeat "abc\xff\x00" 20000]
    set b [string repeat "\x55\xaa\x0f" 9000]
    same [list [list set a $a] [list set b $b] {bitop and d a b} {bitop or e b a} {bitop xor f a b a} {bitop not g a}]
    foreach key {d e f g} { assert {[$o get $key] eq [$r get $key]} $key }
}

test "BITOP: DIFF, DIFF1, ANDOR, ONE, as Redis 8.2 documents them" {
    fresh
    set sources [list "\xf0\x0f\xff" "\x3c\x3c" "\x00\xff\x0f\x81"]
    foreach key {x y z} source $sources { $r set $key $source }
    set columns [lmap source $sources { binary scan $source cu* bytes; lrange [concat $bytes {0 0 0 0}] 0 3 }]
    foreach {op rule} {
        diff {$x & ~($y | $z)}    diff1 {~$x & ($y | $z)}    andor {$x & ($y | $z)}
        one {($x & ~$y & ~$z) | (~$x & $y & ~$z) | (~$x & ~$y & $z)}
    } {
        set want [lmap x [lindex $columns 0] y [lindex $columns 1] z [lindex $columns 2] { expr "($rule) & 255" }]
        assert_equal 4 [$r bitop $op d x y z]
        binary scan [$r get d] cu* got
        assert_equal $want $got $op
    }
    assert_equal 3 [$r bitop one d x]
    assert {[$r get d] eq [lindex $sources 0]}
    foreach op {DIFF diff1 AndOr} {
        assert_error "ERR BITOP [string toupper $op] must be called with at least two source keys." {$r bitop $op d x}
    }
    assert_equal 2 [$r bitop diff1 d absent y]
    assert_equal 0 [$r bitop andor d absent absent]
    assert_equal 0 [$r exists d]
}

test "BITFIELD: types, offsets, overflow" {
    fresh
    same_state {k n} {
        {bitfield k} {bitfield k get u8 0} {bitfield k set u8 0 255 get i8 0 get u4 4 get i64 0 get u63 1} {bitfield k set i5 3 -1}
        {bitfield k incrby u2 100 1 incrby u2 100 1 incrby u2 100 1 incrby u2 100 1}
        {bitfield k overflow sat incrby u2 102 3 incrby u2 102 1 incrby i8 #2 -100 incrby i8 #2 -100}
        {bitfield k overflow fail incrby u2 102 1 set u8 0 1000 get u8 0} {bitfield k overflow fail overflow wrap incrby u8 0 300}
        {bitfield k set i64 64 9223372036854775807 incrby i64 64 1 overflow sat incrby i64 64 -1}
        {bitfield k set u63 200 -1 overflow sat set u63 200 -1 set i8 0 1000 set i8 0 -1000}
        {bitfield k get u64 0} {bitfield k get i65 0} {bitfield k get u0 0} {bitfield k get I8 0} {bitfield k get u08 0} {bitfield k get u 0}
        {bitfield k get u8 -1} {bitfield k get u8 x} {bitfield k get u8 #-1} {bitfield k get u8 #} {bitfield k get u8 4294967296}
        {bitfield k get u8 4294967295} {bitfield k get u8 #536870911} {bitfield k get u8 #536870912} {bitfield k set u8 0 x}
        {bitfield k get u8} {bitfield k set u8 0} {bitfield k foo} {bitfield k get u8 0 foo} {bitfield k overflow} {bitfield k overflow foo}
        {bitfield k overflow sat} {bitfield k set u8 0 1 get u99 0} {bitfield n overflow fail incrby u8 0 300} {bitfield n set u8 8 0}
        {set n 123} {bitfield n get u8 0} {bitfield n incrby u8 0 1}
    }
}

test "BITFIELD_RO reads only" {
    fresh
    same_state {k} {
        {set k 123} {bitfield_ro k get u8 0 get i4 #3} {bitfield_ro k} {bitfield_ro k set u8 0 1} {bitfield_ro k set u8 0 x}
        {bitfield_ro k incrby u8 0 1 get u99 0} {bitfield_ro k overflow sat} {bitfield_ro k overflow foo} {bitfield_ro absent get u8 0}
    }
}

test "an offset in fields that overflows is refused" {
    fresh
    assert_error "ERR bit offset is not an integer or out of range" {$r bitfield k set u8 #4611686018427387904 1}
    assert_equal 0 [$r exists k]
}

test "what counts as a change, a hit, a miss" {
    fresh
    same_counted {
        {setbit k 5 1} {setbit k 5 1} {setbit k 6 0} {setbit k 20 0} {getbit k 5} {getbit absent 5} {bitcount k} {bitcount absent}
        {bitpos k 1} {bitpos absent 1} {bitop or d k absent} {bitop or d absent} {bitop or d absent} {bitfield f set u8 0 0}
        {bitfield f set u8 0 1} {bitfield f set u8 0 1} {bitfield f get u8 0} {bitfield absent get u8 0}
        {bitfield f overflow fail incrby u8 0 300} {bitfield f incrby u8 0 1 set u8 8 3 set u8 8 3} {bitfield f set u8 16 0 set u8 24 0}
        {bitfield_ro f get u8 0}
    }
}

test "COMMAND GETKEYSANDFLAGS of BITFIELD looks at the operations" {
    foreach operations {{} {get u8 0} {get u8} {overflow sat get u8 0} {overflow sat} {overflow} {set u8 0 1} {get u8 0 foo}
        {get u8 0 set u8 0} {get u8 0 incrby u8 0 1}} {
        same [list [list command getkeysandflags bitfield k {*}$operations]]
    }
    same {{command getkeysandflags bitop and d a b} {command getkeysandflags setbit k 1 1}}
}

test "RESP3 replies" {
    fresh
    foreach client [list $r $o] { $client hello 3 }
    same {{set k abc}}
    same {{bitfield k overflow fail incrby u2 0 3 incrby u2 0 3 get u8 0} {bitfield absent get u8 0} {bitpos absent 1} {bitcount k}
        {getbit k 1} {setbit k 1 0}}
}

}
