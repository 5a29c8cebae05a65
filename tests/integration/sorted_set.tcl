# The sorted set commands beside redis-server: replies, errors and their order, events, changes, forms; what is newer, by itself.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]
source [file join [file dirname [info script]] support effects.tcl]

# The same with what each key is like after every request.
proc same_sorted {keys requests} {
    set all {}
    foreach request $requests {
        lappend all $request
        foreach key $keys { lappend all [list zrange $key 0 -1 withscores] [list exists $key] }
    }
    same $all
}

# k and l in both forms: a long member makes a big one of a small one.
proc both_forms {body} {
    foreach limit {128 0} {
        same [list [list config set zset-max-listpack-entries $limit] {flushall}]
        uplevel 1 $body
    }
    same {{config set zset-max-listpack-entries 128}}
}

with_both {

set rl [client $srv]
set ol [client $oracle]
foreach l [list $rl $ol] { $l -typed psubscribe __key* }

foreach protocol {2 3} {
    foreach c [list $r $o] { $c hello $protocol }

    test "RESP$protocol: ZADD and ZINCRBY: options, scores, errors" {
        both_forms {
            same_sorted {k} {
                {zadd k 1 a 2 b 3 c} {zadd k 1} {zadd k nx xx 1 a} {zadd k nx xx} {zadd k nx xx x a} {zadd k nx gt x a} {zadd k lt gt 1 a}
                {zadd k incr 1 a 2 b} {zadd k xx 1 zz} {zadd k nx incr 1 a} {zadd k nx incr 1 n} {zadd k gt incr -1 a} {zadd k gt 5 a 0 b}
                {zadd k lt ch 7 a 1 a 0 b} {zadd k ch 5 a 6 a} {zadd k 5 a 6 a ch} {zadd k inf a} {zadd k incr -inf a} {zincrby k -inf a}
                {zadd k nan b} {zadd k 0x10 b} {zadd k "" a} {zadd k " 1" a} {zadd k "1 " a} {zadd k 1e400 a} {zadd k +5 a} {zadd k .5 a}
                {zadd k 5. a} {zadd k infinity a} {zadd k -Inf a} {zadd k -0 z} {zadd k 0 z} {zincrby k 1.5 a} {zincrby k x b}
                {zincrby k 1 new} {zincrby k -1e300 new} {zadd k nx ch 1 a 2 q} {zadd k XX Ch 9 q 9 w} {zadd k xx incr 1 absent}
            }
            same {{set s x} {zadd s x a} {zadd s 1 a} {zincrby s x b} {zincrby s 1 b} {zadd s nx xx 1 a} {zadd absent xx 1 a}
                {exists absent} {zadd k ch} {zadd k nx} {zincrby k 1} {zadd k foo 1 a}}
        }
    }

    test "RESP$protocol: how scores are shown" {
        both_forms {
            same {{zadd t 0.1 a 1e20 b 1e-7 c 3.0000000000000004 d 123456789012345680 e -1e300 f 17179869184.5 g 4611686018427387904 h
                9223372036854775807 i 9007199254740993 j inf k -inf l -0 m 1e17 n 100000000000000000000 o 0.5 p}
                {zrange t 0 -1 withscores} {zscore t a} {zmscore t a zz b m} {zincrby t 1 j} {zrange t 0 2}
                {zrangebyscore t -inf +inf withscores limit 0 3} {zrevrange t 0 3 withscores} {zmscore absent a b} {zscore absent a}
                {zpopmin t} {zpopmax t} {zpopmin t 3} {zmpop 1 t max count 2}}
        }
        same {{zadd small 0.1 a 1e20 b 123456789012345680 c 4611686018427387904 d 9223372036854775807 e 9007199254740993 f inf g -0 h} {zscan small 0}}
    }

    test "RESP$protocol: ZRANGE and its kin" {
        both_forms {
            same {{set s x} {zadd k 1 a 2 b 3 c 4 d 5 e} {zadd l 0 a 0 b 0 c 0 d 0 e}}
            foreach start {0 1 -1 -3 2 10 -10 9223372036854775807 -9223372036854775808 x} {
                foreach stop {0 1 -1 -3 2 10 -10 x} {
                    same [list [list zrange k $start $stop] [list zrange k $start $stop rev withscores] [list zrevrange k $start $stop]]
                }
            }
            foreach min {-inf 0 1 (1 2.5 (5 inf x "" ( nan "1 " " 1" 1e400} {
                foreach max {-inf 1 (2 3 (5 +inf x " 4"} {
                    same [list [list zrangebyscore k $min $max withscores] [list zrevrangebyscore k $max $min] [list zcount k $min $max] \
                        [list zrange k $max $min byscore rev limit 1 2] [list zrangebyscore k $min $max limit 1 -1]]
                }
            }
            foreach min {- + [a (a [b (c [zz "" x [ (} {
                foreach max {+ - [d (d [b (a x [} {
                    same [list [list zrangebylex l $min $max] [list zrevrangebylex l $max $min] [list zlexcount l $min $max] \
                        [list zrange l $min $max bylex limit 1 2] [list zrange l $max $min bylex rev]]
                }
            }
            same {{zrange k 0 -1 byscore} {zrange k 0 x} {zrange k x 1 byscore} {zrange k a b bylex} {zrange k [a [b bylex withscores}
                {zrange k 0 1 limit 0 1} {zrange k 0 1 limit 0 x} {zrange k 0 1 limit 0} {zrange k 0 1 byscore limit x 1} {zrange k 0 1 foo}
                {zrange k 0 1 byscore bylex} {zrange k 0 -1 REV REV} {zrange k 0 -1 limit 0 -1} {zrange k 0 -1 limit 1 -1}
                {zrange k 1 3 byscore limit -1 2} {zrange k 1 3 byscore limit 0 0} {zrange k 1 3 byscore limit 9223372036854775807 1}
                {zrange s 0 1} {zrange s x 1} {zrange s x 1 byscore} {zrangebyscore k 1 2 byscore} {zrangebyscore k 1 2 rev}
                {zrangebyscore k 1 2 limit 0} {zrevrange k 0 1 rev} {zrevrange k 0 1 limit 0 1} {zrangebylex k - + withscores}
                {zcount s 1 2} {zlexcount s - +} {zcount absent 1 2} {zcount absent x 2} {zrange absent 0 -1} {zrevrangebyscore absent 1 2}}
        }
    }

    test "RESP$protocol: storing and removing ranges" {
        both_forms {
            same_sorted {k d} {
                {set s x} {zadd k 1 a 2 b 3 c 4 d 5 e -0 z} {zrangestore d k 0 -1} {zrangestore d k 0 1 rev} {zrangestore d k 2 (4 byscore}
                {zrangestore d k 0 -1 withscores} {zrangestore d k 0 -1 limit 0 1} {zrangestore d k 9 9} {zrangestore d absent 0 -1}
                {zrangestore d s 0 -1} {zrangestore s k 0 -1} {type s} {set s x} {zrangestore d k 0 -1 byscore bylex} {zrangestore k k 0 3}
                {zrangestore d k - + bylex limit 1 2} {zremrangebyrank k x 1} {zremrangebyrank s x 1} {zremrangebyrank s 0 1}
                {zremrangebyscore k x 1} {zremrangebylex k x 1} {zremrangebyrank k 1 1} {zremrangebyscore k (1 2} {zremrangebyrank k 5 9}
                {zremrangebyrank k 0 -1} {zadd k 0 a 0 b 0 c} {zremrangebylex k [b (c} {zremrangebylex k - +} {zremrangebyscore k -inf inf}
            }
        }
    }

    test "RESP$protocol: members, ranks, removal" {
        both_forms {
            same {{set s x} {zadd k 1 a 2 b 2 bb 3 c} {zrank k a} {zrank k bb} {zrank k zz} {zrevrank k a} {zrevrank absent a} {zrank s a}
                {zrevrank s a} {zscore s a} {zmscore s a} {zcard s} {zcard k} {zcard absent} {zrem s a} {zrem k a zz a} {zrem k b bb c}
                {exists k} {zrem absent a} {zrank k a b c d} {zcard k k}}
        }
    }

    test "RESP$protocol: taking out the first and the last" {
        both_forms {
            same_sorted {k} {
                {set s x} {zadd k 1 a 2 b 3 c 4 d 5 e 6 f 7 g} {zpopmin k 0} {zpopmin k -1} {zpopmin k x} {zpopmin k} {zpopmax k 2} {zpopmin s}
                {zpopmin s 0} {zpopmin s x} {zpopmin absent} {zpopmin absent 0} {zpopmin absent 1} {zpopmin k 1 2} {zmpop 1 k min}
                {zmpop 2 absent k max count 2} {zmpop 1 absent min} {zmpop 0 k min} {zmpop x k min} {zmpop 1 k minx} {zmpop 1 k min count 0}
                {zmpop 1 k min count} {zmpop 1 k min countx 2} {zmpop 2 k min} {zmpop 3 k min} {zmpop 2 s k min} {zmpop 1 k min count 1 count 2}
                {zmpop 9999999999999999999 k min} {bzpopmin k 0} {bzpopmin absent 0.01} {bzpopmin absent s 0.01} {bzpopmin k x} {bzpopmax k -1}
                {zadd k 1 a 2 b 3 c} {bzpopmax absent k s 0} {bzmpop 0 2 absent k min count 5} {bzmpop 0.01 1 k min} {bzmpop x 1 k foo}
                {bzmpop x 0 k min} {bzmpop x 1 k max} {bzmpop -1 1 k max} {bzmpop 0.01 2 absent s min} {multi} {bzpopmin k 0} {exec}
            }
        }
    }

    test "RESP$protocol: unions, intersections, differences" {
        both_forms {
            same {{set s x} {zadd k 1 a 2 b 3 c} {zadd l 10 b 20 c 30 d 40 e} {zadd i inf a 1 b} {zadd j -inf a 2 b} {sadd st a b x}}
            foreach name {zunion zinter zdiff} {
                foreach keys {{1 k} {2 k l} {2 l k} {3 k l st} {2 st k} {1 st} {2 k absent} {2 absent k} {2 k k} {2 i j} {2 k s} {3 k} {0 k} {-1 k} {x k}} {
                    same [list [list $name {*}$keys] [list $name {*}$keys withscores] [list ${name}store d {*}$keys] {zrange d 0 -1 withscores} \
                        {object encoding d} [list $name {*}$keys withscores aggregate min] [list $name {*}$keys aggregate max weights 2 3 withscores] \
                        [list $name {*}$keys weights 2 withscores] [list ${name}store d {*}$keys weights 0 -1] {zrange d 0 -1 withscores}]
                }
            }
            same {{zunion 1 k weights} {zunion 1 k weights x} {zunion 1 k aggregate} {zunion 1 k aggregate foo} {zunionstore d 1 k withscores}
                {zunion 1 k aggregate sum aggregate min weights 2 weights 3 withscores withscores} {zunion 9999999999999999999 k}
                {zunionstore d 2 k s weights x y} {zinterstore s 1 absent} {type s} {set s x} {zunionstore s 1 k} {type s} {set s x}
                {zintercard 0 k} {zintercard 2 k} {zintercard 1 k limit} {zintercard 1 k limit x} {zintercard 1 k limit -1}
                {zintercard 1 k limit 2} {zintercard 1 k limit 2 limit 1} {zintercard 1 k foo 2} {zintercard 2 k s} {zintercard x k}
                {zintercard 2 k st} {zintercard 3 k l st limit 0}}
        }
    }

    test "RESP$protocol: ZRANDMEMBER and ZSCAN" {
        both_forms {
            same {{set s x} {zadd k 1 a} {zrandmember k} {zrandmember k 2} {zrandmember k -3} {zrandmember k 5 withscores} {zrandmember k -2 withscores}
                {zrandmember absent} {zrandmember absent 2} {zrandmember absent -5 withscores} {zrandmember k 0} {zrandmember k x} {zrandmember k 1 foo}
                {zrandmember k 1 withscores x} {zrandmember k -9223372036854775808} {zrandmember k -4611686018427387904 withscores}
                {zrandmember k 4611686018427387904 withscores} {zrandmember absent -9223372036854775808} {zrandmember s 1} {zrandmember s x}
                {zscan k x} {zscan k 0} {zscan k 0 count 0} {zscan k 0 count x} {zscan k 0 match} {zscan k 0 match b} {zscan k 0 match a* count 5}
                {zscan s 0} {zscan s x} {zscan absent 0} {zscan absent x} {zscan absent 0 count 0} {zscan k}}
        }
    }

    test "RESP$protocol: forms" {
        fresh
        set long [string repeat m 65]
        set all {}
        foreach request [list {zadd k 1 a} [list zadd k 1 $long] [list zrem k $long] {zremrangebyrank k 0 -1} [list zadd k 1 $long] {del k} \
                {config set zset-max-listpack-entries 4} {zadd k 1 a 2 b 3 c 4 d} {zadd k 5 d} {zadd k 1 e} {zpopmin k 4} \
                {zrangestore d k 0 -1} {zunionstore d 1 k} {config set zset-max-listpack-entries 128} {zunionstore d 1 k} {copy k d replace} \
                {geoadd g 1 2 p} {config set zset-max-listpack-value 2} {zadd d 1 abc} {config set zset-max-listpack-value 64}] {
            lappend all $request
            foreach key {k d g} { lappend all [list object encoding $key] [list type $key] }
        }
        same $all
    }
}

foreach c [list $r $o] { $c hello 2 }

test "events and changes" {
    foreach c [list $r $o] { $c config set notify-keyspace-events KEA; $c flushall }
    set requests {
        {zadd k 1 a 2 b} {zadd k 1 a} {zadd k 3 a 4 c} {zadd k xx 5 zz} {zadd k incr 1 a} {zadd k gt incr -1 a} {zincrby k 1 q} {zincrby k 0 q}
        {zrem k zz} {zrem k q} {zpopmin k} {zpopmin k 0} {zpopmax k 5} {zpopmax k} {zadd k 1 a 2 b 3 c} {zrangestore d k 0 1} {zrangestore d k 9 9}
        {zrangestore d k 9 9} {zunionstore d 1 k} {zinterstore d 2 k k} {zdiffstore d 2 k k} {zdiffstore d 2 k absent} {zmpop 1 k max} {zremrangebyrank d 0 0}
        {zremrangebyscore d 5 9} {zremrangebyscore d 0 9} {bzpopmin k 0} {zadd k 1 a 2 b} {bzmpop 0 1 k min count 9} {zadd l 0 a 0 b} {zremrangebylex l - [a}
        {zrem l b} {set s x} {zunionstore s 1 k} {zadd s 1 a} {zrange s 0 -1} {zcard absent} {zscore s a} {zunion 2 s absent} {geoadd g 1 2 a} {geoadd g 1 2 a}
        {zrandmember s} {zscan s 0} {zintercard 2 s s} {zrank s a} {zcount s 0 1}
    }
    same_events $requests
    foreach c [list $r $o] { $c config set notify-keyspace-events ""; $c flushall }
    same_counted $requests
}

test "ZRANK with a score, ZSCAN without, as Redis 7.2 and Valkey 8.0" {
    both_forms {
        $r zadd k 1.5 a 2 b
        assert_equal {0 1.5} [$r zrank k a withscore]
        assert_equal {1 1.5} [$r zrevrank k a WithScore]
        assert_equal "*-1\r\n" [$r -raw "*4\r\n\$5\r\nZRANK\r\n\$1\r\nk\r\n\$2\r\nzz\r\n\$9\r\nWITHSCORE\r\n"][$r -raw_read 5]
        assert_error "ERR syntax error" {$r zrank k a withscores}
        assert_error "ERR wrong number of arguments for 'zrank' command" {$r zrank k a withscore x}
        assert_equal {0 {a b}} [list [lindex [$r zscan k 0 noscores] 0] [lsort [lindex [$r zscan k 0 noscores] 1]]]
        assert_equal {0 a} [$r zscan k 0 match a noscores count 100]
    }
}

test "ZSCAN sees each member once, ZRANDMEMBER different ones, of a big one" {
    $r flushall
    for {set i 0} {$i < 1000} {incr i} { lappend pairs $i m$i }
    $r zadd k {*}$pairs
    set cursor 0
    set seen {}
    while 1 {
        lassign [$r zscan k $cursor count 50] cursor page
        assert_range [llength $page] 0 1000
        foreach {member score} $page { assert_equal m$score $member; lappend seen $member }
        if {$cursor eq "0"} { break }
    }
    assert_equal [lsort $seen] [lsort -unique $seen]
    assert_equal 1000 [llength $seen]
    foreach n {1 10 400 999 1000 2000} {
        set got [$r zrandmember k $n]
        assert_equal [expr {min($n, 1000)}] [llength [lsort -unique $got]]
        assert_equal [llength $got] [llength [lsort -unique $got]]
    }
    assert_equal 5000 [llength [$r zrandmember k -5000]]
    assert_range [llength [lsort -unique [$r zrandmember k -5000]]] 900 1000
}

test "a request for more draws than a reply should hold is refused" {
    $r zadd small 1 a
    assert_error "ERR value is out of range, value must between -100000 and 9223372036854775807" {$r zrandmember small -100001}
    assert_error "ERR value is out of range*" {$r zrandmember small -9223372036854775807}
    assert_equal 100000 [llength [$r zrandmember small -100000]]
    assert_equal {} [$r zrandmember absent -9223372036854775807]
}

test "DUMP and RESTORE go both ways, and the digests are the same" {
    both_forms {
        same {{zadd k 1 a 2.5 b -1e300 c inf d 123456789012345678 e} {debug digest-value k} {dump k}}
        foreach {from to} [list $r $o $o $r] {
            $to restore back 0 [$from dump k] replace
            assert_equal [$from zrange k 0 -1 withscores] [$to zrange back 0 -1 withscores]
        }
    }
}

test "what is written during a save does not show in the file" {
    $r flushall
    $r config set save ""
    for {set i 0} {$i < 40} {incr i} {
        set pairs {}
        for {set j 0} {$j < 500} {incr j} { lappend pairs $j m$i.$j }
        $r zadd big {*}$pairs
    }
    $r zadd small 1 a 2 b
    set digest [$r debug digest]
    $r bgsave
    $r -pipeline {{zremrangebyrank big 0 5000} {zadd small 5 a} {zincrby big 1000 m7.7} {zpopmax big 100} {zadd big xx 3 m9.9} {del small}}
    wait_for {[info_field $r rdb_bgsave_in_progress persistence] == 0} 20000
    assert_equal ok [info_field $r rdb_last_bgsave_status persistence]
    assert_equal 14900 [$r zcard big]
    $r debug reload nosave
    assert_equal $digest [$r debug digest]
}

}
