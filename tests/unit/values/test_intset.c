#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "mem/mem.h"
#include "seed.h"
#include "values/intset.h"

/* The plain model: integers in no order. */
struct model {
    int64_t integers[2000];
    uint32_t count;
};

static uint32_t model_find(const struct model *m, int64_t integer) {
    uint32_t i = 0;
    while (i < m->count && m->integers[i] != integer) i++;
    return i;
}

static int by_size(const void *a, const void *b) {
    int64_t left, right;
    memcpy(&left, a, 8);
    memcpy(&right, b, 8);
    return (left > right) - (left < right);
}

static void assert_like(const struct intset *s, const struct model *m) {
    struct model sorted = *m;
    qsort(sorted.integers, sorted.count, sizeof sorted.integers[0], by_size);
    assert_int_equal(intset_count(s), m->count);
    assert_true(intset_verify(s, intset_bytes(s)));
    for (uint32_t i = 0; i < m->count; i++) assert_true(intset_at(s, i) == sorted.integers[i]);
}

/* Around the borders of the widths, and few enough that they meet again. */
static int64_t some_integer(struct random *r, unsigned widest) {
    static const int64_t borders[] = {0, INT16_MAX, INT16_MIN, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    int64_t border = borders[random_below(r, widest)], step = (int64_t)random_below(r, 60);
    if (border == INT64_MAX) return border - step;
    if (border == INT64_MIN) return border + step;
    return border + step - 30;
}

static void changes_against_the_model(void **state) {
    (void)state;
    struct random r = random_of_test();
    int64_t used = mem_owner_bytes(MEM_SETS);
    for (int round = 0; round < 60; round++) {
        static struct model m;
        struct intset *s = intset_new();
        m.count = 0;
        unsigned widest = (unsigned[]){1, 3, 5, 7}[random_below(&r, 4)];
        for (int step = 0; step < 600; step++) {
            int64_t integer = some_integer(&r, widest);
            uint32_t at = model_find(&m, integer);
            bool there = at < m.count, changed;
            assert_int_equal(intset_has(s, integer), there);
            if (random_below(&r, 3)) {
                s = intset_add(s, integer, &changed);
                assert_int_equal(changed, !there);
                if (!there) m.integers[m.count++] = integer;
            } else {
                s = intset_remove(s, integer, &changed);
                assert_int_equal(changed, there);
                if (there) m.integers[at] = m.integers[--m.count];
            }
            if (step % 20 == 0) assert_like(s, &m);
            assert_int_equal(mem_owner_bytes(MEM_SETS) - used, mem_good_size(intset_bytes(s)));
        }
        assert_like(s, &m);
        intset_free(s);
        assert_int_equal(mem_owner_bytes(MEM_SETS), used);
    }
}

static void the_bytes_are_those_of_rdb(void **state) {
    (void)state;
    static const int64_t integers[] = {5, -2, 300};
    bool changed;
    struct intset *s = intset_new();
    for (size_t i = 0; i < 3; i++) s = intset_add(s, integers[i], &changed);
    assert_int_equal(intset_bytes(s), 14);
    assert_memory_equal(s, "\2\0\0\0\3\0\0\0\xfe\xff\5\0\x2c\1", 14);
    s = intset_add(s, -70000, &changed);
    assert_int_equal(intset_bytes(s), 24);
    assert_memory_equal(s, "\4\0\0\0\4\0\0\0\x90\xee\xfe\xff\xfe\xff\xff\xff\5\0\0\0\x2c\1\0\0", 24);
    s = intset_remove(s, -70000, &changed);
    assert_memory_equal(s, "\4\0\0\0\3\0\0\0\xfe\xff\xff\xff", 12);
    intset_free(s);
    intset_free(NULL);
}

static void it_is_read_at_any_alignment(void **state) {
    (void)state;
    bool changed;
    struct intset *s = intset_new();
    for (int64_t i = 0; i < 40; i++) s = intset_add(s, i * 1000000007, &changed);
    for (size_t shift = 0; shift < 8; shift++) {
        char *room = malloc(intset_bytes(s) + shift); /* of just this size, so that a sanitizer sees a step outside */
        assert_non_null(room);
        memcpy(room + shift, s, intset_bytes(s));
        const struct intset *view = (const void *)(room + shift);
        assert_int_equal(intset_count(view), 40);
        for (uint32_t i = 0; i < 40; i++) assert_int_equal(intset_at(view, i), i * INT64_C(1000000007));
        assert_true(intset_has(view, 39 * INT64_C(1000000007)));
        assert_false(intset_has(view, 1));
        struct intset *copy = intset_try_copy(view, intset_bytes(view));
        assert_memory_equal(copy, s, intset_bytes(s));
        intset_free(copy);
        free(room);
    }
    intset_free(s);
}

static void wrong_bytes_are_refused(void **state) {
    (void)state;
    assert_true(intset_verify("\2\0\0\0\0\0\0\0", 8));
    assert_true(intset_verify("\2\0\0\0\2\0\0\0\1\0\2\0", 12));
    assert_false(intset_verify("", 0));
    assert_false(intset_verify("\2\0\0\0\2\0\0", 7));
    assert_false(intset_verify("\3\0\0\0\0\0\0\0", 8));
    assert_false(intset_verify("\2\0\0\0\2\0\0\0\1\0\2\0", 11));
    assert_false(intset_verify("\2\0\0\0\1\0\0\0\1\0\2\0", 12));
    assert_false(intset_verify("\2\0\0\0\2\0\0\0\1\0\1\0", 12));     /* twice */
    assert_false(intset_verify("\2\0\0\0\2\0\0\0\1\0\xff\xff", 12)); /* not in order */
    assert_false(intset_verify("\2\0\0\0\xff\xff\xff\xff\1\0\2\0", 12));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_against_the_model),
        cmocka_unit_test(the_bytes_are_those_of_rdb),
        cmocka_unit_test(it_is_read_at_any_alignment),
        cmocka_unit_test(wrong_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
