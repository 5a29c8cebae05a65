/* The table: one hash table for the keyspace, hashes, sets and zset members. It knows nothing of its entries but their
 * hash. Extendible hashing (Fagin et al. 1979) over segments of up to 63 buckets of one cache line.
 *
 *   directory (2^depth words)            segment: 64 * (1 + buckets) bytes, at most 4 KiB, 64-byte aligned
 *   +------------------------------+     +------------------------------------------------------+
 *   | depth:8 | pointer | buckets:6|---->| header: epoch, count, depth, buckets, tails   (64 B) |
 *   +------------------------------+     | bucket 0: tag[7] overflow:8 | slot[7]          (64 B) |
 *   | several words may name one   |     | ...                                                  |
 *   | segment of smaller depth     |     | bucket 62                                            |
 *   +------------------------------+     +------------------------------------------------------+
 *
 *   slot word (64 bits): | user:16 | entry pointer, bits 4..47 | tail:1 | displaced:2 | fresh:1 |
 *
 * A hash is used from the top: `depth` bits choose the segment, the following 16 bits, multiplied by the number of
 * buckets, the home bucket. Depth is at most 32, so both follow from the top 48 bits alone, the hash's position, and are
 * monotone in it: a walk in directory and bucket order is a walk in hash order, whatever splits and merges happen
 * meanwhile, and a scan cursor is simply a position.
 *
 *   hash: | depth bits: segment | 16 bits: home = bits * buckets >> 16                            | the rest: unused |
 *                               | 5 bits, told by home | 8 bits: tag | 1 bit: tail | 2 bits lost  |
 *
 * The tag (0 marks an empty slot, so tag 0 is stored as 1) continues about where the home ends: from both, a rebuild with
 * more or fewer buckets and a merge know nearly every entry's new place without touching the entry, which would be a
 * cache miss each. A split needs one bit more, the tail; the new segments know no tails, and so every other split asks
 * hash_of. As a filter the tag is worth 7 bits or more in the larger segments: it sends a lookup to a wrong entry in 1 of
 * ~30 misses.
 *
 * An entry whose home bucket is full lives up to 3 buckets further in its segment, wrapping at its end (displaced = the
 * distance; the home bucket counts those it sent away in overflow, exactly: at most 21). When there is no place left, and
 * none can be made by sending a neighbour further, the segment is rebuilt with more buckets, up to 63, and then splits
 * alone: so growth never stalls (a split moves at most 441 entries; the directory, which doubles now and then, is 8 bytes
 * for every ~300 entries) and never doubles memory. Two sibling segments that together fill less than 2/5 of a full one
 * merge again; a segment whose buckets are less than 2/5 full is rebuilt with fewer.
 *
 * Small tables: the directory of one word is inside the struct, and the first segment has 1 bucket.
 *
 * The hash must be good (keyed, from outside's point of view unpredictable): more than 28 entries with equal positions
 * cannot be held, and entries crowded in one range of positions cost directory.
 *
 * Frozen: table_freeze gives the reader a copy of the directory; segments born before the freeze (epoch < table epoch)
 * that the reader has not passed are copied before their first change. A slot's fresh bit says that its entry was born
 * in its segment's epoch; it counts only in a segment of the table's epoch. What the reader has passed is the owner's
 * again: it is changed in place and freed at once. The table never frees entries; segments that the reader may still
 * visit go to the caller's limbo (struct frozen), which may be NULL for a table that is never frozen.
 *
 * Thread: the owner only, except table_frozen_each, which the snapshot thread calls. Slot words are relaxed atomics
 * because the owner may change the user bits of a slot that the snapshot thread is reading. */
#ifndef TARN_STORE_TABLE_H
#define TARN_STORE_TABLE_H

#include "base/check.h"
#include "base/random.h"
#include "base/slice.h"
#include "store/frozen.h"

#include <stdatomic.h>
#include <stdint.h>

