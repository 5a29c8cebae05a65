/* The shares of maxmemory auto.
 *
 *   | data 60 %: maxmemory | clients 10 % | replication, AOF 5 % | slack 25 %            |
 *
 * Slack is the allocator's pages that are not full, what a save keeps of old data, code and stacks. The shares are such that the
 * sum stays below the limit when each is used up; the test of a 512 MB container holds them. */
#include "server/memory_plan.h"
#include "base/check.h"
#include "base/clock.h"
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
#define CEILING_PERCENT    78
#define PURGE_PERCENT      80

#define RELIEF_WAIT_MIN_MS 1000
#define RELIEF_WAIT_MAX_MS 64000

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

/* ---- memory back to the kernel ---- */

static bool is_running(const struct memory_relief *relief) {
    return atomic_load_explicit(&relief->running, memory_order_acquire);
}

static void judge(struct memory_relief *relief, int64_t available, int64_t now_ms) {
    int64_t longer_ms = relief->wait_ms ? 2 * relief->wait_ms : RELIEF_WAIT_MIN_MS;
    bool helped = relief->given_bytes >= (uint64_t)available / 100;
    relief->judged = true;
    relief->wait_ms = helped ? 0 : longer_ms < RELIEF_WAIT_MAX_MS ? longer_ms : RELIEF_WAIT_MAX_MS;
    relief->next_ms = now_ms + relief->wait_ms;
}

bool memory_relief_due(struct memory_relief *relief, int64_t rss_bytes, int64_t available, int64_t now_ms) {
    proven(available > 0 && !is_running(relief));
    if (!relief->judged) judge(relief, available, now_ms);
    if (rss_bytes < relief->lowest_bytes) relief->lowest_bytes = rss_bytes;
    if (rss_bytes <= available / 100 * PURGE_PERCENT) return false;
    return now_ms >= relief->next_ms || rss_bytes - relief->lowest_bytes >= available / 100;
}

void memory_relief_begin(struct memory_relief *relief, int64_t rss_bytes) {
    proven(!is_running(relief));
    relief->judged = false;
    relief->lowest_bytes = rss_bytes;
    atomic_store_explicit(&relief->running, true, memory_order_relaxed);
}

static void purge(void *arg) {
    struct memory_relief *relief = arg;
    relief->given_bytes = mem_purge();
    atomic_store_explicit(&relief->running, false, memory_order_release);
}

void memory_plan_cron(struct memory_relief *relief) {
    const struct memory_plan *plan = settings_memory_plan();
    if (plan->available == 0 || is_running(relief)) return;
    int64_t rss_bytes = process_rss_bytes();
    if (!memory_relief_due(relief, rss_bytes, plan->available, clock_mono_us() / 1000)) return;
    memory_relief_begin(relief, rss_bytes);
    reaper_post(server_reaper(), purge, relief);
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
