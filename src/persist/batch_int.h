/* Private to persist/: keys on their way into a database, gathered in large batches and adopted in the order of their hashes.
 * The table is ordered by hash, so neighbours in a batch go to one segment while it is in the cache: it is changed
 * several times in a row there, instead of at long intervals with a cache miss for each change. One thread at a time. */
#ifndef TARN_PERSIST_BATCH_INT_H
#define TARN_PERSIST_BATCH_INT_H

#include "base/check.h"
#include "keyspace/db.h"

#include <stdatomic.h>

#define BATCH_MAX ((size_t)1 << 16) /* keys; 36 bytes each */

struct batch_key {
    struct entry *entry;
    uint64_t hash;  /* batch_adopt's */
    int64_t access; /* as db_adopt takes it */
    int64_t offset; /* in the file, for an error */
};

struct batch {
    struct batch_key *keys;
    uint32_t *order;
    size_t count, capacity;
    char apart[96]; /* no line in common with the next batch: while one thread counts up here, another reads there */
};

void batch_init(struct batch *b);
void batch_release(struct batch *b); /* with the entries that are still in it */
void batch_grow(struct batch *b);

/* proven: not full. */
static inline void batch_add(struct batch *b, struct batch_key key) {
    debug_proven(key.entry && b->count < BATCH_MAX);
    if (unlikely(b->count == b->capacity)) batch_grow(b);
    b->keys[b->count++] = key;
}

static inline bool batch_full(const struct batch *b) {
    debug_proven(b->count <= b->capacity && b->capacity <= BATCH_MAX);
    return b->count == BATCH_MAX;
}

enum batch_result { BATCH_ADOPTED, BATCH_DUPLICATE, BATCH_CANCELLED };
/* Empties the batch into db. DUPLICATE: *which is a key that was there already, or that stands in the batch twice (the later
 * one); it and what has not been adopted stay in the batch for release. */
enum batch_result batch_adopt(struct batch *b, struct db *db, const _Atomic bool *cancelled, struct batch_key *which);

#endif
