# Saving: the file holds the instant at which the save began, whatever is written meanwhile; real servers and tools read it; a
# save that fails says so and keeps the old file.
source [file join [file dirname [info script]] harness harness.tcl]

proc wait_saved {r {ms 60000}} { wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0} $ms 20 }

# Every key of every database as {db key dump pexpiretime}, sorted: equal lists mean equal data.
proc everything {r {databases 4}} {
    set all {}
    for {set db 0} {$db < $databases} {incr db} {
        $r select $db
        set keys [lsort [$r keys *]]
        set commands {}
        foreach key $keys { lappend commands [list dump $key] [list pexpiretime $key] }
        foreach key $keys {value at} [$r -pipeline $commands] { lappend all [list $db $key [lindex $value 1] [lindex $at 1]] }
    }
    $r select 0
    return $all
}

proc assert_same_data {expected actual} {
    assert_equal [llength $expected] [llength $actual] "(keys)"
    foreach e $expected a $actual { if {$e ne $a} { fail "expected [harness::show $e] but the file has [harness::show $a]" } }
}

# The data of an RDB file, as redis-server reads it.
proc data_of {path} {
    set oracle [oracle_start -rdb $path]
    set all [everything [client $oracle]]
    server_discard $oracle
    return $all
}

proc needs_oracle {} { if {![file executable $harness::oracle]} { skip "no $harness::oracle" } }

# A random command that changes data; few keys, so that commands meet. Expiry only at absolute times far away.
proc random_write {} {
    set later [expr {[clock milliseconds] / 1000 * 1000 + 10000000}]
    set k key:[expr {int(rand() * 400)}]
    set other key:[expr {int(rand() * 400)}]
    set n [expr {int(rand() * 1000000)}]
    switch [expr {int(rand() * 20)}] {
        0 - 1 - 2 - 3 { return [list set $k $n] }
        4 - 5 - 6 { return [list set $k [string repeat "$n," [expr {int(rand() * 60)}]]] }
        7 { return [list append $k $n] }
        8 { return [list setrange $k [expr {int(rand() * 300)}] $n] }
        9 { return [list incrby count:[expr {int(rand() * 50)}] $n] }
        10 - 11 { return [list del $k] }
        12 { return [list rename $k $other] }
        13 { return [list copy $k $other replace] }
        14 { return [list pexpireat $k $later] }
        15 { return [list persist $k] }
        16 { return [list set $k $n pxat $later] }
        17 { return [list move $k 1] }
        18 { return [list select [expr {int(rand() * 3)}]] }
        19 { return [list append big:[expr {int(rand() * 3)}] [string repeat $n 2000]] }
    }
}

test "SAVE, restart: all as it was" {
    set later [expr {[clock milliseconds] + 3600000}]
    set srv [server_start]
    set r [client $srv]
    $r mset small 1 negative -77 huge 9223372036854775807 text hello empty "" binary "a\x00\xff\r\n" long [string repeat abc 30000]
    $r set with-ttl x pxat $later
    $r select 3
    $r set elsewhere y
    $r select 0
    set before [everything $r]
    assert_equal OK [$r save]
    server_restart $srv
    assert_same_data $before [everything [client $srv]]
}

test "an empty server saves a file that loads" {
    set srv [server_start]
    assert_equal OK [[client $srv] save]
    server_restart $srv
    assert_equal 0 [[client $srv] dbsize]
}

test "redis-server and redis-check-rdb read the file; its version is the lowest that will do" {
    needs_oracle
    set srv [server_start]
    set r [client $srv]
    harness::seed
    for {set i 0} {$i < 2000} {incr i} { lappend commands [random_write] }
    $r -pipeline $commands
    $r save
    set path [server_dir $srv]/dump.rdb
    assert_equal REDIS0010 [string range [read_file $path] 0 8]
    assert_match "*RDB looks OK*" [exec redis-check-rdb $path]
    assert_same_data [everything $r] [data_of $path]
}