#define TABLE_SLOTS           7
#define TABLE_SEGMENT_BUCKETS 63
#define TABLE_DEPTH_MAX       32 /* depth and home bits together are the position: 32 + 16 = 48 */
#define TABLE_DISPLACED_MAX   3
#define TABLE_RESERVE_MAX     16 /* depth */

typedef _Atomic uint64_t table_slot;

struct table_bucket {
    uint8_t tags[TABLE_SLOTS];
    uint8_t overflow;
    table_slot slots[TABLE_SLOTS];
};

struct table_segment {
    uint32_t epoch;
    uint16_t count;
    uint8_t depth;
    uint8_t buckets;
    uint8_t tails; /* 1: the tail bits of all slots are true */
    uint8_t pad[55];
    struct table_bucket bucket[];
};

/* What the table needs to know of an entry when a segment is split or rebuilt. Entries are 16-byte aligned and lie
 * below 2^48 (Linux user space on x86-64 and arm64 without opt-in to wider addresses). */
typedef uint64_t table_hash_fn(const void *entry, const void *hash_arg);

struct table_frozen;

struct table {           /* body public for the inline lookup only; points into itself: move it with table_move */
    uint64_t *directory; /* words as drawn above; NULL before the first insert */
    uint64_t directory_of_one;
    uint8_t depth;
    uint32_t epoch; /* number of freezes so far */
    size_t count;
    size_t segments;
    size_t deepest; /* segments whose depth is the directory's; when none is left the directory is halved */
    size_t bytes;   /* good sizes of segments and directory now in use, without what is in limbo */
    table_hash_fn *hash_of;
    const void *hash_arg;
    struct table_frozen *frozen; /* the live snapshot's view, or NULL */
    uint32_t forked;             /* the generation of the snapshot that table_fork was called for, or 0 */
    enum mem_owner owner;
};

void table_init(struct table *t, table_hash_fn *hash_of, const void *hash_arg, enum mem_owner owner);
/* Frees the structure, not the entries (walk them first with table_each). The table is empty again. proven: not frozen. */
void table_release(struct table *t);
/* Hands the content of from, and its live snapshot, to to (raw memory); from is as after table_init. O(1). */
void table_move(struct table *to, struct table *from);

/* ---- slots ---- */
#define TABLE_SLOT_FRESH           UINT64_C(1)
#define TABLE_SLOT_DISPLACED_SHIFT 1
#define TABLE_SLOT_TAIL            UINT64_C(8)
#define TABLE_SLOT_POINTER         UINT64_C(0x0000fffffffffff0)
#define TABLE_SLOT_USER_SHIFT      48

static inline void *table_slot_entry(const table_slot *s) {
    return (void *)(uintptr_t)(atomic_load_explicit(s, memory_order_relaxed) & TABLE_SLOT_POINTER);
}

/* 16 bits for the owner of the table (the keyspace keeps the access clock here). */
static inline uint16_t table_slot_user(const table_slot *s) {
    return (uint16_t)(atomic_load_explicit(s, memory_order_relaxed) >> TABLE_SLOT_USER_SHIFT);
}

/* Allowed on a frozen segment too: the snapshot ignores these bits. */
static inline void table_slot_set_user(table_slot *s, uint16_t user) {
    uint64_t word = atomic_load_explicit(s, memory_order_relaxed);
    debug_proven((word & TABLE_SLOT_POINTER) != 0);
    word = (word & ((UINT64_C(1) << TABLE_SLOT_USER_SHIFT) - 1)) | (uint64_t)user << TABLE_SLOT_USER_SHIFT;
    atomic_store_explicit(s, word, memory_order_relaxed);
}

/* ---- lookup, inline because a request is paid in tens of nanoseconds ---- */
static inline uint64_t table_directory_index(uint64_t hash, unsigned depth) {
    debug_proven(depth <= TABLE_DEPTH_MAX);
    return hash >> 1 >> (63 - depth);
}

