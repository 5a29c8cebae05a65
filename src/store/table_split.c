#include "store/table_int.h"

#define MERGE_BELOW    (TABLE_SEGMENT_ENTRIES * 2 / 5)
#define PREFETCH_AHEAD 16 /* about as many cache misses as a core keeps in flight */

/* The bucket counts a segment may have: 64 * (1 + n) is a size class of jemalloc, so nothing is lost to rounding. Twice as many
 * each time: finer steps were measured to save no resident memory and to cost a load a quarter more time in rebuilds. */
static const uint8_t bucket_steps[] = {1, 3, 7, 15, 31, 63};

/* ---- storage ---- */
size_t table_segment_bytes(const struct table_segment *s) {
    debug_proven(s->buckets >= 1 && s->buckets <= TABLE_SEGMENT_BUCKETS);
    return 64 * (1 + (size_t)s->buckets);
}

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
    proven(table_word_segment(word) == s && s->depth <= t->depth && s->epoch == t->epoch);
    uint64_t *words = table_word(t, table_range_first(hash, s->depth));
    for (size_t i = 0, span = table_word_span(t->depth, word); i < span; i++) words[i] = word;
    debug_proven(table_segment_at(t, hash) == s && table_segment_at(t, table_range_last(hash, s->depth)) == s);
    t->segments++;
    t->bytes += mem_good_size(table_segment_bytes(s));
    if (s->depth == t->depth) t->deepest++;
}

void table_segment_drop(struct table *t, struct frozen *f, uint64_t hash, struct table_segment *s) {
    size_t n = table_segment_bytes(s);
    proven(t->segments > 0 && t->bytes >= mem_good_size(n) && (s->depth != t->depth || t->deepest > 0));
    debug_proven(table_segment_at(t, hash) == s);
    t->segments--;
    t->bytes -= mem_good_size(n);
    if (s->depth == t->depth) t->deepest--;
    if (table_segment_shared(t, f, s, hash))
        frozen_limbo(f, t->owner, s, n, 64);
    else
        mem_free_aligned(t->owner, s, n, 64);
}

/* ---- directory ---- */
/* The old one is freed at once: a snapshot reads its own copy. */
static void table_directory_replace(struct table *t, uint64_t *words, unsigned depth) {
    proven(words != t->directory && t->bytes >= table_directory_bytes(t));
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
        debug_proven(t->directory[2 * i] == t->directory[2 * i + 1]);
        words[i] = t->directory[2 * i];
        t->deepest += table_word_depth(words[i]) == depth;
    }
    table_directory_replace(t, words, depth);
}

/* ---- moving entries ---- */
static void moved_ask_hash(const struct table *t, struct table_moved *m) {
    uint64_t hash = t->hash_of((const void *)(uintptr_t)(m->word & TABLE_SLOT_POINTER), t->hash_arg);
    proven(((hash ^ m->hash) & ~m->unsure) == 0); /* what was recalled of it is true */
    m->hash = hash;
    m->unsure = 0;
}

/* The unknown bits below `units` of the 16 home bits. */
static uint64_t unsure_below(uint64_t units, unsigned depth) {
    debug_proven(units <= 2 * TABLE_TAG_CELL && depth <= TABLE_DEPTH_MAX);
    return (units << (64 - TABLE_HOME_BITS - depth)) - 1;
}

/* What the home, which has the home bits from first to before end, the tag, and the tail (if not negative) tell of a hash.
 * All of it is unsure when they leave a choice: always in small segments, where the home tells less than 5 bits. */
static void moved_recall(struct table_moved *m, unsigned depth, uint32_t first, uint32_t end, uint32_t tag, int tail) {
    uint32_t cell = TABLE_TAG_CELL, base = tag * TABLE_TAG_CELL;
    if (tag == 1) {
        base = 0;
        cell = 2 * TABLE_TAG_CELL;
    } else if (tail >= 0) {
        cell = TABLE_TAG_CELL / 2;
        base += (uint32_t)tail * cell;
    }
    uint32_t period = first < base + cell ? 0 : (first - base - cell) / TABLE_TAG_PERIOD + 1;
    uint32_t bits = period * TABLE_TAG_PERIOD + base;
    debug_proven(bits < end && bits + cell > first); /* home and tag speak of one hash */
    bool unclear = bits + TABLE_TAG_PERIOD < end || (tag == 1 && tail >= 0);
    m->hash |= (uint64_t)bits << (64 - TABLE_HOME_BITS - depth);
    m->unsure = unclear ? UINT64_MAX : unsure_below(cell, depth);
}

