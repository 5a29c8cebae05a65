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
    enum stream_refs refs = (enum stream_refs)random_below(r, 3);
    uint64_t pending;
    switch (random_below(r, 14)) {
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
            struct stream_trim how = {
                .by = STREAM_TRIM_LENGTH, .length = stream_length(s) / 2, .nearly = id.ms & 1, .refs = refs};
            stream_trim(e, &how);
        }
        break;
    case 9:
        stream_delete_unless(e, id, refs, &pending);
        break;
    case 10:
        if (g && random_below(r, 2)) stream_group_set_id(g, id, STREAM_UNKNOWN);
        if (random_below(r, 20) == 0) stream_pending_drop(e, id, (struct stream_id){id.ms + random_below(r, 200), 0});
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

/* ---- entries that groups need, beside plain marks for each ID n-0 ---- */
#define NEED_IDS    1500
#define NEED_GROUPS 3
static const char *const need_groups[NEED_GROUPS] = {"g", "h", "a group of a longer name"};
struct need {
    bool live[NEED_IDS + 1], pending[NEED_GROUPS][NEED_IDS + 1];
    uint64_t last[NEED_GROUPS]; /* 0: there is no such group */
    uint64_t added;
    enum stream_refs refs; /* the first that is used: without KEEP nothing is pending without its entry */
    int acked;             /* at a time: few, and long runs stay pending */
};

static enum stream_refs need_refs(struct random *r, const struct need *m) {
    return m->refs + (enum stream_refs)random_below(r, STREAM_REFS_ACKED + 1 - m->refs);
}

static bool need_pending(const struct need *m, uint64_t n) {
    for (int g = 0; g < NEED_GROUPS; g++)
        if (m->pending[g][n]) return true;
    return false;
}

static bool need_awaited(const struct need *m, uint64_t n) {
    for (int g = 0; g < NEED_GROUPS; g++)
        if (m->last[g] && m->last[g] - 1 < n) return true;
    return false;
}

static uint64_t need_length(const struct need *m) {
    uint64_t length = 0;
    for (uint64_t n = 1; n <= m->added; n++) length += m->live[n];
    return length;
}

static uint64_t need_first(const struct need *m) {
    uint64_t n = 1;
    while (n <= m->added && !m->live[n]) n++;
    return n;
}

static void need_drop(struct need *m, uint64_t from, uint64_t to) {
    for (int g = 0; g < NEED_GROUPS; g++) memset(m->pending[g] + from, 0, to - from);
}

static void need_delete(struct random *r, struct value_edit *e, struct need *m) {
    uint64_t n = 1 + random_below(r, m->added + 2), dropped = 0, pending = 0;
    enum stream_refs refs = need_refs(r, m);
    enum stream_deletion expected = m->live[n] ? STREAM_DELETED : STREAM_ABSENT;
    for (int g = 0; g < NEED_GROUPS; g++) pending += m->pending[g][n];
    if (refs == STREAM_REFS_ACKED && (pending || (m->live[n] && need_awaited(m, n)))) expected = STREAM_NEEDED;
    assert_int_equal(stream_delete_unless(e, (struct stream_id){n, 0}, refs, &dropped), expected);
    assert_int_equal(dropped, refs == STREAM_REFS_DROP ? pending : 0);
    if (refs == STREAM_REFS_DROP) need_drop(m, n, n + 1);
    if (expected == STREAM_DELETED) m->live[n] = false;
}

/* Exactly: as many as may go. Nearly: not more. Those that go are the first that may. */
static void need_trim(struct random *r, struct value_edit *e, struct need *m) {
    uint64_t length = need_length(m), first = need_first(m), gone = 0;
    struct stream_trim how = {.by = STREAM_TRIM_LENGTH,
                              .nearly = random_below(r, 2),
                              .length = length - random_below(r, length / 3 + 1),
                              .id = {1 + random_below(r, m->added + 2), 0},
                              .refs = need_refs(r, m)};
    if (random_below(r, 2)) how.by = STREAM_TRIM_ID;
    uint64_t removed = stream_trim(e, &how);
    for (uint64_t n = first; n <= m->added; n++) {
        bool may = how.by == STREAM_TRIM_LENGTH ? length - gone > how.length : n < how.id.ms;
        if (how.refs == STREAM_REFS_ACKED) may = may && !need_pending(m, n) && !need_awaited(m, n);
        if (!m->live[n] || !may) continue;
        if (how.nearly && gone == removed) break;
        m->live[n] = false;
        gone++;
    }
    assert_int_equal(removed, gone);
    if (how.refs == STREAM_REFS_DROP && gone) need_drop(m, first, need_first(m));
}

