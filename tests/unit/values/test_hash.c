#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "moving.h"
#include "seed.h"
#include "values/hash_int.h"
#include "values/kind.h"
#include "wire/rdb_io.h"

#define FIELDS    400
#define VALUE_MAX 300

/* ---- the model: an array ---- */

struct model_field {
    bool there;
    int64_t at;
    size_t len;
    char value[VALUE_MAX];
};
struct model {
    struct model_field fields[FIELDS];
    int64_t now;
};

/* Some names are integers, some long. */
static struct slice name_of(unsigned i, char *scratch) {
    static const char *const forms[] = {"%u", "f:%u",
                                        "field-%u-of-a-name-that-is-so-long-that-it-takes-the-wide-form-of-an-item"};
    return slice_of(scratch, (size_t)snprintf(scratch, 128, forms[i % 40 == 7 ? 2 : i % 2], i));
}

static bool alive(const struct model *m, unsigned i) {
    const struct model_field *f = &m->fields[i];
    return f->there && (f->at == HASH_NO_TIME || f->at > m->now);
}

static size_t model_length(const struct model *m) {
    size_t n = 0;
    for (unsigned i = 0; i < FIELDS; i++) n += alive(m, i);
    return n;
}

static int64_t model_next_due(const struct model *m) {
    int64_t next = INT64_MAX;
    for (unsigned i = 0; i < FIELDS; i++)
        if (m->fields[i].there && m->fields[i].at != HASH_NO_TIME && m->fields[i].at < next) next = m->fields[i].at;
    return next;
}

/* ---- a value with its snapshots ---- */

struct world {
    struct random r;
    struct model m, frozen_model;
    struct value v, frozen_value;
    struct frozen f;
    struct value_limits limits;
    struct moving moving;
};

static struct value_edit begin(struct world *w) {
    struct value_edit e = value_edit_alone(w->v, &w->limits, w->m.now);
    if (!w->f.live) return e;
    e.f = &w->f;
    if (w->v.ptr && w->v.form == VALUE_HEAD && frozen_shared(&w->f, ((struct value_head *)w->v.ptr)->birth))
        e.value.ptr = hash_kind.head_fork(w->v.ptr, &w->f);
    else if (w->v.ptr && w->v.form == VALUE_PACK && w->v.ptr == w->frozen_value.ptr)
        assert_true(value_copy(w->v, &e.value));
    return e;
}

static void end(struct world *w, struct value_edit *e) {
    w->v = e->value;
    limbo_free(e->doomed);
}

struct seen {
    const struct model *m;
    size_t count;
    bool has[FIELDS];
};

static void compare_field(void *arg, const struct hash_field *f) {
    struct seen *s = arg;
    char scratch[128];
    unsigned i;
    for (i = 0; i < FIELDS; i++)
        if (slice_equal(name_of(i, scratch), f->field)) break;
    assert_true(i < FIELDS && alive(s->m, i) && !s->has[i]);
    s->has[i] = true;
    assert_true(slice_equal(f->value, slice_of(s->m->fields[i].value, s->m->fields[i].len)));
    assert_true(f->expire_at == s->m->fields[i].at);
    s->count++;
}

static void compare(struct value v, const struct model *m) {
    struct seen s = {.m = m};
    hash_each(v, m->now, compare_field, &s);
    assert_int_equal(s.count, model_length(m));
    assert_int_equal(hash_length(v, m->now), s.count);
    if (!v.ptr || v.form != VALUE_HEAD) return;
    const struct hash *h = v.ptr;
    table_verify(&h->table);
    if (h->times) tree_verify(h->times);
    assert_true(hash_kind.head_next_due(h) == model_next_due(m));
}

static void thaw(struct world *w) {
    compare(w->frozen_value, &w->frozen_model);
    limbo_free(frozen_end(&w->f));
    if (w->frozen_value.ptr && w->frozen_value.form == VALUE_PACK && w->frozen_value.ptr != w->v.ptr)
        value_free(w->frozen_value);
    w->frozen_value.ptr = NULL;
}

