/* Frozen: what a live snapshot forbids, and where dropped things wait.
 *
 * A snapshot freezes containers at one instant: each keeps its nodes as they are, and a writer that needs to change a
 * node the snapshot may still read copies it first. What the writer then drops cannot be freed yet: it goes to limbo
 * until the snapshot is done. One struct frozen belongs to one dataset and is used by its owner thread only; the
 * snapshot thread only reads frozen nodes and publishes how far it has come (store/table.h: passed). */
#ifndef TARN_STORE_FROZEN_H
#define TARN_STORE_FROZEN_H

#include "mem/mem.h"

struct limbo_item {
    void *ptr;
    size_t size;
    uint32_t align; /* 0: mem_free, else mem_free_aligned */
    enum mem_owner owner;
};

struct frozen {
    bool live;
    struct limbo_item *items; /* grows; owner MEM_LIMBO */
    size_t count, capacity;
    size_t bytes; /* good sizes of the items: what the snapshot costs */
    size_t peak_bytes;
};

void frozen_init(struct frozen *f);
void frozen_begin(struct frozen *f); /* proven: not live */
/* Ends the snapshot. The limbo's items leave f and are handed to the caller (the reaper frees them). */
void frozen_end(struct frozen *f, struct limbo_item **items, size_t *count, size_t *capacity);
/* Keeps p until the snapshot is done (the bytes move to owner MEM_LIMBO). proven: live. O(1) amortised. */
void frozen_limbo(struct frozen *f, enum mem_owner owner, void *p, size_t n, uint32_t align);
/* Frees what frozen_end handed out. Any thread. */
void limbo_free(struct limbo_item *items, size_t count, size_t capacity);

#endif
