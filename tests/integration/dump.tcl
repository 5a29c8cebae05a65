# DUMP and RESTORE, here and across to redis-server.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

# A payload with its footer.
proc payload {body {version 10}} {
    set bytes $body[binary format s $version]
    return $bytes[binary format w [rdb::crc64 $bytes]]
}

with_both {

test "DUMP: the same bytes as redis-server" {
    fresh
    set requests {{dump} {dump a b} {dump nokey}}
    foreach value [list 0 1 -1 127 128 -129 32767 40000 2147483647 2147483648 9223372036854775807 01 1.5 "" abc \
        [string repeat x 20] [string repeat x 21] [string repeat ab 100] [string repeat x 70000] "\x00\xff\r\n"] {
        lappend requests [list set k $value] {dump k}
    }
    same $requests
}

test "RESTORE: options, errors and their order as redis-server" {
    fresh
    set d [payload "\x00[rdb::str value]"]
    set n [payload "\x00\xc0\x07"]
    same_state {k n} [list {restore} {restore k 0} {restore k 0 foo} {restore k x foo} {restore k -1 foo} {restore k 1.5 foo} \
        {restore k 0 foo bar} {restore k 0 foo idletime} {restore k 0 foo idletime -1} {restore k 0 foo idletime x} \
        {restore k 0 foo freq -1} {restore k 0 foo freq 256} {restore k 0 foo freq x} {restore k 0 foo idletime 1 freq 1} \
        {restore k 0 foo freq 1 idletime 1} {restore k 0 ""} {restore k 0 0123456789} \
        [list restore k 0 $d] [list restore k 0 $d] {restore k 0 foo} {restore k x foo} {restore k -1 foo} \
        [list restore k 0 $n replace] [list restore k 100000 $d REPLACE] [list restore k 0 $d replace absttl] \
        [list restore k -5 $d replace] [list restore k 1 $d replace absttl] [list restore n 1 $n absttl] \
        [list restore n 9223372036854775807 $n] [list restore n 0 $n freq 10] [list restore n 0 $n replace idletime 10 idletime 20] \
        [list restore n 0 $n replace replace absttl absttl] [list restore-asking k 0 $d] [list restore-asking k 0 $d]]
}

test "payloads that cannot be right are refused, and change nothing" {
    fresh
    set good [payload "\x00[rdb::str value]"]
    same [list [list restore k 0 $good]]
    set bad {}
    foreach body [list "" "\x00" "\xc8\xc0\x01" "\x16\xc0\x01" "\x07\x01" "\x10\x05abcde" "\xfe\x00" "\xf9\x05\x00\xc0\x01" \
        "\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff" "\x00\x81\x7f\xff\xff\xff\xff\xff\xff\xffabc" "\x00\xc3\x04\x41\x00abcd" \
        "\x00\xc3\x05\x80\xff\xff\xff\xffabcde" "\x00\xc4" "\x00[rdb::lzf 10 \x00]"] {
        lappend bad [list restore k 0 [payload $body] replace]
    }
    same $bad
    foreach version {0 1 9} { same [list [list restore k 0 [payload "\x00\xc0\x05" $version] replace]] }
    for {set i 0} {$i < [string length $good]} {incr i} {
        binary scan [string index $good $i] cu byte
        set flipped [string replace $good $i $i [binary format c [expr {$byte ^ 1}]]]
        assert_error "ERR DUMP payload*" {$r restore k 0 $flipped replace}
        assert_error "ERR *" {$r restore k 0 [string range $good 0 $i-1] replace}
    }
    assert_equal 5 [$r get k]
    # A text that the footer would have to complete: redis-server reads it in, we do not.
    assert_error "ERR Bad data format" {$r restore k 0 [payload "\x00\x05ab"] replace}
}

test "payloads of newer versions are read" {
    foreach version {11 12 13 14 15 80} {
        assert_equal OK [$r restore k 0 [payload "\x00\xc0\x05" $version] replace]
        assert_equal 5 [$r get k]
    }
    foreach version {16 79 81 65535} {
        assert_error "ERR DUMP payload version*" {$r restore k 0 [payload "\x00\xc0\x05" $version] replace}
    }
}

# Records of every type and age, as tests/fuzz has them: "V" and the bytes, V 1 for Valkey's numbering.
proc each_record {body} {
    set seeds [file join [file dirname [file dirname [file normalize [info script]]]] fuzz corpus restore]
    foreach path [lsort [glob -directory $seeds *]] {
        set bytes [read_file $path]
        uplevel 1 [list lassign [list [file tail $path] [expr {[string index $bytes 0] eq "\x01" ? 80 : 15}] \
            [string range $bytes 1 end]] name version record]
        uplevel 1 $body
    }
}

# What only a file can hold: hashes that refer to a template of the file.
proc of_a_file {record} {
    binary scan $record cu type
    return [expr {$type in {30 32}}]
}

test "types of Redis 8 are read; what refers to a file's template is refused" {
    $r flushall
    set read 0
    each_record {
        binary scan $record cu type
        if {$version == 80 || $type < 26} { continue }
        if {[of_a_file $record]} {
            assert_error "ERR Bad data format" {$r restore new 0 [payload $record 15] replace}
            continue
        }
        assert_equal OK [$r restore new 0 [payload $record 15] replace]
        incr read
        if {[$r type new] eq "hash"} {
            assert_equal {f v n 12} [$r hgetall new]
        } else {
            assert_equal {{1-1 {f v}} {2-1 {f w}}} [$r xrange new - +]
            assert_equal [expr {$type == 27 ? "nacked" : "bob"}] [lindex [$r xpending new g - + 10] 0 1]
        }
    }
    assert_equal 4 $read
    # An array, a rate limiter, and what a module has said of the key.
    foreach body {"\x1c\x01\x00\x00\x01x" "\x21\x05" "\xf3\x01\x08\xf5\xc4\x28\x00\x00\xc0\x05"} {
        assert_error "ERR Bad data format" {$r restore k 0 [payload $body 15] replace}
    }
}

test "values go from here to redis-server and back" {
    fresh
    set values [list 0 -1 12345678901 abc "" [string repeat longer 50000] [string repeat \x00\xff 4000]]
    for {set i 0} {$i < 300} {incr i} {
        set n [expr {int(rand() * 600)}]
        set text ""
        while {[string length $text] < $n} { append text [format %c [expr {97 + int(rand() * 3)}]] }
        lappend values $text
    }
    foreach value $values {
        $r set a $value
        $o restore b 0 [$r dump a] replace
        assert_equal $value [$o get b]
        $r restore c 0 [$o dump b] replace
        assert_equal $value [$r get c]
        assert_equal [$o object encoding b] [$r object encoding c]
    }
}

test "RESTORE keeps the clocks it is told" {
    $r flushall
    set d [payload "\x00\xc0\x05"]
    $r restore k 0 $d idletime 5000
    assert_range [$r object idletime k] 5000 5060
    $r restore k 100000 $d replace
    assert_range [$r object idletime k] 0 60
    assert_range [$r pttl k] 40000 100000
    set at [expr {[clock milliseconds] + 50000}]
    $r restore k $at $d replace absttl
    assert_equal $at [$r pexpiretime k]
}

test "RESTORE of every type: TTLs, clocks, what is there already" {
    fresh
    set asked 0
    each_record {
        binary scan $record cu type
        if {$type > 19} { continue }
        set d [payload $record]
        set state {{type k} {exists k} {ttl k} {debug digest-value k}}
        same [list {flushall} {set k v} [list restore k 0 $d] [list restore k 0 $d replace] {*}$state \
            [list restore k 100000 $d replace] {*}$state [list restore k 5 $d replace absttl] {*}$state \
            [list restore k 4000000000000 $d absttl] {*}$state {pexpiretime k} {persist k} {rename k other} {debug digest} \
            [list restore k 0 $d idletime 1000] {object idletime k} {copy k copied} {debug digest}]
        incr asked
    }
    assert_range $asked 20 100
}

test "values without elements are no values; a stream may be empty" {
    fresh
    foreach hex {0100 0200 0300 0400 0500 0900 090101 090200ff 0a0b0b0000000a0000000000ff 0b080200000000000000 0c0b0b0000000a0000000000ff
        0d0b0b0000000a0000000000ff 0e00 0e010b0b0000000a0000000000ff 100707000000000000ff 110707000000000000ff 1200
        12010207070000000000ff} {
        same [list [list restore k 0 [payload [binary decode hex $hex]]] {exists k}]
    }
    same [list [list restore k 0 [payload [binary decode hex 1300000000000000000000]]] {type k} {debug digest-value k}]
}

test "RESTORE tells the same events as redis-server" {
    fresh
    set seen {}
    foreach {c srv_name} [list $r srv $o oracle] {
        $c config set notify-keyspace-events KEAn
        set listener [client [set $srv_name]]
        $listener hello 3
        $listener -send psubscribe __keyevent*
        $listener -push
        set d [payload "\x01\x01\x01a"]
        $c restore k 0 $d
        $c restore k 0 $d replace
        $c restore k 100000 $d replace
        $c restore k 0 [payload "\x00\xc0\x05"] replace
        $c restore k 5 $d replace absttl
        $c restore k 5 $d replace absttl
        $c set end 1
        set events {}
        while {[lindex $events end] ne "__keyevent@0__:set end"} {
            lassign [lrange [plain [$listener -push]] 2 3] channel key
            lappend events "$channel $key"
        }
        lappend seen $events
        $c config set notify-keyspace-events ""
    }
    assert_equal [lindex $seen 1] [lindex $seen 0]
}

test "every truncation and every flipped bit of a record is refused or a sound value" {
    $r flushall
    set accepted 0
    each_record {
        set bad {}
        for {set i 0} {$i < [string length $record]} {incr i} { lappend bad [string range $record 0 $i-1] }
        for {set i 0} {$i < [string length $record]} {incr i} {
            binary scan [string index $record $i] cu byte
            for {set bit 1} {$bit < 256} {incr bit $bit} {
                lappend bad [string replace $record $i $i [binary format c [expr {$byte ^ $bit}]]]
            }
        }
        set requests {}
        foreach bytes $bad { lappend requests {del k} [list restore k 0 [payload $bytes $version]] {debug digest-value k} {memory usage k} {dump k} {copy k other replace} }
        foreach {gone restored digest memory dumped copied} [$r -pipeline $requests] {
            if {[lindex $restored 0] eq "status"} {
                incr accepted
                assert_equal {int 1} $copied $name
                assert_equal bulk [lindex $dumped 0] $name
            } else {
                assert_match "error {ERR *}" $restored $name
                assert_equal null [lindex $dumped 0] $name
            }
        }
    }
    assert_range $accepted 100 100000
}
}