static void freeze(struct world *w) {
    frozen_begin(&w->f);
    w->frozen_value = w->v;
    w->frozen_model = w->m;
}

/* ---- random changes ---- */

static void random_value(struct world *w, struct model_field *f) {
    f->len = random_below(&w->r, 20) == 0 ? random_below(&w->r, VALUE_MAX) : random_below(&w->r, 24);
    if (random_below(&w->r, 3) == 0) {
        f->len = (size_t)snprintf(f->value, VALUE_MAX, "%d", (int)random_next(&w->r));
        return;
    }
    for (size_t i = 0; i < f->len; i++) f->value[i] = (char)random_next(&w->r);
}

static int64_t random_time(struct world *w) {
    return w->m.now + 1 + (int64_t)random_below(&w->r, 50) * (int64_t)random_below(&w->r, 50);
}

static void put(struct world *w, unsigned i, bool times) {
    char scratch[128];
    struct model_field *f = &w->m.fields[i];
    bool was = alive(&w->m, i);
    int64_t at = times ? random_time(w) : random_below(&w->r, 2) ? HASH_NO_TIME : HASH_SAME_TIME;
    struct value_edit e = begin(w);
    random_value(w, f);
    enum hash_put done = hash_put(&e, name_of(i, scratch), slice_of(f->value, f->len), at);
    end(w, &e);
    assert_int_equal(done, was ? HASH_REPLACED : HASH_ADDED);
    f->at = at != HASH_SAME_TIME ? at : was ? f->at : HASH_NO_TIME;
    f->there = true;
}

static void remove_one(struct world *w, unsigned i) {
    char scratch[128];
    struct value_edit e = begin(w);
    bool was = alive(&w->m, i);
    assert_int_equal(hash_remove(&e, name_of(i, scratch)), was);
    end(w, &e);
    if (was) w->m.fields[i].there = false;
}

static void time_one(struct world *w, unsigned i) {
    char scratch[128];
    struct value_edit e = begin(w);
    int64_t at = random_below(&w->r, 3) ? random_time(w) : HASH_NO_TIME;
    bool was = alive(&w->m, i);
    assert_int_equal(hash_set_time(&e, name_of(i, scratch), at), was);
    end(w, &e);
    if (was) w->m.fields[i].at = at;
}

static void find_one(struct world *w, unsigned i) {
    char scratch[128], number[NUM_TEXT_MAX];
    struct hash_field found;
    const struct model_field *f = &w->m.fields[i];
    assert_int_equal(hash_find(w->v, name_of(i, scratch), w->m.now, number, &found), alive(&w->m, i));
    if (!alive(&w->m, i)) return;
    assert_true(slice_equal(found.value, slice_of(f->value, f->len)) && found.expire_at == f->at);
}

static void forget_field(void *arg, struct slice field) {
    struct model *m = arg;
    char scratch[128];
    for (unsigned i = 0; i < FIELDS; i++) {
        if (!slice_equal(name_of(i, scratch), field)) continue;
        assert_true(m->fields[i].there && !alive(m, i));
        m->fields[i].there = false;
        return;
    }
    fail();
}

static void expire(struct world *w) {
    if (!w->v.ptr || w->v.form != VALUE_HEAD) return;
    size_t due = ((struct hash *)w->v.ptr)->table.count - model_length(&w->m), max = 1 + random_below(&w->r, 20);
    struct value_edit e = begin(w);
    size_t n = hash_kind.expire_due(&e, max, forget_field, &w->m);
    end(w, &e);
    assert_int_equal(n, due < max ? due : max);
}

static void empty(struct world *w) {
    struct value_edit e = begin(w);
    if (e.value.ptr) value_drop_whole(&e);
    end(w, &e);
    for (unsigned i = 0; i < FIELDS; i++) w->m.fields[i].there = false;
}

