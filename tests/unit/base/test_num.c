#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/random.h"

static void integers_parse_canonically(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool valid;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-1", true, -1},
        {"10", true, 10},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"99999999999999999999", false, 0},
        {"100000000000000000000", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"-0", false, 0},
        {"+1", false, 0},
        {"01", false, 0},
        {"-01", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1a", false, 0},
        {"--1", false, 0},
        {"1.0", false, 0},
        {"0x1", false, 0},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        int64_t v = 77;
        bool valid = num_parse_i64(slice_of_cstr(cases[i].text), &v);
        if (valid != cases[i].valid || (valid && v != cases[i].value)) fail_msg("%s", cases[i].text);
    }
    int64_t v;
    assert_false(num_parse_i64(slice_of(NULL, 0), &v));
    assert_false(num_parse_i64(SLICE("1\0"), &v));
    int64_t untouched = 7;
    assert_false(num_parse_i64(slice_of(NULL, 0), &untouched));
    assert_int_equal(untouched, 7);
}

static void unsigned_parse_to_their_end(void **state) {
    (void)state;
    uint64_t v;
    assert_true(num_parse_u64(SLICE("18446744073709551615"), &v));
    assert_int_equal(v, UINT64_MAX);
    assert_false(num_parse_u64(SLICE("18446744073709551616"), &v));
    assert_false(num_parse_u64(SLICE("-1"), &v));
    assert_false(num_parse_u64(SLICE("00"), &v));
}

static void integers_round_trip(void **state) {
    (void)state;
    const char *given = getenv("TARN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_wall_us();
    struct random r;
    printf("TARN_SEED=%llu\n", (unsigned long long)seed);
    random_init(&r, seed);
    for (int i = 0; i < 200000; i++) {
        int64_t v = (int64_t)random_next(&r) >> random_below(&r, 64), back = 0;
        uint64_t u = random_next(&r) >> random_below(&r, 64), u_back = 0;
        char text[NUM_TEXT_MAX], expected[NUM_TEXT_MAX];
        size_t n = num_format_i64(text, v);
        snprintf(expected, sizeof expected, "%lld", (long long)v);
        assert_true(slice_equal(slice_of(text, n), slice_of_cstr(expected)));
        assert_true(num_parse_i64(slice_of(text, n), &back) && back == v);
        n = num_format_u64(text, u);
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)u);
        assert_true(slice_equal(slice_of(text, n), slice_of_cstr(expected)));
        assert_true(num_parse_u64(slice_of(text, n), &u_back) && u_back == u);
    }
}

static void doubles_parse_whole_slices(void **state) {
    (void)state;
    static const char *const bad[] = {"",      " 1", "1 ",   "nan", "-nan",   "1e",     ".",   "1,5",
                                      "1e400", "0x", "infi", "1.x", "-1e400", "1e-400", "\t1", "--1"};
    double v;
    for (size_t i = 0; i < countof(bad); i++)
        if (num_parse_double(slice_of_cstr(bad[i]), &v)) fail_msg("%s was taken", bad[i]);
    assert_true(num_parse_double(SLICE("0x10"), &v) && v == 16);
    assert_true(num_parse_double(SLICE("+1."), &v) && v == 1);
    assert_true(num_parse_double(SLICE(".5"), &v) && v == 0.5);
    assert_true(num_parse_double(SLICE("1e-320"), &v) && v > 0);
    assert_true(num_parse_double(SLICE("-Inf"), &v) && v == -INFINITY);
    assert_true(num_parse_double(SLICE("+infinity"), &v) && v == INFINITY);
    assert_false(num_parse_double(SLICE("1\0"), &v));
    assert_false(num_parse_double(slice_of(NULL, 0), &v));
}

static void long_doubles_parse_and_have_a_length_limit(void **state) {
    (void)state;
    static char text[NUM_LONG_DOUBLE_TEXT_MAX + 1];
    long double v;
    memset(text, '0', sizeof text);
    assert_true(num_parse_long_double(slice_of(text, NUM_LONG_DOUBLE_TEXT_MAX - 1), &v) && v == 0);
    assert_false(num_parse_long_double(slice_of(text, NUM_LONG_DOUBLE_TEXT_MAX), &v));
    assert_true(num_parse_long_double(SLICE("3.0e3"), &v) && v == 3000);
    assert_false(num_parse_long_double(SLICE("1e-5000"), &v));
    assert_false(num_parse_long_double(SLICE("1e5000"), &v));
    assert_false(num_parse_long_double(SLICE("nan"), &v));
    assert_true(num_parse_long_double(SLICE("1e4930"), &v));
}

