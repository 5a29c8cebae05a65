#include "exec/limit.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "exec/executor.h"
#include "keyspace/eviction.h"
#include "mem/set.h"

struct memory_limit {
    struct eviction_rule rule;
    int tenacity;
    int64_t used_ceiling;
    int64_t base;             /* all threads' sum when it was last taken, less what was awaited */
    int64_t here, handed;     /* this thread's part of it, and dataset_handed_bytes, then */
    const struct dataset *of; /* whose */
    unsigned until_sum;       /* questions until it is taken again */
    int64_t paid;             /* bytes counted when the last command had paid */
    int64_t over_since_us, over_us;
};

#define NOT_COUNTED                                                                              \
    (MEM_SET(MEM_CLIENT) | MEM_SET(MEM_CLIENT_IN) | MEM_SET(MEM_CLIENT_OUT) | MEM_SET(MEM_AOF) | \
     MEM_SET(MEM_REPLICATION) | MEM_SET(MEM_LIMBO) | MEM_SET(MEM_PERSIST))
#define COUNTED (((UINT32_C(1) << MEM_OWNER_COUNT) - 1) & ~NOT_COUNTED)

/* The sum over all threads costs ~1 us, and others than this one allocate little that counts. */
#define SUM_EVERY 16
/* Keys between two looks at the clock, ~20 us. */
#define KEYS_PER_LOOK 8

struct memory_limit *limit_new(void) {
    return mem_alloc_zeroed(MEM_SERVER, sizeof(struct memory_limit));
}

void limit_free(struct memory_limit *l) { mem_free(MEM_SERVER, l, sizeof *l); }

void limit_set(struct executor *x, const struct eviction_rule *rule, int tenacity, int64_t used_ceiling) {
    x->limit->rule = *rule;
    x->limit->tenacity = tenacity;
    x->limit->used_ceiling = used_ceiling;
}

/* What is awaited is read before the sum: what the reaper frees in between is then missing twice for a while, and not counted
 * twice, for which a key would have to go. */
static void take_sum(struct memory_limit *l, const struct dataset *ds) {
    int64_t awaited = (int64_t)dataset_awaited_bytes(ds);
    l->base = mem_set_bytes(COUNTED) - awaited;
    l->here = mem_set_here(COUNTED);
    l->handed = dataset_handed_bytes(ds);
    l->of = ds;
    l->until_sum = SUM_EVERY;
}

/* Between two sums only what this thread has done counts: a value that it has handed to the reaper is gone at once, and is not gone a
 * second time, or there again, when the reaper frees it. */
int64_t limit_counted(struct executor *x) {
    struct memory_limit *l = x->limit;
    if (l->until_sum-- == 0 || l->of != x->dataset) take_sum(l, x->dataset);
    return l->base + mem_set_here(COUNTED) - l->here - (dataset_handed_bytes(x->dataset) - l->handed);
}

int64_t limit_counted_of_all(void) { return mem_set_bytes(COUNTED); }

int64_t limit_counted_here(void) { return mem_set_here(COUNTED); }

const struct eviction_rule *limit_rule(const struct executor *x) { return &x->limit->rule; }

bool limit_may_evict(const struct executor *x) { return x->limit->rule.order != EVICTION_OFF; }

int64_t limit_not_counted(const struct executor *x) {
    return mem_set_bytes(NOT_COUNTED) + (int64_t)dataset_awaited_bytes(x->dataset);
}

/* ---- time over the limit ---- */
static void note_over(struct memory_limit *l) {
    if (l->over_since_us == 0) l->over_since_us = clock_mono_us();
}

static void note_within(struct memory_limit *l) {
    if (likely(l->over_since_us == 0)) return;
    l->over_us += clock_mono_us() - l->over_since_us;
    l->over_since_us = 0;
}

static int64_t stretch_us(const struct memory_limit *l) {
    return l->over_since_us ? clock_mono_us() - l->over_since_us : 0;
}

bool limit_is_over(const struct executor *x) { return x->limit->over_since_us != 0; }

void limit_reset_stats(struct executor *x) { x->limit->over_us = 0; }

int64_t limit_over_ms(const struct executor *x) { return stretch_us(x->limit) / 1000; }

int64_t limit_over_total_ms(const struct executor *x) { return (x->limit->over_us + stretch_us(x->limit)) / 1000; }

/* ---- making room ---- */
/* 50 us a step up to the default of 10, then 15 % more a step; 100: as long as it takes. */
static int64_t patience_us(const struct memory_limit *l) {
    double us = 500;
    if (l->tenacity >= 100) return INT64_MAX;
    if (l->tenacity <= 10) return 50 * (int64_t)l->tenacity;
    for (int i = 10; i < l->tenacity; i++) us *= 1.15;
    return (int64_t)us;
}

