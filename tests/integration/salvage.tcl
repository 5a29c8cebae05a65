# Damaged files: load-salvage, and tarn-check.
source [file join [file dirname [info script]] harness harness.tcl]

set corpus [file join [file dirname [file dirname [file normalize [info script]]]] corpus]
set tool [file join [file dirname $harness::server] tarn-check]

# Runs tarn-check: {exit code, standard output, standard error}.
proc check {args} {
    set errors [file join [harness::temp_dir] errors]
    set code [catch {exec $::tool {*}$args 2>$errors} out options]
    if {$code} { set code [lindex [dict get $options -errorcode] 2] }
    return [list $code [regsub {child process exited abnormally$} $out ""] [read_file $errors]]
}

proc put {path bytes} {
    file mkdir [file dirname $path]
    write_file $path $bytes
    return $path
}

# n bytes of the file at `at` become others.
proc damage {bytes at n} { return [string replace $bytes $at [expr {$at + $n - 1}] [string repeat \xee $n]] }

set body [rdb::header 10][rdb::select 0]
for {set i 0} {$i < 40} {incr i} { append body [rdb::key key:$i "the value of key $i"] }
set rdb [read_file [rdb::write [file join [harness::temp_dir] whole.rdb] $body[rdb::eof]]]
set hole [damage $rdb 500 30]

test "a damaged RDB file: refused, or what is undamaged is loaded, and the file stays" {
    set dir [harness::temp_dir]
    put $dir/dump.rdb $hole
    set srv [server_start -dir $dir -wait exit]
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*dump.rdb: offset *" [server_log $srv]
    assert_no_match "*lost*" [server_log $srv]
    set srv [server_start -dir $dir -config {load-salvage yes}]
    set r [client $srv]
    assert_equal 1 [info_field $r load_salvaged persistence]
    assert_range [info_field $r load_lost_records persistence] 1 4
    assert_range [info_field $r load_lost_bytes persistence] 30 200
    set keys [$r dbsize]
    assert_range $keys 34 38
    foreach key [$r keys *] { assert_equal "the value of key [string range $key 4 end]" [$r get $key] }
    assert_match "*lost: offset *" [server_log $srv]
    assert_equal $hole [read_file $dir/dump.rdb.damaged]
    $r save
    assert_equal $hole [read_file $dir/dump.rdb.damaged]
    server_stop $srv
    set srv [server_start -dir $dir]
    assert_equal $keys [[client $srv] dbsize]
    assert_equal 0 [info_field [client $srv] load_salvaged persistence]
    server_stop $srv
}

test "one byte that is wrong is put right" {
    set dir [harness::temp_dir]
    put $dir/dump.rdb [damage $rdb 700 1]
    set srv [server_start -dir $dir -config {load-salvage yes}]
    set r [client $srv]
    assert_equal {1 0 40} [list [info_field $r load_salvaged persistence] [info_field $r load_lost_records persistence] [$r dbsize]]
    foreach key [$r keys *] { assert_equal "the value of key [string range $key 4 end]" [$r get $key] }
    assert_match "*repaired: offset 700 to 701*" [server_log $srv]
    server_stop $srv
}

test "damage that nothing but the checksum shows is refused also then" {
    set dir [harness::temp_dir]
    set at [string first "the value of key 20" $rdb]
    put $dir/dump.rdb [damage $rdb $at 3]
    set srv [server_start -dir $dir -config {load-salvage yes} -wait exit]
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*which value is wrong cannot be told*" [server_log $srv]
    assert_equal {dump.rdb} [glob -directory $dir -tails dump*]
}

test "what is left out of a damaged file is told as of one that is sound" {
    set dir [harness::temp_dir]
    set some [rdb::header 10][rdb::select 0][rdb::raw_key 4 hollow [rdb::length 0]][rdb::expire_ms 1000][rdb::key ended x]
    set bytes [read_file [rdb::write $dir/dump.rdb $some[string range $body 11 end][rdb::eof]]]
    put $dir/dump.rdb [damage $bytes 500 30]
    set srv [server_start -dir $dir -config {load-salvage yes}]
    assert_equal 1 [info_field [client $srv] rdb_last_load_keys_expired persistence]
    set log [server_log $srv]
    set log [string range $log [string first "load-salvage is on" $log] end]
    assert_match "*offset 11: key \"hollow\" has no elements and is left out*" $log
    assert_match "*dump.rdb: 1 keys without elements were left out*" $log
    server_stop $srv
}

