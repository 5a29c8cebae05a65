# The pages of files that were written or loaded leave the page cache: their memory is wanted for the data.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support forecast.tcl]

proc cached_kb {path} { return [expr {[lindex [exec fincore -b -n -o RES $path] 0] / 1024}] }

# A file system in memory keeps its pages, whoever asks.
proc needs_page_cache {} {
    if {[auto_execok fincore] eq ""} { skip "no fincore" }
    set path [harness::temp_dir]/file
    write_file $path [string repeat x 1000000]
    exec sync $path
    exec dd if=$path iflag=nocache count=0 2>/dev/null
    if {[cached_kb $path] > 500} { skip "this file system does not give pages back" }
}

test "a file that was saved, and one that was loaded, do not stay in the page cache" {
    needs_page_cache
    set options [forecast::make uniform 600]
    set path [dict get $options -dir]/dump.rdb
    set kb [expr {[file size $path] / 1024}]
    assert_range $kb 20000 100000
    assert_range [cached_kb $path] 0 1024
    exec cat $path >/dev/null
    assert_range [cached_kb $path] [expr {$kb - 1024}] [expr {$kb + 1024}]
    set srv [server_start {*}$options]
    wait_for {[cached_kb $path] < 1024}
    server_stop $srv
}

test "the pages go while a file is still being loaded" {
    needs_page_cache
    set options [forecast::make uniform 800]
    set path [dict get $options -dir]/dump.rdb
    set kb [expr {[file size $path] / 1024}]
    exec cat $path >/dev/null
    dict set options -config key-load-delay 30
    set srv [server_start {*}$options -wait listening]
    set r [client $srv]
    $r config set key-load-delay -20
    wait_for {[info_field $r loading_loaded_bytes persistence] > 25000000} 60000
    $r config set key-load-delay 1000000
    wait_for {[cached_kb $path] < $kb - 15000}
    assert_equal 1 [info_field $r loading persistence]
    $r config set key-load-delay 0
    wait_for {[info_field $r loading persistence] == 0} 20000
    wait_for {[cached_kb $path] < 1024}
}