test "rdb-version, rdbcompression, rdbchecksum" {
    needs_oracle
    set srv [server_start]
    set r [client $srv]
    $r mset long [string repeat abc 3000] n 12345 s word
    foreach version {9 10 11} {
        assert_equal OK [$r config set rdb-version $version]
        assert_equal OK [$r save]
        assert_equal [format REDIS%04d $version] [string range [read_file [server_dir $srv]/dump.rdb] 0 8]
        server_restart $srv
        set r [client $srv]
        assert_equal [string repeat abc 3000] [$r get long]
    }
    $r config set rdb-version auto
    $r save
    set compressed [file size [server_dir $srv]/dump.rdb]
    $r config set rdbcompression no
    $r save
    set path [server_dir $srv]/dump.rdb
    assert_range [file size $path] [expr {$compressed + 5000}] 1000000
    assert_match "*RDB looks OK*" [exec redis-check-rdb $path]
}

test "rdbchecksum no: eight zero bytes" {
    set srv [server_start -config {rdbchecksum no}]
    set r [client $srv]
    $r set a b
    $r save
    assert_equal [string repeat \0 8] [string range [read_file [server_dir $srv]/dump.rdb] end-7 end]
}

foreach round {1 2 3} {
    test "BGSAVE under writes holds the instant at which it began ($round)" {
        needs_oracle
        harness::seed
        # The same commands go to redis-server up to the BGSAVE and no further: the state that the file must hold.
        set srv [server_start -config {rdb-key-save-delay 20000}]
        set oracle [oracle_start]
        set r [client $srv]
        set o [client $oracle]
        set prefix {}
        for {set i 0} {$i < 6000} {incr i} { lappend prefix [random_write] }
        foreach reply [$r -pipeline $prefix] expected [$o -pipeline $prefix] { assert_equal $expected $reply }
        # One packet: BGSAVE and writes right after it, so that nothing can slip in between.
        set first [list bgsave]
        for {set i 0} {$i < 200} {incr i} { lappend first [random_write] }
        assert_equal {status {Background saving started}} [lindex [$r -pipeline $first] 0]
        set writes 200
        set during 0
        while {[info_field $r rdb_bgsave_in_progress persistence]} {
            set more {}
            for {set i 0} {$i < 300} {incr i} { lappend more [random_write] }
            $r -pipeline $more
            incr writes 300
            incr during
            # Now and then what replaces whole databases.
            if {rand() < 0.05} { $r swapdb 0 1 }
            if {rand() < 0.02} { $r flushdb }
            if {$during == 30} { $r config set rdb-key-save-delay 0 }
        }
        assert_range $during 2 1000 "(blocks of writes during the save)"
        assert_equal ok [info_field $r rdb_last_bgsave_status persistence]
        assert_same_data [everything $o] [data_of [server_dir $srv]/dump.rdb]
        # And what was written meanwhile is there, now and after another save.
        set now [everything $r]
        assert_equal OK [$r save]
        assert_same_data $now [data_of [server_dir $srv]/dump.rdb]
    }
}

test "FLUSHALL during BGSAVE: the file has everything, the server nothing" {
    set srv [server_start -config {rdb-key-save-delay 1000}]
    set r [client $srv]
    set commands {}
    for {set i 0} {$i < 1000} {incr i} { lappend commands [list set key:$i [string repeat $i 50]] }
    $r -pipeline $commands
    set before [everything $r]
    $r -pipeline {bgsave flushall {set new 1}}
    assert_equal 1 [$r dbsize]
    $r config set rdb-key-save-delay 0
    wait_saved $r
    set copy [harness::temp_dir]/copy.rdb
    file copy [server_dir $srv]/dump.rdb $copy
    set second [server_start -rdb $copy]
    assert_same_data $before [everything [client $second]]
}

test "figures and replies around a save" {
    set srv [server_start -config {rdb-key-save-delay 20000}]
    set r [client $srv]
    set commands {}
    for {set i 0} {$i < 500} {incr i} { lappend commands [list set key:$i $i] }
    $r -pipeline $commands
    assert_equal 500 [info_field $r rdb_changes_since_last_save]
    set last [$r lastsave]
    wait_for {[clock seconds] > $last}
    assert_equal "Background saving started" [$r bgsave]
    assert_equal 1 [info_field $r rdb_bgsave_in_progress]
    assert_error "ERR Background save already in progress" {$r bgsave}
    assert_error "ERR Background save already in progress" {$r save}
    assert_error "ERR syntax error" {$r bgsave nonsense}
    $r set during 1
    $r config set rdb-key-save-delay 0
    wait_saved $r
    assert_range [$r lastsave] [expr {$last + 1}] [clock seconds]
    assert_equal 1 [info_field $r rdb_changes_since_last_save]
    assert_equal ok [info_field $r rdb_last_bgsave_status]
    assert_range [info_field $r rdb_last_bgsave_time_sec] 0 60
    assert_equal {dump.rdb} [lmap f [glob -directory [server_dir $srv] -tails *] { if {[string match std* $f]} continue; set f }]
}