# A folder of Tarn's with 60 keys, a group each.
proc aof_folder {dir} {
    set srv [server_start -dir $dir -config {appendonly yes appendfsync always}]
    set r [client $srv]
    for {set i 0} {$i < 60} {incr i} { $r set key:$i "value $i" }
    server_stop $srv
}

test "a damaged append-only file: the rest is loaded, a base without damage is written, the files stay" {
    set dir [harness::temp_dir]
    aof_folder $dir
    set incr [lindex [glob $dir/appendonlydir/*.incr.aof] 0]
    set bytes [damage [read_file $incr] 1500 100]
    put $incr $bytes
    set srv [server_start -dir $dir -config {appendonly yes} -wait exit]
    assert_equal 1 [server_wait_exit $srv]
    set srv [server_start -dir $dir -config {appendonly yes load-salvage yes}]
    set r [client $srv]
    assert_equal 1 [info_field $r load_salvaged persistence]
    assert_range [$r dbsize] 54 58
    foreach key [$r keys *] { assert_equal "value [string range $key 4 end]" [$r get $key] }
    assert_equal $bytes [read_file $incr.damaged]
    assert_equal 1 [llength [glob $dir/appendonlydir/*.manifest.damaged]]
    wait_for { [info_field $r aof_rewrite_scheduled persistence] == 0 && [info_field $r aof_rewrite_in_progress persistence] == 0 }
    $r set later yes
    set keys [$r dbsize]
    server_stop $srv
    assert_equal $bytes [read_file $incr.damaged]
    set srv [server_start -dir $dir -config {appendonly yes}]
    assert_equal $keys [[client $srv] dbsize]
    assert_equal 0 [info_field [client $srv] load_salvaged persistence]
    server_stop $srv
}

test "tarn-check: sound files, and what is in them" {
    lassign [check rdb $corpus/redis-7.0-all-types.rdb] code out errors
    assert_equal 0 $code $errors
    assert_match "*RDB version 10*keys*318*expires*52*functions*1*checksum*right*sound*" $out
    lassign [check aof $corpus/redis-7.0-appendonlydir] code out errors
    assert_equal 0 $code $errors
    foreach path [glob $corpus/redis-7.0-appendonlydir/*.manifest $corpus/redis-7.0-appendonlydir/*.aof] { assert_equal 0 [lindex [check aof $path] 0] }
    assert_match {{*"sound":true*"keys":318*}} [lindex [check rdb --json $corpus/redis-7.0-all-types.rdb] 1]
    set dir [harness::temp_dir]
    aof_folder $dir
    lassign [check aof $dir/appendonlydir] code out errors
    assert_equal 0 $code $errors$out
    assert_match "*groups     6*" $out
    assert_equal 2 [lindex [check rdb $dir/none] 0]
    assert_equal 2 [lindex [check rdb] 0]
    assert_equal 0 [lindex [check --help] 0]
}

test "tarn-check rdb --salvage: what it keeps loads here and in redis-server" {
    set dir [harness::temp_dir]
    put $dir/hole.rdb $hole
    assert_equal 1 [lindex [check rdb $dir/hole.rdb] 0]
    lassign [check rdb $dir/hole.rdb --salvage $dir/dump.rdb] code out errors
    assert_equal 1 $code $errors
    assert_match "*lost: offset *" [read_file $dir/dump.rdb.lost]
    assert_equal 2 [lindex [check rdb $dir/hole.rdb --salvage $dir/dump.rdb] 0] "what is there is not written over"
    assert_equal 0 [lindex [check rdb $dir/dump.rdb] 0]
    assert_equal $hole [read_file $dir/hole.rdb]
    foreach start {server_start oracle_start} {
        set srv [$start -rdb $dir/dump.rdb]
        assert_range [[client $srv] dbsize] 34 38
        server_stop $srv
    }
}

test "tarn-check aof --salvage: folder and single file" {
    set dir [harness::temp_dir]
    aof_folder $dir
    set incr [lindex [glob $dir/appendonlydir/*.incr.aof] 0]
    put $incr [damage [read_file $incr] 1500 100]
    set out [harness::temp_dir]
    assert_equal 1 [lindex [check aof $dir/appendonlydir --salvage $out/appendonlydir] 0]
    assert_equal 0 [lindex [check aof $out/appendonlydir] 0]
    assert_match "*lost: offset *" [read_file $out/appendonlydir.lost]
    set srv [server_start -dir $out -config {appendonly yes}]
    assert_range [[client $srv] dbsize] 54 58
    server_stop $srv
    # Of another server: commands alone.
    set text ""
    foreach {k v} {a 1 b 2 c 3 d 4 e 5 f 6} { append text "*3\r\n\$3\r\nSET\r\n\$1\r\n$k\r\n\$1\r\n$v\r\n" }
    put $dir/plain.aof [damage $text 40 4]
    assert_equal 1 [lindex [check aof $dir/plain.aof --salvage $dir/saved.aof] 0]
    assert_equal [expr {[string length $text] - 27}] [file size $dir/saved.aof]
    assert_equal 0 [lindex [check aof $dir/saved.aof] 0]
}

test "tarn-check aof: the manifest's sum, and a base as commands that is damaged or cut" {
    set dir [harness::temp_dir]
    set config {appendonly yes aof-use-rdb-preamble no}
    set srv [server_start -dir $dir -config $config]
    set r [client $srv]
    for {set i 0} {$i < 8} {incr i} {
        $r select $i
        $r set key:$i "value $i"
    }
    $r bgrewriteaof
    wait_for { [llength [glob -nocomplain $dir/appendonlydir/*.2.base.aof]] && [info_field $r aof_rewrite_in_progress persistence] == 0 }
    server_stop $srv
    set manifest $dir/appendonlydir/appendonly.aof.manifest
    set base $dir/appendonlydir/appendonly.aof.2.base.aof
    set text [read_file $base]
    assert_equal 0 [lindex [check aof $dir/appendonlydir] 0]
    if {![catch {exec sh -c "command -v redis-check-aof"}]} { assert_match "*valid*" [exec redis-check-aof $manifest 2>@1] }
    # A group of a database is lost: what is left is a base again, with its own last line.
    put $base [damage $text [string first "value 3" $text] 1]
    set out [harness::temp_dir]
    assert_equal 1 [lindex [check aof $dir/appendonlydir --salvage $out/appendonlydir] 0]
    assert_equal 0 [lindex [check aof $out/appendonlydir] 0]
    set srv [server_start -dir $out -config $config]
    assert_equal 7 [regexp -all keys=1 [[client $srv] info keyspace]]
    server_stop $srv
    # Cut where a group ends.
    put $base [string range $text 0 [string last "#TARN-END" $text]-1]
    lassign [check aof $dir/appendonlydir --fix --yes] code out errors
    assert_equal 1 $code $errors
    assert_match "*last line*" $out$errors
    put $base $text
    put $manifest [string range [read_file $manifest] 0 [string first "type b" [read_file $manifest]]+6]
    lassign [check aof $dir/appendonlydir] code out errors
    assert_match "*manifest: *checksum does not fit*" $errors
    assert_range $code 1 2
    set srv [server_start -dir $dir -config {appendonly yes load-salvage yes} -wait exit]
    assert_equal 1 [server_wait_exit $srv]
    assert_match "*manifest: *checksum does not fit*" [server_log $srv]
}

test "tarn-check aof --fix and --truncate-to-timestamp" {
    set dir [harness::temp_dir]
    set text ""
    foreach {t k} {1000 a 2000 b 3000 c} { append text "#TS:$t\r\n*3\r\n\$3\r\nSET\r\n\$1\r\n$k\r\n\$1\r\n1\r\n" }
    put $dir/a.aof ${text}*3\r\n\$3\r\nSE
    assert_equal 1 [lindex [check aof $dir/a.aof] 0]
    assert_equal 1 [lindex [check aof $dir/a.aof --fix << n] 0]
    assert_equal ${text}*3\r\n\$3\r\nSE [read_file $dir/a.aof]
    assert_equal 0 [lindex [check aof $dir/a.aof --fix << y] 0]
    assert_equal $text [read_file $dir/a.aof]
    assert_equal ${text}*3\r\n\$3\r\nSE [read_file [lindex [glob $dir/a.aof.bak-*] 0]]
    assert_equal 0 [lindex [check aof $dir/a.aof --truncate-to-timestamp 2500 --yes] 0]
    assert_equal [string range $text 0 [string first "#TS:3000" $text]-1] [read_file $dir/a.aof]
    # As redis-check-aof does it.
    if {![catch {exec sh -c "command -v redis-check-aof"}]} {
        put $dir/b.aof $text
        exec redis-check-aof --truncate-to-timestamp 2500 $dir/b.aof
        assert_equal [read_file $dir/b.aof] [read_file $dir/a.aof]
    }
}
