#include "persist/partition_int.h"

#include "base/check.h"
#include "mem/mem.h"

#define FIRST_CAPACITY 64
#define SORT_BITS      12 /* behind those of the partition: a segment's keys go to its buckets in their order */
#define SORT_MIN       64 /* fewer are taken as they come */
#define AHEAD          8  /* keys that are prefetched before their turn */

void partitions_init(struct partitions *ps) { *ps = (struct partitions){0}; }

void partitions_release(struct partitions *ps) {
    for (unsigned p = 0; p < PARTITIONS; p++) {
        struct partition *of = &ps->of[p];
        for (uint32_t i = 0; i < of->count; i++) entry_free(of->keys[i].entry);
        mem_free(MEM_PERSIST, of->keys, of->capacity * sizeof *of->keys);
    }
    mem_free(MEM_PERSIST, ps->sorted, ps->sorted ? PARTITION_MAX * sizeof *ps->sorted : 0);
    if (ps->duplicate.entry) entry_free(ps->duplicate.entry);
    partitions_init(ps);
}

/* ---- from the partition to the database ---- */
static unsigned sort_value(const struct made_key *k) {
    debug_proven(k->entry != NULL);
    return (unsigned)(k->hash << PARTITION_BITS >> (64 - SORT_BITS));
}

/* A counting sort, stable: of two equal keys the later in the file stays the later. */
static const struct made_key *sorted(struct partitions *ps, const struct partition *of) {
    uint16_t starts[(1 << SORT_BITS) + 1] = {0};
    if (of->count < SORT_MIN) return of->keys;
    if (!ps->sorted) ps->sorted = mem_alloc(MEM_PERSIST, PARTITION_MAX * sizeof *ps->sorted);
    for (uint32_t i = 0; i < of->count; i++) starts[sort_value(&of->keys[i]) + 1]++;
    for (unsigned v = 0; v < 1 << SORT_BITS; v++) starts[v + 1] = (uint16_t)(starts[v + 1] + starts[v]);
    for (uint32_t i = 0; i < of->count; i++) ps->sorted[starts[sort_value(&of->keys[i])]++] = of->keys[i];
    proven(starts[(1 << SORT_BITS) - 1] == of->count);
    return ps->sorted;
}

/* Three steps, AHEAD keys apart: the entry and the directory word, the bucket, the like-tagged entry. */
static void prefetch(const struct made_key *keys, uint32_t count, const struct db *db, uint32_t i) {
    debug_proven(i < count);
    if (i + 3 * AHEAD < count) {
        __builtin_prefetch(keys[i + 3 * AHEAD].entry);
        db_prefetch(db, keys[i + 3 * AHEAD].hash, 0);
    }
    if (i + 2 * AHEAD < count) db_prefetch(db, keys[i + 2 * AHEAD].hash, 1);
    if (i + AHEAD < count) db_prefetch(db, keys[i + AHEAD].hash, 2);
}

static void keep_duplicate(struct partitions *ps, struct made_key k) {
    struct made_key later = ps->duplicate;
    if (!later.entry || k.offset < later.offset) {
        ps->duplicate = k;
        k = later;
    }
    if (k.entry) entry_free(k.entry);
    proven(ps->duplicate.entry);
}

static void adopt(struct partitions *ps, struct partition *of) {
    const struct made_key *keys = sorted(ps, of);
    uint32_t count = of->count;
    proven(count <= ps->count);
    for (uint32_t i = 0; i < count; i++) {
        prefetch(keys, count, ps->db, i);
        if (likely(db_adopt(ps->db, keys[i].hash, keys[i].entry, keys[i].access)))
            ps->adopted++;
        else
            keep_duplicate(ps, keys[i]);
    }
    ps->count -= count;
    of->count = 0;
}

enum batch_result partitions_settle(struct partitions *ps, const _Atomic bool *cancelled) {
    for (unsigned p = 0; p < PARTITIONS && ps->count > 0; p++) {
        if (atomic_load_explicit(cancelled, memory_order_relaxed)) return BATCH_CANCELLED;
        adopt(ps, &ps->of[p]);
    }
    proven(ps->count == 0);
    return ps->duplicate.entry ? BATCH_DUPLICATE : BATCH_FINE;
}

/* ---- from the batch to the partition ---- */
static void grow(struct partition *of) {
    uint32_t capacity = of->capacity ? 2 * of->capacity : FIRST_CAPACITY;
    proven(capacity <= PARTITION_MAX);
    of->keys = mem_realloc(MEM_PERSIST, of->keys, of->capacity * sizeof *of->keys, capacity * sizeof *of->keys);
    of->capacity = capacity;
}

static uint32_t full_at(const struct db *db) {
    size_t n = db_keys(db) >> 10;
    return n < PARTITION_MIN ? PARTITION_MIN : n > PARTITION_MAX ? PARTITION_MAX : (uint32_t)n;
}

static inline void take_key(struct partitions *ps, const struct batch_key *k, uint32_t full) {
    struct partition *of = &ps->of[k->made.hash >> (64 - PARTITION_BITS)];
    debug_proven(of->count < PARTITION_MAX && full <= PARTITION_MAX);
    if (unlikely(of->count == of->capacity)) grow(of);
    of->keys[of->count++] = (struct made_key){k->made.entry, k->made.hash, k->offset, k->access};
    ps->count++;
    if (unlikely(of->count >= full)) adopt(ps, of);
}

enum batch_result partitions_take(struct partitions *ps, const struct batch_key *keys, size_t n, struct db *db,
                                  const _Atomic bool *cancelled) {
    uint32_t full = full_at(db);
    proven(ps->count == 0 || ps->db == db);
    ps->db = db;
    for (size_t i = 0; i < n; i++)
        if (likely(keys[i].made.entry != NULL)) take_key(ps, &keys[i], full);
    if (atomic_load_explicit(cancelled, memory_order_relaxed)) return BATCH_CANCELLED;
    return ps->duplicate.entry ? BATCH_DUPLICATE : BATCH_FINE;
}
