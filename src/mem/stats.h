/* What the allocator says of itself. */
#ifndef TARN_MEM_STATS_H
#define TARN_MEM_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mem_stats { /* bytes; with MALLOC=libc allocated = mem_used, the rest 0 */
    uint64_t allocated, active, resident, retained, muzzy, metadata;
};

void mem_stats_read(struct mem_stats *out); /* advances jemalloc's epoch; ~20 us */
const char *mem_allocator_name(void);       /* "jemalloc-5.3.0" or "libc" */
bool mem_allocator_has_stats(void);
/* The allocator's full report, piece by piece, to write(arg, text, n). libc: one sentence saying that it keeps none. */
void mem_stats_report(void (*write)(void *arg, const char *text, size_t n), void *arg);
/* Gives unused pages of every arena back to the kernel. Returns the bytes by which resident shrank (0 if unknown). */
uint64_t mem_purge(void);
/* jemalloc's background threads on or off; false when not available. */
bool mem_background_thread(bool on);

#endif
