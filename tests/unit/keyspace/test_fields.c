/* Fields of hashes that expire: taken out on time by the same calendar as keys, the key going with the last. */
#include "world.h"

#include "values/hash.h"
#include "values/kind.h"

#define START INT64_C(1700000000000)
#define KEYS  300

struct seen {
    struct dataset *ds;
    unsigned fields, batches, emptied, changed;
    int64_t latest_ms;
};

static int64_t field_time(struct slice element) {
    int64_t at;
    assert_true(num_parse_i64(element, &at)); /* a field is named by its time */
    return at;
}

static void on_element(void *arg, struct db *db, struct slice key, struct slice element) {
    struct seen *s = arg;
    int64_t late = dataset_now(s->ds) - field_time(element);
    assert_true(db != NULL && key.len > 0 && late >= 0);
    if (late > s->latest_ms) s->latest_ms = late;
    s->fields++;
}

static void on_elements(void *arg, struct db *db, struct slice key, bool emptied) {
    struct seen *s = arg;
    struct key k = {key, dataset_hash(s->ds, key)};
    assert_int_equal(emptied, db_view(db, k, VIEW_NO_TOUCH) == NULL);
    s->batches++;
    s->emptied += emptied;
}

static void on_changed(void *arg, struct db *db, struct slice key) {
    (void)db;
    (void)key;
    ((struct seen *)arg)->changed++;
}

static struct dataset *one(struct seen *seen) {
    struct dataset *ds = dataset_new(2, &(struct siphash_seed){5, 6});
    *seen = (struct seen){.ds = ds};
    dataset_set_now(ds, START);
    dataset_set_hooks(
        ds, &(struct keyspace_hooks){
                .arg = seen, .element_expired = on_element, .elements_expired = on_elements, .changed = on_changed});
    return ds;
}

static struct key key_of(const struct dataset *ds, unsigned id, char *dst) {
    struct slice s = world_key_text(id + 1, dst);
    return (struct key){s, dataset_hash(ds, s)};
}

static void put_field(struct dataset *ds, unsigned id, int64_t at, bool timed) {
    char text[WORLD_KEY_MAX], name[NUM_TEXT_MAX];
    struct key key = key_of(ds, id, text);
    struct db_edit e;
    assert_true(db_edit_begin(dataset_db(ds, 0), key, TYPE_HASH, &e));
    struct slice field = slice_of(name, num_format_i64(name, at));
    assert_int_not_equal(hash_put(&e.edit, field, SLICE("v"), timed ? at : HASH_NO_TIME), HASH_NO_MEMORY);
    db_edit_end(dataset_db(ds, 0), key, &e, true);
}

static void run_until(struct dataset *ds, int64_t from, int64_t to) {
    for (int64_t now = from; now <= to; now++) {
        if (dataset_next_expiry_ms(ds) > now) continue;
        dataset_set_now(ds, now);
        while (dataset_expire_due(ds, 1000)) continue;
    }
}

static void no_memory_left(struct dataset *ds) {
    dataset_free(ds);
    assert_int_equal(mem_owner_bytes(MEM_HASHES), 0);
    assert_int_equal(mem_owner_bytes(MEM_EXPIRY), 0);
    assert_int_equal(mem_owner_bytes(MEM_LIMBO), 0);
    assert_int_equal(mem_owner_bytes(MEM_TABLE), 0);
}

static void test_on_time(void **state) {
    (void)state;
    struct seen seen;
    struct dataset *ds = one(&seen);
    struct random r;
    random_init(&r, test_seed());
    unsigned fields = 0;
    for (unsigned i = 0; i < 20000; i++) {
        put_field(ds, (unsigned)random_below(&r, KEYS), START + 10 + (int64_t)random_below(&r, 60000), true);
    }
    put_field(ds, 0, START - 1, false); /* stays, and so does its key */
    char text[WORLD_KEY_MAX];
    for (unsigned id = 0; id < KEYS; id++) {
        const struct entry *e = db_view(dataset_db(ds, 0), key_of(ds, id, text), VIEW_NO_TOUCH);
        if (e) fields += (unsigned)value_kind(TYPE_HASH)->count(entry_object(e));
    }
    seen.changed = 0;
    run_until(ds, START, START + 61000);
    assert_int_equal(seen.fields, fields - 1);
    assert_in_range(seen.latest_ms, 0, 2);
    assert_int_equal(dataset_keys(ds), 1);
    assert_int_equal(seen.emptied, KEYS - 1);
    assert_int_equal(seen.changed, seen.batches);
    assert_int_equal(dataset_stats(ds)->expired_elements, seen.fields);
    no_memory_left(ds);
}

/* The reference of a hash survives what happens to its key, and a snapshot sees the fields of its beginning. */
static bool count_fields(void *arg, const struct entry *e, uint32_t access) {
    (void)access;
    if (entry_type(e) == TYPE_HASH) *(size_t *)arg += value_kind(TYPE_HASH)->count(entry_object(e));
    return true;
}

static void test_moved_copied_frozen(void **state) {
    (void)state;
    struct seen seen;
    char a[WORLD_KEY_MAX], b[WORLD_KEY_MAX];
    struct dataset *ds = one(&seen);
    struct db *db = dataset_db(ds, 0), *other = dataset_db(ds, 1);
    for (int i = 0; i < 200; i++) put_field(ds, 0, START + 100 + i, true);
    db_set_expire(db, key_of(ds, 0, a), START + 1000);
    db_move_key(db, key_of(ds, 0, a), other, key_of(ds, 1, b));
    assert_true(db_copy_key(other, key_of(ds, 1, b), db, key_of(ds, 2, a)));
    assert_int_equal(dataset_frozen_timed((struct dataset_frozen *)dataset_freeze(ds)), 2);
    run_until(ds, START, START + 150);
    size_t fields = 0;
    struct dataset_frozen *z = ds->snapshot;
    for (unsigned i = 0; i < 2; i++) dataset_frozen_each(z, i, count_fields, &fields);
    assert_int_equal(fields, 400);
    dataset_thaw(ds, z);
    assert_in_range(seen.fields, 96, 104);
    dataset_flush(ds, 0, false);
    run_until(ds, START + 151, START + 2000);
    assert_int_equal(dataset_keys(ds), 0);
    assert_in_range(seen.fields, 246, 254);
    assert_int_equal(ds->dbs[0].contents.timed + ds->dbs[1].contents.timed, 0);
    no_memory_left(ds);
}

/* A string over the hash, the hash deleted, its time taken away: nothing fires, nothing is counted. */
static void test_gone_before_its_time(void **state) {
    (void)state;
    struct seen seen;
    char text[WORLD_KEY_MAX];
    struct dataset *ds = one(&seen);
    struct db *db = dataset_db(ds, 0);
    for (unsigned id = 0; id < 3; id++) put_field(ds, id, START + 10, true);
    assert_int_equal(ds->dbs[0].contents.timed, 3);
    assert_true(db_put_string(db, key_of(ds, 0, text), SLICE("s"), NO_EXPIRE, PUT_PLAIN));
    assert_true(db_delete(db, key_of(ds, 1, text)));
    put_field(ds, 2, START + 10, false);
    assert_int_equal(ds->dbs[0].contents.timed, 0);
    run_until(ds, START, START + 100);
    assert_int_equal(seen.fields, 0);
    assert_int_equal(dataset_keys(ds), 2);
    no_memory_left(ds);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_time),
        cmocka_unit_test(test_moved_copied_frozen),
        cmocka_unit_test(test_gone_before_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
