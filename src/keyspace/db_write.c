/* Changes. The frozen rule, here in one place: an entry that a live snapshot may still read is never written; a new entry
 * takes its slot, and its block and body wait in limbo. */
#include "keyspace/keyspace_int.h"

#include "base/num.h"

struct reach slot_reach(const struct db *db, uint64_t hash, const table_slot *slot) {
    if (likely(!db->dataset->frozen.live)) return (struct reach){false, false};
    const struct entry *e = table_slot_entry(slot);
    debug_proven(db->dataset->snapshot && entry_sound(e));
    bool shared = table_entry_shared(&db->contents.table, hash, slot);
    bool head = entry_type(e) != TYPE_STRING && entry_encoding(e) == OBJECT_HEAD;
    return (struct reach){shared,
                          shared || entry_marked_shared(e) || (head && table_awaited(&db->contents.table, hash))};
}

/* ---- dropping ---- */
static void free_body_job(void *body) {
    proven(body != NULL);
    string_body_free(body);
}

static void defer_free(struct dataset *ds, void (*job)(void *), void *value, size_t bytes) {
    debug_proven(job && value);
    ds->stats.lazyfreed++;
    dataset_defer(ds, parting_run, parting_new(ds, job, value, bytes));
}

static void body_dispose(struct dataset *ds, struct string_body *body, bool reached) {
    proven(!reached || ds->frozen.live);
    if (reached)
        frozen_limbo(&ds->frozen, MEM_STRINGS, body, string_body_size(body), 0);
    else if (string_body_size(body) > DEFER_BYTES_MIN)
        defer_free(ds, free_body_job, body, mem_good_size(string_body_size(body)));
    else
        string_body_free(body);
}

static void object_dispose(struct dataset *ds, struct value v, bool reached) {
    const struct value_kind *kind = value_kind(v.type);
    proven(!reached || ds->frozen.live);
    if (reached && v.form == VALUE_HEAD)
        frozen_limbo_value(&ds->frozen, parting_run, parting_new(ds, kind->head_free, v.ptr, value_memory(v)));
    else if (reached)
        frozen_limbo(&ds->frozen, kind->owner, v.ptr, value_block_size(v), 0);
    else if (v.form == VALUE_HEAD && value_blocks(v) > VALUE_FREES_MAX)
        defer_free(ds, kind->head_free, v.ptr, value_memory(v));
    else
        value_free(v);
}

void block_dispose(struct dataset *ds, struct entry *e, bool shared) {
    debug_proven(entry_sound(e) && (!shared || ds->frozen.live));
    enum mem_owner owner = entry_owner(entry_type(e));
    if (unlikely(shared))
        frozen_limbo(&ds->frozen, owner, e, entry_size(e), 0);
    else
        mem_free(owner, e, entry_size(e));
}

void entry_dispose(struct dataset *ds, struct entry *e, struct reach reach) {
    proven(!reach.value || ds->frozen.live);
    if (unlikely(entry_has_body(e)))
        body_dispose(ds, entry_body(e), reach.value);
    else if (unlikely(entry_is_separate(e)))
        object_dispose(ds, entry_object(e), reach.value);
    block_dispose(ds, e, reach.entry);
}

struct entry *take_slot(struct db *db, uint64_t hash, table_slot *slot, struct reach *reach) {
    *reach = slot_reach(db, hash, slot);
    struct measure was = entry_measure(table_slot_entry(slot));
    struct entry *e = table_remove(&db->contents.table, &db->dataset->frozen, hash, slot);
    debug_proven(entry_sound(e) && dataset_hash(db->dataset, entry_key(e)) == hash);
    if (entry_has_expire(e)) expiry_moved(db, hash, entry_expire_at(e), NO_EXPIRE);
    expiry_elements_moved(db, hash, entry_elements_due(e), INT64_MAX);
    account_left(db, hash, &was);
    return e;
}

static void drop_slot(struct db *db, uint64_t hash, table_slot *slot) {
    struct reach reach;
    struct entry *e = take_slot(db, hash, slot, &reach);
    entry_dispose(db->dataset, e, reach);
}

void db_expire_slot(struct db *db, uint64_t hash, table_slot *slot) {
    struct dataset *ds = db->dataset;
    proven(entry_expired(ds, table_slot_entry(slot)));
    struct reach reach;
    struct entry *e = take_slot(db, hash, slot, &reach);
    ds->stats.expired_keys++;
    if (ds->hooks.expired) ds->hooks.expired(ds->hooks.arg, db, entry_key(e));
    entry_dispose(ds, e, reach);
}