/* Asks hash_of for entries of which more than `tolerated` is unsure. Each is a cache miss: so they are fetched ahead. */
static void moved_make_sure(const struct table *t, struct table_moved *entries, size_t n, uint64_t tolerated) {
    for (size_t i = 0; i < n + PREFETCH_AHEAD; i++) {
        if (i < n && entries[i].unsure > tolerated)
            __builtin_prefetch((const void *)(uintptr_t)(entries[i].word & TABLE_SLOT_POINTER));
        if (i < PREFETCH_AHEAD) continue;
        struct table_moved *m = &entries[i - PREFETCH_AHEAD];
        if (m->unsure > tolerated) moved_ask_hash(t, m);
    }
}

/* Writes the segment's entries to out (TABLE_SEGMENT_ENTRIES at most), each with enough of its hash to stay in a segment
 * of this depth or less, and returns their number. */
static size_t segment_gather(const struct table *t, const struct table_segment *s, uint64_t hash,
                             struct table_moved *out) {
    uint64_t drop = TABLE_DISPLACED_BITS | TABLE_SLOT_TAIL | (s->epoch == t->epoch ? 0 : TABLE_SLOT_FRESH);
    uint64_t range = table_range_first(hash, s->depth);
    uint32_t first[TABLE_SEGMENT_BUCKETS + 1];
    struct table_moved *end = out;
    uint64_t unsure = 0;
    for (unsigned at = 0; at <= s->buckets; at++) first[at] = table_home_first(at, s->buckets);
    for (unsigned at = 0; at < s->buckets; at++)
        for (uint64_t m = table_used(&s->bucket[at]); m; m &= m - 1, end++) {
            unsigned i = table_match_index(m), displaced = table_displaced(&s->bucket[at].slots[i]);
            unsigned home = at < displaced ? at + s->buckets - displaced : at - displaced;
            uint64_t word = atomic_load_explicit(&s->bucket[at].slots[i], memory_order_relaxed);
            *end = (struct table_moved){.hash = range, .word = word & ~drop};
            moved_recall(end, s->depth, first[home], first[home + 1], s->bucket[at].tags[i],
                         s->tails ? (word & TABLE_SLOT_TAIL) != 0 : -1);
            unsure |= end->unsure;
        }
    proven(end - out == s->count && s->count <= TABLE_SEGMENT_ENTRIES);
    if (unsure == UINT64_MAX) moved_make_sure(t, out, s->count, UINT64_MAX - 1);
    return s->count;
}

/* A new segment with these entries, or NULL when one finds no place. What is unsure of a hash does not reach its tag, and
 * its home only now and then. */
static struct table_segment *segment_build(const struct table *t, struct table_moved *entries, size_t n, unsigned depth,
                                           unsigned buckets) {
    proven(n <= buckets * TABLE_SLOTS);
    struct table_segment *s = table_segment_new(t, depth, buckets);
    uint64_t unsure = 0;
    for (struct table_moved *m = entries; m < entries + n; m++) {
        debug_proven(((m->hash ^ entries->hash) & ~(UINT64_MAX >> depth)) == 0);
        unsigned home = table_home(m->hash, depth, buckets);
        if (unlikely(table_home(m->hash | m->unsure, depth, buckets) != home)) {
            moved_ask_hash(t, m);
            home = table_home(m->hash, depth, buckets);
        }
        unsure |= m->unsure;
        if (table_place(s, home, table_tag(m->hash, depth), m->word | table_tail(m->hash, depth))) continue;
        mem_free_aligned(t->owner, s, table_segment_bytes(s), 64);
        return NULL;
    }
    proven(s->count == n);
    s->tails = unsure <= unsure_below(TABLE_TAG_CELL / 2, depth);
    return s;
}

/* The smallest step that is at least min and is at most 3/4 full with n entries and one more; 0 when min is too large. */
static unsigned buckets_for(size_t n, unsigned min) {
    proven(n <= TABLE_SEGMENT_ENTRIES && min >= 1);
    for (size_t i = 0; i < countof(bucket_steps); i++) {
        size_t b = bucket_steps[i];
        if (b >= min && ((n + 1) * 4 <= b * TABLE_SLOTS * 3 || b == TABLE_SEGMENT_BUCKETS)) return (unsigned)b;
    }
    return 0;
}

static struct table_segment *segment_fit(const struct table *t, struct table_moved *entries, size_t n, unsigned depth,
                                         unsigned min) {
    for (unsigned b = buckets_for(n, min); b; b = buckets_for(n, b + 1)) {
        if (n > (size_t)b * TABLE_SLOTS) continue;
        struct table_segment *s = segment_build(t, entries, n, depth, b);
        if (s) return s;
    }
    return NULL;
}

