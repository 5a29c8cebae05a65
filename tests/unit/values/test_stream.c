#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "values/kind.h"
#include "values/stream.h"
#include "wire/rdb_io.h"

static struct random random_of_test(void) {
    const char *given = getenv("TARN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_wall_us();
    struct random r;
    printf("TARN_SEED=%llu\n", (unsigned long long)seed);
    random_init(&r, seed);
    return r;
}

/* Everything that a stream says of itself, as bytes. */
static void picture(struct value v, struct buf *out) {
    struct rdb_sink sink = {.out = out, .version = 11};
    buf_clear(out);
    assert_true(stream_kind.rdb_write(v, &sink));
}

static void change(struct random *r, struct value_edit *e, uint64_t *ms) {
    static const char *const names[] = {"a", "b", "longer than eight 1", "longer than eight 2"};
    struct slice name = slice_of_cstr(names[random_below(r, 4)]), who = slice_of_cstr(names[random_below(r, 4)]);
    struct slice fields[] = {SLICE("field"), SLICE("12"), name, SLICE("some longer value of a field")};
    struct stream_id id = {random_below(r, *ms + 1), 0};
    struct stream *s = stream_edit(e);
    struct stream_group *g = stream_group_edit(e, name);
    uint64_t pending;
    switch (random_below(r, 12)) {
    case 0:
        stream_delete(e, id);
        break;
    case 1:
        stream_group_create(e, name, id, STREAM_UNKNOWN);
        break;
    case 2:
        if (random_below(r, 20) == 0) stream_group_destroy(e, name);
        break;
    case 3:
        if (g && random_below(r, 10) == 0) stream_consumer_delete(e, g, who, &pending);
        break;
    case 4:
        if (g) stream_pending_remove(e, g, id);
        break;
    case 5:
    case 6:
    case 7:
        if (g) stream_pending_put(e, g, stream_consumer_edit(e, g, who, true, NULL), id, (int64_t)id.ms, id.ms);
        break;
    case 8:
        if (random_below(r, 30) == 0) {
            struct stream_trim how = {.by = STREAM_TRIM_LENGTH, .length = stream_length(s) / 2, .nearly = id.ms & 1};
            stream_trim(e, &how);
        }
        break;
    default:
        stream_append(e, (struct stream_id){++*ms, 0}, fields, id.ms & 1 ? 2 : 4);
        break;
    }
}

static void check_memory(struct value v, int64_t before) {
    assert_int_equal((int64_t)stream_kind.head_memory(v.ptr), mem_owner_bytes(MEM_STREAMS) - before);
}

static void check_record(struct value v, struct buf *bytes) {
    struct value again, copy;
    struct buf other;
    buf_init(&other, MEM_SERVER);
    picture(v, bytes);
    struct rdb_reader window = {(const unsigned char *)bytes->ptr, (const unsigned char *)bytes->ptr + bytes->len};
    struct rdb_input in;
    rdb_input_init(&in, &window);
    bool read = stream_kind.rdb_read(RDB_TYPE_STREAM_LISTPACKS_3, &in, &value_limits_default, 0, &again);
    if (!read) printf("%s\n", in.why);
    assert_true(read);
    picture(again, &other);
    assert_true(slice_equal(buf_slice(bytes), buf_slice(&other)));
    assert_true(value_copy(v, &copy));
    picture(copy, &other);
    assert_true(slice_equal(buf_slice(bytes), buf_slice(&other)));
    value_free(again);
    value_free(copy);
    rdb_input_release(&in);
    buf_release(&other);
}

/* What a snapshot sees is what was there at its start, whatever happens meanwhile; nothing is left in the end. */
static void random_changes_and_freezes(void **state) {
    (void)state;
    struct random r = random_of_test();
    struct value_limits limits = value_limits_default;
    struct frozen f;
    struct buf then, now;
    uint64_t ms = 0;
    int64_t before = mem_owner_bytes(MEM_STREAMS);
    limits.stream_node_max_entries = 5;
    frozen_init(&f);
    buf_init(&then, MEM_SERVER);
    buf_init(&now, MEM_SERVER);
    struct value_edit e = value_edit_alone((struct value){.type = TYPE_STREAM}, &limits, 0);
    stream_edit(&e);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 300; i++) change(&r, &e, &ms);
        value_edit_release(&e);
        check_memory(e.value, before);
        check_record(e.value, &then);
        frozen_begin(&f);
        struct value old = e.value;
        e.f = &f;
        e.value.ptr = stream_kind.head_fork(old.ptr, &f);
        for (int i = 0; i < 300; i++) change(&r, &e, &ms);
        picture(old, &now);
        assert_true(slice_equal(buf_slice(&then), buf_slice(&now)));
        limbo_free(frozen_end(&f));
        limbo_free(e.doomed);
        e.doomed = NULL;
        e.f = NULL;
        check_memory(e.value, before);
    }
    value_free(e.value);
    assert_int_equal(mem_owner_bytes(MEM_STREAMS), before);
    buf_release(&then);
    buf_release(&now);
}

/* No byte of a record can hurt, and a refused one leaves nothing. */
static void broken_records(void **state) {
    (void)state;
    struct random r = random_of_test();
    struct value_edit e = value_edit_alone((struct value){.type = TYPE_STREAM}, &value_limits_default, 0);
    struct buf bytes;
    struct value out;
    uint64_t ms = 0;
    int64_t before = mem_owner_bytes(MEM_STREAMS);
    buf_init(&bytes, MEM_SERVER);
    for (int i = 0; i < 60; i++) change(&r, &e, &ms);
    picture(e.value, &bytes);
    value_edit_release(&e);
    value_free(e.value);
    for (size_t at = 0; at < bytes.len; at++) {
        for (unsigned bit = 0; bit < 9; bit++) {
            size_t n = bit == 8 ? at : bytes.len;
            if (bit < 8) bytes.ptr[at] = (char)(bytes.ptr[at] ^ 1 << bit);
            struct rdb_reader window = {(const unsigned char *)bytes.ptr, (const unsigned char *)bytes.ptr + n};
            struct rdb_input in;
            rdb_input_init(&in, &window);
            if (stream_kind.rdb_read(RDB_TYPE_STREAM_LISTPACKS_3, &in, &value_limits_default, 0, &out)) value_free(out);
            rdb_input_release(&in);
            if (bit < 8) bytes.ptr[at] = (char)(bytes.ptr[at] ^ 1 << bit);
            assert_int_equal(mem_owner_bytes(MEM_STREAMS), before);
        }
    }
    buf_release(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_and_freezes),
        cmocka_unit_test(broken_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