void db_evict_slot(struct db *db, uint64_t hash, table_slot *slot) {
    struct dataset *ds = db->dataset;
    struct reach reach;
    struct entry *e = take_slot(db, hash, slot, &reach);
    debug_proven(db_sound(db));
    ds->stats.evicted_keys++;
    if (ds->hooks.evicted) ds->hooks.evicted(ds->hooks.arg, db, entry_key(e));
    entry_dispose(ds, e, reach);
}

bool db_delete(struct db *db, struct key key) {
    table_slot *slot = db_live_slot(db, &key);
    if (!slot) return false;
    drop_slot(db, key.hash, slot);
    debug_proven(!db_slot(db, &key));
    db_tell_changed(db, key.text);
    return true;
}

/* ---- putting entries into the table ---- */
table_slot *insert_entry(struct db *db, uint64_t hash, struct entry *e, uint32_t access) {
    debug_proven(dataset_hash(db->dataset, entry_key(e)) == hash);
    proven(access <= ACCESS_CLOCK_MASK);
    entry_set_access(e, (uint8_t)(access >> 16));
    table_slot *slot = table_insert(&db->contents.table, &db->dataset->frozen, hash, e, (uint16_t)access);
    if (entry_has_expire(e)) expiry_moved(db, hash, NO_EXPIRE, entry_expire_at(e));
    expiry_elements_moved(db, hash, INT64_MAX, entry_elements_due(e));
    account_entered(db, hash, e);
    const struct keyspace_hooks *hooks = &db->dataset->hooks;
    if (unlikely(hooks->added != NULL)) hooks->added(hooks->arg, db, entry_key(e));
    return slot;
}

void replace_entry(struct db *db, uint64_t hash, table_slot *slot, struct entry *fresh, const struct measure *was,
                   bool keep_value) {
    struct dataset *ds = db->dataset;
    struct entry *old = table_slot_entry(slot);
    struct reach reach = slot_reach(db, hash, slot);
    proven(fresh != old);
    debug_proven(slice_equal(entry_key(fresh), entry_key(old)));
    entry_set_access(fresh, entry_access(old));
    slot = table_writable(&db->contents.table, &ds->frozen, hash, slot);
    table_slot_replace(&db->contents.table, slot, fresh);
    access_touch(ds, slot, fresh);
    expiry_moved(db, hash, entry_expire_at(old), entry_expire_at(fresh));
    struct measure is = entry_measure(fresh);
    account_changed(db, hash, was, &is);
    if (keep_value) {
        block_dispose(ds, old, reach.entry);
        return;
    }
    entry_dispose(ds, old, reach);
}

bool fits_in_place(const struct db *db, uint64_t hash, const table_slot *slot, const struct entry_plan *p) {
    const struct entry *e = table_slot_entry(slot);
    debug_proven(entry_sound(e));
    if (entry_type(e) != p->type || entry_is_separate(e) || p->separate) return false;
    if (entry_has_expire(e) != (p->expire_at != NO_EXPIRE)) return false;
    size_t have = entry_size(e), want = entry_plan_size(p);
    return (have == want || mem_good_size(have) == mem_good_size(want)) && !slot_reach(db, hash, slot).entry;
}

void overwrite_in_place(struct db *db, uint64_t hash, table_slot *slot, const struct entry_plan *p, size_t had) {
    struct entry *e = table_slot_entry(slot);
    int64_t old_at = entry_expire_at(e);
    debug_proven(!slot_reach(db, hash, slot).entry);
    entry_overwrite(e, p);
    access_touch(db->dataset, slot, e);
    size_t has = entry_elements(e);
    if (had != has) account_recounted(db, entry_type(e), had, has);
    if (unlikely(old_at != p->expire_at)) expiry_moved(db, hash, old_at, p->expire_at);
}

static void put_over(struct db *db, uint64_t hash, table_slot *slot, struct entry *fresh) {
    int64_t due = entry_elements_due(table_slot_entry(slot));
    struct measure was = entry_measure(table_slot_entry(slot));
    debug_proven(slot && fresh);
    replace_entry(db, hash, slot, fresh, &was, false);
    expiry_elements_moved(db, hash, due, entry_elements_due(fresh));
}

