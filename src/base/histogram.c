#include "base/histogram.h"

#include <string.h>

#define SUB_COUNT (1u << HISTOGRAM_SUB_BITS)

/* Values below SUB_COUNT have a bucket each; above, every power of two is cut into SUB_COUNT equal parts. */
static unsigned bucket_of(uint64_t v) {
    if (v < SUB_COUNT) return (unsigned)v;
    unsigned power = 63u - (unsigned)__builtin_clzll(v);
    unsigned shift = power - HISTOGRAM_SUB_BITS;
    unsigned index = ((shift + 1) << HISTOGRAM_SUB_BITS) + (unsigned)(v >> shift & (SUB_COUNT - 1));
    return index < HISTOGRAM_BUCKETS ? index : HISTOGRAM_BUCKETS - 1;
}

/* The largest value of a bucket. */
static uint64_t bucket_top(unsigned index) {
    if (index < SUB_COUNT) return index;
    unsigned shift = (index >> HISTOGRAM_SUB_BITS) - 1;
    uint64_t low = (uint64_t)(SUB_COUNT + (index & (SUB_COUNT - 1))) << shift;
    return low + ((uint64_t)1 << shift) - 1;
}

static inline uint64_t load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }

static inline void store(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }

static inline void add(uint64_t *p, uint64_t n) { store(p, load(p) + n); }

void histogram_clear(struct histogram *h) {
    store(&h->count, 0);
    store(&h->sum, 0);
    store(&h->max, 0);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) store(&h->buckets[i], 0);
}

void histogram_add(struct histogram *h, uint64_t value_ns) {
    add(&h->count, 1);
    add(&h->sum, value_ns);
    add(&h->buckets[bucket_of(value_ns)], 1);
    if (value_ns > load(&h->max)) store(&h->max, value_ns);
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
    add(&into->count, load(&from->count));
    add(&into->sum, load(&from->sum));
    if (load(&from->max) > load(&into->max)) store(&into->max, load(&from->max));
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) add(&into->buckets[i], load(&from->buckets[i]));
}

uint64_t histogram_percentile(const struct histogram *h, double percentile) {
    uint64_t count = load(&h->count);
    if (count == 0) return 0;
    double wanted = percentile / 100.0 * (double)count;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        seen += load(&h->buckets[i]);
        if (seen > 0 && (double)seen >= wanted) return bucket_top(i);
    }
    return load(&h->max); /* the last bucket has no top */
}

uint64_t histogram_count_upto(const struct histogram *h, uint64_t value_ns) {
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1 && bucket_top(i) <= value_ns; i++) seen += load(&h->buckets[i]);
    return value_ns >= load(&h->max) ? load(&h->count) : seen;
}
