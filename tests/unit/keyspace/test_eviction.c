/* Which keys go: the rules of each policy, hit ratios against exact orders, what a snapshot keeps. */
#include "keyspace/eviction.h"

#include "world.h"

#define START INT64_C(1700000000000)

struct told {
    unsigned evicted, expired;
    bool gone[100000];
};

static void on_evicted(void *arg, struct db *db, struct slice key) {
    struct told *told = arg;
    (void)db;
    told->evicted++;
    told->gone[world_key_id(key)] = true;
}

static void on_expired(void *arg, struct db *db, struct slice key) {
    (void)db;
    (void)key;
    ((struct told *)arg)->expired++;
}

static struct dataset *one(struct told *told, enum access_policy access) {
    struct dataset *ds = dataset_new(4, &(struct siphash_seed){5, test_seed()});
    memset(told, 0, sizeof *told);
    dataset_set_now(ds, START);
    dataset_set_access(ds, access, 10, 1);
    dataset_set_hooks(ds, &(struct keyspace_hooks){.arg = told, .evicted = on_evicted, .expired = on_expired});
    return ds;
}

static struct key key_of(const struct dataset *ds, unsigned id, char *dst) {
    struct slice s = world_key_text(id, dst);
    return (struct key){s, dataset_hash(ds, s)};
}

static void put(struct dataset *ds, unsigned db, unsigned id, int64_t at) {
    char text[WORLD_KEY_MAX];
    assert_true(db_put_string(dataset_db(ds, db), key_of(ds, id, text), SLICE("v"), at, PUT_PLAIN));
}

static bool hit(struct dataset *ds, unsigned db, unsigned id) {
    char text[WORLD_KEY_MAX];
    return db_view(dataset_db(ds, db), key_of(ds, id, text), VIEW_PLAIN) != NULL;
}

static struct eviction_rule rule_of(enum eviction_order order, bool only_expiring) {
    return (struct eviction_rule){order, only_expiring, 5};
}

static struct told told;

/* Keys without a TTL stay under the volatile policies, however few have one; when those are gone nothing goes. */
static void test_volatile(void **state) {
    (void)state;
    const enum eviction_order orders[] = {EVICTION_IDLE, EVICTION_TTL, EVICTION_RANDOM};
    const unsigned shares[] = {2, 40, 5000};
    for (unsigned i = 0; i < 9; i++) {
        struct eviction_rule rule = rule_of(orders[i / 3], true);
        struct dataset *ds = one(&told, ACCESS_LRU);
        unsigned share = shares[i % 3], timed = 0, calls = 0;
        for (unsigned id = 0; id < 20000; id++) {
            timed += id % share == 0;
            put(ds, id % 4, id, id % share ? NO_EXPIRE : START + 1000000 + id);
        }
        for (; dataset_may_evict(ds, &rule); calls++) {
            (void)dataset_evict(ds, &rule);
            assert_true(calls < 40000);
        }
        assert_int_equal(told.evicted, timed);
        assert_int_equal(dataset_stats(ds)->evicted_keys, timed);
        assert_int_equal(dataset_keys(ds), 20000 - timed);
        for (unsigned id = 0; id < 20000; id++) assert_int_equal(told.gone[id], id % share == 0);
        assert_false(dataset_evict(ds, &rule));
        dataset_free(ds);
    }
}

/* A key is found as long as there is one, wherever the others have gone; expired ones are expired, not evicted. */
static void test_to_the_last(void **state) {
    (void)state;
    struct eviction_rule rule = rule_of(EVICTION_IDLE, false);
    struct dataset *ds = one(&told, ACCESS_LRU);
    for (unsigned id = 0; id < 5000; id++) put(ds, 3, id, id % 2 ? NO_EXPIRE : START + 10);
    dataset_set_now(ds, START + 20000);
    for (unsigned calls = 0; dataset_keys(ds) > 0; calls++) {
        (void)dataset_evict(ds, &rule);
        assert_true(calls < 6000);
    }
    assert_int_equal(told.evicted, 2500);
    assert_int_equal(told.expired, 2500);
    assert_false(dataset_may_evict(ds, &rule));
    dataset_free(ds);
}

