/* Expiry on time: keys with a TTL are filed in their database's calendar by their hash.
 *
 * Invariant: a live key with a TTL has at least one reference at or before its time. More than one, and references of keys
 * that are gone, are garbage, as `SET k v EX 3600; DEL k` in a loop makes it. Memory is bounded by renewal: when references
 * outnumber the keys with a TTL twice and one for every 8 keys, a new calendar takes what is filed from now on, a few
 * buckets of the table are walked with every filing to bring in the rest, and then the old calendar is freed whole. */
#include "base/clock.h"
#include "keyspace/keyspace_int.h"
#include "mem/buf.h"

#define RENEWAL_SLACK              1024
#define RENEWAL_BUCKETS_PER_FILING 4
#define RENEWAL_BUCKETS_PER_SLICE  64
#define CLOCK_SET_BACK_MS          1000
#define DUE_AT_ONCE                CALENDAR_BATCH
#define DUE_WORK                   256

#define ELEMENTS_AT_ONCE           64 /* of one value; the next slice takes more */

static int64_t wanted_at(int64_t expire_at) { return expire_at < INT64_MAX ? expire_at + 1 : expire_at; }

/* When something of the entry expires first: itself, or an element of its value. INT64_MAX: never. */
static int64_t entry_wanted(const struct entry *e) {
    debug_proven(entry_sound(e));
    int64_t at = entry_has_expire(e) ? wanted_at(entry_expire_at(e)) : INT64_MAX, due = entry_elements_due(e);
    if (likely(due == INT64_MAX)) return at;
    return wanted_at(due) < at ? wanted_at(due) : at;
}

struct hash_match {
    uint64_t hash;
    const struct dataset *dataset;
};

static bool hash_matches(const void *entry, const void *arg) {
    debug_proven(entry_sound(entry));
    const struct hash_match *m = arg;
    if (!entry_has_expire(entry) && entry_elements_due(entry) == INT64_MAX) return false;
    return dataset_hash(m->dataset, entry_key(entry)) == m->hash;
}

static bool due_hash_matches(const void *entry, const void *arg) {
    const struct hash_match *m = arg;
    debug_proven(!m->dataset->keep_expired);
    return entry_expired(m->dataset, entry) && hash_matches(entry, arg);
}

static void prefetch(const struct db *db, const uint64_t *refs, size_t n) {
    debug_proven(n <= CALENDAR_BATCH);
    for (int stage = 0; stage < 3; stage++)
        for (size_t i = 0; i < n; i++) db_prefetch(db, refs[i], stage);
}

static int64_t reference_wanted(const struct db *db, uint64_t ref) {
    struct hash_match m = {ref, db->dataset};
    table_slot *slot = table_find(&db->contents.table, ref, hash_matches, &m);
    int64_t at = slot ? entry_wanted(table_slot_entry(slot)) : INT64_MAX;
    debug_proven(!slot || db->contents.expires + db->contents.timed > 0);
    return at == INT64_MAX ? -1 : at;
}

static void references_wanted(void *arg, const uint64_t *refs, int64_t *at_ms, size_t n) {
    const struct db *db = arg;
    prefetch(db, refs, n);
    for (size_t i = 0; i < n; i++) at_ms[i] = reference_wanted(db, refs[i]);
}

/* ---- renewal ---- */
static void renewal_visit(void *arg, table_slot *slot) {
    struct db *db = arg;
    const struct entry *e = table_slot_entry(slot);
    debug_proven(entry_sound(e) && db->contents.retiring);
    int64_t at = entry_wanted(e);
    if (at != INT64_MAX) calendar_file(db->contents.calendar, at, dataset_hash(db->dataset, entry_key(e)));
}

static void calendar_free_job(void *calendar) {
    proven(calendar != NULL);
    calendar_free(calendar);
}

