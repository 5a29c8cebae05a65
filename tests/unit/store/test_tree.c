#include "world.h"

#include "store/tree.h"

#include <pthread.h>

/* Fewer steps where each costs ten times as much. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEPS(n) ((n) / 10)
#else
#define STEPS(n) (n)
#endif

/* A tree beside a plain array of it. Items are pairs of an order number and a weight; equal order numbers are allowed to
 * differ in `second`, as members of one score do. Each is a block of its own, so that a use after its end is seen. */
struct thing {
    uint64_t key, second, serial;
    uint32_t weight;
};

struct grove {
    struct tree tree;
    struct frozen frozen;
    struct frozen *f; /* what changes are given: NULL or &frozen */
    struct random random;
    struct thing **model;
    size_t count, capacity;
    uint64_t weight, next_serial;
    uint32_t weight_max;
    uint64_t keys;         /* order numbers are below */
    bool remembers_shared; /* the tree has weights, and so knows which things the snapshot shares */
};

static struct thing *thing_of(uint64_t word) { return (struct thing *)(uintptr_t)word; }

static uint64_t word_of(const struct thing *thing) { return (uint64_t)(uintptr_t)thing; }

static uint64_t key_of(uint64_t word) { return thing_of(word)->key; }

static bool thing_less(uint64_t word, const void *arg) {
    const struct thing *a = thing_of(word), *b = arg;
    return a->key < b->key || (a->key == b->key && a->second < b->second);
}

static bool thing_less_or_equal(uint64_t word, const void *arg) {
    const struct thing *a = thing_of(word), *b = arg;
    return a->key < b->key || (a->key == b->key && a->second <= b->second);
}

static void grove_init(struct grove *g, size_t capacity, uint64_t keys, uint32_t weight_max, uint64_t seed) {
    memset(g, 0, sizeof *g);
    g->model = calloc(capacity, sizeof *g->model);
    g->capacity = capacity;
    g->keys = keys;
    g->weight_max = weight_max;
    random_init(&g->random, seed);
    frozen_init(&g->frozen);
    tree_init(&g->tree, keys % 2 ? key_of : NULL, weight_max > 1, MEM_ZSETS);
}

static void thing_free(struct thing *thing) { mem_free(MEM_STRINGS, thing, sizeof *thing); }

static void accounts_are_empty(void) {
    static const enum mem_owner owners[] = {MEM_ZSETS, MEM_STRINGS, MEM_LIMBO, MEM_TABLE};
    for (size_t i = 0; i < countof(owners); i++)
        assert_true(mem_owner_bytes(owners[i]) == 0 && mem_owner_blocks(owners[i]) == 0);
}

static void grove_release(struct grove *g) {
    for (size_t i = 0; i < g->count; i++) thing_free(g->model[i]);
    tree_release(&g->tree);
    free(g->model);
    accounts_are_empty();
}

static struct thing *thing_new(struct grove *g) {
    struct thing *thing = mem_alloc(MEM_STRINGS, sizeof *thing);
    thing->key = random_below(&g->random, g->keys);
    thing->second = random_below(&g->random, 16);
    thing->serial = g->next_serial++;
    thing->weight = 1 + (uint32_t)random_below(&g->random, g->weight_max);
    return thing;
}

static void thing_drop(struct grove *g, struct thing *thing, bool shared) {
    if (shared)
        frozen_limbo(&g->frozen, MEM_STRINGS, thing, sizeof *thing, 0);
    else
        thing_free(thing);
}