static void sample(struct world *w) {
    size_t n = model_length(&w->m), count = random_below(&w->r, n + 5);
    struct seen s = {.m = &w->m};
    assert_int_equal(hash_sample_distinct(w->v, w->m.now, &w->r, count, compare_field, &s), count < n ? count : n);
    assert_int_equal(s.count, count < n ? count : n);
    for (; n > 0 && count > 0; count--) {
        struct seen one = {.m = &w->m};
        hash_sample(w->v, w->m.now, &w->r, 1, compare_field, &one);
        assert_int_equal(one.count, 1);
    }
}

static void scan_all(struct world *w) {
    struct seen s = {.m = &w->m};
    uint64_t cursor = 0;
    do cursor = hash_scan(w->v, w->m.now, cursor, compare_field, &s);
    while (cursor);
    assert_int_equal(s.count, model_length(&w->m));
}

static void copy_all(struct world *w) {
    struct value copy;
    if (!w->v.ptr) return;
    assert_true(value_copy(w->v, &copy));
    compare(copy, &w->m);
    value_free(copy);
}

static void record(struct world *w) {
    struct buf bytes;
    struct rdb_sink sink = {.out = &bytes, .compress = random_below(&w->r, 2), .version = 80};
    struct rdb_reader window;
    struct rdb_input in;
    struct value back;
    if (!w->v.ptr) return;
    buf_init(&bytes, MEM_SERVER);
    bool times = w->v.form == VALUE_HEAD && ((struct hash *)w->v.ptr)->times;
    uint8_t type = hash_kind.rdb_type(w->v, 80);
    assert_int_equal(type == RDB_TYPE_HASH_2, times);
    assert_true(hash_kind.rdb_write(w->v, &sink));
    window = (struct rdb_reader){(unsigned char *)bytes.ptr, (unsigned char *)bytes.ptr + bytes.len};
    rdb_input_init(&in, &window);
    assert_true(hash_kind.rdb_read(type, &in, &w->limits, INT64_MIN, &back));
    assert_ptr_equal(window.at, window.end);
    compare(back, &w->m);
    if (times || w->v.form == VALUE_PACK) assert_int_equal(back.form, w->v.form);
    value_free(back);
    rdb_input_release(&in);
    buf_release(&bytes);
}

static void step(struct world *w, unsigned fields, bool times) {
    unsigned i = (unsigned)random_below(&w->r, fields), what = (unsigned)random_below(&w->r, 1000);
    if (what < 400)
        put(w, i, times && random_below(&w->r, 3) == 0);
    else if (what < 600)
        remove_one(w, i);
    else if (what < 700 && times)
        time_one(w, i);
    else if (what < 850)
        find_one(w, i);
    else if (what < 900)
        expire(w);
    else if (what < 950)
        w->m.now += (int64_t)random_below(&w->r, 60);
    else if (what < 952)
        empty(w);
    else if (what < 956)
        sample(w);
    else if (what < 960)
        scan_all(w);
    else if (what < 964)
        copy_all(w);
    else if (what < 968)
        record(w);
}

static void random_life(struct world *w, unsigned steps) {
    unsigned fields = 1 + (unsigned)random_below(&w->r, FIELDS);
    bool times = random_below(&w->r, 3) > 0;
    w->limits.hash_max_listpack_entries = (int64_t)random_below(&w->r, 40);
    w->limits.hash_max_listpack_value = 16 + (int64_t)random_below(&w->r, 200);
    for (unsigned i = 0; i < steps; i++) {
        step(w, fields, times);
        unsigned what = (unsigned)random_below(&w->r, 400);
        if (what > 300 && !w->f.live) move_some(&w->moving, &w->v, &w->r);
        if (what == 0 && !w->f.live) freeze(w);
        if (what == 1 && w->f.live) thaw(w);
        if (what < 10) compare(w->v, &w->m);
        if (what < 100 && !w->f.live) assert_int_equal(mem_owner_bytes(MEM_HASHES), w->v.ptr ? value_memory(w->v) : 0);
    }
    if (w->f.live) thaw(w);
    compare(w->v, &w->m);
    empty(w);
    assert_int_equal(mem_owner_bytes(MEM_HASHES), 0);
    assert_int_equal(mem_owner_bytes(MEM_LIMBO), 0);
}

