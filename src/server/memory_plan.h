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
/* Every 100 ms: near the end of what there is, the allocator's free pages go back to the kernel (by the reaper).
 * running: one is under way; the caller's, false at first. */
void memory_plan_cron(atomic_bool *running);
void memory_plan_log(const struct memory_plan *plan);
const struct memory_plan *settings_memory_plan(void);
/* The policy, samples, tenacity and ceiling that are set now. */
void memory_plan_apply(struct executor *x);

#endif
