/* Every rule of the doctor, from facts made up for it. */
#include "observe/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#define MIB (1024 * 1024)

/* 100 MiB in use, everything as it should be. */
static struct doctor_facts healthy(void) {
    return (struct doctor_facts){
        .memory =
            {
                .used = 100 * MIB,
                .dataset = 80 * MIB,
                .overhead = 20 * MIB,
                .peak = 101 * MIB,
                .peak_time_s = 1000,
                .rss = 110 * MIB,
                .heap = {.allocated = 100 * MIB, .active = 104 * MIB, .resident = 108 * MIB},
                .heap_fragmentation = 1.04,
                .heap_rss = 1.04,
                .rss_overhead = 1.02,
                .fragmentation = 1.1,
                .keys = 1000000,
                .bytes_per_key = 100,
            },
        .now_s = 1000 + 3 * 3600,
        .client = {.id = 7, .address = "127.0.0.1:5", .output_bytes = 100, .idle_s = 5},
        .key = {.name = "big", .type = "list", .db = 3, .bytes = 5 * MIB, .elements = 12345},
        .lasting = {.keys = {1000, 1001, 1002, 1003, 1004}, .span_s = 600},
        .container = {.limit = 1000 * MIB, .used = 500 * MIB},
    };
}

static void assert_reports(const struct doctor_facts *f, const char *beginning, const char *part) {
    struct buf out;
    buf_init(&out, MEM_OBSERVE);
    doctor_report(f, &out);
    buf_append(&out, "", 1);
    if (strncmp(out.ptr, beginning, strlen(beginning)) != 0 || strstr(out.ptr, part) == NULL) {
        fail_msg("expected '%s ... %s', got: %s", beginning, part, out.ptr);
    }
    buf_release(&out);
}

static void assert_healthy(const struct doctor_facts *f) {
    assert_reports(f, "Hi Sam, I can't find any memory issue in your instance.", " are in use");
}

static void assert_finds(const struct doctor_facts *f, const char *what) {
    assert_reports(f, "Sam, I detected a few issues", what);
}

static void test_little_memory(void **state) {
    struct doctor_facts f = healthy();
    (void)state;
    f.memory.used = 3 * MIB;
    assert_reports(&f, "Hi Sam, this instance is empty or is using very little memory", "\n");
}

static void test_healthy(void **state) {
    struct doctor_facts f = healthy();
    (void)state;
    assert_reports(&f, "Hi Sam, I can't find any memory issue in your instance.",
                   "100.00M are in use, 80.00M of that for keys and values; the process takes 110.00M.\n");
}

static void test_the_allocator_and_the_past(void **state) {
    struct doctor_facts f = healthy();
    (void)state;
    f.memory.peak = 200 * MIB;
    assert_finds(&f,
                 " * High peak: 200.00M were in use 3 h ago, 100.00M are now; the process takes 110.00M. The alloc");
    f = healthy();
    f.memory.heap.active = 130 * MIB;
    f.memory.heap_fragmentation = 1.3;
    assert_finds(&f,
                 " * Fragmentation: pages of 130.00M hold 100.00M of data: 23.1 % of them, 30.00M, are gaps. That ");
    f = healthy();
    f.memory.heap.resident = 200 * MIB;
    f.memory.heap_rss = 1.9;
    assert_finds(&f,
                 " * Memory not given back: the allocator holds 200.00M and uses pages of 104.00M; 96.00M are dirty");
    f = healthy();
    f.memory.rss = 200 * MIB;
    f.memory.rss_overhead = 1.85;
    assert_finds(&f,
                 " * Memory outside the allocator: the process takes 200.00M, its allocator accounts for 108.00M. ");
}

static void test_clients(void **state) {
    struct doctor_facts f = healthy();
    (void)state;
    f.client.output_bytes = 20 * MIB;
    assert_finds(&f,
                 " * A client does not read its replies: client id=7 addr=127.0.0.1:5 has not taken 20.00M of replies; "
                 "its last command was 5 s ago. CLIENT KILL ID ends it");
    f.client.output_bytes = 10 * MIB;
    assert_healthy(&f);
    f.client.output_bytes = 20 * MIB;
    f.client.id = 0;
    assert_healthy(&f);
    f = healthy();
    f.memory.clients = 40 * MIB;
    assert_finds(&f, " * Large client buffers: 40.00M, which is 40.0 % of the memory in use. ");
}

