/* The registry: names, values of every type, CONFIG SET's all or none. */
#include "persist/persist.h"
#include "server/config_int.h"
#include "server/settings.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- directives of its own, one of each type ---- */
static struct {
    bool flag;
    int64_t number, memory, percent, octal, locked, guarded, late;
    int choice, several;
    const char *text, *words;
    int64_t list[8];
    int list_len;
    int applied;
    const char *apply_fails;
    int64_t applied_number;
} v;

static const struct directive_choice colours[] = {{"red", 1}, {"green", 2}, {"dark-blue", 7}, {0}};
static const struct directive_choice options[] = {{"none", 0}, {"a", 1}, {"b", 2}, {"c", 4}, {0}};

static const char *apply(void) {
    v.applied++;
    v.applied_number = v.number;
    return v.apply_fails;
}

static const char *apply_other(void) {
    v.applied += 100;
    return NULL;
}

static const char *check_text(struct slice value) {
    return value.len && value.ptr[0] == '!' ? "no exclamation mark" : NULL;
}

/* Numbers that add up over lines; "" clears. */
static const char *set_list(const struct slice *words, int count, bool first) {
    int64_t n[8];
    if (count == 1 && words[0].len == 0) {
        v.list_len = 0;
        return NULL;
    }
    int base = first ? 0 : v.list_len;
    if (base + count > 8) return "too long";
    for (int i = 0; i < count; i++) {
        if (words[i].len != 1 || words[i].ptr[0] < '0' || words[i].ptr[0] > '9') return "not a digit";
        n[i] = words[i].ptr[0] - '0';
    }
    memcpy(v.list + base, n, (size_t)count * sizeof n[0]);
    v.list_len = base + count;
    return NULL;
}

static size_t get_list(char *dst, size_t cap) {
    char text[32];
    size_t n = 0;
    for (int i = 0; i < v.list_len; i++) {
        if (i) text[n++] = ' ';
        text[n++] = (char)('0' + v.list[i]);
    }
    memcpy(dst, text, n < cap ? n : cap);
    return n < cap ? n : cap;
}

static const struct directive rows[] = {
    {.name = "flag", .type = DIRECTIVE_BOOL, .value = &v.flag, .initial = "yes", .apply = apply_other},
    {.name = "number",
     .alias = "old-number",
     .type = DIRECTIVE_INT,
     .value = &v.number,
     .initial = "5",
     .min = -10,
     .max = 1000,
     .apply = apply},
    {.name = "memory",
     .type = DIRECTIVE_MEMORY,
     .value = &v.memory,
     .initial = "1mb",
     .max = INT64_MAX,
     .apply = apply},
    {.name = "percent", .type = DIRECTIVE_PERCENT, .value = &v.percent, .initial = "0", .min = -100, .max = INT64_MAX},
    {.name = "octal", .type = DIRECTIVE_OCTAL, .value = &v.octal, .initial = "0", .max = 0777},
    {.name = "choice", .type = DIRECTIVE_ENUM, .value = &v.choice, .initial = "green", .choices = colours},
    {.name = "several",
     .type = DIRECTIVE_FLAGS,
     .flags = DIRECTIVE_MULTI,
     .value = &v.several,
     .initial = "none",
     .choices = options},
    {.name = "text", .type = DIRECTIVE_STRING, .value = &v.text, .initial = "", .check = check_text},
    {.name = "words", .type = DIRECTIVE_STRING, .flags = DIRECTIVE_MULTI, .value = &v.words, .initial = "x y"},
    {.name = "list",
     .type = DIRECTIVE_SPECIAL,
     .flags = DIRECTIVE_MULTI | DIRECTIVE_ADDITIVE,
     .initial = "1 2",
     .set = set_list,
     .get = get_list},
    {.name = "locked", .type = DIRECTIVE_INT, .flags = DIRECTIVE_IMMUTABLE, .value = &v.locked, .initial = "1"},
    {.name = "guarded", .type = DIRECTIVE_INT, .flags = DIRECTIVE_PROTECTED, .value = &v.guarded, .initial = "1"},
    {.name = "late", .type = DIRECTIVE_INT, .flags = DIRECTIVE_NOT_LOADING, .value = &v.late, .initial = "1"},
};
static const struct directive_list own_rows = {rows, countof(rows)};

