#include "keyspace/dataset.h"

#include "keyspace/keyspace_int.h"

#define LFU_LOG_FACTOR_DEFAULT    10
#define LFU_DECAY_MINUTES_DEFAULT 1

static uint64_t entry_hash(const void *entry, const void *seed) {
    debug_proven(entry_sound(entry));
    struct slice key = entry_key(entry);
    return siphash13(seed, key.ptr, key.len);
}

void contents_init(struct db_contents *c, const struct dataset *ds) {
    proven(ds->count > 0);
    *c = (struct db_contents){0};
    table_init(&c->table, entry_hash, &ds->seed, MEM_TABLE);
}

void contents_move(struct db_contents *to, struct db_contents *from) {
    proven(to != from && contents_sound(from));
    *to = *from;
    table_move(&to->table, &from->table);
}

static size_t dataset_bytes(unsigned databases) {
    proven(databases <= INT32_MAX);
    return sizeof(struct dataset) + databases * sizeof(struct db);
}

struct dataset *dataset_new(unsigned databases, const struct siphash_seed *seed) {
    proven(databases > 0);
    struct dataset *ds = mem_alloc_zeroed(MEM_TABLE, dataset_bytes(databases));
    ds->seed = *seed;
    ds->count = databases;
    ds->active_expire = true;
    ds->next_expiry_ms = INT64_MAX;
    ds->limits = value_limits_default;
    ds->lfu_log_factor = LFU_LOG_FACTOR_DEFAULT;
    ds->access.lfu_decay_minutes = LFU_DECAY_MINUTES_DEFAULT;
    ds->awaited = awaited_new();
    frozen_init(&ds->frozen);
    random_init(&ds->random, seed->k0 ^ seed->k1);
    for (unsigned i = 0; i < databases; i++) {
        ds->dbs[i].dataset = ds;
        ds->dbs[i].index = i;
        contents_init(&ds->dbs[i].contents, ds);
    }
    debug_proven(dataset_sound(ds));
    return ds;
}

static void free_slot_entry(void *arg, table_slot *slot) {
    debug_proven(entry_sound(table_slot_entry(slot)));
    (void)arg;
    entry_free(table_slot_entry(slot));
}

static void contents_release(struct db_contents *c) {
    proven(contents_sound(c) && !c->table.frozen);
    accounts_close(c);
    table_each(&c->table, free_slot_entry, NULL);
    table_release(&c->table);
    expiry_release(c);
}

void contents_free_list(void *list) {
    for (struct db_contents *c = list, *next; c; c = next) {
        next = c->next;
        proven(next != c);
        contents_release(c);
        mem_free(MEM_TABLE, c, sizeof *c);
    }
}

void dataset_free(struct dataset *ds) {
    if (!ds) return;
    proven(!ds->snapshot);
    for (unsigned i = 0; i < ds->count; i++) contents_release(&ds->dbs[i].contents);
    libraries_free(ds);
    top_release(ds);
    awaited_drop(ds->awaited);
    mem_free(MEM_TABLE, ds, dataset_bytes(ds->count));
}

void dataset_set_hooks(struct dataset *ds, const struct keyspace_hooks *hooks) {
    proven(hooks != NULL);
    ds->hooks = *hooks;
}

void dataset_defer(struct dataset *ds, void (*job)(void *), void *arg) {
    proven(job != NULL);
    if (ds->hooks.defer)
        ds->hooks.defer(ds->hooks.arg, job, arg);
    else
        job(arg);
}

void dataset_set_access(struct dataset *ds, enum access_policy policy, int lfu_log_factor, int lfu_decay_minutes) {
    proven(lfu_log_factor >= 0 && lfu_decay_minutes >= 0);
    ds->lfu_log_factor = lfu_log_factor;
    ds->access.lfu_decay_minutes = lfu_decay_minutes;
    access_set_policy(ds, policy, dataset_keys(ds) == 0);
}

enum access_policy dataset_access(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return ds->access.policy;
}

void dataset_set_now(struct dataset *ds, int64_t now_ms) {
    debug_proven(dataset_sound(ds));
    if (ds->now_ms == now_ms) return;
    ds->now_ms = now_ms;
    if (!ds->keep_expired) ds->horizon_ms = now_ms;
    access_set_clock(ds);
}

void dataset_set_keep_expired(struct dataset *ds, bool keep) {
    ds->keep_expired = keep;
    ds->horizon_ms = keep ? INT64_MIN : ds->now_ms;
    debug_proven(dataset_sound(ds));
}

int64_t dataset_now(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return ds->now_ms;
}

