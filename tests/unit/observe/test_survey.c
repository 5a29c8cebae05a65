/* A walk over a small dataset, beside what was put there; prefixes beside exact counts; the shelf. */
#include "base/check.h"
#include "keyspace/db.h"
#include "observe/prefix_shelf.h"
#include "observe/prefixes.h"
#include "values/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/values/seed.h"

#define NOW_MS INT64_C(1000000000000)
#define GROUPS 40000

struct ground {
    struct dataset *ds;
    int64_t shares[2], walked_keys;
    atomic_bool stop;
    _Atomic int64_t walked;
    struct survey survey;
};

static int setup(void **state) {
    struct ground *g = calloc(1, sizeof *g);
    struct siphash_seed seed = {3, 4};
    g->ds = dataset_new(2, &seed);
    dataset_set_now(g->ds, NOW_MS);
    *state = g;
    return 0;
}

static int teardown(void **state) {
    struct ground *g = *state;
    dataset_free(g->ds);
    free(g);
    return 0;
}

static void put(struct ground *g, unsigned db, struct slice name, struct slice value, int64_t ttl_ms) {
    struct key key = {name, dataset_hash(g->ds, name)};
    assert_true(db_put_string(dataset_db(g->ds, db), key, value, ttl_ms ? NOW_MS + ttl_ms : NO_EXPIRE, PUT_PLAIN));
}

static struct survey_walk walk_of(struct ground *g) {
    return (struct survey_walk){.now_ms = NOW_MS,
                                .shares = g->shares,
                                .stop = &g->stop,
                                .walked = &g->walked,
                                .delimiter = SLICE(":"),
                                .depth = 1};
}

static bool walk(struct ground *g, struct survey_walk *w) {
    struct dataset_frozen *frozen = dataset_freeze(g->ds);
    bool done = survey_walk(w, frozen);
    dataset_thaw(g->ds, frozen);
    return done;
}

static void put_list(struct ground *g, struct slice name, int elements) {
    struct key key = {name, dataset_hash(g->ds, name)};
    struct db_edit e;
    assert_true(db_edit_begin(dataset_db(g->ds, 0), key, TYPE_LIST, &e));
    for (int i = 0; i < elements; i++) list_push(&e.edit, LIST_TAIL, SLICE("an element"));
    db_edit_end(dataset_db(g->ds, 0), key, &e, true);
}

static void test_what_a_survey_tells(void **state) {
    struct ground *g = *state;
    struct survey *s = &g->survey;
    char value[1000];
    memset(value, 'x', sizeof value);
    put(g, 0, SLICE("number"), SLICE("17"), 0);
    put(g, 0, SLICE("short"), SLICE("text"), 30000);
    put(g, 1, SLICE("long"), slice_of(value, sizeof value), INT64_C(40) * 86400 * 1000);
    put(g, 1, SLICE("past"), SLICE("text"), -1);
    put_list(g, SLICE("list"), 5);
    g->shares[0] = 10;
    g->shares[1] = 20;
    struct survey_walk w = walk_of(g);
    w.survey = s;
    assert_true(walk(g, &w));
    assert_int_equal(s->all.keys, 5);
    assert_int_equal(g->walked, 5);
    assert_int_equal(w.counted.bytes, s->all.bytes);
    assert_int_equal(s->types[TYPE_STRING].all.keys, 4);
    assert_int_equal(s->types[TYPE_LIST].all.keys, 1);
    assert_int_equal(s->types[TYPE_LIST].elements, 5);
    assert_int_equal(s->encoding_count, 4); /* int, embstr, raw, listpack */
    assert_int_equal(s->ttls[SURVEY_NO_TTL].keys, 2);
    assert_int_equal(s->ttls[SURVEY_PAST].keys, 1);
    assert_int_equal(s->ttls[SURVEY_MINUTE].keys, 1);
    assert_int_equal(s->ttls[SURVEY_LATER].keys, 1);
    int64_t keys = 0, bytes = 0;
    for (int i = 0; i < SURVEY_SIZES; i++) {
        keys += s->sizes[i].keys;
        bytes += s->sizes[i].bytes;
        if (s->sizes[i].keys) assert_true(s->sizes[i].bytes <= s->sizes[i].keys * (INT64_C(16) << i));
    }
    assert_int_equal(keys, 5);
    assert_int_equal(bytes, s->all.bytes);
    struct key key = {SLICE("long"), dataset_hash(g->ds, SLICE("long"))};
    const struct entry *e = db_view(dataset_db(g->ds, 1), key, VIEW_NO_TOUCH);
    assert_int_equal(s->types[TYPE_STRING].biggest, (int64_t)entry_memory(e) + 20 + 8);
    assert_int_equal(s->types[TYPE_STRING].eligible_bytes, 1000);
    assert_true(survey_saving(&s->types[TYPE_STRING]) > 900);
}