static void as_an_array_does(void **state) {
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    w->r = random_of_test();
    w->limits = value_limits_default;
    w->v = (struct value){NULL, TYPE_HASH, VALUE_PACK};
    w->m.now = 1000000;
    frozen_init(&w->f);
    for (unsigned i = 0; i < 60; i++) random_life(w, 3000);
    assert_true(w->moving.walks > 100);
    free(w);
}

/* ---- times ---- */

static void put_text(struct value_edit *e, const char *field, const char *value, int64_t at) {
    hash_put(e, slice_of_cstr(field), slice_of_cstr(value), at);
}

static void a_million_fields_may_have_one_time(void **state) {
    (void)state;
    struct value_edit e = value_edit_alone((struct value){NULL, TYPE_HASH, VALUE_PACK}, &value_limits_default, 1000);
    char name[32];
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof name, "f%d", i);
        put_text(&e, name, "v", 5000 + (i % 10 == 0));
    }
    assert_int_equal(hash_kind.head_next_due(e.value.ptr), 5000);
    assert_int_equal(hash_length(e.value, 4999), 100000);
    assert_int_equal(hash_length(e.value, 5000), 10000);
    assert_int_equal(hash_length(e.value, 5001), 0);
    e.now_ms = 5000;
    assert_int_equal(hash_kind.expire_due(&e, SIZE_MAX, NULL, NULL), 90000);
    assert_int_equal(hash_kind.head_next_due(e.value.ptr), 5001);
    e.now_ms = 5001;
    assert_int_equal(hash_kind.expire_due(&e, SIZE_MAX, NULL, NULL), 10000);
    assert_null(e.value.ptr);
    value_edit_release(&e);
    assert_int_equal(mem_owner_bytes(MEM_HASHES), 0);
}

static void no_times_cost_nothing(void **state) {
    (void)state;
    struct value_edit e = value_edit_alone((struct value){NULL, TYPE_HASH, VALUE_PACK}, &value_limits_default, 1000);
    put_text(&e, "a", "1", HASH_NO_TIME);
    assert_string_equal(hash_kind.encoding(e.value), "listpack");
    assert_true(hash_set_time(&e, SLICE("a"), 2000));
    assert_string_equal(hash_kind.encoding(e.value), "hashtable");
    size_t with = value_memory(e.value);
    assert_true(hash_set_time(&e, SLICE("a"), HASH_NO_TIME));
    assert_null(((struct hash *)e.value.ptr)->times);
    assert_true(value_memory(e.value) < with);
    assert_int_equal(hash_kind.head_next_due(e.value.ptr), INT64_MAX);
    value_drop_whole(&e);
    value_edit_release(&e);
}

static void a_big_hash_drops_its_blocks_elsewhere(void **state) {
    (void)state;
    struct value_edit e = value_edit_alone((struct value){NULL, TYPE_HASH, VALUE_PACK}, &value_limits_default, 1000);
    char name[32];
    for (int i = 0; i < 1000; i++) put_text(&e, (snprintf(name, sizeof name, "f%d", i), name), "v", HASH_NO_TIME);
    value_edit_release(&e);
    e.freed = 0;
    for (int i = 0; i < 1000; i++) hash_remove(&e, slice_of(name, (size_t)snprintf(name, sizeof name, "f%d", i)));
    assert_null(e.value.ptr);
    assert_non_null(e.doomed);
    value_edit_release(&e);
    assert_int_equal(mem_owner_bytes(MEM_HASHES), 0);
}

/* ---- records ---- */

