/* Private to persist/: keys on their way into a database, gathered in large batches, in three steps:
 *
 *   filled   with records as they lie in a block of the file, or with entries that are made already
 *   made     records become entries, and keys get their hashes: any thread, one at a time
 *   taken    by the partitions (persist/partition_int.h), from where databases adopt them */
#ifndef TARN_PERSIST_BATCH_INT_H
#define TARN_PERSIST_BATCH_INT_H

#include "base/check.h"
#include "keyspace/db.h"
#include "persist/record_int.h"

#include <stdatomic.h>

#define BATCH_MAX ((size_t)1 << 17) /* keys; 40 bytes each */

#define BATCH_APART \
    128 /* bytes: what two threads write while they work has no cache line, and no pair of them, in common */

struct batch_key {
    union {
        struct { /* the record's key; its value stands behind it */
            const char *key;
            uint32_t key_len, value_bytes;
        } raw;
        struct {
            struct entry *entry; /* NULL: left out */
            uint64_t hash;
        } made;
    };
    int64_t expire_at; /* of a record: an entry knows its own */
    int64_t offset;    /* in the file, for an error */
    int32_t access;    /* as db_adopt takes it */
    uint8_t type;      /* of a record */
    bool is_made;
};

enum batch_result {
    BATCH_FINE,
    BATCH_DUPLICATE, /* a key that was there already; of two in the file the later one */
    BATCH_BROKEN,    /* a record that cannot be made */
    BATCH_CANCELLED,
};

struct source_block;
struct batch {
    struct batch_key *keys;
    size_t count, capacity;
    size_t fault;               /* whose fault it is that the batch is BROKEN */
    const char *why, *noticed;  /* of BROKEN: as a struct rdb_input has them */
    struct source_block *block; /* the builder's: what the records lie in, or a spare one */
    char apart[BATCH_APART];
};

/* What a thread makes entries with. */
struct batch_maker {
    struct rdb_reader window;
    struct rdb_input in;
    struct record_rules *rules;
    char apart[BATCH_APART];
};
void batch_maker_init(struct batch_maker *m, struct record_rules *rules);
void batch_maker_release(struct batch_maker *m);

void batch_init(struct batch *b);
void batch_release(struct batch *b); /* with the entries that are still in it; the block is not its concern */
void batch_grow(struct batch *b);

/* One more, to be filled in where it lies: a copy from elsewhere would cost more than the rest. proven: not full. */
static inline struct batch_key *batch_add(struct batch *b) {
    debug_proven(b->count < BATCH_MAX);
    if (unlikely(b->count == b->capacity)) batch_grow(b);
    struct batch_key *k = &b->keys[b->count++];
    __builtin_prefetch(k + 16, 1); /* where another thread has been since */
    return k;
}

static inline void batch_add_record(struct batch *b, uint8_t type, struct slice key, uint32_t value_bytes,
                                    int64_t expire_at, int32_t access, int64_t offset) {
    debug_proven(key.ptr && value_bytes > 0);
    struct batch_key *k = batch_add(b);
    k->raw.key = key.ptr;
    k->raw.key_len = (uint32_t)key.len;
    k->raw.value_bytes = value_bytes;
    k->expire_at = expire_at;
    k->offset = offset;
    k->access = access;
    k->type = type;
    k->is_made = false;
}

static inline void batch_add_made(struct batch *b, struct entry *e, int32_t access, int64_t offset) {
    debug_proven(e != NULL);
    struct batch_key *k = batch_add(b);
    k->made.entry = e;
    k->offset = offset;
    k->access = access;
    k->is_made = true;
}

static inline bool batch_full(const struct batch *b) {
    debug_proven(b->count <= b->capacity && b->capacity <= BATCH_MAX);
    return b->count == BATCH_MAX;
}

/* The key as it lies in its entry, or in its block. */
struct slice batch_key_text(const struct batch_key *k);

/* FINE, BROKEN or CANCELLED. ds: only its seed is looked at. */
enum batch_result batch_make(struct batch *b, struct batch_maker *m, const struct dataset *ds,
                             const _Atomic bool *cancelled);

#endif