static inline struct table_segment *table_word_segment(uint64_t word) {
    debug_proven((word & UINT64_C(0x0000ffffffffffc0)) != 0);
    return (struct table_segment *)(uintptr_t)(word & UINT64_C(0x0000ffffffffffc0));
}

static inline unsigned table_word_buckets(uint64_t word) {
    debug_proven((word & 63) != 0);
    return (unsigned)(word & 63);
}

static inline unsigned table_word_depth(uint64_t word) {
    debug_proven(word >> 56 <= TABLE_DEPTH_MAX);
    return (unsigned)(word >> 56);
}

static inline unsigned table_home(uint64_t hash, unsigned depth, unsigned buckets) {
    debug_proven(buckets >= 1 && buckets <= TABLE_SEGMENT_BUCKETS);
    return (unsigned)((((hash << depth) >> 48) * buckets) >> 16);
}

static inline uint8_t table_tag(uint64_t hash, unsigned depth) {
    debug_proven(depth <= TABLE_DEPTH_MAX);
    uint8_t tag = (uint8_t)(hash << depth >> 51);
    return tag ? tag : 1;
}

/* A bit (0x80 of its byte) for every tag of the bucket equal to tag: exact, no false positives. */
static inline uint64_t table_tag_matches(const struct table_bucket *b, uint8_t tag) {
    debug_proven(((uintptr_t)b & 63) == 0); /* one line, so one miss */
    uint64_t word, low7 = UINT64_C(0x7f7f7f7f7f7f7f7f);
    memcpy(&word, b->tags, 8);
    word ^= UINT64_C(0x0101010101010101) * tag;
    word = ~(((word & low7) + low7) | word | low7);
    return word & UINT64_C(0x0080808080808080);
}

/* Calls match(entry, arg) for the candidates and returns the slot of the first it accepts, or NULL. Inlined into the
 * caller with match. The slot stays valid until the next change of this table. */
static inline __attribute__((always_inline)) table_slot *table_find(const struct table *t, uint64_t hash,
                                                                    bool (*match)(const void *entry, const void *arg),
                                                                    const void *arg) {
    if (t->count == 0) return NULL;
    uint64_t word = t->directory[table_directory_index(hash, t->depth)];
    unsigned buckets = table_word_buckets(word), depth = table_word_depth(word),
             home = table_home(hash, depth, buckets);
    debug_proven(table_word_segment(word)->buckets == buckets && table_word_segment(word)->depth == depth);
    struct table_bucket *first = table_word_segment(word)->bucket, *b = first + home;
    uint8_t tag = table_tag(hash, depth), overflow = b->overflow;
    for (unsigned distance = 0;;) {
        for (uint64_t m = table_tag_matches(b, tag); m; m &= m - 1) {
            table_slot *s = &b->slots[__builtin_ctzll(m) >> 3];
            debug_proven(table_slot_entry(s) != NULL);
            if (match(table_slot_entry(s), arg)) return s;
        }
        if (likely(overflow == 0) || distance++ == TABLE_DISPLACED_MAX || distance == buckets) return NULL;
        b = ++home == buckets ? (home = 0, first) : b + 1;
    }
}

/* Prefetch in stages, a batch of keys at a time: 0 the directory word, 1 the home bucket, 2 the first entry whose tag
 * matches. Each stage's line must have had time to arrive (do one stage for the whole batch, then the next). */
static inline void table_prefetch(const struct table *t, uint64_t hash, int stage) {
    debug_proven(stage >= 0 && stage <= 2);
    if (t->count == 0) return;
    const uint64_t *word = &t->directory[table_directory_index(hash, t->depth)];
    if (stage == 0) {
        __builtin_prefetch(word);
        return;
    }
    unsigned depth = table_word_depth(*word);
    const struct table_bucket *b =
        table_word_segment(*word)->bucket + table_home(hash, depth, table_word_buckets(*word));
    if (stage == 1) {
        __builtin_prefetch(b);
        return;
    }
    uint64_t m = table_tag_matches(b, table_tag(hash, depth));
    if (m) __builtin_prefetch(table_slot_entry(&b->slots[__builtin_ctzll(m) >> 3]));
}

