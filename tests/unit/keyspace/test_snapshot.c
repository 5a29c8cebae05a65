/* A snapshot thread compares what it sees with a copy of the model made at the freeze, while the owner goes on. */
#include "world.h"

#include "values/list_int.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

struct reader {
    struct dataset_frozen *frozen;
    unsigned keys;
    int64_t now_ms;
    struct model_key *copy[WORLD_DBS];
    uint8_t *seen; /* of the current database */
    unsigned db;
    size_t visited, total;
    size_t stop_at; /* give up the walk there; 0: never */
    unsigned steps; /* the owner does, in all */
    _Atomic unsigned owner_steps;
    const char *wrong; /* the first thing that did not agree */
};

static bool picture_live(const struct reader *r, const struct model_key *k) {
    return k->value && (k->expire_at == NO_EXPIRE || k->expire_at >= r->now_ms);
}

static const char *compare(const struct reader *r, const struct entry *e) {
    char text[WORLD_KEY_MAX];
    struct slice key = entry_key(e);
    unsigned id = 0;
    for (size_t i = 4; i < key.len && key.ptr[i] != '.'; i++) id = id * 10 + (unsigned)(key.ptr[i] - '0');
    if (id >= r->keys || !slice_equal(key, world_key_text(id, text))) return "no such key";
    const struct model_key *k = &r->copy[r->db][id];
    if (entry_has_expire(e) && entry_expire_at(e) < r->now_ms) return NULL; /* expired, and perhaps replaced since */
    if (r->seen[id]++) return "seen twice";
    if (!k->value) return "was absent";
    if (entry_expire_at(e) != k->expire_at) return "other expire time";
    return entry_is_blob(e, k->value) ? NULL : "other value";
}

/* Keeps step with the owner, so that changes fall on every part of the walk. */
static void wait_for_owner(const struct reader *r) {
    uint64_t due = (uint64_t)r->steps * r->visited / (r->total + 1);
    while (atomic_load(&r->owner_steps) < due) sched_yield();
}

static bool read_entry(void *arg, const struct entry *e, uint32_t access) {
    struct reader *r = arg;
    r->wrong = compare(r, e);
    r->visited++;
    if (dataset_frozen_idle_seconds(r->frozen, access) > 1000000) r->wrong = "idle time";
    wait_for_owner(r);
    return !r->wrong && r->visited != r->stop_at;
}

static void *read_picture(void *arg) {
    struct reader *r = arg;
    for (r->db = 0; r->db < WORLD_DBS; r->db++) {
        size_t live = 0, seen = 0;
        memset(r->seen, 0, r->keys);
        if (!dataset_frozen_each(r->frozen, r->db, read_entry, r)) break;
        for (unsigned id = 0; id < r->keys; id++) {
            live += picture_live(r, &r->copy[r->db][id]);
            seen += r->seen[id];
        }
        if (seen != live) r->wrong = "some not seen";
    }
    return NULL;
}

static void reader_init(struct reader *r, struct world *w, unsigned steps) {
    *r = (struct reader){.keys = w->keys, .now_ms = w->now_ms, .seen = calloc(1, w->keys), .steps = steps};
    for (unsigned i = 0; i < WORLD_DBS; i++) {
        r->copy[i] = malloc(w->keys * sizeof *r->copy[i]);
        memcpy(r->copy[i], w->db[i], w->keys * sizeof *r->copy[i]);
        for (unsigned id = 0; id < w->keys; id++)
            if (r->copy[i][id].value) r->copy[i][id].value->refs++;
    }
    size_t expires[WORLD_DBS], keys[WORLD_DBS];
    for (unsigned i = 0; i < WORLD_DBS; i++) {
        keys[i] = db_keys(dataset_db(w->ds, i));
        expires[i] = db_expires(dataset_db(w->ds, i));
    }
    r->frozen = dataset_freeze(w->ds);
    for (unsigned i = 0; i < WORLD_DBS; i++) {
        r->total += keys[i];
        assert_int_equal(dataset_frozen_keys(r->frozen, i), keys[i]);
        assert_int_equal(dataset_frozen_expires(r->frozen, i), expires[i]);
    }
    assert_int_equal(dataset_frozen_databases(r->frozen), WORLD_DBS);
}

