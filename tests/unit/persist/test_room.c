/* The room of a load: how many keys go and when, which steps it takes, and that it waits at a container's wall and no longer. */
#include "persist/room_int.h"
#include "unit/persist/rdb_file.h"

#include "base/clock.h"
#include "exec/limit.h"
#include "io/thread.h"
#include "persist/batch_int.h"

#define VALUE_BYTES 10000
#define MIB         ((int64_t)1 << 20)

static struct dataset *ds;
static struct load_progress progress;
static _Atomic bool cancelled;
static struct load_room room;

static int start(void **state) {
    static const struct siphash_seed seed = {3, 4};
    (void)state;
    ds = dataset_new(2, &seed);
    progress = (struct load_progress){0};
    cancelled = false;
    room = (struct load_room){.rule = {.order = EVICTION_RANDOM, .samples = 5}, .others = limit_counted_of_all()};
    return 0;
}

static int finish(void **state) {
    (void)state;
    dataset_free(ds);
    return 0;
}

static void add_keys(unsigned from, unsigned count, int64_t expire_at) {
    static char value[VALUE_BYTES];
    char name[32];
    for (unsigned i = from; i < from + count; i++) {
        struct slice key = slice_of(name, (size_t)snprintf(name, sizeof name, "key:%u", i));
        struct slice text = slice_of(value, sizeof value);
        assert_true(db_put_string(dataset_db(ds, 0), key_of(ds, key), text, expire_at, PUT_PLAIN));
        progress.loaded_bytes += VALUE_BYTES;
    }
}

static int64_t taken(void) { return limit_counted_of_all() - room.others; }

static void test_keys_go_until_the_rest_fits(void **state) {
    (void)state;
    room.limit_bytes = 4 * MIB;
    room_begin(&room, &progress, &cancelled);
    assert_true(room_limited(&room) && room_is_near(&room) && !room_is_plenty(&room));
    add_keys(0, 300, NO_EXPIRE);
    room_keep(&room, ds);
    assert_int_equal(progress.evicted_keys, 0);
    add_keys(300, 300, NO_EXPIRE);
    assert_true(taken() > 4 * MIB);
    room_keep(&room, ds);
    assert_true(taken() <= 4 * MIB && taken() > 4 * MIB - 3 * VALUE_BYTES);
    assert_int_equal(progress.evicted_keys + (int64_t)dataset_keys(ds), 600);
    assert_in_range(progress.evicted_bytes, progress.evicted_keys * VALUE_BYTES,
                    progress.evicted_keys * 2 * VALUE_BYTES);
    assert_false(room.full);
}

/* The limit may come down while the load runs; and a cancelled load does not go on evicting. */
static void test_the_limit_changes(void **state) {
    (void)state;
    room.limit_bytes = 100 * MIB;
    room_begin(&room, &progress, &cancelled);
    add_keys(0, 4000, NO_EXPIRE);
    room_keep(&room, ds);
    assert_int_equal(progress.evicted_keys, 0);
    room.limit_bytes = 1 * MIB;
    cancelled = true;
    room_keep(&room, ds);
    assert_true(progress.evicted_keys < 1100 && taken() > 1 * MIB);
    cancelled = false;
    room_keep(&room, ds);
    assert_true(taken() <= 1 * MIB);
}

static void test_no_key_may_go(void **state) {
    (void)state;
    room.rule.only_expiring = true;
    room.limit_bytes = 1 * MIB;
    room_begin(&room, &progress, &cancelled);
    add_keys(0, 300, NO_EXPIRE);
    add_keys(300, 20, INT64_C(4000000000000));
    room_keep(&room, ds);
    assert_int_equal(progress.evicted_keys, 20);
    assert_int_equal(dataset_keys(ds), 300);
    assert_true(room.full);
    room.limit_bytes = 100 * MIB;
    room_keep(&room, ds);
    assert_false(room.full);
}

/* Far from the limit the steps are large, which what has been read so far must have shown. */
static void test_near_and_far(void **state) {
    (void)state;
    room.limit_bytes = 2 * ROOM_NEAR;
    room_begin(&room, &progress, &cancelled);
    assert_true(room_is_near(&room));
    add_keys(0, 20, NO_EXPIRE);
    room_keep(&room, ds);
    assert_false(room_is_near(&room));
    assert_true(room_is_plenty(&room));
    add_keys(20, 7000, NO_EXPIRE);
    room_keep(&room, ds);
    assert_true(room_is_near(&room));
    assert_false(room_is_plenty(&room));
    assert_true(room_is_plenty(NULL));
}

