#include "store/table_int.h"

/* ---- scan ---- */
struct scan {
    const struct table *table;
    uint64_t from; /* positions below are not visited; 0: no test */
    void (*visit)(void *arg, table_slot *slot);
    void *arg;
};

static void scan_bucket(const struct scan *scan, struct table_bucket *b, unsigned displaced) {
    const struct table *t = scan->table;
    debug_proven(displaced <= TABLE_DISPLACED_MAX);
    for (uint64_t m = table_used(b); m; m &= m - 1) {
        table_slot *slot = &b->slots[table_match_index(m)];
        if (table_displaced(slot) != displaced) continue;
        if (scan->from && table_position(t->hash_of(table_slot_entry(slot), t->hash_arg)) < scan->from) continue;
        scan->visit(scan->arg, slot);
    }
}

uint64_t table_scan(const struct table *t, uint64_t cursor, void (*visit)(void *arg, table_slot *slot), void *arg) {
    if (t->count == 0) return 0;
    cursor &= (UINT64_C(1) << TABLE_POSITION_BITS) - 1;
    uint64_t hash = cursor << (64 - TABLE_POSITION_BITS), word = *table_word(t, hash);
    struct table_segment *s = table_word_segment(word);
    unsigned home = table_home(hash, s->depth, s->buckets);
    unsigned scale = TABLE_DEPTH_MAX - s->depth; /* from home bits to positions */
    uint64_t first = table_position(table_range_first(hash, s->depth));
    uint64_t begin = first + ((uint64_t)table_home_first(home, s->buckets) << scale);
    uint64_t end = first + ((uint64_t)table_home_first(home + 1, s->buckets) << scale);
    proven(begin <= cursor && cursor < end);
    debug_proven(s->depth == table_word_depth(word) && s->buckets == table_word_buckets(word));
    struct scan scan = {t, cursor == begin ? 0 : cursor, visit, arg};
    unsigned reach = s->bucket[home].overflow ? TABLE_DISPLACED_MAX : 0;
    for (unsigned distance = 0; distance <= reach && distance < s->buckets; distance++)
        scan_bucket(&scan, &s->bucket[(home + distance) % s->buckets], distance);
    return end & ((UINT64_C(1) << TABLE_POSITION_BITS) - 1);
}

/* ---- everything ---- */
void table_each(const struct table *t, void (*visit)(void *arg, table_slot *slot), void *arg) {
    if (t->count == 0) return;
    size_t met = 0;
    for (size_t i = 0, n = table_directory_words(t->depth); i < n; i += table_word_span(t->depth, t->directory[i])) {
        struct table_segment *s = table_word_segment(t->directory[i]);
        met += s->count;
        table_prefetch_bucket(s->bucket);
        for (unsigned at = 0; at < s->buckets; at++) {
            struct table_bucket *b = &s->bucket[at];
            if (at + 1 < s->buckets) table_prefetch_bucket(b + 1);
            for (uint64_t m = table_used(b); m; m &= m - 1) visit(arg, &b->slots[table_match_index(m)]);
        }
    }
    proven(met == t->count);
}

static bool frozen_segment_each(const struct table_segment *s, bool (*visit)(void *arg, const table_slot *slot),
                                void *arg) {
    table_prefetch_bucket(s->bucket);
    proven(s->buckets >= 1 && s->count <= s->buckets * TABLE_SLOTS);
    for (unsigned at = 0; at < s->buckets; at++) {
        const struct table_bucket *b = &s->bucket[at];
        if (at + 1 < s->buckets) table_prefetch_bucket(b + 1);
        for (uint64_t m = table_used(b); m; m &= m - 1)
            if (!visit(arg, &b->slots[table_match_index(m)])) return false;
    }
    return true;
}

bool table_frozen_each(struct table_frozen *view, bool (*visit)(void *arg, const table_slot *slot), void *arg) {
    size_t n = view->directory ? table_directory_words(view->depth) : 0, met = 0;
    for (size_t i = 0; i < n;) {
        uint64_t word = view->directory[i];
        met += table_word_segment(word)->count;
        if (!frozen_segment_each(table_word_segment(word), visit, arg)) return false;
        i += table_word_span(view->depth, word);
        if (i < n) atomic_store_explicit(&view->passed, (uint64_t)i << (64 - view->depth), memory_order_release);
    }
    proven(met == view->count); /* the picture is whole: no key is missing from what is saved */
    atomic_store_explicit(&view->passed, UINT64_MAX, memory_order_release);
    return true;
}

/* ---- random ---- */
/* One throw at the space of all slots that the directory could address, of which each entry has exactly one: so those
 * that hit are uniform. NULL for a miss; a hit is more likely than not 1 in 5. */