static void test_a_walk_is_stopped(void **state) {
    struct ground *g = *state;
    put(g, 0, SLICE("a"), SLICE("1"), 0);
    put(g, 0, SLICE("b"), SLICE("1"), 0);
    struct survey_walk w = walk_of(g);
    g->stop = true;
    assert_false(walk(g, &w));
    assert_int_equal(g->walked, 1);
}

static void test_prefixes_of_keys(void **state) {
    static const struct {
        const char *key, *delimiter;
        unsigned depth;
        const char *prefix;
    } cases[] = {
        {"user:1:name", ":", 1, "user:"},
        {"user:1:name", ":", 2, "user:1:"},
        {"user:1:name", ":", 3, "user:1:"},
        {"plain", ":", 1, ""},
        {"", ":", 1, ""},
        {":x", ":", 1, ":"},
        {"a::b::c", "::", 2, "a::b::"},
        {"a:", ":", 4, "a:"},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct slice p = survey_prefix(slice_of_cstr(cases[i].key), slice_of_cstr(cases[i].delimiter), cases[i].depth);
        assert_true(slice_equal(p, slice_of_cstr(cases[i].prefix)));
    }
    char big[1000];
    memset(big, 'x', sizeof big);
    big[900] = ':';
    assert_int_equal(survey_prefix(slice_of(big, sizeof big), SLICE(":"), 1).len, SURVEY_PREFIX_MAX);
}

/* More prefixes than there are places, some with many keys and most with one or two: those that are shown are right within a
 * twentieth, those with most are shown, and with the others all keys are there. */
static void test_more_prefixes_than_places(void **state) {
    struct ground *g = *state;
    struct random r = random_of_test();
    struct survey_share *truth = calloc(GROUPS, sizeof *truth);
    char name[64];
    for (unsigned i = 0; i < 60000; i++) {
        unsigned group = (unsigned)(i < 15000 ? random_below(&r, 100) : random_below(&r, GROUPS));
        int n = snprintf(name, sizeof name, "%u:%u", group, i);
        put(g, 0, slice_of(name, (size_t)n), SLICE("a value of some length"), 0);
        truth[group].keys++;
    }
    struct survey_walk w = walk_of(g);
    w.prefixes = sketch_new(PREFIXES_PLACES, SURVEY_PREFIX_MAX);
    assert_true(walk(g, &w));
    struct prefix_report *report = prefix_report_new(&w, NOW_MS, 5);
    int64_t keys = report->others.keys, bytes = report->others.bytes;
    unsigned heavy = 0;
    assert_true(report->count > 0 && report->count <= PREFIXES_MAX);
    for (unsigned i = 0; i < report->count; i++) {
        const struct prefix_row *row = &report->rows[i];
        unsigned group = (unsigned)strtoul(row->name.ptr, NULL, 10);
        heavy += group < 100;
        assert_true((double)row->keys >= 0.95 * (double)truth[group].keys && row->keys <= truth[group].keys);
        keys += row->keys;
        bytes += row->bytes;
    }
    assert_int_equal(heavy, 100);
    assert_int_equal(keys, 60000);
    assert_int_equal(bytes, w.counted.bytes);
    prefix_report_drop(report);
    sketch_free(w.prefixes);
    free(truth);
}

static void test_the_shelf(void **state) {
    struct ground *g = *state;
    put(g, 0, SLICE("we\"ird\xff:k"), SLICE("1"), 0);
    int64_t before = mem_owner_bytes(MEM_OBSERVE);
    struct prefix_shelf *shelf = prefix_shelf_new();
    struct buf out;
    struct json j = {.out = &out};
    buf_init(&out, MEM_OBSERVE);
    assert_null(prefix_shelf_take(shelf));
    assert_false(prefix_shelf_wanted(shelf));
    prefix_shelf_want(shelf);
    assert_true(prefix_shelf_wanted(shelf) && !prefix_shelf_wanted(shelf));
    for (int i = 0; i < 2; i++) {
        struct survey_walk w = walk_of(g);
        w.prefixes = sketch_new(10, SURVEY_PREFIX_MAX);
        assert_true(walk(g, &w));
        prefix_shelf_put(shelf, prefix_report_new(&w, NOW_MS, 5));
        sketch_free(w.prefixes);
    }
    struct prefix_report *held = prefix_shelf_take(shelf);
    prefix_shelf_free(shelf); /* who holds it may still read it */
    json_open(&j, NULL, '{');
    prefix_report_json(held, NOW_MS + 7, 10, &j);
    json_close(&j, '}');
    buf_append(&out, "", 1);
    assert_non_null(strstr(out.ptr, "\"age_ms\":7,"));
    assert_non_null(strstr(out.ptr, "{\"prefix\":\"we\\u0022ird\\u00ff:\",\"keys\":1,"));
    prefix_report_drop(held);
    buf_release(&out);
    assert_int_equal(mem_owner_bytes(MEM_OBSERVE), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_a_survey_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_walk_is_stopped, setup, teardown),
        cmocka_unit_test(test_prefixes_of_keys),
        cmocka_unit_test_setup_teardown(test_more_prefixes_than_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_shelf, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
