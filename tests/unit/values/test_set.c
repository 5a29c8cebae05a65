#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/num.h"
#include "moving.h"
#include "seed.h"
#include "values/kind.h"
#include "values/set_int.h"
#include "wire/rdb_io.h"

#define MEMBERS     400
#define INTEGERS    200 /* those before are integers, of all widths */
#define MEMBER_MAX  320
#define SHORT_WORDS 20 /* of the others, one in so many is long */

/* ---- the model: which of so many texts are there ---- */

struct model {
    bool there[MEMBERS];
    size_t count;
};

/* ---- a value with its snapshots ---- */

struct world {
    struct random r;
    char texts[MEMBERS][MEMBER_MAX];
    struct slice members[MEMBERS];
    struct model m, frozen_model;
    struct value v, frozen_value;
    struct frozen f;
    struct value_limits limits;
    struct moving moving;
};

static void name_members(struct world *w) {
    for (unsigned i = 0; i < MEMBERS; i++) {
        char *text = w->texts[i];
        int n = i < INTEGERS ? snprintf(text, MEMBER_MAX, "%lld", (long long)(i - 100LL) * (1LL << i % 4 * 14))
                             : snprintf(text, MEMBER_MAX, i % 3 ? "member:%u" : "0%u", i);
        if (i >= INTEGERS && i % SHORT_WORDS == 0)
            for (; n < (int)(i % 300); n++) text[n] = (char)('a' + n % 26);
        w->members[i] = slice_of(text, (size_t)n);
    }
    w->members[MEMBERS - 1] = SLICE("");
}

static unsigned index_of(const struct world *w, struct slice member) {
    for (unsigned i = 0; i < MEMBERS; i++)
        if (slice_equal(w->members[i], member)) return i;
    fail();
    return 0;
}

static struct value_edit begin(struct world *w) {
    struct value_edit e = value_edit_alone(w->v, &w->limits, 0);
    if (!w->f.live) return e;
    e.f = &w->f;
    if (!w->v.ptr) return e;
    if (w->v.form != VALUE_HEAD) {
        if (w->v.ptr == w->frozen_value.ptr) assert_true(value_copy(w->v, &e.value));
    } else if (frozen_shared(&w->f, ((struct value_head *)w->v.ptr)->birth)) {
        e.value.ptr = set_kind.head_fork(w->v.ptr, &w->f);
    }
    return e;
}

static void end(struct world *w, struct value_edit *e) {
    w->v = e->value;
    limbo_free(e->doomed);
}

struct seen {
    const struct world *w;
    const struct model *m;
    size_t count;
    bool has[MEMBERS];
};

static void see_different(void *arg, struct slice member) {
    struct seen *s = arg;
    unsigned i = index_of(s->w, member);
    assert_true(s->m->there[i] && !s->has[i]);
    s->has[i] = true;
    s->count++;
}

static void see_any(void *arg, struct slice member) {
    struct seen *s = arg;
    assert_true(s->m->there[index_of(s->w, member)]);
    s->count++;
}

static void compare(const struct world *w, struct value v, const struct model *m) {
    struct seen s = {.w = w, .m = m};
    assert_int_equal(set_count(v), m->count);
    if (!v.ptr) return;
    assert_true(m->count > 0);
    set_each(v, see_different, &s);
    assert_int_equal(s.count, m->count);
    if (v.form == VALUE_HEAD) table_verify(&((const struct set *)v.ptr)->members);
    if (v.form == VALUE_INTS) {
        for (unsigned i = INTEGERS; i < MEMBERS; i++) assert_false(m->there[i]);
        assert_true((int64_t)m->count <= w->limits.set_max_intset_entries);
    }
    if (v.form == VALUE_PACK) assert_true((int64_t)m->count <= w->limits.set_max_listpack_entries);
}

static void thaw(struct world *w) {
    compare(w, w->frozen_value, &w->frozen_model);
    limbo_free(frozen_end(&w->f));
    if (w->frozen_value.ptr && w->frozen_value.form != VALUE_HEAD && w->frozen_value.ptr != w->v.ptr)
        value_free(w->frozen_value);
    w->frozen_value.ptr = NULL;
}

static void freeze(struct world *w) {
    frozen_begin(&w->f);
    w->frozen_value = w->v;
    w->frozen_model = w->m;
}

/* ---- random changes ---- */

