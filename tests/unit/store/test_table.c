#include "world.h"

/* Waves of growth and shrinking down to nothing, every kind of hash: each step is checked against the model. */
static void waves(hash_kind *hash, size_t keys, size_t steps, uint64_t seed) {
    struct world w;
    world_init(&w, hash, keys, seed);
    for (size_t i = 0; i < steps; i++) {
        unsigned lean = i / (keys * 3) % 2 ? 40 : 220;
        world_step(&w, lean);
        if (i % (steps / 40) == 0) world_check(&w);
    }
    world_check(&w);
    for (uint64_t key = 0; key < keys; key++) {
        table_slot *slot = world_find(&w, key);
        if (slot) world_remove(&w, key, slot);
    }
    world_check(&w);
    assert_true(w.table.count == 0 && w.table.depth == 0 && w.table.segments <= 1);
    assert_true(w.table.bytes <= 128);
    world_release(&w);
}

static void test_against_model(void **state) {
    (void)state;
    uint64_t seed = test_seed();
    static const size_t sizes[] = {3, 8, 30, 200, 1000, 6000, 50000};
    for (size_t kind = 0; kind < countof(hash_kinds); kind++)
        for (size_t i = 0; i < countof(sizes); i++)
            waves(hash_kinds[kind], sizes[i], sizes[i] < 1000 ? 60000 : 240000, seed + i);
}

static void test_large(void **state) {
    (void)state;
    waves(hash_good, 600000, 4000000, test_seed());
}

static void test_empty(void **state) {
    (void)state;
    struct world w;
    world_init(&w, hash_good, 1, 1);
    assert_null(world_find(&w, 0));
    assert_null(table_random(&w.table, &w.random));
    table_each(&w.table, NULL, NULL);
    assert_true(table_scan(&w.table, 0, NULL, NULL) == 0);
    table_prefetch(&w.table, 7, 0);
    world_check(&w);
    table_release(&w.table);
    world_release(&w);
}

static void count_visit(void *arg, table_slot *slot) {
    unsigned *seen = arg;
    seen[((struct item *)table_slot_entry(slot))->key]++;
}

static void test_each_visits_all_once(void **state) {
    (void)state;
    struct world w;
    world_init(&w, hash_good, 5000, 1);
    unsigned *seen = calloc(w.keys, sizeof *seen);
    for (uint64_t key = 0; key < w.keys; key += 2) world_insert(&w, key);
    table_each(&w.table, count_visit, seen);
    for (uint64_t key = 0; key < w.keys; key++) assert_int_equal(seen[key], key % 2 == 0);
    free(seen);
    world_release(&w);
}

/* Chi square of 100 throws an entry: far outside the noise when some entries are twice as likely as others. Sizes where
 * the segments differ in depth and in buckets. */
static void test_random_is_uniform(void **state) {
    (void)state;
    uint64_t seed = test_seed();
    static const size_t sizes[] = {1, 2, 7, 8, 60, 500, 700, 1500};
    for (size_t i = 0; i < countof(sizes); i++) {
        struct world w;
        world_init(&w, hash_good, sizes[i], seed);
        unsigned *seen = calloc(w.keys, sizeof *seen);
        for (uint64_t key = 0; key < w.keys; key++) world_insert(&w, key);
        for (size_t n = 0; n < 100 * w.keys; n++) count_visit(seen, table_random(&w.table, &w.random));
        double chi = 0, freedom = (double)w.keys - 1;
        for (size_t key = 0; key < w.keys; key++) chi += (seen[key] - 100.0) * (seen[key] - 100.0) / 100.0;
        assert_true(chi < freedom + 40 + 0.5 * freedom); /* beyond 6 sigma at every size */
        free(seen);
        world_release(&w);
    }
}

/* A table emptied under a hash that does not spread: random must still end. */
static void test_random_in_a_sparse_table(void **state) {
    (void)state;
    struct world w;
    world_init(&w, hash_sequential, 3000, 1);
    for (uint64_t key = 0; key < w.keys; key++) world_insert(&w, key);
    for (uint64_t key = 1; key < w.keys; key++) {
        world_remove(&w, key, world_find(&w, key));
        assert_non_null(table_random(&w.table, &w.random));
    }
    assert_int_equal(((struct item *)table_slot_entry(table_random(&w.table, &w.random)))->key, 0);
    world_release(&w);
}

