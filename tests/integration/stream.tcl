# The stream commands, beside redis-server, in both protocols.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]
source [file join [file dirname [info script]] support effects.tcl]

# A typed reply without times: of the clock, and how long something has been idle.
proc timeless {reply} {
    regsub -all {\{int 1[789][0-9]{11}\}} $reply {{int T}} reply
    regsub -all {\{bulk (idle|inactive)\} \{int -?[0-9]+\}} $reply {{bulk \1} {int T}} reply
    regsub -all {(\{bulk [0-9]+-[0-9]+\} \{bulk (\S*|\{[^\}]*\})\}) \{int [0-9]+\}(?= \{int)} $reply {\1 {int T}} reply
    return $reply
}

# As `same`, times apart; after each request all that can be known of the key.
proc same_stream {key requests} {
    set all {}
    foreach request $requests { lappend all $request [list xinfo stream $key full count 0] [list xinfo stream $key] [list object encoding $key] }
    same_timeless $all
}
proc same_timeless {requests} {
    foreach request $requests our [$::r -pipeline $requests] their [$::o -pipeline $requests] {
        assert_equal [timeless $their] [timeless $our] $request
    }
}
# In both protocols.
proc both_protocols {body} {
    foreach version {2 3} {
        foreach c [list $::r $::o] { $c hello $version }
        fresh
        uplevel 1 $body
    }
    foreach c [list $::r $::o] { $c hello 2 }
}

# Five entries, 1-0 to 5-0, and a group.
set five {{xadd x 1-0 a 1} {xadd x 2-0 a 2 b 3} {xadd x 3-0 a 3} {xadd x 4-0 c 4} {xadd x 5-0 a 5} {xgroup create x g 0}}

