#include "world.h"

#include "mem/stats.h"

static const enum mem_owner owners[] = {MEM_STRINGS, MEM_TABLE, MEM_EXPIRY, MEM_LIMBO};

static void owners_read(int64_t bytes[countof(owners)]) {
    for (size_t i = 0; i < countof(owners); i++) bytes[i] = mem_owner_bytes(owners[i]);
}

static void owners_check(const int64_t before[countof(owners)]) {
    int64_t after[countof(owners)];
    owners_read(after);
    for (size_t i = 0; i < countof(owners); i++) assert_int_equal(before[i], after[i]);
}

static void against_model(unsigned keys, size_t big, unsigned steps, uint64_t seed) {
    struct world w;
    int64_t before[countof(owners)];
    owners_read(before);
    world_init(&w, keys, big, seed);
    for (unsigned i = 0; i < steps; i++) {
        world_step(&w, keys * 3);
        if (i == steps / 2) step_flush(&w); /* in a large world chance brings about one, or none */
        if (i % (steps / 20) == 0) world_check(&w);
    }
    world_check(&w);
    assert_true(w.expired > 0 && w.flushed > 0 && w.changed > 0);
    assert_int_equal(dataset_stats(w.ds)->expired_keys, w.expired);
    world_release(&w);
    owners_check(before);
}

static void test_against_model(void **state) {
    (void)state;
    uint64_t seed = test_seed();
    against_model(10, 2000, 300000, seed);
    against_model(300, 100000, 500000, seed + 1);
    against_model(20000, 3000, 2000000, seed + 2);
}

/* ---- sizes and layout ---- */
static struct dataset *one(void) {
    struct dataset *ds = dataset_new(2, &(struct siphash_seed){1, 2});
    dataset_set_now(ds, 1700000000000);
    return ds;
}

static struct key key_of(const struct dataset *ds, const char *text) {
    struct slice s = slice_of_cstr(text);
    return (struct key){s, dataset_hash(ds, s)};
}

static void put(struct dataset *ds, const char *key, const char *value, int64_t at) {
    assert_true(db_put_string(dataset_db(ds, 0), key_of(ds, key), slice_of_cstr(value), at, PUT_PLAIN));
}

static void test_one_block(void **state) {
    (void)state;
    if (!mem_allocator_has_stats()) skip(); /* sizes of blocks are jemalloc's */
    struct dataset *ds = one();
    int64_t before = mem_owner_bytes(MEM_STRINGS), blocks = mem_owner_blocks(MEM_STRINGS);
    put(ds, "key:1234567", "0123456789abcdef0123456789abcdef", NO_EXPIRE);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS) - before, 48);
    assert_int_equal(mem_owner_blocks(MEM_STRINGS) - blocks, 1);
    /* Overwriting by a value of the same good size stays in the block. */
    const struct entry *e = db_view(dataset_db(ds, 0), key_of(ds, "key:1234567"), VIEW_PLAIN);
    put(ds, "key:1234567", "0123456789abcdef0123456789abcde!", NO_EXPIRE);
    put(ds, "key:1234567", "0123456789abcdef0123456789abcdef!", NO_EXPIRE);
    assert_ptr_equal(e, db_view(dataset_db(ds, 0), key_of(ds, "key:1234567"), VIEW_PLAIN));
    assert_int_equal(mem_owner_bytes(MEM_STRINGS) - before, 48);
    put(ds, "key:1234567", "7", NO_EXPIRE);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS) - before, 32);
    put(ds, "k", "", NO_EXPIRE);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS) - before, 48);
    dataset_free(ds);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS), before);
}

static void test_memory_usage(void **state) {
    (void)state;
    struct dataset *ds = one();
    char big[5000];
    memset(big, 'x', sizeof big);
    assert_int_equal(db_memory_usage(dataset_db(ds, 0), key_of(ds, "a")), 0);
    int64_t before = mem_owner_bytes(MEM_STRINGS);
    assert_true(db_put_string(dataset_db(ds, 0), key_of(ds, "a"), slice_of(big, sizeof big), NO_EXPIRE, PUT_PLAIN));
    size_t table = db_table_bytes(dataset_db(ds, 0));
    int64_t used = mem_owner_bytes(MEM_STRINGS) - before;
    assert_int_equal(db_memory_usage(dataset_db(ds, 0), key_of(ds, "a")), used + (int64_t)table);
    dataset_free(ds);
}

