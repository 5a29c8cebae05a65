#include "keyspace/account.h"

#include "keyspace/keyspace_int.h"

size_t account_integer_length(int64_t integer) {
    static const uint64_t powers[20] = {UINT64_C(0),
                                        UINT64_C(10),
                                        UINT64_C(100),
                                        UINT64_C(1000),
                                        UINT64_C(10000),
                                        UINT64_C(100000),
                                        UINT64_C(1000000),
                                        UINT64_C(10000000),
                                        UINT64_C(100000000),
                                        UINT64_C(1000000000),
                                        UINT64_C(10000000000),
                                        UINT64_C(100000000000),
                                        UINT64_C(1000000000000),
                                        UINT64_C(10000000000000),
                                        UINT64_C(100000000000000),
                                        UINT64_C(1000000000000000),
                                        UINT64_C(10000000000000000),
                                        UINT64_C(100000000000000000),
                                        UINT64_C(1000000000000000000),
                                        UINT64_C(10000000000000000000)};
    uint64_t magnitude = integer < 0 ? -(uint64_t)integer : (uint64_t)integer;
    unsigned bits = 64 - (unsigned)__builtin_clzll(magnitude | 1);
    unsigned digits = bits * 1233 >> 12; /* bits * log10(2), rounded down */
    proven(digits < countof(powers));
    return digits + (magnitude >= powers[digits]) + (integer < 0);
}

size_t account_elements(const struct entry *e) {
    debug_proven(entry_sound(e));
    if (entry_type(e) == TYPE_STRING) return entry_body(e)->len;
    return value_kind(entry_type(e))->count(entry_object(e));
}

struct measure account_measure(const struct entry *e) {
    size_t block = mem_good_size(entry_size(e));
    debug_proven(entry_sound(e));
    if (entry_type(e) == TYPE_STRING) {
        const struct string_body *body = entry_body(e);
        return (struct measure){body->len, block + mem_good_size(string_body_size(body)), TYPE_STRING};
    }
    return account_measure_value(block, entry_is_separate(e), entry_object(e));
}

struct measure account_measure_value(size_t block, bool separate, struct value v) {
    if (!ACCOUNTS_KEPT) return (struct measure){0};
    debug_proven(block > 0 && v.ptr);
    return (struct measure){value_kind(v.type)->count(v), separate ? block + value_memory(v) : block, v.type};
}

const struct account *db_account(const struct db *db, enum value_type type) {
    static const struct account none;
    debug_proven(db_sound(db));
    proven(type < TYPE_COUNT);
    return db->contents.accounts ? &db->contents.accounts[type] : &none;
}

static void accounts_open(struct db_contents *c) {
    proven(!c->accounts);
    c->accounts = mem_alloc_zeroed(MEM_OBSERVE, TYPE_COUNT * sizeof *c->accounts);
}

void accounts_close(struct db_contents *c) {
    if (!c->accounts) return;
    debug_proven(c->accounts[TYPE_STRING].keys <= c->table.count);
    mem_free(MEM_OBSERVE, c->accounts, TYPE_COUNT * sizeof *c->accounts);
    c->accounts = NULL;
}

static void account_take(struct account *a, const struct measure *m) {
    debug_proven(a->keys > 0 && a->elements >= m->elements && a->bytes >= m->bytes);
    debug_proven(a->by_elements[account_bucket(m->elements)] > 0 && a->by_bytes[account_bucket(m->bytes)] > 0);
    a->keys--;
    a->elements -= m->elements;
    a->bytes -= m->bytes;
    a->by_elements[account_bucket(m->elements)]--;
    a->by_bytes[account_bucket(m->bytes)]--;
}

static void account_add(struct account *a, const struct measure *m) {
    debug_proven(m->bytes > 0);
    a->keys++;
    a->elements += m->elements;
    a->bytes += m->bytes;
    a->by_elements[account_bucket(m->elements)]++;
    a->by_bytes[account_bucket(m->bytes)]++;
}

static void bucket_move(uint64_t *buckets, uint64_t was, uint64_t is) {
    unsigned from = account_bucket(was), to = account_bucket(is);
    debug_proven(buckets[from] > 0);
    if (likely(from == to)) return;
    buckets[from]--;
    buckets[to]++;
}

/* A key of this type that has become another. */
static void account_move(struct account *a, const struct measure *was, const struct measure *is) {
    debug_proven(a->keys > 0 && a->elements >= was->elements && a->bytes >= was->bytes);
    a->elements += is->elements - was->elements;
    a->bytes += is->bytes - was->bytes;
    bucket_move(a->by_elements, was->elements, is->elements);
    bucket_move(a->by_bytes, was->bytes, is->bytes);
}

void account_entered(struct db *db, uint64_t hash, const struct entry *e) {
    if (!ACCOUNTS_KEPT) return;
    struct db_contents *c = &db->contents;
    struct measure m = entry_measure(e);
    debug_proven(c->table.count > 0);
    if (unlikely(!c->accounts)) accounts_open(c);
    account_add(&c->accounts[m.type], &m);
    top_moved(db, hash, 0, m.bytes);
}

void account_left(struct db *db, uint64_t hash, const struct measure *was) {
    if (!ACCOUNTS_KEPT) return;
    debug_proven(db->contents.accounts && was->type < TYPE_COUNT);
    account_take(&db->contents.accounts[was->type], was);
    top_moved(db, hash, was->bytes, 0);
}

void account_changed(struct db *db, uint64_t hash, const struct measure *was, const struct measure *is) {
    if (!ACCOUNTS_KEPT) return;
    struct account *accounts = db->contents.accounts;
    debug_proven(accounts && was->type < TYPE_COUNT);
    if (is->bytes == was->bytes && is->elements == was->elements && is->type == was->type) return;
    if (likely(is->type == was->type)) {
        account_move(&accounts[is->type], was, is);
    } else {
        account_take(&accounts[was->type], was);
        account_add(&accounts[is->type], is);
    }
    if (was->bytes != is->bytes) top_moved(db, hash, was->bytes, is->bytes);
}

void account_recounted(struct db *db, enum value_type type, size_t had, size_t has) {
    struct account *a = &db->contents.accounts[type];
    debug_proven(a->elements >= had);
    a->elements += has - had;
    bucket_move(a->by_elements, had, has);
}
