/* The accounts of a database: for each type of value how many keys there are, how many elements and bytes they hold, and how
 * both are spread, in powers of two. Kept as entries come, change and go, at the few doors of keyspace/ through which they
 * do; so they are exact between any two calls, O(1) to read, and never found by a walk.
 *
 * bytes: entry_memory, the good sizes of all that a key holds: its part of its type's owner in mem/mem.h. elements: members,
 * fields, entries; of a string the length as clients see it. What a snapshot keeps beyond, and values on their way into the
 * dataset or out of memory, belong to no account. Owner thread of the dataset only; 4 KiB for a database that was ever used.
 *
 * Cost: of a command's instructions, pipelined, 2 to 3 % for SET, 4 % for a SET of a new key and for HSET, 9 % for LPUSH. make bench
 * ONLY=accounts compares throughput with `make ACCOUNTS=0`, without accounts and keyspace/top.h: no build to be served from. */
#ifndef TARN_KEYSPACE_ACCOUNT_H
#define TARN_KEYSPACE_ACCOUNT_H

#include "values/value.h"

#include <stdint.h>

struct db;

#ifdef TARN_NO_ACCOUNTS
#define ACCOUNTS_KEPT 0
#else
#define ACCOUNTS_KEPT 1
#endif

/* [0]: of 0; [i]: from 2^(i-1) to below 2^i; the last also holds all above. */
#define ACCOUNT_BUCKETS 42

struct account {
    uint64_t keys, elements, bytes;
    uint64_t by_elements[ACCOUNT_BUCKETS], by_bytes[ACCOUNT_BUCKETS]; /* keys; the sum of each is `keys` */
};

/* Of all zeros where there has never been a key. */
const struct account *db_account(const struct db *db, enum value_type type);

static inline unsigned account_bucket(uint64_t value) {
    unsigned i = value ? 64 - (unsigned)__builtin_clzll(value) : 0;
    return i < ACCOUNT_BUCKETS ? i : ACCOUNT_BUCKETS - 1;
}

/* The smallest value that the bucket holds. */
static inline uint64_t account_bucket_start(unsigned bucket) { return bucket ? UINT64_C(1) << (bucket - 1) : 0; }

#endif
