#include "mem/mem.h"
#include "observe/commandlog.h"
#include "observe/observe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct commandlog_limits limits = {.max_argc = 4, .max_string_len = 8};

static const struct commandlog_entry *newest(const struct commandlog *log) {
    return list_entry(log->entries.next, struct commandlog_entry, place);
}

static const struct commandlog_entry *oldest(const struct commandlog *log) {
    return list_entry(log->entries.prev, struct commandlog_entry, place);
}

static void assert_slice(struct slice s, const char *text) {
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.ptr, text, s.len);
}

/* Adds the words of text, which spaces separate. */
static void add(struct commandlog *log, const char *name, const char *text) {
    struct slice argv[16];
    int argc = 0;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");
        argv[argc++] = slice_of(p, n);
        p += n + (p[n] == ' ');
    }
    struct commandlog_record r = {.time_s = 77,
                                  .value = 42,
                                  .argv = argv,
                                  .argc = argc,
                                  .hide = commandlog_hider(name),
                                  .peer = "127.0.0.1:5",
                                  .client_name = SLICE("bob")};
    commandlog_add(log, &r, &limits);
}

static void test_entry_holds_copies(void **state) {
    struct commandlog log = {.max_len = 3};
    char text[] = "set key value";
    int64_t before = mem_owner_bytes(MEM_OBSERVE);
    (void)state;
    commandlog_init(&log);
    add(&log, "set", text);
    memset(text, 'x', sizeof text - 1);
    const struct commandlog_entry *e = newest(&log);
    assert_int_equal(e->id, 0);
    assert_int_equal(e->time_s, 77);
    assert_int_equal(e->value, 42);
    assert_int_equal(e->argc, 3);
    assert_slice(e->argv[0], "set");
    assert_slice(e->argv[2], "value");
    assert_slice(e->peer, "127.0.0.1:5");
    assert_slice(e->client_name, "bob");
    assert_true(mem_owner_bytes(MEM_OBSERVE) > before);
    commandlog_clear(&log);
    assert_int_equal(mem_owner_bytes(MEM_OBSERVE), before);
}

static void test_long_arguments_are_cut(void **state) {
    struct commandlog log = {.max_len = 3};
    (void)state;
    commandlog_init(&log);
    add(&log, "set", "set 12345678 123456789");
    assert_slice(newest(&log)->argv[1], "12345678");
    assert_slice(newest(&log)->argv[2], "12345678... (1 more bytes)");
    add(&log, "mget", "mget a b c");
    assert_int_equal(newest(&log)->argc, 4);
    assert_slice(newest(&log)->argv[3], "c");
    add(&log, "mget", "mget a b c d e");
    assert_int_equal(newest(&log)->argc, 4);
    assert_slice(newest(&log)->argv[2], "b");
    assert_slice(newest(&log)->argv[3], "... (3 more arguments)");
    commandlog_clear(&log);
}

static void test_oldest_go_first_and_ids_go_on(void **state) {
    struct commandlog log = {.max_len = 2};
    (void)state;
    commandlog_init(&log);
    for (int i = 0; i < 5; i++) add(&log, "ping", "ping");
    assert_int_equal(log.len, 2);
    assert_int_equal(newest(&log)->id, 4);
    assert_int_equal(oldest(&log)->id, 3);
    commandlog_clear(&log);
    assert_int_equal(log.len, 0);
    add(&log, "ping", "ping");
    assert_int_equal(newest(&log)->id, 5);
    log.max_len = 0;
    commandlog_trim(&log);
    assert_int_equal(log.len, 0);
    add(&log, "ping", "ping");
    assert_int_equal(log.len, 0);
    commandlog_clear(&log);
}

static bool password_is_sensitive(struct slice directive) { return slice_is(directive, "requirepass"); }

static void check_hidden(const char *name, const char *text, const char *shown) {
    static const struct commandlog_limits wide = {.max_argc = 16, .max_string_len = 64};
    struct commandlog log = {.max_len = 1};
    struct slice argv[16];
    char got[256] = "";
    int argc = 0;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");
        argv[argc++] = slice_of(p, n);
        p += n + (p[n] == ' ');
    }
    struct commandlog_record r = {
        .argv = argv, .argc = argc, .hide = commandlog_hider(name), .peer = "", .client_name = SLICE("")};
    commandlog_init(&log);
    commandlog_add(&log, &r, &wide);
    for (int i = 0; i < newest(&log)->argc; i++) {
        struct slice s = newest(&log)->argv[i];
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s", i ? " " : "", (int)s.len, s.ptr);
    }
    assert_string_equal(got, shown);
    commandlog_clear(&log);
}

static void test_secrets_are_hidden(void **state) {
    (void)state;
    observe_set_sensitive(password_is_sensitive);
    check_hidden("auth", "auth user secret", "auth (redacted) (redacted)");
    check_hidden("hello", "hello 3 auth user secret setname x", "hello 3 auth (redacted) (redacted) setname x");
    check_hidden("migrate", "migrate h 1 k 0 9 AUTH2 user secret keys auth",
                 "migrate h 1 k 0 9 AUTH2 (redacted) (redacted) keys auth");
    check_hidden("migrate", "migrate auth 1 k 0 9 auth secret", "migrate auth 1 k 0 9 auth (redacted)");
    check_hidden("acl|setuser", "acl setuser bob >pw", "acl setuser (redacted) (redacted)");
    check_hidden("config|set", "config set port 1 requirepass pw", "config set port 1 requirepass (redacted)");
    check_hidden("set", "set auth secret", "set auth secret");
    observe_set_sensitive(NULL);
    check_hidden("config|set", "config set requirepass", "config set requirepass");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry_holds_copies),
        cmocka_unit_test(test_long_arguments_are_cut),
        cmocka_unit_test(test_oldest_go_first_and_ids_go_on),
        cmocka_unit_test(test_secrets_are_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
