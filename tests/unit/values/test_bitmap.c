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
#include "seed.h"
#include "values/bitmap.h"

/* Random bytes, mostly in runs of one byte. On the heap and of just this size, so that a sanitizer sees a step outside. */
static char *random_bytes(struct random *r, size_t n) {
    char *bytes = malloc(n ? n : 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < n;) {
        static const int fills[] = {0, 0, 255, 255, -1};
        int fill = fills[random_below(r, 5)];
        for (size_t run = 1 + random_below(r, 60); run > 0 && i < n; run--)
            bytes[i++] = (char)(fill < 0 ? (int)random_below(r, 256) : fill);
    }
    return bytes;
}

/* The plain model: one bit at a time. */
static bool model_get(struct slice s, uint64_t i) {
    if (i / 8 >= s.len) return false;
    return (unsigned char)s.ptr[i / 8] & (0x80 >> i % 8);
}

static void bits_are_counted_from_the_top(void **state) {
    (void)state;
    char bytes[2] = {0};
    assert_false(bitmap_set(bytes, 2, 0, true));
    assert_false(bitmap_set(bytes, 2, 15, true));
    assert_memory_equal(bytes, "\x80\x01", 2);
    assert_true(bitmap_set(bytes, 2, 0, true));
    assert_true(bitmap_set(bytes, 2, 0, false));
    assert_memory_equal(bytes, "\x00\x01", 2);
    assert_true(bitmap_get(slice_of(bytes, 2), 15));
    assert_false(bitmap_get(slice_of(bytes, 2), 16));
    assert_false(bitmap_get(slice_of(NULL, 0), 0));
    assert_false(bitmap_get(slice_of(bytes, 2), UINT64_MAX));
}

static void ranges_against_the_model(void **state) {
    (void)state;
    struct random r = random_of_test();
    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + random_below(&r, random_below(&r, 10) ? 80 : 2000);
        char *bytes = random_bytes(&r, n);
        struct slice s = slice_of(bytes, n);
        uint64_t first = random_below(&r, n * 8), last = first + random_below(&r, n * 8 - first), ones = 0;
        int64_t position[2] = {-1, -1};
        for (uint64_t i = first; i <= last; i++) {
            bool on = model_get(s, i);
            ones += on;
            if (position[on] < 0) position[on] = (int64_t)i;
        }
        assert_int_equal(bitmap_count(s, first, last), ones);
        assert_int_equal(bitmap_position(s, false, first, last), position[0]);
        assert_int_equal(bitmap_position(s, true, first, last), position[1]);
        free(bytes);
    }
}

/* As many bits as the counters inside can hold at most. */
static void full_strings_are_counted(void **state) {
    (void)state;
    for (size_t n = 1; n < 2000; n += 7) {
        char *bytes = malloc(n);
        assert_non_null(bytes);
        memset(bytes, 0xff, n);
        assert_int_equal(bitmap_count(slice_of(bytes, n), 0, n * 8 - 1), n * 8);
        assert_int_equal(bitmap_position(slice_of(bytes, n), false, 0, n * 8 - 1), -1);
        free(bytes);
    }
}

static uint64_t model_field(struct slice s, unsigned bits, uint64_t offset) {
    uint64_t v = 0;
    for (unsigned i = 0; i < bits; i++) v = v << 1 | model_get(s, offset + i);
    return v;
}

static struct bitmap_field random_field(struct random *r) {
    bool is_signed = random_below(r, 2);
    return (struct bitmap_field){is_signed, (uint8_t)(1 + random_below(r, is_signed ? 64 : 63))};
}

static void fields_against_the_model(void **state) {
    (void)state;
    struct random r = random_of_test();
    for (int round = 0; round < 20000; round++) {
        size_t n = 9 + random_below(&r, 20);
        char *bytes = random_bytes(&r, n), *before = malloc(n);
        assert_non_null(before);
        memcpy(before, bytes, n);
        struct slice s = slice_of(bytes, n);
        struct bitmap_field f = random_field(&r);
        uint64_t offset = random_below(&r, n * 8 - f.bits + 1), low = model_field(s, f.bits, offset);
        int64_t got = bitmap_field_get(s, f, offset);
        assert_int_equal((uint64_t)got & (UINT64_MAX >> (64 - f.bits)), low);
        if (f.is_signed) assert_true((got < 0) == (low >> (f.bits - 1) == 1));
        if (!f.is_signed) assert_true(got >= 0);
        int64_t v = (int64_t)random_next(&r);
        bitmap_field_set(bytes, n, f, offset, v);
        assert_int_equal(model_field(s, f.bits, offset), (uint64_t)v & (UINT64_MAX >> (64 - f.bits)));
        for (uint64_t i = 0; i < n * 8; i++)
            if (i < offset || i >= offset + f.bits)
                assert_int_equal(model_get(s, i), model_get(slice_of(before, n), i));
        free(before);
        free(bytes);
    }
}

