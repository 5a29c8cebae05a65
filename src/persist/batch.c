#include "persist/batch_int.h"

#include "base/check.h"
#include "mem/mem.h"

#define FIRST_CAPACITY 64
#define SORT_BITS      14   /* by the upper bits only: a few segments of a large table have one value in common */
#define SORT_MIN       1024 /* fewer keys are taken as they come */
#define AHEAD          8    /* keys that are prefetched before their turn */
#define CANCEL_EVERY   4096 /* keys: under 2 ms */

void batch_init(struct batch *b) { *b = (struct batch){0}; }

void batch_release(struct batch *b) {
    proven(b->count <= b->capacity);
    for (size_t i = 0; i < b->count; i++)
        if (b->keys[i].entry) entry_free(b->keys[i].entry);
    mem_free(MEM_PERSIST, b->keys, b->capacity * sizeof(*b->keys));
    mem_free(MEM_PERSIST, b->order, b->capacity * sizeof(*b->order));
    batch_init(b);
}

void batch_grow(struct batch *b) {
    size_t capacity = b->capacity ? 2 * b->capacity : FIRST_CAPACITY;
    proven(capacity <= BATCH_MAX);
    b->keys = mem_realloc(MEM_PERSIST, b->keys, b->capacity * sizeof(*b->keys), capacity * sizeof(*b->keys));
    b->order = mem_realloc(MEM_PERSIST, b->order, b->capacity * sizeof(*b->order), capacity * sizeof(*b->order));
    b->capacity = capacity;
    proven(b->count < b->capacity);
}

static unsigned sort_value(const struct batch *b, size_t i) {
    debug_proven(i < b->count);
    return (unsigned)(b->keys[i].hash >> (64 - SORT_BITS));
}

/* A counting sort, stable: of two equal keys the later in the file stays the later. */
static void find_order(struct batch *b) {
    uint32_t starts[(1 << SORT_BITS) + 1] = {0};
    if (b->count < SORT_MIN) {
        for (size_t i = 0; i < b->count; i++) b->order[i] = (uint32_t)i;
        return;
    }
    for (size_t i = 0; i < b->count; i++) starts[sort_value(b, i) + 1]++;
    for (size_t v = 0; v < 1 << SORT_BITS; v++) starts[v + 1] += starts[v];
    for (size_t i = 0; i < b->count; i++) b->order[starts[sort_value(b, i)]++] = (uint32_t)i;
    proven(starts[(1 << SORT_BITS) - 1] == b->count);
}

/* Four steps, AHEAD keys apart: the batch's own line, the entry and the directory word, the bucket, the like-tagged entry. */
static void prefetch(const struct batch *b, const struct db *db, size_t i) {
    debug_proven(i < b->count && b->order[i] < b->count);
    if (i + 4 * AHEAD < b->count) __builtin_prefetch(&b->keys[b->order[i + 4 * AHEAD]]);
    if (i + 3 * AHEAD < b->count) {
        const struct batch_key *k = &b->keys[b->order[i + 3 * AHEAD]];
        __builtin_prefetch(k->entry);
        db_prefetch(db, k->hash, 0);
    }
    if (i + 2 * AHEAD < b->count) db_prefetch(db, b->keys[b->order[i + 2 * AHEAD]].hash, 1);
    if (i + AHEAD < b->count) db_prefetch(db, b->keys[b->order[i + AHEAD]].hash, 2);
}

/* By the thread that adopts: the one that parses has more to do. The entries lie nearly in a row. */
static void hash_keys(struct batch *b, const struct dataset *ds) {
    proven(b->count <= b->capacity);
    for (size_t i = 0; i < b->count; i++) {
        if (i + AHEAD < b->count) __builtin_prefetch(b->keys[i + AHEAD].entry, 1);
        b->keys[i].hash = dataset_hash(ds, entry_key(b->keys[i].entry));
    }
}

enum batch_result batch_adopt(struct batch *b, struct db *db, const _Atomic bool *cancelled, struct batch_key *which) {
    proven(b->count <= BATCH_MAX);
    hash_keys(b, db_dataset(db));
    find_order(b);
    for (size_t i = 0; i < b->count; i++) {
        struct batch_key *k = &b->keys[b->order[i]];
        if (i % CANCEL_EVERY == 0 && atomic_load_explicit(cancelled, memory_order_relaxed)) return BATCH_CANCELLED;
        prefetch(b, db, i);
        if (unlikely(!db_adopt(db, k->hash, k->entry, k->access))) {
            proven(k->entry != NULL);
            *which = *k;
            return BATCH_DUPLICATE;
        }
        k->entry = NULL; /* the database's now */
    }
    proven(b->count <= b->capacity);
    b->count = 0;
    return BATCH_ADOPTED;
}
