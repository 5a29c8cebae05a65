#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

static void equal_compares_bytes(void **state) {
    (void)state;
    assert_true(slice_equal(SLICE("a\0b"), SLICE("a\0b")));
    assert_false(slice_equal(SLICE("a\0b"), SLICE("a\0c")));
    assert_false(slice_equal(SLICE("ab"), SLICE("abc")));
    assert_true(slice_equal(slice_of(NULL, 0), SLICE("")));
}

static void nocase_folds_ascii_only(void **state) {
    (void)state;
    assert_true(slice_is(SLICE("GeT"), "get"));
    assert_false(slice_is(SLICE("get "), "get"));
    assert_false(slice_equal_nocase(SLICE("["), SLICE("{"))); /* 0x5B and 0x7B differ by the case bit only */
    assert_false(slice_equal_nocase(SLICE("@"), SLICE("`")));
    assert_false(slice_equal_nocase(SLICE("\xC4"), SLICE("\xE4")));
    assert_true(slice_equal_nocase(slice_of(NULL, 0), SLICE("")));
}

static void compare_orders_as_unsigned_bytes(void **state) {
    (void)state;
    assert_true(slice_compare(SLICE("a"), SLICE("b")) < 0);
    assert_true(slice_compare(SLICE("\xff"), SLICE("a")) > 0);
    assert_true(slice_compare(SLICE("ab"), SLICE("abc")) < 0);
    assert_true(slice_compare(SLICE("abc"), SLICE("ab")) > 0);
    assert_int_equal(slice_compare(slice_of(NULL, 0), SLICE("")), 0);
    assert_true(slice_compare(slice_of(NULL, 0), SLICE("a")) < 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_compares_bytes),
        cmocka_unit_test(nocase_folds_ascii_only),
        cmocka_unit_test(compare_orders_as_unsigned_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