static table_slot *random_throw(const struct table *t, struct random *r, unsigned widest) {
    debug_proven(t->directory && widest <= TABLE_SEGMENT_BUCKETS);
    uint64_t i = random_below(r, table_directory_words(t->depth)), word = t->directory[i];
    if (i & (table_word_span(t->depth, word) - 1)) return NULL;
    unsigned k = (unsigned)random_below(r, widest * TABLE_SLOTS);
    if (k >= table_word_buckets(word) * TABLE_SLOTS) return NULL;
    debug_proven(k / TABLE_SLOTS < table_word_segment(word)->buckets);
    struct table_bucket *b = &table_word_segment(word)->bucket[k / TABLE_SLOTS];
    return b->tags[k % TABLE_SLOTS] ? &b->slots[k % TABLE_SLOTS] : NULL;
}

/* The first used slot from a random place on, for tables that are nearly empty or whose hash does not spread. */
static table_slot *random_walk(const struct table *t, struct random *r) {
    size_t n = table_directory_words(t->depth), i = random_below(r, n);
    struct table_segment *s = table_word_segment(t->directory[i]);
    proven(t->count > 0); /* else it would not end */
    while (s->count == 0) s = table_word_segment(t->directory[i = (i + 1) & (n - 1)]);
    unsigned at = (unsigned)random_below(r, s->buckets);
    while (!table_used(&s->bucket[at])) at = at + 1 == s->buckets ? 0 : at + 1;
    return &s->bucket[at].slots[table_match_index(table_used(&s->bucket[at]))];
}

table_slot *table_random(const struct table *t, struct random *r) {
    if (t->count == 0) return NULL;
    unsigned widest = t->depth ? TABLE_SEGMENT_BUCKETS : table_word_buckets(t->directory[0]);
    proven(widest >= 1 && widest <= TABLE_SEGMENT_BUCKETS);
    for (int i = 0; i < 200; i++) {
        table_slot *slot = random_throw(t, r, widest);
        if (slot) return slot;
    }
    return random_walk(t, r);
}

/* ---- checks ---- */
static void verify_slot(const struct table *t, const struct table_segment *s, uint64_t first, unsigned at, unsigned i) {
    const table_slot *slot = &s->bucket[at].slots[i];
    uint64_t hash = t->hash_of(table_slot_entry(slot), t->hash_arg);
    unsigned displaced = table_displaced(slot);
    proven(table_range_first(hash, s->depth) == first);
    proven(s->bucket[at].tags[i] == table_tag(hash, s->depth));
    proven(!s->tails || (*slot & TABLE_SLOT_TAIL) == table_tail(hash, s->depth));
    proven(displaced < s->buckets && (table_home(hash, s->depth, s->buckets) + displaced) % s->buckets == at);
}

static void verify_segment(const struct table *t, const struct table_segment *s, uint64_t first) {
    unsigned count = 0, sent[TABLE_SEGMENT_BUCKETS] = {0};
    for (unsigned at = 0; at < s->buckets; at++)
        for (uint64_t m = table_used(&s->bucket[at]); m; m &= m - 1, count++) {
            unsigned i = table_match_index(m), displaced = table_displaced(&s->bucket[at].slots[i]);
            verify_slot(t, s, first, at, i);
            if (displaced) sent[(at + s->buckets - displaced) % s->buckets]++;
        }
    for (unsigned at = 0; at < s->buckets; at++) proven(s->bucket[at].overflow == sent[at]);
    proven(s->count == count);
    proven(s->epoch <= t->epoch);
}

void table_verify(const struct table *t) {
    size_t count = 0, segments = 0, deepest = 0, bytes = table_directory_bytes(t);
    size_t n = t->directory ? table_directory_words(t->depth) : 0;
    for (size_t i = 0, span; i < n; i += span) {
        uint64_t word = t->directory[i];
        const struct table_segment *s = table_word_segment(word);
        proven(s->depth == table_word_depth(word) && s->buckets == table_word_buckets(word) && s->depth <= t->depth);
        span = table_word_span(t->depth, word);
        proven((i & (span - 1)) == 0);
        for (size_t k = 1; k < span; k++) proven(t->directory[i + k] == word);
        verify_segment(t, s, t->depth ? (uint64_t)i << (64 - t->depth) : 0);
        segments++;
        count += s->count;
        deepest += s->depth == t->depth;
        bytes += mem_good_size(table_segment_bytes(s));
    }
    proven(t->count == count && t->segments == segments && t->deepest == deepest && t->bytes == bytes);
    proven(n <= 1 || deepest > 0);
}

void table_stats_read(const struct table *t, struct table_stats *out) {
    *out = (struct table_stats){.segments = t->segments, .deepest_segments = t->deepest, .depth = t->depth};
    size_t n = t->directory ? table_directory_words(t->depth) : 0, met = 0;
    for (size_t i = 0; i < n; i += table_word_span(t->depth, t->directory[i]), met++) {
        const struct table_segment *s = table_word_segment(t->directory[i]);
        out->buckets += s->buckets;
        for (unsigned at = 0; at < s->buckets; at++) out->displaced += s->bucket[at].overflow;
    }
    proven(met == t->segments && out->displaced <= t->count);
}
