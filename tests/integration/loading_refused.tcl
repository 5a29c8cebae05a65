# Files that must not be loaded: the start stops with file, offset, key where there is one, and reason on the log, the exit code
# is not 0, the file stays as it was, and memory never follows what a file merely claims.
source [file join [file dirname [info script]] harness harness.tcl]

set data [harness::temp_dir]

# Starts with the file and returns the log. Between `from` and `to` (the file's end) must lie the offset that the log names.
proc refused {path {from 0} {config {}}} {
    set before [read_file $path]
    set mtime [file mtime $path]
    set dir [harness::temp_dir]
    file copy $path $dir/dump.rdb
    set srv [server_start -dir $dir -config $config -wait exit]
    set log [server_log $srv]
    assert_equal 1 [server_wait_exit $srv] $log
    assert_match "*dump.rdb*" $log
    assert_regexp {offset \d+} $log
    regexp {offset (\d+)} $log -> offset
    assert_range $offset $from [file size $path] $log
    assert_equal $before [read_file $dir/dump.rdb]
    assert_equal dump.rdb [join [lmap f [glob -directory $dir -tails *] { if {[string match std* $f]} continue; set f }]]
    assert_no_match "*Ready to accept*" $log
    return $log
}

# One bad file: body without checksum, pattern of the reason, and where in the file the fault begins.
proc refused_body {body pattern {from 0} {crc right}} {
    rdb::write $::data/bad.rdb $body -crc $crc
    set log [refused $::data/bad.rdb $from]
    if {![string match -nocase $pattern $log]} { fail "expected a reason like '$pattern' in: $log" }
    return $log
}

set head [rdb::header 10][rdb::select 0]

test "an empty file, and one shorter than its header" {
    foreach text {"" R REDIS REDIS001} {
        write_file $data/short.rdb $text
        refused $data/short.rdb
    }
}

test "a wrong magic or version" {
    foreach {text pattern} {
        REDJS0010 * VALKEX080 * REDIS0000 *version* REDIS0016 *version* REDIS9999 *version* REDIS00x0 * REDIS-001 * "hello, I am not an RDB file at all" *
        VALKEY079 *version* VALKEY999 *version*
    } {
        write_file $data/magic.rdb $text[rdb::key k v][rdb::eof]12345678
        if {![string match -nocase $pattern [refused $data/magic.rdb]]} { fail "$text" }
    }
}

test "cut off after every byte" {
    set later [expr {[clock milliseconds] + 3600000}]
    set whole [rdb::write $data/whole.rdb [string cat $head [rdb::aux a b] [rdb::resize 4 1] [rdb::expire_ms $later] [rdb::idle 77] [rdb::key one 1] \
        [rdb::raw_key 0 two [rdb::int 300 16]] [rdb::raw_key 0 lzf [rdb::lzf_literals abcdefgh]] [rdb::expire_s 1] [rdb::key three 3] [rdb::eof]]]
    set bytes [read_file $whole]
    set srv [server_start -rdb $whole]
    assert_equal 3 [[client $srv] dbsize]
    server_stop $srv
    for {set n 0} {$n < [string length $bytes]} {incr n [expr {$harness::slow > 1 ? 7 : 1}]} {
        write_file $data/cut.rdb [string range $bytes 0 $n-1]
        set log [refused $data/cut.rdb]
        if {![regexp -nocase {end|truncat|short|cut|incomplete|empty|stops} $log]} { fail "cut off after $n bytes: $log" }
    }
}

test "cut off inside a long value" {
    set body $head[rdb::key small 1]
    set at [string length $body]
    append body [rdb::key big [string repeat 0123456789 300000]]
    write_file $data/big.rdb [string range $body 0 [expr {$at + 2000000}]]
    assert_match "*big*" [refused $data/big.rdb $at]
}