with_both {

test "XADD: IDs, fields and errors" {
    both_protocols {
        same_stream x {
            {xadd x 1-1 a 1} {xadd x 1-1 a 1} {xadd x 1-0 a 1} {xadd x 0-0 a 1} {xadd x 0 a 1} {xadd x 1-* a 2} {xadd x 1-* b 2} {xadd x 5 a 1}
            {xadd x 5-* a 1} {xadd x 4-* a 1} {xadd x *-1 a 1} {xadd x x a 1} {xadd x 1-x a 1} {xadd x -1 a 1} {xadd x 6-1- a 1}
            {xadd x +1 a 1} {xadd x "" a 1} {xadd x - a 1} {xadd x + a 1} {xadd x "7 " a 1} {xadd x 6-* a} {xadd x 6-*} {xadd x *} {xadd x}
            {xadd x 6-01 a 1} {xadd x 007-1 a 1} {xadd x 18446744073709551616-1 a 1} {xadd x 8-18446744073709551615 a 1} {xadd x 8-* a 1}
            {xadd x 9-0 a 1 a 2 a 3} {xadd x 9-1 "" ""} {xadd x 9-2 n -9223372036854775808 m 9223372036854775807 o 007 p 1.50 q -0}
            {xadd x 18446744073709551615-18446744073709551614 a 1} {xadd x 18446744073709551615-* a 1} {xadd x * a 1}
            {xadd x 18446744073709551615-* a 1} {xrange x - +} {xrevrange x + -}
        }
        same_stream y {
            {xadd y 0-1 a 1} {xadd y 0-* a 1} {xadd y nomkstream 3-1 a 1} {del y} {xadd y nomkstream 3-1 a 1} {xadd y NoMkStream 3-1 a} {xadd y nomkstream x a 1}
            {xadd y nomkstream * a 1} {xadd y 0-* a 1} {xadd y nomkstream nomkstream 1-* a 1}
        }
        same {{set s x} {xadd s 1-1 a 1} {xadd s x a 1} {xadd s 0-0 a 1} {xadd s nomkstream 1-1 a 1} {xadd s maxlen x 1-1 a 1} {get s}}
    }
}

test "XADD by the clock" {
    foreach c [list $r $o] {
        $c flushall
        set before [clock milliseconds]
        set id [$c xadd x * a 1]
        assert_match *-0 $id
        assert_range [lindex [split $id -] 0] [expr {$before - 1000}] [expr {[clock milliseconds] + 1000}]
        # A clock that is behind the last ID.
        set ahead [expr {[clock milliseconds] + 1000000}]
        $c xadd x $ahead-7 a 1
        assert_equal $ahead-8 [$c xadd x * a 1]
        $c xadd x $ahead-18446744073709551615 a 1
        assert_equal [expr {$ahead + 1}]-0 [$c xadd x * a 1]
    }
}

test "XADD and XTRIM: trimming" {
    both_protocols {
        same {{config set stream-node-max-entries 4}}
        for {set i 1} {$i <= 30} {incr i} { same [list [list xadd x $i-0 f $i]] }
        same_stream x {
            {xtrim x maxlen 28} {xtrim x maxlen ~ 27} {xtrim x maxlen ~ 20} {xtrim x maxlen = 19} {xtrim x minid 14} {xtrim x minid ~ 19}
            {xtrim x minid ~ 22-1} {xtrim x minid = 22-1} {xadd x maxlen 6 31-0 a 1} {xadd x maxlen ~ 3 32-0 a 1} {xadd x minid 30 33-0 a 1}
            {xadd x minid ~ 33 34-0 a 1} {xadd x nomkstream maxlen ~ 3 limit 1 35-0 a 1} {xadd x maxlen ~ 3 limit 4 nomkstream 36-0 a 1}
            {xadd x maxlen 1 37-0 a 1} {xadd x maxlen 0 38-0 a 1} {xadd x 38-0 a 1} {xadd x 39-0 a 1} {xtrim x maxlen 0} {xtrim x maxlen 0}
        }
        for {set i 40} {$i <= 80} {incr i} { same [list [list xadd x $i-0 f $i]] }
        same_stream x {
            {xtrim x maxlen ~ 0 limit 0} {xadd x 100-0 a 1} {xtrim x maxlen ~ 0 limit 3} {xtrim x maxlen ~ 5 limit 9} {xtrim x minid ~ 70 limit 4}
            {xtrim x minid ~ 200}
        }
        same {{config set stream-node-max-entries 100}}
        same_stream x {
            {xtrim x} {xtrim x maxlen} {xtrim x maxlen x} {xtrim x maxlen -1} {xtrim x minid x} {xtrim x minid -} {xtrim x minid (1} {xtrim x foo 1}
            {xtrim x maxlen = } {xtrim x maxlen ~ 1 limit} {xtrim x maxlen 1 limit 1} {xtrim x maxlen = 1 limit 1} {xtrim x limit 1}
            {xtrim x maxlen ~ 1 limit -1} {xtrim x maxlen ~ 1 limit x} {xtrim x maxlen 1 minid 1} {xtrim x maxlen 1 maxlen 1}
            {xtrim x maxlen 1 foo} {xadd x maxlen} {xadd x maxlen 1} {xadd x limit 1 900-0 a 1} {xadd x maxlen 1 limit 1 900-0 a 1} {xtrim x limit 1 maxlen ~ 5}
            {xadd x maxlen 1 minid 1 900-0 a 1} {xadd x maxlen x 900-0 a 1} {xadd x maxlen ~ 900-0 a 1} {xadd x maxlen -5 900-0 a 1} {xtrim x nomkstream maxlen 1}
            {xtrim x maxlen ~ 1 limit 9223372036854775807} {xtrim x maxlen 9223372036854775807} {xtrim x maxlen 9223372036854775808}
        }
        same {{xtrim none maxlen 1} {xtrim none x 1} {set s x} {xtrim s maxlen 1} {xtrim s maxlen x} {xtrim s minid}}
    }
}

test "nodes by bytes and by entries" {
    foreach {bytes entries} {4096 0 0 7 64 100 0 0 1 1} {
        fresh
        same [list [list config set stream-node-max-bytes $bytes] [list config set stream-node-max-entries $entries]]
        set requests {}
        for {set i 1} {$i < 400} {incr i} { lappend requests [list xadd x $i-[expr {$i % 3}] field [string repeat $i [expr {$i % 7}]] f[expr {$i % 5}] $i] }
        lappend requests {xinfo stream x} {xtrim x maxlen ~ 300} {xlen x} {xtrim x maxlen 250} {xinfo stream x} {xdel x 200-2 201-0 202-1} {xinfo stream x} {xrange x 195 205}
        same $requests
        assert_equal [$o debug digest] [$r debug digest]
    }
    same {{config set stream-node-max-bytes 4096} {config set stream-node-max-entries 100}}
}

test "XLEN, XRANGE and XREVRANGE" {
    both_protocols {
        same {{xadd x 1-1 a 1} {xadd x 1-2 a 2 b 3} {xadd x 2-0 c 3} {xadd x 5-18446744073709551615 a 4} {xadd x 6-0 a 5} {set s x}}
        same {{xlen x} {xlen none} {xlen s} {xlen} {xlen x y}}
        foreach {a b} {- + 1 2 1 1 (1 2 (1-1 (2 (1-2 + - (1-2 2 1 5 5 (5 + (5-18446744073709551615 + (18446744073709551615-18446744073709551615 + - (0-0
            - (0 x + - x (x + - (x ( + 1-x + "" + + - + + - - 18446744073709551615 + 18446744073709551616 + (- + (+ + -1 + 01-01 +} {
            same [list [list xrange x $a $b] [list xrevrange x $b $a] [list xrange x $a $b count 2] [list xrevrange x $b $a count 1] [list xrange none $a $b] \
                [list xrange s $a $b]]
        }
        same {{xrange x - + count 0} {xrange x - + count -1} {xrange x - + count -5} {xrange x - + count x} {xrange x - + count} {xrange x - + foo 1}
            {xrange x - + count 1 count 2} {xrange x - + count 9223372036854775807} {xrange x - + count 9223372036854775808} {xrange x -} {xrange x} {xrevrange x +}
            {xrange none - + count 0} {xrange none - + count x} {xrange none x +} {xrevrange x + - count 0} {xrevrange none + - foo} {xrange s - + count x}
            {xrevrange s x y}}
    }
}

test "XDEL" {
    both_protocols {
        same_stream x {
            {xadd x 1-1 a 1} {xadd x 1-2 a 2} {xadd x 2-0 c 3} {xadd x 5-0 a 4} {xdel x} {xdel x 1-2} {xdel x 1-2} {xdel x 9} {xdel x x} {xdel x 1-1 x}
            {xdel x 1-1 1-1 2} {xdel x 5 7} {xadd x 5-0 a 1} {xadd x 6-0 a 1} {xdel x 6-0 - +} {xdel x 6-*} {xdel x 6} {xadd x 7-0 a 1 b 2} {xadd x 8-0 a 1}
            {xdel x 8-0} {xadd x 9-0 a 1} {xrange x - +} {xrevrange x + -}
        }
        same {{xdel none 1} {xdel none x} {set s x} {xdel s 1} {xdel s x} {exists x}}
    }
}

test "XSETID" {
    both_protocols {
        same $five
        same_stream x {
            {xsetid x 5-0} {xsetid x 4-0} {xsetid x 9-9} {xsetid x x} {xsetid x} {xsetid x -} {xsetid x 10 entriesadded} {xsetid x 10 entriesadded 4}
            {xsetid x 10 entriesadded 5} {xsetid x 10 entriesadded x} {xsetid x 10 entriesadded -1} {xsetid x 10 maxdeletedid 11} {xsetid x 10 maxdeletedid 10}
            {xsetid x 10 maxdeletedid 9} {xsetid x 10 maxdeletedid x} {xsetid x 10 maxdeletedid 0-0} {xsetid x 11 entriesadded 100 maxdeletedid 3-3}
            {xsetid x 11 maxdeletedid 3-1 entriesadded 100} {xsetid x 11 foo 1} {xsetid x 11 maxdeletedid 3-1 foo} {xadd x 11-0 a 1} {xadd x 11-* a 1}
            {xdel x 1 2 3 4 5 11-1} {xsetid x 2-0} {xsetid x 0} {xsetid x 5 entriesadded 0} {xadd x 3-0 a 1}
        }
        same {{xsetid none 1} {xsetid none x} {set s x} {xsetid s 1} {xsetid s x} {xsetid s 1 maxdeletedid 4}}
    }
}

test "XGROUP" {
    both_protocols {
        same $five
        same_stream x {
            {xgroup create x g 0} {xgroup create x h $} {xgroup create x h x} {xgroup create x i x} {xgroup create x i -} {xgroup create x j +} {xgroup create x k 3}
            {xgroup create x l 3-1 entriesread 3} {xgroup create x m 3 entriesread -1} {xgroup create x n 3 entriesread -2} {xgroup create x n 3 entriesread x}
            {xgroup create x n 3 entriesread} {xgroup create x n 3 foo} {xgroup create x n 3 mkstream foo} {xgroup create x n 3 mkstream mkstream}
            {xgroup create x n 3 entriesread 99 mkstream} {xgroup create x o 3 mkstream mkstream mkstream} {xgroup create x p 3 mkstream entriesread 4 mkstream} {xgroup setid x g 3 entriesread 4 entriesread 4} {xgroup create x "" 0} {xgroup create x} {xgroup create x g} {xgroup create}
            {xgroup setid x g 2} {xgroup setid x g $} {xgroup setid x g -} {xgroup setid x g x} {xgroup setid x none 0} {xgroup setid x g 2 entriesread 2}
            {xgroup setid x g 2 entriesread x} {xgroup setid x g 2 entriesread -5} {xgroup setid x g 2 mkstream} {xgroup setid x g 2 foo} {xgroup setid x g}
            {xgroup createconsumer x g c} {xgroup createconsumer x g c} {xgroup createconsumer x g ""} {xgroup createconsumer x none c} {xgroup createconsumer x g}
            {xgroup createconsumer x g c d} {xgroup delconsumer x g nobody} {xgroup delconsumer x g c} {xgroup delconsumer x g c} {xgroup delconsumer x none c}
            {xgroup delconsumer x g} {xgroup destroy x g} {xgroup destroy x g} {xgroup destroy x} {xgroup destroy x g h} {xgroup foo x} {xgroup} {xgroup create x g 0 entriesread 9 entriesread 3}
        }
        same {{xgroup create none g 0} {xgroup create none g x} {xgroup create none g x mkstream} {exists none} {xgroup create none g $ mkstream} {xinfo stream none full}
            {del none} {xgroup setid none g 0} {xgroup destroy none g} {xgroup createconsumer none g c} {xgroup delconsumer none g c} {set s x} {xgroup create s g 0}
            {xgroup create s g 0 mkstream} {xgroup setid s g 0} {xgroup destroy s g} {xgroup createconsumer s g c} {xgroup delconsumer s g c} {xgroup create s g x}
            {xgroup create s g 0 foo} {xgroup create none g 0 foo} {xgroup create none g 0 entriesread x}}
        # HELP is our own text: an array of lines on both sides.
        foreach c [list $r $o] { assert_match "XGROUP*" [lindex [$c xgroup help] 0]; assert_match "XINFO*" [lindex [$c xinfo help] 0] }
    }
}

test "XREAD" {
    both_protocols {
        same $five
        same {{xadd y 1-1 f v} {set s x}}
        same {{xread streams x 0} {xread streams x 3} {xread streams x 3-0} {xread streams x $} {xread streams x 5-0} {xread count 2 streams x y 0 0} {xread count 1 streams x none y 4 0 1}
            {xread streams none 0} {xread streams none $} {xread streams x y 5 0} {xread streams x y $ $} {xread count 0 streams x 3} {xread count -1 streams x 3}
            {xread count x streams x 0} {xread streams x} {xread streams x y 0} {xread streams} {xread} {xread x 0} {xread streams s 0} {xread streams x s 0 0}
            {xread streams x x} {xread streams x >} {xread streams x -} {xread streams x +} {xread streams x (1} {xread streams s x} {xread streams x s x 0} {xread group g c streams x 0}
            {xread noack streams x 0} {xread block x streams x 0} {xread block -1 streams x 0} {xread block 1.5 streams x 0}
            {xread block 0 streams x 0} {xread block 10 count 1 streams x 3} {xread count 1 block 0 streams x x 3 4} {xread block streams x 0} {xread count streams x 0}
            {xread foo 1 streams x 0} {xread streams x 18446744073709551615-18446744073709551615} {xread block 10 streams x $} {xread count 1 count 2 streams x 0}
            {xread count 9223372036854775807 streams x 4} {xread streams x x 0 4} {XREAD STREAMS x 4}}
    }
}

test "XREADGROUP: new entries, history, what is deleted, NOACK" {
    both_protocols {
        same $five
        same_stream x {
            {xreadgroup group g c count 2 streams x >} {xreadgroup group g d count 1 streams x >} {xreadgroup group g c streams x 0} {xreadgroup group g c streams x 1}
            {xreadgroup group g c count 1 streams x 0} {xreadgroup group g d streams x 0-1} {xdel x 2} {xreadgroup group g c streams x 0} {xreadgroup group g nobody streams x 0}
            {xreadgroup group g c noack streams x >} {xreadgroup group g c streams x >} {xreadgroup group g late streams x >} {xack x g 1 2 3} {xreadgroup group g c streams x 0}
            {xadd x 6-0 a 1} {xreadgroup group g c streams x >} {xreadgroup group g c streams x 5-0} {xreadgroup group g c streams x 6} {xgroup setid x g 0}
            {xreadgroup group g d streams x >} {xreadgroup group g d streams x 0} {xreadgroup group g d streams x 18446744073709551615-18446744073709551615}
            {xreadgroup group g c count 0 streams x >} {xreadgroup group g "" count 0 streams x 0}
        }
        same {{xreadgroup group g c streams x $} {xreadgroup group none c streams x >} {xreadgroup group g c streams none >} {xreadgroup group g c streams x none > >}
            {xreadgroup streams x >} {xreadgroup group g c streams x x} {xreadgroup group g streams x >} {xreadgroup group g c streams x} {xreadgroup group g c streams}
            {xreadgroup group g c} {xreadgroup group g c count x streams x >} {xreadgroup group g c block -1 streams x >} {xreadgroup group g c block x streams x >}
            {xreadgroup noack group g c streams x >} {xreadgroup group g c foo streams x >} {xreadgroup streams x group g c > >} {set s x} {xreadgroup group g c streams s >}
            {xreadgroup group g c streams x y > } {xreadgroup group g c block 5 streams x >} {xreadgroup group g c noack noack streams x 0} {xreadgroup group h c group g c streams x >}
            {xreadgroup group g c streams x -} {xreadgroup group g c streams x (1} {xreadgroup group g c streams x x 0 >}}
    }
}

test "lag and what a group has read" {
    fresh
    same_stream x {
        {xgroup create x g $ mkstream} {xadd x 1-0 a 1} {xadd x 2-0 a 1} {xadd x 3-0 a 1} {xadd x 4-0 a 1} {xgroup create x all $} {xgroup create x mid 2} {xgroup create x zero 0}
        {xgroup create x far 100} {xgroup create x told 2 entriesread 2} {xgroup create x lie 3 entriesread 77} {xreadgroup group g c count 1 streams x >}
        {xreadgroup group mid c count 1 streams x >} {xreadgroup group told c count 1 streams x >} {xdel x 1} {xdel x 3} {xreadgroup group zero c count 1 streams x >}
        {xreadgroup group g c count 1 streams x >} {xadd x 5-0 a 1} {xadd x 6-0 a 1} {xtrim x maxlen 3} {xtrim x minid 5} {xreadgroup group g c streams x >}
        {xreadgroup group mid c streams x >} {xgroup setid x told 5} {xgroup setid x told 5 entriesread 5} {xgroup setid x told $} {xgroup setid x told 0} {xgroup setid x told 1}
        {xdel x 5 6} {xadd x 7-0 a 1} {xreadgroup group lie c streams x >} {xreadgroup group told c streams x >} {xsetid x 20 entriesadded 3 maxdeletedid 19} {xadd x 21-0 a 1}
        {xreadgroup group zero c streams x >} {xinfo groups x}
    }
}

test "XACK" {
    both_protocols {
        same $five
        same {{xreadgroup group g c count 3 streams x >} {xreadgroup group g d streams x >}}
        same_stream x {{xack x g 1} {xack x g 1} {xack x g 2 4 9} {xack x g x} {xack x g 3 x} {xack x g} {xack x none 1} {xack x none x} {xack x g 3 3} {xack x g 5-1} {xack x g - +}}
        same {{xack none g 1} {xack none g x} {set s x} {xack s g 1} {xack s g x} {xack x} {xack}}
    }
}

test "XPENDING" {
    both_protocols {
        same $five
        same {{xpending x g} {xreadgroup group g c count 3 streams x >} {xgroup createconsumer x g empty} {xreadgroup group g d streams x >}}
        same_timeless {{xpending x g} {xpending x g - + 10} {xpending x g - + 2} {xpending x g (2 + 10} {xpending x g 2 (4 10} {xpending x g - + 10 c} {xpending x g - + 10 nobody}
            {xpending x g - + 10 empty} {xpending x g idle 0 - + 10} {xpending x g idle 100000 - + 10} {xpending x g idle 100000 - + 10 c} {xpending x g idle 0 - + 1 d}
            {xpending x g idle -5 - + 1 d} {xpending x g - + 0} {xpending x g - + -1} {xpending x g - + x} {xpending x g x + 1} {xpending x g - x 1} {xpending x g (x + 1}
            {xpending x g (18446744073709551615-18446744073709551615 + 1} {xpending x g - (0-0 1} {xpending x g -} {xpending x g - +} {xpending x g idle x - + 1}
            {xpending x g idle 1 - +} {xpending x g idle 1 -} {xpending x g idle 1} {xpending x g idle} {xpending x g foo 1 - + 1} {xpending x g - + 1 c d} {xpending x g idle 1 - + 1 c d}
            {xpending x g idle 1 - + x} {xpending x g idle 1 x + 1} {xpending x none} {xpending none g} {xpending none g - + x} {xpending none g - + 1} {xpending x none x + 1} {xpending x}
            {set s x} {xpending s g} {xpending s g - + 1} {xpending s g x + 1} {xpending x g + - 10} {xpending x g 5 1 10} {xack x g 1 2 3 4 5} {xpending x g} {xpending x g - + 9}
            {xpending x g - + 9223372036854775807} {xpending x g - + 9223372036854775808}}
    }
}

test "XCLAIM" {
    both_protocols {
        same $five
        same {{xreadgroup group g c count 3 streams x >}}
        same_stream x {
            {xclaim x g d 0 1} {xclaim x g d 0 1 2} {xclaim x g d 100000 3} {xclaim x g d 0 4} {xclaim x g d 0 4 force} {xclaim x g d 0 9 force} {xclaim x g e 0 9}
            {xclaim x g d 0 1 justid} {xclaim x g d 0 1 2 3 justid force} {xclaim x g d 0 1 retrycount 7} {xclaim x g d 0 1 retrycount 7 justid} {xclaim x g d 0 1 retrycount -1}
            {xclaim x g d 0 1 retrycount -5 justid} {xclaim x g d 0 1 retrycount 0} {xclaim x g d 0 1 retrycount 9999} {xclaim x g d 0 1 time 1700000000123}
            {xclaim x g d 0 1 time 99999999999999} {xclaim x g d 0 1 time -1} {xclaim x g d 0 1 idle -100000} {xclaim x g d 0 1 idle 0}
            {xclaim x g d 0 1 lastid 4} {xclaim x g d 0 1 lastid 2} {xclaim x g d 0 99 lastid 8-8} {xclaim x g d 0 2 idle 0 time 1700000000456 retrycount 3 force justid lastid 9}
            {xdel x 3} {xclaim x g e 0 3} {xclaim x g e 0 3 force} {xclaim x g e 0 3 4 justid} {xclaim x g f 0 3 force justid} {xclaim x g d 0} {xclaim x g d} {xclaim x g d x 1} {xclaim x g d -1 1}
            {xclaim x g d 0 x} {xclaim x g d 0 1 x} {xclaim x g d 0 1 foo} {xclaim x g d 0 1 idle} {xclaim x g d 0 1 idle x} {xclaim x g d 0 1 time x} {xclaim x g d 0 1 retrycount x}
            {xclaim x g d 0 1 lastid x} {xclaim x g d 0 1 justid 2} {xclaim x g d 0 force} {xclaim x g d 0 1 1 1} {xclaim x none d 0 1} {xclaim x none d x 1} {xclaim x none d 0 1 foo}
            {xclaim x g d 9223372036854775807 1} {xclaim x g d 9223372036854775808 1} {xclaim x g "" 0 1} {xclaim x g newone 100000 1} {xclaim x g newone 0 77}
        }
        same {{xclaim none g d 0 1} {xclaim none g d x 1} {set s x} {xclaim s g d 0 1} {xclaim s g d x 1} {xclaim s g d 0 x}}
        same {{xclaim x g d 0 1 time 1700000000123 justid} {xreadgroup group g c streams x >}}
        same_timeless {{xpending x g idle 499999 - + 10} {xpending x g idle 900000 - + 10}}
    }
}

test "XAUTOCLAIM" {
    both_protocols {
        same $five
        same {{xreadgroup group g c streams x >}}
        same_stream x {
            {xautoclaim x g d 0 0} {xautoclaim x g d 0 0 count 2} {xautoclaim x g e 0 3 count 2} {xautoclaim x g d 0 - count 1} {xautoclaim x g d 0 + count 1} {xautoclaim x g d 0 (2 count 1}
            {xautoclaim x g d 0 2 justid} {xautoclaim x g d 0 2 justid count 1 justid} {xautoclaim x g d 100000 0} {xautoclaim x g newone 100000 0} {xautoclaim x g newone 0 9}
            {xdel x 2 4} {xautoclaim x g d 0 0 count 2} {xautoclaim x g f 0 0 count 3 justid} {xautoclaim x g f 0 0} {xautoclaim x g f 0 0 count 0} {xautoclaim x g f 0 0 count -1}
            {xautoclaim x g f 0 0 count x} {xautoclaim x g f 0 0 count} {xautoclaim x g f 0 0 foo} {xautoclaim x g f x 0} {xautoclaim x g f -1 0} {xautoclaim x g f 0 x}
            {xautoclaim x g f 0 (x} {xautoclaim x g f 0 (18446744073709551615-18446744073709551615} {xautoclaim x g f 0} {xautoclaim x g} {xautoclaim x none f 0 0}
            {xautoclaim x none f x 0} {xautoclaim x none f 0 x} {xautoclaim x g f 0 0 count 576460752303423488} {xautoclaim x g f 0 0 count 1 count 2}
        }
        same {{xautoclaim none g f 0 0} {xautoclaim none g f x 0} {xautoclaim none g f 0 0 count 0} {set s x} {xautoclaim s g d 0 0} {xautoclaim s g d x 0}}
        # Where to go on, when the tries run out: ten for each entry asked for.
        fresh
        for {set i 1} {$i <= 60} {incr i} { same [list [list xadd x $i-1 f v]] }
        same {{xgroup create x g 0}}
        same_timeless {{xreadgroup group g c streams x >} {xclaim x g c 0 25-1 45-1 idle 500000 justid} {xautoclaim x g d 100000 0 count 1} {xautoclaim x g d 100000 11-1 count 2} {xautoclaim x g d 100000 31-1 count 100}
            {xautoclaim x g d 100000 0 count 100}}
    }
}

test "XINFO" {
    both_protocols {
        same {{xinfo stream none} {xinfo stream none full} {xinfo groups none} {xinfo consumers none g} {set s x} {xinfo stream s} {xinfo stream s full} {xinfo groups s} {xinfo consumers s g}
            {xinfo} {xinfo stream} {xinfo foo x} {xinfo groups} {xinfo consumers x}}
        same $five
        same_timeless {{xinfo stream x} {xinfo groups x} {xinfo consumers x g} {xinfo consumers x none} {xgroup create x h $} {xgroup createconsumer x g idle} {xreadgroup group g c count 2 streams x >}
            {xreadgroup group g d streams x >} {xinfo stream x full} {xinfo stream x full count 0} {xinfo stream x full count 2} {xinfo stream x full count -1} {xinfo stream x full count x}
            {xinfo stream x full count} {xinfo stream x full foo 1} {xinfo stream x foo} {xinfo stream x foo count 1} {xinfo stream x full count 1 2} {xinfo groups x} {xinfo consumers x g} {xinfo consumers x h}
            {xinfo groups x y} {xinfo consumers x g c} {xinfo stream s foo} {xinfo stream none foo} {xinfo stream none full count x}}
        for {set i 6} {$i <= 30} {incr i} { same [list [list xadd x $i-1 f v]] }
        same_timeless {{xreadgroup group g d streams x >} {xinfo stream x full} {xinfo stream x full count 3} {xinfo stream x full count 0}}
    }
}

test "keys of other types are refused, streams by other commands" {
    fresh
    same $five
    same {{get x} {lpush x a} {sadd x a} {hset x a b} {zadd x 1 a} {incr x} {append x a} {type x} {object encoding x} {object refcount x} {sort x} {pfadd x a} {setrange x 1 a}
        {strlen x} {getset x a} {set x a get} {xlen x} {rename x y} {type y} {copy y x} {xinfo stream x} {xinfo groups x} {expire x 100}
        {xadd x 9-0 a 1} {ttl x} {xdel x 1 2 3 4 5 9-0} {exists x} {type x} {persist x} {move x 1} {exists x} {set y v} {get y}}
}

test "events and what counts as a change" {
    fresh
    set requests {{xadd x 1-0 a 1} {xadd x 2-0 a 1} {xadd x maxlen 2 3-0 a 1} {xadd x maxlen 5 4-0 a 1} {xadd none nomkstream 1-0 a 1} {xadd x 1-0 a 1} {xgroup create x g 0} {xgroup create x g 0}
        {xgroup create m g $ mkstream} {xgroup createconsumer x g c} {xgroup createconsumer x g c} {xreadgroup group g c count 1 streams x >} {xreadgroup group g d count 1 streams x >}
        {xreadgroup group g e noack streams x >} {xreadgroup group g f streams x >} {xreadgroup group g h streams x 0} {xreadgroup group g c streams x 0} {xread streams x 0}
        {xclaim x g c 0 2} {xclaim x g c 0 3 justid} {xclaim x g new 0 3 4} {xclaim x g never 0 99} {xclaim x g c 0 99 lastid 50} {xautoclaim x g c 0 0} {xautoclaim x g auto 0 0 count 1}
        {xautoclaim x g none 100000 0} {xdel x 3} {xautoclaim x g c 0 0} {xack x g 2} {xack x g 2} {xgroup setid x g 0} {xgroup setid x g x} {xgroup delconsumer x g c} {xgroup delconsumer x g c}
        {xgroup destroy x g} {xgroup destroy x g} {xdel x 99} {xdel x 4} {xtrim x maxlen 10} {xtrim x maxlen 0} {xtrim x maxlen 0} {xsetid x 60} {xsetid x 60} {xsetid x x} {copy x y} {rename y z} {del x z m}
        {xadd x 1-0 a 1} {xadd x maxlen 0 2-0 a 1} {xadd x minid 9 3-0 a 1} {restore x 0 x replace} {expire x 100} {unlink x}}
    set listeners {}
    foreach c [list $r $o] server [list $srv $oracle] {
        $c config set notify-keyspace-events KEAn
        lappend listeners [set l [client $server]]
        $l -typed psubscribe __key*
    }
    foreach request $requests {
        set counted {}
        set events {}
        foreach c [list $r $o] l $listeners {
            set before [info_field $c rdb_changes_since_last_save persistence]
            lappend events [events_of $c $l [list $request]]
            lappend counted [expr {[info_field $c rdb_changes_since_last_save persistence] - $before}]
        }
        assert_equal [lindex $events 1] [lindex $events 0] $request
        assert_equal [lindex $counted 1] [lindex $counted 0] $request
    }
    foreach c [list $r $o] { $c config set notify-keyspace-events "" }
    foreach l $listeners { $l -close }
}

test "a watched stream is touched by what changes it" {
    foreach request {{xadd x 9-0 a 1} {xdel x 1} {xtrim x maxlen 1} {xdel x 99} {xtrim x maxlen 100} {xreadgroup group g c streams x >} {xack x g 1} {xgroup create x h 0} {xgroup destroy x g}
        {xclaim x g d 0 1} {xautoclaim x g d 0 0} {xsetid x 90} {xread streams x 0} {xgroup createconsumer x g z} {xgroup delconsumer x g c} {xgroup setid x g 0}} {
        fresh
        same $five
        same {{xreadgroup group g c count 1 streams x >}}
        set done {}
        foreach c [list $r $o] server [list $srv $oracle] {
            set other [client $server]
            $c watch x
            $other -pipeline [list $request]
            $c multi
            $c ping
            lappend done [$c exec]
            $other -close
        }
        assert_equal [lindex $done 1] [lindex $done 0] $request
    }
}

test "inside of a transaction" {
    fresh
    same {{multi} {xadd x 1-1 a 1} {xadd x 2-* a 2} {xgroup create x g 0} {xreadgroup group g c streams x >} {xread block 0 streams x $} {xreadgroup group g c block 0 streams x >} {xack x g 1-1} {xlen x} {exec}
        {multi} {xadd x} {exec} {multi} {xadd x 1-1 a 1} {xgroup create none g 0} {exec}}
}

test "dumps go both ways" {
    fresh
    same $five
    same {{xreadgroup group g c count 2 streams x >} {xreadgroup group g {another one} streams x >} {xdel x 3} {xgroup create x h 2} {xgroup createconsumer x h idle}}
    foreach {from to} [list $r $o $o $r] {
        $to restore copy 0 [$from dump x] replace
        assert_equal [timeless [$from -typed xinfo stream x full]] [timeless [$to -typed xinfo stream copy full]]
        assert_equal [$from debug digest-value x] [$to debug digest-value copy]
    }
    foreach {payload} [list [$r dump x]] {
        same [list [list restore x 0 $payload] [list restore y 0 [string range $payload 0 end-1]] [list restore y 0 [string replace $payload 9 9 z]] [list restore y 0 $payload] [list xlen y]]
    }
}

test "COMMAND INFO and DOCS of what 7.0 has" {
    foreach name {xadd xlen xrange xrevrange xdel xtrim xsetid xread xreadgroup xack xpending xclaim xautoclaim xgroup|create xgroup|setid xgroup|destroy xgroup|createconsumer xgroup|delconsumer
        xgroup|help xinfo|stream xinfo|groups xinfo|consumers xinfo|help} {
        set infos {}
        foreach c [list $o $r] { lappend infos [lrange [lindex [$c command info $name] 0] 0 6] }
        assert_equal [lindex $infos 0] [lindex $infos 1] $name
    }
    same {{command getkeys xread count 1 streams a b 0 0} {command getkeys xreadgroup group g c block 0 streams a b > >} {command getkeys xadd x * a 1} {command getkeys xgroup create x g 0}
        {command getkeys xread foo} {command getkeys xinfo stream x} {command getkeysandflags xread streams a 0} {command getkeysandflags xautoclaim x g c 0 0}}
}

}

# ---- files ----
# Streams of all kinds; IDs and contents at random.
proc fill_streams {c} {
    set requests {}
    for {set k 0} {$k < 12} {incr k} {
        set key stream:$k
        set ms 0
        for {set i 0} {$i < 20 + $k * 25} {incr i} {
            incr ms [expr {1 + int(rand() * 1000)}]
            lappend requests [list xadd $key $ms-[expr {int(rand() * 3)}] field $i f[expr {int(rand() * 4)}] [string repeat v [expr {int(rand() * 40)}]]]
            if {rand() < 0.1} { lappend requests [list xadd $key $ms-* {} {}] [list xdel $key $ms-0 $ms-1 $ms-2] }
        }
        for {set g 0} {$g < $k % 4} {incr g} {
            lappend requests [list xgroup create $key group:$g [expr {int(rand() * $ms)}]]
            foreach consumer {a b "long name" {}} { lappend requests [list xreadgroup group group:$g $consumer count [expr {int(rand() * 12) + 1}] streams $key >] }
            lappend requests [list xreadgroup group group:$g a streams $key 0] [list xgroup createconsumer $key group:$g idle] [list xautoclaim $key group:$g b 0 0 count 3]
        }
        if {$k % 3 == 0} { lappend requests [list xtrim $key maxlen [expr {10 + $k * 10}]] }
    }
    lappend requests {xgroup create empty g $ mkstream} {xadd emptied 5-5 a 1} {xdel emptied 5-5} {xadd last 18446744073709551615-18446744073709551615 a 1}
    lappend requests {config set stream-node-max-entries 3} {xadd small 1-1 a 1} {xadd small 2-1 a 1} {xadd small 3-1 a 1} {xadd small 4-1 a 1} {xdel small 2-1} {config set stream-node-max-entries 100}
    foreach request $requests reply [$c -pipeline $requests] { if {[lindex $reply 0] eq "error"} { fail "$request: $reply" } }
}
# All there is to know but the times at which consumers were seen, which the oracle's clock has touched, and its tree's nodes.
proc streams_of {c} {
    set all {}
    foreach key [lsort [$c keys *]] {
        lappend all $key [$c object encoding $key] [timeless [$c -typed xinfo stream $key full count 0]] [$c xrange $key - +] [$c debug digest-value $key]
    }
    return $all
}

test "files go both ways" {
    foreach {from to} {server_start oracle_start oracle_start server_start} {
        set first [$from]
        set a [client $first]
        fill_streams $a
        if {$from eq "server_start"} { $a config set rdb-version 10 }
        $a save
        set second [$to -rdb [file join [server_dir $first] dump.rdb]]
        set b [client $second]
        assert_equal [streams_of $a] [streams_of $b]
        assert_equal [$a debug digest] [$b debug digest]
        # As far as times go into a file they are the same, too.
        foreach key [$a keys *] {
            foreach group [$a xinfo groups $key] {
                set name [dict get $group name]
                assert_equal [lmap row [$a xpending $key $name - + 1000] { lreplace $row 2 2 }] [lmap row [$b xpending $key $name - + 1000] { lreplace $row 2 2 }]
            }
            assert_equal [regexp -all -inline {\{int 1[789][0-9]{11}\}} [$a -typed xinfo stream $key full count 0]] \
                [regexp -all -inline {\{int 1[789][0-9]{11}\}} [$b -typed xinfo stream $key full count 0]] $key
        }
        # And they go on in the same way.
        foreach c [list $a $b] { $c -pipeline {{xadd small 5-1 a 1} {xadd emptied 5-6 a 1} {xtrim stream:5 maxlen ~ 20} {xdel stream:3 1-1} {xreadgroup group group:0 z streams stream:1 >}} }
        assert_equal [streams_of $a] [streams_of $b]
        server_stop $second
        server_stop $first
    }
}

test "files of versions 11 and 80 are read again, DEBUG RELOAD keeps all" {
    set c [client [server_start]]
    fill_streams $c
    set before [streams_of $c]
    foreach version {10 11 80} {
        $c config set rdb-version $version
        $c debug reload
        assert_equal $before [streams_of $c]
    }
}

# What an append-only file brings back: not how often history was read again, nor how entries were gathered in nodes.
proc known_again {c} {
    regsub -all {\{int T\} \{int [0-9]+\}|\{bulk radix-tree-\w+\} \{int [0-9]+\}} [streams_of $c] {} known
    return $known
}

test "an append-only file brings back the same streams and groups" {
    set srv [server_start -config {appendonly yes appendfsync always auto-aof-rewrite-percentage 0}]
    set c [client $srv]
    fill_streams $c
    $c -pipeline {{xadd x * a 1} {xadd x * b 2} {xgroup create x g 0} {xreadgroup group g c streams x >} {xclaim x g d 0 1-1 lastid 99999999999999-5} {xclaim x g e 0 0-1}
        {xreadgroup group g f noack streams x >} {xadd y 1-1 a 1} {xadd y 2-2 a 1} {xgroup create y g 0} {xreadgroup group g c streams y >} {xreadgroup group g c streams y 0} {xdel y 1-1}
        {xautoclaim y g d 0 0} {xack y g 2-2} {xgroup delconsumer y g c} {xsetid y 50-1} {xadd trimmed maxlen 1 1-1 a 1} {xadd trimmed maxlen 1 2-1 a 1} {multi} {xadd m * a 1} {xadd m * b 1} {exec}}
    set before [known_again $c]
    server_restart $srv
    set c [client $srv]
    foreach a $before b [known_again $c] { assert_equal $a $b }
    $c bgrewriteaof
    wait_for {[info_field $c aof_rewrite_in_progress persistence] == 0 && [info_field $c aof_rewrite_scheduled persistence] == 0}
    server_restart $srv
    set c [client $srv]
    foreach a $before b [known_again $c] { assert_equal $a $b }
}
