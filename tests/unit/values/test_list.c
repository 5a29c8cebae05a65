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
#include "values/list.h"
#include "wire/rdb_io.h"

/* Fewer steps where each costs ten times as much. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEPS(n) ((n) / 8)
#else
#define STEPS(n) (n)
#endif

static uint64_t seed_of_test(void) {
    const char *given = getenv("TARN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_wall_us();
    printf("TARN_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* ---- texts: elements of the model are numbers of these, which all differ ---- */
#define TEXTS 400
static struct slice texts[TEXTS];

static int make_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < TEXTS; i++) {
        size_t len = i < 200   ? 8 + i % 40
                     : i < 300 ? 50 + i % 100
                     : i < 340 ? 300 * (i % 20)
                     : i < 399 ? i % 12 + 2
                               : 0;
        if (i == 398) len = 20000;
        if (len < 8 && i < 399) len = 8;
        char *text = malloc(len + 1);
        memset(text, 'a' + (int)(i % 26), len + 1);
        if (i % 3 == 0 && i < 120)
            len = (size_t)sprintf(text, "%d", (int)(i * i * 37) - 5000);
        else if (len >= 8)
            memcpy(text, (char[8]){'t', (char)('0' + i / 100), (char)('0' + i / 10 % 10), (char)('0' + i % 10)}, 4);
        texts[i] = slice_of(text, len);
    }
    return 0;
}

static int free_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < TEXTS; i++) free((void *)(uintptr_t)texts[i].ptr);
    return 0;
}

/* ---- a list beside an array of it ---- */
#define MODEL_MAX 60000
struct model {
    uint16_t *items;
    size_t count;
};

struct world {
    struct value value;
    struct value_limits limits;
    struct frozen frozen;
    bool outer_shared; /* the snapshot may read the value's outermost block */
    struct model model, frozen_model;
    struct value frozen_value;
    struct random random;
    struct moving moving;
    int64_t bytes_before;
};

static void world_init(struct world *w, uint64_t seed, int64_t size) {
    memset(w, 0, sizeof *w);
    w->value = (struct value){.type = TYPE_LIST, .form = VALUE_PACK};
    w->limits = value_limits_default;
    w->limits.list_max_listpack_size = size;
    w->model.items = malloc(MODEL_MAX * sizeof(uint16_t));
    w->frozen_model.items = malloc(MODEL_MAX * sizeof(uint16_t));
    frozen_init(&w->frozen);
    random_init(&w->random, seed);
    w->bytes_before = mem_owner_bytes(MEM_LISTS);
}

/* What keyspace does before a change (docs/design/values.md). */
static struct value_edit edit_begin(struct world *w) {
    struct value_edit e = value_edit_alone(w->value, &w->limits, 0);
    if (!w->frozen.live) return e;
    e.f = &w->frozen;
    if (w->value.ptr && w->value.form == VALUE_HEAD) {
        if (frozen_shared(&w->frozen, ((struct value_head *)w->value.ptr)->birth))
            e.value.ptr = list_kind.head_fork(w->value.ptr, &w->frozen);
    } else if (w->value.ptr && w->outer_shared) {
        proven(value_copy(w->value, &e.value));
        frozen_limbo(&w->frozen, MEM_LISTS, w->value.ptr, pack_bytes(w->value.ptr), 0);
    }
    w->outer_shared = false;
    return e;
}

static void edit_end(struct world *w, struct value_edit *e) {
    w->value = e->value;
    limbo_free(e->doomed);
}

static void freeze(struct world *w) {
    frozen_begin(&w->frozen);
    w->outer_shared = true;
    w->frozen_value = w->value;
    memcpy(w->frozen_model.items, w->model.items, w->model.count * sizeof(uint16_t));
    w->frozen_model.count = w->model.count;
}

static void assert_holds(struct value v, const struct model *m) {
    char scratch[NUM_TEXT_MAX];
    struct list_cursor c;
    assert_int_equal(m->count, list_length(v));
    if (m->count == 0) return;
    list_seek(v, 0, &c);
    for (size_t i = 0; i < m->count; i++) {
        assert_true(slice_equal(texts[m->items[i]], list_text(&c, scratch)));
        assert_true(list_next(&c) == (i + 1 < m->count));
    }
}

static void assert_memory(const struct world *w) {
    int64_t found = mem_owner_bytes(MEM_LISTS) - w->bytes_before;
    assert_int_equal(w->value.ptr ? (int64_t)value_memory(w->value) : 0, found);
}

