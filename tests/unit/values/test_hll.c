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
#include "values/hll.h"

static struct buf fresh(void) {
    struct buf b;
    buf_init(&b, MEM_SERVER);
    hll_create(&b);
    return b;
}

static struct hll_mark numbered(uint64_t n) {
    char text[32];
    return hll_mark(slice_of(text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)n)));
}

static uint64_t count_of(const struct buf *b) {
    uint64_t count;
    assert_true(hll_count(buf_slice(b), &count));
    return count;
}

static void an_empty_one_is_eighteen_bytes(void **state) {
    (void)state;
    struct buf b = fresh();
    assert_int_equal(b.len, 18);
    assert_memory_equal(b.ptr, "HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff", 18);
    assert_true(hll_is_valid(buf_slice(&b)) && hll_is_sparse(buf_slice(&b)));
    assert_int_equal(count_of(&b), 0);
    buf_release(&b);
}

/* What redis-server 7.0.15 stored after PFADD of a, b, c, d. */
static void bytes_as_redis_has_them(void **state) {
    (void)state;
    static const char want[] = "\\{\x80"
                               "Dv\x80P\xb1\x84K\xfb\x80"
                               "BZ";
    struct buf b = fresh();
    const char *const elements[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(hll_raise(&b, hll_mark(slice_of(elements[i], 1)), 3000), HLL_CHANGED);
    assert_int_equal(hll_raise(&b, hll_mark(SLICE("c")), 3000), HLL_SAME);
    assert_int_equal(b.len, HLL_HEADER_BYTES + sizeof want - 1);
    assert_memory_equal(b.ptr + HLL_HEADER_BYTES, want, sizeof want - 1);
    assert_int_equal(count_of(&b), 4);
    buf_release(&b);
}

static void the_cached_count(void **state) {
    (void)state;
    struct buf b = fresh();
    uint64_t count = 7;
    assert_true(hll_cached(buf_slice(&b), &count) && count == 0);
    hll_set_cached(b.ptr, 123456789);
    assert_true(hll_cached(buf_slice(&b), &count) && count == 123456789);
    hll_drop_cached(b.ptr);
    assert_false(hll_cached(buf_slice(&b), &count));
    buf_release(&b);
}

static void dense_registers_stand_alone(void **state) {
    (void)state;
    struct random r = random_of_test();
    struct buf b = fresh();
    uint8_t model[HLL_REGISTERS] = {0};
    assert_true(hll_make_dense(&b));
    assert_int_equal(b.len, HLL_DENSE_BYTES);
    for (int i = 0; i < 100000; i++) {
        unsigned at = (unsigned)random_below(&r, HLL_REGISTERS);
        model[at] = (uint8_t)random_below(&r, 64);
        hll_dense_set(b.ptr, at, model[at]);
    }
    for (unsigned i = 0; i < HLL_REGISTERS; i++) assert_int_equal(hll_dense_get(buf_slice(&b), i), model[i]);
    struct hll_union u = {{0}};
    assert_true(hll_union_add(&u, buf_slice(&b)));
    assert_memory_equal(u.registers, model, sizeof model);
    buf_release(&b);
}

/* Runs add up, none is empty, and neighbours of one rank that a code could hold are joined where additions alone made them. */
static void check_sparse(const struct buf *b, const uint8_t *model) {
    unsigned at_register = 0;
    struct hll_run run;
    for (size_t at = HLL_HEADER_BYTES; at < b->len; at += run.bytes) {
        assert_true(hll_run(buf_slice(b), at, &run));
        assert_true(run.count > 0 && at_register + run.count <= HLL_REGISTERS);
        for (unsigned i = 0; i < run.count; i++) assert_int_equal(model[at_register + i], run.rank);
        at_register += run.count;
    }
    assert_int_equal(at_register, HLL_REGISTERS);
}

/* The plain model is an array of registers; the limit decides when the value turns dense. */
static void sparse_round(struct random *r, size_t limit, unsigned additions) {
    struct buf b = fresh();
    uint8_t model[HLL_REGISTERS] = {0};
    unsigned span = 1 + (unsigned)random_below(r, HLL_REGISTERS); /* narrow ones split and join more */
    for (unsigned i = 0; i < additions; i++) {
        struct hll_mark mark = {(uint16_t)random_below(r, span),
                                (uint8_t)(1 + __builtin_ctzll(random_next(r) | 1u << 31))};
        if (random_below(r, 5000) == 0) mark.rank = 33; /* no sparse code holds it */
        bool rises = mark.rank > model[mark.index];
        assert_int_equal(hll_raise(&b, mark, limit), rises ? HLL_CHANGED : HLL_SAME);
        if (rises) model[mark.index] = mark.rank;
        if (!hll_is_sparse(buf_slice(&b))) break;
        assert_true(b.len <= limit || b.len == 18);
        if (i % 64 == 0) check_sparse(&b, model);
    }
    struct hll_union u = {{0}};
    assert_true(hll_union_add(&u, buf_slice(&b)));
    assert_memory_equal(u.registers, model, sizeof model);
    buf_release(&b);
}

static void sparse_against_the_model(void **state) {
    (void)state;
    struct random r = random_of_test();
    static const size_t limits[] = {0, 18, 19, 20, 100, 3000, 16000};
    for (int round = 0; round < 70; round++) sparse_round(&r, limits[round % 7], 4000);
}

static void estimates_are_near(void **state) {
    (void)state;
    struct buf b = fresh();
    uint64_t next = 1;
    for (uint64_t i = 1; i <= 300000; i++) {
        hll_raise(&b, numbered(i), 3000);
        if (i != next) continue;
        next = next * 3 / 2 + 1;
        double off = (double)count_of(&b) - (double)i;
        if (off < 0) off = -off;
        if (off > 0.04 * (double)i + 1)
            fail_msg("%llu counted as %llu", (unsigned long long)i, (unsigned long long)count_of(&b));
    }
    assert_false(hll_is_sparse(buf_slice(&b)));
    buf_release(&b);
}

static void unions_hold_both(void **state) {
    (void)state;
    struct buf a = fresh(), b = fresh(), both = fresh(), merged = fresh();
    for (uint64_t i = 0; i < 3000; i++) {
        hll_raise(i % 2 ? &a : &b, numbered(i), i % 2 ? 3000 : 0);
        hll_raise(&both, numbered(i), 0);
    }
    struct hll_union u = {{0}}, v = {{0}}, w = {{0}};
    assert_true(hll_union_add(&u, buf_slice(&a)) && hll_union_add(&u, buf_slice(&b)));
    assert_true(hll_union_add(&v, buf_slice(&both)));
    assert_memory_equal(&u, &v, sizeof u);
    uint64_t count;
    assert_true(hll_union_count(&u, &count));
    assert_int_equal(count, count_of(&both));
    assert_int_equal(hll_raise_all(&merged, &u, 3000), HLL_CHANGED);
    assert_int_equal(hll_raise_all(&merged, &u, 3000), HLL_SAME);
    assert_true(hll_union_add(&w, buf_slice(&merged)));
    assert_memory_equal(&w, &v, sizeof w);
    buf_release(&a);
    buf_release(&b);
    buf_release(&both);
    buf_release(&merged);
}

/* Raising all registers at once gives the bytes that raising them one after the other gives. */
static void all_at_once_is_one_by_one(void **state) {
    (void)state;
    struct random r = random_of_test();
    for (int round = 0; round < 300; round++) {
        struct buf a = fresh(), b = fresh();
        struct hll_union u = {{0}};
        unsigned span = 1 + (unsigned)random_below(&r, round % 2 ? 60 : 4000), n = (unsigned)random_below(&r, 2 * span);
        for (unsigned i = 0; i < n; i++) {
            struct hll_mark mark = {(uint16_t)random_below(&r, span), (uint8_t)(1 + random_below(&r, 3))};
            hll_raise(&a, mark, 3000);
            hll_raise(&b, mark, 3000);
        }
        for (unsigned i = 0; i < span; i++) u.registers[i] = (uint8_t)random_below(&r, 5);
        hll_raise_all(&a, &u, 3000);
        for (unsigned i = 0; i < span; i++)
            if (u.registers[i]) hll_raise(&b, (struct hll_mark){(uint16_t)i, u.registers[i]}, 3000);
        assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
        buf_release(&a);
        buf_release(&b);
    }
}

static void what_is_no_hll(void **state) {
    (void)state;
    char dense[HLL_DENSE_BYTES + 1] = "HYLL";
    assert_false(hll_is_valid(SLICE("")));
    assert_false(hll_is_valid(SLICE("HYLL\x01\0\0\0\0\0\0\0\0\0\0")));
    assert_true(hll_is_valid(SLICE("HYLL\x01\0\0\0\0\0\0\0\0\0\0\0")));
    assert_false(hll_is_valid(SLICE("HYLM\x01\0\0\0\0\0\0\0\0\0\0\0")));
    assert_false(hll_is_valid(SLICE("HYLL\x02\0\0\0\0\0\0\0\0\0\0\0")));
    assert_true(hll_is_valid(slice_of(dense, HLL_DENSE_BYTES)));
    assert_false(hll_is_valid(slice_of(dense, HLL_DENSE_BYTES - 1)));
    assert_false(hll_is_valid(slice_of(dense, HLL_DENSE_BYTES + 1)));
}

#define HEADER "HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80"

static void corrupt_runs_are_refused(void **state) {
    (void)state;
    static const struct slice values[] = {
        SLICE(HEADER),                /* no runs */
        SLICE(HEADER "\x7f\xfe"),     /* one register is missing */
        SLICE(HEADER "\x7f\xff\x00"), /* one too many */
        SLICE(HEADER "\x7f\xfe\x81"), /* the same with a value */
        SLICE(HEADER "\x7f"),         /* cut off inside a code */
        SLICE(HEADER "\x7f\xff\x7f\xff\x7f\xff"),
    };
    for (size_t i = 0; i < countof(values); i++) {
        struct buf b;
        uint64_t count;
        struct hll_union u = {{0}};
        buf_init(&b, MEM_SERVER);
        buf_append_slice(&b, values[i]);
        assert_true(hll_is_valid(values[i]));
        assert_false(hll_count(values[i], &count));
        assert_false(hll_union_add(&u, values[i]));
        assert_false(hll_make_dense(&b));
        assert_int_equal(hll_raise(&b, (struct hll_mark){5, 33}, 3000), HLL_CORRUPT);
        assert_int_equal(hll_raise_all(&b, &u, 3000), HLL_CORRUPT);
        assert_true(slice_equal(buf_slice(&b), values[i]));
        buf_release(&b);
    }
}

/* No element leads to registers above 51. Some are counted for nothing, as redis-server does; nothing else gives no estimate. */
static void impossible_registers(void **state) {
    (void)state;
    struct buf b = fresh();
    uint64_t count;
    assert_true(hll_make_dense(&b));
    for (unsigned i = 0; i < HLL_REGISTERS; i++) hll_dense_set(b.ptr, i, 60);
    assert_false(hll_count(buf_slice(&b), &count));
    hll_dense_set(b.ptr, 0, 1);
    assert_true(hll_count(buf_slice(&b), &count));
    buf_release(&b);
}

static void the_self_test_passes(void **state) {
    (void)state;
    const char *wrong = hll_self_test(100000);
    if (wrong) fail_msg("%s", wrong);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_is_eighteen_bytes),
        cmocka_unit_test(bytes_as_redis_has_them),
        cmocka_unit_test(the_cached_count),
        cmocka_unit_test(dense_registers_stand_alone),
        cmocka_unit_test(sparse_against_the_model),
        cmocka_unit_test(estimates_are_near),
        cmocka_unit_test(unions_hold_both),
        cmocka_unit_test(all_at_once_is_one_by_one),
        cmocka_unit_test(what_is_no_hll),
        cmocka_unit_test(corrupt_runs_are_refused),
        cmocka_unit_test(impossible_registers),
        cmocka_unit_test(the_self_test_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
