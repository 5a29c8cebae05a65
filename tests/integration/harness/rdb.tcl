# RDB files made by hand, byte by byte, good ones and bad ones. Every proc returns bytes; a file is their concatenation:
#
#   rdb::write $path [rdb::header 10][rdb::select 0][rdb::key k v][rdb::eof]          right checksum
#   rdb::write $path [rdb::header 10][rdb::key k v][rdb::eof] -crc none|zero|wrong    no checksum bytes, 0 (unchecked), wrong
#
#   header ?version? ?magic?     "REDIS0010"; for Valkey's framing: rdb::header 80 VALKEY
#   length n ?6|14|32|64?        the length form (smallest that fits)
#   str bytes                    a length and the bytes
#   int n ?8|16|32?              a string in integer encoding
#   lzf claimed compressed       a string said to unpack to `claimed` bytes
#   lzf_literals bytes           a valid compressed string (all literal runs)
#   aux name value, select db, resize keys expires, slot slot keys expires, function code, module_aux id ...
#   expire_ms t, expire_s t, idle seconds, freq n      stand before a key
#   key k v                      a string key; raw_key type k body for any other type byte
#   op n                         one opcode or type byte
#   eof                          the end opcode (write adds the checksum)

namespace eval rdb {
    variable crc_table {}
}

proc rdb::op {n} { return [binary format c $n] }
proc rdb::header {{version 10} {magic REDIS}} {
    return $magic[format %0*d [expr {9 - [string length $magic]}] $version]
}
proc rdb::length {n {form ""}} {
    if {$form eq ""} { set form [expr {$n < 64 ? 6 : $n < 16384 ? 14 : $n < 4294967296 ? 32 : 64}] }
    switch $form {
        6 { return [binary format c $n] }
        14 { return [binary format S [expr {0x4000 | $n}]] }
        32 { return "\x80[binary format I $n]" }
        64 { return "\x81[binary format W $n]" }
    }
}
proc rdb::str {bytes} { return [length [string length $bytes]]$bytes }
proc rdb::int {n {bits 32}} {
    switch $bits {
        8 { return "\xc0[binary format c $n]" }
        16 { return "\xc1[binary format s $n]" }
        32 { return "\xc2[binary format i $n]" }
    }
}
proc rdb::lzf {claimed compressed} { return "\xc3[length [string length $compressed]][length $claimed]$compressed" }
proc rdb::lzf_literals {bytes} {
    set out ""
    for {set i 0} {$i < [string length $bytes]} {incr i 32} {
        set run [string range $bytes $i $i+31]
        append out [binary format c [expr {[string length $run] - 1}]]$run
    }
    return [lzf [string length $bytes] $out]
}
proc rdb::aux {name value} { return "\xfa[str $name][str $value]" }
proc rdb::select {db} { return "\xfe[length $db]" }
proc rdb::resize {keys expires} { return "\xfb[length $keys][length $expires]" }
proc rdb::slot {slot keys expires} { return "\xf4[length $slot][length $keys][length $expires]" }
proc rdb::function {code} { return "\xf5[str $code]" }
# One module aux record: id, when (opcode 2 = unsigned, value), an unsigned and a string field, end.
proc rdb::module_aux {{id 7}} { return "\xf7[length $id 64][length 2][length 1][length 2][length 42][length 5][str field][length 0]" }
proc rdb::expire_ms {t} { return "\xfc[binary format w $t]" }
proc rdb::expire_s {t} { return "\xfd[binary format i $t]" }
proc rdb::idle {seconds} { return "\xf8[length $seconds]" }
proc rdb::freq {n} { return "\xf9[op $n]" }
proc rdb::key {k v} { return "\x00[str $k][str $v]" }
proc rdb::raw_key {type k body} { return "[op $type][str $k]$body" }
proc rdb::eof {} { return "\xff" }

# CRC-64 with Jones's polynomial, reflected, start 0; of "123456789" it is e9c6d914c4b8d9ca. About 1 MB/s.
proc rdb::crc64 {bytes} {
    variable crc_table
    if {$crc_table eq {}} {
        for {set i 0} {$i < 256} {incr i} {
            set c $i
            for {set k 0} {$k < 8} {incr k} { set c [expr {$c & 1 ? ($c >> 1) ^ 0x95ac9329ac4bc9b5 : $c >> 1}] }
            lappend crc_table $c
        }
    }
    binary scan $bytes cu* values
    set crc 0
    foreach b $values { set crc [expr {[lindex $crc_table [expr {($crc ^ $b) & 0xff}]] ^ ($crc >> 8)}] }
    return $crc
}

proc rdb::write {path bytes {option -crc} {kind right}} {
    if {$option ne "-crc"} { error "rdb::write: $option?" }
    switch $kind {
        right { append bytes [binary format w [crc64 $bytes]] }
        zero { append bytes [binary format w 0] }
        wrong { append bytes [binary format w [expr {[crc64 $bytes] ^ 1}]] }
        none {}
        default { error "rdb::write: -crc $kind?" }
    }
    write_file $path $bytes
    return $path
}
