#include "persist/build_int.h"

#include "base/num.h"
#include "unit/values/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The first duplicate is told, whenever it is found; what comes after it is not lost. */
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
        assert_int_equal(builder_fault(&b).offset, (100 + at) * 10);
        assert_true(db_keys(dataset_db(ds, 0)) > at);
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
        assert_int_equal(builder_fault(&b).offset, (100 + at) * 10);
        assert_non_null(builder_fault(&b).why);
        assert_int_equal(db_keys(dataset_db(ds, 0)), at);
        finish(&b, ds);
    }
}

/* Keys of a small range, so that some come twice, in batches of random sizes, at times one broken record: of all faults the one that
 * stands first in the file is told, whatever has been found first. */
static void test_first_fault(void **state) {
    (void)state;
    enum { ROUNDS = 300, KEYS_MAX = 1500 };
    static char bytes[KEYS_MAX][64];
    struct random r = random_of_test();
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned keys = 1 + (unsigned)random_below(&r, KEYS_MAX), broken = (unsigned)random_below(&r, 2 * KEYS_MAX);
        unsigned range = keys * (1 + (unsigned)random_below(&r, 2 * KEYS_MAX)), first = UINT_MAX, distinct = 0;
        bool *seen = calloc(range, sizeof *seen);
        struct builder b;
        struct dataset *ds = start(&b);
        enum batch_result result = BATCH_FINE, expected = BATCH_FINE;
        for (unsigned i = 0; i < keys && result == BATCH_FINE; i++) {
            unsigned number = (unsigned)random_below(&r, range);
            int key = snprintf(bytes[i], 64, "key:%u", number);
            const char *value = i == broken ? "\xc3\2\5\x01\x02" : "\5value";
            size_t n = strlen(value);
            memcpy(bytes[i] + key, value, n);
            batch_add_record(builder_batch(&b), RDB_TYPE_STRING, slice_of(bytes[i], (size_t)key), (uint32_t)n,
                             NO_EXPIRE, -1, i);
            if (first == UINT_MAX && (i == broken || seen[number])) {
                first = i;
                expected = i == broken ? BATCH_BROKEN : BATCH_DUPLICATE;
            }
            distinct += first == UINT_MAX;
            seen[number] = true;
            if (random_below(&r, 40) == 0) result = builder_hand(&b, dataset_db(ds, 0), 0);
        }
        if (result == BATCH_FINE) builder_flush(&b, dataset_db(ds, 0));
        assert_int_equal(builder_wait(&b), expected);
        if (expected != BATCH_FINE)
            assert_int_equal(builder_fault(&b).offset, first);
        else
            assert_int_equal(db_keys(dataset_db(ds, 0)), distinct);
        free(seen);
        finish(&b, ds);
    }
}

/* So many keys that partitions fill, in two databases by turns; then they end with keys in them. */
static void test_partitions(void **state) {
    (void)state;
    enum { KEYS = 300000, PART = 10000 };
    struct builder b;
    struct dataset *ds = start(&b);
    for (unsigned i = 0; i < KEYS; i++) {
        add(&b, i);
        if (i % PART != PART - 1) continue;
        assert_int_equal(builder_hand(&b, dataset_db(ds, i / (KEYS / 2)), KEYS / 2), BATCH_FINE);
    }
    assert_int_equal(builder_wait(&b), BATCH_FINE);
    for (unsigned d = 0; d < 2; d++) assert_int_equal(db_keys(dataset_db(ds, d)), KEYS / 2);
    assert_int_equal(progress.loaded_keys, KEYS);
    assert_int_equal(b.partitions.count, 0);
    for (unsigned i = 0; i < 3; i++) add(&b, KEYS + i);
    assert_int_equal(builder_hand(&b, dataset_db(ds, 0), 0), BATCH_FINE);
    finish(&b, ds);
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
        cmocka_unit_test(test_many_small_batches),
        cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_broken_record),
        cmocka_unit_test(test_first_fault),
        cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_flush_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
