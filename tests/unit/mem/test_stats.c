#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "mem/mem.h"
#include "mem/stats.h"

struct text {
    char bytes[1 << 20];
    size_t len;
};

static void collect(void *arg, const char *piece, size_t n) {
    struct text *t = arg;
    if (n > sizeof t->bytes - 1 - t->len) n = sizeof t->bytes - 1 - t->len;
    memcpy(t->bytes + t->len, piece, n);
    t->len += n;
    t->bytes[t->len] = '\0';
}

static struct text report;

static void the_report_speaks_for_the_allocator(void **state) {
    (void)state;
    report.len = 0;
    mem_stats_report(collect, &report);
    if (mem_allocator_has_stats()) {
        assert_non_null(strstr(report.bytes, "Allocated: "));
        assert_int_equal(strncmp(mem_allocator_name(), "jemalloc-", 9), 0);
    } else {
        assert_non_null(strstr(report.bytes, "keeps no such statistics"));
        assert_string_equal(mem_allocator_name(), "libc");
    }
}

static void statistics_move_with_allocations(void **state) {
    (void)state;
    enum { SIZE = 8 << 20 };
    struct mem_stats before, during;
    mem_stats_read(&before);
    void *p = mem_alloc(MEM_SERVER, SIZE);
    memset(p, 1, SIZE);
    mem_stats_read(&during);
    assert_true(during.allocated - before.allocated >= SIZE);
    if (mem_allocator_has_stats()) {
        assert_true(during.active >= during.allocated);
        assert_true(during.resident >= during.active);
    }
    mem_free(MEM_SERVER, p, SIZE);
}

/* Blocks below jemalloc's oversize threshold (8 MiB), whose pages stay dirty for a while after the free. */
static void purging_shrinks_resident(void **state) {
    (void)state;
    enum { SIZE = 64 << 10, COUNT = 1000 };
    static void *blocks[COUNT];
    for (int i = 0; i < COUNT; i++) memset(blocks[i] = mem_alloc(MEM_SERVER, SIZE), 1, SIZE);
    for (int i = 0; i < COUNT; i++) mem_free(MEM_SERVER, blocks[i], SIZE);
    uint64_t shrunk = mem_purge();
    if (mem_allocator_has_stats())
        assert_true(shrunk >= SIZE * COUNT / 2);
    else
        assert_int_equal(shrunk, 0);
}

static void background_threads_can_be_asked_for(void **state) {
    (void)state;
    assert_int_equal(mem_background_thread(true), mem_allocator_has_stats());
    assert_int_equal(mem_background_thread(false), mem_allocator_has_stats());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_speaks_for_the_allocator),
        cmocka_unit_test(statistics_move_with_allocations),
        cmocka_unit_test(purging_shrinks_resident),
        cmocka_unit_test(background_threads_can_be_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
