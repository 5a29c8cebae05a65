/* What the first change of a big value costs while a snapshot is live: copies of its neighbourhood, not of the value. Counted
 * in bytes sent to limbo and asked from the allocator, so that no clock decides. */
#include "world.h"

#include "values/hash.h"
#include "values/kind.h"
#include "values/set.h"
#include "values/stream.h"
#include "values/zset.h"

#define MEMBERS 1000000
/* An entry, a head, a path of four nodes, two segments, an item; and 8 bytes of directory for every ~300 members. */
#define BYTES_AT_MOST (32 * 1024 + 8 * MEMBERS / 150)

static struct slice numbered(char *dst, const char *format, unsigned i) {
    return slice_of(dst, (size_t)snprintf(dst, 32, format, i));
}

static void add(struct value_edit *e, unsigned i) {
    char a[32], b[32];
    double score = (double)(i * UINT32_C(2654435761) % MEMBERS);
    struct slice fields[] = {SLICE("field"), numbered(b, "value:%u", i)};
    switch (e->value.type) {
    case TYPE_LIST:
        list_push(e, i % 2 ? LIST_HEAD : LIST_TAIL, numbered(a, "element:%u", i));
        break;
    case TYPE_SET:
        set_add(e, numbered(a, "member:%u", i));
        break;
    case TYPE_ZSET:
        zset_add(e, numbered(a, "member:%u", i), &score, 0);
        break;
    case TYPE_HASH:
        hash_put(e, numbered(a, "field:%u", i), numbered(b, "value:%u", i), HASH_NO_TIME);
        break;
    case TYPE_STREAM:
        stream_append(e, (struct stream_id){i + 1, 0}, fields, 2);
        break;
    default:
        fail();
    }
}

static void test_first_change_of(enum value_type type) {
    struct dataset *ds = dataset_new(1, &(struct siphash_seed){1, 2});
    struct db *db = dataset_db(ds, 0);
    struct key key = {SLICE("big"), dataset_hash(ds, SLICE("big"))};
    struct db_edit e;
    assert_true(db_edit_begin(db, key, type, &e));
    for (unsigned i = 0; i < MEMBERS; i++) add(&e.edit, i);
    db_edit_end(db, key, &e, true);
    int64_t used = mem_used();
    struct dataset_frozen *z = dataset_freeze(ds);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(db_edit_begin(db, key, type, &e));
        add(&e.edit, MEMBERS + i);
        db_edit_end(db, key, &e, true);
        assert_in_range(dataset_limbo_bytes(ds), 1, BYTES_AT_MOST);
        assert_in_range(mem_used() - used, 0, 2 * BYTES_AT_MOST + 65536); /* a chunk of limbo's own */
    }
    size_t first = dataset_limbo_bytes(ds);
    /* To drop it all costs nothing now. */
    assert_true(db_delete(db, key));
    assert_in_range(dataset_limbo_bytes(ds) - first, 0, 4096);
    dataset_thaw(ds, z);
    dataset_free(ds);
    assert_int_equal(mem_owner_bytes(value_kind(type)->owner), 0);
    assert_int_equal(mem_owner_bytes(MEM_LIMBO), 0);
}

static void count_and_do(void *arg, void (*job)(void *), void *job_arg) {
    ++*(unsigned *)arg;
    job(job_arg);
}

/* A temporary value, and what its making has dropped, is freed elsewhere when it is more than a command may free. */
static void test_discard(void **state) {
    (void)state;
    static const enum value_type types[] = {TYPE_LIST, TYPE_SET, TYPE_ZSET, TYPE_HASH};
    for (size_t i = 0; i < countof(types); i++) {
        unsigned deferred = 0;
        struct dataset *ds = dataset_new(1, &(struct siphash_seed){1, 2});
        dataset_set_hooks(ds, &(struct keyspace_hooks){.arg = &deferred, .defer = count_and_do});
        struct value_edit e = value_edit_alone((struct value){NULL, types[i], VALUE_PACK}, dataset_limits(ds), 0);
        dataset_discard(ds, e.value);
        for (unsigned k = 0; k < 3; k++) add(&e, k);
        dataset_settle(ds, &e);
        dataset_discard(ds, e.value);
        assert_int_equal(deferred, 0);
        e.value = (struct value){NULL, types[i], VALUE_PACK};
        for (unsigned k = 0; k < 100000; k++) add(&e, k);
        dataset_discard(ds, e.value);
        assert_int_equal(deferred, 1);
        dataset_settle(ds, &e);
        assert_null(e.doomed);
        dataset_free(ds);
        assert_int_equal(mem_owner_bytes(value_kind(types[i])->owner), 0);
    }
}

static void test_list(void **state) { (void)state, test_first_change_of(TYPE_LIST); }
static void test_set(void **state) { (void)state, test_first_change_of(TYPE_SET); }
static void test_zset(void **state) { (void)state, test_first_change_of(TYPE_ZSET); }
static void test_hash(void **state) { (void)state, test_first_change_of(TYPE_HASH); }
static void test_stream(void **state) { (void)state, test_first_change_of(TYPE_STREAM); }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discard), cmocka_unit_test(test_list), cmocka_unit_test(test_set),
        cmocka_unit_test(test_zset),    cmocka_unit_test(test_hash), cmocka_unit_test(test_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
