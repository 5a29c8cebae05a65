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
    uint32_t generation; /* counts the snapshots; never 0 once there was one */
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
/* Keeps a whole value until then, and hands it to release: for what is dropped while the snapshot may read any of it, and is
 * more than one block. Its bytes stay with their owners. The same thread as limbo_free. proven: live. O(1). */
void frozen_limbo_value(struct frozen *f, void (*release)(void *value), void *value);
/* A list of its own, for what is to be freed on another thread though no snapshot reads it. *list may be NULL. */
void limbo_add(struct limbo **list, enum mem_owner owner, void *p, size_t n);
void limbo_add_value(struct limbo **list, void (*release)(void *value), void *value);
/* Frees what frozen_end handed out, may be NULL. Any thread. O(blocks). */
void limbo_free(struct limbo *limbo);

/* What may be shared with a snapshot notes the generation of its birth. f: the dataset's state when the snapshot may read
 * the thing's container, NULL when it may not (0 is older than any snapshot, so nothing made then is taken for new). */
static inline uint32_t frozen_birth(const struct frozen *f) { return f ? f->generation : 0; }

/* Whether the live snapshot may read what was born then: it must be copied before a change, and dropped into limbo. */
static inline bool frozen_shared(const struct frozen *f, uint32_t birth) {
    return f && f->live && birth != f->generation;
}

#endif