static void add_one(struct world *w, unsigned i) {
    struct value_edit e = begin(w);
    assert_int_equal(set_add(&e, w->members[i]), !w->m.there[i]);
    end(w, &e);
    w->m.count += !w->m.there[i];
    w->m.there[i] = true;
}

static void remove_one(struct world *w, unsigned i) {
    struct value_edit e = begin(w);
    assert_int_equal(set_remove(&e, w->members[i]), w->m.there[i]);
    end(w, &e);
    w->m.count -= w->m.there[i];
    w->m.there[i] = false;
}

static void find_one(const struct world *w, unsigned i) {
    if (w->v.ptr) assert_int_equal(set_has(w->v, w->members[i]), w->m.there[i]);
}

static void forget(void *arg, struct slice member) {
    struct world *w = arg;
    unsigned i = index_of(w, member);
    assert_true(w->m.there[i]);
    w->m.there[i] = false;
    w->m.count--;
}

static void take_some(struct world *w) {
    size_t count = w->m.count;
    if (count == 0) return;
    size_t n = (size_t)random_below(&w->r, random_below(&w->r, 2) ? count : count / 2 + 1);
    struct value_edit e = begin(w);
    set_take(&e, n, &w->r, forget, w);
    end(w, &e);
    assert_int_equal(w->m.count, count - n);
    compare(w, w->v, &w->m);
}

static void empty(struct world *w) {
    struct value_edit e = begin(w);
    if (e.value.ptr) value_drop_whole(&e);
    end(w, &e);
    w->m = (struct model){.count = 0};
}

static void choose_some(struct world *w) {
    char scratch[NUM_TEXT_MAX];
    if (!w->v.ptr) return;
    size_t n = (size_t)random_below(&w->r, w->m.count + 1), draws = (size_t)random_below(&w->r, 50);
    struct seen different = {.w = w, .m = &w->m}, any = {.w = w, .m = &w->m};
    set_sample(w->v, n, &w->r, see_different, &different);
    assert_int_equal(different.count, n);
    set_draw(w->v, draws, &w->r, see_any, &any);
    assert_int_equal(any.count, draws);
    see_any(&any, set_random(w->v, &w->r, scratch));
}

static void scan_all(struct world *w) {
    struct seen s = {.w = w, .m = &w->m};
    uint64_t cursor = 0;
    if (!w->v.ptr) return;
    do cursor = set_scan(w->v, cursor, see_different, &s);
    while (cursor);
    assert_int_equal(s.count, w->m.count);
}

static void copy_all(struct world *w) {
    struct value copy;
    if (!w->v.ptr) return;
    assert_true(value_copy(w->v, &copy));
    assert_int_equal(copy.form, w->v.form);
    compare(w, copy, &w->m);
    value_free(copy);
}

/* What is read is as large as what was written, and perhaps of another form where the record does not tell it. */
static void record(struct world *w) {
    struct buf bytes;
    int version = random_below(&w->r, 2) ? 10 : 11;
    struct rdb_sink sink = {.out = &bytes, .compress = random_below(&w->r, 2), .version = version};
    struct rdb_input in;
    struct value back;
    if (!w->v.ptr) return;
    buf_init(&bytes, MEM_SERVER);
    uint8_t type = set_kind.rdb_type(w->v, version);
    assert_true(set_kind.rdb_write(w->v, &sink));
    struct rdb_reader window = {(unsigned char *)bytes.ptr, (unsigned char *)bytes.ptr + bytes.len};
    rdb_input_init(&in, &window);
    assert_true(set_kind.rdb_read(type, &in, &w->limits, 0, &back));
    assert_ptr_equal(window.at, window.end);
    compare(w, back, &w->m);
    if (type != RDB_TYPE_SET) assert_int_equal(back.form, w->v.form);
    value_free(back);
    rdb_input_release(&in);
    buf_release(&bytes);
}

static void step(struct world *w, unsigned first, unsigned members, unsigned adding) {
    unsigned i = (first + (unsigned)random_below(&w->r, members)) % MEMBERS, what = (unsigned)random_below(&w->r, 1000);
    if (what < adding)
        add_one(w, i);
    else if (what < 800)
        remove_one(w, i);
    else if (what < 950)
        find_one(w, i);
    else if (what < 952)
        empty(w);
    else if (what < 960)
        take_some(w);
    else if (what < 970)
        choose_some(w);
    else if (what < 975)
        scan_all(w);
    else if (what < 980)
        copy_all(w);
    else if (what < 985)
        record(w);
}

