#include "io/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_CAP 128

struct folder {
    char path[32];
    char name[PATH_CAP];
};

static int folder_setup(void **state) {
    struct folder *f = calloc(1, sizeof *f);
    strcpy(f->path, "/tmp/tarn-file-XXXXXX");
    *state = f;
    return mkdtemp(f->path) ? 0 : -1;
}

static bool any_name(const char *name) { return name[0] != '\0'; }

static int folder_teardown(void **state) {
    struct folder *f = *state;
    file_fail_after(FILE_FAULT_NONE, 0, 0, 0);
    file_remove_abandoned(f->path, any_name);
    int rc = rmdir(f->path);
    free(f);
    return rc;
}

static const char *in(struct folder *f, const char *name) {
    snprintf(f->name, sizeof f->name, "%s/%s", f->path, name);
    return f->name;
}

static void write_file(struct folder *f, const char *name, const char *text) {
    int fd = file_create(in(f, name), 0644);
    assert_true(fd >= 0);
    assert_int_equal(file_write(fd, text, strlen(text)), 0);
    assert_int_equal(file_close(fd), 0);
}

static void test_write_and_read_back(void **state) {
    struct folder *f = *state;
    write_file(f, "a", "0123456789");
    int fd = file_open_read(in(f, "a"));
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(file_size(fd), 10);
    assert_int_equal(file_will_read(fd, 0, 10), 0);
    char got[16];
    assert_int_equal(file_read(fd, got, 4), 4);
    assert_memory_equal(got, "0123", 4);
    assert_int_equal(file_read(fd, got, sizeof got), 6); /* short only at the end */
    assert_int_equal(file_read(fd, got, sizeof got), 0);
    assert_int_equal(file_read_at(fd, got, 3, 2), 3);
    assert_memory_equal(got, "234", 3);
    assert_int_equal(file_read_at(fd, got, 3, 100), 0);
    assert_int_equal(file_drop_cache(fd, 0, 0), 0);
    assert_int_equal(file_close(fd), 0);
    assert_int_equal(file_close(fd), -EBADF);
}

static void test_create_truncates(void **state) {
    struct folder *f = *state;
    char got[16];
    write_file(f, "a", "long text");
    write_file(f, "a", "short");
    assert_int_equal(file_read_whole(in(f, "a"), got, sizeof got), 5);
}

static void test_whole_file_limit(void **state) {
    struct folder *f = *state;
    char got[16];
    write_file(f, "a", "12345");
    assert_int_equal(file_read_whole(in(f, "a"), got, 5), 5);
    assert_int_equal(file_read_whole(in(f, "a"), got, 4), -EFBIG);
    assert_int_equal(file_read_whole(in(f, "absent"), got, 4), -ENOENT);
}

static void test_size_only_of_regular_files(void **state) {
    (void)state;
    int fd = file_open_read("/dev/null");
    assert_int_equal(file_size(fd), -EINVAL);
    file_close(fd);
    assert_int_equal(file_size(-1), -EBADF);
}