static void test_owners(void **state) {
    static const struct {
        enum mem_owner owner;
        int64_t enough, little;
        const char *what;
    } cases[] = {
        {MEM_REPLICATION, 30 * MIB, 20 * MIB, " * Large replication backlog: 30.00M, which is 30.0 % of"},
        {MEM_SCRIPTS, 11 * MIB, 10 * MIB, " * Large script cache: 11.00M, which is 11.0 % of"},
        {MEM_LIMBO, 40 * MIB, 25 * MIB, " * A snapshot keeps old values: 40.00M, which is 40.0 % of"},
        {MEM_TABLE, 30 * MIB, 25 * MIB,
         " * Much memory for finding keys: finding keys takes 30.00M, the 1000000 keys with their values 80.00M: 31 "
         "and 83 "
         "bytes a key. "},
    };
    (void)state;
    for (size_t i = 0; i < countof(cases); i++) {
        struct doctor_facts f = healthy();
        f.memory.owners[cases[i].owner] = cases[i].enough;
        assert_finds(&f, cases[i].what);
        f.memory.owners[cases[i].owner] = cases[i].little;
        assert_healthy(&f);
    }
}

static void test_keys(void **state) {
    struct doctor_facts f = healthy();
    (void)state;
    f.key.bytes = 20 * MIB;
    assert_finds(
        &f, " * One giant key: \"big\" in database 3, a list of 12345 elements, takes 20.00M: 25.0 % of all data. ");
    f.key.type = "string";
    f.key.elements = 0;
    assert_finds(&f, "\"big\" in database 3, a string, takes 20.00M: ");
    f.key.bytes = 16 * MIB;
    assert_healthy(&f);
    f.memory.dataset = INT64_C(10000) * MIB;
    f.key.bytes = 600 * MIB;
    assert_finds(&f, " * One giant key: ");

    f = healthy();
    memcpy(f.lasting.keys, (const int64_t[]){500000, 550000, 600000, 650000, 700000}, sizeof f.lasting.keys);
    assert_finds(
        &f, " * Keys without a time to live grow: 700000 keys never expire, 200000 more than 10 min ago, which is some "
            "19.07M and goes on. ");
    f.lasting.keys[2] = 550000; /* not in every span */
    assert_healthy(&f);
    f.lasting.keys[2] = 600000;
    f.lasting.span_s = 7;
    assert_healthy(&f);
    f.lasting.span_s = 600;
    f.memory.bytes_per_key = 50; /* too little to tell of */
    assert_healthy(&f);
}

static void test_limits(void **state) {
    struct doctor_facts f = healthy();
    (void)state;
    f.memory.limit = 104 * MIB;
    assert_finds(&f, " * Close to maxmemory: 100.00M of the 104.00M of maxmemory are in use, 96.2 %. ");
    f.memory.not_counted = 20 * MIB; /* clients: no key has to go for them */
    assert_healthy(&f);
    f.memory.not_counted = 0;
    f.memory.limit = 110 * MIB;
    assert_healthy(&f);
    f.container.limit = 120 * MIB;
    f.container.used = 119 * MIB;
    assert_finds(
        &f, " * Container limit near: the process takes 110.00M of the 120.00M of its control group, 91.7 %; with its "
            "files' pages the group has 119.00M. Beyond it the kernel ends the process.");
    f.container.limit = 0;
    assert_healthy(&f);
}

/* A bad ratio of little memory is no issue. */
static void test_small_amounts_are_no_issue(void **state) {
    struct doctor_facts f = healthy();
    (void)state;
    f.memory.used = 10 * MIB;
    f.memory.dataset = 8 * MIB;
    f.memory.peak = 19 * MIB;
    f.memory.heap.allocated = 10 * MIB;
    f.memory.heap.active = 15 * MIB;
    f.memory.heap_fragmentation = 1.5;
    f.memory.heap.resident = 20 * MIB;
    f.memory.heap_rss = 1.33;
    f.memory.rss = 28 * MIB;
    f.memory.rss_overhead = 1.4;
    f.memory.clients = 5 * MIB;
    f.memory.owners[MEM_TABLE] = 8 * MIB;
    f.memory.owners[MEM_SCRIPTS] = 8 * MIB;
    assert_healthy(&f);
}

static void test_names_of_keys(void **state) {
    char name[DOCTOR_KEY_MAX], big[200];
    (void)state;
    doctor_show_key(name, SLICE("plain:key"));
    assert_string_equal(name, "plain:key");
    doctor_show_key(name, SLICE("a\"\\\r\n\xff"));
    assert_string_equal(name, "a\\x22\\x5c\\x0d\\x0a\\xff");
    for (int c = 0; c < 256; c++) {
        memset(big, c, sizeof big);
        doctor_show_key(name, slice_of(big, sizeof big));
        assert_string_equal(name + strlen(name) - 3, "...");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_little_memory),
        cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_the_allocator_and_the_past),
        cmocka_unit_test(test_clients),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_small_amounts_are_no_issue),
        cmocka_unit_test(test_names_of_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
