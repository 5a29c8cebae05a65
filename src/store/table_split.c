#include "store/table_int.h"

#define MERGE_BELOW    (TABLE_SEGMENT_ENTRIES * 2 / 5)
#define PREFETCH_AHEAD 16 /* about as many cache misses as a core keeps in flight */

/* The bucket counts a segment may have: 64 * (1 + n) is a size class of jemalloc, so nothing is lost to rounding. */
static const uint8_t bucket_steps[] = {1, 3, 5, 7, 11, 15, 23, 31, 39, 47, 63};

/* An entry on its way from one segment to another: its slot word without displacement, fresh only if that still counts. */
struct moved {
    uint64_t hash, word;
};

/* ---- storage ---- */
size_t table_segment_bytes(const struct table_segment *s) { return 64 * (1 + (size_t)s->buckets); }

size_t table_directory_bytes(const struct table *t) {
    bool inside = t->directory == NULL || t->directory == &t->directory_of_one;
    return inside ? 0 : mem_good_size(sizeof(uint64_t) << t->depth);
}

struct table_segment *table_segment_new(const struct table *t, unsigned depth, unsigned buckets) {
    proven(depth <= TABLE_DEPTH_MAX && buckets >= 1 && buckets <= TABLE_SEGMENT_BUCKETS);
    struct table_segment *s = mem_alloc_aligned(t->owner, 64 * (1 + (size_t)buckets), 64);
    memset(s, 0, 64 * (1 + (size_t)buckets));
    s->epoch = t->epoch;
    s->depth = (uint8_t)depth;
    s->buckets = (uint8_t)buckets;
    return s;
}

void table_segment_install(struct table *t, uint64_t hash, struct table_segment *s) {
    uint64_t pointer = (uint64_t)(uintptr_t)s, word = pointer | (uint64_t)s->depth << 56 | s->buckets;
    proven(table_word_segment(word) == s && s->depth <= t->depth);
    uint64_t *words = table_word(t, table_range_first(hash, s->depth));
    for (size_t i = 0, span = table_word_span(t->depth, word); i < span; i++) words[i] = word;
    t->segments++;
    t->bytes += mem_good_size(table_segment_bytes(s));
    if (s->depth == t->depth) t->deepest++;
}

void table_segment_drop(struct table *t, struct frozen *f, uint64_t hash, struct table_segment *s) {
    size_t n = table_segment_bytes(s);
    proven(t->segments > 0);
    t->segments--;
    t->bytes -= mem_good_size(n);
    if (s->depth == t->depth) t->deepest--;
    if (t->frozen && table_segment_shared(t, s, hash))
        frozen_limbo(f, t->owner, s, n, 64);
    else
        mem_free_aligned(t->owner, s, n, 64);
}

/* ---- directory ---- */
/* The old one is freed at once: a snapshot reads its own copy. */
static void table_directory_replace(struct table *t, uint64_t *words, unsigned depth) {
    t->bytes -= table_directory_bytes(t);
    if (t->directory != &t->directory_of_one) mem_free(t->owner, t->directory, sizeof(uint64_t) << t->depth);
    t->directory = words;
    t->depth = (uint8_t)depth;
    t->bytes += table_directory_bytes(t);
}

static void table_directory_double(struct table *t) {
    proven(t->depth < TABLE_DEPTH_MAX);
    size_t n = table_directory_words(t->depth);
    uint64_t *words = mem_alloc(t->owner, 2 * n * sizeof *words);
    for (size_t i = 0; i < n; i++) words[2 * i] = words[2 * i + 1] = t->directory[i];
    table_directory_replace(t, words, t->depth + 1u);
    t->deepest = 0;
}

static void table_directory_halve(struct table *t) {
    proven(t->depth > 0 && t->deepest == 0);
    unsigned depth = t->depth - 1u;
    size_t n = table_directory_words(depth);
    uint64_t *words = depth == 0 ? &t->directory_of_one : mem_alloc(t->owner, n * sizeof *words);
    for (size_t i = 0; i < n; i++) {
        words[i] = t->directory[2 * i];
        t->deepest += table_word_depth(words[i]) == depth;
    }
    table_directory_replace(t, words, depth);
}

/* ---- moving entries ---- */
/* Writes the segment's entries to out (TABLE_SEGMENT_ENTRIES at most) and returns their number. Every entry is a cache
 * miss for hash_of: so they are asked for some steps ahead. */
static size_t segment_gather(const struct table *t, const struct table_segment *s, struct moved *out) {
    uint64_t keep = ~TABLE_DISPLACED_BITS & ~(s->epoch == t->epoch ? 0 : TABLE_SLOT_FRESH);
    size_t n = 0;
    for (const struct table_bucket *b = s->bucket; b < s->bucket + s->buckets; b++)
        for (uint64_t m = table_used(b); m; m &= m - 1)
            out[n++].word = atomic_load_explicit(&b->slots[table_match_index(m)], memory_order_relaxed) & keep;
    proven(n == s->count);
    for (size_t i = 0; i < n + PREFETCH_AHEAD; i++) {
        if (i < n) __builtin_prefetch((const void *)(uintptr_t)(out[i].word & TABLE_SLOT_POINTER));
        if (i < PREFETCH_AHEAD) continue;
        struct moved *m = &out[i - PREFETCH_AHEAD];
        m->hash = t->hash_of((const void *)(uintptr_t)(m->word & TABLE_SLOT_POINTER), t->hash_arg);
    }
    return n;
}