/* Of keys used at different times the old half goes first: nearly all that go are of it. */
static void test_order(void **state) {
    (void)state;
    struct eviction_rule idle = rule_of(EVICTION_IDLE, false), ttl = rule_of(EVICTION_TTL, true);
    for (int by_ttl = 0; by_ttl < 2; by_ttl++) {
        struct dataset *ds = one(&told, ACCESS_LRU);
        for (unsigned id = 0; id < 10000; id++) {
            dataset_set_now(ds, START + (by_ttl ? 0 : id * 1000));
            put(ds, 0, id, by_ttl ? START + 100000000 + id * 1000 : NO_EXPIRE);
        }
        unsigned young = 0;
        for (unsigned n = 0; n < 4000; n++) assert_true(dataset_evict(ds, by_ttl ? &ttl : &idle));
        for (unsigned id = 6000; id < 10000; id++) young += told.gone[id];
        print_message("of 4000 evicted %u are of the younger 4000\n", young);
        assert_in_range(young, 0, 120);
        dataset_free(ds);
    }
}

/* ---- hit ratios: a cache of a share of the keys, filled on a miss ---- */
enum trace { TRACE_ZIPF, TRACE_SCANNED };
#define TRACE_KEYS  20000
#define TRACE_STEPS 120000

/* Zipf with exponent 1 by the inverse of the harmonic sum's logarithm; every tenth burst a scan over keys that do not come again. */
static unsigned next_key(struct random *r, enum trace trace, unsigned step, unsigned *scanned) {
    if (trace == TRACE_SCANNED && step % 4000 >= 2000) return TRACE_KEYS + (*scanned)++ % (100000 - TRACE_KEYS);
    double top = 1;
    for (unsigned n = TRACE_KEYS; n > 1; n >>= 1) top *= 2;
    double u = random_unit(r), rank = 1;
    while (u > 0.0666 && rank < top) { /* halving: each octave of ranks is as likely as every other */
        u -= 0.0666;
        rank *= 2;
    }
    unsigned id = (unsigned)(rank * (1 + random_unit(r))) - 1;
    return id < TRACE_KEYS ? id : id % TRACE_KEYS;
}

static double hit_ratio(uint64_t seed, enum access_policy access, enum eviction_order order, enum trace trace,
                        size_t kept) {
    struct eviction_rule rule = rule_of(order, false);
    struct dataset *ds = one(&told, access);
    struct random r;
    unsigned hits = 0, asked = 0, scanned = 0;
    random_init(&r, seed);
    for (unsigned step = 0; step < TRACE_STEPS; step++) {
        unsigned id = next_key(&r, trace, step, &scanned);
        dataset_set_now(ds, START + step * 20);
        bool there = hit(ds, 0, id);
        if (step > TRACE_STEPS / 4 && id < TRACE_KEYS) {
            hits += there;
            asked++;
        }
        if (there) continue;
        while (dataset_keys(ds) >= kept) assert_true(dataset_evict(ds, &rule));
        put(ds, 0, id, NO_EXPIRE);
    }
    dataset_free(ds);
    return (double)hits / asked;
}

/* An order is worth something: LRU above random, LFU above both where scans pass through. */
static void test_hit_ratios(void **state) {
    (void)state;
    const size_t kept = 2000;
    const uint64_t seed = test_seed();
    for (enum trace t = TRACE_ZIPF; t <= TRACE_SCANNED; t++) {
        double chance = hit_ratio(seed, ACCESS_LRU, EVICTION_RANDOM, t, kept);
        double lru = hit_ratio(seed, ACCESS_LRU, EVICTION_IDLE, t, kept),
               lfu = hit_ratio(seed, ACCESS_LFU, EVICTION_FREQUENCY, t, kept);
        print_message("trace %d: random %.3f lru %.3f lfu %.3f\n", (int)t, chance, lru, lfu);
        if (t == TRACE_ZIPF) assert_true(lru > chance + 0.01 && lfu > lru - 0.01);
        if (t == TRACE_SCANNED)
            assert_true(lfu > lru + 0.02 && lfu > chance + 0.01); /* a scan is what LRU does not stand */
    }
}

