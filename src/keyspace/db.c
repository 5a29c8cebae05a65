#include "keyspace/keyspace_int.h"

#include <stdio.h>

#define RANDOM_TRIES 100 /* against a database of expired keys: each one found is removed */

unsigned db_index(const struct db *db) {
    debug_proven(db_sound(db));
    return db->index;
}

size_t db_keys(const struct db *db) {
    debug_proven(db_sound(db));
    return db->contents.table.count;
}

size_t db_expires(const struct db *db) {
    debug_proven(db_sound(db));
    return db->contents.expires;
}

size_t db_table_bytes(const struct db *db) {
    debug_proven(db_sound(db));
    return db->contents.table.bytes;
}

int64_t db_average_ttl_ms(const struct db *db) {
    debug_proven(db_sound(db));
    const struct db_contents *c = &db->contents;
    if (c->expires == 0) return 0;
    int64_t average_at = (int64_t)(c->expire_sum / (__int128)c->expires);
    return average_at > db->dataset->now_ms ? average_at - db->dataset->now_ms : 0;
}

const struct entry *db_view(struct db *db, struct key key, unsigned flags) {
    debug_proven(flags <= (VIEW_NO_TOUCH | VIEW_NO_STATS | VIEW_QUIET));
    struct dataset *ds = db->dataset;
    table_slot *slot = db_live_slot(db, &key);
    if (unlikely(!slot)) {
        if (flags & VIEW_NO_STATS) return NULL;
        ds->stats.keyspace_misses++;
        if (unlikely(ds->hooks.missed != NULL) && !(flags & VIEW_QUIET)) ds->hooks.missed(ds->hooks.arg, db, key.text);
        return NULL;
    }
    struct entry *e = table_slot_entry(slot);
    if (likely(!(flags & VIEW_NO_STATS))) ds->stats.keyspace_hits++;
    if (likely(!(flags & VIEW_NO_TOUCH)) && likely(ds->access.policy != ACCESS_LRM)) access_touch(ds, slot, e);
    return e;
}

void db_prefetch(const struct db *db, uint64_t hash, int stage) {
    debug_proven(stage >= 0 && stage <= 2);
    table_prefetch(&db->contents.table, hash, stage);
}

struct live_visit {
    const struct dataset *dataset;
    void (*visit)(void *arg, const struct entry *e);
    void *arg;
};

static void visit_live(void *arg, table_slot *slot) {
    const struct live_visit *v = arg;
    const struct entry *e = table_slot_entry(slot);
    debug_proven(entry_sound(e));
    if (!entry_expired(v->dataset, e)) v->visit(v->arg, e);
}

uint64_t db_scan(struct db *db, uint64_t cursor, void (*visit)(void *arg, const struct entry *e), void *arg) {
    debug_proven(db_sound(db) && visit != NULL);
    struct live_visit v = {db->dataset, visit, arg};
    return table_scan(&db->contents.table, cursor, visit_live, &v);
}

void db_each(struct db *db, void (*visit)(void *arg, const struct entry *e), void *arg) {
    debug_proven(db_sound(db));
    struct live_visit v = {db->dataset, visit, arg};
    table_each(&db->contents.table, visit_live, &v);
}

const struct entry *db_random(struct db *db) {
    debug_proven(db_sound(db));
    struct dataset *ds = db->dataset;
    for (int i = 0; i < RANDOM_TRIES; i++) {
        table_slot *slot = table_random(&db->contents.table, &ds->random);
        if (!slot) return NULL;
        struct entry *e = table_slot_entry(slot);
        if (!entry_expired(ds, e)) return e;
        proven(!ds->keep_expired);
        db_expire_slot(db, dataset_hash(ds, entry_key(e)), slot);
    }
    return NULL;
}

size_t db_memory_usage(struct db *db, struct key key) {
    const table_slot *slot = db_live_slot(db, &key);
    if (!slot) return 0;
    const struct entry *e = table_slot_entry(slot);
    proven(db->contents.table.count > 0);
    size_t table_share = db->contents.table.bytes / db->contents.table.count;
    return entry_memory(e) + table_share + (entry_has_expire(e) ? sizeof(uint64_t) : 0);
}

size_t db_table_stats(const struct db *db, char *dst, size_t cap) {
    proven(cap >= DB_STATS_MAX);
    const struct db_contents *c = &db->contents;
    struct table_stats t;
    table_stats_read(&c->table, &t);
    int n = snprintf(
        dst, cap,
        "keys: %zu\nkeys with a TTL: %zu\nsegments: %zu (deepest: %zu)\nbuckets: %zu\ndirectory depth: %u\n"
        "displaced entries: %zu\ntable bytes: %zu\ncalendar references: %zu\ncalendar bytes: %zu\n",
        c->table.count, c->expires, t.segments, t.deepest_segments, t.buckets, t.depth, t.displaced, c->table.bytes,
        c->calendar ? calendar_count(c->calendar) : 0, c->calendar ? calendar_bytes(c->calendar) : 0);
    proven(n > 0 && (size_t)n < cap);
    return (size_t)n;
}
