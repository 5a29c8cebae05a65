# How true the progress of a load is, over five kinds of files: how long it was to last, at each moment, beside how long it lasted;
# the percentage, which never falls and does not wait at its end. Slowed down here, so that sleeping outweighs a machine's noise;
# with TARN_LONG (make long) files that take their seconds by themselves.
#
# What else will run on the machine nobody can foretell. So in the long form a load whose thread has waited for a
# processor for more than a tenth of its time says nothing: it is watched again, and the test is skipped when that is always so.
source [file join [file dirname [info script]] harness harness.tcl]
foreach file {forecast http json} { source [file join [file dirname [info script]] support $file.tcl] }

# {status answer}: what GET path says, as a dict.
proc get {port path} {
    lassign [http_get $port $path] status - body
    return [list $status [json::parse $body]]
}

set long [info exists ::env(TARN_LONG)]

# kind, size, key-load-delay and how many delays there are, here; size in the long form, which has none
foreach {kind n delay delays long_n} {
    uniform 4 450 4000 20000
    "heavy end" 8 500 4400 6000
    compressible 3 1600 1050 16000
    "giant zset" 40 0 0 10000
    "base and tail" 4 350 5200 8000
} {
    test "what is foretold comes true: $kind" {
        if {!$delay && !$long} { skip "too short to foretell anything: see make long" }
        if {$long} { lassign [list $long_n 0] n delay }
        set options [forecast::make $kind $n]
        dict set options -config key-load-delay $delay
        # What else runs on the machine comes and goes, which nobody can foretell: one of five times is to be good (in
        # make long, where loads last: the first that was not disturbed, of three). Under a sanitizer only what holds at any pace is
        # asked for; and where nearly every load takes much longer than its delays, which a timer makes some 60 us longer, the machine
        # has no pace.
        set steady 0
        set tries [expr {$long ? 3 : $harness::slow > 1 ? 1 : 5}]
        for {set try 0} {$try < $tries} {incr try} {
            set srv [server_start {*}$options -wait listening]
            set watched [forecast::watch $srv]
            lassign [forecast::judge $watched 0.2 [expr {$long ? 1000 : 500 * $harness::slow}]] good falls above worst count
            lassign $watched - total waited
            puts "# $kind: $total ms, [format %.1f [expr {100 * $good}]] % of $count samples good, worst $worst ms, [format %.1f [expr {100 * $above}]] % above 99, $waited ms waiting"
            server_stop $srv
            assert_equal 0 $falls "the percentage fell"
            if {$good >= 0.95 && $above <= 0.05} { break }
            if {$long && $waited < $total / 10} { break }
            incr steady [expr {!$long && $total < 1.25 * $delays * ($delay + 60) / 1000}]
        }
        if {$long} { file delete -force [dict get $options -dir] }
        assert_range $count 20 100000
        if {$tries > 1 && $try == $tries && $steady < 2} { skip "the machine is too busy to foretell anything" }
        if {$harness::slow == 1} {
            assert_range $good 0.95 1 "$worst ms at worst"
            assert_range $above 0 0.05
        }
    }
}

test "the phases, the keys by type and the memory of a load are shown, in INFO and by HTTP" {
    set options [forecast::make "base and tail" 1]
    set http [free_port]
    dict set options -config key-load-delay 20000
    dict set options -config http-port $http
    dict set options -config http-bind 127.0.0.1
    set srv [server_start {*}$options -wait listening]
    set r [client $srv]
    wait_for {[info_field $r loading_loaded_keys persistence] > 10}
    assert_equal base [info_field $r loading_phase persistence]
    assert_range [info_field $r loading_loaded_strings persistence] 1 500
    assert_equal 0 [info_field $r loading_loaded_hashes persistence]
    foreach path {/readyz /api/loading} {
        wait_for {[dict get [lindex [set reply [get $http $path]] 1] load_phase] eq "base"}
        lassign $reply status answer
        assert_equal [expr {$path eq "/readyz" ? 503 : 200}] $status
        foreach field {phase percent eta_seconds remaining_ms loaded_bytes total_bytes} { assert [dict exists $answer $field] $field }
    }
    assert_range [dict get $answer loaded_keys_by_type string] 1 500
    assert_range [dict get $answer memory_by_owner strings] 1 1000000
    # The delay is for commands, too.
    $r config set key-load-delay 0
    wait_for {[info_field $r loading persistence] == 0}
    assert_equal "" [info_field $r loading_phase persistence]
}