/* ---- change (f: the dataset's frozen state; limbo is used only while this table is frozen) ---- */
/* The slot, in a segment that may be written: copies the segment first when a snapshot still needs it (at most 4 KiB). */
table_slot *table_writable(struct table *t, struct frozen *f, uint64_t hash, table_slot *slot);
/* True when the entry in this slot may still be read by a live snapshot: copy it instead of changing it, and send the
 * old one to limbo instead of freeing it. O(1). */
bool table_entry_shared(const struct table *t, uint64_t hash, const table_slot *slot);
/* True while a live snapshot has yet to come past this hash: what hangs on the entry may still be read. */
bool table_awaited(const struct table *t, uint64_t hash);
/* Puts another entry of the same hash into a slot that table_writable gave; it counts as fresh, user bits stay. */
void table_slot_replace(struct table *t, table_slot *slot, void *entry);
/* Adds an entry whose key is proven absent, user bits as given, as fresh. Returns its slot. May split: other slots of the
 * table are invalid afterwards. */
table_slot *table_insert(struct table *t, struct frozen *f, uint64_t hash, void *entry, uint16_t user);
/* Room for about n entries in an empty table, which then does not grow through all smaller sizes: as many segments as n would
 * have made (at most TABLE_RESERVE_MAX, 256 MiB), of such a size that few have to split. Nothing for a few.
 * proven: never used, not frozen. */
void table_reserve(struct table *t, size_t n);
/* Merges and shrinks wherever a removal would have: after a reserve for more than came. O(segments). */
void table_fit(struct table *t, struct frozen *f);
/* Takes the entry out and returns it; the caller frees it or sends it to limbo (ask table_entry_shared before). May merge:
 * all slots of the table are invalid afterwards. */
void *table_remove(struct table *t, struct frozen *f, uint64_t hash, table_slot *slot);

/* ---- many insertions ---- */
/* Entries on their way into a large table: the lines that an insertion wants are fetched while the next entries are made. Whoever
 * takes one out looks for its like and inserts it. Zeroed: empty. */
#define TABLE_COMING 8
struct table_coming {
    struct {
        uint64_t hash;
        void *entry;
    } ring[TABLE_COMING];
    unsigned came, gone; /* all that ever did */
};

static inline bool table_coming_full(const struct table_coming *c) {
    debug_proven(c->came - c->gone <= TABLE_COMING);
    return c->came - c->gone == TABLE_COMING;
}

static inline void table_coming_add(struct table_coming *c, const struct table *t, uint64_t hash, void *entry) {
    debug_proven(!table_coming_full(c));
    unsigned i = c->came++;
    c->ring[i % TABLE_COMING].hash = hash;
    c->ring[i % TABLE_COMING].entry = entry;
    table_prefetch(t, hash, 0);
    unsigned before = i - TABLE_COMING / 2; /* its directory word is there by now */
    if (i - c->gone >= TABLE_COMING / 2) table_prefetch(t, c->ring[before % TABLE_COMING].hash, 1);
}

/* The one that came first; NULL when none is left. */
static inline void *table_coming_take(struct table_coming *c, uint64_t *hash) {
    if (c->came == c->gone) return NULL;
    unsigned i = c->gone++ % TABLE_COMING;
    *hash = c->ring[i].hash;
    debug_proven(c->ring[i].entry != NULL);
    return c->ring[i].entry;
}

/* ---- walks ---- */
/* Calls visit for every entry whose home is the bucket at the cursor, if its position is not below the cursor, and returns
 * the lowest position of the next bucket as the next cursor, 0 at the end. So every entry present from the first call
 * (cursor 0) to the last is visited exactly once, whatever splits, merges and rebuilds happen in between: those below the
 * cursor have been visited, the others not. Cursors are below 2^48; higher bits of what comes from outside are ignored.
 * visit must not change the table. O(1); hash_of is asked only when a rebuild since the last call has put the cursor
 * inside a bucket. */
