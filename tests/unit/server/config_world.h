/* A temporary folder, the real tables, and standard error caught in a file: for the tests of configuration files. */
#ifndef TARN_TEST_CONFIG_WORLD_H
#define TARN_TEST_CONFIG_WORLD_H

#include "persist/persist.h"
#include "server/config_int.h"
#include "server/settings.h"

#include "base/check.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
    char dir[64];
    char path[128]; /* the main file */
    char errors[8192];
} world;

static inline const char *in_dir(const char *name) {
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", world.dir, name);
    return path;
}

static inline void write_file(const char *name, const char *text) {
    FILE *f = fopen(in_dir(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

/* In a buffer of its own, valid until the next call. */
static inline const char *read_back(const char *name) {
    static char text[65536];
    FILE *f = fopen(in_dir(name), "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static inline int world_make(void **state) {
    const struct directive_list lists[] = {settings_directives, inert_directives, persist_directives};
    (void)state;
    snprintf(world.dir, sizeof world.dir, "/tmp/tarn-config-XXXXXX");
    assert_non_null(mkdtemp(world.dir));
    snprintf(world.path, sizeof world.path, "%s/main.conf", world.dir);
    config_init(lists, 3);
    return 0;
}

static inline int world_remove(void **state) {
    char command[128];
    (void)state;
    config_release();
    snprintf(command, sizeof command, "rm -rf '%s'", world.dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(mem_owner_bytes(MEM_SERVER), 0);
    return 0;
}

/* config_load with the arguments (NULL ends them); what it prints on standard error is in world.errors. */
static inline enum config_outcome load_args(const char *first, ...) {
    char *argv[64] = {"tarn-server"};
    int argc = 1;
    va_list args;
    va_start(args, first);
    for (const char *s = first; s && argc < 64; s = va_arg(args, const char *)) argv[argc++] = (char *)(uintptr_t)s;
    va_end(args);
    fflush(stderr);
    int old = dup(STDERR_FILENO), aside = open(in_dir("stderr"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(old >= 0 && aside >= 0);
    dup2(aside, STDERR_FILENO);
    enum config_outcome outcome = config_load(argc, argv);
    fflush(stderr);
    dup2(old, STDERR_FILENO);
    ssize_t n = pread(aside, world.errors, sizeof world.errors - 1, 0);
    world.errors[n > 0 ? n : 0] = '\0';
    close(aside);
    close(old);
    return outcome;
}
#define load(...) load_args(__VA_ARGS__, (char *)NULL)

static inline enum config_outcome load_text(const char *text) {
    write_file("main.conf", text);
    return load(world.path);
}

static inline void expect(const char *name, const char *value) {
    struct buf out;
    buf_init(&out, MEM_SERVER);
    assert_true(config_get(slice_of_cstr(name), &out));
    buf_append(&out, "", 1);
    assert_string_equal(out.ptr, value);
    buf_release(&out);
}

static inline void set_one(const char *name, const char *value) {
    char error[CONFIG_ERROR_MAX];
    struct slice pair[2] = {slice_of_cstr(name), slice_of_cstr(value)};
    if (!config_set(pair, 1, 0, error)) fail_msg("%s", error);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_make, world_remove)

#endif