void put_plan(struct db *db, const struct key *key, table_slot *slot, const struct entry_plan *p) {
    debug_proven(!slot || key_matches(table_slot_entry(slot), &p->key));
    if (!slot)
        insert_entry(db, key->hash, entry_build(p), access_fresh(db->dataset));
    else if (fits_in_place(db, key->hash, slot, p))
        overwrite_in_place(db, key->hash, slot, p, entry_elements(table_slot_entry(slot)));
    else
        put_over(db, key->hash, slot, entry_build(p));
    db_tell_changed(db, key->text);
}

static int64_t put_expire_at(const table_slot *slot, int64_t expire_at, unsigned flags) {
    debug_proven(flags <= (PUT_KEEP_EXPIRE | PUT_RAW | PUT_NOT_INTEGER));
    if (likely(!(flags & PUT_KEEP_EXPIRE))) return expire_at;
    return slot ? entry_expire_at(table_slot_entry(slot)) : NO_EXPIRE;
}

static bool plan_body(struct entry_plan *p, struct slice value) {
    proven(p->type == TYPE_STRING && p->encoding != STRING_INT);
    struct string_body *body = string_body_try_new(value.len, value.len);
    if (!body) return false;
    memcpy(body->bytes, value.ptr, value.len);
    entry_plan_pointer(p, STRING_BODY, body);
    return true;
}

/* The body in whose place one of this size may be; NULL: there is none. */
static struct string_body *body_like(const struct db *db, uint64_t hash, const table_slot *slot,
                                     const struct entry_plan *p, size_t size) {
    const struct entry *e = slot ? table_slot_entry(slot) : NULL;
    if (!e || !entry_has_body(e) || entry_has_expire(e) != (p->expire_at != NO_EXPIRE)) return NULL;
    struct string_body *body = entry_body(e);
    struct reach reach = slot_reach(db, hash, slot);
    proven(!reach.entry || reach.value);
    if (reach.value || mem_good_size(string_body_size(body)) != mem_good_size(size)) return NULL;
    return body;
}

/* A long value over another of about its length goes into the same body. */
static bool put_into_body(struct db *db, const struct key *key, table_slot *slot, struct entry_plan *p,
                          struct slice value) {
    struct string_body *body = body_like(db, key->hash, slot, p, sizeof *body + value.len);
    if (!body || value.len > body->capacity) return false;
    size_t had = body->len;
    memmove(body->bytes, value.ptr, value.len);
    body->len = value.len;
    proven(body->len <= body->capacity);
    entry_plan_pointer(p, STRING_BODY, body);
    overwrite_in_place(db, key->hash, slot, p, had);
    db_tell_changed(db, key->text);
    return true;
}

bool db_put_string(struct db *db, struct key key, struct slice value, int64_t expire_at, unsigned flags) {
    proven(key.text.len <= ENTRY_KEY_MAX);
    table_slot *slot = db_live_slot(db, &key);
    struct entry_plan plan = {.key = key.text, .expire_at = put_expire_at(slot, expire_at, flags), .type = TYPE_STRING};
    if (unlikely(!entry_plan_inline(&plan, value, flags))) {
        if (put_into_body(db, &key, slot, &plan, value)) return true;
        if (!plan_body(&plan, value)) return false;
    }
    put_plan(db, &key, slot, &plan);
    return true;
}

/* What replaces a body of about its length takes its place in the entry. The old block goes at once, if it is not very long: the next value
 * of this length will lie there, in memory that has just been touched, where the hand-over to another thread would cost more than that. */
#define REPLACED_FREE_MAX ((size_t)1 << 20)
static bool put_body_in_place(struct db *db, const struct key *key, table_slot *slot, struct entry_plan *p,
                              struct string_body *adopted) {
    struct string_body *old = body_like(db, key->hash, slot, p, string_body_size(adopted));
    if (!old) return false;
    size_t had = old->len;
    overwrite_in_place(db, key->hash, slot, p, had);
    proven(entry_body(table_slot_entry(slot)) == adopted);
    if (string_body_size(old) <= REPLACED_FREE_MAX)
        string_body_free(old);
    else
        body_dispose(db->dataset, old, false);
    db_tell_changed(db, key->text);
    return true;
}

void db_put_body(struct db *db, struct key key, struct string_body *adopted, int64_t expire_at, unsigned flags) {
    proven(key.text.len <= ENTRY_KEY_MAX && adopted->len > ENTRY_INLINE_MAX);
    table_slot *slot = db_live_slot(db, &key);
    struct entry_plan plan = {.key = key.text, .expire_at = put_expire_at(slot, expire_at, flags), .type = TYPE_STRING};
    entry_plan_pointer(&plan, STRING_BODY, adopted);
    if (!put_body_in_place(db, &key, slot, &plan, adopted)) put_plan(db, &key, slot, &plan);
}