static void thaw(struct world *w) {
    assert_holds(w->frozen_value, &w->frozen_model);
    struct limbo *limbo = frozen_end(&w->frozen);
    limbo_free(limbo);
    w->outer_shared = false;
    assert_memory(w);
}

static void world_release(struct world *w) {
    if (w->frozen.live) thaw(w);
    if (w->value.ptr) value_free(w->value);
    w->value.ptr = NULL;
    assert_memory(w);
    free(w->model.items);
    free(w->frozen_model.items);
}

/* ---- changes, of the list and of the model ---- */
static uint16_t any_text(struct world *w) {
    uint64_t kind = random_below(&w->random, 100);
    if (kind < 2) return (uint16_t)(random_below(&w->random, 50) ? 300 + random_below(&w->random, 40) : 398);
    if (kind < 10) return (uint16_t)(200 + random_below(&w->random, 100));
    if (kind < 20) return (uint16_t)(340 + random_below(&w->random, 60));
    return (uint16_t)random_below(&w->random, kind < 60 ? 5 : 200);
}

static void model_insert(struct model *m, size_t at, uint16_t text) {
    proven(m->count < MODEL_MAX);
    memmove(m->items + at + 1, m->items + at, (m->count++ - at) * sizeof *m->items);
    m->items[at] = text;
}

static void model_delete(struct model *m, size_t at, size_t n) {
    memmove(m->items + at, m->items + at + n, (m->count - at - n) * sizeof *m->items);
    m->count -= n;
}

static uint64_t model_delete_equal(struct model *m, uint16_t text, size_t most, enum list_end from) {
    uint64_t deleted = 0;
    for (size_t step = 0, n = m->count; step < n && (most == 0 || deleted < most); step++) {
        size_t at = from == LIST_HEAD ? step - deleted : n - 1 - step;
        if (m->items[at] != text) continue;
        model_delete(m, at, 1);
        deleted++;
    }
    return deleted;
}

static void change_insert(struct world *w, struct value_edit *e, uint16_t text) {
    size_t count = w->model.count, at = random_below(&w->random, count + 1);
    uint64_t kind = random_below(&w->random, 3);
    if (kind == 0) at = 0;
    if (kind == 1) at = count;
    if (kind == 2)
        list_insert(e, at, texts[text]);
    else
        list_push(e, kind == 0 ? LIST_HEAD : LIST_TAIL, texts[text]);
    model_insert(&w->model, at, text);
}

static void change_delete(struct world *w, struct value_edit *e) {
    size_t count = w->model.count, n = 1, at = 0;
    uint64_t kind = random_below(&w->random, 100);
    if (kind < 10) n = 1 + random_below(&w->random, count < 40 ? count : 40);
    if (kind < 2) n = 1 + random_below(&w->random, count);
    at = kind % 3 == 0 ? 0 : kind % 3 == 1 ? count - n : random_below(&w->random, count - n + 1);
    list_delete(e, at, n);
    model_delete(&w->model, at, n);
}

static void change_delete_equal(struct world *w, struct value_edit *e) {
    size_t count = w->model.count, most = random_below(&w->random, 4);
    uint16_t text = random_below(&w->random, 2) ? w->model.items[random_below(&w->random, count)] : any_text(w);
    enum list_end from = random_below(&w->random, 2) ? LIST_HEAD : LIST_TAIL;
    if (random_below(&w->random, 20)) most++; /* seldom all */
    struct list_sought sought = list_sought_of(texts[text]);
    uint64_t deleted = list_delete_equal(e, &sought, most, from);
    assert_int_equal(model_delete_equal(&w->model, text, most, from), deleted);
}

static void change(struct world *w, unsigned growth) {
    struct value_edit e = edit_begin(w);
    uint64_t kind = random_below(&w->random, 100);
    uint16_t text = any_text(w);
    if (w->model.count == 0 || (kind < growth && w->model.count < MODEL_MAX)) {
        change_insert(w, &e, text);
    } else if (kind >= 90) {
        size_t at = random_below(&w->random, w->model.count);
        list_replace(&e, at, texts[text]);
        w->model.items[at] = text;
    } else if (kind >= 85) {
        change_delete_equal(w, &e);
    } else {
        change_delete(w, &e);
    }
    edit_end(w, &e);
}

