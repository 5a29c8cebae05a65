#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "moving.h"
#include "seed.h"
#include "values/kind.h"
#include "values/stream.h"
#include "wire/rdb_io.h"

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
    struct moving moving = {.walks = 0};
    uint64_t ms = 0;
    int64_t before = mem_owner_bytes(MEM_STREAMS);
    limits.stream_node_max_entries = 5;
    frozen_init(&f);
    buf_init(&then, MEM_SERVER);
    buf_init(&now, MEM_SERVER);
    struct value_edit e = value_edit_alone((struct value){.type = TYPE_STREAM}, &limits, 0);
    stream_edit(&e);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 300; i++) {
            change(&r, &e, &ms);
            if (i % 4 == 0) move_some(&moving, &e.value, &r);
        }
        value_edit_release(&e);
        check_memory(e.value, before);
        check_record(e.value, &then);
        for (unsigned walks = moving.walks; moving.walks < walks + 2;) move_some(&moving, &e.value, &r);
        picture(e.value, &now);
        assert_true(slice_equal(buf_slice(&then), buf_slice(&now)));
        check_memory(e.value, before);
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

/* ---- entries beside a plain array of IDs ---- */
#define MODEL_MAX 20000
struct model {
    struct stream_id id[MODEL_MAX]; /* live entries in order */
    size_t n;
};

static void model_cut(struct model *m, size_t at, size_t n) {
    memmove(m->id + at, m->id + at + n, (m->n - at - n) * sizeof *m->id);
    m->n -= n;
}

/* The fields of an entry follow from its ID, so that a reader can be asked whether they are its own. */
static size_t fields_of(struct stream_id id, char text[static NUM_TEXT_MAX], struct slice fields[static 6]) {
    static const char *const names[] = {"a", "b", "a longer name of a field"};
    size_t pairs = 1 + id.seq % 3;
    struct slice value = slice_of(text, num_format_u64(text, id.ms * 1000003 + id.seq));
    for (size_t i = 0; i < pairs; i++) {
        fields[2 * i] = slice_of_cstr(names[(i + id.ms % 2) % 3]);
        fields[2 * i + 1] = i % 2 ? SLICE("") : value;
    }
    return pairs * 2;
}

static void check_entry(struct stream_reader *reader, struct stream_id id) {
    char text[NUM_TEXT_MAX];
    struct slice fields[6], field, value;
    size_t n = fields_of(id, text, fields);
    assert_int_equal(stream_id_compare(reader->id, id), 0);
    assert_int_equal(reader->field_count * 2, n);
    for (size_t i = 0; i < n; i += 2) {
        assert_true(stream_read_field(reader, &field, &value));
        assert_true(slice_equal(field, fields[i]) && slice_equal(value, fields[i + 1]));
    }
    assert_false(stream_read_field(reader, &field, &value));
}

/* The range, read in both directions, is the model's; of some entries not all fields are read. */
static void check_range(struct random *r, const struct stream *s, const struct model *m, struct stream_id first,
                        struct stream_id last) {
    struct stream_reader reader;
    size_t from = 0, to = m->n;
    while (from < m->n && stream_id_compare(m->id[from], first) < 0) from++;
    while (to > from && stream_id_compare(m->id[to - 1], last) > 0) to--;
    stream_read(&reader, s, first, last, false);
    for (size_t i = from; i < to; i++) {
        assert_true(stream_read_next(&reader));
        if (random_below(r, 4))
            check_entry(&reader, m->id[i]);
        else
            assert_int_equal(stream_id_compare(reader.id, m->id[i]), 0);
    }
    assert_false(stream_read_next(&reader));
    stream_read(&reader, s, first, last, true);
    for (size_t i = to; i > from; i--) {
        assert_true(stream_read_next(&reader));
        check_entry(&reader, m->id[i - 1]);
    }
    assert_false(stream_read_next(&reader));
}

static void model_append(struct random *r, struct value_edit *e, struct model *m, struct stream_id *last) {
    char text[NUM_TEXT_MAX];
    struct slice fields[6];
    *last = random_below(r, 3) ? (struct stream_id){last->ms, last->seq + 1 + random_below(r, 3)}
                               : (struct stream_id){last->ms + 1 + random_below(r, 1000), random_below(r, 3)};
    stream_append(e, *last, fields, fields_of(*last, text, fields));
    m->id[m->n++] = *last;
}

static void model_delete(struct random *r, struct value_edit *e, struct model *m) {
    size_t at = m->n ? random_below(r, m->n) : 0;
    if (m->n == 0) return;
    struct stream_id id = m->id[at];
    assert_true(stream_has(stream_of(e->value), id));
    assert_true(stream_delete(e, id));
    assert_false(stream_delete(e, id));
    model_cut(m, at, 1);
}