static bool read_bytes(uint8_t type, const void *bytes, size_t n, int64_t now, struct value *v) {
    struct rdb_reader window = {bytes, (const unsigned char *)bytes + n};
    struct rdb_input in;
    rdb_input_init(&in, &window);
    bool read = hash_kind.rdb_read(type, &in, &value_limits_default, now, v);
    assert_true(read || (in.why && !v->ptr));
    rdb_input_release(&in);
    return read;
}

static int64_t time_of(struct value v, const char *field) {
    char scratch[NUM_TEXT_MAX];
    struct hash_field f;
    return hash_find(v, slice_of_cstr(field), INT64_MIN, scratch, &f) ? f.expire_at : -3;
}

/* Two fields of which b has a time, in the form of each line. */
static const unsigned char of_valkey[] = "\x02\x01"
                                         "a\xc0\x07\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                                         "b\x01"
                                         "x\xe8\x03\0\0\0\0\0\0";
static const unsigned char of_redis[] = "\xe0\x03\0\0\0\0\0\0\x02\0\x01"
                                        "a\xc0\x07\x09\x01"
                                        "b\x01"
                                        "x";
static const unsigned char of_redis_pack[] = "\xe8\x03\0\0\0\0\0\0\x17"
                                             "\x17\0\0\0\x06\0\x81"
                                             "b\x02\x81"
                                             "x\x02\xc3\xe8\x02\x81"
                                             "a\x02\x07\x01\0\x01\xff";

static void check_two(uint8_t type, const void *bytes, size_t n) {
    struct value v;
    assert_true(read_bytes(type, bytes, n, INT64_MIN, &v));
    assert_int_equal(hash_length(v, 999), 2);
    assert_int_equal(time_of(v, "a"), HASH_NO_TIME);
    assert_int_equal(time_of(v, "b"), 1000);
    value_free(v);
    assert_true(read_bytes(type, bytes, n, 1000, &v));
    assert_int_equal(hash_length(v, INT64_MIN), 1);
    value_free(v);
}

static void reads_times_of_both_lines(void **state) {
    (void)state;
    check_two(RDB_TYPE_HASH_2, of_valkey, sizeof of_valkey - 1);
    check_two(RDB_TYPE_HASH_METADATA, of_redis, sizeof of_redis - 1);
    check_two(RDB_TYPE_HASH_LISTPACK_EXPIRE, of_redis_pack, sizeof of_redis_pack - 1);
    assert_int_equal(mem_owner_bytes(MEM_HASHES), 0);
}

/* Whatever is changed or missing: read or refused, and nothing left behind. */
static void mutate(uint8_t type, const void *bytes, size_t n) {
    unsigned char copy[512];
    struct value v;
    assert_true(n <= sizeof copy);
    for (size_t i = 0; i < n; i++) {
        unsigned char *cut = malloc(i + 1);
        memcpy(cut, bytes, i);
        if (read_bytes(type, cut, i, INT64_MIN, &v) && v.ptr) value_free(v);
        free(cut);
        for (unsigned to = 0; to < 256; to++) {
            memcpy(copy, bytes, n);
            copy[i] = (unsigned char)to;
            if (read_bytes(type, copy, n, INT64_MIN, &v) && v.ptr) value_free(v);
        }
    }
    assert_int_equal(mem_owner_bytes(MEM_HASHES), 0);
}

