# Control groups of memory, v1 or v2, for servers that are to live in one. Not everywhere can one be made: then tests skip.

namespace eval cgroup {}

proc cgroup::write_text {path text} {
    set f [open $path w]
    puts $f $text
    close $f
}

# The folder of a new group with a limit in bytes, or "".
proc cgroup::make {limit} {
    foreach {root file} {/sys/fs/cgroup/memory memory.limit_in_bytes /sys/fs/cgroup memory.max} {
        set group $root/tarn-test-[pid]
        if {![file exists $root/cgroup.procs] || [catch {file mkdir $group}]} { continue }
        if {![catch {cgroup::write_text $group/$file $limit}] && [string trim [read_file $group/$file]] == $limit} { return $group }
        catch {file delete $group}
    }
    return ""
}

proc cgroup::set_limit {group limit} {
    foreach file {memory.limit_in_bytes memory.max} {
        if {[file exists $group/$file]} { cgroup::write_text $group/$file $limit }
    }
}

proc cgroup::kills {group} {
    foreach file {memory.oom_control memory.events} {
        if {[file exists $group/$file] && [regexp {oom_kill (\d+)} [read_file $group/$file] -> n]} { return $n }
    }
    return 0
}

# server_start of a server that lives in the group from its first instruction on.
proc cgroup::server_start {group args} {
    set wrap $harness::wrap
    set harness::wrap [concat $wrap [list sh -c {echo $$ > "$0/cgroup.procs" && exec "$@"} $group]]
    try {
        return [::server_start {*}$args]
    } finally { set harness::wrap $wrap }
}

# After the server has gone.
proc cgroup::remove {group} { catch {file delete $group} }
