#include "persist/batch_int.h"

#include "base/check.h"
#include "mem/mem.h"

#define FIRST_CAPACITY 64
#define SORT_BITS      14   /* by the upper bits only: a few segments of a large table have one value in common */
#define SORT_MIN       1024 /* fewer keys are taken as they come */
#define AHEAD          8    /* keys that are prefetched before their turn */
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

/* ---- adopting ---- */
void batch_order_release(struct batch_order *o) {
    mem_free(MEM_PERSIST, o->places, o->capacity * sizeof *o->places);
    *o = (struct batch_order){0};
}

static unsigned sort_value(const struct batch *b, size_t i) {
    debug_proven(i < b->count && b->keys[i].is_made);
    return (unsigned)(b->keys[i].made.hash >> (64 - SORT_BITS));
}

static void place(struct batch_order *o, size_t at, const struct batch *b, size_t i) {
    const struct batch_key *k = &b->keys[i];
    debug_proven(at < o->capacity && k->is_made);
    o->places[at] = (struct batch_place){k->made.entry, k->made.hash, k->access, (uint32_t)i};
}

/* A counting sort, stable: of two equal keys the later in the file stays the later. */
static void sort(struct batch_order *o, const struct batch *b) {
    uint32_t starts[(1 << SORT_BITS) + 1] = {0};
    for (size_t i = 0; i < b->count; i++) starts[sort_value(b, i) + 1]++;
    for (size_t v = 0; v < 1 << SORT_BITS; v++) starts[v + 1] += starts[v];
    for (size_t i = 0; i < b->count; i++) place(o, starts[sort_value(b, i)]++, b, i);
    proven(starts[(1 << SORT_BITS) - 1] == b->count);
}

static void find_order(struct batch_order *o, const struct batch *b) {
    if (o->capacity < b->count) {
        batch_order_release(o);
        o->capacity = b->capacity;
        o->places = mem_alloc(MEM_PERSIST, o->capacity * sizeof *o->places);
    }
    if (b->count >= SORT_MIN) {
        sort(o, b);
        return;
    }
    for (size_t i = 0; i < b->count; i++) place(o, i, b, i);
    proven(b->count <= o->capacity);
}

/* Three steps, AHEAD keys apart: the entry and the directory word, the bucket, the like-tagged entry. */
static void prefetch(const struct batch_place *places, size_t count, const struct db *db, size_t i) {
    debug_proven(i < count);
    if (i + 3 * AHEAD < count) {
        __builtin_prefetch(places[i + 3 * AHEAD].entry);
        db_prefetch(db, places[i + 3 * AHEAD].hash, 0);
    }
    if (i + 2 * AHEAD < count) db_prefetch(db, places[i + 2 * AHEAD].hash, 1);
    if (i + AHEAD < count) db_prefetch(db, places[i + AHEAD].hash, 2);
}

/* Up to the first that cannot be: how many of the places are done with. */
static size_t adopt_places(const struct batch_place *places, size_t count, struct db *db, const _Atomic bool *cancelled,
                           size_t *adopted, enum batch_result *result) {
    *result = BATCH_FINE;
    *adopted = 0;
    for (size_t i = 0; i < count; i++) {
        const struct batch_place *p = &places[i];
        prefetch(places, count, db, i);
        if (i % CANCEL_EVERY == 0 && atomic_load_explicit(cancelled, memory_order_relaxed)) *result = BATCH_CANCELLED;
        if (unlikely(!p->entry)) continue;
        if (*result == BATCH_FINE && unlikely(!db_adopt(db, p->hash, p->entry, p->access))) *result = BATCH_DUPLICATE;
        if (unlikely(*result != BATCH_FINE)) return i;
        ++*adopted;
    }
    proven(*adopted <= count);
    return count;
}

size_t batch_adopt(struct batch *b, struct batch_order *order, struct db *db, const _Atomic bool *cancelled,
                   enum batch_result *result) {
    size_t adopted;
    proven(b->count <= BATCH_MAX);
    find_order(order, b);
    size_t done = adopt_places(order->places, b->count, db, cancelled, &adopted, result);
    if (*result == BATCH_FINE) {
        b->count = 0;
        return adopted;
    }
    for (size_t i = 0; i < done; i++) b->keys[order->places[i].index].made.entry = NULL; /* the database's */
    b->fault = order->places[done].index;
    return adopted;
}
