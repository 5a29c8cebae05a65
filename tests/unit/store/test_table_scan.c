#include "world.h"

/* What a scan has shown of each key, and the times it is allowed to. */
struct tour {
    unsigned char *seen;
    bool *stayed; /* present from the first call on */
    const struct world *world;
    size_t visits;
};

static void tour_visit(void *arg, table_slot *slot) {
    struct tour *tour = arg;
    const struct item *item = table_slot_entry(slot);
    assert_ptr_equal(item, tour->world->model[item->key]);
    tour->seen[item->key]++;
    tour->visits++;
}

static void tour_begin(struct tour *tour, const struct world *w) {
    *tour = (struct tour){calloc(w->keys, 1), calloc(w->keys, sizeof(bool)), w, 0};
    for (size_t key = 0; key < w->keys; key++) tour->stayed[key] = w->model[key] != NULL;
}

static void tour_mark_removed(struct tour *tour) {
    for (size_t key = 0; key < tour->world->keys; key++) tour->stayed[key] &= tour->world->model[key] != NULL;
}

/* A cursor passes each position once: so no key is shown twice, also not one that comes and goes. */
static void tour_end(struct tour *tour) {
    for (size_t key = 0; key < tour->world->keys; key++) {
        assert_true(tour->seen[key] <= 1);
        if (tour->stayed[key]) assert_int_equal(tour->seen[key], 1);
    }
    free(tour->seen);
    free(tour->stayed);
}

/* Like world_step, but only some keys may be removed, and what was ever removed during the tour has not stayed. */
static void churn(struct world *w, struct tour *tour, size_t steps, unsigned lean) {
    for (size_t i = 0; i < steps; i++) {
        uint64_t key = random_below(&w->random, w->keys);
        table_slot *slot = world_find(w, key);
        bool grow = random_below(&w->random, 256) < lean;
        if (grow && !slot) world_insert(w, key);
        if (grow || !slot || key % 8 == 0) continue;
        world_remove(w, key, slot);
        tour->stayed[key] = false;
    }
}

static size_t tour_of(struct world *w, size_t steps_between, unsigned lean) {
    struct tour tour;
    uint64_t cursor = 0, calls = 0;
    tour_begin(&tour, w);
    do {
        uint64_t next = table_scan(&w->table, cursor, tour_visit, &tour);
        assert_true(next == 0 || next > cursor);
        assert_true(next < UINT64_C(1) << 48);
        cursor = next;
        if (steps_between) churn(w, &tour, 1 + random_below(&w->random, steps_between), lean);
    } while (cursor && ++calls < 4000);
    /* A tour that outlasts the patience of the test is finished in peace. */
    while (cursor) cursor = table_scan(&w->table, cursor, tour_visit, &tour);
    tour_mark_removed(&tour);
    size_t visits = tour.visits;
    tour_end(&tour);
    return visits;
}

static void world_fill(struct world *w, unsigned percent) {
    for (uint64_t key = 0; key < w->keys; key++) {
        table_slot *slot = world_find(w, key);
        bool want = random_below(&w->random, 100) < percent;
        if (want && !slot) world_insert(w, key);
        if (!want && slot) world_remove(w, key, slot);
    }
}

static void test_quiet(void **state) {
    (void)state;
    for (size_t keys = 1; keys < 700; keys++) {
        struct world w;
        world_init(&w, hash_kinds[keys % countof(hash_kinds)], keys, keys);
        world_fill(&w, 100);
        assert_true(tour_of(&w, 0, 0) == keys);
        world_release(&w);
    }
}

static void scan_under(hash_kind *hash, size_t keys, unsigned start_percent, unsigned lean, int rounds, uint64_t seed) {
    struct world w;
    world_init(&w, hash, keys, seed);
    for (int i = 0; i < rounds; i++) {
        world_fill(&w, start_percent);
        /* sometimes the whole table turns over between two calls, sometimes nearly nothing happens */
        tour_of(&w, i % 3 == 0 ? 3 : keys / (i % 3 == 1 ? 10 : 2) + 1, lean);
        world_check(&w);
    }
    world_release(&w);
}

static void test_while_growing_and_shrinking(void **state) {
    (void)state;
    uint64_t seed = test_seed();
    static const size_t sizes[] = {2, 5, 10, 24, 40, 90, 170, 400, 900, 3000};
    for (size_t kind = 0; kind < countof(hash_kinds); kind++)
        for (size_t i = 0; i < countof(sizes); i++) {
            int rounds = sizes[i] < 100 ? 120 : sizes[i] < 1000 ? 30 : 9;
            scan_under(hash_kinds[kind], sizes[i], 10, 250, rounds, seed + i); /* growth */
            scan_under(hash_kinds[kind], sizes[i], 100, 10, rounds, seed + i); /* shrinking */
            scan_under(hash_kinds[kind], sizes[i], 50, 128, rounds, seed + i); /* both */
        }
}

static void test_large_growth_during_one_scan(void **state) {
    (void)state;
    struct world w;
    world_init(&w, hash_good, 200000, test_seed());
    world_fill(&w, 2);
    tour_of(&w, 400, 250);
    world_check(&w);
    assert_true(w.count > 100000);
    tour_of(&w, 800, 2);
    world_check(&w);
    assert_true(w.count < 40000);
    world_release(&w);
}

/* Cursors come from clients: any is taken. */
static void test_any_cursor(void **state) {
    (void)state;
    struct world w;
    world_init(&w, hash_good, 3000, 1);
    world_fill(&w, 100);
    struct tour tour;
    tour_begin(&tour, &w);
    for (int i = 0; i < 100000; i++) {
        uint64_t cursor = random_next(&w.random) >> random_below(&w.random, 64);
        uint64_t next = table_scan(&w.table, cursor, tour_visit, &tour);
        assert_true(next == 0 || next > (cursor & ((UINT64_C(1) << 48) - 1)));
    }
    assert_true(table_scan(&w.table, (UINT64_C(1) << 48) - 1, tour_visit, &tour) == 0);
    assert_true(tour.visits > 0);
    free(tour.seen);
    free(tour.stayed);
    world_release(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_while_growing_and_shrinking),
        cmocka_unit_test(test_large_growth_during_one_scan),
        cmocka_unit_test(test_any_cursor),
    };
    return cmocka_run_group_tests_name("store/table_scan", tests, NULL, NULL);
}
