#include "keyspace/eviction.h"

#include "keyspace/keyspace_int.h"

/* Where fewer keys than one in so many have a TTL, those are drawn from the calendar instead of the table. */
#define SPARSE_BELOW 16
/* What one call looks at when most of it may not go. */
#define BUCKETS_MAX 64
#define DRAWN_MAX   16

static struct db_contents *contents_at(struct dataset *ds, unsigned db) {
    proven(db < ds->count);
    return &ds->dbs[db].contents;
}

static bool is_sparse(const struct db_contents *c) {
    debug_proven(contents_sound(c));
    return c->expires < c->table.count / SPARSE_BELOW;
}

static size_t eligible_keys(const struct db_contents *c, const struct eviction_rule *rule) {
    debug_proven(contents_sound(c));
    return rule->only_expiring ? c->expires : c->table.count;
}

bool dataset_may_evict(const struct dataset *ds, const struct eviction_rule *rule) {
    debug_proven(dataset_sound(ds));
    if (rule->order == EVICTION_OFF) return false;
    for (unsigned i = 0; i < ds->count; i++) {
        if (eligible_keys(&ds->dbs[i].contents, rule) > 0) return true;
    }
    return false;
}

/* ---- candidates ---- */
/* 255 is the highest counter; among equals the one whose counter was touched longer ago. */
static uint64_t frequency_score(const struct access_rule *access, uint32_t word) {
    uint32_t counter = access_decayed(access, word);
    proven(counter <= UINT8_MAX);
    return (uint64_t)(UINT8_MAX - counter) << 32 | access_decay_age(access, word);
}

/* Equals are told apart by chance. By their place it would be the newest of each bucket, again and again: a clock of seconds has
 * many equals in a small cache. */
#define TIE_BITS 16
static uint64_t with_chance(struct dataset *ds, uint64_t score) {
    proven(score >> (64 - TIE_BITS) == 0);
    return score << TIE_BITS | random_next(&ds->random) >> (64 - TIE_BITS);
}

static uint64_t score_of(struct dataset *ds, enum eviction_order order, const table_slot *slot) {
    const struct entry *e = table_slot_entry(slot);
    debug_proven(order != EVICTION_OFF);
    switch (order) {
    case EVICTION_IDLE:
        return with_chance(ds, (uint64_t)access_idle_seconds(&ds->access, access_word(slot, e)));
    case EVICTION_FREQUENCY:
        return with_chance(ds, frequency_score(&ds->access, access_word(slot, e)));
    case EVICTION_TTL:
        return entry_has_expire(e) ? UINT64_MAX - (uint64_t)entry_expire_at(e) : 0;
    case EVICTION_RANDOM:
        return random_next(&ds->random);
    case EVICTION_OFF:
        break;
    }
    return 0;
}

static void remove_candidate(struct evictor *v, unsigned i) {
    proven(i < v->count);
    v->count--;
    memmove(v->candidates + i, v->candidates + i + 1, (v->count - i) * sizeof v->candidates[0]);
}

static void forget_same(struct evictor *v, const struct candidate *c) {
    debug_proven(v->count <= CANDIDATES_MAX);
    for (unsigned i = 0; i < v->count; i++) {
        if (v->candidates[i].hash != c->hash || v->candidates[i].db != c->db) continue;
        remove_candidate(v, i);
        return;
    }
}

/* Into its place; of more than there is room for the worst goes. */
static void add_candidate(struct evictor *v, const struct candidate *c) {
    proven(v->count <= CANDIDATES_MAX);
    forget_same(v, c);
    if (v->count == CANDIDATES_MAX) {
        if (c->score <= v->candidates[0].score) return;
        remove_candidate(v, 0);
    }
    unsigned i = v->count++;
    for (; i > 0 && v->candidates[i - 1].score > c->score; i--) v->candidates[i] = v->candidates[i - 1];
    v->candidates[i] = *c;
}

/* ---- looking at keys ---- */
struct look {
    struct dataset *dataset;
    const struct eviction_rule *rule;
    unsigned seen, wanted;
};

static bool worth_a_hash(const struct evictor *v, uint64_t score) {
    debug_proven(v->count <= CANDIDATES_MAX);
    return v->count < CANDIDATES_MAX || score > v->candidates[0].score;
}