void db_put_integer(struct db *db, struct key key, int64_t value, int64_t expire_at, unsigned flags) {
    proven(key.text.len <= ENTRY_KEY_MAX);
    table_slot *slot = db_live_slot(db, &key);
    struct entry_plan plan = {.key = key.text, .expire_at = put_expire_at(slot, expire_at, flags), .type = TYPE_STRING};
    entry_plan_integer(&plan, value);
    put_plan(db, &key, slot, &plan);
}

bool db_adopt(struct db *db, uint64_t hash, struct entry *e, int64_t access) {
    debug_proven(entry_sound(e) && access >= -1);
    struct slice text = entry_key(e);
    struct key key = {text, hash};
    if (db_slot(db, &key)) return false;
    insert_entry(db, hash, e, access_from(db->dataset, access));
    db_tell_changed(db, text);
    return true;
}

void db_reserve(struct db *db, size_t n) {
    debug_proven(db_sound(db));
    if (!db->contents.table.directory) table_reserve(&db->contents.table, n);
}

void db_fit(struct db *db) {
    debug_proven(db_sound(db));
    table_fit(&db->contents.table, &db->dataset->frozen);
}

/* ---- editing ---- */
void plan_from(struct entry_plan *p, const struct entry *e) {
    debug_proven(entry_sound(e));
    *p = (struct entry_plan){.key = entry_key(e),
                             .expire_at = entry_expire_at(e),
                             .type = entry_type(e),
                             .encoding = entry_encoding(e),
                             .separate = entry_is_separate(e),
                             .value = slice_of((const char *)entry_value(e), e->value_len)};
}

/* A new entry will stand around the same value while a snapshot may read it through the old one. */
static void plan_share(struct entry_plan *p, struct reach reach) {
    debug_proven(p->type < TYPE_COUNT);
    if (reach.value) p->encoding = encoding_shared(p->type, p->encoding);
}

/* How much an appended-to string asks for: twice its length, at most 1 MiB more. */
static size_t with_slack(size_t len) {
    proven(len <= INT64_MAX); /* proto-max-bulk-len may be all of that: whether there is memory is asked later */
    return len + (len < (1u << 20) ? len : 1u << 20);
}

/* A body of its own with a prefix of text, the rest zero. */
static struct string_body *body_from(struct slice text, size_t len) {
    size_t keep = text.len < len ? text.len : len;
    struct string_body *body = string_body_try_new(len, len > text.len ? with_slack(len) : len);
    if (!body) return NULL;
    if (keep) memcpy(body->bytes, text.ptr, keep);
    memset(body->bytes + keep, 0, len - keep);
    proven(body->len == len && len <= body->capacity);
    return body;
}

static char *edit_inline(struct db *db, const struct key *key, table_slot *slot, struct slice text, size_t len) {
    char bytes[ENTRY_INLINE_MAX] = {0};
    proven(text.len <= ENTRY_INLINE_MAX && len <= ENTRY_INLINE_MAX);
    struct entry_plan plan;
    struct measure was = entry_measure(table_slot_entry(slot));
    memcpy(bytes, text.ptr, text.len < len ? text.len : len);
    plan_from(&plan, table_slot_entry(slot));
    plan.encoding = STRING_RAW;
    plan.value = slice_of(bytes, len);
    if (fits_in_place(db, key->hash, slot, &plan)) {
        overwrite_in_place(db, key->hash, slot, &plan, was.elements);
        return (char *)(uintptr_t)entry_value(table_slot_entry(slot));
    }
    struct entry *fresh = entry_build(&plan);
    replace_entry(db, key->hash, slot, fresh, &was, false);
    return (char *)(uintptr_t)entry_value(fresh);
}

/* From inline, or from a body that must stay as it is. */
static char *edit_into_new_body(struct db *db, const struct key *key, table_slot *slot, struct slice text, size_t len) {
    struct entry_plan plan;
    struct measure was = entry_measure(table_slot_entry(slot));
    struct string_body *body = body_from(text, len);
    if (!body) return NULL;
    debug_proven(body->bytes != text.ptr);
    plan_from(&plan, table_slot_entry(slot));
    entry_plan_pointer(&plan, STRING_BODY, body);
    replace_entry(db, key->hash, slot, entry_build(&plan), &was, false);
    return body->bytes;
}

