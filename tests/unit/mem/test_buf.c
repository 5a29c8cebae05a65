#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/random.h"
#include "mem/buf.h"

static void appending_keeps_the_bytes(void **state) {
    (void)state;
    struct buf b;
    struct random r;
    static char model[300000];
    size_t len = 0;
    random_init(&r, 1);
    buf_init(&b, MEM_CLIENT_OUT);
    while (len < sizeof model - 700) {
        char piece[700];
        size_t n = random_below(&r, sizeof piece);
        for (size_t i = 0; i < n; i++) piece[i] = (char)random_next(&r);
        buf_append(&b, piece, n);
        if (n > 0) memcpy(model + len, piece, n);
        len += n;
        assert_true(b.len == len && b.cap >= len);
    }
    assert_true(slice_equal(buf_slice(&b), slice_of(model, len)));
    buf_consume(&b, 1000);
    assert_true(slice_equal(buf_slice(&b), slice_of(model + 1000, len - 1000)));
    buf_release(&b);
}

static void the_owner_is_charged_and_released(void **state) {
    (void)state;
    struct buf b;
    int64_t bytes = mem_owner_bytes(MEM_TRACKING);
    buf_init(&b, MEM_TRACKING);
    assert_int_equal(mem_owner_bytes(MEM_TRACKING), bytes);
    buf_append_slice(&b, SLICE("x"));
    assert_true(mem_owner_bytes(MEM_TRACKING) > bytes);
    buf_release(&b);
    assert_int_equal(mem_owner_bytes(MEM_TRACKING), bytes);
    assert_null(b.ptr);
    assert_int_equal(b.cap, 0);
}

static void growth_doubles_then_slows(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, MEM_SERVER);
    buf_advance(&b, (buf_reserve(&b, 3 << 20), 3 << 20));
    size_t cap = b.cap;
    buf_reserve(&b, cap - b.len + 1);
    assert_true(b.cap >= cap + cap / 4 && b.cap < cap * 3 / 2);
    buf_release(&b);
}

static void shrinking_gives_back(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, MEM_SERVER);
    buf_reserve(&b, 100000);
    buf_append(&b, "abc", 3);
    buf_shrink(&b);
    assert_true(b.cap < 1000);
    assert_true(slice_equal(buf_slice(&b), SLICE("abc")));
    buf_clear(&b);
    buf_shrink(&b);
    assert_null(b.ptr);
}

static void a_failed_reserve_changes_nothing(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, MEM_SERVER);
    buf_append(&b, "abc", 3);
    assert_false(buf_try_reserve(&b, SIZE_MAX - 1));
    assert_false(buf_try_reserve(&b, (size_t)PTRDIFF_MAX));
    mem_fail_after(1, 0);
    assert_false(buf_try_reserve(&b, 5000));
    assert_true(buf_try_reserve(&b, 5000));
    assert_true(slice_equal(buf_slice(&b), SLICE("abc")));
    buf_release(&b);
}

static void printf_fits_exactly(void **state) {
    (void)state;
    struct buf b;
    char expected[4000];
    buf_init(&b, MEM_SERVER);
    size_t len = 0;
    for (int i = 0; i < 500; i++) {
        buf_printf(&b, "%d,", i);
        len += (size_t)sprintf(expected + len, "%d,", i);
        assert_true(slice_equal(buf_slice(&b), slice_of(expected, len)));
    }
    buf_printf(&b, "%s", "");
    assert_int_equal(b.len, len);
    buf_release(&b);
}

static void consuming_all_leaves_nothing(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, MEM_SERVER);
    buf_consume(&b, 0);
    buf_append(&b, "abc", 3);
    buf_append(&b, NULL, 0);
    buf_consume(&b, 3);
    assert_int_equal(b.len, 0);
    buf_release(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appending_keeps_the_bytes),        cmocka_unit_test(the_owner_is_charged_and_released),
        cmocka_unit_test(growth_doubles_then_slows),        cmocka_unit_test(shrinking_gives_back),
        cmocka_unit_test(a_failed_reserve_changes_nothing), cmocka_unit_test(printf_fits_exactly),
        cmocka_unit_test(consuming_all_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
