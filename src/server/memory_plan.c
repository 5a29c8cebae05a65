/* The shares of maxmemory auto.
 *
 *   | data 60 %: maxmemory | clients 10 % | replication, AOF 5 % | slack 25 %            |
 *
 * Slack is the allocator's pages that are not full, what a save keeps of old data, code and stacks. The shares are such that the
 * sum stays below the limit when each is used up; the test of a 512 MB container holds them. */
#include "server/memory_plan.h"
#include "base/log.h"
#include "exec/executor.h"
#include "exec/limit.h"
#include "io/process.h"
#include "io/thread.h"
#include "keyspace/eviction.h"
#include "mem/stats.h"
#include "server/server.h"
#include "server/settings.h"

#define CLIENTS_PERCENT     10
#define REPLICATION_PERCENT 5
#define SLACK_PERCENT       25
/* Of all there is: used_memory beyond makes writes wait for a save that keeps old data; memory of the process beyond makes the
 * allocator give back what it holds for later. */
#define CEILING_PERCENT 78
#define PURGE_PERCENT   80

void memory_plan_make(struct memory_plan *plan) {
    struct process_memory memory;
    process_memory(&memory);
    int64_t percent = memory.limit_bytes / 100;
    *plan = (struct memory_plan){
        .available = memory.limit_bytes,
        .clients = percent * CLIENTS_PERCENT,
        .replication = percent * REPLICATION_PERCENT,
        .slack = percent * SLACK_PERCENT,
        .data = percent * (100 - CLIENTS_PERCENT - REPLICATION_PERCENT - SLACK_PERCENT),
        .ceiling = percent * CEILING_PERCENT,
        .contained = memory.contained,
    };
}

static void purge(void *running) {
    mem_purge();
    atomic_store_explicit((atomic_bool *)running, false, memory_order_release);
}

void memory_plan_cron(atomic_bool *running) {
    const struct memory_plan *plan = settings_memory_plan();
    if (plan->available == 0 || atomic_load_explicit(running, memory_order_acquire)) return;
    if (process_rss_bytes() <= plan->available / 100 * PURGE_PERCENT) return;
    atomic_store_explicit(running, true, memory_order_relaxed);
    reaper_post(server_reaper(), purge, running);
}

void memory_plan_log(const struct memory_plan *plan) {
    log_notice(
        "maxmemory auto: the %s has %lld bytes; %lld for data, %lld reserved for clients, %lld for replication and "
        "the append-only file, %lld for the allocator, saves and the process itself.",
        plan->contained ? "container" : "machine", (long long)plan->available, (long long)plan->data,
        (long long)plan->clients, (long long)plan->replication, (long long)plan->slack);
}

static struct eviction_rule eviction_rule(const struct server_settings *s) {
    static const enum eviction_order orders[] = {
        [EVICT_VOLATILE_LRU] = EVICTION_IDLE,      [EVICT_VOLATILE_LFU] = EVICTION_FREQUENCY,
        [EVICT_VOLATILE_RANDOM] = EVICTION_RANDOM, [EVICT_VOLATILE_TTL] = EVICTION_TTL,
        [EVICT_ALLKEYS_LRU] = EVICTION_IDLE,       [EVICT_ALLKEYS_LFU] = EVICTION_FREQUENCY,
        [EVICT_ALLKEYS_RANDOM] = EVICTION_RANDOM,  [EVICT_NOTHING] = EVICTION_OFF,
        [EVICT_VOLATILE_LRM] = EVICTION_IDLE,      [EVICT_ALLKEYS_LRM] = EVICTION_IDLE,
    };
    int policy = s->maxmemory_policy;
    bool all = policy == EVICT_ALLKEYS_LRU || policy == EVICT_ALLKEYS_LFU || policy == EVICT_ALLKEYS_RANDOM ||
               policy == EVICT_ALLKEYS_LRM;
    return (struct eviction_rule){orders[policy], !all, (unsigned)s->maxmemory_samples};
}

void memory_plan_apply(struct executor *x) {
    const struct server_settings *s = server_settings();
    const struct eviction_rule rule = eviction_rule(s);
    limit_set(x, &rule, (int)s->eviction_tenacity, settings_memory_plan()->ceiling);
}
