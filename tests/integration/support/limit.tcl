# What counts against maxmemory, for Tarn and for redis-server.
proc counted {r} {
    return [expr {[info_field $r used_memory memory] - [info_field $r mem_not_counted_for_evict memory]}]
}
