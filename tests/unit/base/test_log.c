#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static char folder[] = "/tmp/tarn-log-XXXXXX";
static char path[64], moved[64];
static char content[1 << 20];

static const char *read_file(const char *name) {
    int fd = open(name, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, content, sizeof content - 1);
    close(fd);
    assert_true(n >= 0);
    content[n] = '\0';
    return content;
}

static int setup(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(moved, sizeof moved, "%s/log.1", folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    unlink(moved);
    return rmdir(folder);
}

static int open_fresh(void **state) {
    (void)state;
    unlink(path);
    log_set_level(LOG_NOTICE);
    log_set_format(LOG_FORMAT_LEGACY);
    log_set_timestamp(LOG_TIMESTAMP_LEGACY);
    log_set_role('M');
    return log_open(path);
}

static int close_log(void **state) {
    (void)state;
    unlink(path);
    return log_open("");
}

static void legacy_layout(void **state) {
    (void)state;
    int pid, day, year, hour, minute, second, ms;
    char role, month[4], mark, text[32];
    log_set_role('S');
    log_warning("hello %d\nthere", 7);
    int got = sscanf(read_file(path), "%d:%c %d %3s %d %d:%d:%d.%d %c %31[^\n]", &pid, &role, &day, month, &year, &hour,
                     &minute, &second, &ms, &mark, text);
    assert_int_equal(got, 11);
    assert_int_equal(pid, getpid());
    assert_int_equal(role, 'S');
    assert_int_equal(mark, '#');
    assert_string_equal(text, "hello 7 there");
    assert_ptr_equal(strchr(content, '\n'), content + strlen(content) - 1);
}

static void levels_filter(void **state) {
    (void)state;
    log_verbose("too quiet");
    log_notice("heard");
    log_set_level(LOG_DEBUG);
    log_debug("heard too");
    log_set_level(LOG_NOTHING);
    log_warning("never");
    read_file(path);
    assert_null(strstr(content, "quiet"));
    assert_null(strstr(content, "never"));
    assert_non_null(strstr(content, " * heard\n"));
    assert_non_null(strstr(content, " . heard too\n"));
}

static void json_is_escaped(void **state) {
    (void)state;
    log_set_format(LOG_FORMAT_JSON);
    log_set_timestamp(LOG_TIMESTAMP_MILLISECONDS);
    log_notice("a \"b\" \\ \x01\n \xc3\xa9 \xff \xed\xa0\x80");
    read_file(path);
    assert_non_null(strstr(content, "\"role\":\"primary\",\"timestamp\":\""));
    assert_non_null(strstr(content, "\"level\":\"notice\",\"message\":\"a \\\"b\\\" \\\\ \\u0001\\n \xc3\xa9 \\ufffd "
                                    "\\ufffd\\ufffd\\ufffd\"}\n"));
}

static void logfmt_is_quoted(void **state) {
    (void)state;
    log_set_format(LOG_FORMAT_LOGFMT);
    log_set_timestamp(LOG_TIMESTAMP_ISO8601);
    log_warning("say \"hi\"");
    read_file(path);
    assert_non_null(strstr(content, " role=primary timestamp=\"2"));
    assert_non_null(strstr(content, "\" level=warning message=\"say \\\"hi\\\"\"\n"));
}

static void long_lines_are_cut_and_well_formed(void **state) {
    (void)state;
    static char text[3000];
    static const enum log_format formats[] = {LOG_FORMAT_LEGACY, LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON};
    static const char *const ends[] = {"...\n", "...\"\n", "...\"}\n"};
    for (int i = 0; i < 3; i++) {
        memset(text, i == 2 ? '"' : 'x', sizeof text - 1);
        assert_int_equal(truncate(path, 0), 0);
        log_set_format(formats[i]);
        log_warning("%s", text);
        size_t n = strlen(read_file(path));
        assert_in_range(n, LOG_LINE_MAX - 4, LOG_LINE_MAX);
        assert_string_equal(content + n - strlen(ends[i]), ends[i]);
    }
}

static void lines_of_every_length_fit(void **state) {
    (void)state;
    static char text[LOG_LINE_MAX + 8];
    for (size_t n = LOG_LINE_MAX - 80; n < LOG_LINE_MAX + 4; n++) {
        memset(text, 'y', n);
        text[n] = '\0';
        assert_int_equal(truncate(path, 0), 0);
        log_warning("%s", text);
        size_t length = strlen(read_file(path));
        assert_true(length <= LOG_LINE_MAX && content[length - 1] == '\n');
        assert_int_equal(strstr(content, "...\n") == NULL, strstr(content, text) != NULL);
    }
}

static void reopening_follows_a_rotation(void **state) {
    (void)state;
    log_notice("before");
    assert_int_equal(rename(path, moved), 0);
    log_notice("still in the old file");
    assert_int_equal(log_reopen(), 0);
    log_notice("after");
    assert_non_null(strstr(read_file(moved), "still in the old file"));
    assert_null(strstr(read_file(path), "before"));
    assert_non_null(strstr(content, "after"));
}

static void a_failed_open_keeps_the_old_file(void **state) {
    (void)state;
    assert_int_equal(log_open("/nonexistent-folder/log"), ENOENT);
    log_notice("kept");
    assert_non_null(strstr(read_file(path), "kept"));
    errno = 5;
    log_notice("errno survives");
    assert_int_equal(errno, 5);
}

static char tapped[64];

static void tap(enum log_level level, const char *text) { snprintf(tapped, sizeof tapped, "%d %s", (int)level, text); }

static void tap_hears_what_passes(void **state) {
    (void)state;
    log_set_tap(tap);
    log_verbose("no");
    assert_string_equal(tapped, "");
    log_warning("yes");
    assert_string_equal(tapped, "3 yes");
    log_set_tap(NULL);
}

static void *write_lines(void *arg) {
    for (int i = 0; i < 500; i++) log_notice("thread %d says abcdefghijklmnopqrstuvwxyz", *(const int *)arg);
    return NULL;
}

/* Lines of two threads never mix, also while the file is reopened under them. */
static void threads_write_whole_lines(void **state) {
    (void)state;
    pthread_t threads[2];
    int names[2] = {1, 2};
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &names[i]), 0);
    for (int i = 0; i < 20; i++) assert_int_equal(log_reopen(), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    int lines = 0;
    read_file(path);
    for (char *line = strtok(content, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        assert_non_null(strstr(line, " * thread "));
        assert_string_equal(line + strlen(line) - 26, "abcdefghijklmnopqrstuvwxyz");
    }
    assert_int_equal(lines, 1000);
}

#define log_test(f) cmocka_unit_test_setup_teardown(f, open_fresh, close_log)

int main(void) {
    const struct CMUnitTest tests[] = {
        log_test(legacy_layout),
        log_test(levels_filter),
        log_test(json_is_escaped),
        log_test(logfmt_is_quoted),
        log_test(long_lines_are_cut_and_well_formed),
        log_test(lines_of_every_length_fit),
        log_test(reopening_follows_a_rotation),
        log_test(a_failed_open_keeps_the_old_file),
        log_test(tap_hears_what_passes),
        log_test(threads_write_whole_lines),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
