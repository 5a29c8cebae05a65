/* Private to keyspace/: what a dataset and a database hold, and the steps its files share.
 *
 * A database is a shell with a fixed address (commands hold struct db *) around its contents: the table and the calendar.
 * FLUSHDB takes the contents out, SWAPDB exchanges those of two shells, a snapshot's view follows its table. */
#ifndef TARN_KEYSPACE_INT_H
#define TARN_KEYSPACE_INT_H

#include "base/random.h"
#include "keyspace/account.h"
#include "keyspace/calendar.h"
#include "keyspace/db.h"
#include "keyspace/eviction.h"
#include "keyspace/top.h"
#include "store/frozen.h"
#include "store/table.h"
#include "values/kind.h"

#define DEFER_BYTES_MIN   (64u * 1024) /* bodies above are freed by hooks.defer: below, the hand-over costs more */
#define ACCESS_CLOCK_MASK UINT32_C(0xffffff)

struct db_contents {
    struct table table;
    size_t expires;
    __int128 expire_sum;       /* of expire_at over all keys that have one: the average TTL in O(1) */
    size_t timed;              /* keys whose elements have times of their own */
    struct calendar *calendar; /* NULL until the first key with a TTL */
    struct calendar *retiring; /* while a renewal runs: the one that is being replaced */
    uint64_t renewal_cursor;
    struct account *accounts; /* one for each type; NULL until the first key */
    struct db_contents *next; /* in a list of dropped contents */
};

struct db {
    struct db_contents contents;
    struct dataset *dataset;
    unsigned index;
};

struct library;
struct awaited;

/* What an access word is read by; see access.c. */
struct access_rule {
    enum access_policy policy;
    uint32_t clock; /* LRU, LRM: seconds; LFU: minutes (16 bits) */
    int lfu_decay_minutes;
    bool mixed;     /* words of another policy may be left: those from before `since` */
    uint32_t since; /* by the clock */
};

/* A key that may be taken out soon. It is named by its hash: it may have gone since, or be in use again. */
struct candidate {
    uint64_t score, hash; /* the higher the score, the sooner */
    unsigned db;
};

/* The best candidates of the keys looked at so far, the best last, and where to look next: see eviction.c. */
#define CANDIDATES_MAX 16
struct evictor {
    struct candidate candidates[CANDIDATES_MAX];
    unsigned count;
    enum eviction_order order; /* by which the scores were given */
    unsigned db;
    uint64_t cursor; /* of table_scan in that database */
};

/* A key among the biggest: found again by its hash. bytes 0: a place that is free. */
struct top_place {
    uint64_t hash;
    size_t bytes;
    uint32_t db;
};

/* See top.c. */
struct top {
    struct top_place *places; /* capacity of them, by hash; NULL before the first */
    size_t capacity, count;
    size_t floor; /* keys without a place have at most so many bytes */
    /* While a refill runs: below `trusted` a place may be missing still. */
    bool refilling;
    size_t trusted;
    unsigned refill_db;
    uint64_t refill_cursor;
};

struct dataset {
    struct siphash_seed seed;
    struct library *libraries; /* in the order in which they came */
    int64_t now_ms;
    int64_t horizon_ms; /* a key whose time is below has expired: now_ms, or INT64_MIN while expired keys are kept */
    struct access_rule access;
    int lfu_log_factor;
    struct dataset_stats stats;
    struct keyspace_hooks hooks;
    struct frozen frozen;
    struct dataset_frozen *snapshot; /* the live one, or NULL */
    struct random random;
    struct evictor evictor;
    struct awaited *awaited;
    struct value_limits limits;
    struct top top;
    int64_t next_expiry_ms; /* lower bound over all databases */
    bool active_expire, keep_expired;
    unsigned expire_cursor; /* the database whose turn it is in dataset_expire_due */
    unsigned count;
    struct db dbs[];
};

/* ---- what holds between any two calls; asked by debug builds at every door ---- */
static inline bool entry_sound(const struct entry *e) {
    if ((uintptr_t)e % 16 != 0 || entry_type(e) >= TYPE_COUNT) return false;
    unsigned encoding = entry_encoding(e);
    if (entry_type(e) != TYPE_STRING) return encoding <= OBJECT_INLINE_INTS || e->value_len == sizeof(void *);
    if (encoding == STRING_EMBSTR) return e->value_len <= STRING_EMBSTR_MAX;
    return encoding == STRING_RAW || (encoding <= STRING_BODY_SHARED && e->value_len == 8);
}

