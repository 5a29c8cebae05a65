/* What is on its way out but still counted at its owner: values that the reaper has yet to free, or that a live snapshot may
 * still read. Who evicts keys must not take these bytes for bytes in use, or it would take out the whole dataset while they
 * wait. */
#include "keyspace/keyspace_int.h"

#include <stdatomic.h>

/* Outlives the dataset for as long as one of its jobs waits. */
struct awaited {
    _Atomic int64_t bytes;
    int64_t handed; /* all that was ever added, which only the owner's thread does */
    _Atomic unsigned holders;
};

struct parting {
    void (*release)(void *);
    void *value;
    int64_t bytes;
    struct awaited *awaited;
};

struct awaited *awaited_new(void) {
    struct awaited *a = mem_alloc_zeroed(MEM_TABLE, sizeof *a);
    a->holders = 1;
    return a;
}

void awaited_drop(struct awaited *a) {
    unsigned holders = atomic_fetch_sub_explicit(&a->holders, 1, memory_order_acq_rel);
    proven(holders > 0);
    if (holders == 1) mem_free(MEM_TABLE, a, sizeof *a);
}

void awaited_add(struct awaited *a, int64_t bytes) {
    int64_t before = atomic_fetch_add_explicit(&a->bytes, bytes, memory_order_relaxed);
    a->handed += bytes;
    proven(before + bytes >= 0);
}

struct parting *parting_new(struct dataset *ds, void (*release)(void *), void *value, size_t bytes) {
    struct parting *p = mem_alloc(MEM_LIMBO, sizeof *p);
    proven(release && value && bytes <= INT64_MAX);
    *p = (struct parting){release, value, (int64_t)bytes, ds->awaited};
    atomic_fetch_add_explicit(&ds->awaited->holders, 1, memory_order_relaxed);
    awaited_add(ds->awaited, p->bytes);
    return p;
}

void parting_run(void *arg) {
    struct parting *p = arg;
    proven(p->release != NULL);
    p->release(p->value);
    atomic_fetch_sub_explicit(&p->awaited->bytes, p->bytes, memory_order_release);
    awaited_drop(p->awaited);
    mem_free(MEM_LIMBO, p, sizeof *p);
}

size_t dataset_awaited_bytes(const struct dataset *ds) {
    int64_t bytes = atomic_load_explicit(&ds->awaited->bytes, memory_order_acquire);
    proven(bytes >= 0);
    return (size_t)bytes;
}

int64_t dataset_handed_bytes(const struct dataset *ds) {
    debug_proven(ds->awaited != NULL);
    return ds->awaited->handed;
}
