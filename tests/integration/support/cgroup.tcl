# Control groups of memory, v1 or v2, for servers that are to live in one. Not everywhere can one be made: then tests skip.

namespace eval cgroup {}

proc cgroup::write_text {path text} {
    set f [open $path w]
    puts $f $text
    close $f
}

# The folder of a new group with a limit in bytes, or "".
proc cgroup::make {limit} {
    foreach root {/sys/fs/cgroup/memory /sys/fs/cgroup} {
        set group $root/tarn-test-[pid]
        if {![file exists $root/cgroup.procs] || [catch {file mkdir $group}]} { continue }
        if {[cgroup::set_limit $group $limit]} { return $group }
        catch {file delete $group}
    }
    return ""
}

# Whole pages. False: no such limit can be set.
proc cgroup::set_limit {group limit} {
    foreach file {memory.limit_in_bytes memory.max} {
        if {![file exists $group/$file]} { continue }
        return [expr {![catch {cgroup::write_text $group/$file $limit}] && [string trim [read_file $group/$file]] == $limit}]
    }
    return 0
}

proc cgroup::kills {group} {
    foreach file {memory.oom_control memory.events} {
        if {[file exists $group/$file] && [regexp {oom_kill (\d+)} [read_file $group/$file] -> n]} { return $n }
    }
    return 0
}

# The servers that the body starts live in the group from their first instruction on.
proc cgroup::inside {group body} {
    set wrap $harness::wrap
    set harness::wrap [concat $wrap [list sh -c {echo $$ > "$0/cgroup.procs" && exec "$@"} $group]]
    try { uplevel 1 $body } finally { set harness::wrap $wrap }
}

# After the server has gone.
proc cgroup::remove {group} { catch {file delete $group} }