static void look_at(void *arg, table_slot *slot) {
    struct look *look = arg;
    struct dataset *ds = look->dataset;
    struct evictor *v = &ds->evictor;
    const struct entry *e = table_slot_entry(slot);
    debug_proven(entry_sound(e));
    if (look->rule->only_expiring && !entry_has_expire(e)) return;
    look->seen++;
    uint64_t score = score_of(ds, look->rule->order, slot);
    if (!worth_a_hash(v, score)) return;
    add_candidate(v, &(struct candidate){score, dataset_hash(ds, entry_key(e)), v->db});
}

struct hash_wanted {
    const struct dataset *dataset;
    uint64_t hash;
};

static bool has_hash(const void *entry, const void *arg) {
    debug_proven(entry_sound(entry));
    const struct hash_wanted *want = arg;
    return dataset_hash(want->dataset, entry_key(entry)) == want->hash;
}

static table_slot *slot_of_hash(struct dataset *ds, unsigned db, uint64_t hash) {
    const struct hash_wanted want = {ds, hash};
    return table_find(&contents_at(ds, db)->table, hash, has_hash, &want);
}

/* Some of the few that have a TTL, by their references; those of keys that are gone go too. */
static void look_in_calendar(struct look *look, struct db_contents *c) {
    struct dataset *ds = look->dataset;
    uint64_t refs[DRAWN_MAX];
    bool retiring = c->retiring && random_below(&ds->random, 2);
    proven(c->calendar && c->expires > 0);
    size_t n = calendar_draw(retiring ? c->retiring : c->calendar, &ds->random, refs, DRAWN_MAX);
    for (size_t i = 0; i < n; i++) {
        table_slot *slot = slot_of_hash(ds, ds->evictor.db, refs[i]);
        if (!slot) continue;
        expiry_file_again(&ds->dbs[ds->evictor.db], refs[i], table_slot_entry(slot));
        if (entry_has_expire(table_slot_entry(slot))) look_at(look, slot);
    }
}

/* Bucket after bucket in hash order, database after database: each key once a round. */
static void look_around(struct look *look) {
    struct dataset *ds = look->dataset;
    struct evictor *v = &ds->evictor;
    unsigned passed = 0; /* databases */
    for (unsigned buckets = 0; look->seen < look->wanted && buckets < BUCKETS_MAX && passed <= ds->count;) {
        if (v->db >= ds->count) v->db = 0;
        struct db_contents *c = contents_at(ds, v->db);
        if (eligible_keys(c, look->rule) == 0) {
            v->cursor = 0;
        } else if (look->rule->only_expiring && is_sparse(c)) {
            look_in_calendar(look, c);
            v->cursor = 0; /* one draw, then the next database */
            buckets += DRAWN_MAX;
        } else {
            v->cursor = table_scan(&c->table, v->cursor, look_at, look);
            buckets++;
        }
        if (v->cursor != 0) continue;
        v->db++;
        passed++;
    }
}

/* ---- taking out ---- */
static void take_out(struct dataset *ds, const struct candidate *c, table_slot *slot) {
    struct db *db = &ds->dbs[c->db];
    proven(slot != NULL);
    if (entry_expired(ds, table_slot_entry(slot)))
        db_expire_slot(db, c->hash, slot);
    else
        db_evict_slot(db, c->hash, slot);
}

/* The best that is still what it was: one that has been used since takes its new place among the others. */
static bool take_best(struct dataset *ds, const struct eviction_rule *rule) {
    struct evictor *v = &ds->evictor;
    proven(v->count <= CANDIDATES_MAX);
    while (v->count > 0) {
        struct candidate c = v->candidates[--v->count];
        table_slot *slot = c.db < ds->count ? slot_of_hash(ds, c.db, c.hash) : NULL;
        if (!slot || (rule->only_expiring && !entry_has_expire(table_slot_entry(slot)))) continue;
        uint64_t score = rule->order == EVICTION_RANDOM ? c.score : score_of(ds, rule->order, slot);
        bool worse =
            score >> TIE_BITS < c.score >> TIE_BITS && v->count > 0 && v->candidates[v->count - 1].score > score;
        if (!worse) {
            take_out(ds, &c, slot);
            return true;
        }
        c.score = score;
        add_candidate(v, &c);
    }
    return false;
}

bool dataset_evict(struct dataset *ds, const struct eviction_rule *rule) {
    struct evictor *v = &ds->evictor;
    struct look look = {.dataset = ds, .rule = rule, .wanted = rule->samples};
    debug_proven(dataset_sound(ds) && rule->order != EVICTION_OFF);
    if (v->order != rule->order) v->count = 0;
    v->order = rule->order;
    look_around(&look);
    return take_best(ds, rule);
}