int64_t dataset_horizon(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return ds->horizon_ms;
}

unsigned dataset_databases(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return ds->count;
}

struct db *dataset_db(struct dataset *ds, unsigned index) {
    proven(index < ds->count);
    return &ds->dbs[index];
}

const struct db *dataset_db_const(const struct dataset *ds, unsigned index) {
    proven(index < ds->count);
    return &ds->dbs[index];
}

uint64_t dataset_hash(const struct dataset *ds, struct slice key) {
    debug_proven(key.len == 0 || key.ptr != NULL);
    return siphash13(&ds->seed, key.ptr, key.len);
}

struct dataset_stats *dataset_stats(struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return &ds->stats;
}

const struct dataset_stats *dataset_stats_const(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return &ds->stats;
}

size_t dataset_keys(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    size_t n = 0;
    for (unsigned i = 0; i < ds->count; i++) n += ds->dbs[i].contents.table.count;
    return n;
}

/* Puts the database's contents on the list and gives it empty ones. Returns the keys that went. */
static size_t drop_contents(struct db *db, struct db_contents **list) {
    debug_proven(db_sound(db));
    struct db_contents *c = &db->contents;
    size_t keys = c->table.count;
    if (keys == 0 && !c->calendar) return 0;
    struct db_contents *dropped = mem_alloc(MEM_TABLE, sizeof *dropped);
    contents_move(dropped, c);
    contents_init(c, db->dataset);
    dropped->next = *list;
    *list = dropped;
    return keys;
}

/* What freeing them will give back. */
static size_t contents_bytes(const struct db_contents *c) {
    debug_proven(contents_sound(c));
    size_t bytes = c->table.bytes;
    for (int type = 0; c->accounts && type < TYPE_COUNT; type++) bytes += c->accounts[type].bytes;
    if (c->calendar) bytes += calendar_bytes(c->calendar);
    return bytes;
}

static void defer_contents(struct dataset *ds, struct db_contents *dropped, size_t bytes) {
    if (!dropped) return;
    proven(!ds->snapshot);
    dataset_defer(ds, parting_run, parting_new(ds, contents_free_list, dropped, bytes));
}

static void free_dataset_job(void *dataset) {
    proven(dataset != NULL);
    dataset_free(dataset);
}

void dataset_retire(struct dataset *ds, struct dataset *old) {
    proven(ds != old && !old->snapshot);
    size_t bytes = 0;
    for (unsigned i = 0; i < old->count; i++) bytes += contents_bytes(&old->dbs[i].contents);
    dataset_defer(ds, parting_run, parting_new(ds, free_dataset_job, old, bytes));
}

size_t dataset_flush(struct dataset *ds, int db_index, bool defer) {
    proven(db_index >= -1 && db_index < (int)ds->count);
    struct db_contents *dropped = NULL;
    unsigned first = db_index < 0 ? 0 : (unsigned)db_index, end = db_index < 0 ? ds->count : first + 1;
    size_t keys = 0, bytes = 0;
    for (unsigned i = first; i < end; i++) {
        bytes += contents_bytes(&ds->dbs[i].contents);
        keys += drop_contents(&ds->dbs[i], &dropped);
    }
    if (defer) ds->stats.lazyfreed += keys;
    if (ds->snapshot)
        snapshot_keep_contents(ds, dropped, bytes);
    else if (defer)
        defer_contents(ds, dropped, bytes);
    else
        contents_free_list(dropped);
    expiry_find_next(ds);
    top_flushed(ds, db_index);
    debug_proven(dataset_sound(ds));
    if (ds->hooks.flushed) ds->hooks.flushed(ds->hooks.arg, db_index);
    return keys;
}

void dataset_swap(struct dataset *ds, unsigned a, unsigned b) {
    proven(a < ds->count && b < ds->count);
    if (a == b) return;
    struct db_contents aside;
    contents_move(&aside, &ds->dbs[a].contents);
    contents_move(&ds->dbs[a].contents, &ds->dbs[b].contents);
    contents_move(&ds->dbs[b].contents, &aside);
    expiry_rebind(&ds->dbs[a]);
    expiry_rebind(&ds->dbs[b]);
    top_swapped(ds, a, b);
    debug_proven(db_sound(&ds->dbs[a]) && db_sound(&ds->dbs[b]));
}

void dataset_set_limits(struct dataset *ds, const struct value_limits *limits) {
    proven(limits->hash_max_listpack_entries >= 0);
    ds->limits = *limits;
}

const struct value_limits *dataset_limits(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return &ds->limits;
}