static void fields_reach_beyond_the_end(void **state) {
    (void)state;
    struct slice s = SLICE("\xff\x81");
    for (uint64_t offset = 0; offset < 40; offset++)
        for (uint8_t bits = 1; bits <= 63; bits++) {
            struct bitmap_field f = {false, bits};
            assert_int_equal(bitmap_field_get(s, f, offset), model_field(s, bits, offset));
        }
    assert_int_equal(bitmap_field_get(s, (struct bitmap_field){true, 64}, UINT32_MAX), 0);
}

static void overflow_at_the_bounds(void **state) {
    (void)state;
    static const struct bitmap_field u8 = {false, 8}, i8 = {true, 8}, i64 = {true, 64}, u63 = {false, 63},
                                     i1 = {true, 1};
    static const struct {
        struct bitmap_field f;
        int64_t base, by, wrapped, clamped;
        bool fits;
    } cases[] = {
        {u8, 255, 0, 255, 255, true},
        {u8, 255, 1, 0, 255, false},
        {u8, 0, -1, 255, 0, false},
        {u8, -1, 0, 255, 255, false}, /* above: the 64-bit number with these bits */
        {u8, 0, 300, 44, 255, false},
        {i8, 127, 1, -128, 127, false},
        {i8, -128, -1, 127, -128, false},
        {i8, -128, 0, -128, -128, true},
        {i8, 200, 0, -56, 127, false},
        {i1, 0, 1, -1, 0, false},
        {i64, INT64_MAX, 1, INT64_MIN, INT64_MAX, false},
        {i64, INT64_MIN, -1, INT64_MAX, INT64_MIN, false},
        {i64, INT64_MIN, INT64_MIN, 0, INT64_MIN, false},
        {i64, INT64_MIN, INT64_MAX, -1, -1, true},
        {u63, INT64_MAX, 1, 0, INT64_MAX, false},
        {u63, INT64_MAX, INT64_MIN, INT64_MAX, 0, false},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        int64_t wrapped, clamped, out;
        assert_true(bitmap_field_fit(cases[i].f, cases[i].base, cases[i].by, BITMAP_WRAP, &wrapped));
        assert_true(bitmap_field_fit(cases[i].f, cases[i].base, cases[i].by, BITMAP_SATURATE, &clamped));
        assert_int_equal(bitmap_field_fit(cases[i].f, cases[i].base, cases[i].by, BITMAP_FAIL, &out), cases[i].fits);
        assert_int_equal(wrapped, cases[i].wrapped);
        assert_int_equal(clamped, cases[i].clamped);
    }
}

/* One bit of the result, by what the operation is called. */
static bool model_combine(enum bitmap_op op, const struct slice *sources, size_t count, uint64_t i) {
    size_t ones = 0;
    bool first = model_get(sources[0], i);
    for (size_t k = 0; k < count; k++) ones += model_get(sources[k], i);
    bool others = ones > first;
    switch (op) {
    case BITMAP_AND:
        return ones == count;
    case BITMAP_OR:
        return ones > 0;
    case BITMAP_XOR:
        return ones % 2;
    case BITMAP_NOT:
        return !first;
    case BITMAP_DIFF:
        return first && !others;
    case BITMAP_DIFF1:
        return !first && others;
    case BITMAP_ANDOR:
        return first && others;
    case BITMAP_ONE:
        return ones == 1;
    }
    fail();
    return false;
}

static void combine_round(struct random *r, size_t longest) {
    struct slice sources[6];
    size_t count = 1 + random_below(r, countof(sources)), len = 0;
    for (size_t k = 0; k < count; k++) {
        size_t n = random_below(r, longest + 1);
        sources[k] = slice_of(random_bytes(r, n), n);
        if (n > len) len = n;
    }
    char *dst = malloc(len + 1);
    assert_non_null(dst);
    for (enum bitmap_op op = BITMAP_AND; op <= BITMAP_ONE; op++) {
        memset(dst, 0x55, len);
        bitmap_combine(op, sources, op == BITMAP_NOT ? 1 : count, dst, len);
        for (uint64_t i = 0; i < len * 8; i++)
            if (model_get(slice_of(dst, len), i) != model_combine(op, sources, count, i))
                fail_msg("operation %d of %zu sources differs at bit %llu", op, count, (unsigned long long)i);
    }
    free(dst);
    for (size_t k = 0; k < count; k++) free((char *)(uintptr_t)sources[k].ptr);
}

static void combinations_against_the_model(void **state) {
    (void)state;
    struct random r = random_of_test();
    for (int round = 0; round < 300; round++) combine_round(&r, 100);
    for (int round = 0; round < 6; round++) combine_round(&r, 20000); /* more than one chunk */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_are_counted_from_the_top),  cmocka_unit_test(ranges_against_the_model),
        cmocka_unit_test(full_strings_are_counted),       cmocka_unit_test(fields_against_the_model),
        cmocka_unit_test(fields_reach_beyond_the_end),    cmocka_unit_test(overflow_at_the_bounds),
        cmocka_unit_test(combinations_against_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
