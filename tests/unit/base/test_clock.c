#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "base/clock.h"

static void wall_is_the_systems(void **state) {
    (void)state;
    int64_t ms = clock_wall_ms(), s = (int64_t)time(NULL);
    assert_true(ms / 1000 >= s - 2 && ms / 1000 <= s + 2);
    assert_true(clock_wall_us() / 1000 >= ms);
}

static void test_seam_stops_and_releases_the_wall_clock(void **state) {
    (void)state;
    clock_wall_set_for_test(1234);
    assert_int_equal(clock_wall_ms(), 1234);
    assert_int_equal(clock_wall_us(), 1234000);
    clock_wall_set_for_test(-1);
    assert_true(clock_wall_ms() > 1234);
}

static void ticks_go_at_the_rate_of_the_monotonic_clock(void **state) {
    (void)state;
    assert_string_equal(clock_ticks_source(), "POSIX clock_gettime");
    clock_init();
    assert_true(strlen(clock_ticks_source()) > 0);
    /* The ticks read inside must take no more time than those read outside, but for 1 % of calibration error. */
    uint64_t outer = clock_ticks();
    int64_t start_ns = clock_mono_ns(), now_ns;
    uint64_t inner = clock_ticks();
    do now_ns = clock_mono_ns();
    while (now_ns - start_ns < 20000000);
    uint64_t inner_ns = clock_ticks_to_ns(clock_ticks() - inner);
    int64_t elapsed_ns = clock_mono_ns() - start_ns;
    uint64_t outer_ns = clock_ticks_to_ns(clock_ticks() - outer);
    assert_true((double)inner_ns <= (double)elapsed_ns * 1.01);
    assert_true((double)outer_ns >= (double)elapsed_ns * 0.99);
}

static void large_tick_counts_do_not_overflow(void **state) {
    (void)state;
    uint64_t day = (uint64_t)86400 * 1000000000;
    uint64_t ns = clock_ticks_to_ns(day * 1000);
    assert_true(ns > day); /* 1000 days of ticks at less than 1000 per ns */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wall_is_the_systems),
        cmocka_unit_test(test_seam_stops_and_releases_the_wall_clock),
        cmocka_unit_test(ticks_go_at_the_rate_of_the_monotonic_clock),
        cmocka_unit_test(large_tick_counts_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
