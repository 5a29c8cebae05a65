# What a request does beside its reply: the changes it counts, its hits and misses, the events it publishes.

proc measures {client} {
    return [list [info_field $client rdb_changes_since_last_save persistence] [info_field $client keyspace_hits stats] \
        [info_field $client keyspace_misses stats]]
}

# Changes that a request counts, and hits and misses.
proc counted {client request} {
    set before [measures $client]
    catch {$client {*}$request}
    return [lmap a $before b [measures $client] { expr {$b - $a} }]
}

proc same_counted {requests} {
    foreach request $requests { assert_equal [counted $::o $request] [counted $::r $request] $request }
}

# What was published while the requests ran, as lists of channel and message. `listener` hears both spaces; ::rl and ::ol are
# those of the two servers.
proc events_of {c listener requests} {
    $c -pipeline $requests
    $listener -send ping
    set events {}
    while {[lindex [set message [$listener -read]] 0] eq "pmessage"} { lappend events [lrange $message 2 3] }
    return $events
}

proc same_events {requests} {
    foreach request $requests {
        assert_equal [events_of $::o $::ol [list $request]] [events_of $::r $::rl [list $request]] $request
    }
}