static void reader_release(struct reader *r) {
    for (unsigned i = 0; i < WORLD_DBS; i++) {
        for (unsigned id = 0; id < r->keys; id++) blob_drop(r->copy[i][id].value);
        free(r->copy[i]);
    }
    free(r->seen);
}

static void one_snapshot(struct world *w, unsigned steps, unsigned flush_chance, bool cancel) {
    struct reader r;
    pthread_t thread;
    reader_init(&r, w, steps);
    if (cancel) r.stop_at = world_below(w, (unsigned)r.total + 1);
    assert_true(dataset_is_frozen(w->ds));
    assert_int_equal(pthread_create(&thread, NULL, read_picture, &r), 0);
    for (unsigned i = 0; i < steps; i++) {
        world_step(w, flush_chance);
        atomic_store(&r.owner_steps, i + 1);
    }
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < steps / 4; i++) world_step(w, flush_chance); /* all passed, not yet thawed */
    if (r.wrong) fail_msg("the picture is wrong: %s", r.wrong);
    dataset_thaw(w->ds, r.frozen);
    assert_int_equal(dataset_limbo_bytes(w->ds), 0);
    assert_false(dataset_is_frozen(w->ds));
    world_check(w);
    reader_release(&r);
}

static void rounds(unsigned keys, size_t big, unsigned count, unsigned steps, unsigned flush_chance, uint64_t seed) {
    struct world w;
    world_init(&w, keys, big, seed);
    for (unsigned i = 0; i < steps; i++) world_step(&w, flush_chance);
    for (unsigned i = 0; i < count; i++) one_snapshot(&w, steps, flush_chance, i % 5 == 4);
    assert_true(dataset_limbo_peak_bytes(w.ds) > 0);
    world_release(&w);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS), 0);
    assert_int_equal(mem_owner_bytes(MEM_LISTS), 0);
    assert_int_equal(mem_owner_bytes(MEM_LIMBO), 0);
    assert_int_equal(mem_owner_bytes(MEM_TABLE), 0);
    assert_int_equal(mem_owner_bytes(MEM_EXPIRY), 0);
}

static void test_small(void **state) {
    (void)state;
    rounds(12, 3000, 300, 400, 60, test_seed());
}

static void test_medium(void **state) {
    (void)state;
    rounds(500, 100000, 60, 6000, 300, test_seed() + 1);
}

static void test_large(void **state) {
    (void)state;
    rounds(20000, 2000, 8, 150000, 30000, test_seed() + 2);
}

static struct key key_of(const struct dataset *ds, const char *text) {
    struct slice s = slice_of_cstr(text);
    return (struct key){s, dataset_hash(ds, s)};
}

static bool sees_zeros(void *arg, const struct entry *e, uint32_t access) {
    char scratch[NUM_TEXT_MAX];
    struct slice value = entry_string(e, scratch);
    (void)access;
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] != 0) return false;
    ++*(int *)arg;
    return true;
}

/* One body under two entries: the renamed (or re-timed) one must not write into the picture, nor free it. */
static void test_body_of_a_renamed_key(void **state) {
    (void)state;
    for (int way = 0; way < 6; way++) {
        struct dataset *ds = dataset_new(2, &(struct siphash_seed){3, 4});
        struct db *db = dataset_db(ds, 0), *other = dataset_db(ds, 1);
        char *zeros = calloc(1, 100000);
        assert_true(db_put_string(db, key_of(ds, "a"), slice_of(zeros, 100000), NO_EXPIRE, PUT_PLAIN));
        struct dataset_frozen *z = dataset_freeze(ds);
        if (way == 3) dataset_flush(ds, 1, true);
        db_move_key(db, key_of(ds, "a"), way < 3 ? db : other, key_of(ds, "b"));
        struct db *at = way < 3 ? db : other;
        db_set_expire(at, key_of(ds, "b"), INT64_MAX);
        if (way % 3 == 0) memset(db_edit_string(at, key_of(ds, "b"), 100000), 'x', 100000);
        if (way % 3 == 1) assert_true(db_delete(at, key_of(ds, "b")));
        if (way % 3 == 2) dataset_flush(ds, -1, false);
        int seen = 0;
        assert_true(dataset_frozen_each(z, 0, sees_zeros, &seen));
        assert_int_equal(seen, 1);
        dataset_thaw(ds, z);
        if (way % 3 == 0) { /* after the thaw the mark means nothing */
            size_t blocks = (size_t)mem_owner_blocks(MEM_STRINGS);
            memset(db_edit_string(at, key_of(ds, "b"), 100000), 'y', 100000);
            assert_int_equal(mem_owner_blocks(MEM_STRINGS), blocks);
        }
        dataset_free(ds);
        free(zeros);
        assert_int_equal(mem_owner_bytes(MEM_STRINGS), 0);
        assert_int_equal(mem_owner_bytes(MEM_LIMBO), 0);
    }
}