static void test_no_memory_changes_nothing(void **state) {
    (void)state;
    struct dataset *ds = one();
    struct db *db = dataset_db(ds, 0);
    char big[5000] = {0}, scratch[NUM_TEXT_MAX];
    put(ds, "a", "old", NO_EXPIRE);
    mem_fail_after(1, 256);
    assert_false(db_put_string(db, key_of(ds, "a"), slice_of(big, sizeof big), NO_EXPIRE, PUT_PLAIN));
    mem_fail_after(1, 256);
    assert_null(db_edit_string(db, key_of(ds, "a"), sizeof big));
    mem_fail_after(0, 0);
    assert_true(slice_equal(entry_string(db_view(db, key_of(ds, "a"), VIEW_PLAIN), scratch), SLICE("old")));
    assert_true(db_put_string(db, key_of(ds, "b"), slice_of(big, sizeof big), NO_EXPIRE, PUT_PLAIN));
    mem_fail_after(1, 256);
    assert_false(db_copy_key(db, key_of(ds, "b"), db, key_of(ds, "a")));
    mem_fail_after(1, 256);
    assert_null(db_edit_string(db, key_of(ds, "b"), 100000));
    mem_fail_after(0, 0);
    assert_int_equal(entry_string_len(db_view(db, key_of(ds, "b"), VIEW_PLAIN)), sizeof big);
    assert_true(slice_equal(entry_string(db_view(db, key_of(ds, "a"), VIEW_PLAIN), scratch), SLICE("old")));
    dataset_free(ds);
}

/* ---- access ---- */
static void test_idle_clock(void **state) {
    (void)state;
    struct dataset *ds = one();
    struct db *db = dataset_db(ds, 0);
    struct key key = key_of(ds, "a");
    assert_int_equal(db_idle_seconds(db, key), -1);
    put(ds, "a", "x", NO_EXPIRE);
    /* Across the border of the 16 bits in the slot, and of the whole 24. */
    for (int64_t step = 1000; step < INT64_C(8000000) * 1000; step *= 7) {
        dataset_set_now(ds, dataset_now(ds) + step);
        assert_int_equal(db_idle_seconds(db, key), step / 1000);
        assert_non_null(db_view(db, key, VIEW_NO_TOUCH));
        assert_int_equal(db_idle_seconds(db, key), step / 1000);
        assert_non_null(db_view(db, key, VIEW_PLAIN));
        assert_int_equal(db_idle_seconds(db, key), 0);
    }
    db_set_idle_seconds(db, key, 100000);
    assert_int_equal(db_idle_seconds(db, key), 100000);
    db_move_key(db, key, dataset_db(ds, 1), key_of(ds, "b"));
    assert_int_equal(db_idle_seconds(dataset_db(ds, 1), key_of(ds, "b")), 100000);
    dataset_set_now(ds, dataset_now(ds) - 500000); /* a wall clock set back */
    put(ds, "a", "x", NO_EXPIRE);
    dataset_set_now(ds, dataset_now(ds) - 500000);
    assert_int_equal(db_idle_seconds(db, key), 0);
    dataset_free(ds);
}

static void test_frequency(void **state) {
    (void)state;
    struct dataset *ds = one();
    struct db *db = dataset_db(ds, 0);
    struct key key = key_of(ds, "a");
    dataset_set_access(ds, ACCESS_LFU, 10, 1);
    assert_int_equal(db_frequency(db, key), -1);
    put(ds, "a", "x", NO_EXPIRE);
    assert_int_equal(db_frequency(db, key), 5);
    for (int i = 0; i < 100000; i++) db_view(db, key, VIEW_PLAIN);
    int high = db_frequency(db, key);
    /* The documented table: about 142 after 100,000 hits at factor 10. */
    assert_in_range(high, 110, 175);
    dataset_set_now(ds, dataset_now(ds) + 10 * 60000);
    assert_int_equal(db_frequency(db, key), high - 10);
    dataset_set_now(ds, dataset_now(ds) + 600 * 60000);
    assert_int_equal(db_frequency(db, key), 0);
    db_set_frequency(db, key, 77);
    assert_int_equal(db_frequency(db, key), 77);
    dataset_set_access(ds, ACCESS_LFU, 0, 0);
    for (int i = 0; i < 500; i++) db_view(db, key, VIEW_PLAIN);
    assert_int_equal(db_frequency(db, key), 255);
    dataset_free(ds);
}

/* ---- scan ---- */
struct scan_seen {
    unsigned *seen;
};

static void scan_visit(void *arg, const struct entry *e) {
    ((struct scan_seen *)arg)->seen[world_key_id(entry_key(e))]++;
}

/* Whatever is there from the first call to the last is seen once; the rest comes and goes meanwhile. */
static void test_scan_during_changes(void **state) {
    (void)state;
    enum { STABLE = 5000, ALL = 30000 };
    struct world w;
    char text[WORLD_KEY_MAX], scratch[NUM_TEXT_MAX];
    world_init(&w, ALL, 1000, test_seed());
    struct db *db = dataset_db(w.ds, 0);
    for (int round = 0; round < 6; round++) {
        struct scan_seen s = {calloc(ALL, sizeof *s.seen)};
        for (unsigned id = 0; id < STABLE; id++)
            assert_true(db_put_string(db, world_key(&w, id, text), world_any_value(&w, scratch), NO_EXPIRE, PUT_PLAIN));
        uint64_t cursor = 0;
        do {
            cursor = db_scan(db, cursor, scan_visit, &s);
            for (unsigned i = 0; i < (round % 2 ? 20 : 3); i++) {
                unsigned id = STABLE + world_below(&w, ALL - STABLE);
                if (round % 3 == 2 || world_below(&w, 3) == 0)
                    db_delete(db, world_key(&w, id, text));
                else
                    db_put_string(db, world_key(&w, id, text), SLICE("v"), NO_EXPIRE, PUT_PLAIN);
            }
        } while (cursor != 0);
        for (unsigned id = 0; id < STABLE; id++) assert_int_equal(s.seen[id], 1);
        free(s.seen);
    }
    dataset_flush(w.ds, -1, false);
    world_release(&w);
}