static int set_up(void **state) {
    (void)state;
    memset(&v, 0, sizeof v);
    config_init(&own_rows, 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    config_release();
    assert_int_equal(mem_owner_bytes(MEM_SERVER), 0);
    return 0;
}

static void expect(const char *name, const char *value) {
    struct buf out;
    buf_init(&out, MEM_SERVER);
    assert_true(config_get(slice_of_cstr(name), &out));
    buf_append(&out, "", 1);
    assert_string_equal(out.ptr, value);
    buf_release(&out);
}

/* Pairs end with NULL. Returns the error, "" for OK. */
static const char *set_flags(unsigned flags, const char *first, ...) {
    static char error[CONFIG_ERROR_MAX];
    struct slice pairs[32];
    int n = 0;
    va_list args;
    va_start(args, first);
    for (const char *s = first; s; s = va_arg(args, const char *)) pairs[n++] = slice_of_cstr(s);
    va_end(args);
    return config_set(pairs, n / 2, flags, error) ? "" : error;
}
#define set(...) set_flags(0, __VA_ARGS__, (char *)NULL)

static void test_defaults(void **state) {
    (void)state;
    expect("flag", "yes");
    expect("number", "5");
    expect("old-number", "5");
    expect("NUMBER", "5");
    expect("memory", "1048576");
    expect("percent", "0");
    expect("octal", "0");
    expect("choice", "green");
    expect("several", "none");
    expect("text", "");
    expect("words", "x y");
    expect("list", "1 2");
    struct buf out;
    buf_init(&out, MEM_SERVER);
    assert_false(config_get(SLICE("numbe"), &out));
    assert_false(config_get(SLICE(""), &out));
    buf_release(&out);
}

static void test_types(void **state) {
    (void)state;
    assert_string_equal(set("flag", "NO", "number", "-10", "memory", "2Gb", "percent", "7%", "octal", "755"), "");
    expect("flag", "no");
    expect("number", "-10");
    expect("memory", "2147483648");
    expect("percent", "7%");
    assert_int_equal(v.percent, -7);
    expect("octal", "755");
    assert_int_equal(v.octal, 0755);
    assert_string_equal(
        set("choice", "Dark-Blue", "several", "a c", "text", "a \"b\" c", "words", "p  q", "list", "3 4 5"), "");
    assert_int_equal(v.choice, 7);
    assert_int_equal(v.several, 5);
    expect("several", "a c");
    assert_string_equal(v.text, "a \"b\" c");
    assert_string_equal(v.words, "p q");
    expect("list", "3 4 5");
    assert_string_equal(set("percent", "100mb", "list", "", "several", "none"), "");
    expect("percent", "104857600");
    expect("list", "");
    expect("several", "none");
}

#define FAILED(name, why) "ERR CONFIG SET failed (possibly related to argument '" name "') - " why

static void test_refusals(void **state) {
    (void)state;
    assert_string_equal(set("flag", "maybe"), FAILED("flag", "argument must be 'yes' or 'no'"));
    assert_string_equal(set("number", "1x"), FAILED("number", "argument couldn't be parsed into an integer"));
    assert_string_equal(set("number", ""), FAILED("number", "argument couldn't be parsed into an integer"));
    assert_string_equal(set("number", "1001"), FAILED("number", "argument must be between -10 and 1000 inclusive"));
    assert_string_equal(set("memory", "1tb"), FAILED("memory", "argument must be a memory value"));
    assert_string_equal(set("memory", "-1"), FAILED("memory", "argument must be a memory value"));
    assert_string_equal(set("memory", "9999999999gb"), FAILED("memory", "argument must be a memory value"));
    assert_string_equal(set("percent", "x%"), FAILED("percent", "argument must be a memory or percent value"));
    assert_string_equal(set("percent", "-5"), FAILED("percent", "argument must be a memory or percent value"));
    assert_string_equal(set("percent", "101%"), FAILED("percent", "percentage argument must be less or equal to 100"));
    assert_string_equal(set("octal", "778"), FAILED("octal", "argument couldn't be parsed as an octal number"));
    assert_string_equal(set("octal", "7777"), FAILED("octal", "argument couldn't be parsed as an octal number"));
    assert_string_equal(set("choice", "blue"),
                        FAILED("choice", "argument(s) must be one of the following: red, green, dark-blue"));
    assert_string_equal(set("several", "a d"),
                        FAILED("several", "argument(s) must be one of the following: none, a, b, c"));
    assert_string_equal(set("text", "!"), FAILED("text", "no exclamation mark"));
    assert_string_equal(set("list", "1 x"), FAILED("list", "not a digit"));
    assert_string_equal(set("list", "\"1"), FAILED("list", "unbalanced quotes"));
    assert_string_equal(set("nothing", "1"), "ERR Unknown option or number of arguments for CONFIG SET - 'nothing'");
    assert_string_equal(set("locked", "2"), FAILED("locked", "can't set immutable config"));
    assert_string_equal(set("guarded", "2"), FAILED("guarded", "can't set protected config"));
    assert_string_equal(set("number", "1", "old-number", "2"), FAILED("old-number", "duplicate parameter"));
    expect("number", "5");
    assert_int_equal(v.applied, 0);
}

static void test_by_state(void **state) {
    (void)state;
    assert_string_equal(set_flags(CONFIG_SET_PROTECTED, "guarded", "2", (char *)NULL), "");
    expect("guarded", "2");
    const char *error = set_flags(CONFIG_SET_LOADING, "number", "1", "late", "2", (char *)NULL);
    assert_string_equal(error, "LOADING Tarn is loading the dataset in memory");
    expect("number", "5");
    expect("late", "1");
    assert_string_equal(set("late", "2"), "");
}

static void test_all_or_none(void **state) {
    (void)state;
    assert_string_equal(set("number", "7", "text", "before", "list", "9", "percent", "3%"), "");
    assert_string_not_equal(set("number", "8", "text", "after", "list", "1 2 3", "percent", "4%", "choice", "pink"),
                            "");
    expect("number", "7");
    expect("text", "before");
    expect("list", "9");
    expect("percent", "3%");
    assert_string_not_equal(set("number", "8", "unknown", "1"), "");
    expect("number", "7");
}

/* Changes that share a hook share its call; a hook that fails sees the old values again. */
static void test_apply(void **state) {
    (void)state;
    assert_string_equal(set("number", "7", "memory", "5"), "");
    assert_int_equal(v.applied, 1);
    assert_int_equal(v.applied_number, 7);
    v.applied = 0;
    v.apply_fails = "cannot be done";
    assert_string_equal(set("flag", "no", "number", "8"), FAILED("number", "cannot be done"));
    assert_int_equal(v.applied, 202);
    assert_int_equal(v.applied_number, 7);
    expect("flag", "yes");
    expect("number", "7");
}

static void test_hostile(void **state) {
    (void)state;
    char error[CONFIG_ERROR_MAX], long_name[4096];
    struct buf many;
    memset(long_name, 'n', sizeof long_name);
    struct slice pair[2] = {slice_of(long_name, sizeof long_name), SLICE("1")};
    assert_false(config_set(pair, 1, 0, error));
    assert_true(strlen(error) < CONFIG_ERROR_MAX);
    pair[0] = SLICE("text");
    pair[1] = slice_of("a\0b", 3);
    assert_false(config_set(pair, 1, 0, error));
    buf_init(&many, MEM_SERVER);
    for (int i = 0; i < 5000; i++) buf_append(&many, "1 ", 2);
    pair[0] = SLICE("list");
    pair[1] = buf_slice(&many);
    assert_false(config_set(pair, 1, 0, error));
    expect("list", "1 2");
    buf_release(&many);
}

/* ---- the real tables ---- */
/* Spellings that configurations and tools out there use; each must be known. */
static const char *const expected[] = {
    "port",
    "bind",
    "maxmemory",
    "maxmemory-policy",
    "requirepass",
    "timeout",
    "tcp-keepalive",
    "databases",
    "loglevel",
    "logfile",
    "hz",
    "dynamic-hz",
    "client-output-buffer-limit",
    "appendonly",
    "appendfsync",
    "masterauth",
    "primaryauth",
    "slaveof",
    "replicaof",
    "slave-read-only",
    "replica-read-only",
    "slave-priority",
    "hash-max-ziplist-entries",
    "hash-max-listpack-value",
    "zset-max-ziplist-value",
    "list-max-ziplist-size",
    "lua-time-limit",
    "busy-reply-threshold",
    "cluster-enabled",
    "cluster-slave-no-failover",
    "tls-port",
    "unixsocketperm",
    "notify-keyspace-events",
    "io-threads",
    "active-defrag-cycle-us",
    "oom-score-adj-values",
    "aof_rewrite_cpulist",
    "server_cpulist",
    "min-slaves-to-write",
    "lua-enable-deprecated-api",
    "repl-ping-slave-period",
    "stream-idmp-maxsize",
    "maxmemory-clients",
};

static void test_real_tables(void **state) {
    (void)state;
    const struct directive_list lists[] = {settings_directives, inert_directives, persist_directives};
    config_init(lists, 3);
    for (size_t i = 0; i < countof(expected); i++) {
        if (!config_find(slice_of_cstr(expected[i]))) fail_msg("%s is unknown", expected[i]);
    }
    const struct config_registry *c = config_registry();
    for (size_t i = 0; i < c->item_count; i++) assert_true(config_is_default(&c->items[i]));
    config_release();
}

/* Every directive takes back what it shows, and then shows the same. */
static void test_real_round_trip(void **state) {
    (void)state;
    const struct directive_list lists[] = {settings_directives, inert_directives, persist_directives};
    char why[DIRECTIVE_ERROR_MAX];
    config_init(lists, 3);
    const struct config_registry *c = config_registry();
    for (size_t i = 0; i < c->item_count; i++) {
        struct config_item *item = &c->items[i];
        struct slice shown = slice_of(item->initial, item->initial_len);
        if (!config_assign(item, &shown, 1, true, why)) fail_msg("%s '%s': %s", item->row->name, item->initial, why);
        assert_true(config_is_default(item));
    }
    config_release();
}

static void test_settings(void **state) {
    (void)state;
    const struct directive_list lists[] = {settings_directives, inert_directives, persist_directives};
    const struct server_settings *s = server_settings();
    config_init(lists, 3);
    assert_int_equal(s->bind_count, 2);
    assert_string_equal(s->bind[1], "-::*");
    assert_string_equal(set("hz", "1000"), "");
    expect("hz", "500");
    assert_string_equal(set("hz", "0"), "");
    expect("hz", "1");
    assert_string_equal(set("client-output-buffer-limit", "replica 1mb 2 3"), "");
    expect("client-output-buffer-limit", "normal 0 0 0 slave 1048576 2 3 pubsub 33554432 8388608 60");
    assert_string_equal(set("notify-keyspace-events", "KEA"), "");
    expect("notify-keyspace-events", "AKE");
    assert_string_equal(set("notify-keyspace-events", "EgKx"), "");
    expect("notify-keyspace-events", "gxKE");
    assert_string_equal(set("shutdown-on-sigterm", "nosave now"), "");
    assert_string_equal(set("shutdown-on-sigterm", "nosave save"),
                        FAILED("shutdown-on-sigterm", "shutdown options SAVE and NOSAVE can't be used simultaneously"));
    expect("shutdown-on-sigterm", "nosave now");
    assert_string_equal(set("proc-title-template", "{nothing}"),
                        FAILED("proc-title-template", "template format is invalid or contains unknown variables"));
    config_release();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_by_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_or_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_apply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hostile, set_up, tear_down),
        cmocka_unit_test(test_real_tables),
        cmocka_unit_test(test_real_round_trip),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