static void renewal_step(struct db *db, int buckets) {
    struct db_contents *c = &db->contents;
    proven(c->retiring && c->calendar && buckets > 0);
    do c->renewal_cursor = table_scan(&c->table, c->renewal_cursor, renewal_visit, db);
    while (c->renewal_cursor != 0 && --buckets > 0);
    if (c->renewal_cursor != 0) return;
    dataset_defer(db->dataset, calendar_free_job, c->retiring);
    c->retiring = NULL;
}

static void renewal_start(struct db *db) {
    debug_proven(db_sound(db));
    struct db_contents *c = &db->contents;
    proven(c->calendar && !c->retiring);
    c->retiring = c->calendar;
    c->calendar = calendar_new(references_wanted, db, db->dataset->now_ms);
    c->renewal_cursor = 0;
}

static bool too_much_garbage(const struct db_contents *c) {
    debug_proven(c->calendar && !c->retiring);
    return calendar_count(c->calendar) > 2 * (c->expires + c->timed) + c->table.count / 8 + RENEWAL_SLACK;
}

static void file_reference(struct db *db, uint64_t hash, int64_t expire_at) {
    struct db_contents *c = &db->contents;
    int64_t at = wanted_at(expire_at);
    debug_proven(expire_at != NO_EXPIRE && c->expires + c->timed > 0);
    if (unlikely(!c->calendar)) c->calendar = calendar_new(references_wanted, db, db->dataset->now_ms);
    calendar_file(c->calendar, at, hash);
    if (at < db->dataset->next_expiry_ms) db->dataset->next_expiry_ms = at;
    if (unlikely(c->retiring != NULL))
        renewal_step(db, RENEWAL_BUCKETS_PER_FILING);
    else if (unlikely(too_much_garbage(c)))
        renewal_start(db);
}

void expiry_moved(struct db *db, uint64_t hash, int64_t old_at, int64_t new_at) {
    if (old_at == new_at) return;
    struct db_contents *c = &db->contents;
    if (old_at != NO_EXPIRE) {
        proven(c->expires > 0);
        c->expires--;
        c->expire_sum -= old_at;
    }
    if (new_at == NO_EXPIRE) return;
    c->expires++;
    c->expire_sum += new_at;
    if (old_at == NO_EXPIRE || new_at < old_at) file_reference(db, hash, new_at);
    proven(c->calendar != NULL);
}

void expiry_elements_moved(struct db *db, uint64_t hash, int64_t old_due, int64_t new_due) {
    if (likely(old_due == new_due)) return;
    struct db_contents *c = &db->contents;
    proven(old_due == INT64_MAX || c->timed > 0);
    if (old_due != INT64_MAX) c->timed--;
    if (new_due == INT64_MAX) return;
    c->timed++;
    if (new_due < old_due) file_reference(db, hash, new_due);
    proven(c->calendar != NULL);
}

void expiry_file_again(struct db *db, uint64_t ref, const struct entry *e) {
    int64_t at = entry_wanted(e);
    proven(db->contents.calendar != NULL);
    if (at != INT64_MAX) calendar_file(db->contents.calendar, at, ref);
}

void expiry_release(struct db_contents *c) {
    proven(!c->retiring || c->calendar);
    if (c->calendar) calendar_free(c->calendar);
    if (c->retiring) calendar_free(c->retiring);
    c->calendar = c->retiring = NULL;
}

void expiry_rebind(struct db *db) {
    debug_proven(db == &db->dataset->dbs[db->index]);
    if (db->contents.calendar) calendar_rebind(db->contents.calendar, db);
    if (db->contents.retiring) calendar_rebind(db->contents.retiring, db);
}

/* ---- taking what is due ---- */
static void expire_elements(struct db *db, uint64_t hash) {
    struct hash_match m = {hash, db->dataset};
    table_slot *slot = table_find(&db->contents.table, hash, hash_matches, &m);
    if (!slot || entry_elements_due(table_slot_entry(slot)) >= db->dataset->horizon_ms) return;
    struct slice key = entry_key(table_slot_entry(slot));
    proven(db->contents.timed > 0);
    struct buf copy; /* the entry may go */
    buf_init(&copy, MEM_EXPIRY);
    buf_append_slice(&copy, key);
    db_expire_elements(db, (struct key){buf_slice(&copy), hash}, ELEMENTS_AT_ONCE);
    buf_release(&copy);
}