static void test_expired_are_not_seen(void **state) {
    (void)state;
    struct dataset *ds = one();
    struct db *db = dataset_db(ds, 0);
    dataset_set_active_expire(ds, false);
    put(ds, "key:1", "x", dataset_now(ds) + 10);
    put(ds, "key:2", "x", NO_EXPIRE);
    dataset_set_now(ds, dataset_now(ds) + 10);
    assert_non_null(db_view(db, key_of(ds, "key:1"), VIEW_PLAIN)); /* its last millisecond */
    dataset_set_now(ds, dataset_now(ds) + 1);
    unsigned seen[3] = {0};
    db_each(db, scan_visit, &(struct scan_seen){seen});
    assert_true(seen[1] == 0 && seen[2] == 1);
    dataset_set_keep_expired(ds, true);
    assert_non_null(db_view(db, key_of(ds, "key:1"), VIEW_PLAIN));
    dataset_set_keep_expired(ds, false);
    assert_int_equal(db_keys(db), 2);
    assert_int_equal(dataset_next_expiry_ms(ds), INT64_MAX);
    assert_null(db_view(db, key_of(ds, "key:1"), VIEW_PLAIN));
    assert_int_equal(db_keys(db), 1);
    assert_true(slice_equal(entry_key(db_random(db)), SLICE("key:2")));
    struct dataset_stats *stats = dataset_stats(ds);
    assert_true(stats->keyspace_hits == 2 && stats->keyspace_misses == 1 && stats->expired_keys == 1);
    dataset_free(ds);
}

static void test_random_skips_expired(void **state) {
    (void)state;
    struct dataset *ds = one();
    struct db *db = dataset_db(ds, 0);
    char name[32];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "key:%d", i);
        put(ds, name, "x", dataset_now(ds) + 1);
    }
    put(ds, "live", "x", NO_EXPIRE);
    dataset_set_now(ds, dataset_now(ds) + 100);
    assert_true(slice_equal(entry_key(db_random(db)), SLICE("live")));
    db_delete(db, key_of(ds, "live"));
    assert_null(db_random(db));
    dataset_free(ds);
}

/* ---- deferred frees ---- */
struct deferred {
    void (*jobs[16])(void *);
    void *args[16];
    int count;
};

static void defer(void *arg, void (*job)(void *), void *job_arg) {
    struct deferred *d = arg;
    d->jobs[d->count] = job;
    d->args[d->count++] = job_arg;
}

static void run_deferred(struct deferred *d) {
    for (int i = 0; i < d->count; i++) d->jobs[i](d->args[i]);
    d->count = 0;
}

static void test_big_values_are_deferred(void **state) {
    (void)state;
    int64_t before[countof(owners)];
    owners_read(before);
    struct dataset *ds = one();
    struct deferred d = {.count = 0};
    dataset_set_hooks(ds, &(struct keyspace_hooks){.arg = &d, .defer = defer});
    size_t n = 1 << 20;
    char *big = calloc(1, n);
    struct db *db = dataset_db(ds, 0);
    db_put_string(db, key_of(ds, "a"), slice_of(big, n), NO_EXPIRE, PUT_PLAIN);
    db_put_string(db, key_of(ds, "b"), slice_of(big, 1000), NO_EXPIRE, PUT_PLAIN);
    db_delete(db, key_of(ds, "a"));
    db_delete(db, key_of(ds, "b"));
    assert_int_equal(d.count, 1);
    assert_int_equal(dataset_stats(ds)->lazyfreed, 1);
    assert_true(mem_owner_bytes(MEM_STRINGS) - before[0] > 1 << 20);
    run_deferred(&d);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS), before[0]);
    db_put_string(db, key_of(ds, "a"), slice_of(big, n), dataset_now(ds) + 1, PUT_PLAIN);
    assert_int_equal(dataset_flush(ds, 1, true), 0);
    assert_int_equal(dataset_flush(ds, -1, true), 1);
    assert_int_equal(db_keys(db), 0);
    dataset_free(ds);
    run_deferred(&d); /* dropped contents do not need their dataset */
    owners_check(before);
    free(big);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_block),
        cmocka_unit_test(test_memory_usage),
        cmocka_unit_test(test_no_memory_changes_nothing),
        cmocka_unit_test(test_idle_clock),
        cmocka_unit_test(test_frequency),
        cmocka_unit_test(test_scan_during_changes),
        cmocka_unit_test(test_expired_are_not_seen),
        cmocka_unit_test(test_random_skips_expired),
        cmocka_unit_test(test_big_values_are_deferred),
        cmocka_unit_test(test_against_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
