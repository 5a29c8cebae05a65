/* Defragmentation of a dataset: a walk over all databases in small steps, which moves what is worth it (mem/defrag.h): entries, string
 * bodies, segments of tables, and the blocks inside of values. Between two steps anything may happen to the dataset: the
 * walk keeps positions in hash space and hashes of keys, no addresses.
 *
 * The owner's thread, between commands; not while a snapshot is live, which reads the old places. Pointers to entries and
 * values that were got before a step are stale after it. */
#ifndef TARN_KEYSPACE_DEFRAG_H
#define TARN_KEYSPACE_DEFRAG_H

#include "keyspace/dataset.h"
#include "values/defrag.h"

#define DEFRAG_LATER_MAX 32 /* more than the entries whose home is one bucket */
#define DEFRAG_PIECE_MAX 32 /* so that all values of a bucket together take less than half a millisecond */

struct dataset_defrag { /* all zero at the start of the first pass */
    struct mem_defrag mem;
    size_t piece; /* values of more blocks than this, or than DEFRAG_PIECE_MAX, are walked piece by piece */
    uint64_t keys_moved, keys_kept; /* something of them was moved, nothing was */
    uint64_t passes;                /* ended ones */
    /* its own */
    unsigned db;
    uint64_t cursor;  /* of table_defrag */
    bool table_ended; /* it has come to the end */
    uint64_t
        later[DEFRAG_LATER_MAX]; /* hashes of the keys of this database whose large values are next, from the end */
    unsigned later_count;
    struct value_defrag value; /* of the last of them */
    enum value_type value_type;
    bool value_moved;
};

/* A step: the entries of one bucket with their small values, or a piece of a large value; about 20 us at the most, when all is
 * moved and values are of a few KiB. False: with it a pass has ended, the next step begins another. proven: not frozen. */
bool dataset_defrag_step(struct dataset *ds, struct dataset_defrag *d);

#endif
