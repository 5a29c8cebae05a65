#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/random.h"

/* The first outputs of xoshiro256** from the state {1, 2, 3, 4}: 2 * 5 = 10, rotated by 7 is 1280, times 9 is 11520;
 * then s[1] is 0, so 0; the rest follows the authors' update by hand. */
static void stream_is_xoshiros(void **state) {
    (void)state;
    struct random r = {{1, 2, 3, 4}};
    assert_int_equal(random_next(&r), 11520);
    assert_int_equal(random_next(&r), 0);
    assert_int_equal(random_next(&r), 1509978240);
    assert_int_equal(random_next(&r), 1215971899390074240u);
}

static void same_seed_same_stream(void **state) {
    (void)state;
    struct random a, b, c;
    random_init(&a, 42);
    random_init(&b, 42);
    random_init(&c, 43);
    uint64_t first = random_next(&a);
    assert_int_equal(first, random_next(&b));
    assert_int_not_equal(first, random_next(&c));
}

static void below_is_uniform(void **state) {
    (void)state;
    struct random r;
    unsigned counts[6] = {0};
    random_init(&r, 5);
    for (int i = 0; i < 60000; i++) counts[random_below(&r, 6)]++;
    for (int i = 0; i < 6; i++) assert_in_range(counts[i], 9500, 10500); /* 5 sigma is about 460 */
    assert_int_equal(random_below(&r, 1), 0);
    /* A limit just above 2^63 throws almost half of the draws away: the loop must end and obey. */
    for (int i = 0; i < 1000; i++) assert_true(random_below(&r, ((uint64_t)1 << 63) + 1) <= (uint64_t)1 << 63);
}

static void unit_stays_below_one(void **state) {
    (void)state;
    struct random r;
    double sum = 0;
    random_init(&r, 6);
    for (int i = 0; i < 10000; i++) {
        double v = random_unit(&r);
        assert_true(v >= 0 && v < 1);
        sum += v;
    }
    assert_true(sum > 4800 && sum < 5200);
}

static void system_bytes_differ(void **state) {
    (void)state;
    char a[300] = {0}, b[300] = {0};
    random_system_bytes(a, sizeof a);
    random_system_bytes(b, sizeof b);
    assert_int_not_equal(memcmp(a, b, sizeof a), 0);
    struct random r, s;
    random_init_from_system(&r);
    random_init_from_system(&s);
    assert_int_not_equal(random_next(&r), random_next(&s));
}

static void hex_is_lower_case_and_bounded(void **state) {
    (void)state;
    char text[101];
    memset(text, '#', sizeof text);
    random_hex(text, 100);
    for (int i = 0; i < 100; i++) assert_non_null(memchr("0123456789abcdef", text[i], 16));
    assert_int_equal(text[100], '#');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_is_xoshiros),  cmocka_unit_test(same_seed_same_stream),
        cmocka_unit_test(below_is_uniform),    cmocka_unit_test(unit_stays_below_one),
        cmocka_unit_test(system_bytes_differ), cmocka_unit_test(hex_is_lower_case_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
