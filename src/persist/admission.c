#include "persist/admission_int.h"

#include "base/check.h"
#include "base/log.h"
#include "exec/limit.h"
#include "io/process.h"
#include "persist/load_int.h"
#include "persist/persist_int.h"
#include "persist/room_int.h"

#include <stdio.h>

/* What may be missing, beside a tenth of the limit. */
#define SLACK ((int64_t)16 << 20)

struct admission { /* of the running load */
    bool refused;
    int64_t bytes_before;    /* of data that was there: DEBUG RELOAD keeps it until it has loaded */
    int64_t rss_before;      /* of the process */
    int64_t container_bytes; /* its limit; 0: none */
    struct load_room room;
    bool limited; /* the room is kept */
    char why[LOAD_ERROR_MAX];
};

static int64_t value_of(const _Atomic int64_t *a) {
    debug_proven(a != NULL);
    return atomic_load_explicit(a, memory_order_relaxed);
}

/* Of all datasets there are. */
static int64_t data_bytes(void) {
    int64_t bytes = 0;
    for (int i = MEM_STRINGS; i <= MEM_EXPIRY; i++) bytes += mem_owner_bytes((enum mem_owner)i);
    proven(bytes >= 0);
    return bytes;
}

/* ---- the room ---- */
/* No key may go where the policy says so, or where it has changed to one whose clocks the dataset does not keep. */
static void share_limit(struct admission *a) {
    const struct executor *x = persist_state.executor;
    bool evicts = limit_may_evict(x) && a->room.rule.order != EVICTION_OFF;
    proven(x->used_memory_limit >= 0);
    atomic_store_explicit(&a->room.limit_bytes, evicts ? x->used_memory_limit : 0, memory_order_relaxed);
}

/* While an append-only file is written on, it is to hear of each key that goes: then keys go afterwards. */
static bool is_journaled(void) {
    proven(persist_state.executor != NULL);
    return persist_state.load.kind != LOAD_AOF_FIRST && aof_is_on();
}

/* maxmemory is what limits, and not the container. */
static bool is_within(int64_t limit, int64_t container) {
    proven(limit >= 0 && container >= 0);
    return limit > 0 && limit <= container;
}

void admission_begin(struct load_options *options) {
    struct admission *a = persist_state.load.admission;
    struct process_memory memory;
    process_memory(&memory);
    /* Once: a load that is abandoned goes on looking at its room. */
    if (!a) a = persist_state.load.admission = mem_alloc(MEM_PERSIST, sizeof *a);
    *a = (struct admission){.bytes_before = data_bytes(),
                            .rss_before = process_rss_bytes(),
                            .container_bytes = memory.contained ? memory.limit_bytes : 0,
                            .limited = !is_journaled()};
    a->room.rule = *limit_rule(persist_state.executor);
    a->room.others = a->bytes_before;
    if ((a->room.rule.order == EVICTION_FREQUENCY) != (options->access == ACCESS_LFU))
        a->room.rule.order = EVICTION_OFF;
    bool walled = a->container_bytes > a->rss_before && !persist_state.settings.load_oversize &&
                  !is_within(persist_state.executor->used_memory_limit, a->container_bytes);
    a->room.wall_bytes = walled ? a->container_bytes - a->rss_before : 0;
    share_limit(a);
    if (a->limited) options->room = &a->room;
    proven(options->room || aof_is_on());
}

/* ---- judging ---- */
struct demand {
    int64_t needed, available;
    const char *of, *help; /* who leaves that much; what would change it */
};

static int64_t taken(const struct admission *a) {
    int64_t bytes = data_bytes() - a->bytes_before;
    proven(a->bytes_before >= 0);
    return bytes > 0 ? bytes : 0;
}

/* What commands leave is known when all of them have been looked at, or have run. Of a file that is damaged less may come. */
static int64_t left_by_commands(const struct load_progress *lp, const struct scout_payload *known, bool whole) {
    int64_t left = value_of(&lp->salvaged) ? 0 : known->remaining,
            held = whole ? taken(persist_state.load.admission) : 0;
    proven(left >= 0);
    return left > held ? left : held;
}

/* Expired keys do not come. */
static int64_t held_by_rdb(const struct scout_payload *known, bool evicts) {
    const struct admission *a = persist_state.load.admission;
    int64_t bytes = evicts ? known->lasting : known->living;
    bool counts = !evicts || (a->limited && a->room.full);
    proven(bytes >= 0);
    return counts && taken(a) > bytes ? taken(a) : bytes;
}

