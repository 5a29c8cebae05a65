#include "world.h"

#include <pthread.h>

/* A table inside of a value: its head is forked for the snapshot, which reads the old head with table_each. */
struct fork {
    struct world *world;
    struct table old;
    struct frozen *f;           /* what changes are given */
    uint64_t *expected, *shown; /* by key: value + 1, 0 for absent */
    _Atomic bool done;
};

static void fork_begin(struct fork *p, struct world *w) {
    memset(p, 0, sizeof *p);
    p->world = w;
    p->expected = calloc(w->keys, sizeof *p->expected);
    p->shown = calloc(w->keys, sizeof *p->shown);
    for (size_t key = 0; key < w->keys; key++) p->expected[key] = w->model[key] ? w->model[key]->value + 1 : 0;
    frozen_begin(&w->frozen);
    table_move(&p->old, &w->table); /* where the value's old head is */
    table_fork(&w->table, &p->old, &w->frozen);
    assert_true(w->table.count == p->old.count);
}

static void fork_visit(void *arg, table_slot *slot) {
    struct fork *p = arg;
    const struct item *item = table_slot_entry(slot);
    assert_true(p->shown[item->key] == 0);
    p->shown[item->key] = item->value + 1;
}

static void fork_read(struct fork *p) {
    memset(p->shown, 0, p->world->keys * sizeof *p->shown);
    table_each(&p->old, fork_visit, p);
    assert_memory_equal(p->shown, p->expected, p->world->keys * sizeof *p->shown);
}

static void *fork_reader(void *arg) {
    struct fork *p = arg;
    fork_read(p);
    atomic_store(&p->done, true);
    return NULL;
}

/* The same steps as world_step, but asking as the owner of a value does. */
static void fork_step(struct world *w, unsigned lean) {
    uint64_t key = random_below(&w->random, w->keys), hash = w->hash(key);
    unsigned dice = (unsigned)random_below(&w->random, 256);
    table_slot *slot = world_find(w, key);
    if (!slot) {
        if (dice < lean) world_insert(w, key);
        return;
    }
    bool shared = table_forked_entry_shared(&w->table, &w->frozen, hash, slot);
    struct item *old = table_slot_entry(slot);
    assert_ptr_equal(old, w->model[key]);
    if (dice >= lean) {
        table_remove(&w->table, &w->frozen, hash, slot);
        w->model[key] = NULL;
        w->count--;
        world_drop_item(w, old, shared);
    } else if (!shared) {
        old->value = w->next_value++;
    } else {
        slot = table_writable(&w->table, &w->frozen, hash, slot);
        table_slot_replace(&w->table, slot, w->model[key] = item_new(w, key));
        assert_false(table_forked_entry_shared(&w->table, &w->frozen, hash, slot));
        world_drop_item(w, old, true);
    }
}

static void fork_end(struct fork *p) {
    limbo_free(frozen_end(&p->world->frozen));
    assert_true(mem_owner_blocks(MEM_LIMBO) == 0);
    world_check(p->world);
    free(p->expected);
    free(p->shown);
}

static void test_against_model(void **state) {
    (void)state;
    uint64_t seed = test_seed();
    static const size_t sizes[] = {1, 5, 40, 300, 3000, 20000};
    for (size_t i = 0; i < countof(sizes) * countof(hash_kinds); i++) {
        struct world w;
        world_init(&w, hash_kinds[i / countof(sizes)], sizes[i % countof(sizes)], seed + i);
        for (unsigned round = 0; round < 10; round++) {
            struct fork p;
            for (size_t n = 0; n < w.keys * (round % 3); n++) world_step(&w, 60 + round * 18);
            fork_begin(&p, &w);
            for (size_t n = 0; n < 1 + w.keys / 10 * round; n++) {
                fork_step(&w, round % 2 ? 30 : 200);
                if (n % (1 + w.keys) == w.keys / 3) fork_read(&p);
            }
            fork_read(&p);
            fork_end(&p);
        }
        world_release(&w);
    }
}

/* One segment and one entry, once; and nothing when the value may be changed in place. */
static void test_cost_of_writes(void **state) {
    (void)state;
    struct world w;
    struct fork p;
    world_init(&w, hash_good, 20001, 1);
    for (uint64_t key = 0; key < 20000; key++) world_insert(&w, key);
    fork_begin(&p, &w);
    assert_int_equal(w.frozen.count, 1); /* the directory */
    table_slot *slot = world_find(&w, 5);
    assert_true(table_forked_entry_shared(&w.table, &w.frozen, w.hash(5), slot));
    assert_false(table_forked_entry_shared(&w.table, NULL, w.hash(5), slot));
    slot = table_writable(&w.table, &w.frozen, w.hash(5), slot);
    assert_int_equal(w.frozen.count, 2);
    assert_ptr_equal(table_writable(&w.table, &w.frozen, w.hash(5), slot), slot);
    assert_true(table_forked_entry_shared(&w.table, &w.frozen, w.hash(5), slot));
    fork_read(&p);
    fork_end(&p);
    assert_false(table_forked_entry_shared(&w.table, &w.frozen, w.hash(5), world_find(&w, 5)));
    fork_begin(&p, &w); /* what was written for the first snapshot is old for the second */
    slot = world_find(&w, 5);
    assert_true(table_writable(&w.table, &w.frozen, w.hash(5), slot) != slot);
    fork_read(&p);
    fork_end(&p);
    world_release(&w);
}

/* Two threads for real; run under ThreadSanitizer. */
static void test_two_threads(void **state) {
    (void)state;
    struct world w;
    world_init(&w, hash_good, 60000, test_seed());
    for (size_t n = 0; n < w.keys; n++) world_step(&w, 250);
    size_t steps = 0;
    for (unsigned round = 0; round < 20; round++) {
        struct fork p;
        pthread_t reader;
        fork_begin(&p, &w);
        assert_int_equal(pthread_create(&reader, NULL, fork_reader, &p), 0);
        do {
            for (int i = 0; i < 500; i++) fork_step(&w, round % 2 ? 60 : 200);
            steps += 500;
        } while (!atomic_load(&p.done));
        assert_int_equal(pthread_join(reader, NULL), 0);
        fork_end(&p);
    }
    print_message("%zu steps beside the reader\n", steps);
    world_release(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_cost_of_writes),
        cmocka_unit_test(test_two_threads),
    };
    return cmocka_run_group_tests_name("store/table fork", tests, NULL, NULL);
}