static inline bool contents_sound(const struct db_contents *c) {
    return c->expires <= c->table.count && c->timed <= c->table.count && (!(c->expires + c->timed) || c->calendar) &&
           (!c->retiring || c->calendar);
}

static inline bool db_sound(const struct db *db) {
    return db == &db->dataset->dbs[db->index] && contents_sound(&db->contents);
}

static inline bool dataset_sound(const struct dataset *ds) {
    return ds->count > 0 && ds->frozen.live == (ds->snapshot != NULL) && ds->access.clock <= ACCESS_CLOCK_MASK &&
           ds->horizon_ms == (ds->keep_expired ? INT64_MIN : ds->now_ms);
}

/* ---- entry.c: building entries ---- */
/* What an entry is to hold. value is the value part as stored: inline bytes, or 8 bytes of `word` (int64 or pointer). */
struct entry_plan {
    struct slice key;
    int64_t expire_at;
    enum value_type type;
    unsigned encoding;
    bool separate; /* word is a pointer */
    struct slice value;
    uint64_t word;
};
/* As e is. */
void plan_from(struct entry_plan *p, const struct entry *e);

void entry_plan_pointer(struct entry_plan *p, unsigned encoding, const void *to);
void entry_plan_integer(struct entry_plan *p, int64_t integer);
/* The encoding SET gives to value; false when it needs a body (plan untouched but for the encoding). */
bool entry_plan_inline(struct entry_plan *p, struct slice value, unsigned put_flags);
size_t entry_plan_size(const struct entry_plan *p);
struct entry *entry_build(const struct entry_plan *p);
/* Writes the plan over e, whose block is large enough, whose key is the same and which has a time when the plan has. The
 * plan's value may be e's own. */
void entry_overwrite(struct entry *e, const struct entry_plan *p);
/* Adopts nothing: the plan refers to v's bytes, or its pointer. Packs and intsets up to inline_max go into the entry. */
void entry_plan_object(struct entry_plan *p, struct value v, size_t inline_max);
bool entry_has_body(const struct entry *e);
/* The value lies behind a pointer: a string body, or an object that is not inline. */
bool entry_is_separate(const struct entry *e);
bool entry_marked_shared(const struct entry *e);
unsigned encoding_shared(enum value_type type,
                         unsigned encoding); /* the same, marked as shared where there is a mark */
/* When the first element of the value expires by itself, INT64_MAX when none does. */
int64_t entry_elements_due(const struct entry *e);
struct string_body *entry_body(const struct entry *e);
/* The pointer of a value that is not inline is set anew. */
void entry_set_pointer(struct entry *e, const void *p);
void entry_set_encoding(struct entry *e, unsigned encoding);
void entry_set_expire_at(struct entry *e, int64_t at_ms); /* proven: it has a time */

static inline uint8_t entry_access(const struct entry *e) {
    debug_proven(entry_sound(e));
    return __atomic_load_n(&e->access, __ATOMIC_RELAXED);
}

static inline void entry_set_access(struct entry *e, uint8_t access) {
    debug_proven(entry_sound(e));
    __atomic_store_n(&e->access, access, __ATOMIC_RELAXED);
}

/* What a live snapshot may still read of a key: its entry, and what that points to. A head is reached as long as the snapshot
 * has not come past the key, as its parts may be older than the head. */
struct reach {
    bool entry, value;
};

/* ---- lookup ---- */
/* Equal bytes, 8 at a time: most keys are 8 to 32 bytes, where a call of memcmp costs more than the comparison. */
static inline bool key_bytes_equal(const char *a, const char *b, size_t n) {
    debug_proven(n == 0 || (a && b));
    uint64_t x, y;
    if (n < 8) return memcmp(a, b, n) == 0;
    for (size_t i = 0; i + 8 < n; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y) return false;
    }
    memcpy(&x, a + n - 8, 8);
    memcpy(&y, b + n - 8, 8);
    return x == y;
}

static inline bool key_matches(const void *entry, const void *arg) {
    debug_proven(entry_sound(entry));
    struct slice have = entry_key(entry), want = *(const struct slice *)arg;
    return have.len == want.len && key_bytes_equal(have.ptr, want.ptr, want.len);
}

/* The slot of the key, expired or not. */
static inline table_slot *db_slot(const struct db *db, const struct key *key) {
    debug_proven(key->hash == dataset_hash(db->dataset, key->text));
    return table_find(&db->contents.table, key->hash, key_matches, &key->text);
}

