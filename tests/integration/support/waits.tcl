# Clients that wait, on both servers.

proc blocked {client} { return [info_field $client blocked_clients clients] }

# On both servers: `waits` are requests, each of a client of its own, in the order in which they begin to wait; then `does` are
# run by another one. The replies of all are compared: those of the waits may take as long as they take.
proc same_waits {waits does} {
    set results {}
    foreach server [list $::srv $::oracle] admin [list $::r $::o] {
        $admin flushall
        set clients {}
        foreach request $waits {
            set n [blocked $admin]
            set c [client $server]
            $c -send {*}$request
            lappend clients $c
            wait_for {[blocked $admin] == $n + 1}
        }
        set did {}
        foreach request $does { lappend did [$admin -typed {*}$request] }
        set replies {}
        foreach c $clients {
            set request [lindex $waits [llength $replies]]
            lappend replies [list $request [$c -read_typed]]
            $c -close
        }
        lappend results [list $did $replies]
    }
    assert_equal [lindex $results 1] [lindex $results 0] $waits
}
