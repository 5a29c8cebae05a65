/* A dataset beside a plain model of it: arrays of keys with value and time. Random steps change both; checks compare. */
#ifndef TARN_TESTS_KEYSPACE_WORLD_H
#define TARN_TESTS_KEYSPACE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/num.h"
#include "base/random.h"
#include "keyspace/defrag.h"
#include "keyspace/keyspace_int.h"
#include "mem/buf.h"
#include "values/list.h"

#define WORLD_DBS     4
#define WORLD_KEY_MAX 400

struct blob { /* an immutable value, shared by the model and its copies */
    unsigned refs;
    bool is_list; /* bytes: its elements, each with a comma behind it */
    size_t len;
    char bytes[];
};

struct model_key {
    struct blob *value; /* NULL: absent */
    int64_t expire_at;
};

struct world {
    struct dataset *ds;
    struct random random;
    unsigned keys; /* ids in each database */
    struct model_key *db[WORLD_DBS];
    int64_t now_ms;
    uint64_t expired, flushed, changed; /* hooks seen */
    size_t big;                         /* values up to this length */
    char *bytes;                        /* big random bytes */
    struct dataset_defrag defrag;       /* between other steps, with every block worth moving */
};

static inline uint64_t test_seed(void) {
    const char *text = getenv("TARN_SEED");
    uint64_t seed = (uint64_t)(text ? strtoll(text, NULL, 10) : time(NULL));
    print_message("TARN_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* Key 0 is empty; some are long enough for the wide layout, or just not. */
static inline struct slice world_key_text(unsigned id, char *dst) {
    if (id == 0) return slice_of("", 0);
    size_t n = (size_t)snprintf(dst, WORLD_KEY_MAX, "key:%u", id), want = n;
    if (id % 17 == 1) want = 255;
    if (id % 17 == 2) want = 256;
    if (id % 17 == 3) want = 300 + id % 50;
    if (want > n) memset(dst + n, '.', want - n);
    return slice_of(dst, want);
}

static inline unsigned world_key_id(struct slice text) {
    if (text.len == 0) return 0;
    assert_true(text.len > 4 && memcmp(text.ptr, "key:", 4) == 0);
    unsigned id = 0;
    for (size_t i = 4; i < text.len && text.ptr[i] != '.'; i++) id = id * 10 + (unsigned)(text.ptr[i] - '0');
    return id;
}

static inline struct key world_key(const struct world *w, unsigned id, char *dst) {
    struct slice text = world_key_text(id, dst);
    return (struct key){text, dataset_hash(w->ds, text)};
}

static inline struct blob *blob_new(const char *bytes, size_t len) {
    struct blob *b = malloc(sizeof *b + len);
    b->refs = 1;
    b->is_list = false;
    b->len = len;
    if (len) memcpy(b->bytes, bytes, len);
    return b;
}

static inline void blob_drop(struct blob *b) {
    if (b && --b->refs == 0) free(b);
}

static inline bool model_live(const struct world *w, const struct model_key *k) {
    return k->value && (k->expire_at == NO_EXPIRE || k->expire_at >= w->now_ms);
}

static inline void model_set(struct model_key *k, struct blob *value, int64_t expire_at) {
    blob_drop(k->value);
    *k = (struct model_key){value, value ? expire_at : NO_EXPIRE};
}

static inline void world_on_changed(void *arg, struct db *db, struct slice key) {
    struct world *w = arg;
    assert_true(world_key_id(key) < w->keys && db_index(db) < WORLD_DBS);
    w->changed++;
}

static inline void world_on_expired(void *arg, struct db *db, struct slice key) {
    struct world *w = arg;
    struct model_key *k = &w->db[db_index(db)][world_key_id(key)];
    if (!k->value || k->expire_at == NO_EXPIRE || k->expire_at >= w->now_ms) fail_msg("expired before its time");
    model_set(k, NULL, NO_EXPIRE);
    w->expired++;
}

static inline void world_on_flushed(void *arg, int index) {
    (void)index;
    ((struct world *)arg)->flushed++;
}

static inline void world_init(struct world *w, unsigned keys, size_t big, uint64_t seed) {
    *w = (struct world){.keys = keys, .now_ms = 1700000000000, .big = big};
    random_init(&w->random, seed);
    struct value_limits limits = value_limits_default;
    limits.list_max_listpack_size = 8;
    struct siphash_seed hash_seed = {random_next(&w->random), random_next(&w->random)};
    w->ds = dataset_new(WORLD_DBS, &hash_seed);
    dataset_set_limits(w->ds, &limits);
    dataset_set_now(w->ds, w->now_ms);
    dataset_set_hooks(
        w->ds, &(struct keyspace_hooks){
                   .arg = w, .changed = world_on_changed, .expired = world_on_expired, .flushed = world_on_flushed});
    for (int i = 0; i < WORLD_DBS; i++) {
        w->db[i] = calloc(keys, sizeof *w->db[i]);
        for (unsigned id = 0; id < keys; id++) w->db[i][id].expire_at = NO_EXPIRE;
    }
    w->bytes = malloc(big);
    for (size_t i = 0; i < big; i++) w->bytes[i] = (char)random_next(&w->random);
}

static inline void world_release(struct world *w) {
    dataset_free(w->ds);
    for (int i = 0; i < WORLD_DBS; i++) {
        for (unsigned id = 0; id < w->keys; id++) blob_drop(w->db[i][id].value);
        free(w->db[i]);
    }
    free(w->bytes);
}

static inline unsigned world_below(struct world *w, unsigned n) { return (unsigned)random_below(&w->random, n); }

/* Half of the accesses go to a sixteenth of the keys. */
static inline unsigned world_any_id(struct world *w) {
    unsigned range = world_below(w, 2) ? w->keys : w->keys / 16 + 1;
    return world_below(w, range);
}

static inline int64_t world_any_time(struct world *w) {
    switch (world_below(w, 8)) {
    case 0:
        return w->now_ms - (int64_t)world_below(w, 3);
    case 1:
        return w->now_ms + (int64_t)world_below(w, 10);
    case 2:
        return w->now_ms + (int64_t)world_below(w, 1000);
    case 3:
        return w->now_ms + (int64_t)world_below(w, 100000);
    case 4:
        return w->now_ms + (int64_t)random_below(&w->random, 1u << 31);
    case 5:
        return random_below(&w->random, 100) == 0 ? INT64_MAX : w->now_ms + 5000;
    default:
        return NO_EXPIRE;
    }
}

/* Lengths around every border of the encodings. */
static inline struct slice world_any_value(struct world *w, char *scratch) {
    static const unsigned borders[] = {0, 1, 16, 20, 43, 44, 45, 46, 100, 254, 255, 256, 257, 1000};
    unsigned dice = world_below(w, 100);
    if (dice < 20)
        return slice_of(scratch, num_format_i64(scratch, (int64_t)random_next(&w->random) >> world_below(w, 64)));
    size_t len = dice < 90   ? borders[world_below(w, countof(borders))]
                 : dice < 98 ? world_below(w, 300)
                             : world_below(w, (unsigned)w->big);
    if (len > w->big) len = w->big;
    return slice_of(w->bytes + random_below(&w->random, w->big - len + 1), len);
}

/* A list's elements as the model has them, into text. */
static inline void list_render(struct value v, struct buf *text) {
    struct list_cursor c;
    char scratch[NUM_TEXT_MAX];
    buf_init(text, MEM_SERVER);
    uint64_t n = list_length(v);
    if (n) list_seek(v, 0, &c);
    for (uint64_t i = 0; i < n; i++, list_next(&c)) {
        buf_append_slice(text, list_text(&c, scratch));
        buf_append(text, ",", 1);
    }
}

static inline bool entry_is_blob(const struct entry *e, const struct blob *b) {
    char scratch[NUM_TEXT_MAX];
    struct buf text;
    struct slice want = slice_of(b->bytes, b->len);
    if (!b->is_list) return entry_type(e) == TYPE_STRING && slice_equal(entry_string(e, scratch), want);
    if (entry_type(e) != TYPE_LIST) return false;
    list_render(entry_object(e), &text);
    bool same = slice_equal(buf_slice(&text), want);
    buf_release(&text);
    return same;
}

static inline void world_check_entry(const struct entry *e, const struct model_key *k, struct slice key) {
    assert_true(slice_equal(entry_key(e), key));
    assert_true(entry_is_blob(e, k->value));
    assert_int_equal(entry_expire_at(e), k->expire_at);
    if (!k->value->is_list) assert_int_equal(entry_string_len(e), k->value->len);
}

/* ---- steps: each changes model and dataset alike ---- */
static inline struct string_body *body_of(struct slice text) {
    size_t size = sizeof(struct string_body) + text.len;
    char *block = mem_alloc(MEM_CLIENT_IN, size);
    memcpy(block + sizeof(struct string_body), text.ptr, text.len);
    return string_body_adopt(MEM_CLIENT_IN, block, text.len);
}

static inline void step_put(struct world *w, unsigned db, unsigned id) {
    char text[WORLD_KEY_MAX], scratch[NUM_TEXT_MAX];
    struct model_key *k = &w->db[db][id];
    struct key key = world_key(w, id, text);
    struct slice value = world_any_value(w, scratch);
    int64_t at = world_any_time(w);
    unsigned flags = world_below(w, 3) ? PUT_PLAIN : world_below(w, 8);
    bool keep = flags & PUT_KEEP_EXPIRE && model_live(w, k);
    int64_t integer;
    /* The hook may run first and needs the old model. */
    int64_t old_at = k->expire_at;
    if (!(flags & (PUT_RAW | PUT_NOT_INTEGER)) && num_parse_i64(value, &integer) && world_below(w, 2))
        db_put_integer(dataset_db(w->ds, db), key, integer, at, flags);
    else if (value.len > ENTRY_INLINE_MAX && world_below(w, 2))
        db_put_body(dataset_db(w->ds, db), key, body_of(value), at, flags);
    else
        assert_true(db_put_string(dataset_db(w->ds, db), key, value, at, flags));
    model_set(k, blob_new(value.ptr, value.len), keep ? old_at : flags & PUT_KEEP_EXPIRE ? NO_EXPIRE : at);
    const table_slot *slot = db_slot(dataset_db(w->ds, db), &key);
    const struct entry *e = table_slot_entry(slot);
    if (flags & PUT_RAW)
        assert_string_equal(entry_encoding_name(e), "raw");
    else if (value.len > STRING_EMBSTR_MAX)
        assert_string_equal(entry_encoding_name(e), "raw");
    else if (flags & PUT_NOT_INTEGER || !num_parse_i64(value, &integer))
        assert_string_equal(entry_encoding_name(e), "embstr");
    else
        assert_string_equal(entry_encoding_name(e), "int");
}

static inline void step_view(struct world *w, unsigned db, unsigned id) {
    char text[WORLD_KEY_MAX];
    struct key key = world_key(w, id, text);
    const struct entry *e = db_view(dataset_db(w->ds, db), key, world_below(w, 4));
    struct model_key *k = &w->db[db][id];
    assert_int_equal(e != NULL, model_live(w, k));
    if (e) world_check_entry(e, k, key.text);
}

static inline void step_edit(struct world *w, unsigned db, unsigned id) {
    char text[WORLD_KEY_MAX], scratch[NUM_TEXT_MAX];
    struct model_key *k = &w->db[db][id];
    if (!model_live(w, k) || k->value->is_list) return;
    struct key key = world_key(w, id, text);
    size_t old_len = k->value->len,
           len = world_below(w, 3) ? old_len + world_below(w, 30) : world_any_value(w, scratch).len;
    size_t keep = old_len < len ? old_len : len;
    char *bytes = db_edit_string(dataset_db(w->ds, db), key, len);
    assert_non_null(bytes);
    assert_memory_equal(bytes, k->value->bytes, keep);
    for (size_t i = keep; i < len; i++) assert_int_equal(bytes[i], 0);
    if (len) {
        size_t from = random_below(&w->random, len), n = len - from < 64 ? len - from : 64;
        for (size_t i = 0; i < n; i++) bytes[from + i] = (char)random_next(&w->random);
    }
    model_set(k, blob_new(bytes, len), k->expire_at);
    const table_slot *slot = db_slot(dataset_db(w->ds, db), &key);
    assert_string_equal(entry_encoding_name(table_slot_entry(slot)), "raw");
}

/* Some elements onto one end of a list, or off it. */
static inline void list_push_some(struct world *w, struct value_edit *e, struct buf *model) {
    char element[3000];
    bool head = world_below(w, 3) == 0;
    for (unsigned n = 1 + world_below(w, world_below(w, 8) ? 3 : 40); n > 0; n--) {
        size_t len = 1 + world_below(w, world_below(w, 30) ? 12 : sizeof element);
        memset(element, 'a' + (int)world_below(w, 26), len);
        list_push(e, head ? LIST_HEAD : LIST_TAIL, slice_of(element, len));
        size_t old = model->len;
        buf_reserve(model, len + 1);
        if (head) memmove(model->ptr + len + 1, model->ptr, old);
        memcpy(model->ptr + (head ? 0 : old), element, len);
        model->ptr[(head ? 0 : old) + len] = ',';
        buf_advance(model, len + 1);
    }
}

static inline void list_pop_some(struct world *w, struct value_edit *e, struct buf *model) {
    uint64_t length = list_length(e->value), n = 1 + world_below(w, world_below(w, 4) ? 3 : 60);
    if (n > length) n = length;
    list_delete(e, 0, n);
    size_t at = 0;
    while (n-- > 0) at = (size_t)((char *)memchr(model->ptr + at, ',', model->len - at) - model->ptr) + 1;
    buf_consume(model, at);
}

static inline void step_list(struct world *w, unsigned db, unsigned id) {
    char text[WORLD_KEY_MAX];
    struct db_edit e;
    struct buf model;
    struct model_key *k = &w->db[db][id];
    struct key key = world_key(w, id, text);
    if (model_live(w, k) && !k->value->is_list) {
        assert_false(db_edit_begin(dataset_db(w->ds, db), key, TYPE_LIST, &e));
        return;
    }
    assert_true(db_edit_begin(dataset_db(w->ds, db), key, TYPE_LIST, &e));
    bool was = model_live(w, k);
    int64_t at = was ? k->expire_at : NO_EXPIRE;
    assert_int_equal(e.edit.value.ptr != NULL, was);
    if (world_below(w, 10) == 0) { /* nothing */
        assert_int_equal(db_edit_end(dataset_db(w->ds, db), key, &e, false), was ? DB_EDIT_STAYS : DB_EDIT_ABSENT);
        return;
    }
    buf_init(&model, MEM_SERVER);
    if (was) buf_append(&model, k->value->bytes, k->value->len);
    if (was && world_below(w, 2))
        list_pop_some(w, &e.edit, &model);
    else
        list_push_some(w, &e.edit, &model);
    enum db_edited want = model.len == 0 ? DB_EDIT_REMOVED : was ? DB_EDIT_STAYS : DB_EDIT_ADDED;
    assert_int_equal(db_edit_end(dataset_db(w->ds, db), key, &e, true), want);
    struct blob *b = model.len ? blob_new(model.ptr, model.len) : NULL;
    if (b) b->is_list = true;
    model_set(k, b, at);
    buf_release(&model);
}

static inline void step_delete(struct world *w, unsigned db, unsigned id) {
    char text[WORLD_KEY_MAX];
    bool live = model_live(w, &w->db[db][id]);
    assert_int_equal(db_delete(dataset_db(w->ds, db), world_key(w, id, text)), live);
    model_set(&w->db[db][id], NULL, NO_EXPIRE);
}

static inline void step_expire(struct world *w, unsigned db, unsigned id) {
    char text[WORLD_KEY_MAX];
    struct model_key *k = &w->db[db][id];
    if (!model_live(w, k)) return;
    k->expire_at = world_any_time(w);
    db_set_expire(dataset_db(w->ds, db), world_key(w, id, text), k->expire_at);
}

static inline void step_move(struct world *w, unsigned db, unsigned id, bool copy) {
    char source_text[WORLD_KEY_MAX], target_text[WORLD_KEY_MAX];
    unsigned to = world_below(w, WORLD_DBS), target = world_any_id(w);
    struct model_key *s = &w->db[db][id], *t = &w->db[to][target];
    if (!model_live(w, s) || (copy && s == t)) return;
    struct key from = world_key(w, id, source_text), into = world_key(w, target, target_text);
    if (copy)
        assert_true(db_copy_key(dataset_db(w->ds, db), from, dataset_db(w->ds, to), into));
    else
        db_move_key(dataset_db(w->ds, db), from, dataset_db(w->ds, to), into);
    if (s == t) return;
    s->value->refs++;
    model_set(t, s->value, s->expire_at);
    if (!copy) model_set(s, NULL, NO_EXPIRE);
}

static inline void step_adopt(struct world *w, unsigned db, unsigned id) {
    char text[WORLD_KEY_MAX], scratch[NUM_TEXT_MAX];
    struct model_key *k = &w->db[db][id];
    if (k->value && !model_live(w, k)) return; /* the dataset may or may not hold it still */
    struct key key = world_key(w, id, text);
    struct slice value = world_any_value(w, scratch);
    int64_t at = world_any_time(w);
    struct entry *e = entry_new_string(key.text, value, at);
    bool adopted = db_adopt(dataset_db(w->ds, db), key.hash, e, (int64_t)world_below(w, 1000) - 1);
    assert_int_equal(adopted, k->value == NULL);
    if (adopted)
        model_set(k, blob_new(value.ptr, value.len), at);
    else
        entry_free(e);
}

static inline void step_flush(struct world *w) {
    int which = (int)world_below(w, WORLD_DBS + 1) - 1;
    dataset_flush(w->ds, which, world_below(w, 2));
    for (int i = 0; i < WORLD_DBS; i++)
        for (unsigned id = 0; id < w->keys && (which == -1 || which == i); id++)
            model_set(&w->db[i][id], NULL, NO_EXPIRE);
}

static inline void step_swap(struct world *w) {
    unsigned a = world_below(w, WORLD_DBS), b = world_below(w, WORLD_DBS);
    struct model_key *aside = w->db[a];
    dataset_swap(w->ds, a, b);
    w->db[a] = w->db[b];
    w->db[b] = aside;
}

static inline void world_expire_all(struct world *w) {
    while (dataset_expire_due(w->ds, 1000)) continue;
}

static inline void step_time(struct world *w) {
    static const unsigned spans[] = {1, 5, 100, 3000, 100000, 3000000};
    w->now_ms += 1 + world_below(w, spans[world_below(w, countof(spans))]);
    dataset_set_now(w->ds, w->now_ms);
    if (world_below(w, 2)) dataset_expire_due(w->ds, 50);
}

static inline void step_defrag(struct world *w) {
    w->defrag.mem.everything = true;
    w->defrag.piece = 1 + world_below(w, 20);
    for (unsigned n = 1 + world_below(w, 4); n > 0 && !dataset_is_frozen(w->ds); n--)
        dataset_defrag_step(w->ds, &w->defrag);
}

/* flush_chance: one in so many steps. */
static inline void world_step(struct world *w, unsigned flush_chance) {
    if (world_below(w, 8) == 0) step_defrag(w);
    unsigned db = world_below(w, WORLD_DBS), id = world_any_id(w), dice = world_below(w, 100);
    if (dice < 20)
        step_put(w, db, id);
    else if (dice < 35)
        step_list(w, db, id);
    else if (dice < 55)
        step_view(w, db, id);
    else if (dice < 65)
        step_edit(w, db, id);
    else if (dice < 73)
        step_delete(w, db, id);
    else if (dice < 83)
        step_expire(w, db, id);
    else if (dice < 88)
        step_move(w, db, id, false);
    else if (dice < 92)
        step_move(w, db, id, true);
    else if (dice < 96)
        step_adopt(w, db, id);
    else if (dice < 98 && world_below(w, 50) == 0)
        step_time(w);
    else if (world_below(w, flush_chance) == 0)
        step_flush(w);
    else if (world_below(w, 500) == 0)
        step_swap(w);
}

/* ---- checks ---- */
struct world_walk {
    const struct world *w;
    unsigned db;
    size_t seen, expires;
};

static inline void world_check_visit(void *arg, const struct entry *e) {
    struct world_walk *walk = arg;
    const struct model_key *k = &walk->w->db[walk->db][world_key_id(entry_key(e))];
    assert_true(model_live(walk->w, k));
    world_check_entry(e, k, entry_key(e));
    walk->seen++;
    walk->expires += entry_has_expire(e);
}

/* Every invariant, and that model and dataset hold the same. Removes what has expired first, so that counts agree. */
static inline void world_check(struct world *w) {
    world_expire_all(w);
    for (unsigned i = 0; i < WORLD_DBS; i++) {
        struct db *db = dataset_db(w->ds, i);
        struct world_walk walk = {.w = w, .db = i};
        size_t live = 0;
        __int128 sum = 0;
        for (unsigned id = 0; id < w->keys; id++) {
            live += model_live(w, &w->db[i][id]);
            if (model_live(w, &w->db[i][id]) && w->db[i][id].expire_at != NO_EXPIRE) sum += w->db[i][id].expire_at;
        }
        table_verify(&db->contents.table);
        db_each(db, world_check_visit, &walk);
        assert_int_equal(walk.seen, live);
        assert_int_equal(db_keys(db), live);
        assert_int_equal(db_expires(db), walk.expires);
        assert_true(db->contents.expire_sum == sum);
    }
}

#endif
