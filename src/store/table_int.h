/* Private to store/table*.c: what changing, splitting and walking a table share. */
#ifndef TARN_STORE_TABLE_INT_H
#define TARN_STORE_TABLE_INT_H

#include "store/table.h"

#define TABLE_SEGMENT_ENTRIES (TABLE_SEGMENT_BUCKETS * TABLE_SLOTS)
#define TABLE_OVERFLOW_MAX    (TABLE_DISPLACED_MAX * TABLE_SLOTS)
#define TABLE_DISPLACED_BITS  (UINT64_C(3) << TABLE_SLOT_DISPLACED_SHIFT)
#define TABLE_POSITION_BITS   48
#define TABLE_HOME_BITS       16
#define TABLE_TAG_PERIOD      2048 /* of the 16 home bits: the 5 highest are not in the tag */
#define TABLE_TAG_CELL        8    /* nor the 3 lowest, of which the tail is the highest */

_Static_assert(sizeof(struct table_bucket) == 64, "a bucket is a cache line");
_Static_assert(sizeof(struct table_segment) == 64, "the header is a cache line");
_Static_assert(TABLE_DEPTH_MAX + TABLE_HOME_BITS == TABLE_POSITION_BITS, "a position decides segment and home");

/* An entry on its way from one segment to another: its slot word without displacement and tail, fresh only if that still counts,
 * and its hash; bits of unsure are not known (and zero). */
struct table_moved {
    uint64_t hash, unsure, word;
};

/* What lies in front of a slot: buckets are lines. */
static inline const struct table_bucket *table_slot_bucket(const table_slot *slot) {
    return (const struct table_bucket *)((uintptr_t)slot & ~(uintptr_t)(sizeof(struct table_bucket) - 1));
}

static inline uint64_t table_position(uint64_t hash) { return hash >> (64 - TABLE_POSITION_BITS); }

static inline uint64_t *table_word(const struct table *t, uint64_t hash) {
    debug_proven(t->directory != NULL);
    return &t->directory[table_directory_index(hash, t->depth)];
}

static inline struct table_segment *table_segment_at(const struct table *t, uint64_t hash) {
    return table_word_segment(*table_word(t, hash));
}

/* Whether the slot is one of the segment's, and tagged as an entry of this hash is: no slot of another time or table. */
static inline bool table_slot_belongs(const struct table *t, uint64_t hash, const table_slot *slot) {
    const struct table_segment *s = table_segment_at(t, hash);
    const struct table_bucket *b = table_slot_bucket(slot);
    return b >= s->bucket && b < s->bucket + s->buckets && slot >= b->slots &&
           b->tags[slot - b->slots] == table_tag(hash, s->depth);
}

static inline size_t table_directory_words(unsigned depth) {
    debug_proven(depth <= TABLE_DEPTH_MAX);
    return (size_t)1 << depth;
}

/* Directory words that name one segment of this depth. */
static inline size_t table_word_span(unsigned directory_depth, uint64_t word) {
    debug_proven(table_word_depth(word) <= directory_depth);
    return (size_t)1 << (directory_depth - table_word_depth(word));
}

/* The lowest of the 16 home bits whose home is this bucket; 2^16 for the bucket behind the last. */
static inline uint32_t table_home_first(unsigned home, unsigned buckets) {
    debug_proven(buckets >= 1 && home <= buckets);
    return (((uint32_t)home << TABLE_HOME_BITS) + buckets - 1) / buckets;
}

/* The lowest hash whose first depth bits are those of hash, and the highest. */
static inline uint64_t table_range_first(uint64_t hash, unsigned depth) {
    debug_proven(depth <= TABLE_DEPTH_MAX);
    return hash & ~(UINT64_MAX >> depth);
}

static inline uint64_t table_range_last(uint64_t hash, unsigned depth) {
    debug_proven(depth <= TABLE_DEPTH_MAX);
    return hash | UINT64_MAX >> depth;
}

static inline unsigned table_displaced(const table_slot *s) {
    uint64_t word = atomic_load_explicit(s, memory_order_relaxed);
    return (unsigned)(word >> TABLE_SLOT_DISPLACED_SHIFT) & 3;
}

static inline uint64_t table_tail(uint64_t hash, unsigned depth) {
    debug_proven(depth <= TABLE_DEPTH_MAX);
    return hash << depth >> 50 & 1 ? TABLE_SLOT_TAIL : 0;
}

/* Bits 0x80 of the bytes of the bucket's used slots; iterate with table_used_slot. */
static inline uint64_t table_used(const struct table_bucket *b) {
    return ~table_tag_matches(b, 0) & UINT64_C(0x0080808080808080);
}

static inline unsigned table_match_index(uint64_t matches) {
    debug_proven(matches != 0 && !(matches & ~UINT64_C(0x0080808080808080)));
    return (unsigned)__builtin_ctzll(matches) >> 3;
}

static inline void table_prefetch_bucket(const struct table_bucket *b) {
    for (uint64_t m = table_used(b); m; m &= m - 1)
        __builtin_prefetch(table_slot_entry(&b->slots[table_match_index(m)]));
}

/* table.c: whether a live snapshot may still read this segment, which lies at hash. */
bool table_segment_shared(const struct table *t, const struct frozen *f, const struct table_segment *s, uint64_t hash);
/* The slow way of table_place. */
table_slot *table_place_displaced(struct table_segment *s, unsigned home, uint8_t tag, uint64_t word);

static inline table_slot *table_bucket_put(struct table_bucket *b, uint64_t free, uint8_t tag, uint64_t word) {
    unsigned i = table_match_index(free);
    uint64_t
        tags; /* changed as one word: the next look at this bucket reads one, and must not wait for a byte's store */
    debug_proven(tag != 0 && b->tags[i] == 0);
    memcpy(&tags, b, sizeof tags);
    tags |= (uint64_t)tag << (8 * i);
    memcpy(b, &tags, sizeof tags);
    atomic_store_explicit(&b->slots[i], word, memory_order_relaxed);
    return &b->slots[i];
}

/* Puts the slot word, its displaced bits 0, into the segment near home; NULL when there is no place. */
static inline table_slot *table_place(struct table_segment *s, unsigned home, uint8_t tag, uint64_t word) {
    debug_proven(home < s->buckets && !(word & TABLE_DISPLACED_BITS));
    uint64_t free = table_tag_matches(&s->bucket[home], 0);
    if (unlikely(!free)) return table_place_displaced(s, home, tag, word);
    s->count++;
    debug_proven(s->count <= s->buckets * TABLE_SLOTS);
    return table_bucket_put(&s->bucket[home], free, tag, word);
}

/* table_split.c: storage of segments. A segment counts in the table from install to drop. */
struct table_segment *table_segment_new(const struct table *t, unsigned depth, unsigned buckets);
void table_segment_install(struct table *t, uint64_t hash, struct table_segment *s);
/* Frees the segment at hash, or sends it to limbo; its directory words are stale until the next install. */
void table_segment_drop(struct table *t, struct frozen *f, uint64_t hash, struct table_segment *s);
size_t table_segment_bytes(const struct table_segment *s);
size_t table_directory_bytes(const struct table *t); /* 0 while it is inside the struct */

/* Makes room in the segment at hash: more buckets, or a split. */
void table_grow(struct table *t, struct frozen *f, uint64_t hash);
/* After a removal at hash: merges siblings, gives buckets back, halves the directory, where worth it. */
void table_settle(struct table *t, struct frozen *f, uint64_t hash);

#endif