static void need_group(struct random *r, struct value_edit *e, struct need *m) {
    static const char *const consumers[] = {"c", "d", "e"};
    unsigned which = (unsigned)random_below(r, NEED_GROUPS);
    struct slice name = slice_of_cstr(need_groups[which]), who = slice_of_cstr(consumers[random_below(r, 3)]);
    if (!m->last[which]) {
        assert_true(stream_group_create(e, name, STREAM_ID_MIN, 0));
        m->last[which] = 1;
    } else if (random_below(r, 100) == 0) {
        assert_true(stream_group_destroy(e, name));
        memset(m->pending[which], 0, sizeof m->pending[which]);
        m->last[which] = 0;
        return;
    }
    struct stream_group *g = stream_group_edit(e, name);
    for (uint64_t more = random_below(r, m->acked > 2 ? 12 : 60); more > 0 && m->last[which] <= m->added; more--) {
        uint64_t n = m->last[which]++;
        if (!m->live[n]) continue;
        stream_pending_put(e, g, stream_consumer_edit(e, g, who, true, NULL), (struct stream_id){n, 0}, 5, 1);
        m->pending[which][n] = true;
    }
    stream_group_set_id(g, (struct stream_id){m->last[which] - 1, 0}, STREAM_UNKNOWN);
    for (int i = 0; i < m->acked; i++) {
        uint64_t n = 1 + random_below(r, m->added + 1);
        assert_int_equal(stream_pending_remove(e, g, (struct stream_id){n, 0}), m->pending[which][n]);
        m->pending[which][n] = false;
    }
}

static void need_check(const struct stream *s, const struct need *m) {
    assert_int_equal(stream_length(s), need_length(m));
    for (uint64_t n = 1; n <= m->added; n++) {
        struct stream_id id = {n, 0};
        assert_int_equal(stream_has(s, id), m->live[n]);
        assert_int_equal(stream_pending_anywhere(s, id), need_pending(m, n));
        assert_int_equal(stream_pending_most(s, id, id), need_pending(m, n));
        if (need_pending(m, n) && stream_id_compare(id, s->orphan_id) > 0) assert_true(m->live[n]);
    }
    if (m->refs != STREAM_REFS_KEEP) assert_true(stream_id_is_zero(s->orphan_id));
    for (int i = 0; i < NEED_GROUPS; i++) {
        const struct stream_group *g = stream_group_find(s, slice_of_cstr(need_groups[i]));
        uint64_t pending = 0;
        assert_int_equal(g != NULL, m->last[i] > 0);
        for (uint64_t n = 1; n <= m->added; n++) pending += m->pending[i][n];
        if (g) assert_int_equal(g->pending.count, pending);
    }
    uint64_t first = need_first(m);
    assert_int_equal(s->first_id.ms, first > m->added ? 0 : first);
}

static void entries_that_groups_need(void **state) {
    (void)state;
    static struct need m;
    struct random r = random_of_test();
    struct slice fields[] = {SLICE("field"), SLICE("value")};
    int64_t before = mem_owner_bytes(MEM_STREAMS);
    for (int round = 0; round < 20; round++) {
        struct value_limits limits = value_limits_default;
        limits.stream_node_max_entries = 1 + (int64_t)random_below(&r, 12);
        struct value_edit e = value_edit_alone((struct value){.type = TYPE_STREAM}, &limits, 0);
        stream_edit(&e);
        m = (struct need){.refs = (enum stream_refs)(round % 2), .acked = round % 3 ? 8 : 1};
        for (int i = 0; i < 1500 && m.added < NEED_IDS - 5; i++) {
            uint64_t what = random_below(&r, 20);
            if (what == 0)
                need_trim(&r, &e, &m);
            else if (what < 5)
                need_delete(&r, &e, &m);
            else if (what < 8)
                need_group(&r, &e, &m);
            else
                stream_append(&e, (struct stream_id){++m.added, 0}, fields, 2), m.live[m.added] = true;
            value_edit_release(&e);
            if (i % 50 == 0) need_check(stream_of(e.value), &m);
            if (i % 50 == 0) check_memory(e.value, before);
        }
        need_check(stream_of(e.value), &m);
        value_free(e.value);
        assert_int_equal(mem_owner_bytes(MEM_STREAMS), before);
    }
}

/* ---- a few that may go among many that may not ---- */
#define MANY 20000
struct many {
    struct stream_group *groups[2];
    bool live[MANY + 1], acked[2][MANY + 1];
};

static void many_begin(struct value_edit *e, struct many *m) {
    struct slice fields[] = {SLICE("field"), SLICE("value")};
    stream_edit(e);
    *m = (struct many){0};
    for (uint64_t n = 1; n <= MANY; n++) stream_append(e, (struct stream_id){n, 0}, fields, 2), m->live[n] = true;
    for (int g = 0; g < 2; g++) {
        struct slice name = slice_of_cstr(need_groups[g]);
        assert_true(stream_group_create(e, name, (struct stream_id){MANY, 0}, STREAM_UNKNOWN));
        m->groups[g] = stream_group_edit(e, name);
        struct stream_consumer *c = stream_consumer_edit(e, m->groups[g], SLICE("c"), true, NULL);
        for (uint64_t n = 1; n <= MANY; n++) stream_pending_put(e, m->groups[g], c, (struct stream_id){n, 0}, 5, 1);
    }
}

