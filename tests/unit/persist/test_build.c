#include "persist/build_int.h"

#include "base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static _Atomic bool cancelled;

static struct load_progress progress;
static struct record_rules rules;

static struct dataset *start(struct builder *b) {
    static const struct siphash_seed seed = {1, 2};
    struct dataset *ds = dataset_new(2, &seed);
    cancelled = false;
    progress = (struct load_progress){0};
    rules = (struct record_rules){.name = "test", .limits = dataset_limits(ds), .progress = &progress};
    builder_init(b, ds, &rules, &cancelled);
    return ds;
}

static void finish(struct builder *b, struct dataset *ds) {
    builder_release(b);
    dataset_free(ds);
}

static void add(struct builder *b, unsigned number) {
    char key[32];
    size_t n = (size_t)snprintf(key, sizeof key, "key:%u", number);
    struct entry *e = entry_new_string(slice_of(key, n), SLICE("value"), NO_EXPIRE);
    batch_add_made(builder_batch(b), e, -1, (int64_t)number * 10);
}

/* A record that is still to be made: key and value as a file has them, kept in `bytes`. */
static void add_raw(struct builder *b, char bytes[64], unsigned number, const char *value, size_t n) {
    int key = snprintf(bytes, 64, "key:%u", number);
    memcpy(bytes + key, value, n);
    batch_add_record(builder_batch(b), RDB_TYPE_STRING, slice_of(bytes, (size_t)key), (uint32_t)n, NO_EXPIRE, -1,
                     (int64_t)number * 10);
}

/* Batches of a key each are handed over faster than they are adopted: the parser's side waits for empty ones. */
static void test_many_small_batches(void **state) {
    (void)state;
    struct builder b;
    struct dataset *ds = start(&b);
    for (unsigned i = 0; i < 20000; i++) {
        add(&b, i);
        assert_int_equal(builder_hand(&b, dataset_db(ds, i / 10000), 3000), BATCH_FINE);
        assert_int_equal(builder_batch(&b)->count, 0);
    }
    add(&b, 20000);
    assert_int_equal(builder_flush(&b, dataset_db(ds, 0)), BATCH_FINE);
    assert_int_equal(db_keys(dataset_db(ds, 0)), 10001);
    assert_int_equal(db_keys(dataset_db(ds, 1)), 10000);
    finish(&b, ds);
}

/* The first duplicate stands, whenever it is told; what comes after it is not adopted and not lost. */
static void test_duplicate(void **state) {
    (void)state;
    for (unsigned at = 0; at < 9; at++) {
        struct builder b;
        struct dataset *ds = start(&b);
        enum batch_result result = BATCH_FINE;
        for (unsigned i = 0; i < 10 && result == BATCH_FINE; i++) {
            add(&b, 100 + i);
            if (i == at) add(&b, 100 + i);
            result = builder_hand(&b, dataset_db(ds, 0), 0);
        }
        assert_int_equal(builder_wait(&b), BATCH_DUPLICATE);
        assert_int_equal(b.faulty->keys[b.faulty->fault].offset, (100 + at) * 10);
        assert_int_equal(db_keys(dataset_db(ds, 0)), at + 1);
        finish(&b, ds);
    }
}

/* Batches are made by either thread, and out of turn; each record lands all the same. */
static void test_records(void **state) {
    (void)state;
    enum { BATCHES = 500, RECORDS = 20 };
    static char bytes[BATCHES][RECORDS][64];
    struct builder b;
    struct dataset *ds = start(&b);
    for (unsigned i = 0; i < BATCHES; i++) {
        for (unsigned j = 0; j < RECORDS; j++) add_raw(&b, bytes[i][j], i * RECORDS + j, "\5value", 6);
        assert_int_equal(builder_hand(&b, dataset_db(ds, 0), 0), BATCH_FINE);
    }
    assert_int_equal(builder_wait(&b), BATCH_FINE);
    assert_int_equal(db_keys(dataset_db(ds, 0)), BATCHES * RECORDS);
    assert_int_equal(progress.loaded_keys, BATCHES * RECORDS);
    for (unsigned n = 0; n < BATCHES * RECORDS; n++) {
        char scratch[NUM_TEXT_MAX], text[32];
        struct slice key = slice_of(text, (size_t)snprintf(text, sizeof text, "key:%u", n));
        const struct entry *e = db_view(dataset_db(ds, 0), (struct key){key, dataset_hash(ds, key)}, VIEW_PLAIN);
        assert_non_null(e);
        assert_true(slice_equal(entry_string(e, scratch), SLICE("value")));
    }
    finish(&b, ds);
}

/* The broken record that stands first is told, though a later one may have been found earlier. */
static void test_broken_record(void **state) {
    (void)state;
    static char bytes[10][64];
    for (unsigned at = 0; at < 9; at++) {
        struct builder b;
        struct dataset *ds = start(&b);
        enum batch_result result = BATCH_FINE;
        for (unsigned i = 0; i < 10 && result == BATCH_FINE; i++) {
            if (i >= at)
                add_raw(&b, bytes[i], 100 + i, "\xc3\2\5\x01\x02", 5); /* compressed bytes that end too early */
            else
                add_raw(&b, bytes[i], 100 + i, "\5value", 6);
            result = builder_hand(&b, dataset_db(ds, 0), 0);
        }
        assert_int_equal(builder_wait(&b), BATCH_BROKEN);
        assert_int_equal(b.faulty->keys[b.faulty->fault].offset, (100 + at) * 10);
        assert_non_null(b.faulty->why);
        assert_int_equal(db_keys(dataset_db(ds, 0)), at);
        finish(&b, ds);
    }
}

static void test_cancel(void **state) {
    (void)state;
    struct builder b;
    struct dataset *ds = start(&b);
    add(&b, 1);
    assert_int_equal(builder_hand(&b, dataset_db(ds, 0), 0), BATCH_FINE);
    assert_int_equal(builder_wait(&b), BATCH_FINE);
    cancelled = true;
    add(&b, 2);
    assert_int_equal(builder_flush(&b, dataset_db(ds, 0)), BATCH_CANCELLED);
    assert_int_equal(db_keys(dataset_db(ds, 0)), 1);
    finish(&b, ds);
}

/* A small file starts no thread. */
static void test_flush_alone(void **state) {
    (void)state;
    struct builder b;
    struct dataset *ds = start(&b);
    for (unsigned i = 0; i < 2000; i++) add(&b, i);
    assert_int_equal(builder_flush(&b, dataset_db(ds, 1)), BATCH_FINE);
    assert_false(b.thread.running);
    assert_int_equal(db_keys(dataset_db(ds, 1)), 2000);
    finish(&b, ds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_small_batches), cmocka_unit_test(test_duplicate), cmocka_unit_test(test_records),
        cmocka_unit_test(test_broken_record),      cmocka_unit_test(test_cancel),    cmocka_unit_test(test_flush_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