/* Moves the entries whose bit below depth is 0 to the front and returns their number. */
static size_t partition(struct table_moved *entries, size_t n, unsigned depth) {
    size_t low = 0;
    for (size_t i = 0; i < n; i++) {
        struct table_moved m = entries[i];
        if (m.hash << depth >> 63) continue;
        debug_proven(low == i || entries[low].hash << depth >> 63); /* what makes room is of the other half */
        entries[i] = entries[low];
        entries[low++] = m;
    }
    return low;
}

/* Installs the entries, all of the range of hash at depth, as one segment of at least min buckets or, when they do not
 * fit, as the two halves of the range. Recursion: one level with any hash that spreads, at most TABLE_DEPTH_MAX. */
static void table_spread(struct table *t, struct table_moved *entries, size_t n, uint64_t hash, unsigned depth,
                         unsigned min) {
    struct table_segment *s = segment_fit(t, entries, n, depth, min);
    if (s) {
        table_segment_install(t, hash, s);
        return;
    }
    proven(depth < TABLE_DEPTH_MAX); /* else more than 28 equal positions: not a hash */
    if (depth == t->depth) table_directory_double(t);
    moved_make_sure(t, entries, n, unsure_below(TABLE_TAG_CELL / 2, depth));
    uint64_t first = table_range_first(hash, depth);
    size_t low = partition(entries, n, depth);
    table_spread(t, entries, low, first, depth + 1, 1);
    table_spread(t, entries + low, n - low, first | UINT64_C(1) << (63 - depth), depth + 1, 1);
}

void table_grow(struct table *t, struct frozen *f, uint64_t hash) {
    struct table_moved entries[TABLE_SEGMENT_ENTRIES];
    struct table_segment *s = table_segment_at(t, hash);
    unsigned depth = s->depth, min = s->buckets + 1u;
    proven(s->count >= TABLE_SLOTS); /* at least the home bucket is full */
    size_t n = segment_gather(t, s, hash, entries);
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
    proven(other != s && other->depth >= s->depth);
    if (other->depth != s->depth || s->count + other->count >= MERGE_BELOW) return false;
    struct table_moved entries[MERGE_BELOW];
    size_t n = segment_gather(t, s, hash, entries);
    n += segment_gather(t, other, other_hash, entries + n);
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
    struct table_moved entries[TABLE_SEGMENT_ENTRIES];
    size_t n = segment_gather(t, s, hash, entries);
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
    proven(t->deepest > 0 && (t->count > 0 || t->segments == 1));
}

/* ---- the size that is known before ---- */
/* Segments that are up to 3/4 full on average: there one in six has to split, at 9/10 nearly all. */
static bool reserve_holds(unsigned buckets, size_t entries) { return entries * 4 <= (size_t)buckets * TABLE_SLOTS * 3; }

/* For as many entries each. Sizes between the steps, which are jemalloc's classes too, cost nothing where nothing is rebuilt. */
static unsigned reserve_buckets(size_t entries) {
    unsigned b = (TABLE_SEGMENT_BUCKETS + 1) / 2 - 1;
    proven(reserve_holds(TABLE_SEGMENT_BUCKETS, entries) && (64 * (1 + b)) % 512 == 0);
    while (!reserve_holds(b, entries)) b += 8;
    return b;
}

void table_reserve(struct table *t, size_t n) {
    proven(!t->directory && t->count == 0 && t->segments == 0 && !t->frozen && !t->forked);
    unsigned depth = 0;
    while (depth < TABLE_RESERVE_MAX && !reserve_holds(TABLE_SEGMENT_BUCKETS, n >> depth)) depth++;
    if (depth == 0) return;
    bool vast = !reserve_holds(TABLE_SEGMENT_BUCKETS, n >> depth);
    unsigned buckets = vast ? TABLE_SEGMENT_BUCKETS : reserve_buckets(n >> depth);
    t->directory = mem_alloc(t->owner, sizeof(uint64_t) << depth);
    t->depth = (uint8_t)depth;
    t->bytes = table_directory_bytes(t);
    for (size_t i = 0; i < table_directory_words(depth); i++)
        table_segment_install(t, (uint64_t)i << (64 - depth), table_segment_new(t, depth, buckets));
    proven(t->deepest == t->segments);
}

/* From the left to the right: when a segment is looked at, all before it are as large as they can be. */
void table_fit(struct table *t, struct frozen *f) {
    if (!t->directory) return;
    for (uint64_t i = 0, span; i < table_directory_words(t->depth); i = (i & ~(span - 1)) + span) {
        uint64_t hash = t->depth ? i << (64 - t->depth) : 0;
        while (table_merge(t, f, hash)) {
        }
        table_shrink_segment(t, f, hash);
        span = table_word_span(t->depth, *table_word(t, hash));
    }
    while (t->depth > 0 && t->deepest == 0) table_directory_halve(t);
    proven(t->deepest > 0 && (t->count > 0 || t->segments == 1));
}
