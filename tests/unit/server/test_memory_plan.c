/* When memory goes back to the kernel near the limit, and how often in vain. */
#include "server/memory_plan.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define AVAILABLE INT64_C(1000000)
#define NEAR      INT64_C(850000)
#define CRON_MS   100

/* So many purges within a time in which the process has this size; each gives so much back. */
static unsigned purges_within(struct memory_relief *relief, int64_t *now_ms, int64_t duration_ms, int64_t rss_bytes,
                              uint64_t given_bytes) {
    unsigned purges = 0;
    for (int64_t end_ms = *now_ms + duration_ms; *now_ms < end_ms; *now_ms += CRON_MS) {
        if (!memory_relief_due(relief, rss_bytes, AVAILABLE, *now_ms)) continue;
        memory_relief_begin(relief, rss_bytes);
        relief->given_bytes = given_bytes;
        relief->running = false;
        purges++;
    }
    return purges;
}

static void test_far_from_the_limit(void **state) {
    struct memory_relief relief = {0};
    int64_t now_ms = 5000000;
    (void)state;
    assert_int_equal(purges_within(&relief, &now_ms, 60000, 800000, 0), 0);
}

static void test_as_long_as_it_helps(void **state) {
    struct memory_relief relief = {0};
    int64_t now_ms = 5000000;
    (void)state;
    assert_true(purges_within(&relief, &now_ms, 10000, NEAR, AVAILABLE / 50) >= 98);
}

/* At 1, 3, 7, 15, 31, 63, 127, 191 seconds, and every 64 from there. */
static void test_in_vain_more_and_more_seldom(void **state) {
    struct memory_relief relief = {0};
    int64_t now_ms = 5000000;
    (void)state;
    assert_in_range(purges_within(&relief, &now_ms, 130000, NEAR, AVAILABLE / 200), 7, 9);
    assert_in_range(purges_within(&relief, &now_ms, 640000, NEAR, 0), 9, 11);
    /* One that brings something, and it is as at first. */
    purges_within(&relief, &now_ms, 65000, NEAR, AVAILABLE / 50);
    assert_true(purges_within(&relief, &now_ms, 1000, NEAR, AVAILABLE / 50) >= 9);
}

static void test_growth_is_not_waited_for(void **state) {
    struct memory_relief relief = {0};
    int64_t now_ms = 5000000;
    (void)state;
    purges_within(&relief, &now_ms, 130000, NEAR, 0);
    assert_int_equal(purges_within(&relief, &now_ms, 300, NEAR + AVAILABLE / 200, 0), 0);
    assert_int_equal(purges_within(&relief, &now_ms, 300, NEAR + AVAILABLE / 100, 0), 1);
    /* Grown is also what had shrunk before. */
    assert_int_equal(purges_within(&relief, &now_ms, 300, NEAR - AVAILABLE / 50, 0), 0);
    assert_int_equal(purges_within(&relief, &now_ms, 300, NEAR, 0), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_far_from_the_limit),
        cmocka_unit_test(test_as_long_as_it_helps),
        cmocka_unit_test(test_in_vain_more_and_more_seldom),
        cmocka_unit_test(test_growth_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
