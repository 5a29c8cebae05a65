/* The walk of defragmentation over a dataset: what becomes of large values between two pieces of their walk. That contents stay as
 * they are, test_db and test_snapshot ask, in whose random steps such walks fall too. */
#include "world.h"

#include "values/set.h"

static struct key key_of(const struct dataset *ds, const char *text) {
    struct slice s = slice_of_cstr(text);
    return (struct key){s, dataset_hash(ds, s)};
}

static struct dataset *dataset_with_set(const char *name, unsigned members) {
    struct dataset *ds = dataset_new(2, &(struct siphash_seed){5, 6});
    struct db *db = dataset_db(ds, 1);
    struct db_edit e;
    char text[NUM_TEXT_MAX + 1] = "m";
    assert_true(db_edit_begin(db, key_of(ds, name), TYPE_SET, &e));
    for (unsigned i = 0; i < members; i++) set_add(&e.edit, slice_of(text, 1 + num_format_u64(text + 1, i)));
    db_edit_end(db, key_of(ds, name), &e, true);
    return ds;
}

/* Into the middle of the set's walk. */
static void walk_into_value(struct dataset *ds, struct dataset_defrag *d) {
    while (!(d->later_count == 1 && d->value.cursor > 0)) assert_true(dataset_defrag_step(ds, d));
}

static size_t members_of(struct dataset *ds, const char *name) {
    const struct entry *e = db_view(dataset_db(ds, 1), key_of(ds, name), VIEW_PLAIN);
    return e && entry_type(e) == TYPE_SET ? set_count(entry_object(e)) : 0;
}

static void to_the_end(struct dataset *ds, struct dataset_defrag *d) {
    unsigned steps = 0;
    while (dataset_defrag_step(ds, d)) assert_true(++steps < 100000);
    for (int i = 0; i < 2; i++) table_verify(&dataset_db(ds, (unsigned)i)->contents.table);
    assert_int_equal(d->later_count, 0);
}

static void a_pass_meets_everything(void **state) {
    (void)state;
    struct dataset *ds = dataset_with_set("s", 5000);
    struct dataset_defrag d = {.mem.everything = true, .piece = 32};
    char text[32];
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(text, sizeof text, "key:%u", i);
        assert_true(db_put_string(dataset_db(ds, 0), key_of(ds, text), SLICE("value"), NO_EXPIRE, PUT_PLAIN));
    }
    to_the_end(ds, &d);
    assert_true(d.mem.moved > 8001); /* each entry and each member, and the tables around them */
    assert_int_equal(d.keys_moved, 3002);
    assert_int_equal(d.passes, 1);
    assert_int_equal(members_of(ds, "s"), 5000);
    d.mem.everything = false;
    uint64_t moved = d.mem.moved;
    to_the_end(ds, &d);
    assert_true(d.mem.moved - moved < 100); /* what has just been moved lies well */
    assert_int_equal(d.passes, 2);
    dataset_free(ds);
}

static void the_value_may_go_between_two_pieces(void **state) {
    (void)state;
    struct dataset *ds = dataset_with_set("s", 5000);
    struct dataset_defrag d = {.mem.everything = true, .piece = 32};
    walk_into_value(ds, &d);
    assert_true(db_delete(dataset_db(ds, 1), key_of(ds, "s")));
    to_the_end(ds, &d);
    assert_int_equal(members_of(ds, "s"), 0);
    dataset_free(ds);
}

static void the_key_may_be_renamed(void **state) {
    (void)state;
    struct dataset *ds = dataset_with_set("s", 5000);
    struct dataset_defrag d = {.mem.everything = true, .piece = 32};
    struct db *db = dataset_db(ds, 1);
    walk_into_value(ds, &d);
    db_move_key(db, key_of(ds, "s"), db, key_of(ds, "t"));
    to_the_end(ds, &d);
    assert_int_equal(members_of(ds, "t"), 5000);
    dataset_free(ds);
}

/* A string, a pack, a value of another type, a small one of the same. */
static void another_value_may_take_its_place(void **state) {
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct dataset *ds = dataset_with_set("s", 5000);
        struct dataset_defrag d = {.mem.everything = true, .piece = 32};
        struct key key = key_of(ds, "s");
        struct db *db = dataset_db(ds, 1);
        struct db_edit e;
        walk_into_value(ds, &d);
        if (way == 0) assert_true(db_put_string(db, key, SLICE("text"), NO_EXPIRE, PUT_PLAIN));
        if (way > 0) {
            assert_true(db_delete(db, key));
            assert_true(db_edit_begin(db, key, way == 2 ? TYPE_LIST : TYPE_SET, &e));
            for (int i = 0; way == 2 && i < 20000; i++) list_push(&e.edit, LIST_TAIL, SLICE("element"));
            if (way == 1) set_add(&e.edit, SLICE("one"));
            for (char c = 'a'; way == 3 && c < 'z'; c++) set_add(&e.edit, slice_of((char[70]){c}, 70));
            db_edit_end(db, key, &e, true);
        }
        to_the_end(ds, &d);
        assert_int_equal(members_of(ds, "s"), way == 1 ? 1 : way == 3 ? 25 : 0);
        dataset_free(ds);
    }
}

static void a_snapshot_may_come_between(void **state) {
    (void)state;
    struct dataset *ds = dataset_with_set("s", 5000);
    struct dataset_defrag d = {.mem.everything = true, .piece = 32};
    struct db_edit e;
    walk_into_value(ds, &d);
    struct dataset_frozen *z = dataset_freeze(ds);
    assert_true(db_edit_begin(dataset_db(ds, 1), key_of(ds, "s"), TYPE_SET, &e));
    set_add(&e.edit, SLICE("another"));
    db_edit_end(dataset_db(ds, 1), key_of(ds, "s"), &e, true);
    dataset_thaw(ds, z);
    to_the_end(ds, &d);
    assert_int_equal(members_of(ds, "s"), 5001);
    z = dataset_freeze(ds); /* and once more, with everything moved meanwhile */
    assert_true(db_edit_begin(dataset_db(ds, 1), key_of(ds, "s"), TYPE_SET, &e));
    set_remove(&e.edit, SLICE("another"));
    db_edit_end(dataset_db(ds, 1), key_of(ds, "s"), &e, true);
    dataset_thaw(ds, z);
    assert_int_equal(members_of(ds, "s"), 5000);
    dataset_free(ds);
    assert_int_equal(mem_owner_bytes(MEM_SETS), 0);
    assert_int_equal(mem_owner_bytes(MEM_LIMBO), 0);
}

static void another_dataset_may_take_the_place(void **state) {
    (void)state;
    struct dataset *ds = dataset_with_set("s", 5000), *other = dataset_new(1, &(struct siphash_seed){7, 8});
    struct dataset_defrag d = {.mem.everything = true, .piece = 32};
    walk_into_value(ds, &d);
    assert_true(db_put_string(dataset_db(other, 0), key_of(other, "k"), SLICE("v"), NO_EXPIRE, PUT_PLAIN));
    for (unsigned passes = 0; passes < 2;) passes += !dataset_defrag_step(other, &d);
    dataset_free(ds);
    dataset_free(other);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pass_meets_everything),     cmocka_unit_test(the_value_may_go_between_two_pieces),
        cmocka_unit_test(the_key_may_be_renamed),      cmocka_unit_test(another_value_may_take_its_place),
        cmocka_unit_test(a_snapshot_may_come_between), cmocka_unit_test(another_dataset_may_take_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