static inline bool entry_expired(const struct dataset *ds, const struct entry *e) {
    debug_proven(dataset_sound(ds));
    return unlikely(entry_has_expire(e)) && entry_expire_at(e) < ds->horizon_ms;
}

/* ---- account.c ---- */
size_t account_integer_length(int64_t integer); /* in decimal */
/* Of an entry whose value is not a short string. */
size_t account_elements(const struct entry *e);
struct measure account_measure(const struct entry *e);
/* Of the key whose entry has this good size, with a value that is not a string, in the entry or apart. */
struct measure account_measure_value(size_t block, bool separate, struct value v);
void accounts_close(struct db_contents *contents);

static inline size_t entry_elements(const struct entry *e) {
    debug_proven(entry_sound(e));
    if (!ACCOUNTS_KEPT) return 0;
    if (unlikely(entry_type(e) != TYPE_STRING || entry_encoding(e) >= STRING_BODY)) return account_elements(e);
    int64_t integer;
    if (entry_encoding(e) != STRING_INT) return e->value_len;
    memcpy(&integer, entry_value(e), sizeof integer);
    return account_integer_length(integer);
}

static inline struct measure entry_measure(const struct entry *e) {
    debug_proven(entry_sound(e));
    if (!ACCOUNTS_KEPT) return (struct measure){0};
    if (unlikely(entry_type(e) != TYPE_STRING || entry_encoding(e) >= STRING_BODY)) return account_measure(e);
    return (struct measure){entry_elements(e), mem_good_size(entry_size(e)), TYPE_STRING};
}

/* Of the key with this hash: it has come, it goes, it is another than it was. */
void account_entered(struct db *db, uint64_t hash, const struct entry *e);
void account_left(struct db *db, uint64_t hash, const struct measure *was);
void account_changed(struct db *db, uint64_t hash, const struct measure *was, const struct measure *is);
/* Other elements in as many bytes. */
void account_recounted(struct db *db, enum value_type type, size_t had, size_t has);

/* ---- top.c ---- */
/* The key has `is` bytes (0: it is gone) and had `was` (0: it has come). */
void top_place_moved(struct db *db, uint64_t hash, size_t was, size_t is);
void top_release(struct dataset *ds);
void top_flushed(struct dataset *ds, int db_index); /* -1: all */
void top_swapped(struct dataset *ds, unsigned a, unsigned b);

static inline void top_moved(struct db *db, uint64_t hash, size_t was, size_t is) {
    debug_proven(was || is);
    if (unlikely((was > is ? was : is) >= db->dataset->top.floor)) top_place_moved(db, hash, was, is);
}

/* ---- access.c ---- */
void access_touch_counter(struct dataset *ds, table_slot *slot, struct entry *e);
uint32_t access_fresh(const struct dataset *ds); /* the word of a new key */
uint32_t access_from(const struct dataset *ds, int64_t idle_or_frequency);
void access_set_clock(struct dataset *ds);
/* fresh: no key has a word of another policy. */
void access_set_policy(struct dataset *ds, enum access_policy policy, bool fresh);
int64_t access_idle_seconds(const struct access_rule *rule, uint32_t word);
uint8_t access_decayed(const struct access_rule *rule, uint32_t word);
uint32_t access_decay_age(const struct access_rule *rule, uint32_t word); /* minutes since the counter was touched */

static inline uint32_t access_word(const table_slot *slot, const struct entry *e) {
    debug_proven(table_slot_entry(slot) == e);
    return (uint32_t)entry_access(e) << 16 | table_slot_user(slot);
}

static inline void access_store(table_slot *slot, struct entry *e, uint32_t word) {
    debug_proven(word <= ACCESS_CLOCK_MASK && table_slot_entry(slot) == e);
    if (table_slot_user(slot) != (uint16_t)word) table_slot_set_user(slot, (uint16_t)word);
    if (unlikely(entry_access(e) != (uint8_t)(word >> 16))) entry_set_access(e, (uint8_t)(word >> 16));
}

/* Notes an access. Allowed on entries and slots that a snapshot shares: it ignores these bits, which are atomic. */
static inline void access_touch(struct dataset *ds, table_slot *slot, struct entry *e) {
    debug_proven(dataset_sound(ds));
    if (likely(ds->access.policy != ACCESS_LFU))
        access_store(slot, e, ds->access.clock);
    else
        access_touch_counter(ds, slot, e);
}