/* A pipe hands out what it has: file_read must go on until the end. */
static void test_read_goes_on_after_short_reads(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 5; i++) {
            if (write(fds[1], "ab", 2) != 2) _exit(1);
            usleep(200);
        }
        _exit(0);
    }
    close(fds[1]);
    char got[16];
    assert_int_equal(file_read(fds[0], got, sizeof got), 10);
    assert_memory_equal(got, "ababababab", 10);
    close(fds[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_names(void **state) {
    struct folder *f = *state;
    char from[PATH_CAP];
    write_file(f, "a", "x");
    strcpy(from, in(f, "a"));
    assert_int_equal(file_rename(from, in(f, "b")), 0);
    assert_false(file_exists(from));
    assert_true(file_exists(in(f, "b")));
    assert_int_equal(file_sync_dir(in(f, "b")), 0);
    assert_int_equal(file_sync_dir("just-a-name"), 0);
    assert_int_equal(file_sync_dir("/name-in-the-root"), 0);
    assert_int_equal(file_sync_dir("/no/such/folder/x"), -ENOENT);
    assert_int_equal(file_remove(in(f, "b")), 0);
    assert_int_equal(file_remove(in(f, "b")), -ENOENT);
}

static bool starts_with_temp(const char *name) { return strncmp(name, "temp-", 5) == 0; }

static void test_remove_abandoned(void **state) {
    struct folder *f = *state;
    const char *names[] = {"temp-1", "temp-22", "dump.rdb", "xtemp-1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) write_file(f, names[i], "");
    int held = file_create(in(f, "temp-held"), 0600);
    assert_int_equal(file_lock(held), 0);
    assert_int_equal(file_remove_abandoned(f->path, starts_with_temp), 2);
    assert_true(file_exists(in(f, "dump.rdb")));
    assert_true(file_exists(in(f, "xtemp-1")));
    assert_true(file_exists(in(f, "temp-held")));
    file_close(held);
    assert_int_equal(file_remove_abandoned(f->path, starts_with_temp), 1);
    assert_int_equal(file_remove_abandoned("/no/such/folder", starts_with_temp), -ENOENT);
}

static void test_what_is_no_regular_file(void **state) {
    struct folder *f = *state;
    assert_int_equal(mkfifo(in(f, "fifo"), 0600), 0);
    assert_int_equal(file_open_regular(in(f, "fifo")), -EINVAL);
    assert_int_equal(file_open_regular(f->path), -EINVAL);
    assert_int_equal(file_open_regular(in(f, "none")), -ENOENT);
    assert_int_equal(symlink("loop", in(f, "loop")), 0);
    assert_true(file_exists(in(f, "loop")));
    assert_int_equal(symlink("none", in(f, "dangling")), 0);
    assert_false(file_exists(in(f, "dangling")));
    assert_int_equal(file_remove(in(f, "loop")) | file_remove(in(f, "dangling")), 0);
}

static void test_absolute(void **state) {
    struct folder *f = *state;
    char old[PATH_CAP], path[PATH_CAP], expected[PATH_CAP];
    assert_int_equal(file_absolute("/a/b", path, sizeof path), 4);
    assert_string_equal(path, "/a/b");
    assert_non_null(getcwd(old, sizeof old));
    assert_int_equal(chdir(f->path), 0);
    snprintf(expected, sizeof expected, "%s/x.rdb", f->path);
    assert_int_equal(file_absolute("x.rdb", path, sizeof path), strlen(expected));
    assert_string_equal(path, expected);
    assert_int_equal(file_absolute("x.rdb", path, strlen(expected)), -ENAMETOOLONG);
    assert_int_equal(chdir(old), 0);
}

/* ---- faults ---- */

static void test_fault_hits_the_nth_call_once(void **state) {
    struct folder *f = *state;
    int fd = file_create(in(f, "a"), 0644);
    file_fail_after(FILE_FAULT_WRITE, 3, ENOSPC, 0);
    assert_int_equal(file_write(fd, "1", 1), 0);
    assert_int_equal(file_sync(fd), 0); /* other kinds neither fail nor count */
    assert_int_equal(file_write(fd, "2", 1), 0);
    assert_int_equal(file_write(fd, "3", 1), -ENOSPC);
    assert_int_equal(file_write(fd, "4", 1), 0);
    file_close(fd);
    char got[8];
    assert_int_equal(file_read_whole(in(f, "a"), got, sizeof got), 3);
    assert_memory_equal(got, "124", 3);
}

static void test_fault_after_a_short_write(void **state) {
    struct folder *f = *state;
    int fd = file_create(in(f, "a"), 0644);
    file_fail_after(FILE_FAULT_WRITE, 1, EIO, 3);
    assert_int_equal(file_write(fd, "abcdef", 6), -EIO);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
    file_fail_after(FILE_FAULT_WRITE, 1, EIO, 100); /* more than there is: all of it */
    assert_int_equal(file_write(fd, "xyz", 3), -EIO);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 6);
    file_close(fd);
}

static void test_fault_of_each_kind(void **state) {
    struct folder *f = *state;
    char got[8], from[PATH_CAP];
    write_file(f, "a", "data");
    strcpy(from, in(f, "a"));
    file_fail_after(FILE_FAULT_OPEN, 1, EMFILE, 0);
    assert_int_equal(file_open_read(from), -EMFILE);
    file_fail_after(FILE_FAULT_OPEN, 1, EROFS, 0);
    assert_int_equal(file_create(from, 0644), -EROFS);
    int fd = file_open_read(from);
    file_fail_after(FILE_FAULT_READ, 1, EIO, 0);
    assert_int_equal(file_read(fd, got, 4), -EIO);
    file_fail_after(FILE_FAULT_READ, 1, EIO, 0);
    assert_int_equal(file_read_at(fd, got, 4, 0), -EIO);
    assert_int_equal(file_read(fd, got, 4), 4);
    file_fail_after(FILE_FAULT_SYNC, 1, EIO, 0);
    assert_int_equal(file_sync(fd), -EIO);
    file_fail_after(FILE_FAULT_SYNC, 1, EIO, 0);
    assert_int_equal(file_sync_dir(from), -EIO);
    file_close(fd);
    file_fail_after(FILE_FAULT_RENAME, 1, EACCES, 0);
    assert_int_equal(file_rename(from, in(f, "b")), -EACCES);
    assert_true(file_exists(from));
    file_fail_after(FILE_FAULT_RENAME, 1, EACCES, 0);
    file_fail_after(FILE_FAULT_NONE, 0, 0, 0); /* disarmed */
    assert_int_equal(file_rename(from, in(f, "b")), 0);
}

static void test_disk_full_is_reported(void **state) {
    (void)state;
    int fd = open("/dev/full", O_WRONLY);
    if (fd < 0) skip();
    assert_int_equal(file_write(fd, "x", 1), -ENOSPC);
    close(fd);
}

#define FOLDER_TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(test_write_and_read_back),
        FOLDER_TEST(test_create_truncates),
        FOLDER_TEST(test_whole_file_limit),
        FOLDER_TEST(test_size_only_of_regular_files),
        FOLDER_TEST(test_read_goes_on_after_short_reads),
        FOLDER_TEST(test_names),
        FOLDER_TEST(test_remove_abandoned),
        FOLDER_TEST(test_what_is_no_regular_file),
        FOLDER_TEST(test_absolute),
        FOLDER_TEST(test_fault_hits_the_nth_call_once),
        FOLDER_TEST(test_fault_after_a_short_write),
        FOLDER_TEST(test_fault_of_each_kind),
        FOLDER_TEST(test_disk_full_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
