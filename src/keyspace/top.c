/* The places: open addressing by the low bits of the key's hash (the table of keys uses the high ones), linear probing, at most
 * half full; what follows a place that is given up moves back, so there are no tombs. */
#include "keyspace/top.h"

#include "base/clock.h"
#include "keyspace/keyspace_int.h"

#define PLACES_MIN   64
#define PLACES_MAX   8192
#define FULL         (PLACES_MAX / 2)
#define KEPT         (FULL / 4)          /* after the floor has risen: rarely, as that is a walk over the places */
#define LOW          512                 /* fewer: refill */
#define CANDIDATES   (2 * TOP_SHOWN_MAX) /* some may have expired and still stand */
#define REFILL_SLICE 32                  /* buckets between two looks at the clock: ~20 us */

_Static_assert(LOW >= 2 * TOP_SHOWN_MAX && LOW < KEPT, "a refill starts before what is shown is short");

/* ---- places ---- */
/* The key's place, or the free one where it would be. */
static struct top_place *place_at(const struct top *t, uint64_t hash, uint32_t db) {
    size_t mask = t->capacity - 1, i = hash & mask;
    proven(t->count < t->capacity);
    while (t->places[i].bytes && (t->places[i].hash != hash || t->places[i].db != db)) i = (i + 1) & mask;
    return &t->places[i];
}

static struct top_place *place_find(const struct top *t, uint64_t hash, uint32_t db) {
    if (t->count == 0) return NULL;
    struct top_place *p = place_at(t, hash, db);
    debug_proven(p->bytes == 0 || p->bytes >= t->floor);
    return p->bytes ? p : NULL;
}

static void places_free(struct top *t) {
    proven(t->capacity <= PLACES_MAX);
    mem_free(MEM_OBSERVE, t->places, t->capacity * sizeof *t->places);
    t->places = NULL;
    t->capacity = t->count = 0;
}

/* Into an array of so many places: those that are kept. */
static void places_move(struct top *t, size_t capacity, bool (*keep)(void *arg, const struct top_place *p), void *arg) {
    struct top old = *t;
    proven(capacity <= PLACES_MAX && capacity > t->count / 2);
    t->places = mem_alloc_zeroed(MEM_OBSERVE, capacity * sizeof *t->places);
    t->capacity = capacity;
    t->count = 0;
    for (size_t i = 0; i < old.capacity; i++) {
        const struct top_place *p = &old.places[i];
        if (p->bytes == 0 || (keep && !keep(arg, p))) continue;
        *place_at(t, p->hash, p->db) = *p;
        t->count++;
    }
    places_free(&old);
}

