# Whether the server's allocator tells how its memory is used (jemalloc does; a C library and the sanitizers' do not).
proc allocator_tells {r} { return [string match jemalloc* [info_field $r mem_allocator memory]] }

# Pages that are free stay with jemalloc for an hour, so that a test finds them however slow it is.
proc allocator_keep_pages {r} {
    foreach arena {0 1 2 3} { catch { $r debug mallctl arena.$arena.dirty_decay_ms 3600000 } }
}