test "save points" {
    set srv [server_start -config {save {1 2}}]
    set r [client $srv]
    $r set a 1
    $r set b 2
    wait_for {[file exists [server_dir $srv]/dump.rdb] && [info_field $r rdb_changes_since_last_save] == 0} 15000 50
    assert_equal ok [info_field $r rdb_last_bgsave_status]
}

foreach {how script saved} {
    "SIGTERM with save points" {server_signal $srv TERM} 1
    "SHUTDOWN with save points" {$r -send shutdown} 1
    "SHUTDOWN NOSAVE" {$r -send shutdown nosave} 0
} {
    test "$how: [expr {$saved ? {saves} : {does not save}}]" {
        set srv [server_start -config {save {3600 1000000}}]
        set r [client $srv]
        $r set k v
        eval $script
        assert_equal 0 [server_wait_exit $srv]
        assert_equal $saved [file exists [server_dir $srv]/dump.rdb]
    }
}

test "SHUTDOWN SAVE without save points saves; SIGTERM does not" {
    set srv [server_start]
    set r [client $srv]
    $r set k v
    $r -send shutdown save
    assert_equal 0 [server_wait_exit $srv]
    assert [file exists [server_dir $srv]/dump.rdb]
    set srv [server_start]
    [client $srv] set k v
    server_stop $srv
    assert ![file exists [server_dir $srv]/dump.rdb]
}

test "shutdown during a save ends the save and saves what is there" {
    set srv [server_start -config {save {3600 1000000} rdb-key-save-delay 10000000}]
    set r [client $srv]
    $r set k old
    $r set other 1
    $r bgsave
    $r set k new
    $r config set rdb-key-save-delay 0
    server_stop $srv
    server_restart $srv -config {rdb-key-save-delay 0}
    assert_equal new [[client $srv] get k]
}

test "kill -9 during a save leaves the old file" {
    set srv [server_start]
    set r [client $srv]
    $r set k old
    $r save
    set before [read_file [server_dir $srv]/dump.rdb]
    set commands {}
    for {set i 0} {$i < 500} {incr i} { lappend commands [list set key:$i $i] }
    $r -pipeline $commands
    $r config set rdb-key-save-delay 100000
    $r bgsave
    wait_for {[llength [glob -nocomplain -directory [server_dir $srv] temp-*]] > 0}
    server_kill $srv
    assert_equal $before [read_file [server_dir $srv]/dump.rdb]
    server_restart $srv
    assert_equal 1 [[client $srv] dbsize]
}

# ---- saves that fail ----

# What holds for every failing save. The server has save points, so a failure stops writes.
proc failing_save {srv r} {
    assert_error "ERR*" {$r save}
    # SAVE alone sets the state as well; BGSAVE surely does.
    $r -typed bgsave
    wait_saved $r
    assert_equal err [info_field $r rdb_last_bgsave_status persistence]
    assert_error "MISCONF *" {$r set k blocked}
    assert_error "MISCONF *" {$r del k}
    assert_equal v [$r get k]
    assert_regexp {(?i)(sav|rdb).*(error|fail|denied|no such|space|director)} [server_log $srv]
    assert_equal OK [$r config set stop-writes-on-bgsave-error no]
    assert_equal OK [$r set k written]
    assert_equal OK [$r config set stop-writes-on-bgsave-error yes]
    assert_error "MISCONF *" {$r set k blocked}
    assert_equal {} [glob -nocomplain -directory [server_dir $srv] temp-*]
}

# And after the reason is gone.
proc save_recovers {r} {
    assert_equal "Background saving started" [$r bgsave]
    wait_saved $r
    assert_equal ok [info_field $r rdb_last_bgsave_status persistence]
    assert_equal OK [$r set k again]
}