static void test_move(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 100, 3000};
    for (size_t i = 0; i < countof(sizes); i++) {
        struct world w;
        world_init(&w, hash_good, 3001, 1);
        for (uint64_t key = 0; key < sizes[i]; key++) world_insert(&w, key);
        struct table away;
        table_move(&away, &w.table);
        assert_true(w.table.count == 0 && w.table.bytes == 0 && !w.table.directory);
        table_verify(&away);
        world_insert(&w, 3000);
        table_release(&w.table);
        table_move(&w.table, &away);
        for (uint64_t key = 0; key < sizes[i]; key++) assert_non_null(world_find(&w, key));
        assert_null(world_find(&w, 3000));
        world_release(&w);
    }
}

/* At no size do an insertion and a removal in turn rebuild anything more than once. */
static void test_no_thrashing(void **state) {
    (void)state;
    struct world w;
    world_init(&w, hash_good, 2000, test_seed());
    for (uint64_t key = 0; key + 1 < w.keys; key++) {
        world_insert(&w, key);
        uint64_t last = w.keys - 1;
        int rebuilt = 0;
        for (int i = 0; i < 10; i++) {
            size_t bytes = w.table.bytes;
            if (i % 2)
                world_remove(&w, last, world_find(&w, last));
            else
                world_insert(&w, last);
            rebuilt += w.table.bytes != bytes;
        }
        assert_true(rebuilt <= 1);
    }
    for (uint64_t key = 0; key + 1 < w.keys; key++) {
        world_remove(&w, key, world_find(&w, key));
        uint64_t last = w.keys - 1;
        int rebuilt = 0;
        for (int i = 0; i < 10; i++) {
            size_t bytes = w.table.bytes;
            if (i % 2)
                world_remove(&w, last, world_find(&w, last));
            else
                world_insert(&w, last);
            rebuilt += w.table.bytes != bytes;
        }
        assert_true(rebuilt <= 2);
    }
    world_release(&w);
}

/* Never more than 30 bytes an entry once there are 8, in growth and in shrinking; 9 at best (64 bytes for 7). */
static void test_memory_stays_close(void **state) {
    (void)state;
    struct world w;
    world_init(&w, hash_good, 20000, test_seed());
    for (uint64_t key = 0; key < w.keys; key++) {
        world_insert(&w, key);
        if (key >= 8) assert_in_range(w.table.bytes / w.count, 9, 30);
    }
    for (uint64_t key = 0; key < w.keys; key++) {
        world_remove(&w, key, world_find(&w, key));
        if (w.count > 64) assert_in_range(w.table.bytes / w.count, 9, 48);
    }
    world_release(&w);
}

static void test_stats(void **state) {
    (void)state;
    struct world w;
    struct table_stats stats;
    world_init(&w, hash_good, 2000, 1);
    table_stats_read(&w.table, &stats);
    assert_true(stats.segments == 0 && stats.buckets == 0);
    for (uint64_t key = 0; key < w.keys; key++) world_insert(&w, key);
    table_stats_read(&w.table, &stats);
    assert_true(stats.segments == w.table.segments && stats.depth == w.table.depth);
    assert_true(stats.buckets * TABLE_SLOTS >= w.count && stats.displaced < w.count);
    world_release(&w);
}

/* Room for all, for too many and for too few: what stands in the end is as if it had grown, or shrunk, by itself. */
static void test_reserve(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 400, 2000, 20000, 100000}, reserves[] = {0, 1, 500, 20000, 300000};
    for (size_t i = 0; i < countof(sizes) * countof(reserves); i++) {
        struct world w;
        size_t n = sizes[i % countof(sizes)];
        world_init(&w, hash_good, n + 1, 1);
        for (uint64_t key = 0; key < n; key++) world_insert(&w, key);
        size_t grown_bytes = w.table.bytes;
        world_release(&w);
        world_init(&w, hash_good, n + 1, 1);
        table_reserve(&w.table, reserves[i / countof(sizes)]);
        world_check(&w);
        for (uint64_t key = 0; key < n; key++) world_insert(&w, key);
        world_check(&w);
        table_fit(&w.table, &w.frozen);
        world_check(&w);
        assert_true(w.table.bytes <= grown_bytes * 5 / 2 + 128);
        for (uint64_t key = 0; key < n; key++) world_remove(&w, key, world_find(&w, key));
        world_check(&w);
        assert_true(w.table.count == 0 && w.table.segments <= 1 && w.table.bytes <= 128);
        world_release(&w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_each_visits_all_once),
        cmocka_unit_test(test_random_is_uniform),
        cmocka_unit_test(test_random_in_a_sparse_table),
        cmocka_unit_test(test_move),
        cmocka_unit_test(test_no_thrashing),
        cmocka_unit_test(test_memory_stays_close),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_reserve),
    };
    return cmocka_run_group_tests_name("store/table", tests, NULL, NULL);
}
