/* Values that are not strings: begin an edit, end it. What a snapshot may still read is copied at the begin (a pack, an intset)
 * or forked (a head), and what that replaced goes to limbo at the end, when a new entry takes the slot.
 *
 * Small packs and intsets lie in the entry. An edit works on a copy outside; at the end it goes back, in place when the entry's
 * block has the size for it. That costs two short copies, and saves a block, a pointer and their rounding for every key. */
#include "keyspace/keyspace_int.h"

/* A value that has hung outside comes back into the entry only well below the limit, so that it does not go to and fro. */
#define INLINE_AGAIN_MAX (ENTRY_INLINE_MAX / 2)

static struct frozen *reachable(struct db *db, bool reached) {
    debug_proven(db_sound(db));
    return reached ? &db->dataset->frozen : NULL;
}

/* A pack or intset of the edit's own with the same bytes. */
static void *copy_block(struct value v) {
    proven(v.form != VALUE_HEAD);
    size_t n = value_block_size(v);
    return memcpy(mem_alloc(value_kind(v.type)->owner, n), v.ptr, n);
}

static void begin_head(struct db *db, struct db_edit *e) {
    struct value *v = &e->edit.value;
    struct value_head *head = v->ptr;
    e->edit.f = reachable(db, e->reached);
    if (likely(!frozen_shared(e->edit.f, head->birth))) return;
    v->ptr = value_kind(v->type)->head_fork(head, e->edit.f);
    e->renewed = true;
    proven(((struct value_head *)v->ptr)->birth == db->dataset->frozen.generation);
}

static bool begin_present(struct db *db, struct key key, table_slot *slot, struct db_edit *e) {
    const struct entry *old = table_slot_entry(slot);
    struct reach reach = slot_reach(db, key.hash, slot);
    debug_proven(slice_equal(entry_key(old), key.text));
    if (entry_type(old) != e->edit.value.type) return false;
    e->edit.value = entry_object(old);
    e->block = mem_good_size(entry_size(old));
    e->was = account_measure_value(e->block, entry_is_separate(old), e->edit.value);
    e->elements_due = entry_elements_due(old);
    e->reached = reach.value;
    if (e->edit.value.form == VALUE_HEAD) {
        begin_head(db, e);
    } else if (!entry_is_separate(old) || reach.value) {
        e->edit.value.ptr = copy_block(e->edit.value);
        e->renewed = true;
    }
    debug_proven(e->renewed || !e->reached || e->edit.value.form == VALUE_HEAD); /* no pack that a snapshot reads */
    return true;
}

bool db_edit_begin(struct db *db, struct key key, enum value_type type, struct db_edit *e) {
    struct dataset *ds = db->dataset;
    table_slot *slot = db_live_slot(db, &key);
    proven(type > TYPE_STRING && type < TYPE_COUNT);
    *e = (struct db_edit){
        .edit = {.value = {NULL, type, VALUE_PACK}, .limits = &ds->limits, .now_ms = ds->horizon_ms},
        .slot = slot,
        .elements_due = INT64_MAX,
    };
    if (slot) return begin_present(db, key, slot, e);
    /* What is made now is born now, so that it is not taken for older later. */
    e->edit.f = reachable(db, ds->frozen.live && table_awaited(&db->contents.table, key.hash));
    return true;
}

/* ---- the end ---- */
static void free_doomed_job(void *limbo) {
    proven(limbo != NULL);
    limbo_free(limbo);
}

/* Nothing has been changed, and the edit works on a copy: it is not needed. A fork is, as the old head has gone to limbo: whatever
 * became of it, another form too, is the value now. */
static bool copied_for_nothing(const struct db_edit *e, bool changed) {
    if (changed || !e->renewed || e->edit.value.form == VALUE_HEAD) return false;
    proven(e->slot && e->edit.value.ptr);
    return entry_object(table_slot_entry(e->slot)).form != VALUE_HEAD;
}

static enum db_edited end_absent(struct db *db, struct key key, struct db_edit *e) {
    proven(!e->slot && e->elements_due == INT64_MAX && !e->renewed);
    if (!e->edit.value.ptr) return DB_EDIT_ABSENT;
    insert_entry(db, key.hash, entry_new_object(key.text, e->edit.value, NO_EXPIRE), access_fresh(db->dataset));
    return DB_EDIT_ADDED;
}

/* The value of the old entry, if it was copied, is the snapshot's; if not, the edit has dropped or moved it. */
static bool old_value_left(const struct db_edit *e, const struct entry *old) {
    debug_proven(!e->renewed || e->slot);
    return e->renewed && entry_is_separate(old) && entry_object(old).form != VALUE_HEAD;
}

static enum db_edited end_emptied(struct db *db, struct key key, struct db_edit *e) {
    struct dataset *ds = db->dataset;
    struct reach reach = slot_reach(db, key.hash, e->slot);
    bool value_left = old_value_left(e, table_slot_entry(e->slot));
    proven(!reach.entry || db->dataset->frozen.live);
    struct entry *old = table_remove(&db->contents.table, &ds->frozen, key.hash, e->slot);
    if (entry_has_expire(old)) expiry_moved(db, key.hash, entry_expire_at(old), NO_EXPIRE);
    expiry_elements_moved(db, key.hash, e->elements_due, INT64_MAX);
    account_left(db, key.hash, &e->was);
    if (value_left)
        entry_dispose(ds, old, reach);
    else
        block_dispose(ds, old, reach.entry);
    return DB_EDIT_REMOVED;
}