static void read_one(struct world *w) {
    char scratch[NUM_TEXT_MAX];
    struct list_cursor c;
    size_t at = random_below(&w->random, w->model.count);
    list_seek(w->value, at, &c);
    for (int step = 0; step < 5; step++) {
        struct slice text = texts[w->model.items[at]];
        struct list_sought sought = list_sought_of(text), other = list_sought_of(texts[any_text(w)]);
        assert_true(slice_equal(text, list_text(&c, scratch)) && list_matches(&c, &sought));
        assert_true(list_matches(&c, &other) == slice_equal(text, other.text));
        bool forward = random_below(&w->random, 2);
        bool more = forward ? list_next(&c) : list_prev(&c);
        assert_true(more == (forward ? at + 1 < w->model.count : at > 0));
        if (!more) return;
        at = forward ? at + 1 : at - 1;
    }
}

static void run(uint64_t seed, int64_t size, int steps) {
    struct world w;
    unsigned growth = 60;
    world_init(&w, seed, size);
    for (int step = 0; step < steps; step++) {
        if (step % 700 == 0) growth = (unsigned)(30 + random_below(&w.random, 50));
        change(&w, growth);
        if (w.model.count > 0) read_one(&w);
        if (random_below(&w.random, 4) == 0 && !w.frozen.live) move_some(&w.moving, &w.value, &w.random);
        if (random_below(&w.random, 150) == 0 && !w.frozen.live) freeze(&w);
        if (random_below(&w.random, 150) == 0 && w.frozen.live) thaw(&w);
        if (step % 50 == 0) {
            list_verify(w.value, &w.limits);
            assert_holds(w.value, &w.model);
            if (!w.frozen.live) assert_memory(&w);
        }
    }
    world_release(&w);
}

static void test_changes_as_an_array_does(void **state) {
    static const int64_t sizes[] = {-1, -2, -5, -6, 0, 1, 3, 128, 100000};
    uint64_t seed = seed_of_test();
    (void)state;
    for (size_t i = 0; i < countof(sizes); i++) run(seed + i, sizes[i], STEPS(12000));
}

/* ---- forms ---- */
static void push_n(struct world *w, size_t n, const char *text) {
    struct value_edit e = edit_begin(w);
    for (size_t i = 0; i < n; i++) list_push(&e, LIST_TAIL, slice_of_cstr(text));
    edit_end(w, &e);
}

static void delete_n(struct world *w, size_t n) {
    struct value_edit e = edit_begin(w);
    list_delete(&e, 0, n);
    edit_end(w, &e);
}

static void assert_form(const struct world *w, const char *expected) {
    assert_string_equal(expected, list_kind.encoding(w->value));
}

static void test_form_by_count(void **state) {
    struct world w;
    (void)state;
    world_init(&w, 1, 10);
    push_n(&w, 10, "x");
    assert_form(&w, "listpack");
    push_n(&w, 1, "x");
    assert_form(&w, "quicklist");
    delete_n(&w, 5);
    assert_form(&w, "quicklist");
    delete_n(&w, 1);
    assert_form(&w, "listpack");
    world_release(&w);
}

static void test_form_by_bytes(void **state) {
    struct world w;
    char text[1001] = {0};
    (void)state;
    memset(text, 'x', 1000);
    world_init(&w, 1, -2);
    push_n(&w, 8, text); /* 7 + 8 * 1004 = 8039 */
    assert_form(&w, "listpack");
    push_n(&w, 1, text);
    assert_form(&w, "quicklist");
    delete_n(&w, 4);
    assert_form(&w, "quicklist");
    delete_n(&w, 1);
    assert_form(&w, "listpack");
    world_release(&w);
}

static void test_long_element_alone(void **state) {
    struct world w;
    (void)state;
    world_init(&w, 1, -1);
    push_n(&w, 3, "x");
    struct value_edit e = edit_begin(&w);
    list_insert(&e, 1, texts[398]);
    edit_end(&w, &e);
    assert_form(&w, "quicklist");
    list_verify(w.value, &w.limits);
    e = edit_begin(&w);
    list_delete(&e, 1, 1);
    edit_end(&w, &e);
    assert_form(&w, "listpack");
    world_release(&w);
}

static void test_element_too_long(void **state) {
    (void)state;
    assert_true(list_holds(SLICE("")));
    assert_false(list_holds(slice_of("", LIST_ELEMENT_MAX + 1)));
    mem_fail_after(1, 1 << 20);
    assert_false(list_holds(slice_of("", 2 << 20)));
    mem_fail_after(0, 0);
    assert_true(list_holds(slice_of("", 2 << 20)));
}

