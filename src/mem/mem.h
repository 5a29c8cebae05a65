/* Accounted memory. Every allocation names its owner; every thread keeps its own counters, so the fast path takes no
 * lock and no atomic read-modify-write. used_memory is the sum of the owners over all threads, by construction.
 *
 * Sizes are counted as the allocator's usable sizes. With jemalloc the usable size follows from the requested one
 * (nallocx), so callers hand the requested size back to mem_free, which uses sized deallocation.
 *
 * A block may be freed on another thread than the one that allocated it; only the sum over threads is meaningful.
 * Aborts on exhaustion, except the try_ forms, which are for sizes that come from outside. */
#ifndef TARN_MEM_MEM_H
#define TARN_MEM_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The owners. Names (mem_owner_name) are part of the interface: MEMORY TREE, /metrics. */
enum mem_owner {
    MEM_STRINGS, /* entries (key, header, value) whose value is a string, and big string bodies */
    MEM_LISTS,
    MEM_SETS,
    MEM_HASHES,
    MEM_ZSETS,
    MEM_STREAMS,
    MEM_TABLE,      /* segments and directories of the keyspace tables */
    MEM_EXPIRY,     /* the calendars */
    MEM_LIMBO,      /* what only a live snapshot still needs */
    MEM_CLIENT,     /* sessions and connections themselves */
    MEM_CLIENT_IN,  /* query buffers, argument vectors */
    MEM_CLIENT_OUT, /* reply buffers */
    MEM_REPLICATION,
    MEM_AOF,
    MEM_SCRIPTS,
    MEM_PUBSUB,
    MEM_TRACKING,
    MEM_PERSIST, /* buffers of load and save */
    MEM_OBSERVE, /* slowlog, latency rings, command statistics */
    MEM_SERVER,  /* configuration, command index, event loop, everything else */
    MEM_OWNER_COUNT
};

const char *mem_owner_name(enum mem_owner owner); /* "strings", "client_in", ... */

/* n > 0. 16-byte aligned (for n >= 16), uninitialised. ~20 ns. */
void *mem_alloc(enum mem_owner owner, size_t n);
void *mem_alloc_zeroed(enum mem_owner owner, size_t n);
/* NULL instead of an abort when there is no memory, or the fault seam says so. */
void *mem_try_alloc(enum mem_owner owner, size_t n);
/* align: a power of two, 16..4096. Free with mem_free_aligned and the same align. */
void *mem_alloc_aligned(enum mem_owner owner, size_t n, size_t align);
void mem_free_aligned(enum mem_owner owner, void *p, size_t n, size_t align);
/* old_n: the size p was allocated with; p may be NULL with old_n 0. */
void *mem_realloc(enum mem_owner owner, void *p, size_t old_n, size_t new_n);
void *mem_try_realloc(enum mem_owner owner, void *p, size_t old_n, size_t new_n);
/* p may be NULL. n: the size asked for at allocation. */
void mem_free(enum mem_owner owner, void *p, size_t n);
/* The block p of n bytes changes its owner; no memory moves. O(1). */
void mem_move(enum mem_owner from, enum mem_owner to, const void *p, size_t n);

/* What an allocation of n bytes really takes; a block may be used up to this size if it is then freed and resized
 * with any n of the same good size. With MALLOC=libc this is n rounded up to 16, an estimate. ~2 ns for n <= 4096. */
size_t mem_good_size(size_t n);

/* Sums over all threads; a moment's picture, each counter true. Never negative. ~100 ns. */
int64_t mem_owner_bytes(enum mem_owner owner);
int64_t mem_owner_blocks(enum mem_owner owner);
int64_t mem_used(void);
/* Highest mem_used seen; updated by mem_note_peak (called by the cron and before it is shown). */
int64_t mem_peak(void);
int64_t mem_peak_time_s(void); /* wall seconds of the peak */
void mem_note_peak(void);
void mem_reset_peak(void);
/* mem_used right after start-up: set once by server/. */
void mem_note_startup(void);
int64_t mem_startup(void);

/* Fault seam for tests: the nth try_ allocation of at least min bytes from now on this thread fails (0 = off). */
void mem_fail_after(unsigned nth, size_t min);

#endif