uint64_t table_scan(const struct table *t, uint64_t cursor, void (*visit)(void *arg, table_slot *slot), void *arg);
/* Every slot, in no promised order. visit must not change the table. */
void table_each(const struct table *t, void (*visit)(void *arg, table_slot *slot), void *arg);
/* A slot chosen uniformly; NULL when empty. O(1) expected, for a hash that spreads (else still bounded, less uniform). */
table_slot *table_random(const struct table *t, struct random *r);

/* ---- snapshot ---- */
struct table_frozen {
    uint64_t *directory; /* a copy, owner MEM_LIMBO; NULL when the table had none */
    uint8_t depth;
    size_t count;            /* entries at the freeze */
    _Atomic uint64_t passed; /* the reader is done with all hashes below; UINT64_MAX: with all */
};

/* Freezes the table; O(directory): 8 bytes for every ~300 entries. proven: not frozen already. */
void table_freeze(struct table *t, struct table_frozen *view);
/* The owner ends it, after the reader has stopped. */
void table_thaw(struct table *t, struct table_frozen *view);
/* Snapshot thread, once a view: visits every entry of the moment of the freeze, segment by segment in hash order, and
 * publishes `passed` after each segment: what visit was given it may use until it returns, not longer. visit returns
 * false to stop early (the function then returns false). User bits may be newer than the freeze. */
bool table_frozen_each(struct table_frozen *view, bool (*visit)(void *arg, const table_slot *slot), void *arg);

/* ---- tables inside of values (docs/design/values.md) ---- */
/* A value that a live snapshot may read is changed in a copy of its head. copy (raw memory) becomes the table that is
 * changed from now on, with a directory of its own; its segments are old's, copied before their first change while the
 * snapshot lives, when f is given. old is only read (table_each) until the snapshot ends, and is not released: its
 * directory goes to limbo, its struct is the caller's. A hash_arg that points into the value is the caller's to set anew.
 * proven: f live, old not frozen. O(directory), 8 bytes for every ~300 entries: 10 us for a million. */
void table_fork(struct table *copy, const struct table *old, struct frozen *f);
/* table_entry_shared for such a table; false for one that was not forked in this snapshot, so fork first. f may be NULL. */
bool table_forked_entry_shared(const struct table *t, const struct frozen *f, uint64_t hash, const table_slot *slot);

/* ---- defragmentation (mem/defrag.h); none of it while a snapshot is live ---- */
struct mem_defrag;
/* A step of a walk as table_scan's, with its cursors and promises: moves the segment, when the cursor is at its begin, and then
 * tells visit (may be NULL) the slots, whose entries it may move. O(1) and one move of at most 4 KiB. proven: not frozen. */
uint64_t table_defrag(struct table *t, uint64_t cursor, struct mem_defrag *d,
                      void (*visit)(void *arg, table_slot *slot), void *arg);
void table_defrag_directory(struct table *t, struct mem_defrag *d); /* a block of its own: 8 bytes for ~300 entries */
/* After the block around t has moved. */
void table_relocated(struct table *t);

/* The same entry at another address. */
static inline void table_slot_moved(table_slot *s, const void *entry) {
    uint64_t word = atomic_load_explicit(s, memory_order_relaxed), pointer = (uint64_t)(uintptr_t)entry;
    debug_proven((pointer & ~TABLE_SLOT_POINTER) == 0 && (word & TABLE_SLOT_POINTER) != 0);
    atomic_store_explicit(s, (word & ~TABLE_SLOT_POINTER) | pointer, memory_order_relaxed);
}

/* Tests: checks every invariant of the structure (proven). O(n). */
void table_verify(const struct table *t);

struct table_stats { /* DEBUG HTSTATS */
    size_t segments, buckets, displaced;
    size_t deepest_segments;
    unsigned depth;
};

/* Counted by a walk over all segments: O(n / 7). */
void table_stats_read(const struct table *t, struct table_stats *out);

#endif