static void many_ack(struct random *r, struct value_edit *e, struct many *m) {
    uint64_t n = 1 + random_below(r, MANY), who = random_below(r, 4);
    for (unsigned g = 0; g < 2; g++) {
        if (who < 2 && who != g) continue;
        stream_pending_remove(e, m->groups[g], (struct stream_id){n, 0});
        m->acked[g][n] = true;
    }
}

static void many_trim(struct random *r, struct value_edit *e, struct many *m) {
    uint64_t most = random_below(r, 6), gone = 0;
    struct stream_trim how = {.by = STREAM_TRIM_LENGTH,
                              .length = stream_length(stream_of(e->value)) - most,
                              .id = {1 + random_below(r, MANY + 1), 0},
                              .refs = STREAM_REFS_ACKED};
    if (random_below(r, 3) == 0) how.by = STREAM_TRIM_ID;
    uint64_t removed = stream_trim(e, &how);
    for (uint64_t n = 1; n <= MANY; n++) {
        if (!m->live[n] || !m->acked[0][n] || !m->acked[1][n]) continue;
        bool goes = how.by == STREAM_TRIM_LENGTH ? gone < most : n < how.id.ms;
        assert_int_equal(stream_has(stream_of(e->value), (struct stream_id){n, 0}), !goes);
        gone += goes;
        m->live[n] = !goes;
    }
    assert_int_equal(removed, gone);
}

static void a_few_among_many_that_are_needed(void **state) {
    (void)state;
    static struct many m;
    struct random r = random_of_test();
    for (int round = 0; round < 3; round++) {
        struct value_limits limits = value_limits_default;
        limits.stream_node_max_entries = round == 2 ? 1000 : 5 + (int64_t)random_below(&r, 20);
        struct value_edit e = value_edit_alone((struct value){.type = TYPE_STREAM}, &limits, 0);
        many_begin(&e, &m);
        for (int i = 0; i < 150; i++) {
            for (uint64_t acks = random_below(&r, 10); acks > 0; acks--) many_ack(&r, &e, &m);
            many_trim(&r, &e, &m);
            value_edit_release(&e);
        }
        value_free(e.value);
    }
}

/* Three entries whose flags take four bytes where two would do: they move when they are marked as deleted. */
static void numbers_in_more_bytes_than_needed(void **state) {
    (void)state;
#define ENTRY(ms) 0xf1, 2, 0, 3, ms, 1, 0, 1, 0x81, 'v', 2, 4, 1
    static const unsigned char record[] = {
        1,    16, 0, 0, 0,  0, 0, 0, 0, 5, 0, 0, 0,    0,   0, 0, 0, 0,        57, /* one node, from 5-0 on, of 57 bytes */
        57,   0,  0, 0, 20, 0, 3, 1, 0, 1, 1, 1, 0x81, 'f', 2, 0, 1, ENTRY(0), ENTRY(1), ENTRY(2),
        0xff, 3,  7, 0, 0}; /* 3 entries, the last is 7-0, no groups */
    for (int how = 0; how < 4; how++) {
        struct rdb_reader window = {record, record + sizeof record};
        struct rdb_input in;
        struct value_edit e = value_edit_alone((struct value){.type = TYPE_STREAM}, &value_limits_default, 0);
        struct stream_trim trim = {.by = STREAM_TRIM_LENGTH, .length = 1, .refs = STREAM_REFS_ACKED};
        int64_t before = mem_owner_bytes(MEM_STREAMS);
        rdb_input_init(&in, &window);
        assert_true(stream_kind.rdb_read(RDB_TYPE_STREAM_LISTPACKS, &in, &value_limits_default, 0, &e.value));
        if (how == 1) stream_group_create(&e, SLICE("g"), (struct stream_id){7, 0}, STREAM_UNKNOWN);
        if (how < 2) assert_int_equal(stream_trim(&e, &trim), 2);
        for (uint64_t ms = 5; how >= 2 && ms < 7; ms++) assert_true(stream_delete(&e, (struct stream_id){ms, 0}));
        assert_int_equal(stream_length(stream_of(e.value)), 1);
        assert_int_equal(stream_edge(stream_of(e.value), how & 1).ms, 7);
        check_memory(e.value, before);
        value_free(e.value);
        rdb_input_release(&in);
    }
#undef ENTRY
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
        cmocka_unit_test(a_few_among_many_that_are_needed),
        cmocka_unit_test(ids_step_to_their_edges),
        cmocka_unit_test(entries_as_in_a_model),
        cmocka_unit_test(entries_that_groups_need),
        cmocka_unit_test(pending_beyond_its_bits),
        cmocka_unit_test(random_changes_and_freezes),
        cmocka_unit_test(broken_records),
        cmocka_unit_test(numbers_in_more_bytes_than_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
