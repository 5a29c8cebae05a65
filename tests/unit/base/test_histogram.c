#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/histogram.h"
#include "base/random.h"

static struct histogram h;

static void empty_has_no_percentile(void **state) {
    (void)state;
    histogram_clear(&h);
    assert_int_equal(histogram_percentile(&h, 50), 0);
    assert_int_equal(histogram_count_upto(&h, 1000), 0);
}

static void small_values_are_exact(void **state) {
    (void)state;
    histogram_clear(&h);
    for (uint64_t v = 0; v < 16; v++) histogram_add(&h, v);
    assert_int_equal(histogram_percentile(&h, 0), 0);
    assert_int_equal(histogram_percentile(&h, 50), 7);
    assert_int_equal(histogram_percentile(&h, 100), 15);
    assert_int_equal(histogram_count_upto(&h, 7), 8);
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Against the sorted samples: never below the true value, at most one part in sixteen above. */
static void percentiles_are_within_a_sixteenth(void **state) {
    (void)state;
    enum { COUNT = 10000 };
    static uint64_t values[COUNT];
    struct random r;
    random_init(&r, 3);
    histogram_clear(&h);
    for (int i = 0; i < COUNT; i++) {
        values[i] = random_next(&r) >> (30 + random_below(&r, 30));
        histogram_add(&h, values[i]);
    }
    qsort(values, COUNT, sizeof values[0], by_value);
    static const double percents[] = {1, 25, 50, 90, 99, 99.9};
    for (int i = 0; i < 6; i++) {
        uint64_t exact = values[(int)(percents[i] / 100 * COUNT + 0.5) - 1];
        uint64_t shown = histogram_percentile(&h, percents[i]);
        assert_true(shown >= exact && shown - exact <= exact / 16);
    }
    assert_int_equal(h.count, COUNT);
    assert_int_equal(h.max, values[COUNT - 1]);
}

static void powers_of_two_count_exactly(void **state) {
    (void)state;
    histogram_clear(&h);
    for (uint64_t v = 1; v <= 4096; v++) histogram_add(&h, v);
    for (uint64_t top = 1; top < 4096; top *= 2) assert_int_equal(histogram_count_upto(&h, top * 2 - 1), top * 2 - 1);
    assert_int_equal(histogram_count_upto(&h, 4096), 4096);
}

static void huge_values_go_to_the_last_bucket(void **state) {
    (void)state;
    histogram_clear(&h);
    histogram_add(&h, UINT64_MAX / 2);
    histogram_add(&h, 10);
    assert_int_equal(h.buckets[HISTOGRAM_BUCKETS - 1], 1);
    assert_int_equal(histogram_percentile(&h, 100), UINT64_MAX / 2);
    assert_int_equal(histogram_percentile(&h, 50), 10);
    assert_int_equal(histogram_count_upto(&h, 1000), 1);
}

static void merging_adds(void **state) {
    (void)state;
    static struct histogram a, b;
    histogram_clear(&a);
    histogram_clear(&b);
    histogram_add(&a, 100);
    histogram_add(&b, 1000);
    histogram_merge(&a, &b);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.sum, 1100);
    assert_int_equal(a.max, 1000);
    assert_int_equal(histogram_count_upto(&a, 127), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_has_no_percentile),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(percentiles_are_within_a_sixteenth),
        cmocka_unit_test(powers_of_two_count_exactly),
        cmocka_unit_test(huge_values_go_to_the_last_bucket),
        cmocka_unit_test(merging_adds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