/* What redis-server 7.0.15 replied to ZSCORE. */
static void doubles_print_as_replies(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {100, "100"},
        {-3, "-3"},
        {3.1, "3.1000000000000001"},
        {0.1, "0.10000000000000001"},
        {0.00001, "1.0000000000000001e-05"},
        {1e-10, "1e-10"},
        {1e15, "1000000000000000"},
        {1e16, "10000000000000000"},
        {1e17, "1e+17"},
        {9007199254740992.0, "9007199254740992"},
        {9007199254740994.0, "9007199254740994"},
        {123456789012345680.0, "1.2345678901234568e+17"},
        {1e300, "1.0000000000000001e+300"},
        {2e-320, "1.999977734365366e-320"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        char text[NUM_DOUBLE_TEXT_MAX];
        size_t n = num_format_double(text, cases[i].value);
        if (!slice_equal(slice_of(text, n), slice_of_cstr(cases[i].text)))
            fail_msg("%.*s, not %s", (int)n, text, cases[i].text);
    }
    char text[NUM_DOUBLE_TEXT_MAX];
    assert_int_equal(num_format_double(text, -NAN), 3);
    assert_memory_equal(text, "nan", 3);
}

static void doubles_read_back(void **state) {
    (void)state;
    struct random r;
    random_init(&r, 1);
    for (int i = 0; i < 50000; i++) {
        uint64_t bits = random_next(&r);
        double v, back;
        char text[NUM_DOUBLE_TEXT_MAX];
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v)) continue;
        size_t n = num_format_double(text, v);
        assert_true(num_parse_double(slice_of(text, n), &back));
        assert_memory_equal(&v, &back, sizeof v);
    }
}

/* What redis-server 7.0.15 replied to INCRBYFLOAT. */
static void long_doubles_print_plainly(void **state) {
    (void)state;
    static const struct {
        long double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0L, "0"},
        {1e-17L, "0.00000000000000001"},
        {1e-18L, "0"},
        {-1e-18L, "0"},
        {3000, "3000"},
        {0.1L, "0.1"},
        {10.5L, "10.5"},
        {-2.5L, "-2.5"},
        {100, "100"},
        {1e20L, "100000000000000000000"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
    };
    char text[NUM_LONG_DOUBLE_TEXT_MAX];
    for (size_t i = 0; i < countof(cases); i++) {
        size_t n = num_format_long_double(text, cases[i].value);
        if (!slice_equal(slice_of(text, n), slice_of_cstr(cases[i].text)))
            fail_msg("%.*s, not %s", (int)n, text, cases[i].text);
    }
    assert_true(num_format_long_double(text, -LDBL_MAX) > 300); /* fits its buffer */
}

static void human_sizes_have_two_decimals(void **state) {
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0B"},
        {1023, "1023B"},
        {1024, "1.00K"},
        {1572864, "1.50M"},
        {(uint64_t)3 << 29, "1.50G"},
        {(uint64_t)1 << 40, "1.00T"},
        {(uint64_t)1 << 50, "1.00P"},
        {UINT64_MAX, "16384.00P"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        char text[NUM_TEXT_MAX];
        size_t n = num_format_human(text, cases[i].bytes);
        assert_true(slice_equal(slice_of(text, n), slice_of_cstr(cases[i].text)));
    }
}

static void memory_units_parse(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool valid;
        uint64_t bytes;
    } cases[] = {
        {"0", true, 0},
        {"100", true, 100},
        {"100b", true, 100},
        {"1k", true, 1000},
        {"1Kb", true, 1024},
        {"1m", true, 1000000},
        {"1MB", true, 1048576},
        {"2g", true, 2000000000},
        {"2gb", true, (uint64_t)2 << 30},
        {"007", true, 7},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999gb", false, 0},
        {"", false, 0},
        {"k", false, 0},
        {"-1", false, 0},
        {"1 k", false, 0},
        {"1kbb", false, 0},
        {"1.5g", false, 0},
        {"1t", false, 0},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        uint64_t v = 0;
        bool valid = num_parse_memory(slice_of_cstr(cases[i].text), &v);
        if (valid != cases[i].valid || (valid && v != cases[i].bytes)) fail_msg("%s", cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_parse_canonically),
        cmocka_unit_test(unsigned_parse_to_their_end),
        cmocka_unit_test(integers_round_trip),
        cmocka_unit_test(doubles_parse_whole_slices),
        cmocka_unit_test(long_doubles_parse_and_have_a_length_limit),
        cmocka_unit_test(doubles_print_as_replies),
        cmocka_unit_test(doubles_read_back),
        cmocka_unit_test(long_doubles_print_plainly),
        cmocka_unit_test(human_sizes_have_two_decimals),
        cmocka_unit_test(memory_units_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
