#include "mem/defrag.h"

#include "base/check.h"
#include "mem/mem_int.h"

#include <string.h>

#ifdef MEM_JEMALLOC

/* A class of which less than one part in so many is free is left alone: moving would gain little, and never end. */
#define WASTE_PARTS 16

/* What experimental.utilization.query writes, in this order. */
struct slab_use {
    const char *filling; /* the slab that the block's bin fills now */
    size_t free, blocks; /* of the block's own slab; both as if it were a slab of one for a block of its own pages */
    size_t bytes;        /* of the slab */
    size_t bin_free, bin_blocks;
};

static bool slab_query(struct mem_defrag *d, const void *p, struct slab_use *out) {
    size_t n = sizeof *out;
    if (unlikely(d->query_len == 0)) {
        size_t len = countof(d->query);
        if (mallctlnametomib("experimental.utilization.query", d->query, &len) != 0) return false;
        d->query_len = len;
    }
    return mallctlbymib(d->query, d->query_len, out, &n, &p, sizeof p) == 0;
}

bool mem_defrag_works(struct mem_defrag *d) {
    struct slab_use use;
    void *p = mallocx(HEAP_STEP, 0);
    bool works = p && slab_query(d, p, &use) && use.blocks > 1 && use.bin_blocks >= use.blocks;
    if (p) sdallocx(p, HEAP_STEP, 0);
    return works;
}

static bool lies_in(const void *p, const char *begin, size_t bytes) {
    return begin && (const char *)p >= begin && (const char *)p < begin + bytes;
}

static bool worth_moving(struct mem_defrag *d, const void *p) {
    struct slab_use use;
    if (!slab_query(d, p, &use) || use.free == 0) return false;
    if (lies_in(p, use.filling, use.bytes)) return false;
    if (use.bin_free < use.blocks || use.bin_free * WASTE_PARTS < use.bin_blocks) return false;
    return use.free * use.bin_blocks >= use.bin_free * use.blocks;
}

/* Whether the block, which has just been allocated, came from the very slab that holds p. Asks once for each slab that is filled. */
static bool same_slab(struct mem_defrag *d, const void *fresh, const void *p, size_t good) {
    size_t i = (good / HEAP_STEP * UINT64_C(0x9e3779b97f4a7c15)) >> 58;
    if (d->filling[i].good != good || !lies_in(fresh, d->filling[i].begin, d->filling[i].bytes)) {
        struct slab_use use;
        bool known = slab_query(d, fresh, &use) && lies_in(fresh, use.filling, use.bytes);
        d->filling[i].good = good;
        d->filling[i].begin = known ? use.filling : NULL;
        d->filling[i].bytes = known ? use.bytes : 0;
    }
    return lies_in(p, d->filling[i].begin, d->filling[i].bytes);
}

_Static_assert(MEM_DEFRAG_SLABS == 1 << (64 - 58), "same_slab's hash");

/* Past the thread's cache both ways: a cached block would come from the slab that was just left, or keep it alive. */
static void *move_block(struct mem_defrag *d, enum mem_owner owner, void *p, size_t good, size_t align) {
    int flags = MALLOCX_TCACHE_NONE | (align ? MALLOCX_ALIGN(align) : 0);
    void *fresh = mallocx(good, flags);
    (void)owner; /* the same size class: the accounts stand as they are */
    if (!fresh) return p;
    if (!d->everything && same_slab(d, fresh, p, good)) {
        sdallocx(fresh, good, flags);
        return p;
    }
    memcpy(fresh, p, good);
    sdallocx(p, good, flags);
    return fresh;
}

#else

bool mem_defrag_works(struct mem_defrag *d) {
    (void)d;
    return false;
}

static bool worth_moving(struct mem_defrag *d, const void *p) {
    (void)d, (void)p;
    return false;
}

static void *move_block(struct mem_defrag *d, enum mem_owner owner, void *p, size_t good, size_t align) {
    void *fresh = align ? mem_alloc_aligned(owner, good, align) : mem_alloc(owner, good);
    (void)d;
    memcpy(fresh, p, good);
    if (align)
        mem_free_aligned(owner, p, good, align);
    else
        mem_free(owner, p, good);
    return fresh;
}

#endif

void *mem_defrag_move(struct mem_defrag *d, enum mem_owner owner, void *p, size_t n, size_t align) {
    size_t good = align ? heap_good_size_aligned(n, align) : heap_good_size(n);
    debug_proven(p && n > 0);
    void *fresh = move_block(d, owner, p, good, align);
    if (fresh == p) {
        d->kept++;
        return p;
    }
    d->moved++;
    d->moved_bytes += good;
    return fresh;
}

bool mem_defrag_wanted(struct mem_defrag *d, const void *p) {
    debug_proven(p != NULL);
    if (d->everything || worth_moving(d, p)) return true;
    d->kept++;
    return false;
}