/* The view follows its contents through SWAPDB and FLUSHDB. */
static void test_view_follows_swap_and_flush(void **state) {
    (void)state;
    struct dataset *ds = dataset_new(3, &(struct siphash_seed){3, 4});
    for (int i = 0; i < 2000; i++) {
        char name[32];
        snprintf(name, sizeof name, "key:%d", i);
        assert_true(db_put_string(dataset_db(ds, 0), key_of(ds, name), slice_of("\0\0", 2), NO_EXPIRE, PUT_PLAIN));
    }
    struct dataset_frozen *z = dataset_freeze(ds);
    dataset_swap(ds, 0, 1);
    assert_true(db_keys(dataset_db(ds, 1)) == 2000 && db_keys(dataset_db(ds, 0)) == 0);
    assert_true(db_put_string(dataset_db(ds, 1), key_of(ds, "key:7"), SLICE("new"), NO_EXPIRE, PUT_PLAIN));
    dataset_swap(ds, 1, 2);
    assert_int_equal(dataset_flush(ds, 2, true), 2000);
    assert_true(db_put_string(dataset_db(ds, 2), key_of(ds, "key:8"), SLICE("new"), NO_EXPIRE, PUT_PLAIN));
    int seen = 0;
    assert_true(dataset_frozen_each(z, 0, sees_zeros, &seen));
    assert_int_equal(seen, 2000);
    dataset_thaw(ds, z);
    assert_int_equal(dataset_keys(ds), 1);
    dataset_free(ds);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS), 0);
    assert_int_equal(mem_owner_bytes(MEM_TABLE), 0);
}

static bool is_long_list(void *arg, const struct entry *e, uint32_t access) {
    (void)access;
    ++*(int *)arg;
    return list_length(entry_object(e)) == 40;
}

/* An edit that changes nothing but the form: the head that it began with is in limbo already, and what it holds is the value. */
static void test_other_form_without_a_change(void **state) {
    (void)state;
    struct dataset *ds = dataset_new(1, &(struct siphash_seed){3, 4});
    struct db *db = dataset_db(ds, 0);
    struct value_limits wide = value_limits_default;
    char element[500];
    struct db_edit e;
    memset(element, 'e', sizeof element);
    assert_true(db_edit_begin(db, key_of(ds, "list"), TYPE_LIST, &e));
    for (int i = 0; i < 40; i++) list_push(&e.edit, LIST_TAIL, slice_of(element, sizeof element));
    assert_int_equal(db_edit_end(db, key_of(ds, "list"), &e, true), DB_EDIT_ADDED);
    struct dataset_frozen *z = dataset_freeze(ds);
    wide.list_max_listpack_size = -5;
    dataset_set_limits(ds, &wide);
    assert_true(db_edit_begin(db, key_of(ds, "list"), TYPE_LIST, &e));
    assert_int_equal(e.edit.value.form, VALUE_HEAD);
    list_to_pack(&e.edit, 1);
    assert_int_equal(e.edit.value.form, VALUE_PACK);
    assert_int_equal(db_edit_end(db, key_of(ds, "list"), &e, false), DB_EDIT_STAYS);
    const struct entry *now = db_view(db, key_of(ds, "list"), VIEW_PLAIN);
    assert_int_equal(entry_object(now).form, VALUE_PACK);
    assert_int_equal(list_length(entry_object(now)), 40);
    int seen = 0;
    assert_true(dataset_frozen_each(z, 0, is_long_list, &seen));
    assert_int_equal(seen, 1);
    dataset_thaw(ds, z);
    dataset_free(ds);
    assert_int_equal(mem_owner_bytes(MEM_LISTS), 0);
    assert_int_equal(mem_owner_bytes(MEM_LIMBO), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_form_without_a_change),
        cmocka_unit_test(test_body_of_a_renamed_key),
        cmocka_unit_test(test_view_follows_swap_and_flush),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_medium),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
