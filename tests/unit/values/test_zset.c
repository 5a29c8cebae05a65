/* Sorted sets against an array that is kept in order: random changes, forms, ranges, freezes, records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "moving.h"
#include "values/kind.h"
#include "values/zset_int.h"
#include "wire/rdb_io.h"

#include <math.h>

#define MODEL_MAX 3000
#define NAME_MAX  400

struct row {
    char name[NAME_MAX];
    size_t len;
    double score;
};

struct model {
    struct row *rows; /* in order */
    size_t count;
};

struct world {
    struct random random;
    struct value_limits limits;
    struct value value;
    struct frozen frozen;
    struct model model, picture; /* now; at the freeze */
    struct value old;            /* what the snapshot reads */
    unsigned names;              /* how many there may be */
    bool passed;                 /* the snapshot has gone by */
    struct moving moving;
};

static uint64_t seed_of_test(void) {
    const char *given = getenv("TARN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_wall_us();
    printf("TARN_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static void accounts_are_empty(void) {
    static const enum mem_owner owners[] = {MEM_ZSETS, MEM_LIMBO, MEM_TABLE};
    for (size_t i = 0; i < countof(owners); i++)
        assert_true(mem_owner_bytes(owners[i]) == 0 && mem_owner_blocks(owners[i]) == 0);
}

/* ---- the model ---- */
static struct slice row_name(const struct row *r) { return slice_of(r->name, r->len); }

static size_t model_find(const struct model *m, struct slice name) {
    size_t i = 0;
    while (i < m->count && !slice_equal(row_name(&m->rows[i]), name)) i++;
    return i;
}

static void model_remove(struct model *m, size_t i) {
    memmove(m->rows + i, m->rows + i + 1, (m->count - i - 1) * sizeof *m->rows);
    m->count--;
}

static void model_put(struct model *m, struct slice name, double score) {
    size_t i = model_find(m, name);
    if (i < m->count) model_remove(m, i);
    for (i = 0; i < m->count && zset_order(m->rows[i].score, row_name(&m->rows[i]), score, name) < 0;) i++;
    assert_true(m->count < MODEL_MAX);
    memmove(m->rows + i + 1, m->rows + i, (m->count - i) * sizeof *m->rows);
    m->rows[i].len = name.len;
    m->rows[i].score = score;
    memcpy(m->rows[i].name, name.ptr, name.len);
    m->count++;
}

static void model_copy(struct model *to, const struct model *from) {
    memcpy(to->rows, from->rows, from->count * sizeof *from->rows);
    to->count = from->count;
}

/* ---- the value beside the model ---- */
static void item_is(const struct zset_item *item, const struct row *r) {
    assert_true(item->score == r->score);
    assert_int_equal(item->member.len, r->len);
    assert_memory_equal(item->member.ptr, r->name, r->len);
}

static void walk_is(struct zset_walk *w, const struct model *m, size_t from, size_t to, bool down) {
    struct zset_item item;
    assert_int_equal(w->left, to - from);
    if (to > from) assert_int_equal(zset_walk_first_rank(w), from);
    for (size_t i = from; i < to; i++) {
        assert_true(zset_walk_next(w, &item));
        item_is(&item, &m->rows[down ? to - 1 - (i - from) : i]);
    }
    assert_false(zset_walk_next(w, &item));
}

static void value_is(struct value v, const struct model *m) {
    struct zset_walk w;
    assert_int_equal(zset_count(v), m->count);
    zset_walk_ranks(&w, v, 0, m->count, false);
    walk_is(&w, m, 0, m->count, false);
    if (v.ptr && v.form == VALUE_HEAD) {
        const struct zset *z = v.ptr;
        tree_verify(&z->tree);
        table_verify(&z->table);
    }
}

/* Everything that hangs on the value is counted by it. */
static void memory_is(const struct world *w) {
    if (w->frozen.live) return;
    assert_int_equal(mem_owner_bytes(MEM_ZSETS), w->value.ptr ? value_memory(w->value) : 0);
    if (w->value.ptr) assert_true((int64_t)value_blocks(w->value) >= mem_owner_blocks(MEM_ZSETS));
}

static struct slice random_name(struct world *w, char *buffer) {
    unsigned n = (unsigned)random_below(&w->random, w->names);
    size_t len = (size_t)snprintf(buffer, NAME_MAX, n % 7 == 0 ? "%u" : "m%u", n);
    if (n % 11 == 0 && w->limits.zset_max_listpack_value > 300) {
        memset(buffer + len, 'x', 300);
        len += 300;
    }
    return slice_of(buffer, len);
}

static double random_score(struct world *w) {
    static const double odd[] = {INFINITY, -INFINITY, 0.1,    1e300, -1e300, 0x1p62,
                                 -0x1p62,  0x1p63,    1e-300, 1e17,  0.5,    -0.5};
    if (random_below(&w->random, 8) == 0) return odd[random_below(&w->random, countof(odd))];
    double whole = (double)random_below(&w->random, 50) - 10;
    return random_below(&w->random, 3) ? whole : whole + random_unit(&w->random);
}

/* ---- what keyspace does around an edit ---- */
static struct value_edit edit_begin(struct world *w) {
    struct value_edit e = value_edit_alone(w->value, &w->limits, 0);
    bool seen = w->frozen.live && !w->passed;
    e.f = seen ? &w->frozen : NULL;
    if (!w->value.ptr || !seen || w->old.ptr != w->value.ptr) return e;
    if (w->value.form == VALUE_HEAD) {
        e.value.ptr = zset_kind.head_fork(w->value.ptr, &w->frozen);
    } else {
        proven(value_copy(w->value, &e.value));
        frozen_limbo(&w->frozen, MEM_ZSETS, w->value.ptr, value_block_size(w->value), 0);
    }
    return e;
}

static void edit_end(struct world *w, struct value_edit *e) {
    w->value = e->value;
    limbo_free(e->doomed);
}

static void freeze(struct world *w) {
    frozen_begin(&w->frozen);
    model_copy(&w->picture, &w->model);
    w->old = w->value;
    w->passed = false;
}

static void thaw(struct world *w) {
    limbo_free(frozen_end(&w->frozen));
    w->old.ptr = NULL;
}

/* ---- random changes ---- */
static enum zset_added model_add(struct model *m, struct slice name, double *score, unsigned flags) {
    size_t i = model_find(m, name);
    if (i == m->count) {
        if (flags & ZSET_OLD_ONLY) return ZSET_REFUSED;
        model_put(m, name, *score);
        return ZSET_ADDED;
    }
    double old = m->rows[i].score, new = flags &ZSET_INCREMENT ? old + *score : *score;
    if (flags & ZSET_NEW_ONLY) return ZSET_REFUSED;
    if (isnan(new)) return ZSET_NAN;
    if (flags & ZSET_GREATER && !(new > old)) return ZSET_REFUSED;
    if (flags & ZSET_LESS && !(new < old)) return ZSET_REFUSED;
    *score = new;
    model_put(m, name, new);
    return new == old ? ZSET_SAME : ZSET_MOVED;
}

static void do_add(struct world *w) {
    char buffer[NAME_MAX];
    static const unsigned kinds[] = {0,
                                     0,
                                     0,
                                     0,
                                     ZSET_NEW_ONLY,
                                     ZSET_OLD_ONLY,
                                     ZSET_GREATER,
                                     ZSET_LESS,
                                     ZSET_INCREMENT,
                                     ZSET_INCREMENT | ZSET_GREATER};
    struct value_edit e = edit_begin(w);
    for (unsigned times = 1 + (unsigned)random_below(&w->random, 8); times > 0; times--) {
        struct slice name = random_name(w, buffer);
        unsigned flags = kinds[random_below(&w->random, countof(kinds))];
        double score = random_score(w), same = score;
        enum zset_added want = model_add(&w->model, name, &same, flags);
        assert_int_equal(zset_add(&e, name, &score, flags), want);
        if (want != ZSET_REFUSED && want != ZSET_NAN) assert_true(score == same);
    }
    edit_end(w, &e);
}

static void do_remove(struct world *w) {
    char buffer[NAME_MAX];
    struct slice name = random_name(w, buffer);
    struct value_edit e = edit_begin(w);
    size_t i = model_find(&w->model, name);
    assert_int_equal(zset_remove(&e, name), i < w->model.count);
    if (i < w->model.count) model_remove(&w->model, i);
    edit_end(w, &e);
}

static void do_remove_ranks(struct world *w) {
    size_t from = random_below(&w->random, w->model.count + 1), to = from + random_below(&w->random, 20);
    if (random_below(&w->random, 200) == 0) from = 0, to = w->model.count;
    if (to > w->model.count) to = w->model.count;
    struct value_edit e = edit_begin(w);
    zset_remove_ranks(&e, from, to);
    for (size_t i = from; i < to; i++) model_remove(&w->model, from);
    edit_end(w, &e);
}

/* ---- random questions ---- */
static void ask_member(struct world *w) {
    char buffer[NAME_MAX];
    struct slice name = random_name(w, buffer);
    size_t i = model_find(&w->model, name);
    double score = 0, with_rank = 0;
    uint64_t rank = 0;
    assert_int_equal(zset_score(w->value, name, &score), i < w->model.count);
    assert_int_equal(zset_rank(w->value, name, &rank, &with_rank), i < w->model.count);
    if (i == w->model.count) return;
    assert_true(score == w->model.rows[i].score && with_rank == score);
    assert_int_equal(rank, i);
}

static void ask_scores(struct world *w) {
    struct zset_scores r = {random_score(w), random_score(w), random_below(&w->random, 2), random_below(&w->random, 2)};
    bool down = random_below(&w->random, 2);
    const struct model *m = &w->model;
    struct zset_walk walk;
    size_t from = 0, to;
    while (from < m->count && (r.min_open ? m->rows[from].score <= r.min : m->rows[from].score < r.min)) from++;
    for (to = from; to < m->count && (r.max_open ? m->rows[to].score < r.max : m->rows[to].score <= r.max);) to++;
    zset_walk_scores(&walk, w->value, &r, down);
    size_t skip = random_below(&w->random, 5), most = random_below(&w->random, 2) ? 3 : SIZE_MAX;
    if (random_below(&w->random, 2)) {
        walk_is(&walk, m, from, to, down);
        return;
    }
    zset_walk_limit(&walk, skip, most);
    size_t n = to - from > skip ? to - from - skip : 0;
    if (n > most) n = most;
    if (down)
        walk_is(&walk, m, n ? to - skip - n : from, n ? to - skip : from, true);
    else
        walk_is(&walk, m, from + skip, from + skip + n, false);
}

static void ask_ranks(struct world *w) {
    size_t from = random_below(&w->random, w->model.count + 1),
           to = from + random_below(&w->random, w->model.count - from + 1);
    struct zset_walk walk;
    bool down = random_below(&w->random, 2);
    zset_walk_ranks(&walk, w->value, from, to, down);
    walk_is(&walk, &w->model, from, to, down);
}

struct tally {
    const struct model *model;
    size_t seen;
};

static void tally_visit(void *arg, const struct zset_item *item) {
    struct tally *t = arg;
    size_t i = model_find(t->model, item->member);
    assert_true(i < t->model->count && t->model->rows[i].score == item->score);
    t->seen++;
}

static void ask_scan(struct world *w) {
    struct tally t = {&w->model, 0};
    uint64_t cursor = 0;
    if (!w->value.ptr) return;
    do cursor = zset_scan(w->value, cursor, tally_visit, &t);
    while (cursor);
    assert_int_equal(t.seen, w->model.count);
}

static void ask_copy(struct world *w) {
    struct value copy;
    if (!w->value.ptr) return;
    assert_true(value_copy(w->value, &copy));
    value_is(copy, &w->model);
    value_free(copy);
}

/* ---- records ---- */
static void record_round(struct world *w, struct value v, const struct model *m) {
    struct buf out;
    struct rdb_sink sink = {.out = &out, .compress = random_below(&w->random, 2), .version = 10};
    buf_init(&out, MEM_PERSIST);
    assert_true(zset_kind.rdb_write(v, &sink));
    struct rdb_reader reader = {(const unsigned char *)out.ptr, (const unsigned char *)out.ptr + out.len};
    struct rdb_input in;
    struct value back;
    rdb_input_init(&in, &reader);
    assert_true(zset_kind.rdb_read(zset_kind.rdb_type(v, 10), &in, &w->limits, 0, &back));
    assert_true(reader.at == reader.end);
    value_is(back, m);
    value_free(back);
    rdb_input_release(&in);
    buf_release(&out);
}

static void step(struct world *w) {
    switch (random_below(&w->random, 16)) {
    case 0:
        do_remove_ranks(w);
        break;
    case 1:
    case 2:
    case 3:
        do_remove(w);
        break;
    case 4:
        ask_member(w);
        break;
    case 5:
        ask_scores(w);
        break;
    case 6:
        ask_ranks(w);
        break;
    case 7:
        if (random_below(&w->random, 10) == 0) ask_scan(w);
        if (random_below(&w->random, 10) == 0) ask_copy(w);
        if (w->value.ptr && random_below(&w->random, 10) == 0) record_round(w, w->value, &w->model);
        break;
    default:
        do_add(w);
    }
}

/* The snapshot's side: it sees what was there when it began. */
static void look_at_picture(struct world *w) {
    if (!w->old.ptr) return;
    value_is(w->old, &w->picture);
    record_round(w, w->old, &w->picture);
}

static void run_world(uint64_t seed, unsigned names, int64_t entries, int64_t longest, unsigned steps) {
    struct world w = {.names = names, .limits = value_limits_default, .value = {NULL, TYPE_ZSET, VALUE_PACK}};
    w.limits.zset_max_listpack_entries = entries;
    w.limits.zset_max_listpack_value = longest;
    random_init(&w.random, seed);
    frozen_init(&w.frozen);
    w.model.rows = calloc(MODEL_MAX, sizeof *w.model.rows);
    w.picture.rows = calloc(MODEL_MAX, sizeof *w.picture.rows);
    for (unsigned i = 0; i < steps; i++) {
        if (!w.frozen.live && random_below(&w.random, 60) == 0) freeze(&w);
        if (!w.frozen.live && random_below(&w.random, 3) == 0) move_some(&w.moving, &w.value, &w.random);
        step(&w);
        if (w.frozen.live && random_below(&w.random, 40) == 0) {
            look_at_picture(&w);
            if (random_below(&w.random, 2))
                w.passed = true, w.old.ptr = NULL;
            else
                thaw(&w);
        }
        if (w.frozen.live && w.passed && random_below(&w.random, 10) == 0) thaw(&w);
        if (i % 16 == 0) {
            value_is(w.value, &w.model);
            memory_is(&w);
        }
    }
    if (w.frozen.live) thaw(&w);
    value_is(w.value, &w.model);
    memory_is(&w);
    if (w.value.ptr) value_free(w.value);
    free(w.model.rows);
    free(w.picture.rows);
    accounts_are_empty();
}

static void small_ones_do_as_the_model(void **state) {
    (void)state;
    uint64_t seed = seed_of_test();
    for (unsigned i = 0; i < 20; i++) run_world(seed + i, 40, 128, 64, 1500);
}

static void big_ones_do_as_the_model(void **state) {
    (void)state;
    uint64_t seed = seed_of_test();
    for (unsigned i = 0; i < 6; i++) run_world(seed + i, 2000, 0, 64, 6000);
}

static void growing_ones_do_as_the_model(void **state) {
    (void)state;
    uint64_t seed = seed_of_test();
    for (unsigned i = 0; i < 20; i++) run_world(seed + i, 120, 20, i % 2 ? 64 : 400, 2500);
}

/* ---- single facts ---- */
static struct value built(const char *const *names, const double *scores, size_t n, const struct value_limits *limits) {
    struct zset_builder b;
    zset_builder_init(&b);
    for (size_t i = 0; i < n; i++) assert_true(zset_builder_add(&b, slice_of_cstr(names[i]), scores[i]));
    return zset_builder_end(&b, limits);
}

static void members_ranges_in_both_forms(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    static const double zeros[5];
    struct value v[2] = {built(names, zeros, 5, &value_limits_default), built(names, zeros, 5, NULL)};
    static const struct {
        struct zset_members range;
        size_t from, to;
    } cases[] = {
        {{{ZSET_LOWEST, {NULL, 0}}, {ZSET_HIGHEST, {NULL, 0}}}, 0, 5},
        {{{ZSET_CLOSED, {"b", 1}}, {ZSET_OPEN, {"d", 1}}}, 1, 3},
        {{{ZSET_OPEN, {"b", 1}}, {ZSET_CLOSED, {"d", 1}}}, 2, 4},
        {{{ZSET_OPEN, {"b", 1}}, {ZSET_OPEN, {"b", 1}}}, 0, 0},
        {{{ZSET_HIGHEST, {NULL, 0}}, {ZSET_LOWEST, {NULL, 0}}}, 0, 0},
        {{{ZSET_CLOSED, {"bb", 2}}, {ZSET_HIGHEST, {NULL, 0}}}, 2, 5},
    };
    struct model m = {calloc(5, sizeof *m.rows), 5};
    for (size_t i = 0; i < 5; i++) {
        m.rows[i].len = 1;
        m.rows[i].name[0] = names[i][0];
    }
    for (size_t i = 0; i < countof(cases) * 4; i++) {
        struct zset_walk w;
        zset_walk_members(&w, v[i & 1], &cases[i / 4].range, i & 2);
        walk_is(&w, &m, cases[i / 4].from, cases[i / 4].to, i & 2);
    }
    free(m.rows);
    value_free(v[0]);
    value_free(v[1]);
    accounts_are_empty();
}

/* "zset-bad" bytes of every kind leave nothing behind. */
static void refused(uint8_t type, const char *bytes, size_t n) {
    struct rdb_reader reader = {(const unsigned char *)bytes, (const unsigned char *)bytes + n};
    struct rdb_input in;
    struct value v = {NULL, TYPE_ZSET, VALUE_PACK};
    rdb_input_init(&in, &reader);
    bool read = zset_kind.rdb_read(type, &in, &value_limits_default, 0, &v);
    assert_false(read);
    assert_non_null(in.why);
    rdb_input_release(&in);
    accounts_are_empty();
}

static void corrupt_records_are_refused(void **state) {
    (void)state;
    static const char nan_bits[] = "\x01\x01"
                                   "a\0\0\0\0\0\0\xf8\x7f";
    static const char twice[] = "\x02\x01"
                                "a\0\0\0\0\0\0\0\0\x01"
                                "a\0\0\0\0\0\0\xf0\x3f";
    static const char text_nan[] = "\x01\x01"
                                   "a\xfd";
    static const char huge[] = "\x80\x7f\xff\xff\xff\x01"
                               "a";
    refused(RDB_TYPE_ZSET_2, nan_bits, sizeof nan_bits - 1);
    refused(RDB_TYPE_ZSET_2, twice, sizeof twice - 1);
    refused(RDB_TYPE_ZSET, text_nan, sizeof text_nan - 1);
    refused(RDB_TYPE_ZSET_2, huge, sizeof huge - 1);
    struct buf bytes;
    buf_init(&bytes, MEM_SERVER);
    static const int second[] = {1, 7, 8, 9, 300, 599}; /* near enough to be under way at the same time, or not */
    for (size_t k = 0; k < countof(second); k++) {
        buf_clear(&bytes);
        rdb_write_length(&bytes, 600);
        for (int i = 0; i < 600; i++) {
            rdb_write_integer(&bytes, i == second[k] ? 0 : i);
            rdb_write_u64_le(&bytes, 0);
        }
        refused(RDB_TYPE_ZSET_2, bytes.ptr, bytes.len);
    }
    buf_release(&bytes);
    refused(RDB_TYPE_ZSET_LISTPACK, "\x07\x07\0\0\0\0\0\0", 8);
    refused(RDB_TYPE_ZSET_ZIPLIST, "\x03xyz", 4);
}

/* A pack whose members stand twice, have no score, or are out of order: only the last is put right. */
static void packs_are_looked_through(void **state) {
    (void)state;
    static const char *const packs[][4] = {
        {"a", "1", "a", "2"}, {"a", "x", "b", "2"}, {"b", "2", "a", "1"}, {"a", "1", "b", NULL}};
    for (size_t i = 0; i < countof(packs); i++) {
        struct pack *p = pack_new(MEM_SERVER);
        for (size_t j = 0; j < 4 && packs[i][j]; j++) p = pack_append(MEM_SERVER, p, slice_of_cstr(packs[i][j]));
        struct buf bytes;
        buf_init(&bytes, MEM_PERSIST);
        rdb_write_string(&bytes, slice_of((const char *)p, pack_bytes(p)), false);
        if (i != 2) {
            refused(RDB_TYPE_ZSET_LISTPACK, bytes.ptr, bytes.len);
        } else {
            struct rdb_reader reader = {(const unsigned char *)bytes.ptr, (const unsigned char *)bytes.ptr + bytes.len};
            struct rdb_input in;
            struct value v;
            uint64_t rank;
            rdb_input_init(&in, &reader);
            assert_true(zset_kind.rdb_read(RDB_TYPE_ZSET_LISTPACK, &in, &value_limits_default, 0, &v));
            assert_true(zset_rank(v, SLICE("a"), &rank, NULL) && rank == 0);
            value_free(v);
            rdb_input_release(&in);
        }
        buf_release(&bytes);
        pack_free(MEM_SERVER, p);
    }
    accounts_are_empty();
}

/* Old text scores: "inf", "-inf" and digits. */
static void old_records_are_read(void **state) {
    (void)state;
    static const char record[] = "\x03\x01"
                                 "a\xfe\x01"
                                 "b\xff\x01"
                                 "c\x03"
                                 "1.5";
    struct rdb_reader reader = {(const unsigned char *)record, (const unsigned char *)record + sizeof record - 1};
    struct rdb_input in;
    struct value v;
    double score;
    rdb_input_init(&in, &reader);
    assert_true(zset_kind.rdb_read(RDB_TYPE_ZSET, &in, &value_limits_default, 0, &v));
    assert_int_equal(zset_count(v), 3);
    assert_true(zset_score(v, SLICE("a"), &score) && score == INFINITY);
    assert_true(zset_score(v, SLICE("b"), &score) && score == -INFINITY);
    assert_true(zset_score(v, SLICE("c"), &score) && score == 1.5);
    assert_string_equal(zset_kind.encoding(v), "listpack");
    value_free(v);
    rdb_input_release(&in);
    accounts_are_empty();
}

static void a_member_takes_little(void **state) {
    (void)state;
    struct zset_builder b;
    char name[32];
    zset_builder_init(&b);
    for (unsigned i = 0; i < 100000; i++)
        zset_builder_add(&b, slice_of(name, (size_t)snprintf(name, sizeof name, "member:%07u", i)), i);
    struct value v = zset_builder_end(&b, &value_limits_default);
    printf("100000 members of 14 bytes: %.1f bytes each\n", (double)value_memory(v) / 1e5);
    assert_true(value_memory(v) < 60 * 100000);
    value_free(v);
    accounts_are_empty();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_ranges_in_both_forms), cmocka_unit_test(small_ones_do_as_the_model),
        cmocka_unit_test(growing_ones_do_as_the_model), cmocka_unit_test(big_ones_do_as_the_model),
        cmocka_unit_test(corrupt_records_are_refused),  cmocka_unit_test(packs_are_looked_through),
        cmocka_unit_test(old_records_are_read),         cmocka_unit_test(a_member_takes_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