/* An old sum may hold what the reaper has freed since: being over is believed of a fresh one only. */
static int64_t over_bytes(struct executor *x) {
    if (x->used_memory_limit == 0) return 0;
    int64_t over = limit_counted(x) - x->used_memory_limit;
    if (likely(over <= 0)) return 0;
    x->limit->until_sum = 0;
    over = limit_counted(x) - x->used_memory_limit;
    return over > 0 ? over : 0;
}

/* While a pause is on the data stands still, and while a file is loaded it is not the dataset that takes the memory. */
static bool may_not_now(const struct executor *x) { return x->loading || x->pause != PAUSE_NONE; }

/* Takes out keys until so many bytes are free again, or the time is over. */
static void free_bytes(struct executor *x, int64_t wanted, int64_t patience) {
    const int64_t begun = clock_mono_us(), target = limit_counted(x) - wanted;
    for (unsigned keys = 1; limit_counted(x) > target; keys++) {
        if (!dataset_evict(x->dataset, &x->limit->rule) && !dataset_may_evict(x->dataset, &x->limit->rule)) return;
        if (keys % KEYS_PER_LOOK == 0 && clock_mono_us() - begun >= patience) return;
    }
}

bool limit_make_room(struct executor *x) {
    struct memory_limit *l = x->limit;
    if (likely(x->used_memory_limit == 0) || may_not_now(x)) return true;
    int64_t over = over_bytes(x);
    if (over == 0) {
        l->paid = x->used_memory_limit;
        note_within(l);
        return true;
    }
    note_over(l);
    if (!dataset_may_evict(x->dataset, &l->rule)) return false;
    /* Twice what has come: so that what is over grows less also when the time was too short for one of them. */
    int64_t grown = x->used_memory_limit + over - l->paid, owed = grown > 0 ? 2 * grown : 1;
    free_bytes(x, owed < over ? owed : over, patience_us(l));
    l->paid = limit_counted(x);
    if (over_bytes(x) == 0) note_within(l);
    return over_bytes(x) == 0 || dataset_may_evict(x->dataset, &l->rule);
}

/* ---- between turns ---- */
#define SLICE_US_MIN 100
#define SLICE_US_MAX 1000

static int64_t slice_us(const struct memory_limit *l) {
    int64_t us = patience_us(l);
    return us < SLICE_US_MIN ? SLICE_US_MIN : us > SLICE_US_MAX ? SLICE_US_MAX : us;
}

/* A fraction below, so that writes do not stop and go with every key. */
#define CEILING_RELEASE 64

static void hold_or_release(struct executor *x) {
    const int64_t ceiling = x->limit->used_ceiling;
    bool held = x->pauses[PAUSE_OF_MEMORY].kind != PAUSE_NONE;
    if (likely(!held && (ceiling == 0 || !dataset_is_frozen(x->dataset)))) return;
    int64_t used = mem_used();
    if (!held && used > ceiling && x->hooks.give_way) {
        executor_make_way(x); /* nobody depends on an analysis: what it keeps goes */
    } else if (!held && used > ceiling) {
        log_warning("Writes wait: the save that runs keeps %zu bytes of old data, and %lld bytes of %lld are used.",
                    dataset_limbo_bytes(x->dataset), (long long)used, (long long)ceiling);
        executor_pause(x, PAUSE_OF_MEMORY, PAUSE_WRITE, INT64_MAX);
    } else if (held && (ceiling == 0 || !dataset_is_frozen(x->dataset) || used < ceiling - ceiling / CEILING_RELEASE)) {
        log_notice("Writes go on: %lld bytes of %lld are used.", (long long)used, (long long)ceiling);
        executor_unpause(x, PAUSE_OF_MEMORY);
    }
}

bool limit_step(struct executor *x) {
    struct memory_limit *l = x->limit;
    hold_or_release(x);
    if (x->used_memory_limit == 0) note_within(l);
    if (likely(x->used_memory_limit == 0) || may_not_now(x)) return false;
    int64_t over = over_bytes(x);
    if (likely(over == 0)) {
        note_within(l);
        return false;
    }
    note_over(l);
    if (!dataset_may_evict(x->dataset, &l->rule)) return false;
    free_bytes(x, over, slice_us(l));
    l->paid = limit_counted(x);
    return over_bytes(x) > 0 && dataset_may_evict(x->dataset, &l->rule);
}