static bool over_maxmemory(const struct load_progress *lp, const struct scout_payload *known, bool whole,
                           struct demand *d) {
    const struct executor *x = persist_state.executor;
    const struct eviction_rule *rule = limit_rule(x);
    bool evicts = rule->order != EVICTION_OFF, rdb = persist_state.load.kind == LOAD_RDB;
    proven(x->used_memory_limit >= 0);
    if (x->used_memory_limit == 0 || (evicts && !(rdb && rule->only_expiring))) return false;
    d->needed = rdb ? held_by_rdb(known, evicts) : left_by_commands(lp, known, whole);
    d->available = x->used_memory_limit;
    d->of = "maxmemory";
    d->help = evicts ? ": maxmemory-policy lets only keys with a TTL go. With load-oversize try it would be loaded all "
                       "the same"
                     : ". With load-oversize try it would be loaded all the same; with a maxmemory-policy other than "
                       "noeviction keys go to make room";
    return d->needed > d->available + d->available / 10 + SLACK;
}

/* Beyond its container's limit the process would be killed. All keys of a base are there at one time, whatever comes after. Near
 * the limit the rest of an RDB file, which takes about a byte for each of its bytes, is held against what is left. */
static bool over_container(const struct load_progress *lp, const struct scout_payload *known, struct demand *d) {
    const struct admission *a = persist_state.load.admission;
    int64_t limit = persist_state.executor->used_memory_limit, container = a->container_bytes;
    proven(container >= 0);
    if (container == 0 || is_within(limit, container)) return false;
    bool rdb = persist_state.load.kind == LOAD_RDB;
    int64_t rss = process_rss_bytes(), rest = value_of(&lp->total_bytes) - value_of(&lp->loaded_bytes);
    d->needed = rdb ? known->living : known->all;
    if (rdb && rss >= container / 16 * 15 && rss - a->rss_before + rest > d->needed)
        d->needed = rss - a->rss_before + rest;
    d->available = container - a->rss_before;
    d->of = "the container";
    d->help = ". With maxmemory auto and a maxmemory-policy that evicts as much as fits would be loaded; with "
              "load-oversize try it would be tried all the same";
    return d->needed > d->available;
}

static void put_why(char *why, const struct demand *d) {
    const struct persist_settings *s = &persist_state.settings;
    const char *name = persist_state.load.kind == LOAD_RDB ? s->file_name : s->aof.folder_name;
    proven(d->needed > d->available);
    snprintf(why, LOAD_ERROR_MAX, "%.150s: does not fit: it needs at least %lld bytes, and %s leaves %lld%s", name,
             (long long)d->needed, d->of, (long long)d->available, d->help);
}

/* whole: all has been loaded. */
static bool does_not_fit(const struct load_progress *lp, const struct scout_payload *known, bool whole, char *why) {
    struct demand d;
    proven(persist_state.load.job != NULL);
    if (!over_maxmemory(lp, known, whole, &d) && !over_container(lp, known, &d)) return false;
    put_why(why, &d);
    return true;
}

static bool is_judged(void) {
    const struct persist_state *p = &persist_state;
    bool limits = p->executor->used_memory_limit > 0 || p->load.admission->container_bytes > 0;
    proven(p->load.job != NULL);
    return limits && !p->settings.load_oversize && !p->load.admission->refused;
}

static void judge(struct persist_load *l) {
    const struct scout_payload known = load_payload(l->job);
    if (!does_not_fit(load_progress(l->job), &known, false, l->admission->why)) return;
    l->admission->refused = true;
    proven(l->admission->why[0]);
    load_refuse(l->job, l->admission->why);
}

void admission_check(void) {
    struct persist_load *l = &persist_state.load;
    share_limit(l->admission);
    if (is_judged()) judge(l);
    atomic_fetch_add_explicit(&l->admission->room.judged, 1, memory_order_relaxed);
}

/* It is loaded all the same. */
static void tell_excess(const struct admission *a) {
    struct executor *x = persist_state.executor;
    int64_t limit = x->used_memory_limit, used = limit_counted(x) - a->bytes_before;
    proven(limit >= 0);
    if (limit == 0 || used <= limit || limit_may_evict(x)) return;
    log_warning(
        "What has been loaded takes %lld bytes with what the server itself needs, maxmemory is %lld: with noeviction "
        "commands that need memory are refused until there is less",
        (long long)used, (long long)limit);
}

const char *admission_late(struct dataset *loaded) {
    struct persist_load *l = &persist_state.load;
    static const struct scout_payload nothing;
    proven(loaded && loaded != persist_state.executor->dataset);
    if (!is_judged() || !does_not_fit(load_progress(l->job), &nothing, true, l->admission->why)) {
        tell_excess(l->admission);
        return NULL;
    }
    dataset_retire(persist_state.executor->dataset, loaded);
    return l->admission->why;
}
