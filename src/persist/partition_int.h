/* Private to persist/: made keys between their batch and their database, told apart by the first bits of their hashes, so that
 * a database gets two thousand keys of one part of its table at a time.
 *
 *   batches (in the order of the file) -> 64 partitions -> when one is full: in the order of the hashes -> its database
 *
 * The table is ordered by hash (store/table.h). Of a batch of 30,000 keys a table of 5 M gets two for each segment, and
 * pays for the way to the segment each time; of a full partition it gets seven in a row. This is the partitioned build of
 * a hash join (Manegold, Boncz, Kersten: Optimizing main-memory join on modern hardware, 2002).
 *
 * A partition is full at a 1024th of the keys that the database has, within PARTITION_MIN and PARTITION_MAX: 2 bytes for
 * each key of the database, at most 4 MiB.
 *
 * Thread: the owner of the database. */
#ifndef TARN_PERSIST_PARTITION_INT_H
#define TARN_PERSIST_PARTITION_INT_H

#include "keyspace/db.h"
#include "persist/batch_int.h"

#define PARTITION_BITS 6
#define PARTITIONS     (1 << PARTITION_BITS)
#define PARTITION_MIN  256
#define PARTITION_MAX  2048

struct made_key {
    struct entry *entry; /* owned */
    uint64_t hash;
    int64_t offset; /* in the file, for an error */
    int32_t access; /* as db_adopt takes it */
};

struct partitions {
    struct partition {
        struct made_key *keys;
        uint32_t count, capacity;
    } of[PARTITIONS];
    struct made_key *sorted;   /* PARTITION_MAX; NULL before the first use */
    struct db *db;             /* of all keys that are here; NULL: none ever */
    size_t count;              /* of keys here */
    size_t adopted;            /* by databases, so far */
    struct made_key duplicate; /* of those found the first in the file; entry NULL: none */
};

void partitions_init(struct partitions *ps);
void partitions_release(struct partitions *ps); /* with the entries that are still here */

/* Takes over the entries of n keys that have been made, in the order of the file, and has the database adopt what is full then. proven:
 * what is here is for the same db. FINE, DUPLICATE or CANCELLED, which loses nothing. */
enum batch_result partitions_take(struct partitions *ps, const struct batch_key *keys, size_t n, struct db *db,
                                  const _Atomic bool *cancelled);
/* The rest of it, too. */
enum batch_result partitions_settle(struct partitions *ps, const _Atomic bool *cancelled);

#endif
