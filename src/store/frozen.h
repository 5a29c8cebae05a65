/* Frozen: what a live snapshot forbids, and where dropped things wait.
 *
 * A snapshot freezes containers at one instant: each keeps its nodes as they are, and a writer that needs to change a
 * node the snapshot may still read copies it first. What the writer then drops cannot be freed yet: it goes to limbo
 * until the snapshot is done. One struct frozen belongs to one dataset and is used by its owner thread only; the
 * snapshot thread only reads frozen nodes and publishes how far it has come (store/table.h: passed).
 *
 * Limbo is a chain of fixed chunks, not a growing array: overwriting every key during a save files millions of items,
 * and moving such an array would stall the owner for tens of milliseconds. It costs 16 bytes an item. */
#ifndef TARN_STORE_FROZEN_H
#define TARN_STORE_FROZEN_H

#include "mem/mem.h"

struct limbo; /* a chunk of waiting blocks and those behind it; owner MEM_LIMBO */

struct frozen {
    bool live;
    struct limbo *limbo; /* NULL while nothing waits */
    size_t count;        /* blocks waiting */
    size_t bytes;        /* their good sizes: what the live snapshot costs so far, without the chunks */
    size_t peak_bytes;   /* the most any snapshot has cost */
};

void frozen_init(struct frozen *f);
/* Starts a snapshot. proven: not live. */
void frozen_begin(struct frozen *f);
/* Ends it. The blocks leave f for the caller, who hands them to limbo_free (on the reaper); NULL when none. proven: live. */
struct limbo *frozen_end(struct frozen *f);
/* Keeps the block p of n bytes until the snapshot is done; its bytes move to owner MEM_LIMBO. align: 0 for a block of
 * mem_alloc, else the alignment given to mem_alloc_aligned. proven: live. O(1). */
void frozen_limbo(struct frozen *f, enum mem_owner owner, void *p, size_t n, size_t align);
/* Frees what frozen_end handed out, may be NULL. Any thread. O(blocks). */
void limbo_free(struct limbo *limbo);

#endif
