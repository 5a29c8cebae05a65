#include "observe/memory_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#define MIB (1024 * 1024)

/* 100 MiB in use, everything as it should be. */
static struct memory_facts healthy(void) {
    return (struct memory_facts){
        .used = 100 * MIB,
        .dataset = 80 * MIB,
        .overhead = 20 * MIB,
        .peak = 101 * MIB,
        .rss = 110 * MIB,
        .heap = {.allocated = 100 * MIB, .active = 104 * MIB, .resident = 108 * MIB},
        .heap_fragmentation = 1.04,
        .heap_rss = 1.04,
        .rss_overhead = 1.02,
        .fragmentation = 1.1,
    };
}

static char *report(const struct memory_facts *f) {
    struct buf out;
    buf_init(&out, MEM_OBSERVE);
    memory_doctor(f, &out);
    char *text = malloc(out.len + 1);
    memcpy(text, out.ptr, out.len);
    text[out.len] = '\0';
    buf_release(&out);
    return text;
}

static void assert_reports(const struct memory_facts *f, const char *beginning, const char *part) {
    char *text = report(f);
    if (strncmp(text, beginning, strlen(beginning)) != 0 || strstr(text, part) == NULL) {
        fail_msg("expected '%s ... %s', got: %s", beginning, part, text);
    }
    free(text);
}

static void test_little_memory(void **state) {
    struct memory_facts f = healthy();
    (void)state;
    f.used = 3 * MIB;
    assert_reports(&f, "Hi Sam, this instance is empty or is using very little memory", "\n");
}

static void test_healthy(void **state) {
    struct memory_facts f = healthy();
    (void)state;
    assert_reports(&f, "Hi Sam, I can't find any memory issue in your instance.", "100.00M are in use, 80.00M of that");
}

static void check_issue(const struct memory_facts *f, const char *what) {
    assert_reports(f, "Sam, I detected a few issues", what);
}

static void test_each_issue(void **state) {
    struct memory_facts f = healthy();
    (void)state;
    f.peak = 200 * MIB;
    check_issue(&f, " * High peak: ");
    f = healthy();
    f.heap.active = 130 * MIB;
    f.heap_fragmentation = 1.3;
    check_issue(&f, " * Fragmentation: ");
    f = healthy();
    f.heap.resident = 200 * MIB;
    f.heap_rss = 1.9;
    check_issue(&f, " * Memory not given back: ");
    f = healthy();
    f.rss = 200 * MIB;
    f.rss_overhead = 1.85;
    check_issue(&f, " * Memory outside the allocator: ");
    f = healthy();
    f.clients = 40 * MIB;
    check_issue(&f, " * Large client buffers: ");
    f = healthy();
    f.owners[MEM_LIMBO] = 40 * MIB;
    check_issue(&f, " * A snapshot keeps old values: ");
    f = healthy();
    f.limit = 101 * MIB;
    check_issue(&f, " * Close to maxmemory: ");
}

/* A bad ratio of little memory is no issue. */
static void test_small_amounts_are_no_issue(void **state) {
    struct memory_facts f = healthy();
    (void)state;
    f.used = 10 * MIB;
    f.peak = 19 * MIB;
    f.heap.allocated = 10 * MIB;
    f.heap.active = 15 * MIB;
    f.heap_fragmentation = 1.5;
    f.heap.resident = 20 * MIB;
    f.heap_rss = 1.33;
    f.rss = 28 * MIB;
    f.rss_overhead = 1.4;
    f.clients = 5 * MIB;
    assert_reports(&f, "Hi Sam, I can't find any memory issue in your instance.", "10.00M are in use");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_little_memory),
        cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_each_issue),
        cmocka_unit_test(test_small_amounts_are_no_issue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