static size_t model_lower(const struct grove *g, const struct thing *thing, bool behind) {
    size_t low = 0, high = g->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        bool before = behind ? thing_less_or_equal(word_of(g->model[middle]), thing)
                             : thing_less(word_of(g->model[middle]), thing);
        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void model_insert(struct grove *g, size_t at, struct thing *thing) {
    assert_true(g->count < g->capacity);
    memmove(g->model + at + 1, g->model + at, (g->count - at) * sizeof *g->model);
    g->model[at] = thing;
    g->count++;
    g->weight += thing->weight;
}

static uint64_t model_position(const struct grove *g, size_t at) {
    uint64_t sum = 0;
    if (g->weight_max == 1) return at;
    for (size_t i = 0; i < at; i++) sum += g->model[i]->weight;
    return sum;
}

static void cursor_is_at(const struct grove *g, const struct tree_cursor *c, size_t at) {
    assert_true(tree_valid(c) == (at < g->count));
    assert_true(c->position == model_position(g, at));
    if (at == g->count) return;
    assert_ptr_equal(thing_of(tree_word(c)), g->model[at]);
    assert_int_equal(tree_weight(c), g->model[at]->weight);
}

static void grove_insert(struct grove *g, struct thing *thing) {
    struct tree_cursor c;
    bool behind = random_next(&g->random) & 1;
    struct tree_bound bound = {thing->key, behind ? thing_less_or_equal : thing_less, thing};
    size_t at = model_lower(g, thing, behind);
    assert_true(tree_seek(&g->tree, &c, &bound) == (at < g->count));
    cursor_is_at(g, &c, at);
    tree_insert(&g->tree, g->f, &c, word_of(thing), thing->weight);
    model_insert(g, at, thing);
    cursor_is_at(g, &c, at);
}

static bool grove_shared(struct grove *g, const struct tree_cursor *c) {
    if (!g->f || !g->f->live) return false;
    return g->remembers_shared ? tree_item_shared(c, g->f) : true;
}

static void grove_remove(struct grove *g, size_t at) {
    struct tree_cursor c;
    assert_true(tree_at(&g->tree, &c, model_position(g, at)));
    cursor_is_at(g, &c, at);
    struct thing *thing = g->model[at];
    bool shared = grove_shared(g, &c);
    tree_remove(&g->tree, g->f, &c);
    g->count--;
    g->weight -= thing->weight;
    memmove(g->model + at, g->model + at + 1, (g->count - at) * sizeof *g->model);
    cursor_is_at(g, &c, at);
    thing_drop(g, thing, shared);
}

/* Another thing of the same order. */
static void grove_set(struct grove *g, size_t at) {
    struct tree_cursor c;
    assert_true(tree_at(&g->tree, &c, model_position(g, at)));
    struct thing *old = g->model[at], *thing = thing_new(g);
    thing->key = old->key;
    thing->second = old->second;
    bool shared = grove_shared(g, &c);
    tree_set(&g->tree, g->f, &c, word_of(thing), thing->weight);
    g->weight += (uint64_t)thing->weight - old->weight;
    g->model[at] = thing;
    cursor_is_at(g, &c, at);
    if (g->remembers_shared && g->f && g->f->live) assert_false(tree_item_shared(&c, g->f));
    thing_drop(g, old, shared);
}

struct dropping {
    struct grove *grove;
    size_t next;
};

static void dropped(void *arg, uint64_t word, bool shared) {
    struct dropping *d = arg;
    assert_ptr_equal(thing_of(word), d->grove->model[d->next++]);
    thing_drop(d->grove, thing_of(word), shared);
}

static void grove_cut(struct grove *g, size_t from, size_t to) {
    struct dropping d = {g, from};
    uint64_t first = model_position(g, from), last = model_position(g, to);
    tree_cut(&g->tree, g->f, first, last, dropped, &d);
    assert_int_equal(d.next, to);
    memmove(g->model + from, g->model + to, (g->count - to) * sizeof *g->model);
    g->count -= to - from;
    g->weight -= last - first;
}

/* Where the array's work allows it: any position of any item. */
static void grove_look(struct grove *g) {
    struct tree_cursor c;
    size_t at = random_below(&g->random, g->count);
    uint64_t position = model_position(g, at) + random_below(&g->random, g->model[at]->weight);
    assert_true(tree_at(&g->tree, &c, position));
    cursor_is_at(g, &c, at);
    for (int i = 0; i < 5 && at + 1 < g->count; i++) {
        assert_true(tree_next(&c));
        cursor_is_at(g, &c, ++at);
    }
    for (int i = 0; i < 9 && at > 0; i++) {
        assert_true(tree_prev(&c));
        cursor_is_at(g, &c, --at);
    }
}

static void grove_step(struct grove *g, unsigned lean) {
    unsigned dice = (unsigned)random_below(&g->random, 256);
    if (g->count == 0 || (dice < lean && g->count < g->capacity)) {
        grove_insert(g, thing_new(g));
        return;
    }
    size_t at = random_below(&g->random, g->count);
    switch (random_below(&g->random, 8)) {
    case 0:
        grove_set(g, at);
        break;
    case 1:
        grove_look(g);
        break;
    default:
        grove_remove(g, at);
    }
}

static void grove_check(const struct grove *g) {
    struct tree_cursor c;
    tree_verify(&g->tree);
    assert_true(g->tree.count == g->count && g->tree.weight == g->weight);
    if (!g->f || !g->f->live) assert_true((int64_t)g->tree.bytes == mem_owner_bytes(MEM_ZSETS));
    uint64_t position = 0;
    bool more = tree_first(&g->tree, &c);
    for (size_t i = 0; i < g->count; i++, more = tree_next(&c)) {
        assert_true(more && c.position == position);
        assert_ptr_equal(thing_of(tree_word(&c)), g->model[i]);
        position += g->model[i]->weight;
    }
    assert_true(!more && c.position == g->weight);
    more = tree_last(&g->tree, &c);
    for (size_t i = g->count; i-- > 0; more = tree_prev(&c)) {
        assert_true(more);
        assert_ptr_equal(thing_of(tree_word(&c)), g->model[i]);
        position -= g->model[i]->weight;
        assert_true(c.position == position);
    }
    assert_false(more);
}

/* Waves of growth and shrinking, all combinations of weights, keys and their absence, many and few equal keys. */
static void test_against_model(void **state) {
    (void)state;
    uint64_t seed = test_seed();
    static const size_t sizes[] = {5, 100, 400, 1500};
    static const uint64_t keys[] = {1, 2, 51, 1000001, 1000000};
    static const uint32_t weights[] = {1, 300};
    for (size_t i = 0; i < countof(sizes) * countof(keys) * countof(weights); i++) {
        struct grove g;
        size_t size = sizes[i % countof(sizes)];
        grove_init(&g, size, keys[i / countof(sizes) % countof(keys)], weights[i / countof(sizes) / countof(keys)],
                   seed + i);
        for (size_t n = 0; n < STEPS(60000); n++) {
            grove_step(&g, n / (size * 3) % 2 ? 60 : 200);
            if (n % 3000 == 0) grove_check(&g);
            if (n % 997 == 0 && g.count) {
                size_t from = random_below(&g.random, g.count), most = g.count - from;
                grove_cut(&g, from, from + random_below(&g.random, (n & 1 ? most : most / 8) + 1));
                tree_verify(&g.tree);
            }
        }
        grove_check(&g);
        while (g.count) grove_remove(&g, random_below(&g.random, g.count));
        grove_check(&g);
        assert_null(g.tree.root);
        grove_release(&g);
    }
}

static void test_large(void **state) {
    (void)state;
    struct grove g;
    grove_init(&g, STEPS(40000), 1000001, 1, test_seed());
    for (size_t n = 0; n < STEPS(2000000); n++) {
        grove_step(&g, n / STEPS(150000) % 2 ? 100 : 190);
        if (n % STEPS(100000) == 0) grove_check(&g);
    }
    grove_check(&g);
    grove_release(&g);
}

/* Cuts of every kind of range: ends, middle, nothing, all. */
static void test_cut(void **state) {
    (void)state;
    uint64_t seed = test_seed();
    for (unsigned round = 0; round < STEPS(400); round++) {
        struct grove g;
        grove_init(&g, 40000, 1001, round % 2 ? 7 : 1, seed + round);
        size_t size = 1 + random_below(&g.random, round % 7 == 0 ? 40000 : 2000);
        for (size_t i = 0; i < size; i++) model_insert(&g, g.count, thing_new(&g));
        uint64_t *words = calloc(size, sizeof *words);
        uint32_t *weights = calloc(size, sizeof *weights);
        for (size_t i = 0; i < size; i++) {
            words[i] = word_of(g.model[i]);
            weights[i] = g.model[i]->weight;
        }
        tree_build(&g.tree, words, g.tree.weighted ? weights : NULL, size);
        grove_check(&g);
        while (g.count > 0) {
            size_t n = random_below(&g.random, g.count + 1), from = random_below(&g.random, g.count - n + 1);
            if (n > 10 && round % 3) n = 1 + random_below(&g.random, n / 10);
            if (round % 4 == 1) from = 0;
            if (round % 4 == 2) from = g.count - n;
            grove_cut(&g, from, from + n);
            tree_verify(&g.tree);
            if (random_below(&g.random, 8) == 0) grove_check(&g);
        }
        free(words);
        free(weights);
        grove_release(&g);
    }
}

/* ---- memory ---- */
static uint64_t never_called(uint64_t word) { return word; }

static bool word_less(uint64_t word, const void *arg) { return word < *(const uint64_t *)arg; }

static void put_number(struct tree *t, uint64_t number) {
    struct tree_cursor c;
    tree_seek(t, &c, &(struct tree_bound){number, word_less, &number});
    tree_insert(t, NULL, &c, number, 1);
}

static double bytes_of_order(uint64_t (*nth)(uint64_t i, uint64_t n), uint64_t n) {
    struct tree t;
    tree_init(&t, never_called, false, MEM_ZSETS);
    for (uint64_t i = 0; i < n; i++) put_number(&t, nth(i, n));
    tree_verify(&t);
    struct tree_cursor c;
    uint64_t last = 0, seen = 0;
    for (bool more = tree_first(&t, &c); more; more = tree_next(&c), seen++) {
        assert_true(seen == 0 || tree_word(&c) > last);
        last = tree_word(&c);
    }
    assert_true(seen == n);
    double bytes = (double)t.bytes / (double)n;
    tree_release(&t);
    return bytes;
}

static uint64_t nth_up(uint64_t i, uint64_t n) { return i + 0 * n; }
static uint64_t nth_down(uint64_t i, uint64_t n) { return n - i; }
static uint64_t nth_random(uint64_t i, uint64_t n) { return hash_good(i) + 0 * n; }
static uint64_t nth_from_the_middle(uint64_t i, uint64_t n) { return i & 1 ? n + i : n - i; }

static void test_memory(void **state) {
    (void)state;
    double up = bytes_of_order(nth_up, 200000), down = bytes_of_order(nth_down, 200000),
           random = bytes_of_order(nth_random, 200000), middle = bytes_of_order(nth_from_the_middle, 200000);
    print_message("bytes an item: up %.2f, down %.2f, random %.2f, from the middle %.2f\n", up, down, random, middle);
    assert_true(up < 8.5 && down < 8.5 && random < 10 && middle < 10.5);
    assert_true(bytes_of_order(nth_random, 130) < 16);
    accounts_are_empty();
}

/* ---- frozen ---- */
/* What the snapshot must show, and the head it reads. */
struct photo {
    struct tree head;
    struct thing *things; /* copies */
    struct thing **at;    /* the things themselves */
    size_t count;
    _Atomic bool done;
};

static void photo_take(struct photo *p, struct grove *g) {
    p->count = g->count;
    p->things = calloc(g->count + 1, sizeof *p->things);
    p->at = calloc(g->count + 1, sizeof *p->at);
    for (size_t i = 0; i < g->count; i++) {
        p->things[i] = *g->model[i];
        p->at[i] = g->model[i];
    }
    atomic_store(&p->done, false);
    frozen_begin(&g->frozen);
    g->f = &g->frozen;
    p->head = g->tree;
    tree_copy_head(&g->tree, &p->head);
}

static void *photo_read(void *arg) {
    struct photo *p = arg;
    struct tree_cursor c;
    size_t i = 0;
    for (bool more = tree_first(&p->head, &c); more; more = tree_next(&c), i++) {
        assert_ptr_equal(thing_of(tree_word(&c)), p->at[i]);
        assert_memory_equal(p->at[i], &p->things[i], sizeof p->things[i]);
    }
    assert_int_equal(i, p->count);
    for (bool more = tree_last(&p->head, &c); more; more = tree_prev(&c))
        assert_ptr_equal(thing_of(tree_word(&c)), p->at[--i]);
    assert_int_equal(i, 0);
    atomic_store(&p->done, true);
    return NULL;
}

static void photo_end(struct photo *p, struct grove *g) {
    g->f = NULL;
    limbo_free(frozen_end(&g->frozen));
    free(p->things);
    free(p->at);
    grove_check(g);
    assert_true(mem_owner_blocks(MEM_STRINGS) == (int64_t)g->count && mem_owner_blocks(MEM_LIMBO) == 0);
}

/* Without a table beside it, an unweighted tree cannot tell fresh things: all dropped ones go to limbo. A thing made since
 * the freeze then waits there too, which is no harm. */
static void test_frozen_one_thread(void **state) {
    (void)state;
    uint64_t seed = test_seed();
    for (unsigned round = 0; round < STEPS(60); round++) {
        struct grove g;
        struct photo p;
        grove_init(&g, 3000, 1001 + round % 2, round % 3 ? 9 : 1, seed + round);
        g.remembers_shared = g.tree.weighted;
        for (int i = 0; i < 4000; i++) grove_step(&g, 200);
        for (unsigned snapshot = 0; snapshot < 4; snapshot++) {
            photo_take(&p, &g);
            for (int i = 0; i < 1000; i++) {
                grove_step(&g, snapshot % 2 ? 100 : 170);
                if (i % 100 == 50) photo_read(&p);
            }
            if (snapshot == 2 && g.count) grove_cut(&g, g.count / 3, g.count);
            if (snapshot == 3) grove_cut(&g, 0, g.count);
            photo_read(&p);
            photo_end(&p, &g);
            for (int i = 0; i < 2000; i++) grove_step(&g, 180);
        }
        grove_release(&g);
    }
}

/* A node is copied once, with its ancestors; a thing is shared until it is replaced. */
static void test_frozen_cost(void **state) {
    (void)state;
    struct grove g;
    struct photo p;
    struct tree_cursor c;
    grove_init(&g, 20000, 1000001, 9, 1);
    g.remembers_shared = true;
    for (int i = 0; i < 20000; i++) grove_insert(&g, thing_new(&g));
    photo_take(&p, &g);
    grove_set(&g, 77);
    assert_int_equal(g.frozen.count, 1 + g.tree.root->level + 1u); /* the thing and its path */
    grove_set(&g, 77);
    assert_int_equal(g.frozen.count, 1 + g.tree.root->level + 1u);
    tree_at(&g.tree, &c, model_position(&g, 77));
    assert_false(tree_item_shared(&c, &g.frozen));
    assert_true(tree_next(&c) && tree_item_shared(&c, &g.frozen));
    photo_read(&p);
    photo_end(&p, &g);
    photo_take(&p, &g);
    tree_at(&g.tree, &c, model_position(&g, 77));
    assert_true(tree_item_shared(&c, &g.frozen)); /* fresh in an earlier snapshot is not fresh in this one */
    photo_end(&p, &g);
    assert_false(tree_item_shared(&c, NULL));
    grove_release(&g);
}

/* Two threads for real; run under ThreadSanitizer. */
static void test_frozen_two_threads(void **state) {
    (void)state;
    struct grove g;
    size_t steps = 0;
    grove_init(&g, STEPS(20000), 1001, 5, test_seed());
    g.remembers_shared = true;
    for (int i = 0; i < STEPS(30000); i++) grove_step(&g, 230);
    for (unsigned round = 0; round < 25; round++) {
        struct photo p;
        pthread_t reader;
        photo_take(&p, &g);
        assert_int_equal(pthread_create(&reader, NULL, photo_read, &p), 0);
        do {
            for (int i = 0; i < 100; i++) grove_step(&g, round % 2 ? 110 : 170);
            if (round % 5 == 4 && g.count > STEPS(5000)) grove_cut(&g, 100, 400);
            steps += 100;
        } while (!atomic_load(&p.done));
        for (int i = 0; i < 300; i++) grove_step(&g, 150);
        assert_int_equal(pthread_join(reader, NULL), 0);
        photo_end(&p, &g);
    }
    print_message("%zu steps beside the reader\n", steps);
    grove_release(&g);
}

static void release_thing(void *value) { thing_free(value); }

static void test_limbo_of_values(void **state) {
    (void)state;
    struct grove g;
    grove_init(&g, 1, 1, 1, 1);
    frozen_begin(&g.frozen);
    for (int i = 0; i < 10000; i++) {
        if (i % 3)
            frozen_limbo_value(&g.frozen, release_thing, thing_new(&g));
        else
            thing_drop(&g, thing_new(&g), true);
    }
    assert_int_equal(g.frozen.count, 10000);
    limbo_free(frozen_end(&g.frozen));
    grove_release(&g);
}

static void test_empty(void **state) {
    (void)state;
    struct grove g;
    struct tree_cursor c;
    grove_init(&g, 4, 1, 1, 1);
    assert_false(tree_first(&g.tree, &c) || tree_last(&g.tree, &c) || tree_end(&g.tree, &c) || tree_valid(&c));
    assert_false(tree_at(&g.tree, &c, 0) || tree_prev(&c));
    tree_cut(&g.tree, NULL, 0, 0, NULL, NULL);
    tree_build(&g.tree, NULL, NULL, 0);
    grove_check(&g);
    tree_release(&g.tree);
    grove_insert(&g, thing_new(&g));
    grove_remove(&g, 0);
    assert_true(g.tree.bytes == 0);
    grove_release(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),           cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_large),           cmocka_unit_test(test_cut),
        cmocka_unit_test(test_memory),          cmocka_unit_test(test_frozen_one_thread),
        cmocka_unit_test(test_frozen_cost),     cmocka_unit_test(test_frozen_two_threads),
        cmocka_unit_test(test_limbo_of_values),
    };
    return cmocka_run_group_tests_name("store/tree", tests, NULL, NULL);
}