test "a wrong checksum" {
    refused_body $head[rdb::key k v][rdb::eof] *checksum* 0 wrong
    # Also where a byte of a value is what changed.
    rdb::write $data/flip.rdb $head[rdb::key k value][rdb::eof]
    set bytes [read_file $data/flip.rdb]
    write_file $data/flip.rdb [string map {value vblue} $bytes]
    if {![string match -nocase *checksum* [refused $data/flip.rdb]]} { fail "no word of the checksum" }
}

test "bytes after the end" {
    rdb::write $data/trail.rdb $head[rdb::key k v][rdb::eof]
    set size [file size $data/trail.rdb]
    foreach tail {x "\xff" "REDIS0010\xff\0\0\0\0\0\0\0\0"} {
        write_file $data/trail2.rdb [read_file $data/trail.rdb]$tail
        refused $data/trail2.rdb $size
    }
}

test "unknown types and opcodes" {
    set at [string length $head[rdb::key first 1]]
    foreach type {8 34 100 200 241} {
        refused_body $head[rdb::key first 1][rdb::raw_key $type bad [rdb::str x]][rdb::eof] *$type* $at
    }
}

test "types that this server does not hold are named" {
    set at [string length $head]
    foreach {type name} {6 module 7 module 22 preview 23 preview 28 array 33 limiter} {
        set log [refused_body $head[rdb::raw_key $type some:key [rdb::str x]][rdb::eof] *"some:key"* $at]
        assert_regexp "(?i)$name" $log "type $type"
    }
    # From 22 on a number means another thing, or nothing, in Valkey's files.
    foreach type {23 24 25} {
        assert_match "*unknown record type $type*" \
            [refused_body [rdb::header 80 VALKEY][rdb::raw_key $type some:key [rdb::str x]][rdb::eof] *]
    }
}

test "values that are damaged are named with their key" {
    set at [string length $head]
    foreach type {1 2 3 4 5 9 10 11 12 13 14 15 16 17 18 19 20 21 24 25 26 27 29 30 31} {
        refused_body $head[rdb::raw_key $type some:key [rdb::str x]][rdb::eof] *"some:key"*corrupt* $at
    }
    refused_body [rdb::header 80 VALKEY][rdb::raw_key 22 some:key [rdb::str x]][rdb::eof] *"some:key"*corrupt*
}

test "a duplicate key is named" {
    set at [string length $head[rdb::key twice 1][rdb::key other 2]]
    set log [refused_body $head[rdb::key twice 1][rdb::key other 2][rdb::key twice 3][rdb::eof] *"twice"* $at]
    assert_regexp {(?i)duplicate|second time} $log
}

test "a database that does not exist" {
    refused_body [rdb::header 10][rdb::select 99][rdb::key k v][rdb::eof] *database*
    refused_body [rdb::header 10][rdb::select 16][rdb::key k v][rdb::eof] *database*
}

test "lengths that lie: a key, a value, an aux field" {
    foreach claim {1000 1000000 4294967295 1099511627776 9223372036854775807 18446744073709551615} {
        set form [expr {$claim < 4294967296 ? 32 : 64}]
        set at [string length $head]
        refused_body $head\x00[rdb::length $claim $form]key * $at
        refused_body $head\x00[rdb::str thekey][rdb::length $claim $form]value *thekey* $at
        refused_body [rdb::header 10]\xfa[rdb::length $claim $form]aux * 9
    }
}

test "a claim costs no memory: the server is refused long before it is big" {
    # 4 GiB claimed, a little given, in an address space of 600 MB.
    if {$harness::slow > 1} { skip "sanitizers need the address space" }
    rdb::write $data/claim.rdb $head\x00[rdb::str thekey][rdb::length 4000000000 32]value -crc none
    set dir [harness::temp_dir]
    file copy $data/claim.rdb $dir/dump.rdb
    set harness::wrap {prlimit --as=1200000000}
    try { set srv [server_start -dir $dir -wait exit] } finally { set harness::wrap {} }
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*thekey*" [server_log $srv]
}

