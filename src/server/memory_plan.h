/* maxmemory auto: how the memory of the container or of the machine is divided; and how maxmemory is kept. */
#ifndef TARN_SERVER_MEMORY_PLAN_H
#define TARN_SERVER_MEMORY_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct executor;

/* All 0 unless maxmemory is auto. */
struct memory_plan {
    int64_t available;                         /* of the container or the machine */
    int64_t clients, replication, slack, data; /* its parts; data is maxmemory */
    int64_t ceiling;                           /* of used_memory while a save keeps old data */
    bool contained;
};
void memory_plan_make(struct memory_plan *plan);

/* Near the end of what there is, the allocator's free pages go back to the kernel (by the reaper). After a purge that brought less
 * than a hundredth of it the next one waits, 1 s, 2 s, ... 64 s, unless the process has grown by a hundredth since. The caller's,
 * all 0 at first. */
struct memory_relief {
    atomic_bool running;
    uint64_t given_bytes; /* by the last purge: the reaper's while one runs */
    bool judged;          /* given_bytes is among the figures below */
    int64_t wait_ms, next_ms;
    int64_t lowest_bytes; /* of the process since the last purge */
};
void memory_plan_cron(struct memory_relief *relief); /* every 100 ms */
/* Its parts, for tests. proven: none is running. */
bool memory_relief_due(struct memory_relief *relief, int64_t rss_bytes, int64_t available, int64_t now_ms);
void memory_relief_begin(struct memory_relief *relief, int64_t rss_bytes);
void memory_plan_log(const struct memory_plan *plan);
const struct memory_plan *settings_memory_plan(void);
/* The policy, samples, tenacity and ceiling that are set now. */
void memory_plan_apply(struct executor *x);

#endif