/* ---- db_write.c ---- */
/* Takes the key of the slot out for good because its time has come: counts it and tells hooks.expired. */
void db_expire_slot(struct db *db, uint64_t hash, table_slot *slot);
/* The same to make room: evicted_keys, hooks.evicted. */
void db_evict_slot(struct db *db, uint64_t hash, table_slot *slot);
/* Frees an entry that no table holds, or leaves to limbo what a snapshot may still read of it. */
void entry_dispose(struct dataset *ds, struct entry *e, struct reach reach);
/* The block alone: what it points to, if anything, lives on elsewhere. */
void block_dispose(struct dataset *ds, struct entry *e, bool shared);
struct reach slot_reach(const struct db *db, uint64_t hash, const table_slot *slot);
/* Out of the table and the calendar; *reach as of before. */
struct entry *take_slot(struct db *db, uint64_t hash, table_slot *slot, struct reach *reach);
table_slot *insert_entry(struct db *db, uint64_t hash, struct entry *e, uint32_t access);
/* fresh takes the place of the slot's entry, with its access clock. keep_value: what the old entry points to is not dropped,
 * because fresh holds it, or it is gone. was: the old entry's, while its value stood. Elements with times are the caller's to
 * move. */
void replace_entry(struct db *db, uint64_t hash, table_slot *slot, struct entry *fresh, const struct measure *was,
                   bool keep_value);
/* No value outside, neither in the entry nor in the plan, whose block the planned one fills as well, and which no snapshot
 * reads. */
bool fits_in_place(const struct db *db, uint64_t hash, const table_slot *slot, const struct entry_plan *p);
/* had: the elements before. */
void overwrite_in_place(struct db *db, uint64_t hash, table_slot *slot, const struct entry_plan *p, size_t had);
/* slot: of the live key, or NULL. */
void put_plan(struct db *db, const struct key *key, table_slot *slot, const struct entry_plan *p);

/* The slot of a live key; an expired one is removed. */
static inline table_slot *db_live_slot(struct db *db, const struct key *key) {
    debug_proven(db_sound(db));
    table_slot *slot = db_slot(db, key);
    if (!slot || likely(!entry_expired(db->dataset, table_slot_entry(slot)))) return slot;
    db_expire_slot(db, key->hash, slot);
    return NULL;
}

static inline void db_tell_changed(struct db *db, struct slice key) {
    debug_proven(db_sound(db));
    const struct keyspace_hooks *h = &db->dataset->hooks;
    if (h->changed) h->changed(h->arg, db, key);
}

/* ---- deferred.c ---- */
struct parting;
struct awaited *awaited_new(void);
void awaited_drop(struct awaited *a); /* by the dataset; it stays until the last of its partings has run */
void awaited_add(struct awaited *a, int64_t bytes);
/* release(value) is to be called later, by parting_run, and frees about so many bytes, which stand in dataset_awaited_bytes until
 * then. */
struct parting *parting_new(struct dataset *ds, void (*release)(void *), void *value, size_t bytes);
void parting_run(void *parting);

/* ---- db_edit.c ---- */
/* Removes at most max elements of the hash at key whose time has come. Returns how many. */
size_t db_expire_elements(struct db *db, struct key key, size_t max);

/* ---- expiry.c ---- */
/* The time of a key in the table went from old_at to new_at (either may be NO_EXPIRE): sums and calendar follow. */
void expiry_moved(struct db *db, uint64_t hash, int64_t old_at, int64_t new_at);
/* The same for the time of its first element (INT64_MAX: none). */
void expiry_elements_moved(struct db *db, uint64_t hash, int64_t old_due, int64_t new_due);
/* A reference that calendar_draw took out, back under the time of its key. */
void expiry_file_again(struct db *db, uint64_t ref, const struct entry *e);
void expiry_release(struct db_contents *contents);
void expiry_rebind(struct db *db);
void expiry_find_next(struct dataset *ds); /* next_expiry_ms anew */

/* ---- dataset.c ---- */
void dataset_defer(struct dataset *ds, void (*job)(void *), void *arg);
void contents_init(struct db_contents *contents, const struct dataset *ds);
void contents_move(struct db_contents *to, struct db_contents *from); /* from is left without meaning */
/* Frees a heap-allocated list of dropped contents with their entries. A job for hooks.defer. */
void contents_free_list(void *list);

/* ---- library.c ---- */
void libraries_free(struct dataset *ds);

/* ---- snapshot.c ---- */
/* Contents dropped while a snapshot is live wait for its end. All of them: also a table made since holds bodies that the
 * snapshot reads (STRING_BODY_SHARED). */
void snapshot_keep_contents(struct dataset *ds, struct db_contents *list, size_t bytes);

#endif
