/* Everything MEMORY and INFO memory know, taken in one go, so that the figures of one reply fit each other. used is the sum of
 * the owners, by construction; nothing is found by subtraction from a total. */
#ifndef TARN_OBSERVE_MEMORY_FACTS_H
#define TARN_OBSERVE_MEMORY_FACTS_H

#include "mem/buf.h"
#include "mem/mem.h"
#include "mem/stats.h"

#include <stdint.h>

struct executor;

struct memory_facts {
    int64_t owners[MEM_OWNER_COUNT];
    int64_t used, dataset, overhead; /* used = dataset + overhead: owners of values, all other owners */
    int64_t peak, peak_time_s, startup;
    int64_t clients;        /* sessions with their input and output */
    int64_t rss, machine;   /* of the process; of the whole machine */
    int64_t limit;          /* maxmemory, 0 none */
    int64_t not_counted;    /* of used, what does not count against it */
    struct mem_stats heap;  /* with an allocator that keeps no statistics: active and resident are the process's */
    double dataset_percent; /* of what is used beyond startup, 0..100 */
    double peak_percent;    /* used of peak */
    double heap_fragmentation, heap_rss, rss_overhead, fragmentation; /* ratios; 0 when unknown */
    int64_t keys, bytes_per_key;
    int64_t sampled_ms; /* when rss, machine and heap were taken, 0: never */
};

/* out: zeroed before its first use. The owners are summed anew each time (~3 us). What the kernel and the allocator must be
 * asked for costs ten times that, and INFO is what every client sends when it connects: so rss and heap are kept for
 * MEMORY_SAMPLE_MS, unless they are asked for with fresh. */
#define MEMORY_SAMPLE_MS 100
void memory_facts_take(struct memory_facts *out, const struct executor *executor, bool fresh);

#endif
