#include "persist/batch_int.h"

#include "base/check.h"
#include "mem/mem.h"

#define FIRST_CAPACITY 64
#define CANCEL_EVERY   4096 /* keys: under 2 ms */

void batch_maker_init(struct batch_maker *m, struct record_rules *rules) {
    m->window = (struct rdb_reader){NULL, NULL};
    m->rules = rules;
    rdb_input_init(&m->in, &m->window);
    proven(rules && rules->limits && !m->in.more);
}

void batch_maker_release(struct batch_maker *m) {
    proven(m->in.window == &m->window);
    rdb_input_release(&m->in);
}

void batch_init(struct batch *b) { *b = (struct batch){0}; }

void batch_release(struct batch *b) {
    proven(b->count <= b->capacity);
    for (size_t i = 0; i < b->count; i++)
        if (b->keys[i].is_made && b->keys[i].made.entry) entry_free(b->keys[i].made.entry);
    mem_free(MEM_PERSIST, b->keys, b->capacity * sizeof(*b->keys));
    batch_init(b);
}

void batch_grow(struct batch *b) {
    size_t capacity = b->capacity ? 2 * b->capacity : FIRST_CAPACITY;
    proven(capacity <= BATCH_MAX);
    b->keys = mem_realloc(MEM_PERSIST, b->keys, b->capacity * sizeof(*b->keys), capacity * sizeof(*b->keys));
    b->capacity = capacity;
    proven(b->count < b->capacity);
}

struct slice batch_key_text(const struct batch_key *k) {
    debug_proven(!k->is_made || k->made.entry);
    return k->is_made ? entry_key(k->made.entry) : slice_of(k->raw.key, k->raw.key_len);
}

/* ---- making ---- */
/* Any kind of record. False: m->in.why. */
static bool make_other(const struct batch_key *k, struct batch_maker *m, struct slice key, const unsigned char *end,
                       struct entry **e) {
    m->window.at = (const unsigned char *)key.ptr + key.len;
    m->window.end = end;
    enum record_result result = record_make(&m->in, m->rules, k->type, key, k->expire_at, k->offset, e);
    if (unlikely(result == RECORD_BROKEN)) return false;
    proven(m->window.at == end && (*e != NULL) == (result == RECORD_MADE)); /* as the scan has found it */
    return true;
}

static bool make_key(struct batch_key *k, struct batch_maker *m, struct slice key) {
    const unsigned char *value = (const unsigned char *)key.ptr + key.len, *end = value + k->raw.value_bytes;
    struct entry *e = NULL;
    if (likely(k->type == RDB_TYPE_STRING)) e = record_make_short(value, end, key, k->expire_at);
    if (unlikely(!e) && !make_other(k, m, key, end, &e)) return false;
    k->made.entry = e;
    k->is_made = true;
    return true;
}

enum batch_result batch_make(struct batch *b, struct batch_maker *m, const struct dataset *ds,
                             const _Atomic bool *cancelled) {
    proven(b->count <= b->capacity);
    m->in.why = NULL; /* of another batch */
    for (size_t i = 0; i < b->count; i++) {
        struct batch_key *k = &b->keys[i];
        if (i % CANCEL_EVERY == 0 && atomic_load_explicit(cancelled, memory_order_relaxed)) return BATCH_CANCELLED;
        struct slice key = batch_key_text(k);
        uint64_t hash = dataset_hash(ds, key);
        if (!k->is_made && unlikely(!make_key(k, m, key))) {
            b->fault = i;
            b->why = m->in.why;
            b->noticed = m->in.noticed;
            return BATCH_BROKEN;
        }
        k->made.hash = hash;
    }
    return BATCH_FINE;
}
