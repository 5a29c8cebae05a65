#include "persist/growth_int.h"

#include "base/check.h"
#include "mem/mem.h"
#include "values/value.h"

#include <math.h>
#include <string.h>

/* A segment splits when a bucket's neighbours are full, at this many entries on average, with this deviation: measured. It can
 * have 441 (store/table.h). */
#define SPLIT_FILL      370.0
#define SPLIT_DEVIATION 36.0
#define MADE_FILL       330.0 /* of the segments of a table made in advance, at most */

void growth_init(struct growth *g) {
    memset(g, 0, sizeof *g);
    proven(g->splits >= 0);
}

void growth_key(struct growth *g, struct slice key) {
    struct hll_mark mark = hll_mark(key);
    uint8_t *rank = &g->sketch.registers[mark.index];
    debug_proven(mark.rank <= HLL_RANK_MAX);
    if (mark.rank > *rank) *rank = mark.rank;
}

/* At each depth there are as many segments as the keys of that depth have part in: those that are full have split. */
double growth_splits_at(double keys) {
    double splits = 0, segments = 1;
    proven(keys >= 0);
    for (; keys / segments > SPLIT_FILL - 5 * SPLIT_DEVIATION; segments *= 2)
        splits += segments * 0.5 * erfc((SPLIT_FILL - keys / segments) / (SPLIT_DEVIATION * M_SQRT2));
    return splits;
}

static double keys_so_far(const struct growth *g) {
    uint64_t keys = 0;
    bool counted = hll_union_count(&g->sketch, &keys);
    proven(counted);
    return (double)keys;
}

double growth_splits_made(double keys) {
    double segments = 1;
    proven(keys >= 0);
    while (keys / segments > MADE_FILL) segments *= 2;
    return fmax(segments - 1, growth_splits_at(keys));
}

void growth_made(struct growth *g) {
    g->keys = keys_so_far(g);
    g->splits = growth_splits_made(g->keys);
    proven(g->splits >= 0);
}

struct growth_step growth_step(struct growth *g) {
    double keys = fmax(keys_so_far(g), g->keys), splits = fmax(growth_splits_at(keys), g->splits);
    struct growth_step step = {keys - g->keys, splits - g->splits};
    g->keys = keys;
    g->splits = splits;
    proven(step.keys >= 0 && step.splits >= 0);
    return step;
}

/* ---- a sample ---- */
#define SEEN_CAPACITY (2 * GROWTH_SAMPLE_MAX)

void growth_sample_init(struct growth_sample *s) {
    *s = (struct growth_sample){.seen = mem_alloc_zeroed(MEM_PERSIST, SEEN_CAPACITY * sizeof *s->seen)};
    proven(s->seen != NULL);
}

void growth_sample_release(struct growth_sample *s) {
    mem_free(MEM_PERSIST, s->seen, SEEN_CAPACITY * sizeof *s->seen);
    s->seen = NULL;
    proven(s->different <= s->named);
}

void growth_sample_key(struct growth_sample *s, struct slice key) {
    uint64_t hash = value_hash(key) | 1; /* 0 is a free place */
    size_t i = hash >> 1 & (SEEN_CAPACITY - 1);
    if (s->named == GROWTH_SAMPLE_MAX) return;
    s->named++;
    while (s->seen[i] && s->seen[i] != hash) i = (i + 1) & (SEEN_CAPACITY - 1);
    if (s->seen[i]) return;
    s->seen[i] = hash;
    s->different++;
    proven(s->different <= GROWTH_SAMPLE_MAX);
}

double growth_named(double population, double commands) {
    proven(population > 0 && commands >= 0);
    return isinf(population) ? commands : population * -expm1(-commands / population);
}

/* By halving: the more keys there are, the more different ones are named. */
double growth_population(const struct growth_sample *s) {
    double low = fmax((double)s->different, 1), high = 1e15;
    proven(s->different <= s->named);
    if (s->different == s->named) return INFINITY;
    while (high / low > 1.001) {
        double middle = sqrt(low * high);
        if (growth_named(middle, (double)s->named) < (double)s->different)
            low = middle;
        else
            high = middle;
    }
    return low;
}
