#include "keyspace/defrag.h"

#include "keyspace/keyspace_int.h"

static void count_key(struct dataset_defrag *d, bool moved) {
    debug_proven(d->mem.moved > 0 || !moved);
    if (moved)
        d->keys_moved++;
    else
        d->keys_kept++;
}

/* ---- large values ---- */
static void put_off(struct dataset_defrag *d, uint64_t hash) {
    proven(d->later_count < DEFRAG_LATER_MAX);
    d->later[d->later_count++] = hash;
}

/* Hashes of 64 bits that are equal belong to one key, or another one is walked in its place: no harm. */
struct wanted_hash {
    const struct dataset *dataset;
    uint64_t hash;
};

static bool has_hash(const void *entry, const void *arg) {
    const struct wanted_hash *w = arg;
    debug_proven(entry_sound(entry));
    return dataset_hash(w->dataset, entry_key(entry)) == w->hash;
}

/* The entry with a head whose turn it is; NULL when it has gone meanwhile or is another kind of value. */
static struct entry *later_entry(struct dataset *ds, const struct dataset_defrag *d) {
    struct wanted_hash wanted = {ds, d->later[d->later_count - 1]};
    table_slot *slot = table_find(&ds->dbs[d->db].contents.table, wanted.hash, has_hash, &wanted);
    struct entry *e = slot ? table_slot_entry(slot) : NULL;
    bool head = e && entry_type(e) != TYPE_STRING && entry_object(e).form == VALUE_HEAD;
    debug_proven(!head || entry_is_separate(e));
    return head ? e : NULL;
}

static void later_ended(struct dataset_defrag *d, bool met) {
    proven(d->later_count > 0);
    if (met && d->value_moved) count_key(d, true);
    d->later_count--;
    d->value_moved = false;
    d->value = (struct value_defrag){0};
}

/* The type may change between two pieces (DEL, then another command on the key): then the value's walk begins anew. */
static void later_step(struct dataset *ds, struct dataset_defrag *d) {
    struct entry *e = later_entry(ds, d);
    uint64_t before = d->mem.moved;
    if (!e) {
        later_ended(d, false);
        return;
    }
    struct value v = entry_object(e);
    if (d->value.mem == NULL || d->value_type != v.type) d->value = (struct value_defrag){.mem = &d->mem};
    d->value_type = v.type;
    proven(v.form == VALUE_HEAD);
    void *moved = value_defrag(v, &d->value);
    if (moved != v.ptr) entry_set_pointer(e, moved);
    d->value_moved |= d->mem.moved > before;
    if (d->value.done) later_ended(d, true);
}

/* ---- entries ---- */
static void defrag_object(struct dataset_defrag *d, struct entry *e, uint64_t hash) {
    struct value v = entry_object(e);
    struct value_defrag walk = {.mem = &d->mem};
    debug_proven(entry_is_separate(e));
    if (v.form == VALUE_HEAD && (value_blocks(v) > d->piece || value_blocks(v) > DEFRAG_PIECE_MAX)) {
        put_off(d, hash);
        return;
    }
    while (!walk.done) v.ptr = value_defrag(v, &walk);
    entry_set_pointer(e, v.ptr);
}

struct bucket_walk {
    struct dataset *dataset;
    struct dataset_defrag *defrag;
};

static void defrag_slot(void *arg, table_slot *slot) {
    struct dataset_defrag *d = ((struct bucket_walk *)arg)->defrag;
    struct entry *e = table_slot_entry(slot), *moved;
    uint64_t before = d->mem.moved;
    moved = mem_defrag(&d->mem, entry_owner(entry_type(e)), e, entry_size(e));
    if (moved != e) table_slot_moved(slot, moved);
    if (entry_has_body(moved)) {
        struct string_body *body = entry_body(moved);
        entry_set_pointer(moved, mem_defrag(&d->mem, MEM_STRINGS, body, string_body_size(body)));
    } else if (entry_is_separate(moved)) {
        defrag_object(d, moved, dataset_hash(((struct bucket_walk *)arg)->dataset, entry_key(moved)));
    }
    debug_proven(entry_sound(moved));
    count_key(d, d->mem.moved > before);
}

/* False at the end of the last database. */
static bool next_database(struct dataset *ds, struct dataset_defrag *d) {
    proven(d->later_count == 0);
    d->table_ended = false;
    if (++d->db < ds->count) return true;
    d->db = 0;
    d->passes++;
    return false;
}

bool dataset_defrag_step(struct dataset *ds, struct dataset_defrag *d) {
    proven(!ds->frozen.live);
    if (d->db >= ds->count) d->db = d->later_count = 0; /* another dataset has taken the place, with fewer */
    if (d->later_count > 0) {
        later_step(ds, d);
        return true;
    }
    struct bucket_walk walk = {ds, d};
    struct table *t = &ds->dbs[d->db].contents.table;
    if (d->table_ended) return next_database(ds, d);
    if (d->cursor == 0) table_defrag_directory(t, &d->mem);
    d->cursor = table_defrag(t, d->cursor, &d->mem, defrag_slot, &walk);
    d->table_ended = d->cursor == 0;
    return true;
}