/* Some lives know integers only. */
static void random_life(struct world *w, unsigned steps) {
    bool integers = random_below(&w->r, 3) == 0;
    unsigned members = 1 + (unsigned)random_below(&w->r, integers ? INTEGERS : MEMBERS),
             first = integers ? (unsigned)random_below(&w->r, INTEGERS - members + 1)
                              : (unsigned)random_below(&w->r, MEMBERS),
             adding = 300 + (unsigned)random_below(&w->r, 400);
    w->limits.set_max_intset_entries = (int64_t)random_below(&w->r, 2 * members);
    w->limits.set_max_listpack_entries = (int64_t)random_below(&w->r, members);
    w->limits.set_max_listpack_value = (int64_t)random_below(&w->r, 300);
    for (unsigned i = 0; i < steps; i++) {
        step(w, first, members, adding);
        unsigned what = (unsigned)random_below(&w->r, 400);
        if (what > 300 && !w->f.live) move_some(&w->moving, &w->v, &w->r);
        if (what == 0 && !w->f.live) freeze(w);
        if (what == 1 && w->f.live) thaw(w);
        if (what < 10) compare(w, w->v, &w->m);
        if (what < 100 && !w->f.live) assert_int_equal(mem_owner_bytes(MEM_SETS), w->v.ptr ? value_memory(w->v) : 0);
    }
    if (w->f.live) thaw(w);
    compare(w, w->v, &w->m);
    empty(w);
    assert_int_equal(mem_owner_bytes(MEM_SETS), 0);
    assert_int_equal(mem_owner_bytes(MEM_LIMBO), 0);
}

static void as_an_array_does(void **state) {
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    w->r = random_of_test();
    w->limits = value_limits_default;
    w->v = SET_EMPTY;
    name_members(w);
    frozen_init(&w->f);
    for (unsigned i = 0; i < 80; i++) random_life(w, 3000);
    assert_true(w->moving.walks > 100);
    free(w);
}

/* ---- forms ---- */

static struct value_edit edit_new(const struct value_limits *limits) { return value_edit_alone(SET_EMPTY, limits, 0); }

static void add_integers(struct value_edit *e, int from, int to) {
    char text[NUM_TEXT_MAX];
    for (int i = from; i < to; i++) assert_true(set_add(e, slice_of(text, num_format_i64(text, i))));
}

static void edit_end(struct value_edit *e) {
    if (e->value.ptr) value_drop_whole(e);
    value_edit_release(e);
    assert_int_equal(mem_owner_bytes(MEM_SETS), 0);
}

static void forms_change_at_the_limits(void **state) {
    (void)state;
    struct value_edit e = edit_new(&value_limits_default);
    char longest[65];
    memset(longest, 'x', sizeof longest);
    add_integers(&e, 0, 512);
    assert_string_equal(set_kind.encoding(e.value), "intset");
    assert_false(set_add(&e, SLICE("5"))); /* there already: it stays */
    assert_string_equal(set_kind.encoding(e.value), "intset");
    add_integers(&e, 512, 513);
    assert_string_equal(set_kind.encoding(e.value), "hashtable");
    value_drop_whole(&e);
    add_integers(&e, 0, 127);
    assert_true(set_add(&e, SLICE("text")));
    assert_string_equal(set_kind.encoding(e.value), "listpack");
    add_integers(&e, 127, 128);
    assert_string_equal(set_kind.encoding(e.value), "hashtable");
    value_drop_whole(&e);
    add_integers(&e, 0, 128);
    assert_true(set_add(&e, SLICE("text"))); /* one too many for a pack */
    assert_string_equal(set_kind.encoding(e.value), "hashtable");
    value_drop_whole(&e);
    assert_true(set_add(&e, slice_of(longest, 64)));
    assert_string_equal(set_kind.encoding(e.value), "listpack");
    assert_true(set_add(&e, slice_of(longest, 65)));
    assert_string_equal(set_kind.encoding(e.value), "hashtable");
    edit_end(&e);
}