/* Where the file is compressed well, what is on its way is as much more, and near begins earlier. */
static void test_near_begins_earlier_for_what_grows(void **state) {
    (void)state;
    room.limit_bytes = 4 * ROOM_NEAR;
    room_begin(&room, &progress, &cancelled);
    add_keys(0, 320, NO_EXPIRE);
    progress.loaded_bytes = ROOM_STEP / 2; /* so that a block is some 48 MiB */
    room_keep(&room, ds);
    assert_true(room_is_near(&room));
}

static void test_watching_asks_seldom(void **state) {
    (void)state;
    room.limit_bytes = 8 * MIB;
    room_begin(&room, &progress, &cancelled);
    room_keep(&room, ds);
    int64_t was = room.was;
    add_keys(0, 2, NO_EXPIRE);
    room_watch(&room, ds);
    assert_int_equal(room.was, was);
    for (unsigned i = 2; i < 2000; i++) {
        add_keys(i, 1, NO_EXPIRE);
        room_watch(&room, ds);
        assert_true(taken() <= 8 * MIB + ROOM_STEP + 2 * VALUE_BYTES);
    }
    assert_true(progress.evicted_keys > 900);
}

static void test_room_for_keys(void **state) {
    (void)state;
    struct batch b;
    batch_init(&b);
    for (unsigned i = 0; i < 1000; i++) {
        char name[32], value[100] = "";
        size_t n = (size_t)snprintf(name, sizeof name, "key:%u", i);
        batch_add_made(&b, entry_new_string(slice_of(name, n), slice_of(value, sizeof value), NO_EXPIRE), -1, i);
    }
    room_begin(&room, &progress, &cancelled);
    assert_int_equal(room_for_keys(&room, 1000000, &b), 1000000);
    room.limit_bytes = 16 * MIB;
    size_t keys = room_for_keys(&room, 1000000, &b);
    assert_in_range(keys, 16 * MIB / 160, 16 * MIB / 110);
    assert_int_equal(room_for_keys(&room, 5000, &b), 5000);
    batch_release(&b);
}

static void *judge(void *arg) {
    (void)arg;
    thread_sleep_us(20000);
    atomic_fetch_add(&room.judged, 1);
    return NULL;
}

/* At the wall it waits for a judgement, at most for half a second, and not again before more has come. */
static void test_the_wall(void **state) {
    (void)state;
    struct thread thread = {0};
    room.rule.order = EVICTION_OFF;
    room.wall_bytes = 4 * MIB;
    room_begin(&room, &progress, &cancelled);
    add_keys(0, 350, NO_EXPIRE);
    assert_int_equal(thread_start(&thread, "judge", judge, NULL), 0);
    int64_t begun_us = clock_mono_us();
    room_keep(&room, ds);
    assert_true(clock_mono_us() - begun_us >= 1000);
    thread_join(&thread);
    assert_int_equal(room.judged, 1);
    int64_t held = room.held;
    assert_true(held >= 3 * MIB);
    room_keep(&room, ds);
    assert_int_equal(room.held, held);
    cancelled = true;
    add_keys(350, 50, NO_EXPIRE);
    room_keep(&room, ds);
    assert_true(room.held > held);
    assert_int_equal(progress.evicted_keys, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys_go_until_the_rest_fits, start, finish),
        cmocka_unit_test_setup_teardown(test_the_limit_changes, start, finish),
        cmocka_unit_test_setup_teardown(test_no_key_may_go, start, finish),
        cmocka_unit_test_setup_teardown(test_near_and_far, start, finish),
        cmocka_unit_test_setup_teardown(test_near_begins_earlier_for_what_grows, start, finish),
        cmocka_unit_test_setup_teardown(test_watching_asks_seldom, start, finish),
        cmocka_unit_test_setup_teardown(test_room_for_keys, start, finish),
        cmocka_unit_test_setup_teardown(test_the_wall, start, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