test "a folder that is gone" {
    set dir [file join [harness::temp_dir] sub]
    file mkdir $dir
    set srv [server_start -dir $dir -config {save {3600 1000000}}]
    set r [client $srv]
    $r set k v
    file delete -force $dir
    failing_save $srv $r
    # Else the end of the test could not end it.
    $r config set save ""
}

test "a folder in the file's place: the new file cannot take its name" {
    set dir [harness::temp_dir]
    set srv [server_start -dir $dir -config {save {3600 1000000}}]
    set r [client $srv]
    $r set k v
    file mkdir $dir/dump.rdb
    failing_save $srv $r
    file delete $dir/dump.rdb
    save_recovers $r
}

test "a full disk: the old file stays" {
    set dir [harness::temp_dir]
    if {[catch {exec mount -t tmpfs -o size=1m tmpfs $dir}]} { skip "may not mount a tmpfs" }
    try {
        set srv [server_start -dir $dir -config {save {3600 1000000} rdbcompression no}]
        set r [client $srv]
        $r set k v
        assert_equal OK [$r save]
        set before [read_file $dir/dump.rdb]
        $r set big [string repeat x 3000000]
        failing_save $srv $r
        assert_equal $before [read_file $dir/dump.rdb]
        # A shutdown that cannot save does not happen, unless it is forced.
        assert_error "ERR Errors trying to SHUTDOWN. Check logs." {$r shutdown}
        assert_equal v0 v[expr {[$r exists big] - 1}]
        $r config set stop-writes-on-bgsave-error no
        $r del big
        $r config set stop-writes-on-bgsave-error yes
        save_recovers $r
        server_stop $srv
    } finally {
        catch {server_kill $srv}
        exec umount -l $dir
    }
}

test "a read-only folder" {
    if {[exec id -u] == 0} { skip "root may write anywhere" }
    set dir [harness::temp_dir]
    set srv [server_start -dir $dir -config {save {3600 1000000}}]
    set r [client $srv]
    $r set k v
    assert_equal OK [$r save]
    set before [read_file $dir/dump.rdb]
    file attributes $dir -permissions 0555
    failing_save $srv $r
    assert_equal $before [read_file $dir/dump.rdb]
    file attributes $dir -permissions 0755
    save_recovers $r
}

test "SHUTDOWN FORCE leaves although it cannot save" {
    set dir [file join [harness::temp_dir] sub]
    file mkdir $dir
    set srv [server_start -dir $dir -config {save {3600 1000000}}]
    set r [client $srv]
    $r set k v
    file delete -force $dir
    $r -send shutdown force
    assert_equal 0 [server_wait_exit $srv]
}

test "DEBUG RELOAD: through a file and back" {
    set srv [server_start]
    set r [client $srv]
    harness::seed
    set commands {}
    for {set i 0} {$i < 1000} {incr i} { lappend commands [random_write] }
    $r -pipeline $commands
    $r select 0
    set before [everything $r]
    assert_equal OK [$r debug reload]
    assert_same_data $before [everything $r]
}

test "memory: what a save keeps for its picture is given back" {
    set srv [server_start -config {rdb-key-save-delay 500}]
    set r [client $srv]
    set commands {}
    for {set i 0} {$i < 1000} {incr i} { lappend commands [list set key:$i [string repeat $i 100]] }
    $r -pipeline $commands
    set before [info_field $r used_memory memory]
    $r bgsave
    $r -pipeline $commands
    $r -pipeline $commands
    $r config set rdb-key-save-delay 0
    wait_saved $r
    wait_for {[info_field $r used_memory memory] < $before * 1.3 + 200000}
}

# Megabytes of one row of the memory tree.
proc owner_mb {r name} {
    regexp "\"name\":\"$name\",\"bytes\":(-?\\d+)" [$r memory tree json] -> bytes
    return [expr {$bytes / 1048576.0}]
}