static void an_integer_is_one_member_in_every_form(void **state) {
    (void)state;
    struct value_edit e = edit_new(&value_limits_default);
    static const struct slice texts[] = {SLICE("t"), SLICE("01"), SLICE("+1"), SLICE("-0"), SLICE("1.0"), SLICE(" 1")};
    add_integers(&e, -3, 3);
    for (size_t i = 0; i < countof(texts); i++) {
        assert_false(set_has(e.value, texts[i]));
        assert_true(set_add(&e, texts[i]));
        assert_false(set_add(&e, SLICE("1")));
    }
    assert_int_equal(set_count(e.value), 6 + countof(texts));
    add_integers(&e, 3, 200);
    assert_string_equal(set_kind.encoding(e.value), "hashtable");
    assert_false(set_add(&e, SLICE("1")));
    assert_true(set_remove(&e, SLICE("1")));
    assert_false(set_has(e.value, SLICE("1")));
    assert_true(set_has(e.value, SLICE("01")));
    edit_end(&e);
}

static void a_big_set_drops_its_blocks_elsewhere(void **state) {
    (void)state;
    struct value_edit e = edit_new(&value_limits_default);
    char text[NUM_TEXT_MAX];
    add_integers(&e, 0, 1000);
    value_edit_release(&e);
    e.freed = 0;
    for (int i = 0; i < 1000; i++) assert_true(set_remove(&e, slice_of(text, num_format_i64(text, i))));
    assert_null(e.value.ptr);
    assert_non_null(e.doomed);
    edit_end(&e);
}

static void short_members_are_cheap(void **state) {
    (void)state;
    struct value_edit e = edit_new(&value_limits_default);
    char text[32];
    for (int i = 0; i < 200000; i++) set_add(&e, slice_of(text, (size_t)snprintf(text, sizeof text, "member:%07d", i)));
    double each = (double)value_memory(e.value) / 200000;
    printf("%.1f bytes for a member of 14\n", each);
    assert_true(each < 36);
    edit_end(&e);
}

/* In every form: what was there stays, and an empty value stays empty. */
static void no_memory_for_a_long_member(void **state) {
    (void)state;
    const size_t n = 1 << 20;
    char *text = malloc(n);
    memset(text, 'x', n);
    for (int form = 0; form < 4; form++) {
        struct value_edit e = edit_new(&value_limits_default);
        int before = form == 0 ? 0 : form == 3 ? 600 : 5;
        add_integers(&e, 0, before);
        if (form == 2) set_add(&e, SLICE("text"));
        size_t count = set_count(e.value);
        mem_fail_after(1, n);
        assert_int_equal(set_add(&e, slice_of(text, n)), SET_NO_MEMORY);
        mem_fail_after(0, 0);
        assert_int_equal(set_count(e.value), count);
        assert_true((e.value.ptr != NULL) == (count > 0));
        assert_int_equal(set_add(&e, slice_of(text, n)), SET_ADDED);
        assert_int_equal(set_add(&e, slice_of(text, n)), SET_THERE);
        edit_end(&e);
    }
    free(text);
}

/* ---- chance ---- */

static void count_draw(void *arg, struct slice member) {
    int64_t i;
    unsigned *counts = arg;
    assert_true(num_parse_i64(member, &i) && i >= 0 && i < 10);
    counts[i]++;
}

static void check_even(const unsigned counts[10]) {
    for (int i = 0; i < 10; i++) /* 7 standard deviations */
        if (counts[i] < 19000 || counts[i] > 21000) fail_msg("%u of 200000", counts[i]);
}

/* Every member comes equally often, whatever the form: drawn, sampled three at a time, and taken. */
static void chance_is_even(void **state) {
    (void)state;
    struct random r = random_of_test();
    for (int form = 0; form < 3; form++) {
        struct value_limits limits = value_limits_default;
        unsigned drawn[10] = {0}, sampled[10] = {0};
        char scratch[NUM_TEXT_MAX];
        if (form > 0) limits.set_max_intset_entries = 0;
        if (form > 1) limits.set_max_listpack_entries = 0;
        struct value_edit e = edit_new(&limits);
        add_integers(&e, 0, 10);
        assert_int_equal(e.value.form, form == 0 ? VALUE_INTS : form == 1 ? VALUE_PACK : VALUE_HEAD);
        for (int i = 0; i < 100000; i++) count_draw(drawn, set_random(e.value, &r, scratch));
        set_draw(e.value, 100000, &r, count_draw, drawn);
        check_even(drawn);
        for (int i = 0; i < 100000; i++) set_sample(e.value, 2, &r, count_draw, sampled);
        check_even(sampled);
        edit_end(&e);
    }
}

