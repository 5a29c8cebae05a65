# The geo commands beside redis-server, digit by digit; polygons by themselves.
source [file join [file dirname [info script]] harness harness.tcl]
source [file join [file dirname [info script]] support same.tcl]

with_both {

foreach protocol {2 3} {
    foreach c [list $r $o] { $c hello $protocol }

    test "RESP$protocol: adding and showing places" {
        fresh
        same {{set s x} {geoadd g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.758489 38.788135 edge1 17.241510 38.788135 edge2}
            {geoadd g 13 38} {geoadd g 13 38 a 1} {geoadd g nx xx 13 38 a} {geoadd g nx 13 38} {geoadd g 181 38 a} {geoadd g 13 86 a}
            {geoadd g 13 85.05112878 pole} {geoadd g -180 -85.05112878 spole} {geoadd g 180 0 anti} {geoadd g x 38 a} {geoadd g 13 x a}
            {geoadd s 13 38 a} {geoadd s 181 38 a} {geoadd g ch 13.5 38 Palermo} {geoadd g foo 13.5 38 Palermo} {geoadd g nan 38 Palermo}
            {geoadd g inf 38 Palermo} {geoadd g ch nx 13 38 Palermo} {geoadd g 13.361389 38.115556 Palermo} {geoadd g nx ch ch} {geoadd g xx 1 1 new}
            {zrange g 0 -1 withscores} {geopos g Palermo nope pole spole anti} {geohash g Palermo nope pole spole anti} {geopos g} {geohash g}
            {geopos nokey a} {geohash nokey a} {geohash s a} {geopos s a} {geodist g Palermo Catania} {geodist g Palermo Catania km}
            {geodist g Palermo Catania Mi} {geodist g Palermo Catania ft} {geodist g Palermo Catania x} {geodist g Palermo nope}
            {geodist g Palermo nope x} {geodist g Palermo Palermo} {geodist nokey a b} {geodist nokey a b x} {geodist g a b mi ft} {geodist s a b}
            {zadd odd -1 a 0.5 b 1e300 c inf d -inf e 18014398509481984 f} {geopos odd a b c d e f} {geohash odd a b c d e f}}
    }

    test "RESP$protocol: searching" {
        fresh
        same {{set s x} {geoadd g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.758489 38.788135 edge1 17.241510 38.788135 edge2}}
        foreach from {{fromlonlat 15 37} {frommember Palermo} {frommember nope} {fromlonlat 200 37} {fromlonlat x 37} {fromlonlat 15} {}} {
            foreach by {{byradius 200 km} {bybox 400 400 km} {byradius 100 MI} {bybox 1 1 m} {byradius 0 m} {byradius x km} {byradius -1 km}
                    {byradius 1 xx} {bybox x 1 km} {bybox 1 x km} {bybox -1 1 km} {bybox 1 -1 km} {byradius 1 km bybox 1 1 km} {}} {
                foreach rest {{} {asc} {desc withdist} {withcoord withdist withhash asc} {count 1} {count 2 any}} {
                    same [list [list geosearch g {*}$from {*}$by {*}$rest] [list geosearch nokey {*}$by {*}$from {*}$rest] \
                        [list geosearchstore d g {*}$from {*}$by {*}$rest] {zrange d 0 -1 withscores}]
                }
            }
        }
        same {{geosearch s frommember nope byradius 200 foo} {geosearch g fromlonlat 15 37 frommember Palermo byradius 1 km}
            {geosearch g fromlonlat 15 37 byradius 1000 km count 0} {geosearch g fromlonlat 15 37 byradius 1000 km count x}
            {geosearch g fromlonlat 15 37 byradius 1000 km any} {geosearch g fromlonlat 15 37 byradius 1000 km any count 2}
            {geosearch g fromlonlat 15 37 byradius 1000 km storedist} {geosearch g fromlonlat 15 37 byradius 1000 km store d}
            {geosearchstore d g fromlonlat 15 37 byradius 1000 km storedist} {zrange d 0 -1 withscores} {object encoding d}
            {geosearchstore d s fromlonlat 15 37 byradius 1 km} {geosearchstore d nokey fromlonlat 15 37 byradius 1 km} {exists d}
            {georadius g 15 37 200 km withdist withcoord withhash} {georadius g 15 37 200 km store d} {georadius g 15 37 200 km storedist d}
            {zrange d 0 -1 withscores} {georadius g 15 37 200 km store d withdist} {georadius g 15 37 200 km store} {exists e}
            {georadius g 15 37 200 km store d storedist e} {zrange e 0 -1 withscores} {georadius_ro g 15 37 200 km store d}
            {georadius_ro g 15 37 200 km asc} {georadiusbymember g Palermo 200 km withdist} {georadiusbymember g nope 200 km}
            {georadiusbymember nokey nope 200 km} {georadiusbymember nokey nope x foo} {georadiusbymember nokey nope 1 km foo}
            {georadiusbymember_ro g Palermo 200 km desc} {georadius g 200 37 200 km} {georadius g 15 37 x km} {georadius g 15 37 200 foo}
            {georadius s 15 37 200 foo} {georadius nokey 15 37 200 foo} {georadius nokey 15 37 200 km store s} {exists s}
            {georadius g 15 37 200 km fromlonlat 1 1} {georadiusbymember g Palermo 200 km count 1 withdist}}
    }
}

foreach c [list $r $o] { $c hello 2 }

test "polygons, as Valkey 9" {
    fresh
    $r geoadd g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 12.758489 38.788135 edge1 17.241510 38.788135 edge2
    set square {4 13 37 16 37 16 39 13 39}
    assert_equal {Catania Palermo} [lsort [$r geosearch g bypolygon {*}$square]]
    assert_equal {} [$r geosearch g bypolygon 3 0 0 1 0 0 1]
    assert_equal {Palermo} [$r geosearch g bypolygon 3 13 37.9 14 37.9 13.3 39]
    # The middle of the square is 14.5 38.
    assert_equal [$r geosearch g fromlonlat 14.5 38 byradius 150 km asc withdist] \
        [lmap place [$r geosearch g bypolygon {*}$square asc withdist] { list [lindex $place 0] [format %.4f [expr {[lindex $place 1] / 1000}]] }]
    assert_equal {Catania} [$r geosearch g count 1 asc bypolygon {*}$square]
    assert_equal 2 [$r geosearchstore d g bypolygon {*}$square]
    assert_equal {Catania Palermo} [lsort [$r zrange d 0 -1]]
    # One that is not convex, and one around the whole map.
    assert_equal {edge1 edge2} [lsort [$r geosearch g bypolygon 5 12 38.5 15 37.9 18 38.5 18 39 12 39]]
    assert_equal 4 [llength [$r geosearch g bypolygon 4 -180 -85 180 -85 180 85 -180 85]]
    assert_error "ERR syntax error" {$r geosearch g fromlonlat 1 1 bypolygon {*}$square}
    assert_error "ERR syntax error" {$r geosearch g bypolygon {*}$square frommember Palermo}
    assert_error "ERR syntax error" {$r geosearch g bypolygon 4 1 1 2 2 3 3}
    assert_error "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices" {$r geosearch g bypolygon 2 1 1 2 2 asc}
    assert_error "ERR value is not an integer or out of range" {$r geosearch g bypolygon x 1 1 2 2 3 3}
    assert_error "ERR invalid longitude,latitude pair 200.000000,1.000000" {$r geosearch g bypolygon 3 200 1 2 2 3 3}
}

}
