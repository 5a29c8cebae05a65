/* The biggest keys where a refill matters: many of them are deleted, in order, and the floor must come down again. */
#include "world.h"

#include "keyspace/top.h"

#define KEYS 12000

static struct dataset *ds;
static struct random rng;
static unsigned order[KEYS]; /* numbers of keys, the biggest first; those before `gone` are deleted */
static size_t bytes[KEYS], gone;

static struct key key_of(unsigned number, char *text) {
    struct slice s = slice_of(text, (size_t)snprintf(text, 32, "key:%05u", number));
    return (struct key){s, dataset_hash(ds, s)};
}

static struct db *db_of(unsigned number) { return dataset_db(ds, number % 3); }

static void put(unsigned number, size_t length) {
    char text[32], *value = calloc(1, length + 1);
    struct key key = key_of(number, text);
    assert_true(db_put_string(db_of(number), key, slice_of(value, length), NO_EXPIRE, PUT_RAW));
    bytes[number] = entry_memory(db_view(db_of(number), key, VIEW_NO_TOUCH));
    free(value);
}

static int bigger_first(const void *a, const void *b) {
    size_t x = bytes[*(const unsigned *)a], y = bytes[*(const unsigned *)b];
    return x > y ? -1 : x < y;
}

static int open_all(void **state) {
    (void)state;
    random_init(&rng, test_seed());
    ds = dataset_new(3, &(struct siphash_seed){random_next(&rng), 2});
    dataset_set_now(ds, 1700000000000);
    gone = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        put(i, (size_t)random_below(&rng, random_below(&rng, 10) ? 1000 : 20000));
        order[i] = i;
    }
    qsort(order, KEYS, sizeof *order, bigger_first);
    return 0;
}

static int shut_all(void **state) {
    (void)state;
    dataset_free(ds);
    return 0;
}

struct look {
    size_t sure, seen, wrong, first;
};

static void look_at(void *arg, const struct top_key *key) {
    struct look *l = arg;
    if (l->seen == 0) l->first = key->bytes;
    if (key->bytes != bytes[order[gone + l->seen]]) {
        l->wrong++;
        assert_true(l->seen >= l->sure);
    }
    l->seen++;
}

static struct look look(void) {
    struct look l = {.sure = dataset_top_sure(ds)};
    dataset_top(ds, TOP_SHOWN_MAX, look_at, &l);
    return l;
}

static void delete_biggest(size_t n) {
    char text[32];
    for (; n > 0; n--, gone++) assert_true(db_delete(db_of(order[gone]), key_of(order[gone], text)));
}

static void refill_all(void) {
    while (dataset_top_refill(ds, 0)) continue;
}

static void expect_all_right(void) {
    struct look l = look();
    size_t left = KEYS - gone;
    assert_int_equal(l.seen, left < TOP_SHOWN_MAX ? left : TOP_SHOWN_MAX);
    assert_int_equal(l.wrong, 0);
    assert_true(l.sure >= l.seen);
}

static void test_spare_places(void **state) {
    (void)state;
    expect_all_right();
    for (int i = 0; i < 30; i++) { /* fewer than there are spare places: no walk */
        delete_biggest(15);
        expect_all_right();
    }
    assert_false(dataset_top_refill(ds, 0));
}

static void test_refill(void **state) {
    (void)state;
    while (gone < KEYS) {
        delete_biggest(random_below(&rng, 4)     ? 1 + (size_t)random_below(&rng, 20)
                       : KEYS / 40 < KEYS - gone ? KEYS / 40
                                                 : 0);
        if (KEYS - gone < 20) delete_biggest(KEYS - gone);
        dataset_top_refill(ds, 0);
        look(); /* what is sure is right at any time */
        if (random_below(&rng, 3)) continue;
        refill_all();
        expect_all_right();
    }
    refill_all();
    expect_all_right();
}

/* All places at once: nothing of what follows is known until the walk has come around. */
static void test_deleted_at_once(void **state) {
    (void)state;
    delete_biggest(5000);
    assert_true(look().sure < TOP_SHOWN_MAX);
    assert_true(dataset_top_refill(ds, 0));
    assert_true(look().sure < TOP_SHOWN_MAX);
    put(order[gone - 1], 30000); /* bigger than any: known at once, wherever the walk is */
    gone--;
    assert_int_equal(look().first, bytes[order[gone]]);
    refill_all();
    expect_all_right();
}

