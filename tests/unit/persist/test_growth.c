/* When a table's segments split is foretold from the number of its keys; and the number of keys from a sketch of them. */
#include "persist/growth_int.h"

#include "mem/mem.h"
#include "store/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#define KEYS 700000

struct item {
    uint64_t hash, pad;
};

static uint64_t hash_of(const void *entry, const void *arg) {
    (void)arg;
    return ((const struct item *)entry)->hash;
}

static uint64_t next_hash(uint64_t *state) { /* splitmix64, public domain */
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Over two doublings: two waves with what lies between. */
static void test_splits_come_in_waves(void **state) {
    (void)state;
    struct table table;
    struct item *items = mem_alloc_aligned(MEM_SERVER, KEYS * sizeof *items, 64);
    uint64_t random = 1;
    double worst = 0;
    table_init(&table, hash_of, NULL, MEM_TABLE);
    for (size_t i = 0; i < KEYS; i++) {
        items[i].hash = next_hash(&random);
        table_insert(&table, NULL, items[i].hash, &items[i], 0);
        if (i < KEYS / 8 || i % 5000) continue;
        double error = fabs((double)table.segments - 1 - growth_splits_at((double)i)) / (double)table.segments;
        if (error > worst) worst = error;
    }
    printf("# %.1f %% of the segments at worst\n", 100 * worst);
    assert_true(worst < 0.12);
    table_release(&table);
    mem_free_aligned(MEM_SERVER, items, KEYS * sizeof *items, 64);
}

static void test_keys_are_counted_once(void **state) {
    (void)state;
    static struct growth g;
    char key[32];
    double splits = 0;
    growth_init(&g);
    assert_true(growth_step(&g).splits == 0);
    for (int round = 0; round < 3; round++)
        for (unsigned i = 0; i < 600000; i++) {
            growth_key(&g, slice_of(key, (size_t)snprintf(key, sizeof key, "key:%u", i)));
            if (i % 10000 == 0) splits += growth_step(&g).splits;
        }
    double whole = growth_splits_at(600000);
    assert_true(fabs(splits - whole) < 0.06 * whole);
}

/* A table made for the keys so far has nothing to split before there are more. */
static void test_what_is_made_does_not_split(void **state) {
    (void)state;
    static struct growth g;
    char key[32];
    growth_init(&g);
    for (unsigned i = 0; i < 90000; i++) growth_key(&g, slice_of(key, (size_t)snprintf(key, sizeof key, "key:%u", i)));
    growth_made(&g); /* 512 segments: with 256 there would be 350 keys in each, a third of which had split */
    for (unsigned i = 90000; i < 120000; i++)
        growth_key(&g, slice_of(key, (size_t)snprintf(key, sizeof key, "key:%u", i)));
    assert_true(growth_step(&g).splits < 5);
    for (unsigned i = 120000; i < 250000; i++)
        growth_key(&g, slice_of(key, (size_t)snprintf(key, sizeof key, "key:%u", i)));
    double splits = growth_step(&g).splits;
    assert_true(splits > 480 && splits < 550);
}

/* From how often a few of many commands name a key again follows how many keys there are, and how many all of them will name. */
static void test_a_sample_tells_of_all(void **state) {
    (void)state;
    struct growth_sample s;
    uint64_t seed = 7;
    char key[32];
    growth_sample_init(&s);
    for (unsigned i = 0; i < 50000; i++)
        growth_sample_key(&s, slice_of(key, (size_t)snprintf(key, sizeof key, "key:%u", i)));
    assert_true(isinf(growth_population(&s)));
    assert_true(growth_named(INFINITY, 1e6) == 1e6);
    growth_sample_release(&s);
    growth_sample_init(&s);
    for (unsigned i = 0; i < 100000; i++)
        growth_sample_key(
            &s, slice_of(key, (size_t)snprintf(key, sizeof key, "key:%u", (unsigned)(next_hash(&seed) % 1000000))));
    double keys = growth_population(&s);
    assert_true(keys > 0.95e6 && keys < 1.05e6);
    assert_true(fabs(growth_named(keys, 2e6) - 0.865e6) < 0.05e6); /* 1 - e^-2 */
    for (unsigned i = 0; i < 2 * GROWTH_SAMPLE_MAX; i++)
        growth_sample_key(&s, slice_of(key, (size_t)snprintf(key, sizeof key, "more:%u", i)));
    assert_int_equal(s.named, GROWTH_SAMPLE_MAX);
    growth_sample_release(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits_come_in_waves),
        cmocka_unit_test(test_keys_are_counted_once),
        cmocka_unit_test(test_what_is_made_does_not_split),
        cmocka_unit_test(test_a_sample_tells_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