static void survives_every_mutation(void **state) {
    (void)state;
    static const unsigned char plain[] = "\x02\x01"
                                         "a\xc0\x07\x01"
                                         "b\x01"
                                         "x";
    static const unsigned char pack[] = "\x12"
                                        "\x12\0\0\0\x04\0\x81"
                                        "b\x02\x81"
                                        "x\x02\x81"
                                        "a\x02\x07\x01\xff";
    static const unsigned char zipmap[] = "\x0c"
                                          "\x02\x01"
                                          "a\x01\0"
                                          "x\x01"
                                          "b\x01\0"
                                          "y\xff";
    static const unsigned char ziplist[] = "\x12"
                                           "\x12\0\0\0\x0e\0\0\0\x02\0\0\x01"
                                           "a\x03\x01"
                                           "x\xff";
    struct value v;
    assert_true(read_bytes(RDB_TYPE_HASH_LISTPACK, pack, sizeof pack - 1, 0, &v));
    value_free(v);
    assert_true(read_bytes(RDB_TYPE_HASH_ZIPMAP, zipmap, sizeof zipmap - 1, 0, &v));
    value_free(v);
    mutate(RDB_TYPE_HASH, plain, sizeof plain - 1);
    mutate(RDB_TYPE_HASH_LISTPACK, pack, sizeof pack - 1);
    mutate(RDB_TYPE_HASH_ZIPMAP, zipmap, sizeof zipmap - 1);
    mutate(RDB_TYPE_HASH_ZIPLIST, ziplist, sizeof ziplist - 1);
    mutate(RDB_TYPE_HASH_2, of_valkey, sizeof of_valkey - 1);
    mutate(RDB_TYPE_HASH_METADATA, of_redis, sizeof of_redis - 1);
    mutate(RDB_TYPE_HASH_LISTPACK_EXPIRE, of_redis_pack, sizeof of_redis_pack - 1);
}

static void a_field_twice_is_refused(void **state) {
    (void)state;
    static const unsigned char plain[] = "\x02\x01"
                                         "a\xc0\x07\x01"
                                         "a\x01"
                                         "x";
    static const unsigned char pack[] = "\x12"
                                        "\x12\0\0\0\x04\0\x81"
                                        "a\x02\x81"
                                        "x\x02\x81"
                                        "a\x02\x07\x01\xff";
    struct value v;
    assert_false(read_bytes(RDB_TYPE_HASH, plain, sizeof plain - 1, 0, &v));
    assert_false(read_bytes(RDB_TYPE_HASH_LISTPACK, pack, sizeof pack - 1, 0, &v));
    struct buf bytes;
    buf_init(&bytes, MEM_SERVER);
    rdb_write_length(&bytes, 41);
    for (int i = 0; i < 41; i++) { /* as a pack is too many for the short way */
        rdb_write_integer(&bytes, i % 40);
        rdb_write_integer(&bytes, i);
    }
    assert_false(read_bytes(RDB_TYPE_HASH, bytes.ptr, bytes.len, 0, &v));
    static const int second[] = {1, 7, 8, 9, 300, 599}; /* near enough to be under way at the same time, or not */
    for (size_t k = 0; k < countof(second); k++) {
        buf_clear(&bytes);
        rdb_write_length(&bytes, 600);
        for (int i = 0; i < 600; i++) {
            rdb_write_integer(&bytes, i == second[k] ? 0 : i);
            rdb_write_integer(&bytes, i);
        }
        assert_false(read_bytes(RDB_TYPE_HASH, bytes.ptr, bytes.len, 0, &v));
    }
    struct pack *p = pack_new(MEM_SERVER);
    for (int i = 0; i < 41; i++) p = pack_append_integer(MEM_SERVER, pack_append_integer(MEM_SERVER, p, i % 40), i);
    buf_clear(&bytes);
    rdb_write_string(&bytes, slice_of((char *)p, pack_bytes(p)), false);
    assert_false(read_bytes(RDB_TYPE_HASH_LISTPACK, bytes.ptr, bytes.len, 0, &v));
    pack_free(MEM_SERVER, p);
    buf_release(&bytes);
    assert_int_equal(mem_owner_bytes(MEM_HASHES), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_an_array_does),          cmocka_unit_test(a_million_fields_may_have_one_time),
        cmocka_unit_test(no_times_cost_nothing),     cmocka_unit_test(a_big_hash_drops_its_blocks_elsewhere),
        cmocka_unit_test(reads_times_of_both_lines), cmocka_unit_test(survives_every_mutation),
        cmocka_unit_test(a_field_twice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
