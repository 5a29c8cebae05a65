#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "mem/mem.h"
#include "mem/mem_int.h"

static int64_t used_before;

static int note_used(void **state) {
    (void)state;
    used_before = mem_used();
    return 0;
}

/* Every test leaves the accounts as it found them. */
static int used_is_as_before(void **state) {
    (void)state;
    return mem_used() == used_before ? 0 : -1;
}

static void owners_have_distinct_names(void **state) {
    (void)state;
    for (unsigned a = 0; a < MEM_OWNER_COUNT; a++)
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(mem_owner_name((enum mem_owner)a), mem_owner_name((enum mem_owner)b));
    assert_string_equal(mem_owner_name(MEM_CLIENT_IN), "client_in");
}

static void a_block_is_counted_for_its_owner(void **state) {
    (void)state;
    int64_t bytes = mem_owner_bytes(MEM_LISTS), blocks = mem_owner_blocks(MEM_LISTS);
    void *p = mem_alloc(MEM_LISTS, 100);
    assert_int_equal(mem_owner_blocks(MEM_LISTS) - blocks, 1);
    assert_true(mem_owner_bytes(MEM_LISTS) - bytes >= 100);
    assert_int_equal(mem_used() - used_before, mem_owner_bytes(MEM_LISTS) - bytes);
    mem_free(MEM_LISTS, p, 100);
    assert_int_equal(mem_owner_bytes(MEM_LISTS), bytes);
    assert_int_equal(mem_owner_blocks(MEM_LISTS), blocks);
    mem_free(MEM_LISTS, NULL, 100);
    mem_free_aligned(MEM_LISTS, NULL, 100, 64);
    assert_int_equal(mem_owner_blocks(MEM_LISTS), blocks);
}

static void moving_changes_only_the_owner(void **state) {
    (void)state;
    int64_t strings = mem_owner_bytes(MEM_STRINGS), limbo = mem_owner_bytes(MEM_LIMBO);
    void *p = mem_alloc(MEM_STRINGS, 1000);
    int64_t used = mem_used(), size = mem_owner_bytes(MEM_STRINGS) - strings;
    mem_move(MEM_STRINGS, MEM_LIMBO, p, 1000);
    assert_int_equal(mem_owner_bytes(MEM_STRINGS), strings);
    assert_int_equal(mem_owner_bytes(MEM_LIMBO) - limbo, size);
    assert_int_equal(mem_used(), used);
    mem_move(MEM_LIMBO, MEM_LIMBO, p, 1000);
    mem_move(MEM_LIMBO, MEM_STRINGS, NULL, 1000);
    assert_int_equal(mem_used(), used);
    mem_free(MEM_LIMBO, p, 1000);
}

static void every_good_byte_may_be_used(void **state) {
    (void)state;
    for (size_t n = 1; n < 20000; n += n < 5000 ? 1 : 97) {
        size_t good = mem_good_size(n);
        assert_true(good >= n);
        assert_int_equal(mem_good_size(good), good);
        void *p = mem_alloc(MEM_SERVER, n);
        memset(p, 0xAB, good);
        assert_true(n < 16 || (uintptr_t)p % 16 == 0);
        mem_free(MEM_SERVER, p, good); /* any size of the same good size frees it */
    }
}

static void aligned_blocks_are_aligned_and_counted(void **state) {
    (void)state;
    for (size_t align = 16; align <= 4096; align *= 2)
        for (size_t n = 1; n < 9000; n = n * 3 / 2 + 1) {
            int64_t bytes = mem_owner_bytes(MEM_TABLE);
            void *p = mem_alloc_aligned(MEM_TABLE, n, align);
            assert_int_equal((uintptr_t)p % align, 0);
            memset(p, 0xCD, n);
            assert_true(mem_owner_bytes(MEM_TABLE) - bytes >= (int64_t)n);
            mem_free_aligned(MEM_TABLE, p, n, align);
            assert_int_equal(mem_owner_bytes(MEM_TABLE), bytes);
        }
}

static void zeroed_blocks_are_zero(void **state) {
    (void)state;
    char *dirty = mem_alloc(MEM_SERVER, 3000);
    memset(dirty, 0xFF, 3000);
    mem_free(MEM_SERVER, dirty, 3000);
    char *p = mem_alloc_zeroed(MEM_SERVER, 3000);
    for (int i = 0; i < 3000; i++) assert_int_equal(p[i], 0);
    mem_free(MEM_SERVER, p, 3000);
}

static void realloc_keeps_bytes_and_counts(void **state) {
    (void)state;
    int64_t bytes = mem_owner_bytes(MEM_AOF), blocks = mem_owner_blocks(MEM_AOF);
    char *p = mem_realloc(MEM_AOF, NULL, 0, 10);
    memcpy(p, "0123456789", 10);
    p = mem_realloc(MEM_AOF, p, 10, 100000);
    assert_memory_equal(p, "0123456789", 10);
    assert_true(mem_owner_bytes(MEM_AOF) - bytes >= 100000);
    assert_int_equal(mem_owner_blocks(MEM_AOF) - blocks, 1);
    p = mem_realloc(MEM_AOF, p, 100000, 10);
    assert_memory_equal(p, "0123456789", 10);
    assert_true(mem_owner_bytes(MEM_AOF) - bytes < 1000);
    mem_free(MEM_AOF, p, 10);
    assert_int_equal(mem_owner_bytes(MEM_AOF), bytes);
}