static void place_remove(struct top *t, struct top_place *p) {
    size_t mask = t->capacity - 1, hole = (size_t)(p - t->places);
    proven(p->bytes && t->count > 0);
    for (size_t i = (hole + 1) & mask; t->places[i].bytes; i = (i + 1) & mask) {
        size_t home = t->places[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue; /* its home lies behind the hole */
        t->places[hole] = t->places[i];
        hole = i;
    }
    t->places[hole].bytes = 0;
    t->count--;
}

/* ---- the floor ---- */
/* The bytes of the nth biggest, digit by digit from the top one that any has. */
static size_t nth_biggest(const struct top *t, size_t n) {
    size_t found = 0, all = 1;
    proven(n > 0 && n <= t->count);
    for (size_t i = 0; i < t->capacity; i++) all |= t->places[i].bytes;
    for (int shift = (63 - __builtin_clzll(all)) / 8 * 8; shift >= 0; shift -= 8) {
        size_t counts[256] = {0};
        unsigned digit = 255;
        for (size_t i = 0; i < t->capacity; i++)
            if (t->places[i].bytes && t->places[i].bytes >> shift >> 8 == found)
                counts[t->places[i].bytes >> shift & 255]++;
        while (counts[digit] < n) n -= counts[digit--];
        found = found << 8 | digit;
    }
    return found;
}

struct above {
    size_t floor, equal_left;
};

static bool is_above(void *arg, const struct top_place *p) {
    struct above *a = arg;
    debug_proven(p->bytes > 0);
    if (p->bytes == a->floor && a->equal_left > 0) return a->equal_left--, true;
    return p->bytes > a->floor;
}

static void floor_rise(struct top *t) {
    struct above a = {.floor = nth_biggest(t, KEPT)};
    size_t above = 0;
    for (size_t i = 0; i < t->capacity; i++) above += t->places[i].bytes > a.floor;
    proven(above < KEPT && a.floor >= t->floor);
    a.equal_left = KEPT - above;
    places_move(t, t->capacity, is_above, &a);
    t->floor = a.floor;
    proven(t->count == KEPT);
    if (t->floor >= t->trusted) t->refilling = false; /* no key without a place was above that */
}

static void place_add(struct top *t, uint64_t hash, uint32_t db, size_t bytes) {
    proven(bytes >= t->floor && bytes > 0);
    if (2 * t->count == t->capacity) {
        if (t->capacity < PLACES_MAX)
            places_move(t, t->capacity ? 2 * t->capacity : PLACES_MIN, NULL, NULL);
        else
            floor_rise(t);
        if (bytes < t->floor) return;
    }
    struct top_place *p = place_at(t, hash, db);
    if (p->bytes == 0) t->count++;
    *p = (struct top_place){hash, bytes, db};
}

/* Above the floor always; on it, as long as there is room that the next ones above will not need soon. */
static bool is_wanted(const struct top *t, size_t bytes) {
    debug_proven(t->count <= FULL);
    return bytes > t->floor || (bytes == t->floor && bytes > 0 && t->count < KEPT);
}

void top_place_moved(struct db *db, uint64_t hash, size_t was, size_t is) {
    struct top *t = &db->dataset->top;
    struct top_place *p = was >= t->floor && was > 0 ? place_find(t, hash, db->index) : NULL;
    debug_proven(was || is);
    if (p && (is == 0 || is < t->floor))
        place_remove(t, p);
    else if (p)
        p->bytes = is;
    else if (is_wanted(t, is))
        place_add(t, hash, db->index, is);
}

/* ---- flushes ---- */
void top_release(struct dataset *ds) {
    struct top *t = &ds->top;
    places_free(t);
    *t = (struct top){0};
    proven(!t->places);
}

static bool is_of_other(void *arg, const struct top_place *p) {
    debug_proven(p->bytes > 0);
    return p->db != *(const unsigned *)arg;
}

void top_flushed(struct dataset *ds, int db_index) {
    struct top *t = &ds->top;
    unsigned db = (unsigned)db_index;
    proven(db_index >= -1);
    if (dataset_keys(ds) == 0)
        top_release(ds);
    else if (t->count > 0)
        places_move(t, t->capacity, is_of_other, &db);
}

void top_swapped(struct dataset *ds, unsigned a, unsigned b) {
    struct top *t = &ds->top;
    proven(a != b);
    for (size_t i = 0; i < t->capacity; i++) {
        struct top_place *p = &t->places[i];
        if (p->bytes && (p->db == a || p->db == b)) p->db = p->db == a ? b : a;
    }
    t->refill_db = 0; /* the walk does not know which of the two it has seen */
    t->refill_cursor = 0;
}

/* ---- refill ---- */
static void refill_visit(void *arg, table_slot *slot) {
    struct db *db = arg;
    struct top *t = &db->dataset->top;
    const struct entry *e = table_slot_entry(slot);
    size_t bytes = entry_memory(e);
    debug_proven(bytes > 0);
    if (!is_wanted(t, bytes)) return;
    uint64_t hash = dataset_hash(db->dataset, entry_key(e));
    if (!place_find(t, hash, db->index)) place_add(t, hash, db->index, bytes);
}

static bool is_short(const struct dataset *ds) {
    const struct top *t = &ds->top;
    debug_proven(dataset_sound(ds));
    return t->floor > 0 && t->count < LOW && t->count < dataset_keys(ds);
}

static void refill_start(struct top *t) {
    proven(!t->refilling);
    t->refilling = true;
    t->trusted = t->floor;
    t->floor = 0;
    t->refill_db = 0;
    t->refill_cursor = 0;
}

static void refill_step(struct dataset *ds) {
    struct top *t = &ds->top;
    struct db *db = &ds->dbs[t->refill_db];
    proven(t->refill_db < ds->count);
    for (int i = 0; i < REFILL_SLICE && t->refilling; i++) {
        t->refill_cursor = table_scan(&db->contents.table, t->refill_cursor, refill_visit, db);
        if (t->refill_cursor == 0) break;
    }
    if (t->refill_cursor == 0 && ++t->refill_db == ds->count) t->refilling = false;
}

bool dataset_top_refill(struct dataset *ds, int64_t budget_us) {
    struct top *t = &ds->top;
    debug_proven(dataset_sound(ds));
    if (!t->refilling && !is_short(ds)) return false;
    if (!t->refilling) refill_start(t);
    int64_t end_us = clock_mono_us() + budget_us;
    do refill_step(ds);
    while (t->refilling && clock_mono_us() < end_us);
    return t->refilling;
}

size_t dataset_top_sure(const struct dataset *ds) {
    const struct top *t = &ds->top;
    size_t sure = 0;
    debug_proven(dataset_sound(ds));
    if (t->count == dataset_keys(ds)) return SIZE_MAX;
    if (!t->refilling) return t->count;
    for (size_t i = 0; i < t->capacity; i++) sure += t->places[i].bytes > 0 && t->places[i].bytes >= t->trusted;
    return sure;
}

/* ---- showing ---- */
static bool is_bigger(const struct top_place *a, const struct top_place *b) {
    debug_proven(a->bytes && b->bytes);
    if (a->bytes != b->bytes) return a->bytes > b->bytes;
    return a->db != b->db ? a->db < b->db : a->hash < b->hash;
}

/* Puts p among the best so far, which are in order, the last of which may have to go. */
static size_t insert_in_order(const struct top_place **best, size_t n, size_t max, const struct top_place *p) {
    proven(n <= max);
    if (n == max && !is_bigger(p, best[n - 1])) return n;
    size_t low = 0, high = n < max ? n : n - 1;
    size_t count = high + 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (is_bigger(best[middle], p))
            low = middle + 1;
        else
            high = middle;
    }
    memmove(best + low + 1, best + low, (count - 1 - low) * sizeof *best);
    best[low] = p;
    return count;
}

