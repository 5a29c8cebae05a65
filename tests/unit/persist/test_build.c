#include "persist/build_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

static _Atomic bool cancelled;

static struct dataset *start(struct builder *b) {
    static const struct siphash_seed seed = {1, 2};
    cancelled = false;
    builder_init(b, &cancelled);
    return dataset_new(2, &seed);
}

static void finish(struct builder *b, struct dataset *ds) {
    builder_release(b);
    dataset_free(ds);
}

static void add(struct builder *b, unsigned number) {
    char key[32];
    size_t n = (size_t)snprintf(key, sizeof key, "key:%u", number);
    struct entry *e = entry_new_string(slice_of(key, n), SLICE("value"), NO_EXPIRE);
    batch_add(builder_batch(b), (struct batch_key){.entry = e, .access = -1, .offset = (int64_t)number * 10});
}

/* Batches of a key each are handed over faster than they are adopted: the parser's side waits for empty ones. */
static void test_many_small_batches(void **state) {
    (void)state;
    struct builder b;
    struct dataset *ds = start(&b);
    for (unsigned i = 0; i < 20000; i++) {
        add(&b, i);
        assert_int_equal(builder_hand(&b, dataset_db(ds, i / 10000), 3000), BATCH_ADOPTED);
        assert_int_equal(builder_batch(&b)->count, 0);
    }
    add(&b, 20000);
    assert_int_equal(builder_flush(&b, dataset_db(ds, 0)), BATCH_ADOPTED);
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
        enum batch_result result = BATCH_ADOPTED;
        for (unsigned i = 0; i < 10 && result == BATCH_ADOPTED; i++) {
            add(&b, 100 + i);
            if (i == at) add(&b, 100 + i);
            result = builder_hand(&b, dataset_db(ds, 0), 0);
        }
        assert_int_equal(builder_wait(&b), BATCH_DUPLICATE);
        assert_int_equal(b.second.offset, (100 + at) * 10);
        assert_int_equal(db_keys(dataset_db(ds, 0)), at + 1);
        finish(&b, ds);
    }
}

static void test_cancel(void **state) {
    (void)state;
    struct builder b;
    struct dataset *ds = start(&b);
    add(&b, 1);
    assert_int_equal(builder_hand(&b, dataset_db(ds, 0), 0), BATCH_ADOPTED);
    assert_int_equal(builder_wait(&b), BATCH_ADOPTED);
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
    assert_int_equal(builder_flush(&b, dataset_db(ds, 1)), BATCH_ADOPTED);
    assert_false(b.thread.running);
    assert_int_equal(db_keys(dataset_db(ds, 1)), 2000);
    finish(&b, ds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_small_batches),
        cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_flush_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
