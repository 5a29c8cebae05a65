#include "world.h"

#define START INT64_C(1700000000000)

struct seen {
    unsigned expired;
    int64_t now_ms, latest; /* how late the latest came */
};

static int64_t times[200000]; /* by key id, for keys that are to expire */

static void on_expired(void *arg, struct db *db, struct slice key) {
    struct seen *s = arg;
    (void)db;
    int64_t late = s->now_ms - (times[world_key_id(key)] + 1);
    assert_true(late >= 0);
    if (late > s->latest) s->latest = late;
    s->expired++;
}

static struct dataset *one(struct seen *seen) {
    struct dataset *ds = dataset_new(16, &(struct siphash_seed){5, 6});
    dataset_set_now(ds, START);
    if (seen) dataset_set_hooks(ds, &(struct keyspace_hooks){.arg = seen, .expired = on_expired});
    return ds;
}

static struct key key_of(const struct dataset *ds, unsigned id, char *dst) {
    struct slice s = world_key_text(id, dst);
    return (struct key){s, dataset_hash(ds, s)};
}

static void put(struct dataset *ds, unsigned db, unsigned id, int64_t at) {
    char text[WORLD_KEY_MAX];
    times[id] = at;
    assert_true(db_put_string(dataset_db(ds, db), key_of(ds, id, text), SLICE("v"), at, PUT_PLAIN));
}

static void set_now(struct dataset *ds, struct seen *seen, int64_t now) {
    seen->now_ms = now;
    dataset_set_now(ds, now);
}

/* The way of the event loop: sleep until the next expiry says, wake, expire. Each key goes at the first wake-up at or
 * after its time. */
static void test_on_time(void **state) {
    (void)state;
    struct seen seen = {0};
    struct dataset *ds = one(&seen);
    struct random r;
    random_init(&r, test_seed());
    for (unsigned id = 0; id < 50000; id++) put(ds, id % 16, id, START + (int64_t)random_below(&r, 3600000));
    for (int64_t now = START; now <= START + 3700000; now += 3) {
        if (dataset_next_expiry_ms(ds) > now) continue;
        set_now(ds, &seen, now);
        while (dataset_expire_due(ds, 1000)) continue;
    }
    assert_int_equal(seen.expired, 50000);
    assert_in_range(seen.latest, 0, 2);
    assert_int_equal(dataset_keys(ds), 0);
    assert_int_equal(dataset_next_expiry_ms(ds), INT64_MAX);
    dataset_free(ds);
}

/* A slice keeps to its budget also when very many keys are due at one time. */
static void test_slices(void **state) {
    (void)state;
    struct seen seen = {0};
    struct dataset *ds = one(&seen);
    for (unsigned id = 0; id < 200000; id++) put(ds, 0, id, START + 5000);
    set_now(ds, &seen, START + 6000);
    unsigned slices = 1;
    while (dataset_expire_due(ds, 500)) {
        slices++;
        assert_true(dataset_next_expiry_ms(ds) <= START + 6000);
    }
    assert_int_equal(seen.expired, 200000);
    assert_true(slices > 5);
    assert_true(dataset_stats(ds)->expire_cycle_us > 0);
    dataset_free(ds);
}

static void test_later_earlier_never(void **state) {
    (void)state;
    struct seen seen = {0};
    struct dataset *ds = one(&seen);
    char text[WORLD_KEY_MAX];
    for (unsigned id = 0; id < 3; id++) put(ds, 0, id, START + 1000);
    struct db *db = dataset_db(ds, 0);
    db_set_expire(db, key_of(ds, 0, text), times[0] = START + 100000);
    db_set_expire(db, key_of(ds, 1, text), times[1] = START + 10);
    db_set_expire(db, key_of(ds, 2, text), NO_EXPIRE);
    assert_int_equal(db_expires(db), 2);
    assert_int_equal(db_average_ttl_ms(db), 50005);
    set_now(ds, &seen, START + 11);
    assert_false(dataset_expire_due(ds, 1000000));
    assert_int_equal(seen.expired, 1);
    set_now(ds, &seen, START + 2000);
    assert_false(dataset_expire_due(ds, 1000000));
    assert_int_equal(seen.expired, 1);
    set_now(ds, &seen, START + 100001);
    assert_false(dataset_expire_due(ds, 1000000));
    assert_int_equal(seen.expired, 2);
    assert_int_equal(db_keys(db), 1);
    assert_int_equal(db_average_ttl_ms(db), 0);
    dataset_free(ds);
}

static void test_disabled(void **state) {
    (void)state;
    struct seen seen = {0};
    struct dataset *ds = one(&seen);
    put(ds, 0, 1, START + 1);
    dataset_set_active_expire(ds, false);
    set_now(ds, &seen, START + 1000);
    assert_int_equal(dataset_next_expiry_ms(ds), INT64_MAX);
    assert_false(dataset_expire_due(ds, 1000));
    assert_int_equal(dataset_keys(ds), 1);
    dataset_set_active_expire(ds, true);
    assert_true(dataset_next_expiry_ms(ds) <= START + 1000);
    assert_false(dataset_expire_due(ds, 1000));
    assert_int_equal(dataset_keys(ds), 0);
    dataset_free(ds);
}