struct hash_of_key {
    const struct dataset *dataset;
    uint64_t hash;
};

static bool has_hash(const void *entry, const void *arg) {
    const struct hash_of_key *k = arg;
    debug_proven(entry_sound(entry));
    return dataset_hash(k->dataset, entry_key(entry)) == k->hash;
}

/* NULL: its time has come. */
static const struct entry *place_entry(const struct dataset *ds, const struct top_place *p) {
    struct hash_of_key k = {ds, p->hash};
    proven(p->db < ds->count);
    table_slot *slot = table_find(&ds->dbs[p->db].contents.table, p->hash, has_hash, &k);
    const struct entry *e = slot ? table_slot_entry(slot) : NULL;
    return e && !entry_expired(ds, e) ? e : NULL;
}

void dataset_top(const struct dataset *ds, size_t n, void (*visit)(void *arg, const struct top_key *key), void *arg) {
    const struct top *t = &ds->top;
    const struct top_place *best[CANDIDATES];
    size_t count = 0, shown = 0;
    proven(n <= TOP_SHOWN_MAX && visit);
    for (size_t i = 0; i < t->capacity; i++)
        if (t->places[i].bytes) count = insert_in_order(best, count, CANDIDATES, &t->places[i]);
    for (size_t i = 0; i < count && shown < n; i++) {
        const struct entry *e = place_entry(ds, best[i]);
        if (!e) continue;
        struct measure m = entry_measure(e);
        struct top_key key = {entry_key(e), entry_key(e).len, best[i]->db, m.type, m.elements, m.bytes};
        visit(arg, &key);
        shown++;
    }
}
