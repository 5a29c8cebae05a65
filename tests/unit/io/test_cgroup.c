/* Limits of control groups, from folders that look like the kernel's. */
#include "io/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

static int make_root(void **state) {
    (void)state;
    strcpy(root, "/tmp/tarn-cgroup-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", root);
    return system(command);
}

static void put(const char *path, const char *text) {
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(whole, 0755);
        *at = '/';
    }
    FILE *f = fopen(whole, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void expect(int64_t limit, int64_t used) {
    struct process_memory m;
    process_memory_under(root, &m);
    assert_int_equal(m.contained, limit >= 0);
    assert_int_equal(m.limit_bytes, limit >= 0 ? limit : process_total_memory_bytes());
    assert_int_equal(m.used_bytes, used);
}

static void test_none(void **state) {
    (void)state;
    expect(-1, 0);
    put("/proc/self/cgroup", "0::/\n");
    expect(-1, 0);
    put("/proc/self/cgroup", "no colons\n:\n9:memory\n");
    expect(-1, 0);
}

static void test_v2(void **state) {
    (void)state;
    put("/proc/self/cgroup", "0::/a/b\n");
    put("/sys/fs/cgroup/a/b/memory.max", "max\n");
    put("/sys/fs/cgroup/a/b/memory.current", "5000\n");
    expect(-1, 0);
    put("/sys/fs/cgroup/a/memory.max", "536870912\n"); /* of the group above */
    put("/sys/fs/cgroup/a/memory.current", "7000\n");
    expect(536870912, 7000);
    put("/sys/fs/cgroup/a/b/memory.max", "268435456\n");
    expect(268435456, 5000);
    put("/sys/fs/cgroup/a/b/memory.max", "999999999999999999\n"); /* more than there is */
    expect(536870912, 7000);
}

static void test_v1(void **state) {
    (void)state;
    put("/proc/self/cgroup", "7:cpu:/x\n4:cpuset,memory:/docker/1\n3:memory_not:/y\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "100000000\n"); /* the container's own view of its group */
    put("/sys/fs/cgroup/memory/memory.usage_in_bytes", "42\n");
    expect(100000000, 42);
    put("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "9223372036854771712\n");
    expect(100000000, 42);
    put("/proc/self/cgroup", "3:memory_not:/\n");
    expect(-1, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_none, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_v2, make_root, remove_root),
        cmocka_unit_test_setup_teardown(test_v1, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