/* A reference whose time has come: its key has expired, or elements of its value, or it has moved later and is filed again, or
 * is gone. */
static void settle_reference(struct db *db, uint64_t ref) {
    struct hash_match m = {ref, db->dataset};
    table_slot *slot = table_find(&db->contents.table, ref, due_hash_matches, &m);
    if (slot) {
        db_expire_slot(db, ref, slot);
        debug_proven(db_sound(db));
        return;
    }
    if (unlikely(db->contents.timed > 0)) expire_elements(db, ref);
    int64_t at = reference_wanted(db, ref);
    if (at >= 0) calendar_file(db->contents.calendar, at, ref);
}

/* One slice; true when more is due. */
static bool settle_due(struct db *db, struct calendar *calendar) {
    debug_proven(calendar == db->contents.calendar || calendar == db->contents.retiring);
    uint64_t refs[DUE_AT_ONCE];
    bool more;
    size_t n = calendar_take_due(calendar, db->dataset->now_ms, refs, DUE_AT_ONCE, DUE_WORK, &more);
    prefetch(db, refs, n);
    proven(n <= DUE_AT_ONCE);
    for (size_t i = 0; i < n; i++) settle_reference(db, refs[i]);
    return more;
}

static bool database_slice(struct db *db) {
    debug_proven(db_sound(db));
    struct db_contents *c = &db->contents;
    if (!c->calendar) return false;
    if (!c->retiring && calendar_hand_ms(c->calendar) > db->dataset->now_ms + CLOCK_SET_BACK_MS) renewal_start(db);
    if (c->retiring) renewal_step(db, RENEWAL_BUCKETS_PER_SLICE);
    bool more = settle_due(db, c->calendar);
    if (c->retiring) more = settle_due(db, c->retiring) || true;
    return more;
}

static int64_t database_next_ms(const struct db *db) {
    debug_proven(db_sound(db));
    const struct db_contents *c = &db->contents;
    if (!c->calendar) return INT64_MAX;
    return c->retiring ? db->dataset->now_ms : calendar_next_ms(c->calendar);
}

void expiry_find_next(struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    ds->next_expiry_ms = INT64_MAX;
    for (unsigned i = 0; i < ds->count; i++) {
        int64_t next = database_next_ms(&ds->dbs[i]);
        if (next < ds->next_expiry_ms) ds->next_expiry_ms = next;
    }
}

bool dataset_expire_due(struct dataset *ds, int64_t budget_us) {
    debug_proven(dataset_sound(ds));
    if (!ds->active_expire || ds->keep_expired || ds->next_expiry_ms > ds->now_ms) return false;
    int64_t start = clock_mono_us(), elapsed = 0;
    unsigned idle = 0; /* databases in a row with nothing due */
    while (idle < ds->count && elapsed < budget_us) {
        if (database_slice(&ds->dbs[ds->expire_cursor])) {
            idle = 0;
            elapsed = clock_mono_us() - start;
            continue;
        }
        idle++;
        ds->expire_cursor = (ds->expire_cursor + 1) % ds->count;
    }
    ds->stats.expire_cycle_us += (uint64_t)(clock_mono_us() - start);
    expiry_find_next(ds);
    return ds->next_expiry_ms <= ds->now_ms;
}

int64_t dataset_next_expiry_ms(const struct dataset *ds) {
    debug_proven(dataset_sound(ds));
    return ds->active_expire && !ds->keep_expired ? ds->next_expiry_ms : INT64_MAX;
}

void dataset_set_active_expire(struct dataset *ds, bool enabled) {
    debug_proven(dataset_sound(ds));
    ds->active_expire = enabled;
}
