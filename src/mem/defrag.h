/* Moving blocks out of thinly used memory. jemalloc keeps blocks of one size class in slabs of a few pages, and a slab goes
 * back only when its last block is freed: after many deletions most slabs hold a few blocks each. Who owns such a block asks
 * whether it is worth moving, and moves it: it then lies in the slab that its size class fills now, and its old slab is nearer to
 * its end (docs/design/defragmentation.md).
 *
 * Worth moving is a block whose slab is not full, is not the one being filled, and is used no better than the slabs of its size
 * class on average, where that class wastes a whole slab and at least 1/16 of its memory. Blocks of pages of their own
 * (above 14 KiB) never are. What jemalloc says of a slab (experimental.utilization.query) costs ~100 ns.
 *
 * Needs jemalloc; with the C library's allocator nothing is worth moving, unless `everything` says so. One thread at a time;
 * the block must not be read by any other. */
#ifndef TARN_MEM_DEFRAG_H
#define TARN_MEM_DEFRAG_H

#include "mem/mem.h"

#define MEM_DEFRAG_SLABS 64

struct mem_defrag {       /* all zero at the start */
    bool everything;      /* every block moves: for tests, in which the old place is then poisoned or soon used again */
    uint64_t moved, kept; /* blocks, kept: looked at and left */
    uint64_t moved_bytes; /* good sizes */
    struct {
        size_t good; /* size class */
        const char *begin;
        size_t bytes;
    } filling[MEM_DEFRAG_SLABS]; /* the slabs that new blocks come from, by size class, as far as known */
    size_t query[4], query_len;  /* the question's name as jemalloc numbers it; len 0: not looked up yet */
};

/* Whether this allocator tells how well its slabs are used. */
bool mem_defrag_works(struct mem_defrag *d);

/* Whether the block is worth moving; one that is not counts as kept. For owners who must prepare for a move. */
bool mem_defrag_wanted(struct mem_defrag *d, const void *p);
/* Moves the block p of n bytes, asked before or not. Returns where it lies now: p itself when no better place was found. Every other
 * pointer to it is then stale. align: 0, or what mem_alloc_aligned was given. */
void *mem_defrag_move(struct mem_defrag *d, enum mem_owner owner, void *p, size_t n, size_t align);

/* Both. p is not NULL. */
static inline void *mem_defrag(struct mem_defrag *d, enum mem_owner owner, void *p, size_t n) {
    return mem_defrag_wanted(d, p) ? mem_defrag_move(d, owner, p, n, 0) : p;
}

#endif