/* Random places of a million elements: every one costs a few microseconds at most, or this takes minutes. */
static void test_million(void **state) {
    struct world w;
    char text[32], scratch[NUM_TEXT_MAX];
    (void)state;
    world_init(&w, 1, -2);
    struct value_edit e = edit_begin(&w);
    size_t n = STEPS(1000000);
    for (size_t i = 0; i < n; i++)
        list_push(&e, LIST_TAIL, slice_of(text, (size_t)snprintf(text, sizeof text, "e%zu", i)));
    for (size_t i = 0; i < n / 10; i++) list_insert(&e, random_below(&w.random, n), SLICE("y"));
    for (size_t i = 0; i < n / 10; i++) list_delete(&e, random_below(&w.random, n), 1);
    edit_end(&w, &e);
    assert_int_equal(n, list_length(w.value));
    list_verify(w.value, &w.limits);
    e = edit_begin(&w);
    list_delete(&e, 100, n - 200);
    edit_end(&w, &e);
    struct list_cursor c;
    list_seek(w.value, 0, &c);
    assert_true(list_text(&c, scratch).len > 0);
    assert_int_equal(200, list_length(w.value));
    list_verify(w.value, &w.limits);
    world_release(&w);
}

static void test_copy_shares_nothing(void **state) {
    struct world w;
    struct value copy;
    (void)state;
    world_init(&w, seed_of_test(), -1);
    for (int i = 0; i < 3000; i++) change(&w, 90);
    assert_form(&w, "quicklist");
    assert_true(value_copy(w.value, &copy));
    assert_holds(copy, &w.model);
    list_verify(copy, &w.limits);
    value_free(w.value);
    w.value = copy;
    assert_holds(copy, &w.model);
    world_release(&w);
}

/* A deletion of many packs hands them over instead of freeing them. */
static void test_frees_are_bounded(void **state) {
    struct world w;
    (void)state;
    world_init(&w, 1, 1);
    push_n(&w, 1000, "x");
    struct value_edit e = edit_begin(&w);
    list_delete(&e, 1, 900);
    assert_non_null(e.doomed);
    assert_true(e.freed >= VALUE_FREES_MAX);
    edit_end(&w, &e);
    e = edit_begin(&w);
    list_delete(&e, 0, 100);
    assert_non_null(e.doomed);
    edit_end(&w, &e);
    assert_null(w.value.ptr);
    world_release(&w);
}

/* ---- records ---- */
static bool read_record(uint8_t type, struct slice bytes, const struct value_limits *limits, struct value *out) {
    struct rdb_reader window = {(const unsigned char *)bytes.ptr, (const unsigned char *)bytes.ptr + bytes.len};
    struct rdb_input in;
    rdb_input_init(&in, &window);
    bool read = list_kind.rdb_read(type, &in, limits, 0, out);
    assert_true(read == !in.why);
    if (read) assert_ptr_equal(window.at, window.end);
    rdb_input_release(&in);
    return read;
}

static void write_record(struct value v, int version, struct buf *b) {
    buf_init(b, MEM_PERSIST);
    struct rdb_sink sink = {.out = b, .compress = version % 2 == 0, .version = version};
    assert_true(list_kind.rdb_write(v, &sink));
}

static void round_trip(struct world *w, int version, int64_t size) {
    struct buf b;
    struct value out;
    struct value_limits limits = w->limits;
    limits.list_max_listpack_size = size;
    write_record(w->value, version, &b);
    assert_true(read_record(list_kind.rdb_type(w->value, version), buf_slice(&b), &limits, &out));
    assert_holds(out, &w->model);
    list_verify(out, &limits);
    value_free(out);
    buf_release(&b);
}

static void test_records_come_back(void **state) {
    struct world w;
    (void)state;
    world_init(&w, seed_of_test(), -2);
    for (int i = 0; i < 4000; i++) {
        change(&w, 70);
        if (w.model.count == 0 || i % 200 != 7) continue;
        for (int version = 6; version <= 11; version++)
            round_trip(&w, version, (int64_t[]){-2, -1, 3, 1, -5}[i / 200 % 5]);
    }
    world_release(&w);
}