test "special length forms where they cannot be" {
    # An integer encoding as a count, unknown encodings of strings, reserved length forms.
    refused_body [rdb::header 10]\xfe\xc0\x01[rdb::key k v][rdb::eof] *
    foreach encoding {"\xc4" "\xff" "\xc5"} { refused_body $head\x00[rdb::str key]$encoding\x01\x01[rdb::eof] * [string length $head] }
    foreach length {"\x82" "\xbf"} { refused_body $head\x00[rdb::str key]$length\x01\x01\x01\x01\x01\x01\x01\x01[rdb::eof] * [string length $head] }
}

test "LZF strings that cannot be" {
    set at [string length $head]
    foreach {name bytes} [list \
        "a claim beyond what LZF can give" [rdb::lzf 1073741824 "\x02abc"] \
        "a claim of nearly everything" [rdb::lzf 18446744073709551615 "\x02abc"] \
        "more than is there" [rdb::lzf 10 "\x02abc"] \
        "less than is there" [rdb::lzf 2 "\x02abc"] \
        "a reference to before the start" [rdb::lzf 8 "\x00a\x80\xff"] \
        "a literal run that runs out" [rdb::lzf 20 "\x1fabc"] \
        "a reference that is cut off" [rdb::lzf 9 "\x00a\xe0"] \
        "nothing said to be something" [rdb::lzf 5 ""] \
    ] {
        set log [refused_body $head\x00[rdb::str lzfkey]$bytes[rdb::eof] *lzfkey* $at]
    }
}

test "a key that is cut short in the report" {
    set key [string repeat averylongkey 1000]
    set log [refused_body $head\x00[rdb::str $key][rdb::length 1000 32]value *averylongkey*]
    assert_range [string length $log] 10 20000
}

test "a key with bytes that a terminal would obey is quoted" {
    set log [refused_body $head\x00[rdb::str "a\x1b\[2J\x00\xff\n"][rdb::length 1000 32]value *]
    assert_no_match "*\x1b*" $log
    assert_no_match "*\x00*" $log
}

test "a folder in the file's place, and a file that may not be read" {
    set dir [harness::temp_dir]
    file mkdir $dir/dump.rdb
    set srv [server_start -dir $dir -wait exit]
    assert_not_equal 0 [server_wait_exit $srv]
    assert_match "*dump.rdb*" [server_log $srv]
    if {[exec id -u] != 0} {
        set dir [harness::temp_dir]
        rdb::write $dir/dump.rdb $head[rdb::eof]
        file attributes $dir/dump.rdb -permissions 0
        set srv [server_start -dir $dir -wait exit]
        assert_not_equal 0 [server_wait_exit $srv]
    }
}

test "the refusal comes also when the load is watched, and SIGTERM is not needed" {
    rdb::write $data/late.rdb $head[rdb::key a 1][rdb::key b 2][rdb::key c 3][rdb::raw_key 200 bad x]
    set dir [harness::temp_dir]
    file copy $data/late.rdb $dir/dump.rdb
    set srv [server_start -dir $dir -config {key-load-delay 20000000} -wait listening]
    set r [client $srv]
    assert_equal 1 [info_field $r loading persistence]
    $r config set key-load-delay 0
    assert_equal 1 [server_wait_exit $srv]
    assert [$r -closed?]
}

test "a FIFO in the file's place is refused at once; nobody waits for a writer" {
    set dir [harness::temp_dir]
    exec mkfifo $dir/dump.rdb
    set srv [server_start -dir $dir -wait exit]
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*dump.rdb*" [server_log $srv]
}

# As if it were not there would be to start empty, and to save over it.
test "a name that cannot be followed is no missing file" {
    set dir [harness::temp_dir]
    exec ln -s dump.rdb $dir/dump.rdb
    set srv [server_start -dir $dir -wait exit]
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*dump.rdb*" [server_log $srv]
}