/* Exactly: as many as the model says. Nearly: not more, and what goes, goes at the front. */
static void model_trim(struct random *r, struct value_edit *e, struct model *m) {
    struct stream_trim how = {.nearly = random_below(r, 2), .by = STREAM_TRIM_LENGTH};
    size_t most = 0;
    if (m->n == 0) return;
    if (random_below(r, 2)) {
        how.length = m->n - random_below(r, (m->n / 4 + 2)) % (m->n + 1);
        most = m->n - (size_t)how.length;
    } else {
        how.by = STREAM_TRIM_ID;
        how.id = m->id[random_below(r, (m->n / 4 + 1))];
        while (stream_id_compare(m->id[most], how.id) < 0) most++;
    }
    uint64_t gone = stream_trim(e, &how);
    if (how.nearly)
        assert_true(gone <= most);
    else
        assert_int_equal(gone, most);
    model_cut(m, 0, (size_t)gone);
}

static void entries_as_in_a_model(void **state) {
    (void)state;
    static struct model m;
    struct random r = random_of_test();
    int64_t before = mem_owner_bytes(MEM_STREAMS);
    for (int round = 0; round < 20; round++) {
        struct value_limits limits = value_limits_default;
        struct stream_id last = {1, 0};
        limits.stream_node_max_entries = (int64_t)random_below(&r, 12);
        limits.stream_node_max_bytes = random_below(&r, 2) ? 0 : 300;
        struct value_edit e = value_edit_alone((struct value){.type = TYPE_STREAM}, &limits, 0);
        stream_edit(&e);
        m.n = 0;
        for (int i = 0; i < 600; i++) {
            uint64_t what = random_below(&r, 40);
            if (what == 0)
                model_trim(&r, &e, &m);
            else if (what < 12)
                model_delete(&r, &e, &m);
            else
                model_append(&r, &e, &m, &last);
            value_edit_release(&e);
            const struct stream *s = stream_of(e.value);
            assert_int_equal(stream_length(s), m.n);
            assert_int_equal(stream_id_compare(s->first_id, m.n ? m.id[0] : STREAM_ID_MIN), 0);
            assert_int_equal(stream_id_compare(stream_edge(s, true), m.n ? m.id[m.n - 1] : STREAM_ID_MIN), 0);
            if (i % 20 == 0) {
                struct stream_id a = {random_below(&r, last.ms + 2), random_below(&r, 3)},
                                 b = {a.ms + random_below(&r, 20000), 1};
                check_range(&r, s, &m, STREAM_ID_MIN, STREAM_ID_MAX);
                check_range(&r, s, &m, a, b);
                if (m.n) check_range(&r, s, &m, m.id[m.n / 3], m.id[m.n / 2]);
                check_memory(e.value, before);
            }
        }
        value_free(e.value);
        assert_int_equal(mem_owner_bytes(MEM_STREAMS), before);
    }
}

static void ids_step_to_their_edges(void **state) {
    (void)state;
    struct stream_id id = {5, UINT64_MAX};
    char text[STREAM_ID_TEXT_MAX];
    assert_true(stream_id_next(&id) && id.ms == 6 && id.seq == 0);
    assert_true(stream_id_previous(&id) && id.ms == 5 && id.seq == UINT64_MAX);
    id = STREAM_ID_MAX;
    assert_false(stream_id_next(&id));
    assert_int_equal(stream_id_compare(id, STREAM_ID_MAX), 0);
    assert_true(
        slice_equal(slice_of(text, stream_id_format(text, id)), SLICE("18446744073709551615-18446744073709551615")));
    id = STREAM_ID_MIN;
    assert_false(stream_id_previous(&id));
    assert_true(stream_id_is_zero(id));
}

/* Counts and times of what is pending that do not fit are told as the highest there is. */
static void pending_beyond_its_bits(void **state) {
    (void)state;
    struct value_edit e = value_edit_alone((struct value){.type = TYPE_STREAM}, &value_limits_default, 0);
    const struct {
        int64_t time, told_time;
        uint64_t count, told_count;
    } rows[] = {{0, 0, 0, 0},
                {-5, 0, 1, 1},
                {INT64_C(1700000000123), INT64_C(1700000000123), 65535, 65535},
                {INT64_MAX, STREAM_NACK_TIME_MAX, 65536, 65536},
                {1, 1, STREAM_NACK_COUNT_MAX - 1, STREAM_NACK_COUNT_MAX - 1},
                {1, 1, STREAM_NACK_COUNT_MAX, INT64_MAX},
                {1, 1, UINT64_MAX, INT64_MAX}};
    stream_group_create(&e, SLICE("g"), STREAM_ID_MIN, STREAM_UNKNOWN);
    struct stream_group *g = stream_group_edit(&e, SLICE("g"));
    struct stream_consumer *c = stream_consumer_edit(&e, g, SLICE("c"), true, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stream_id id = {1, i};
        stream_pending_put(&e, g, c, id, rows[i].time, rows[i].count);
        const struct stream_nack *n = stream_pending_find(g, id);
        assert_int_equal(stream_nack_time(n), rows[i].told_time);
        assert_int_equal(stream_nack_count(n), rows[i].told_count);
        assert_ptr_equal(stream_nack_owner(n), c->name);
    }
    value_edit_release(&e);
    value_free(e.value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_step_to_their_edges), cmocka_unit_test(entries_as_in_a_model),
        cmocka_unit_test(pending_beyond_its_bits), cmocka_unit_test(random_changes_and_freezes),
        cmocka_unit_test(broken_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