/* Whatever is read of a damaged record is a list, or nothing is left behind. */
static void test_damaged_records(void **state) {
    struct world w;
    struct buf b;
    (void)state;
    world_init(&w, seed_of_test(), 8);
    for (int i = 0; i < 30; i++) {
        struct value_edit e = edit_begin(&w);
        change_insert(&w, &e, (uint16_t)(i * 3));
        edit_end(&w, &e);
    }
    for (int version = 9; version <= 10; version++) {
        write_record(w.value, version, &b);
        uint8_t type = list_kind.rdb_type(w.value, version);
        for (size_t n = 0; n < b.len; n++) {
            struct value out = {0};
            if (n + 1 < b.len) assert_false(read_record(type, slice_of(b.ptr, n), &w.limits, &out));
            for (int flip = 1; flip < 256; flip += 7) {
                struct rdb_reader window = {(unsigned char *)b.ptr, (unsigned char *)b.ptr + b.len};
                struct rdb_input in;
                b.ptr[n] = (char)(b.ptr[n] ^ flip);
                rdb_input_init(&in, &window);
                if (list_kind.rdb_read(type, &in, &w.limits, 0, &out) && out.ptr) {
                    list_verify(out, &w.limits);
                    value_free(out);
                }
                rdb_input_release(&in);
                b.ptr[n] = (char)(b.ptr[n] ^ flip);
            }
        }
        buf_release(&b);
    }
    world_release(&w);
}

static void assert_reads(uint8_t type, struct slice bytes, const char *expected) {
    struct value out;
    char found[256] = "", scratch[NUM_TEXT_MAX];
    struct list_cursor c;
    assert_true(read_record(type, bytes, &value_limits_default, &out));
    list_seek(out, 0, &c);
    do {
        struct slice text = list_text(&c, scratch);
        snprintf(found + strlen(found), sizeof found - strlen(found), "%.*s,", (int)text.len, text.ptr);
    } while (list_next(&c));
    assert_string_equal(expected, found);
    list_verify(out, &value_limits_default);
    value_free(out);
}

#define EMPTY_ZIPLIST "\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff"
#define PACK          "\x0c\x00\x00\x00\x02\x00\x81\x62\x02\x07\x01\xff"

static void test_old_records(void **state) {
    struct value out;
    (void)state;
    assert_reads(RDB_TYPE_LIST, SLICE("\x03\x01\x61\xc0\xff\x00"), "a,-1,,");
    assert_reads(RDB_TYPE_LIST_QUICKLIST_2, SLICE("\x02\x02\x0c" PACK "\x01\x02hi"), "b,7,hi,");
    assert_reads(RDB_TYPE_LIST_QUICKLIST_2, SLICE("\x02\x02\x07\x07\x00\x00\x00\x00\x00\xff\x02\x0c" PACK), "b,7,");
    assert_true(read_record(RDB_TYPE_LIST_QUICKLIST, SLICE("\x01\x0b" EMPTY_ZIPLIST), &value_limits_default, &out));
    assert_null(out.ptr);
    assert_true(read_record(RDB_TYPE_LIST, SLICE("\x00"), &value_limits_default, &out));
    assert_null(out.ptr);
    assert_false(read_record(RDB_TYPE_LIST_QUICKLIST_2, SLICE("\x01\x03\x01x"), &value_limits_default, &out));
    assert_false(read_record(RDB_TYPE_LIST, SLICE("\x80\x7f\xff\xff\xff"), &value_limits_default, &out));
    assert_false(read_record(RDB_TYPE_LIST_ZIPLIST, SLICE("\x03xyz"), &value_limits_default, &out));
}

static void test_ziplists(void **state) {
    static const char ziplist[] = "\x11\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01\x61\x03\xfe\x2a\xff";
    char twice[64] = {2};
    (void)state;
    for (int i = 0; i < 2; i++) {
        twice[1 + i * 18] = 17;
        memcpy(twice + 2 + i * 18, ziplist, 17);
    }
    assert_reads(RDB_TYPE_LIST_ZIPLIST, slice_of(twice + 1, 18), "a,42,");
    assert_reads(RDB_TYPE_LIST_QUICKLIST, slice_of(twice, 37), "a,42,a,42,");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_as_an_array_does),
        cmocka_unit_test(test_form_by_count),
        cmocka_unit_test(test_form_by_bytes),
        cmocka_unit_test(test_long_element_alone),
        cmocka_unit_test(test_element_too_long),
        cmocka_unit_test(test_million),
        cmocka_unit_test(test_copy_shares_nothing),
        cmocka_unit_test(test_frees_are_bounded),
        cmocka_unit_test(test_records_come_back),
        cmocka_unit_test(test_damaged_records),
        cmocka_unit_test(test_old_records),
        cmocka_unit_test(test_ziplists),
    };
    return cmocka_run_group_tests_name("values/list", tests, make_texts, free_texts);
}
