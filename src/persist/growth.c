#include "persist/growth_int.h"

#include "base/check.h"

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

void growth_made(struct growth *g) {
    double segments = 1;
    g->keys = keys_so_far(g);
    while (g->keys / segments > MADE_FILL) segments *= 2;
    g->splits = fmax(segments - 1, growth_splits_at(g->keys));
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
