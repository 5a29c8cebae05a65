#include "world.h"

#include <pthread.h>

/* The picture that the snapshot must show: the values at the freeze, and what the reader has reported of it. */
struct picture {
    struct world *world;
    struct table_frozen view;
    uint64_t *expected; /* by key: value + 1, 0 for absent */
    uint64_t *shown;
    unsigned steps_per_visit; /* the owner's work between two visits, when both are one thread */
    unsigned lean;
    size_t stop_after; /* visits; 0: all */
    size_t visits;
};

static void picture_begin(struct picture *p, struct world *w) {
    memset(p, 0, sizeof *p);
    p->world = w;
    p->expected = calloc(w->keys, sizeof *p->expected);
    p->shown = calloc(w->keys, sizeof *p->shown);
    for (size_t key = 0; key < w->keys; key++) p->expected[key] = w->model[key] ? w->model[key]->value + 1 : 0;
    frozen_begin(&w->frozen);
    table_freeze(&w->table, &p->view);
    assert_true(p->view.count == w->count);
}

static bool picture_visit(void *arg, const table_slot *slot) {
    struct picture *p = arg;
    const struct item *item = table_slot_entry(slot);
    assert_true(p->shown[item->key] == 0);
    p->shown[item->key] = item->value + 1;
    for (unsigned i = 0; i < p->steps_per_visit; i++) world_step(p->world, p->lean);
    /* nothing that the owner did may have touched what the visit was handed */
    assert_true(p->shown[item->key] == item->value + 1);
    return ++p->visits != p->stop_after;
}

static void picture_end(struct picture *p, bool complete) {
    for (size_t key = 0; key < p->world->keys; key++)
        if (complete || p->shown[key]) assert_true(p->shown[key] == p->expected[key]);
    table_thaw(&p->world->table, &p->view);
    limbo_free(frozen_end(&p->world->frozen));
    assert_true(mem_owner_bytes(MEM_LIMBO) == 0);
    free(p->expected);
    free(p->shown);
}

/* The owner works between any two visits, in one thread: every interleaving of a segment's reading with changes. */
static void test_owner_works_between_visits(void **state) {
    (void)state;
    uint64_t seed = test_seed();
    static const size_t sizes[] = {1, 5, 40, 300, 900, 5000, 20000};
    for (size_t i = 0; i < countof(sizes) * countof(hash_kinds); i++) {
        struct world w;
        world_init(&w, hash_kinds[i / countof(sizes)], sizes[i % countof(sizes)], seed + i);
        for (unsigned round = 0; round < 12; round++) {
            struct picture p;
            for (size_t n = 0; n < w.keys * (round % 3); n++) world_step(&w, 60 + round * 12);
            picture_begin(&p, &w);
            p.steps_per_visit = 1 + round % 4 * 4;
            p.lean = round % 2 ? 30 : 220;
            if (round % 5 == 4) p.stop_after = w.count / 2;
            bool complete = table_frozen_each(&p.view, picture_visit, &p);
            assert_true(complete == (p.stop_after == 0 || p.visits < p.stop_after));
            world_check(&w);
            picture_end(&p, complete);
            world_check(&w);
        }
        world_release(&w);
    }
}

static void test_empty_table(void **state) {
    (void)state;
    struct world w;
    struct picture p;
    world_init(&w, hash_good, 100, 1);
    picture_begin(&p, &w);
    world_insert(&w, 7);
    assert_true(table_frozen_each(&p.view, picture_visit, &p));
    world_insert(&w, 8);
    assert_true(w.frozen.count == 0 && p.visits == 0);
    picture_end(&p, true);
    world_release(&w);
}

/* What a write costs: one segment once, and nothing behind the reader. */
static void test_cost_of_writes(void **state) {
    (void)state;
    struct world w;
    struct picture p;
    world_init(&w, hash_good, 20001, 1);
    for (uint64_t key = 0; key + 1 < w.keys; key++) world_insert(&w, key);
    picture_begin(&p, &w);
    world_change(&w, 5, world_find(&w, 5), false);
    assert_true(w.frozen.count == 2 && w.frozen.bytes <= 4096 + sizeof(struct item));
    world_change(&w, 5, world_find(&w, 5), false);
    world_remove(&w, 5, world_find(&w, 5));
    world_insert(&w, 5);
    assert_int_equal(w.frozen.count, 2);
    assert_true(w.frozen.peak_bytes == w.frozen.bytes);
    assert_true(table_frozen_each(&p.view, picture_visit, &p));
    for (int i = 0; i < 100000; i++) world_step(&w, 128);
    assert_int_equal(w.frozen.count, 2);
    picture_end(&p, true);
    assert_int_equal(w.frozen.count, 0);
    world_release(&w);
}