/* What lazy references leave behind stays small, whichever way it is made. */
static void test_bounded_garbage(void **state) {
    (void)state;
    struct dataset *ds = one(NULL);
    struct db *db = dataset_db(ds, 0);
    char text[WORLD_KEY_MAX];
    size_t most = 0;
    for (unsigned i = 0; i < 1000000; i++) {
        if (i == 0) put(ds, 0, 7, NO_EXPIRE);
        db_set_expire(db, key_of(ds, 7, text), START + (i % 2 ? 100000 : 50000));
        if ((size_t)mem_owner_bytes(MEM_EXPIRY) > most) most = (size_t)mem_owner_bytes(MEM_EXPIRY);
    }
    assert_true(most < 64 * 1024);
    for (unsigned i = 0; i < 1000000; i++) {
        put(ds, 0, i % 1000, START + 3600000 + i % 60000);
        db_delete(db, key_of(ds, i % 1000, text));
        if ((size_t)mem_owner_bytes(MEM_EXPIRY) > most) most = (size_t)mem_owner_bytes(MEM_EXPIRY);
    }
    assert_true(most < 1024 * 1024);
    dataset_free(ds);
    assert_int_equal(mem_owner_bytes(MEM_EXPIRY), 0);
}

/* The same with many keys that must not be lost meanwhile. */
static void test_renewal_loses_nothing(void **state) {
    (void)state;
    enum { KEYS = 50000 };
    struct seen seen = {0};
    struct dataset *ds = one(&seen);
    struct random r;
    random_init(&r, test_seed());
    char text[WORLD_KEY_MAX];
    unsigned due = 0;
    size_t most = 0;
    for (unsigned id = 0; id < KEYS; id++) put(ds, 0, id, START + 60000);
    for (unsigned i = 0; i < 2000000; i++) {
        unsigned id = (unsigned)random_below(&r, KEYS);
        struct key key = key_of(ds, id, text);
        if (random_below(&r, 3) == 0) db_delete(dataset_db(ds, 0), key);
        int64_t at = START + 60000 + (int64_t)random_below(&r, 600000);
        if (random_below(&r, 20) == 0) at = NO_EXPIRE;
        put(ds, 0, id, at);
        const struct calendar *c = dataset_db(ds, 0)->contents.calendar;
        if (calendar_count(c) > most) most = calendar_count(c);
        if (i % 1000 == 0) {
            set_now(ds, &seen, START + i / 100);
            dataset_expire_due(ds, 100);
        }
    }
    assert_true(most <= KEYS * 3);
    for (unsigned id = 0; id < KEYS; id++) due += times[id] != NO_EXPIRE;
    assert_int_equal(seen.expired, 0);
    set_now(ds, &seen, START + 700001);
    while (dataset_expire_due(ds, 10000)) continue;
    assert_int_equal(seen.expired, due);
    assert_int_equal(dataset_keys(ds), KEYS - due);
    dataset_free(ds);
}

/* A wall clock set back by a day: keys filed since expire on the new time, not a day later. */
static void test_clock_set_back(void **state) {
    (void)state;
    struct seen seen = {0};
    struct dataset *ds = one(&seen);
    put(ds, 0, 1, START + 5);
    set_now(ds, &seen, START + 10);
    dataset_expire_due(ds, 1000);
    assert_int_equal(seen.expired, 1);
    int64_t back = START - 86400000;
    set_now(ds, &seen, back);
    put(ds, 0, 2, back + 100);
    set_now(ds, &seen, back + 101);
    assert_true(dataset_next_expiry_ms(ds) <= back + 101);
    while (dataset_expire_due(ds, 1000)) continue;
    assert_int_equal(seen.expired, 2);
    dataset_free(ds);
}

static void test_swap_and_flush_take_the_calendar_along(void **state) {
    (void)state;
    struct seen seen = {0};
    struct dataset *ds = one(&seen);
    put(ds, 0, 1, START + 5);
    put(ds, 1, 2, START + 5);
    put(ds, 2, 3, START + 5);
    dataset_swap(ds, 0, 5);
    dataset_flush(ds, 1, false);
    char text[WORLD_KEY_MAX];
    struct key from = key_of(ds, 3, text);
    db_move_key(dataset_db(ds, 2), from, dataset_db(ds, 7), from);
    set_now(ds, &seen, START + 6);
    assert_false(dataset_expire_due(ds, 100000));
    assert_int_equal(seen.expired, 2);
    assert_int_equal(dataset_keys(ds), 0);
    dataset_free(ds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_time),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_later_earlier_never),
        cmocka_unit_test(test_disabled),
        cmocka_unit_test(test_bounded_garbage),
        cmocka_unit_test(test_renewal_loses_nothing),
        cmocka_unit_test(test_clock_set_back),
        cmocka_unit_test(test_swap_and_flush_take_the_calendar_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
