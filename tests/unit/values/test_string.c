#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "mem/mem.h"
#include "seed.h"
#include "values/string.h"

static void bodies_grow_zeroed_and_are_accounted(void **state) {
    (void)state;
    int64_t bytes = mem_owner_bytes(MEM_STRINGS);
    struct string_body *b = string_body_new(3, 3);
    memcpy(b->bytes, "abc", 3);
    b = string_body_resize(b, 100);
    assert_int_equal(b->len, 100);
    assert_true(b->capacity >= 200); /* room for the next append */
    assert_memory_equal(b->bytes, "abc", 3);
    for (int i = 3; i < 100; i++) assert_int_equal(b->bytes[i], 0);
    assert_true(mem_owner_bytes(MEM_STRINGS) - bytes >= (int64_t)string_body_size(b));
    size_t capacity = b->capacity;
    memset(b->bytes, 'x', 100);
    b = string_body_resize(b, 10);
    b = string_body_resize(b, 20);
    assert_int_equal(b->capacity, capacity);
    for (int i = 0; i < 20; i++) assert_int_equal(b->bytes[i], i < 10 ? 'x' : 0); /* old bytes do not come back */
    string_body_free(b);
    string_body_free(NULL);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS), bytes);
}

static void a_body_that_cannot_grow_stays(void **state) {
    (void)state;
    struct string_body *b = string_body_new(3, 3);
    memcpy(b->bytes, "abc", 3);
    mem_fail_after(1, 1000);
    assert_null(string_body_resize(b, 5000));
    assert_int_equal(b->len, 3);
    assert_memory_equal(b->bytes, "abc", 3);
    mem_fail_after(1, 1000);
    assert_null(string_body_try_new(5000, 5000));
    mem_fail_after(0, 0);
    string_body_free(b);
}

/* SETRANGE at an offset that proto-max-bulk-len allows. */
static void lengths_beyond_any_memory_are_refused(void **state) {
    (void)state;
    const size_t lengths[] = {INT64_MAX, INT64_MAX / 2 + 1, INT64_MAX / 4, (size_t)1 << 48};
    struct string_body *b = string_body_new(3, 3);
    memcpy(b->bytes, "abc", 3);
    for (size_t i = 0; i < countof(lengths); i++) {
        assert_null(string_body_try_new(lengths[i], lengths[i]));
        assert_null(string_body_resize(b, lengths[i]));
        assert_int_equal(b->len, 3);
        assert_memory_equal(b->bytes, "abc", 3);
    }
    string_body_free(b);
}

static void slack_is_bounded(void **state) {
    (void)state;
    struct string_body *b = string_body_new(0, 0);
    b = string_body_resize(b, 10 << 20);
    assert_true(b->capacity <= 11 << 20);
    string_body_free(b);
}

static void integers_are_canonical(void **state) {
    (void)state;
    int64_t v;
    assert_true(string_is_integer(SLICE("-12"), &v) && v == -12);
    assert_false(string_is_integer(SLICE("012"), &v));
    assert_false(string_is_integer(SLICE("1.0"), &v));
    assert_false(string_is_integer(SLICE(""), &v));
}