static char *edit_body(struct db *db, const struct key *key, table_slot *slot, size_t len) {
    struct entry *e = table_slot_entry(slot);
    struct measure was = entry_measure(e);
    struct string_body *body = string_body_resize(entry_body(e), len);
    if (!body) return NULL;
    proven(body->len == len);
    entry_set_pointer(e, body);
    entry_set_encoding(e, STRING_BODY);
    access_touch(db->dataset, slot, e);
    struct measure is = entry_measure(e);
    account_changed(db, key->hash, &was, &is);
    return body->bytes;
}

char *db_edit_string(struct db *db, struct key key, size_t new_len) {
    table_slot *slot = db_live_slot(db, &key);
    proven(slot != NULL);
    const struct entry *e = table_slot_entry(slot);
    char scratch[NUM_TEXT_MAX], *bytes;
    struct slice text = entry_string(e, scratch);
    proven(new_len <= INT64_MAX);
    if (!entry_has_body(e) && new_len <= ENTRY_INLINE_MAX)
        bytes = edit_inline(db, &key, slot, text, new_len);
    else if (entry_has_body(e) && !slot_reach(db, key.hash, slot).value)
        bytes = edit_body(db, &key, slot, new_len);
    else
        bytes = edit_into_new_body(db, &key, slot, text, new_len);
    if (bytes) db_tell_changed(db, key.text);
    return bytes;
}

void db_set_expire(struct db *db, struct key key, int64_t at_ms) {
    table_slot *slot = db_live_slot(db, &key);
    proven(slot != NULL);
    struct entry *e = table_slot_entry(slot);
    struct reach reach = slot_reach(db, key.hash, slot);
    if (!reach.entry && entry_has_expire(e) && at_ms != NO_EXPIRE) {
        int64_t old_at = entry_expire_at(e);
        entry_set_expire_at(e, at_ms);
        expiry_moved(db, key.hash, old_at, at_ms);
    } else if (entry_expire_at(e) != at_ms) {
        struct entry_plan plan;
        struct measure was = entry_measure(e);
        plan_from(&plan, e);
        plan.expire_at = at_ms;
        plan_share(&plan, reach);
        replace_entry(db, key.hash, slot, entry_build(&plan), &was, true);
    }
    db_tell_changed(db, key.text);
}

/* ---- RENAME, MOVE, COPY ---- */
static void drop_target(struct db *to, const struct key *target) {
    debug_proven(db_sound(to));
    table_slot *slot = db_live_slot(to, target);
    if (slot) drop_slot(to, target->hash, slot);
}

void db_move_key(struct db *from, struct key source, struct db *to, struct key target) {
    proven(from->dataset == to->dataset);
    if (from == to && slice_equal(source.text, target.text)) return;
    drop_target(to, &target);
    table_slot *slot = db_live_slot(from, &source);
    proven(slot != NULL);
    uint32_t access = access_word(slot, table_slot_entry(slot));
    struct reach reach;
    struct entry *old = take_slot(from, source.hash, slot, &reach);
    struct entry_plan plan;
    plan_from(&plan, old);
    plan.key = target.text;
    plan_share(&plan, reach);
    insert_entry(to, target.hash, entry_build(&plan), access);
    block_dispose(from->dataset, old, reach.entry);
    db_tell_changed(from, source.text);
    db_tell_changed(to, target.text);
}

static bool plan_copy(struct entry_plan *p, struct value v) {
    struct value copy;
    proven(p->type == v.type && v.ptr);
    if (!value_copy(v, &copy)) return false;
    entry_plan_object(p, copy, 0);
    return true;
}

bool db_copy_key(struct db *from, struct key source, struct db *to, struct key target) {
    proven(from->dataset == to->dataset && (from != to || !slice_equal(source.text, target.text)));
    table_slot *slot = db_live_slot(from, &source);
    proven(slot != NULL);
    const struct entry *e = table_slot_entry(slot);
    uint32_t access = access_word(slot, e);
    char scratch[NUM_TEXT_MAX];
    struct entry_plan plan;
    plan_from(&plan, e);
    plan.key = target.text;
    if (entry_has_body(e) && !plan_body(&plan, entry_string(e, scratch))) return false;
    if (entry_type(e) != TYPE_STRING && plan.separate && !plan_copy(&plan, entry_object(e))) return false;
    struct entry *copy = entry_build(&plan);
    drop_target(to, &target);
    insert_entry(to, target.hash, copy, access);
    db_tell_changed(to, target.text);
    return true;
}