# A disk that is far too slow for the traffic, and all the data overwritten meanwhile, most of it several times: what comes on top is
# the old state of what was overwritten, once, and little else. TARN_SNAPSHOT_MB=2048 in make long.
test "a slow save under writes needs the overwritten data once more, and 3 %" {
    set mb [expr {[info exists ::env(TARN_SNAPSHOT_MB)] ? $::env(TARN_SNAPSHOT_MB) : 30}]
    set keys [expr {$mb * 1024}]
    set srv [server_start]
    set r [client $srv]
    $r -timeout 600000
    $r debug populate $keys key 1000
    set batches {}
    for {set at 0} {$at < $keys} {incr at 500} {
        set batch {}
        for {set i $at} {$i < min($at + 500, $keys)} {incr i} { lappend batch [list set key:$i [string repeat [expr {$i % 10}] 1000]] }
        lappend batches $batch
    }
    set half [lrange $batches 0 [expr {[llength $batches] / 2}]]
    set before [owner_mb $r used]
    $r config set rdb-key-save-delay 10000
    $r bgsave
    set peak 0
    set extra 0
    # Nothing of what is overwritten can have been saved before at this pace: half of the keys twice, then all.
    foreach batch [concat $half $half $batches] {
        $r -pipeline $batch
        set peak [expr {max($peak, [owner_mb $r used] - $before)}]
        set extra [expr {max($extra, [owner_mb $r used] - $before - [owner_mb $r limbo])}]
    }
    assert_equal 1 [info_field $r rdb_bgsave_in_progress persistence]
    $r config set rdb-key-save-delay 0
    wait_saved $r
    puts "  # before $before MB, at most $peak MB more, of it $extra MB not what the save reads"
    assert_range $peak [expr {0.9 * $before}] [expr {1.03 * $before + 1}]
    assert_range $extra -1 [expr {0.03 * $before + 1}]
    wait_for {[owner_mb $r used] < $before * 1.03 + 1}
}

test "a save that runs keeps its folder when dir changes" {
    set srv [server_start -config {enable-protected-configs yes rdb-key-save-delay 10000}]
    set r [client $srv]
    $r debug populate 1000
    set other [harness::temp_dir]
    $r bgsave
    wait_for {[glob -nocomplain -directory [server_dir $srv] temp-*] ne {}}
    assert_equal OK [$r config set dir $other rdb-key-save-delay 0]
    wait_saved $r
    assert_equal ok [info_field $r rdb_last_bgsave_status persistence]
    assert [file exists [server_dir $srv]/dump.rdb]
    assert_equal {} [glob -nocomplain -directory $other *]
    assert_equal {} [glob -nocomplain -directory [server_dir $srv] temp-*]
}

test "a server that starts in the folder of another leaves the file alone that the other writes" {
    set srv [server_start -config {rdb-key-save-delay 10000 enable-protected-configs yes}]
    set r [client $srv]
    $r debug populate 1000
    $r config set dbfilename other.rdb rdb-key-save-delay 0
    $r save
    $r config set dbfilename dump.rdb rdb-key-save-delay 10000
    $r bgsave
    wait_for {[glob -nocomplain -directory [server_dir $srv] temp-*] ne {}}
    set second [server_start -dir [server_dir $srv] -config {dbfilename other.rdb}]
    assert_equal 1000 [[client $second] dbsize]
    $r config set rdb-key-save-delay 0
    wait_saved $r
    assert_equal ok [info_field $r rdb_last_bgsave_status persistence]
}

test "CLIENT REPLY OFF holds back the replies of what waits" {
    set srv [server_start]
    set r [client $srv]
    $r -send client reply off
    $r -send save
    $r -send debug reload
    $r -send client reply on
    assert_equal OK [$r -read]
    assert_equal here [$r echo here]
}

test "what is written while DEBUG RELOAD gives way to a shutdown is refused or saved" {
    set srv [server_start -config {save {3600 1} rdb-key-save-delay 4000}]
    set r [client $srv]
    set w [client $srv]
    $r debug populate 1000
    $r -send debug reload
    wait_for {[glob -nocomplain -directory [server_dir $srv] temp-*] ne {}}
    server_signal $srv TERM
    wait_for {[string match "*Saving the final RDB snapshot*" [server_log $srv]]}
    $w -send set late 1
    set reply [$w -raw_rest]
    assert_equal 0 [server_wait_exit $srv]
    assert_equal "" $reply
}