/* A new segment with these entries, or NULL when one finds no place. */
static struct table_segment *segment_build(const struct table *t, const struct moved *entries, size_t n, unsigned depth,
                                           unsigned buckets) {
    struct table_segment *s = table_segment_new(t, depth, buckets);
    for (size_t i = 0; i < n; i++) {
        uint64_t hash = entries[i].hash;
        if (table_place(s, table_home(hash, depth, buckets), table_tag(hash), entries[i].word)) continue;
        mem_free_aligned(t->owner, s, table_segment_bytes(s), 64);
        return NULL;
    }
    return s;
}

/* The smallest step that is at least min and is at most 3/4 full with n entries and one more; 0 when min is too large. */
static unsigned buckets_for(size_t n, unsigned min) {
    for (size_t i = 0; i < countof(bucket_steps); i++) {
        size_t b = bucket_steps[i];
        if (b >= min && ((n + 1) * 4 <= b * TABLE_SLOTS * 3 || b == TABLE_SEGMENT_BUCKETS)) return (unsigned)b;
    }
    return 0;
}

static struct table_segment *segment_fit(const struct table *t, const struct moved *entries, size_t n, unsigned depth,
                                         unsigned min) {
    for (unsigned b = buckets_for(n, min); b; b = buckets_for(n, b + 1)) {
        if (n > (size_t)b * TABLE_SLOTS) continue;
        struct table_segment *s = segment_build(t, entries, n, depth, b);
        if (s) return s;
    }
    return NULL;
}

/* Moves the entries whose bit below depth is 0 to the front and returns their number. */
static size_t partition(struct moved *entries, size_t n, unsigned depth) {
    size_t low = 0;
    for (size_t i = 0; i < n; i++) {
        struct moved m = entries[i];
        if (m.hash << depth >> 63) continue;
        entries[i] = entries[low];
        entries[low++] = m;
    }
    return low;
}

/* Installs the entries, all of the range of hash at depth, as one segment of at least min buckets or, when they do not
 * fit, as the two halves of the range. Recursion: one level with any hash that spreads, at most TABLE_DEPTH_MAX. */
static void table_spread(struct table *t, struct moved *entries, size_t n, uint64_t hash, unsigned depth,
                         unsigned min) {
    struct table_segment *s = segment_fit(t, entries, n, depth, min);
    if (s) {
        table_segment_install(t, hash, s);
        return;
    }
    proven(depth < TABLE_DEPTH_MAX); /* else more than 28 equal positions: not a hash */
    if (depth == t->depth) table_directory_double(t);
    uint64_t first = table_range_first(hash, depth);
    size_t low = partition(entries, n, depth);
    table_spread(t, entries, low, first, depth + 1, 1);
    table_spread(t, entries + low, n - low, first | UINT64_C(1) << (63 - depth), depth + 1, 1);
}

void table_grow(struct table *t, struct frozen *f, uint64_t hash) {
    struct moved entries[TABLE_SEGMENT_ENTRIES];
    struct table_segment *s = table_segment_at(t, hash);
    size_t n = segment_gather(t, s, entries);
    unsigned depth = s->depth, min = s->buckets + 1u;
    table_segment_drop(t, f, hash, s);
    table_spread(t, entries, n, hash, depth, min);
}

/* ---- shrinking ---- */
/* False, and nothing changed, when the siblings are not to be merged or do not fit together. */
static bool table_merge(struct table *t, struct frozen *f, uint64_t hash) {
    struct table_segment *s = table_segment_at(t, hash);
    if (s->depth == 0) return false;
    uint64_t other_hash = hash ^ UINT64_C(1) << (64 - s->depth);
    struct table_segment *other = table_segment_at(t, other_hash);
    if (other->depth != s->depth || s->count + other->count >= MERGE_BELOW) return false;
    struct moved entries[MERGE_BELOW];
    size_t n = segment_gather(t, s, entries);
    n += segment_gather(t, other, entries + n);
    struct table_segment *merged = segment_fit(t, entries, n, s->depth - 1u, 1);
    if (!merged) return false;
    table_segment_drop(t, f, hash, s);
    table_segment_drop(t, f, other_hash, other);
    table_segment_install(t, hash, merged);
    return true;
}

static void table_shrink_segment(struct table *t, struct frozen *f, uint64_t hash) {
    struct table_segment *s = table_segment_at(t, hash);
    if (s->count * 5 >= s->buckets * TABLE_SLOTS * 2 || buckets_for(s->count, 1) >= s->buckets) return;
    struct moved entries[TABLE_SEGMENT_ENTRIES];
    size_t n = segment_gather(t, s, entries);
    struct table_segment *smaller = segment_fit(t, entries, n, s->depth, 1);
    if (!smaller) return;
    table_segment_drop(t, f, hash, s);
    table_segment_install(t, hash, smaller);
}

/* Looks only at every 16th removal of a larger segment: so that a hash with which nothing fits together does not try and
 * fail each time, and the sibling's line is not fetched for nothing. A segment that becomes empty always looks, so an
 * empty table has one segment. */
void table_settle(struct table *t, struct frozen *f, uint64_t hash) {
    const struct table_segment *s = table_segment_at(t, hash);
    if (s->count % 16 != 0 && s->buckets > 5) return;
    while (table_merge(t, f, hash)) {
    }
    table_shrink_segment(t, f, hash);
    while (t->depth > 0 && t->deepest == 0) table_directory_halve(t);
}