/* ---- a change of policy ---- */
static void test_policy_change(void **state) {
    (void)state;
    struct eviction_rule idle = rule_of(EVICTION_IDLE, false), frequency = rule_of(EVICTION_FREQUENCY, false);
    struct dataset *ds = one(&told, ACCESS_LFU);
    for (unsigned id = 0; id < 10000; id++) put(ds, 0, id, NO_EXPIRE);
    dataset_set_now(ds, START + 3600000);
    dataset_set_access(ds, ACCESS_LRU, 10, 1);
    dataset_set_now(ds, START + 3600000 + 5000);
    for (unsigned id = 0; id < 5000; id++) assert_true(hit(ds, 0, id)); /* in use under the new policy: they stay */
    dataset_set_now(ds, START + 3600000 + 10000);
    unsigned wrong = 0;
    for (unsigned n = 0; n < 2500; n++) assert_true(dataset_evict(ds, &idle));
    for (unsigned id = 0; id < 5000; id++) wrong += told.gone[id];
    print_message("LFU to LRU: %u of 2500 were in use\n", wrong);
    assert_in_range(wrong, 0, 25);
    dataset_set_access(ds, ACCESS_LFU, 10, 1);
    for (unsigned minute = 1; minute < 4; minute++) {
        dataset_set_now(ds, START + 3700000 + minute * 60000);
        for (unsigned n = 0; n < 5; n++)
            for (unsigned id = 0; id < 2000; id++) (void)hit(ds, 0, id);
    }
    wrong = told.evicted;
    for (unsigned n = 0; n < 2500; n++) assert_true(dataset_evict(ds, &frequency));
    wrong = 0;
    for (unsigned id = 0; id < 2000; id++) wrong += !hit(ds, 0, id);
    print_message("LRU to LFU: %u of 2000 in use have gone\n", wrong);
    assert_in_range(wrong, 0, 45);
    dataset_free(ds);
}

/* ---- what waits ---- */
static void (*waiting_job)(void *);
static void *waiting_arg;

static void on_defer(void *arg, void (*job)(void *), void *job_arg) {
    (void)arg;
    assert_null(waiting_job);
    waiting_job = job;
    waiting_arg = job_arg;
}

static void run_waiting(void) {
    void (*job)(void *) = waiting_job;
    assert_non_null(job);
    waiting_job = NULL;
    job(waiting_arg);
}

/* What the reaper has yet to free is awaited: its bytes and no others. */
static void test_awaited(void **state) {
    (void)state;
    static char big[200000];
    char text[WORLD_KEY_MAX];
    struct dataset *ds = one(&told, ACCESS_LRU);
    dataset_set_hooks(ds, &(struct keyspace_hooks){.defer = on_defer});
    int64_t before = mem_owner_bytes(MEM_STRINGS);
    assert_true(db_put_string(dataset_db(ds, 0), key_of(ds, 1, text), slice_of(big, sizeof big), NO_EXPIRE, PUT_PLAIN));
    assert_int_equal(dataset_awaited_bytes(ds), 0);
    struct eviction_rule rule = rule_of(EVICTION_RANDOM, false);
    assert_true(dataset_evict(ds, &rule));
    assert_int_equal(dataset_awaited_bytes(ds), mem_owner_bytes(MEM_STRINGS) - before);
    assert_true(dataset_awaited_bytes(ds) >= sizeof big);
    run_waiting();
    assert_int_equal(dataset_awaited_bytes(ds), 0);
    for (unsigned id = 0; id < 1000; id++) put(ds, 0, id, NO_EXPIRE);
    dataset_flush(ds, -1, true);
    assert_true(dataset_awaited_bytes(ds) > 10000);
    dataset_free(ds); /* what waits outlives it */
    run_waiting();
}

/* While a snapshot is live what is taken out leaves the owners of values at once, though its memory stays. */
static void test_snapshot(void **state) {
    (void)state;
    struct eviction_rule rule = rule_of(EVICTION_IDLE, false);
    struct dataset *ds = one(&told, ACCESS_LRU);
    for (unsigned id = 0; id < 10000; id++) put(ds, 0, id, NO_EXPIRE);
    int64_t full = mem_owner_bytes(MEM_STRINGS);
    struct dataset_frozen *z = dataset_freeze(ds);
    for (unsigned n = 0; n < 5000; n++) assert_true(dataset_evict(ds, &rule));
    int64_t left = mem_owner_bytes(MEM_STRINGS) - (int64_t)dataset_awaited_bytes(ds);
    assert_in_range(left, full / 3, full * 2 / 3);
    assert_true(dataset_limbo_bytes(ds) > 0);
    assert_int_equal(dataset_frozen_keys(z, 0), 10000);
    dataset_flush(ds, -1, true);
    assert_true(mem_owner_bytes(MEM_STRINGS) - (int64_t)dataset_awaited_bytes(ds) < full / 3);
    dataset_thaw(ds, z);
    assert_int_equal(dataset_awaited_bytes(ds), 0);
    dataset_free(ds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_volatile),   cmocka_unit_test(test_to_the_last),   cmocka_unit_test(test_order),
        cmocka_unit_test(test_hit_ratios), cmocka_unit_test(test_policy_change), cmocka_unit_test(test_awaited),
        cmocka_unit_test(test_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