/* ---- records ---- */

static bool read_bytes(uint8_t type, const void *bytes, size_t n, struct value *v) {
    struct rdb_reader window = {bytes, (const unsigned char *)bytes + n};
    struct rdb_input in;
    rdb_input_init(&in, &window);
    bool read = set_kind.rdb_read(type, &in, &value_limits_default, 0, v);
    assert_true(read || (in.why && !v->ptr));
    rdb_input_release(&in);
    return read;
}

static void a_member_twice_is_refused(void **state) {
    (void)state;
    static const unsigned char plain[] = "\x03\x01"
                                         "a\xc0\x07\x01"
                                         "a";
    static const unsigned char numbers[] = "\x02\xc0\x07\x01"
                                           "7";
    static const unsigned char pack[] = "\x0d"
                                        "\x0d\0\0\0\x02\0\x81"
                                        "a\x02\x81"
                                        "a\x02\xff";
    static const unsigned char ints[] = "\x0c"
                                        "\x02\0\0\0\x02\0\0\0\x01\0\x01\0";
    struct value v;
    assert_false(read_bytes(RDB_TYPE_SET, plain, sizeof plain - 1, &v));
    assert_false(read_bytes(RDB_TYPE_SET, numbers, sizeof numbers - 1, &v));
    assert_false(read_bytes(RDB_TYPE_SET_LISTPACK, pack, sizeof pack - 1, &v));
    assert_false(read_bytes(RDB_TYPE_SET_INTSET, ints, sizeof ints - 1, &v));
    struct buf bytes;
    buf_init(&bytes, MEM_SERVER);
    struct pack *p = pack_new(MEM_SERVER);
    for (int i = 0; i < 81; i++) p = pack_append_integer(MEM_SERVER, p, i % 80); /* too many for the short way */
    rdb_write_string(&bytes, slice_of((char *)p, pack_bytes(p)), false);
    assert_false(read_bytes(RDB_TYPE_SET_LISTPACK, bytes.ptr, bytes.len, &v));
    pack_free(MEM_SERVER, p);
    buf_release(&bytes);
    assert_int_equal(mem_owner_bytes(MEM_SETS), 0);
}

static void what_is_read_takes_the_form_of_the_limits(void **state) {
    (void)state;
    struct value v;
    struct buf bytes;
    struct pack *p = pack_new(MEM_SERVER);
    buf_init(&bytes, MEM_SERVER);
    for (int i = 0; i < 129; i++) p = pack_append_integer(MEM_SERVER, p, i);
    rdb_write_string(&bytes, slice_of((char *)p, pack_bytes(p)), false);
    assert_true(read_bytes(RDB_TYPE_SET_LISTPACK, bytes.ptr, bytes.len, &v));
    assert_string_equal(set_kind.encoding(v), "hashtable");
    assert_int_equal(set_count(v), 129);
    value_free(v);
    pack_free(MEM_SERVER, p);
    struct intset *s = intset_new();
    for (int i = 0; i < 513; i++) {
        bool added;
        s = intset_add(s, i * 100000, &added);
    }
    buf_clear(&bytes);
    rdb_write_string(&bytes, slice_of((char *)s, intset_bytes(s)), false);
    intset_free(s);
    assert_true(read_bytes(RDB_TYPE_SET_INTSET, bytes.ptr, bytes.len, &v));
    assert_string_equal(set_kind.encoding(v), "hashtable");
    assert_int_equal(set_count(v), 513);
    value_free(v);
    buf_release(&bytes);
    assert_int_equal(mem_owner_bytes(MEM_SETS), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_an_array_does),
        cmocka_unit_test(forms_change_at_the_limits),
        cmocka_unit_test(an_integer_is_one_member_in_every_form),
        cmocka_unit_test(a_big_set_drops_its_blocks_elsewhere),
        cmocka_unit_test(short_members_are_cheap),
        cmocka_unit_test(no_memory_for_a_long_member),
        cmocka_unit_test(chance_is_even),
        cmocka_unit_test(a_member_twice_is_refused),
        cmocka_unit_test(what_is_read_takes_the_form_of_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
