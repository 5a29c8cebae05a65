# Fields with times, as Valkey 9 documents them: valkey.io/commands/hexpire and its neighbours. Redis 7.0 has none of it.
source [file join [file dirname [info script]] harness harness.tcl]

proc events_of {c listener request} {
    catch {$c {*}$request}
    $listener -send ping
    set events {}
    while {[lindex [set message [$listener -read]] 0] eq "pmessage"} { lappend events [lindex [split [lindex $message 2] :] end] }
    return $events
}

proc late {} { return [expr {[clock milliseconds] + 1000000}] }

# HTTL, with what is left of the 100 seconds that these tests give as 100, however slow they are.
proc httl {key args} { return [lmap left [$::r httl $key {*}$args] { expr {$left > 40 && $left < 100 ? 100 : $left} }] }

with_server srv {} {
set r [client $srv]

test "HEXPIRE and its kin: replies and conditions" {
    foreach {command soon later past} [list hexpire 100 200 0 hpexpire 100000 200000 0 hexpireat [expr {[clock seconds] + 100}] \
        [expr {[clock seconds] + 200}] 1 hpexpireat [late] [expr {[late] + 1000}] [expr {[clock milliseconds] - 1}]] {
        $r flushall
        $r hset h a 1 b 2 c 3
        assert_equal {1 -2} [$r $command h $soon fields 2 a none]
        assert_equal hashtable [$r object encoding h]
        assert_equal {0 1} [$r $command h $soon NX FIELDS 2 a b]
        assert_equal {1 0} [$r $command h $later xx fields 2 a c]
        assert_equal {0 0} [$r $command h $soon gt fields 2 a c]
        assert_equal {1 1} [$r $command h $soon lt fields 2 a c]
        assert_equal {0} [$r $command h $later lt fields 1 a]
        assert_equal {1} [$r $command h $later xx gt fields 1 a]
        assert_equal {2 2 -2} [$r $command h $past fields 3 a b a]
        assert_equal {c 3} [$r hgetall h]
        assert_equal {2} [$r $command h $past fields 1 c]
        assert_equal 0 [$r exists h]
        assert_equal {-2 -2} [$r $command h $soon fields 2 a b]
        assert_equal 0 [$r exists h]
    }
}

test "what fields are told of their times" {
    $r flushall
    $r hset h a 1 b 2
    set at [late]
    $r hpexpireat h $at fields 1 a
    assert_equal [list $at -1 -2] [$r hpexpiretime h fields 3 a b none]
    assert_equal [list [expr {($at + 500) / 1000}] -1 -2] [$r hexpiretime h fields 3 a b none]
    lassign [$r hpttl h fields 3 a b none] left without none
    assert {$left > 900000 && $left <= 1000000 && $without == -1 && $none == -2}
    lassign [httl h fields 3 a b none] left without none
    assert {$left > 900 && $left <= 1000 && $without == -1 && $none == -2}
    foreach command {httl hpttl hexpiretime hpexpiretime} { assert_equal {-2 -2} [$r $command none fields 2 a b] }
    assert_equal {1 -1 -2} [$r hpersist h fields 3 a b none]
    assert_equal {-1} [httl h fields 1 a]
    assert_equal {-2} [$r hpersist none fields 1 a]
}

test "errors" {
    $r flushall
    $r hset h a 1
    $r set s x
    set numfields "ERR numfields should be greater than 0 and match the provided number of fields"
    foreach {request error} [list \
        {hexpire h x fields 1 a} "ERR value is not an integer or out of range" \
        {hexpire h -1 fields 1 a} "ERR invalid expire time in 'hexpire' command" \
        {hpexpire h 9223372036854775807 fields 1 a} "ERR invalid expire time in 'hpexpire' command" \
        {hexpireat h 9223372036854775807 fields 1 a} "ERR invalid expire time in 'hexpireat' command" \
        {hexpire h 10 nx xx fields 1 a} "ERR NX and XX, GT or LT options at the same time are not compatible" \
        {hexpire h 10 gt lt fields 1 a} "ERR GT and LT options at the same time are not compatible" \
        {hexpire h 10 fields 2 a} $numfields {hexpire h 10 fields 0 a} $numfields {hexpire h 10 fields 1 a b} $numfields \
        {hexpire h 10 fields -1 a} $numfields {hexpire h 10 fields x a} "ERR value is not an integer or out of range" \
        {hexpire h 10 field 1 a} "ERR syntax error" {hexpire h 10 fields 1} "ERR wrong number of arguments for 'hexpire' command" \
        {httl h fields 2 a} $numfields {httl h foo 1 a} "ERR syntax error" {hpersist h fields 0 a} $numfields \
        {hgetdel h fields 2 a} $numfields {hgetex h ex 10 px 10 fields 1 a} "ERR syntax error" \
        {hgetex h ex -1 fields 1 a} "ERR invalid expire time in 'hgetex' command" \
        {hgetex h ex x fields 1 a} "ERR value is not an integer or out of range" {hgetex h keepttl fields 1 a} "ERR syntax error" \
        {hgetex h ex 10 1 a} "ERR syntax error" {hgetex h ex 10 fields 2 a} $numfields \
        {hsetex h fnx fxx fields 1 a 1} "ERR syntax error" {hsetex h ex 10 keepttl fields 1 a 1} "ERR syntax error" \
        {hsetex h px 100 fields 1 a 1 extra} $numfields {hsetex h fields 2 a 1} $numfields \
        {hsetex h ex -1 fields 1 a 1} "ERR invalid expire time in 'hsetex' command"] {
        assert_error $error {$r {*}$request} $request
    }
    foreach request {{hexpire s 10 fields 1 a} {httl s fields 1 a} {hpersist s fields 1 a} {hgetex s fields 1 a} {hgetex s ex 1 fields 1 a}
        {hsetex s fields 1 a 1} {hgetdel s fields 1 a}} {
        assert_error "WRONGTYPE*" {$r {*}$request} $request
    }
    assert_equal {a 1} [$r hgetall h]
}

test "HSETEX" {
    $r flushall
    assert_equal 0 [$r hsetex h fxx ex 10 fields 1 a 1]
    assert_equal 0 [$r exists h]
    assert_equal 1 [$r hsetex h fnx ex 100 fields 2 a 1 b 2]
    assert_equal {100 100} [httl h fields 2 a b]
    assert_equal 0 [$r hsetex h fnx fields 2 b 9 c 9]
    assert_equal 0 [$r hsetex h fxx fields 2 b 9 c 9]
    assert_equal 1 [$r hsetex h fxx keepttl fields 2 a 3 b 4]
    assert_equal {100 100} [httl h fields 2 a b]
    assert_equal {3 4} [$r hmget h a b]
    assert_equal 1 [$r hsetex h fields 1 a 5]
    assert_equal {-1 100} [httl h fields 2 a b]
    assert_equal 1 [$r hsetex h pxat [late] fields 1 c 1]
    assert_equal 1 [$r hsetex h px 0 fields 3 a 1 b 1 new 1]
    assert_equal {c 1} [$r hgetall h]
    assert_equal 1 [$r hsetex h exat 1 fields 1 c 1]
    assert_equal 0 [$r exists h]
    assert_equal 1 [$r hsetex h ex 0 fields 1 c 1]
    assert_equal 0 [$r exists h]
}

test "HGETEX and HGETDEL" {
    $r flushall
    $r hset h a 1 b 2 c 3
    assert_equal {1 (nil) 3} [$r hgetex h fields 3 a none c]
    assert_equal listpack [$r object encoding h]
    assert_equal {1 (nil)} [$r hgetex h ex 100 fields 2 a none]
    assert_equal {100 -1} [httl h fields 2 a b]
    assert_equal {1 1} [$r hgetex h persist fields 2 a a]
    assert_equal {-1} [httl h fields 1 a]
    assert_equal {1 (nil)} [$r hgetex h pxat 5 fields 2 a a]
    assert_equal {(nil) (nil)} [$r hgetex none ex 5 fields 2 a a]
    assert_equal {2 (nil) (nil)} [$r hgetdel h fields 3 b b none]
    assert_equal {3} [$r hgetdel h fields 1 c]
    assert_equal 0 [$r exists h]
    assert_equal {(nil)} [$r hgetdel h fields 1 c]
}

test "what other commands do to a field's time" {
    $r flushall
    $r hsetex h ex 100 fields 5 a 1 b 1 c 1 d 1 e 1
    $r hset h a 2
    $r hincrby h b 2
    $r hincrbyfloat h c 2
    $r hsetnx h d 2
    $r hdel h e
    $r hset h e 1
    assert_equal {-1 100 100 100 -1} [httl h fields 5 a b c d e]
    $r copy h copy
    assert_equal {-1 100} [httl copy fields 2 a b]
    $r rename copy moved
    assert_equal {-1 100} [httl moved fields 2 a b]
}

test "a due field is not there, though nobody has taken it away yet" {
    $r flushall
    $r debug set-active-expire 0
    $r hset h stays 1
    $r hsetex h px 1 fields 4 a 1 b 2 c 3 d 4
    wait_for { [$r hpttl h fields 1 d] eq -2 }
    assert_equal 1 [$r hlen h]
    assert_equal {stays 1} [$r hgetall h]
    assert_equal stays [$r hkeys h]
    assert_equal {0 {stays 1}} [$r hscan h 0]
    assert_equal {(nil) 1} [$r hmget h a stays]
    assert_equal {0 0 (nil)} [list [$r hexists h a] [$r hstrlen h a] [$r hget h a]]
    assert_equal [lrepeat 30 stays] [$r hrandfield h -30]
    assert_equal stays [$r hrandfield h 5]
    assert_equal {-2} [$r hexpire h 100 fields 1 a]
    assert_equal {-2} [$r hpersist h fields 1 a]
    assert_equal {(nil)} [$r hgetdel h fields 1 a]
    assert_equal 0 [$r hdel h a]
    assert_equal 0 [$r hsetex h fxx ex 10 fields 1 a 1]
    assert_equal 1 [$r hset h a 5]
    assert_equal 7 [$r hincrby h b 7]
    assert_equal 1 [$r hsetnx h c 8]
    assert_equal 1 [$r hsetex h fnx keepttl fields 1 d 9]
    assert_equal {-1 -1 -1 -1} [httl h fields 4 a b c d]
    assert_equal 5 [$r hlen h]
    $r debug set-active-expire 1
}

test "RESTORE of a hash whose fields have all ended is right, and leaves no key" {
    $r flushall
    set payload [lindex [$r -pipeline {{hsetex h px 20 fields 2 a 1 b 2} {dump h}}] 1 1]
    wait_for { [$r exists h] eq 0 }
    assert_equal OK [$r restore h 0 $payload]
    assert_equal 0 [$r exists h]
    $r set h kept
    assert_error "BUSYKEY*" {$r restore h 0 $payload}
    assert_equal OK [$r restore h 0 $payload replace]
    assert_equal 0 [$r exists h]
}

test "fields go on time, and the hash with the last" {
    $r flushall
    set pairs {}
    for {set i 0} {$i < 2000} {incr i} { lappend pairs f$i $i }
    $r hset h {*}$pairs stays 1
    $r hpexpire h 50 fields 2000 {*}[dict keys $pairs]
    wait_for { [$r hlen h] == 1 }
    $r hsetex gone px 20 fields 2 a 1 b 2
    wait_for { [$r exists gone] == 0 }
    assert_equal {stays 1} [$r hgetall h]
}

test "events" {
    $r flushall
    $r config set notify-keyspace-events EA
    set l [client $srv]
    $l -typed psubscribe __key*
    foreach {request events} {
        {hset h a 1 b 2 c 3} hset  {hexpire h 100 fields 2 a none} hexpire  {hexpire h 100 nx fields 1 a} {}  {hexpire h 0 fields 1 a} hexpired
        {hpersist h fields 1 b} {}  {hgetex h ex 100 fields 1 b} hexpire  {hpersist h fields 1 b} hpersist  {hgetex h persist fields 1 b} {}
        {hgetex h px 0 fields 1 b} hexpired  {hsetex h ex 100 fields 1 d 1} {hset hexpire}  {hsetex h keepttl fields 1 d 2} hset
        {hsetex h fields 1 d 2} hset  {hsetex h px 0 fields 1 d 2} hexpired  {hgetdel h fields 1 none} {}  {hgetdel h fields 1 c} {hdel del}
        {hsetex h px 0 fields 1 d 2} {}  {hset h a 1} hset  {hpexpireat h 1 fields 1 a} {hexpired del}
    } {
        assert_equal $events [events_of $r $l $request] $request
    }
    $r hset h a 1 b 2
    $r hpexpire h 10 fields 2 a b
    $l -read
    $l -read
    assert_equal __keyevent@0__:hexpired [lindex [$l -read] 2]
    assert_equal __keyevent@0__:del [lindex [$l -read] 2]
    $l -close
}

test "a save keeps the times, where the version can hold them" {
    $r flushall
    $r hset h a 1 b 2
    set at [late]
    $r hpexpireat h $at fields 1 a
    set dump [$r dump h]
    $r restore copy 0 $dump
    assert_equal [list $at -1] [$r hpexpiretime copy fields 2 a b]
}

}
