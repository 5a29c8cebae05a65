/* The shares of maxmemory auto.
 *
 *   | data 65 %: maxmemory | clients 10 % | replication, AOF 5 % | slack 20 %            |
 *
 * Slack is the allocator's pages that are not full, what a save keeps of old data, code and stacks. The shares are such that the
 * sum stays below the limit when each is used up; the test of a 512 MB container holds them. */
#include "server/memory_plan.h"
#include "base/log.h"
#include "exec/executor.h"
#include "exec/limit.h"
#include "io/process.h"
#include "keyspace/eviction.h"
#include "server/settings.h"

#define CLIENTS_PERCENT     10
#define REPLICATION_PERCENT 5
#define SLACK_PERCENT       20
/* Of all there is: beyond, a save that keeps old data makes writes wait. */
#define CEILING_PERCENT 85

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
