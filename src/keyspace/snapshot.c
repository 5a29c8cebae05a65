/* Snapshots: one struct frozen for the dataset, one frozen view for each database's table. */
#include "keyspace/keyspace_int.h"

struct frozen_db {
    struct table_frozen table;
    size_t expires, timed;
};

struct dataset_frozen {
    struct dataset *dataset;
    struct db_contents *dropped; /* since the freeze, waiting for the thaw */
    size_t dropped_bytes;        /* of them, about */
    struct access_rule access;
    unsigned count;
    struct frozen_db dbs[];
};

static size_t frozen_bytes(unsigned databases) {
    proven(databases > 0);
    return sizeof(struct dataset_frozen) + databases * sizeof(struct frozen_db);
}

struct dataset_frozen *dataset_freeze(struct dataset *ds) {
    proven(!ds->snapshot);
    struct dataset_frozen *z = mem_alloc_zeroed(MEM_LIMBO, frozen_bytes(ds->count));
    z->dataset = ds;
    z->access = ds->access;
    z->count = ds->count;
    frozen_begin(&ds->frozen);
    for (unsigned i = 0; i < ds->count; i++) {
        table_freeze(&ds->dbs[i].contents.table, &z->dbs[i].table);
        z->dbs[i].expires = ds->dbs[i].contents.expires;
        z->dbs[i].timed = ds->dbs[i].contents.timed;
    }
    ds->snapshot = z;
    debug_proven(dataset_sound(ds));
    return z;
}

void snapshot_keep_contents(struct dataset *ds, struct db_contents *list, size_t bytes) {
    proven(ds->snapshot != NULL);
    ds->snapshot->dropped_bytes += bytes;
    awaited_add(ds->awaited, (int64_t)bytes);
    while (list) {
        struct db_contents *next = list->next;
        list->next = ds->snapshot->dropped;
        ds->snapshot->dropped = list;
        list = next;
    }
}

/* What the snapshot kept alive, freed by the reaper. */
struct leftover {
    struct limbo *limbo;
    struct db_contents *dropped;
};

static void leftover_free_job(void *arg) {
    struct leftover *l = arg;
    proven(l != NULL);
    limbo_free(l->limbo);
    contents_free_list(l->dropped);
    mem_free(MEM_LIMBO, l, sizeof *l);
}

/* A table knows its view, wherever SWAPDB or a flush has put it since. */
static void contents_thaw(struct db_contents *c) {
    if (c->table.frozen) table_thaw(&c->table, c->table.frozen);
    proven(!c->table.frozen);
}

void dataset_thaw(struct dataset *ds, struct dataset_frozen *frozen) {
    proven(frozen && ds->snapshot == frozen);
    for (unsigned i = 0; i < ds->count; i++) contents_thaw(&ds->dbs[i].contents);
    for (struct db_contents *c = frozen->dropped; c; c = c->next) contents_thaw(c);
    struct leftover *l = mem_alloc(MEM_LIMBO, sizeof *l);
    struct parting *p = parting_new(ds, leftover_free_job, l, frozen->dropped_bytes);
    awaited_add(ds->awaited, -(int64_t)frozen->dropped_bytes); /* the parting's now */
    l->dropped = frozen->dropped;
    l->limbo = frozen_end(&ds->frozen);
    ds->snapshot = NULL;
    debug_proven(dataset_sound(ds));
    mem_free(MEM_LIMBO, frozen, frozen_bytes(frozen->count));
    dataset_defer(ds, parting_run, p);
}

bool dataset_is_frozen(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return ds->snapshot != NULL;
}

size_t dataset_limbo_bytes(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return ds->frozen.bytes;
}

size_t dataset_limbo_peak_bytes(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return ds->frozen.peak_bytes;
}

/* ---- the reader's side ---- */
unsigned dataset_frozen_databases(const struct dataset_frozen *z) {
    proven(z->count > 0);
    return z->count;
}

const struct dataset *dataset_of_frozen(const struct dataset_frozen *z) {
    proven(z->dataset != NULL);
    return z->dataset;
}

static const struct frozen_db *frozen_db(const struct dataset_frozen *z, unsigned db_index) {
    proven(db_index < z->count);
    return &z->dbs[db_index];
}

size_t dataset_frozen_keys(const struct dataset_frozen *z, unsigned db_index) {
    return frozen_db(z, db_index)->table.count;
}

size_t dataset_frozen_timed(const struct dataset_frozen *z) {
    size_t timed = 0;
    proven(z->count > 0);
    for (unsigned i = 0; i < z->count; i++) timed += z->dbs[i].timed;
    return timed;
}

size_t dataset_frozen_expires(const struct dataset_frozen *z, unsigned db_index) {
    return frozen_db(z, db_index)->expires;
}

struct frozen_visit {
    bool (*visit)(void *arg, const struct entry *e, uint32_t access);
    void *arg;
};

static bool visit_frozen(void *arg, const table_slot *slot) {
    const struct frozen_visit *v = arg;
    const struct entry *e = table_slot_entry(slot);
    debug_proven(entry_sound(e));
    return v->visit(v->arg, e, access_word(slot, e));
}

bool dataset_frozen_each(struct dataset_frozen *z, unsigned db_index,
                         bool (*visit)(void *arg, const struct entry *e, uint32_t access), void *arg) {
    proven(db_index < z->count);
    struct frozen_visit v = {visit, arg};
    return table_frozen_each(&z->dbs[db_index].table, visit_frozen, &v);
}

int64_t dataset_frozen_idle_seconds(const struct dataset_frozen *z, uint32_t access) {
    proven(access <= ACCESS_CLOCK_MASK);
    return access_idle_seconds(&z->access, access);
}

uint8_t dataset_frozen_frequency(const struct dataset_frozen *z, uint32_t access) {
    proven(access <= ACCESS_CLOCK_MASK);
    return access_decayed(&z->access, access);
}