/* What GETRANGE of redis-server 7.0.15 answered on "Hello". */
static void ranges_clamp_as_redis(void **state) {
    (void)state;
    static const struct {
        int64_t start, end;
        const char *text;
    } cases[] = {
        {0, 0, "H"},
        {1, 0, ""},
        {-1, 0, ""},
        {-3, -5, ""},
        {-5, -3, "Hel"},
        {-100, -90, "H"},
        {-90, -100, ""},
        {-100, 100, "Hello"},
        {5, 10, ""},
        {4, 10, "o"},
        {-1, -1, "o"},
        {0, -100, "H"},
        {3, -100, ""},
        {-6, -6, "H"},
        {-7, -6, "H"},
        {-100, 0, "H"},
        {INT64_MIN, INT64_MAX, "Hello"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct slice s = string_range(SLICE("Hello"), cases[i].start, cases[i].end);
        if (!slice_equal(s, slice_of_cstr(cases[i].text)))
            fail_msg("%lld %lld gave %.*s", (long long)cases[i].start, (long long)cases[i].end, (int)s.len, s.ptr);
    }
    assert_int_equal(string_range(SLICE(""), 0, -1).len, 0);
    assert_int_equal(string_range(slice_of(NULL, 0), -1, -1).len, 0);
}

struct found {
    uint32_t total, runs, last_a, last_b;
    const char *a, *b;
};

/* Runs come last to first, do not touch the next one, and hold the same bytes on both sides. */
static void check_run(void *arg, uint32_t a_start, uint32_t a_end, uint32_t b_start, uint32_t b_end) {
    struct found *f = arg;
    assert_int_equal(a_end - a_start, b_end - b_start);
    assert_true(a_end < f->last_a && b_end < f->last_b);
    assert_false(a_end + 1 == f->last_a && b_end + 1 == f->last_b);
    assert_memory_equal(f->a + a_start, f->b + b_start, a_end - a_start + 1);
    f->total += a_end - a_start + 1;
    f->runs++;
    f->last_a = a_start;
    f->last_b = b_start;
}

static void lcs_of_the_known_pair(void **state) {
    (void)state;
    struct string_lcs l;
    char text[16];
    struct found f = {.last_a = UINT32_MAX, .last_b = UINT32_MAX, .a = "ohmytext", .b = "mynewtext"};
    int64_t bytes = mem_owner_bytes(MEM_SERVER);
    assert_true(string_lcs_init(&l, SLICE("ohmytext"), SLICE("mynewtext")));
    assert_int_equal(l.length, 6);
    string_lcs_text(&l, text);
    assert_memory_equal(text, "mytext", 6);
    string_lcs_matches(&l, check_run, &f);
    assert_int_equal(f.runs, 2);
    assert_int_equal(f.total, 6);
    string_lcs_release(&l);
    string_lcs_release(&l);
    assert_int_equal(mem_owner_bytes(MEM_SERVER), bytes);
}

/* The plain model: the longest of all subsequences of a (as bit sets) that also run through b. */
static unsigned model_lcs(struct slice a, struct slice b) {
    unsigned best = 0;
    for (unsigned set = 0; set < 1u << a.len; set++) {
        unsigned length = 0;
        size_t j = 0;
        bool runs_through = true;
        for (size_t i = 0; i < a.len && runs_through; i++) {
            if (!(set >> i & 1)) continue;
            while (j < b.len && b.ptr[j] != a.ptr[i]) j++;
            runs_through = j++ < b.len;
            length++;
        }
        if (runs_through && length > best) best = length;
    }
    return best;
}

static bool is_subsequence(struct slice part, struct slice whole) {
    size_t at = 0;
    for (size_t i = 0; i < whole.len && at < part.len; i++)
        if (whole.ptr[i] == part.ptr[at]) at++;
    return at == part.len;
}

static void lcs_agrees_with_the_model(void **state) {
    (void)state;
    struct random r = random_of_test();
    for (int round = 0; round < 3000; round++) {
        char a[9], b[12], text[9];
        size_t a_len = random_below(&r, sizeof a + 1), b_len = random_below(&r, sizeof b + 1);
        for (size_t i = 0; i < a_len; i++) a[i] = "abc"[random_below(&r, 3)];
        for (size_t i = 0; i < b_len; i++) b[i] = "abc"[random_below(&r, 3)];
        struct string_lcs l;
        struct found f = {.last_a = UINT32_MAX, .last_b = UINT32_MAX, .a = a, .b = b};
        assert_true(string_lcs_init(&l, slice_of(a, a_len), slice_of(b, b_len)));
        assert_int_equal(l.length, model_lcs(l.a, l.b));
        string_lcs_text(&l, text);
        assert_true(is_subsequence(slice_of(text, l.length), l.a) && is_subsequence(slice_of(text, l.length), l.b));
        string_lcs_matches(&l, check_run, &f);
        assert_int_equal(f.total, l.length);
        string_lcs_release(&l);
    }
}

static void lcs_refuses_what_is_too_big(void **state) {
    (void)state;
    static char text[20000];
    struct string_lcs l;
    assert_false(string_lcs_init(&l, slice_of(text, sizeof text), slice_of(text, sizeof text)));
    string_lcs_release(&l);
    mem_fail_after(1, 1000);
    assert_false(string_lcs_init(&l, slice_of(text, 100), slice_of(text, 100)));
    string_lcs_release(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_grow_zeroed_and_are_accounted),
        cmocka_unit_test(a_body_that_cannot_grow_stays),
        cmocka_unit_test(lengths_beyond_any_memory_are_refused),
        cmocka_unit_test(slack_is_bounded),
        cmocka_unit_test(integers_are_canonical),
        cmocka_unit_test(ranges_clamp_as_redis),
        cmocka_unit_test(lcs_of_the_known_pair),
        cmocka_unit_test(lcs_agrees_with_the_model),
        cmocka_unit_test(lcs_refuses_what_is_too_big),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