static void plan_edited(struct entry_plan *p, const struct db_edit *e, const struct entry *old) {
    proven(entry_type(old) == e->edit.value.type);
    plan_from(p, old);
    bool was_separate = p->separate, marked = entry_marked_shared(old);
    p->separate = false;
    entry_plan_object(p, e->edit.value, was_separate ? INLINE_AGAIN_MAX : ENTRY_INLINE_MAX);
    /* The parts of a head stay reachable, however often it is forked. */
    if (marked && e->edit.value.form == VALUE_HEAD) p->encoding = OBJECT_HEAD_SHARED;
}

/* In the slot's entry itself. The plan does not change the entry's size, or both are pointers. */
static bool stay_in_place(struct db *db, struct key key, struct db_edit *e, const struct entry_plan *p) {
    struct entry *old = table_slot_entry(e->slot);
    debug_proven(entry_has_expire(old) == (p->expire_at != NO_EXPIRE)); /* an edit leaves the TTL alone */
    if (p->separate && entry_is_separate(old) && !slot_reach(db, key.hash, e->slot).entry && !old_value_left(e, old)) {
        entry_set_encoding(old, p->encoding);
        entry_set_pointer(old, e->edit.value.ptr);
        access_touch(db->dataset, e->slot, old);
        struct measure is = account_measure_value(e->block, true, e->edit.value);
        account_changed(db, key.hash, &e->was, &is);
        return true;
    }
    if (!fits_in_place(db, key.hash, e->slot, p)) return false;
    overwrite_in_place(db, key.hash, e->slot, p, e->was.elements);
    return true;
}

static void end_stays(struct db *db, struct key key, struct db_edit *e) {
    struct entry_plan plan;
    struct entry *old = table_slot_entry(e->slot);
    struct value v = e->edit.value;
    /* What goes back into the table is this edit's own. */
    proven(v.form != VALUE_HEAD || !frozen_shared(e->edit.f, ((struct value_head *)v.ptr)->birth));
    plan_edited(&plan, e, old);
    if (!stay_in_place(db, key, e, &plan)) {
        bool value_left = old_value_left(e, old);
        replace_entry(db, key.hash, e->slot, entry_build(&plan), &e->was, !value_left);
    }
    if (!plan.separate) value_free(v);
}

void dataset_settle(struct dataset *ds, struct value_edit *e) {
    debug_proven(dataset_sound(ds));
    if (likely(!e->doomed)) return;
    dataset_defer(ds, free_doomed_job, e->doomed);
    e->doomed = NULL;
}

void dataset_discard(struct dataset *ds, struct value v) {
    debug_proven(dataset_sound(ds));
    if (!v.ptr) return;
    if (v.form == VALUE_HEAD && value_blocks(v) > VALUE_FREES_MAX)
        dataset_defer(ds, value_kind(v.type)->head_free, v.ptr);
    else
        value_free(v);
}

enum db_edited db_edit_end(struct db *db, struct key key, struct db_edit *e, bool changed) {
    enum db_edited result = DB_EDIT_STAYS;
    if (unlikely(e->edit.doomed != NULL)) {
        db->dataset->stats.lazyfreed++;
        dataset_settle(db->dataset, &e->edit);
    }
    if (!e->slot) {
        result = end_absent(db, key, e);
    } else if (!e->edit.value.ptr) {
        result = end_emptied(db, key, e);
    } else if (copied_for_nothing(e, changed)) {
        value_free(e->edit.value);
    } else {
        int64_t due = e->edit.value.form == VALUE_HEAD ? value_elements_due(e->edit.value) : INT64_MAX;
        end_stays(db, key, e);
        expiry_elements_moved(db, key.hash, e->elements_due, due);
    }
    debug_proven(changed || result == DB_EDIT_STAYS || result == DB_EDIT_ABSENT);
    if (changed) db_tell_changed(db, key.text);
    return result;
}

void db_put_value(struct db *db, struct key key, struct value adopted, int64_t expire_at) {
    proven(adopted.ptr && key.text.len <= ENTRY_KEY_MAX);
    struct entry_plan plan = {.key = key.text, .expire_at = expire_at, .type = adopted.type};
    entry_plan_object(&plan, adopted, ENTRY_INLINE_MAX);
    put_plan(db, &key, db_live_slot(db, &key), &plan);
    if (!plan.separate) value_free(adopted);
}

/* ---- elements whose time has come ---- */
struct elements_gone {
    struct db *db;
    struct slice key;
};

static void tell_element_expired(void *arg, struct slice element) {
    const struct elements_gone *gone = arg;
    const struct keyspace_hooks *hooks = &gone->db->dataset->hooks;
    if (hooks->element_expired) hooks->element_expired(hooks->arg, gone->db, gone->key, element);
}

size_t db_expire_elements(struct db *db, struct key key, size_t max) {
    struct db_edit e;
    struct dataset *ds = db->dataset;
    const struct value_kind *kind = value_kind(TYPE_HASH);
    proven(max > 0 && kind->expire_due);
    struct elements_gone gone = {db, key.text};
    if (!db_edit_begin(db, key, TYPE_HASH, &e)) return 0;
    size_t n = kind->expire_due(&e.edit, max, tell_element_expired, &gone);
    enum db_edited end = db_edit_end(db, key, &e, n > 0);
    ds->stats.expired_elements += n;
    if (n > 0 && ds->hooks.elements_expired)
        ds->hooks.elements_expired(ds->hooks.arg, db, key.text, end == DB_EDIT_REMOVED);
    return n;
}