static void test_swap_and_flush_during_refill(void **state) {
    (void)state;
    delete_biggest(5000);
    for (int i = 0; i < 8 && dataset_top_refill(ds, 0); i++) dataset_swap(ds, 0, 1);
    dataset_swap(ds, 0, 1);
    refill_all();
    dataset_swap(ds, 0, 1);
    struct look l = look();
    assert_int_equal(l.wrong, 0);
    assert_int_equal(l.seen, TOP_SHOWN_MAX);
    dataset_flush(ds, 2, false);
    refill_all();
    assert_true(dataset_top_sure(ds) >= TOP_SHOWN_MAX);
    dataset_flush(ds, -1, false);
    assert_int_equal(look().seen, 0);
    assert_int_equal(look().sure, SIZE_MAX);
}

/* Equal sizes: any may be shown, but as many as are asked for. */
static void test_equal_sizes(void **state) {
    (void)state;
    for (unsigned i = 0; i < KEYS; i++) put(i, 100);
    refill_all();
    expect_all_right();
    delete_biggest(KEYS - 200);
    refill_all();
    expect_all_right();
}

static void test_memory(void **state) {
    (void)state;
    int64_t before = mem_owner_bytes(MEM_OBSERVE);
    shut_all(NULL);
    int64_t without = mem_owner_bytes(MEM_OBSERVE);
    assert_true(before - without <= 300 << 10);
    open_all(NULL);
    struct top_board *b = top_board_new();
    assert_true(mem_owner_bytes(MEM_OBSERVE) - without <= 600 << 10);
    top_board_free(b);
}

struct board_look {
    struct top_key first;
    char text[300];
    size_t seen;
};

static void look_at_board(void *arg, const struct top_key *key) {
    struct board_look *l = arg;
    if (l->seen++ > 0) return;
    l->first = *key;
    memcpy(l->text, key->key.ptr, key->key.len);
}

static void test_board(void **state) {
    (void)state;
    struct top_board *b = top_board_new();
    struct board_look l = {.seen = 0};
    char name[1000], *value = calloc(1, 50000);
    int64_t age_us;
    assert_int_equal(top_board_read(b, 10, &age_us, look_at_board, &l), 0);
    assert_int_equal(age_us, -1);
    memset(name, 'n', sizeof name);
    struct slice text = slice_of(name, sizeof name);
    assert_true(db_put_string(dataset_db(ds, 1), (struct key){text, dataset_hash(ds, text)}, slice_of(value, 50000),
                              NO_EXPIRE, PUT_PLAIN));
    assert_true(top_board_publish(b, ds, 3600000000));
    assert_false(top_board_publish(b, ds, 3600000000));
    assert_true(top_board_read(b, 10, &age_us, look_at_board, &l) >= 10);
    assert_true(age_us >= 0);
    assert_int_equal(l.seen, 10);
    assert_int_equal(l.first.key_len, sizeof name);
    assert_true(slice_equal(slice_of(l.text, l.first.key.len), slice_of(name, TOP_BOARD_KEY)));
    assert_int_equal(l.first.elements, 50000);
    top_board_clear(b);
    l.seen = 0;
    top_board_read(b, 10, &age_us, look_at_board, &l);
    assert_int_equal(l.seen, 0);
    top_board_free(b);
    free(value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_spare_places, open_all, shut_all),
        cmocka_unit_test_setup_teardown(test_refill, open_all, shut_all),
        cmocka_unit_test_setup_teardown(test_deleted_at_once, open_all, shut_all),
        cmocka_unit_test_setup_teardown(test_swap_and_flush_during_refill, open_all, shut_all),
        cmocka_unit_test_setup_teardown(test_equal_sizes, open_all, shut_all),
        cmocka_unit_test_setup_teardown(test_memory, open_all, shut_all),
        cmocka_unit_test_setup_teardown(test_board, open_all, shut_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