/* Fresh in an earlier snapshot is not fresh in this one. */
static void test_second_snapshot(void **state) {
    (void)state;
    struct world w;
    struct picture p;
    world_init(&w, hash_good, 3000, 1);
    for (uint64_t key = 0; key < 1500; key++) world_insert(&w, key);
    picture_begin(&p, &w);
    for (uint64_t key = 1500; key < w.keys; key++) world_insert(&w, key);
    for (uint64_t key = 1500; key < w.keys; key++)
        assert_false(table_entry_shared(&w.table, w.hash(key), world_find(&w, key)));
    for (uint64_t key = 0; key < 1500; key++)
        assert_true(table_entry_shared(&w.table, w.hash(key), world_find(&w, key)));
    assert_true(table_frozen_each(&p.view, picture_visit, &p));
    picture_end(&p, true);
    picture_begin(&p, &w);
    for (uint64_t key = 0; key < w.keys; key++) {
        assert_true(table_entry_shared(&w.table, w.hash(key), world_find(&w, key)));
        world_change(&w, key, world_find(&w, key), false);
        assert_false(table_entry_shared(&w.table, w.hash(key), world_find(&w, key)));
    }
    assert_true(table_frozen_each(&p.view, picture_visit, &p));
    picture_end(&p, true);
    world_release(&w);
}

/* A table may be given away (FLUSHALL) while its picture is being read. */
static void test_move_while_frozen(void **state) {
    (void)state;
    struct world w;
    struct picture p;
    struct table away;
    world_init(&w, hash_good, 500, 1);
    for (uint64_t key = 0; key < 5; key++) world_insert(&w, key);
    picture_begin(&p, &w);
    table_move(&away, &w.table);
    assert_null(w.table.frozen);
    assert_true(table_frozen_each(&p.view, picture_visit, &p));
    table_move(&w.table, &away);
    picture_end(&p, true);
    world_release(&w);
}

static void *reader_thread(void *arg) {
    struct picture *p = arg;
    assert_true(table_frozen_each(&p->view, picture_visit, p));
    return NULL;
}

/* Two threads for real; run under ThreadSanitizer. The owner keeps on while the reader is on its way, and a little after. */
static void test_two_threads(void **state) {
    (void)state;
    struct world w;
    world_init(&w, hash_good, 60000, test_seed());
    for (size_t n = 0; n < w.keys; n++) world_step(&w, 250);
    size_t steps = 0;
    for (unsigned round = 0; round < 25; round++) {
        struct picture p;
        pthread_t reader;
        picture_begin(&p, &w);
        assert_int_equal(pthread_create(&reader, NULL, reader_thread, &p), 0);
        do {
            for (int i = 0; i < 500; i++) world_step(&w, round % 2 ? 60 : 200);
            steps += 500;
        } while (atomic_load_explicit(&p.view.passed, memory_order_relaxed) != UINT64_MAX);
        for (int i = 0; i < 2000; i++) world_step(&w, round % 2 ? 60 : 200);
        assert_int_equal(pthread_join(reader, NULL), 0);
        world_check(&w);
        picture_end(&p, true);
    }
    print_message("%zu steps beside the reader\n", steps);
    world_release(&w);
}

/* More blocks than one chunk holds, of every kind of allocation. */
static void test_limbo(void **state) {
    (void)state;
    struct frozen f;
    frozen_init(&f);
    for (int round = 0; round < 2; round++) {
        frozen_begin(&f);
        for (size_t i = 0; i < 10000; i++) {
            size_t n = 16 + i % 600;
            if (i % 3)
                frozen_limbo(&f, MEM_STRINGS, mem_alloc(MEM_STRINGS, n), n, 0);
            else
                frozen_limbo(&f, MEM_TABLE, mem_alloc_aligned(MEM_TABLE, 128, 64), 128, 64);
        }
        assert_int_equal(f.count, 10000);
        assert_true(mem_owner_bytes(MEM_LIMBO) >= (int64_t)f.bytes);
        assert_true(mem_owner_bytes(MEM_STRINGS) == 0 && mem_owner_bytes(MEM_TABLE) == 0);
        struct limbo *limbo = frozen_end(&f);
        assert_true(!f.live && f.count == 0 && f.bytes == 0 && f.peak_bytes > 1000000);
        limbo_free(limbo);
        assert_true(mem_owner_bytes(MEM_LIMBO) == 0 && mem_owner_blocks(MEM_LIMBO) == 0);
    }
    limbo_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limbo),
        cmocka_unit_test(test_empty_table),
        cmocka_unit_test(test_cost_of_writes),
        cmocka_unit_test(test_second_snapshot),
        cmocka_unit_test(test_move_while_frozen),
        cmocka_unit_test(test_owner_works_between_visits),
        cmocka_unit_test(test_two_threads),
    };
    return cmocka_run_group_tests_name("store/table_frozen", tests, NULL, NULL);
}