static void impossible_sizes_give_null(void **state) {
    (void)state;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, (size_t)PTRDIFF_MAX};
    for (size_t i = 0; i < countof(sizes); i++) assert_null(mem_try_alloc(MEM_STRINGS, sizes[i]));
    char *p = mem_alloc(MEM_STRINGS, 5);
    memcpy(p, "12345", 5);
    assert_null(mem_try_realloc(MEM_STRINGS, p, 5, SIZE_MAX - 100));
    assert_memory_equal(p, "12345", 5);
    mem_free(MEM_STRINGS, p, 5);
}

static void the_fault_seam_fails_once_and_on_count(void **state) {
    (void)state;
    void *kept[2];
    mem_fail_after(2, 100);
    assert_non_null(kept[0] = mem_try_alloc(MEM_SERVER, 99)); /* too small to count */
    assert_non_null(kept[1] = mem_try_alloc(MEM_SERVER, 100));
    assert_null(mem_try_alloc(MEM_SERVER, 100));
    void *after = mem_try_alloc(MEM_SERVER, 100);
    assert_non_null(after);
    mem_fail_after(1, 0);
    assert_null(mem_try_realloc(MEM_SERVER, after, 100, 200));
    mem_free(MEM_SERVER, after, 100);
    mem_free(MEM_SERVER, kept[0], 99);
    mem_free(MEM_SERVER, kept[1], 100);
}

static void peak_remembers_the_highest(void **state) {
    (void)state;
    mem_reset_peak();
    int64_t low = mem_peak();
    clock_wall_set_for_test(5000000);
    void *p = mem_alloc(MEM_SERVER, 1 << 20);
    mem_note_peak();
    mem_free(MEM_SERVER, p, 1 << 20);
    clock_wall_set_for_test(-1);
    mem_note_peak();
    assert_true(mem_peak() - low >= 1 << 20);
    assert_int_equal(mem_peak_time_s(), 5000);
    mem_reset_peak();
    assert_int_equal(mem_peak(), mem_used());
    mem_note_startup();
    assert_int_equal(mem_startup(), mem_used());
}

enum { EXCHANGE = 2000, WORKERS = 4 };

static void *allocate_all(void *arg) {
    void **blocks = arg;
    for (size_t i = 0; i < EXCHANGE; i++) blocks[i] = mem_alloc(MEM_ZSETS, 1 + i % 300);
    return NULL;
}

/* What one thread allocates and another frees comes to zero in the sum, also after both have ended. */
static void blocks_cross_threads(void **state) {
    (void)state;
    static void *blocks[WORKERS][EXCHANGE];
    int64_t bytes = mem_owner_bytes(MEM_ZSETS), count = mem_owner_blocks(MEM_ZSETS);
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, allocate_all, blocks[i]), 0);
    for (int i = 0; i < 1000; i++) assert_true(mem_used() >= 0); /* readers run beside them */
    for (int i = 0; i < WORKERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(mem_owner_blocks(MEM_ZSETS) - count, WORKERS * EXCHANGE);
    for (int t = 0; t < WORKERS; t++)
        for (size_t i = 0; i < EXCHANGE; i++) mem_free(MEM_ZSETS, blocks[t][i], 1 + i % 300);
    assert_int_equal(mem_owner_bytes(MEM_ZSETS), bytes);
    assert_int_equal(mem_owner_blocks(MEM_ZSETS), count);
}

static void *allocate_one(void *arg) {
    *(void **)arg = mem_alloc(MEM_PUBSUB, 64);
    return NULL;
}

/* More threads, one after the other, than there are accounts: each takes up a departed one's. */
static void accounts_are_taken_over(void **state) {
    (void)state;
    for (int i = 0; i < 1200; i++) {
        void *p = NULL;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, allocate_one, &p), 0);
        pthread_join(thread, NULL);
        mem_free(MEM_PUBSUB, p, 64);
    }
}

#ifdef MEM_JEMALLOC
/* The table and the rounding rule against the allocator's own answers. */
static void good_sizes_are_the_allocators(void **state) {
    (void)state;
    for (size_t n = 9; n < 20000; n++) {
        assert_int_equal(mem_good_size(n), nallocx(n, 0));
        for (size_t align = 16; align <= 4096; align *= 2)
            assert_int_equal(heap_good_size_aligned(n, align), nallocx(n, MALLOCX_ALIGN(align)));
    }
}

static void counted_sizes_are_the_real_ones(void **state) {
    (void)state;
    for (size_t n = 1; n < 100000; n = n * 5 / 4 + 1) {
        void *p = mem_alloc(MEM_SERVER, n), *q = mem_alloc_aligned(MEM_SERVER, n, 64);
        assert_int_equal(sallocx(p, 0), mem_good_size(n));
        assert_int_equal(sallocx(q, 0), heap_good_size_aligned(n, 64));
        mem_free(MEM_SERVER, p, n);
        mem_free_aligned(MEM_SERVER, q, n, 64);
    }
}
#endif

#define mem_test(f) cmocka_unit_test_setup_teardown(f, note_used, used_is_as_before)

int main(void) {
    const struct CMUnitTest tests[] = {
        mem_test(owners_have_distinct_names),
        mem_test(a_block_is_counted_for_its_owner),
        mem_test(moving_changes_only_the_owner),
        mem_test(every_good_byte_may_be_used),
        mem_test(aligned_blocks_are_aligned_and_counted),
        mem_test(zeroed_blocks_are_zero),
        mem_test(realloc_keeps_bytes_and_counts),
        mem_test(impossible_sizes_give_null),
        mem_test(the_fault_seam_fails_once_and_on_count),
        mem_test(peak_remembers_the_highest),
        mem_test(blocks_cross_threads),
        mem_test(accounts_are_taken_over),
#ifdef MEM_JEMALLOC
        mem_test(good_sizes_are_the_allocators),
        mem_test(counted_sizes_are_the_real_ones),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
