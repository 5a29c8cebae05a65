/* What the allocator says of its slabs, and what becomes of them when thinly used ones are emptied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "mem/defrag.h"
#include "mem/stats.h"

#define BLOCKS 40000

static struct {
    unsigned char *p[BLOCKS];
    size_t n[BLOCKS];
} blocks;

static void fill(struct random *r, size_t max) {
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks.n[i] = 16 + random_below(r, max);
        blocks.p[i] = mem_alloc(MEM_STRINGS, blocks.n[i]);
        memset(blocks.p[i], (int)(i % 251), blocks.n[i]);
    }
}

static void drop(size_t i) {
    mem_free(MEM_STRINGS, blocks.p[i], blocks.n[i]);
    blocks.p[i] = NULL;
}

static void drop_most(struct random *r) {
    for (size_t i = 0; i < BLOCKS; i++)
        if (random_below(r, 10) < 7) drop(i);
}

static void move_all(struct mem_defrag *d) {
    for (size_t i = 0; i < BLOCKS; i++)
        if (blocks.p[i]) blocks.p[i] = mem_defrag(d, MEM_STRINGS, blocks.p[i], blocks.n[i]);
}

static void check_all(void) {
    for (size_t i = 0; i < BLOCKS; i++)
        for (size_t k = 0; blocks.p[i] && k < blocks.n[i]; k++) assert_int_equal(blocks.p[i][k], i % 251);
}

static void drop_all(void) {
    for (size_t i = 0; i < BLOCKS; i++)
        if (blocks.p[i]) drop(i);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS), 0);
    assert_int_equal(mem_owner_blocks(MEM_STRINGS), 0);
}

static double active_over_used(void) {
    struct mem_stats s;
    mem_stats_read(&s);
    return (double)s.active / (double)s.allocated;
}

static void thin_slabs_are_emptied(void **state) {
    (void)state;
    struct mem_defrag d = {.moved = 0};
    struct random r;
    if (!mem_defrag_works(&d)) skip();
    random_init(&r, 1);
    fill(&r, 2000);
    drop_most(&r);
    int64_t bytes = mem_owner_bytes(MEM_STRINGS);
    double before = active_over_used();
    for (int pass = 0; pass < 3; pass++) move_all(&d);
    double after = active_over_used();
    print_message("active over allocated: %.2f, then %.2f; %llu moved, %llu kept\n", before, after,
                  (unsigned long long)d.moved, (unsigned long long)d.kept);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS), bytes);
    assert_true(before > 1.5 && after < 1.2);
    check_all();
    drop_all();
}

static void full_slabs_are_left_alone(void **state) {
    (void)state;
    struct mem_defrag d = {.moved = 0};
    struct random r;
    if (!mem_defrag_works(&d)) skip();
    random_init(&r, 2);
    fill(&r, 1000);
    move_all(&d);
    assert_true(d.moved < BLOCKS / 50);
    check_all();
    drop_all();
}

static void large_blocks_are_left_alone(void **state) {
    (void)state;
    struct mem_defrag d = {.moved = 0};
    void *p = mem_alloc(MEM_STRINGS, 1 << 20);
    assert_false(mem_defrag_wanted(&d, p));
    assert_int_equal(d.kept, 1);
    mem_free(MEM_STRINGS, p, 1 << 20);
}

static void everything_moves_when_told(void **state) {
    (void)state;
    struct mem_defrag d = {.everything = true};
    struct random r;
    random_init(&r, 3);
    fill(&r, 300);
    drop_most(&r);
    uint64_t left = (uint64_t)mem_owner_blocks(MEM_STRINGS);
    move_all(&d);
    assert_int_equal(d.moved, left);
    assert_int_equal(d.kept, 0);
    check_all();
    void *aligned = mem_alloc_aligned(MEM_STRINGS, 640, 64);
    memset(aligned, 7, 640);
    aligned = mem_defrag_move(&d, MEM_STRINGS, aligned, 640, 64);
    assert_int_equal((uintptr_t)aligned % 64, 0);
    for (int i = 0; i < 640; i++) assert_int_equal(((unsigned char *)aligned)[i], 7);
    mem_free_aligned(MEM_STRINGS, aligned, 640, 64);
    drop_all();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thin_slabs_are_emptied),
        cmocka_unit_test(full_slabs_are_left_alone),
        cmocka_unit_test(large_blocks_are_left_alone),
        cmocka_unit_test(everything_moves_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
