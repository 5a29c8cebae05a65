/* The sketch beside a table of exact counts. */
#include "observe/sketch.h"

#include "base/random.h"
#include "mem/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/values/seed.h"

#define NAMES  5000
#define PLACES 256

static struct slice name_of(unsigned i, char text[32]) {
    return slice_of(text, (size_t)snprintf(text, 32, "name:%u", i));
}

static unsigned number_of(const struct sketch_entry *e) {
    unsigned n = 0;
    for (uint32_t i = 5; i < e->len; i++) n = n * 10 + (unsigned)(e->text[i] - '0');
    return n;
}

/* Names by Zipf's law with exponent 1, roughly: NAMES to the power of a uniform number. */
static unsigned zipf(struct random *r) {
    double u = random_unit(r), x = 1;
    while (u > 0.01) {
        x *= 1.0889; /* 5000 to the power of 0.01 */
        u -= 0.01;
    }
    return (unsigned)x % NAMES;
}

static const struct sketch_entry **sorted_of(const struct sketch *s) {
    const struct sketch_entry **out = malloc((sketch_len(s) + 1) * sizeof *out);
    sketch_sorted(s, out);
    return out;
}

/* What the paper promises: bounds of every figure, and nobody with more than total / places is missing. */
static void check_bounds(const struct sketch *s, const uint64_t *truth, uint64_t total, unsigned places) {
    const struct sketch_entry **all = sorted_of(s);
    uint64_t last = UINT64_MAX;
    bool *held = calloc(NAMES, 1);
    for (unsigned i = 0; i < sketch_len(s); i++) {
        uint64_t real = truth[number_of(all[i])];
        assert_true(all[i]->weight <= last);
        assert_true(all[i]->weight >= real && all[i]->weight - all[i]->error <= real);
        assert_true(all[i]->error <= total / places);
        assert_false(held[number_of(all[i])]);
        held[number_of(all[i])] = true;
        last = all[i]->weight;
    }
    for (unsigned i = 0; i < NAMES; i++) assert_true(held[i] || truth[i] <= total / places);
    free(held);
    free(all);
}

static void test_bounds_hold(void **state) {
    struct random r = random_of_test();
    char text[32];
    uint64_t *truth = calloc(NAMES, sizeof *truth), total = 0;
    struct sketch *s = sketch_new(PLACES, 32);
    (void)state;
    for (int i = 0; i < 60000; i++) {
        unsigned n = i % 3 ? zipf(&r) : (unsigned)random_below(&r, NAMES);
        uint64_t weight = 1 + random_below(&r, 100);
        sketch_add(s, 0, name_of(n, text), weight);
        truth[n] += weight;
        total += weight;
        if (i % 20000 == 0) check_bounds(s, truth, total, PLACES);
    }
    check_bounds(s, truth, total, PLACES);
    sketch_free(s);
    free(truth);
}

static void test_exact_while_there_is_room(void **state) {
    char text[32];
    struct sketch *s = sketch_new(100, 4);
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned k = 0; k <= i; k++) sketch_add(s, i % 2, name_of(i / 2, text), 3);
    }
    const struct sketch_entry **all = sorted_of(s);
    assert_int_equal(sketch_len(s), 100);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(all[i]->weight, 3 * (100 - i));
        assert_int_equal(all[i]->count, 100 - i);
        assert_int_equal(all[i]->error, 0);
        assert_int_equal(all[i]->tag, (99 - i) % 2);
        assert_int_equal(all[i]->len, 4); /* cut, and still told apart */
    }
    free(all);
    sketch_free(s);
}

static void test_clear_and_free(void **state) {
    int64_t before = mem_owner_bytes(MEM_OBSERVE);
    struct sketch *s = sketch_new(3, 100);
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 10; i++) sketch_add(s, 0, slice_of("abcdefghij", (size_t)i), 1);
        assert_int_equal(sketch_len(s), 3);
        assert_int_equal(sketch_added(s), 10);
        sketch_clear(s);
        assert_int_equal(sketch_len(s), 0);
        assert_int_equal(sketch_added(s), 0);
    }
    sketch_free(s);
    sketch_free(NULL);
    assert_int_equal(mem_owner_bytes(MEM_OBSERVE), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_hold),
        cmocka_unit_test(test_exact_while_there_is_room),
        cmocka_unit_test(test_clear_and_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
