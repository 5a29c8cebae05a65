/* The room as its commands see it: an executor with these commands and a session without a socket. */
#include "base/check.h"
#include "exec/context.h"
#include "observe/info.h"
#include "observe/observe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- a server without a network ---- */

struct bench {
    struct executor executor;
    struct session session;
};

static void run_work(struct context *c) { /* WORK reply-bytes */
    int64_t n;
    if (!context_integer(c, 1, &n)) return;
    memset(reply_bulk_space(c->reply, (size_t)n), 'x', (size_t)n);
}

static const struct command_row work_commands[] = {
    {.name = "work", .run = run_work, .arity = -2, .flags = CMD_LOADING, .group = GROUP_SERVER},
    {.name = "swift", .run = run_work, .arity = -2, .flags = CMD_FAST, .group = GROUP_SERVER},
    {.name = "secret", .run = run_work, .arity = -2, .flags = CMD_SKIP_SLOWLOG, .group = GROUP_SERVER},
    {0},
};
static const struct command_list command_lists[] = {{observe_commands}, {work_commands}};

static void read_answer(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_int(out, 42);
}

static void read_absent(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    (void)out; /* METRIC_NONE */
}

static void two_lines(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    (void)scope;
    emit(arg, "family1", "a=1");
    emit(arg, "family2", "a=2");
}

static const struct metric other_rows[] = {
    {.section = "debug", .name = "answer", .read = read_answer},
    {.section = "debug", .name = "absent", .read = read_absent},
    {.section = "debug", .name = "family", .lines = two_lines},
};
static const struct metric_list other_lists[] = {{other_rows, countof(other_rows)}};

static void describe(struct session *s, struct session_link *out) {
    (void)s;
    *out = (struct session_link){.peer = "127.0.0.1:4711", .local = "127.0.0.1:1", .events = "r"};
}
static void ignore(struct session *s) { (void)s; }
static const struct session_transport transport = {.describe = describe, .resume = ignore, .attend = ignore};

static void ran(void *arg, const struct context *c, uint64_t duration_ns) {
    (void)arg;
    (void)duration_ns;
    observe_ran(c, 0);
}

static const struct directive *directive(const char *name) {
    for (size_t i = 0; i < observe_directives.count; i++) {
        const struct directive *d = &observe_directives.rows[i];
        if (strcmp(d->name, name) == 0 || (d->alias && strcmp(d->alias, name) == 0)) return d;
    }
    fail_msg("no directive %s", name);
    return NULL;
}

static void set_number(const char *name, int64_t value) {
    const struct directive *d = directive(name);
    *(int64_t *)d->value = value;
    if (d->apply) assert_null(d->apply());
}

static void set_defaults(void) {
    for (size_t i = 0; i < observe_directives.count; i++) {
        const struct directive *d = &observe_directives.rows[i];
        if (d->type == DIRECTIVE_INT) *(int64_t *)d->value = strtoll(d->initial, NULL, 10);
        if (d->type == DIRECTIVE_BOOL) *(bool *)d->value = true;
    }
    struct slice words[] = {SLICE("50"), SLICE("99"), SLICE("99.9")};
    assert_null(directive("latency-tracking-info-percentiles")->set(words, 3, true));
}

static int setup(void **state) {
    struct bench *b = calloc(1, sizeof *b);
    struct siphash_seed seed = {1, 2};
    executor_init(&b->executor, command_lists, countof(command_lists), dataset_new(4, &seed));
    b->executor.hooks.ran = ran;
    set_defaults();
    observe_init(&b->executor, other_lists, countof(other_lists));
    session_init(&b->session, &b->executor, &transport);
    b->session.authenticated = true;
    *state = b;
    return 0;
}

static int teardown(void **state) {
    struct bench *b = *state;
    session_release(&b->session);
    observe_release();
    dataset_free(b->executor.dataset);
    executor_release(&b->executor);
    free(b);
    return 0;
}

/* Runs the words of a line; the reply as text, valid until the next call. */
static const char *ask(struct bench *b, const char *line) {
    struct slice argv[16];
    struct request r = {.argv = argv};
    for (const char *p = line; *p;) {
        size_t n = strcspn(p, " ");
        argv[r.argc++] = slice_of(p, n);
        p += n + (p[n] == ' ');
    }
    b->session.net_out += b->session.out.len; /* the carrier has sent it */
    b->session.out.len = 0;
    executor_prepare(&b->executor, &r);
    executor_run(&b->executor, &b->session, &r);
    buf_append(&b->session.out, "", 1);
    b->session.out.len--;
    return b->session.out.ptr;
}

static void assert_contains(const char *text, const char *part) {
    if (strstr(text, part) == NULL) fail_msg("'%s' is not in: %s", part, text);
}

static void assert_lacks(const char *text, const char *part) {
    if (strstr(text, part) != NULL) fail_msg("'%s' is in: %s", part, text);
}

/* Of the session's last request: what the hook would have been told by a slow executor. */
static void pretend_ran(struct bench *b, const char *name, uint64_t duration_ns) {
    struct slice argv[] = {slice_of_cstr(name), SLICE("1")};
    struct context c = {.executor = &b->executor,
                        .session = &b->session,
                        .dataset = b->executor.dataset,
                        .command = command_find(b->executor.commands, argv[0]),
                        .argv = argv,
                        .argc = 2,
                        .reply = &b->session.reply,
                        .now_ms = b->executor.now_ms};
    observe_ran(&c, duration_ns);
}

/* ---- INFO ---- */

/* The titles of the sections in a reply, each followed by a space. */
static const char *titles(const char *info, char *dst, size_t cap) {
    size_t len = 0;
    dst[0] = '\0';
    for (const char *p = strstr(info, "# "); p; p = strstr(p + 1, "\n# ")) {
        const char *word = p[0] == '#' ? p + 2 : p + 3;
        len += (size_t)snprintf(dst + len, cap - len, "%.*s ", (int)strcspn(word, "\r"), word);
    }
    return dst;
}

static void test_info_sections(void **state) {
    struct bench *b = *state;
    char got[512];
    assert_string_equal(titles(ask(b, "INFO"), got, sizeof got),
                        "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace ");
    assert_string_equal(titles(ask(b, "INFO default"), got, sizeof got),
                        "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace ");
    assert_string_equal(titles(ask(b, "INFO all"), got, sizeof got),
                        "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats "
                        "Latencystats Cluster Keyspace Hotkeys ");
    assert_string_equal(titles(ask(b, "INFO everything"), got, sizeof got),
                        "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats "
                        "Latencystats Cluster Keyspace Hotkeys ");
    assert_string_equal(titles(ask(b, "INFO keyspace nonsense CPU cpu"), got, sizeof got), "CPU Keyspace ");
    assert_string_equal(titles(ask(b, "INFO default commandstats"), got, sizeof got),
                        "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats "
                        "Cluster Keyspace ");
}

static void test_info_form(void **state) {
    struct bench *b = *state;
    assert_string_equal(ask(b, "info nonsense"), "$0\r\n\r\n");
    assert_string_equal(ask(b, "info cluster keyspace"),
                        "$44\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n\r\n");
    assert_string_equal(ask(b, "info debug"), "$46\r\n# Debug\r\nanswer:42\r\nfamily1:a=1\r\nfamily2:a=2\r\n\r\n");
    b->session.reply.resp = 3;
    assert_string_equal(ask(b, "info cluster"), "=34\r\ntxt:# Cluster\r\ncluster_enabled:0\r\n\r\n");
}

static void test_info_server_begins_with_versions(void **state) {
    struct bench *b = *state;
    assert_contains(ask(b, "info server"),
                    "\r\n# Server\r\nredis_version:7.2.4\r\nserver_name:tarn\r\ntarn_version:0.1.0\r\n");
    assert_lacks(ask(b, "info server"), "valkey_version");
}

static void test_info_keyspace(void **state) {
    struct bench *b = *state;
    struct db *db = dataset_db(b->executor.dataset, 2);
    struct key key = {SLICE("k"), dataset_hash(b->executor.dataset, SLICE("k"))};
    assert_true(db_put_string(db, key, SLICE("v"), NO_EXPIRE, PUT_PLAIN));
    assert_contains(ask(b, "info keyspace"), "# Keyspace\r\ndb2:keys=1,expires=0,avg_ttl=0\r\n");
    db_set_expire(db, key, b->executor.now_ms + 100000);
    assert_contains(ask(b, "info keyspace"), "db2:keys=1,expires=1,avg_ttl=");
    assert_lacks(ask(b, "info keyspace"), "db0");
}

static int64_t field(const char *info, const char *name) {
    char line[128];
    snprintf(line, sizeof line, "\n%s:", name);
    const char *at = strstr(info, line);
    if (at == NULL) fail_msg("no %s", name);
    return strtoll(at + strlen(line), NULL, 10);
}

/* used_memory is the sum of its owners in every reply, and the owners follow what is allocated. */
static void test_info_memory_adds_up(void **state) {
    struct bench *b = *state;
    size_t size = 1000000;
    int64_t before = field(ask(b, "info memory"), "used_memory_owner_limbo");
    void *block = mem_alloc(MEM_LIMBO, size);
    const char *info = ask(b, "info memory");
    int64_t sum = 0;
    for (int i = 0; i < MEM_OWNER_COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "used_memory_owner_%s", mem_owner_name((enum mem_owner)i));
        sum += field(info, name);
    }
    assert_int_equal(field(info, "used_memory"), sum);
    assert_int_equal(field(info, "used_memory_dataset") + field(info, "used_memory_overhead"), sum);
    assert_true(field(info, "used_memory_peak") >= sum);
    assert_true(field(info, "used_memory_owner_limbo") - before >= (int64_t)size);
    mem_free(MEM_LIMBO, block, size);
    assert_int_equal(field(ask(b, "info memory"), "used_memory_owner_limbo"), before);
}

static void test_values_as_text(void **state) {
    static const struct {
        struct metric_value value;
        const char *text;
    } cases[] = {
        {{.kind = METRIC_INT, .integer = -5}, "-5"},
        {{.kind = METRIC_RATIO, .real = 1.005}, "1.00"},
        {{.kind = METRIC_PERCENT, .real = 99.5}, "99.50%"},
        {{.kind = METRIC_SECONDS, .real = 1.5}, "1.500000"},
        {{.kind = METRIC_HUMAN, .integer = 1536}, "1.50K"},
        {{.kind = METRIC_TEXT, .text = "on"}, "on"},
        {{.kind = METRIC_NONE}, ""},
    };
    struct buf out;
    (void)state;
    buf_init(&out, MEM_OBSERVE);
    for (size_t i = 0; i < countof(cases); i++) {
        buf_clear(&out);
        info_format(&cases[i].value, &out);
        assert_int_equal(out.len, strlen(cases[i].text));
        if (out.len) assert_memory_equal(out.ptr, cases[i].text, out.len);
    }
    buf_release(&out);
}

/* ---- while loading ---- */

static void test_loading_flags(void **state) {
    static const char *const run[] = {"memory help",    "memory malloc-stats", "memory purge",       "info",
                                      "latency latest", "latency histogram",   "slowlog get",        "slowlog len",
                                      "slowlog reset",  "latency doctor",      "commandlog len slow"};
    static const char *const refused[] = {"memory stats", "memory doctor", "memory usage k"};
    struct bench *b = *state;
    b->executor.loading = true;
    for (size_t i = 0; i < countof(run); i++) assert_lacks(ask(b, run[i]), "LOADING ");
    for (size_t i = 0; i < countof(refused); i++) {
        assert_string_equal(ask(b, refused[i]), "-LOADING Tarn is loading the dataset in memory\r\n");
    }
}

/* ---- MEMORY ---- */

static void test_memory_usage(void **state) {
    struct bench *b = *state;
    struct key key = {SLICE("k"), dataset_hash(b->executor.dataset, SLICE("k"))};
    assert_string_equal(ask(b, "memory usage k"), "$-1\r\n");
    assert_true(db_put_string(dataset_db(b->executor.dataset, 0), key, SLICE("value"), NO_EXPIRE, PUT_PLAIN));
    assert_true(strtoll(ask(b, "memory usage k") + 1, NULL, 10) >= 16);
    assert_int_equal(ask(b, "memory usage k samples 0")[0], ':');
    assert_string_equal(ask(b, "memory usage k samples"), "-ERR syntax error\r\n");
    assert_string_equal(ask(b, "memory usage k nonsense 1"), "-ERR syntax error\r\n");
    assert_string_equal(ask(b, "memory usage k samples -1"), "-ERR syntax error\r\n");
    assert_string_equal(ask(b, "memory usage k samples x"), "-ERR value is not an integer or out of range\r\n");
}

static void test_memory_stats(void **state) {
    struct bench *b = *state;
    struct key key = {SLICE("k"), dataset_hash(b->executor.dataset, SLICE("k"))};
    assert_true(db_put_string(dataset_db(b->executor.dataset, 3), key, SLICE("v"), NO_EXPIRE, PUT_PLAIN));
    const char *reply = ask(b, "memory stats");
    assert_int_equal(strncmp(reply, "*66\r\n$14\r\npeak.allocated\r\n:", 27), 0);
    assert_contains(reply, "$4\r\ndb.3\r\n*4\r\n$23\r\noverhead.hashtable.main\r\n:");
    assert_contains(reply, "$10\r\nkeys.count\r\n:1\r\n");
    b->session.reply.resp = 3;
    assert_int_equal(strncmp(ask(b, "memory stats"), "%33\r\n", 5), 0);
}

static void test_memory_texts(void **state) {
    struct bench *b = *state;
    assert_contains(ask(b, "memory doctor"), "Hi Sam, this instance is empty or is using very little memory");
    assert_string_equal(ask(b, "memory purge"), "+OK\r\n");
    assert_true(strlen(ask(b, "memory malloc-stats")) > 20);
    assert_contains(ask(b, "memory help"), "+MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n");
    b->session.reply.resp = 3;
    assert_int_equal(ask(b, "memory malloc-stats")[0], '=');
}

/* ---- what is remarkable ---- */

static void test_slow_commands_are_logged(void **state) {
    struct bench *b = *state;
    set_number("slowlog-log-slower-than", 1000);
    pretend_ran(b, "work", 999999);
    assert_string_equal(ask(b, "slowlog len"), ":0\r\n");
    pretend_ran(b, "work", 1000000);
    pretend_ran(b, "secret", 99000000);
    assert_string_equal(ask(b, "slowlog len"), ":1\r\n");
    char expected[256];
    snprintf(expected, sizeof expected,
             "*1\r\n*6\r\n:0\r\n:%lld\r\n:1000\r\n*2\r\n$4\r\nwork\r\n$1\r\n1\r\n$14\r\n127.0.0.1:4711\r\n$0\r\n\r\n",
             (long long)b->executor.now_ms / 1000);
    assert_string_equal(ask(b, "slowlog get"), expected);
    assert_string_equal(ask(b, "commandlog get -1 SLOW"), expected);
    assert_string_equal(ask(b, "slowlog get 0"), "*0\r\n");
    assert_string_equal(ask(b, "slowlog get -2"), "-ERR count should be greater than or equal to -1\r\n");
    assert_string_equal(ask(b, "slowlog get x"), "-ERR count should be greater than or equal to -1\r\n");
    assert_contains(ask(b, "slowlog get 1 2"), "-ERR unknown subcommand or wrong number of arguments for 'get'.");
    assert_string_equal(ask(b, "slowlog reset"), "+OK\r\n");
    assert_string_equal(ask(b, "slowlog len"), ":0\r\n");
    set_number("commandlog-execution-slower-than", -1);
    pretend_ran(b, "work", 99000000000);
    assert_string_equal(ask(b, "slowlog len"), ":0\r\n");
}

static void test_get_shows_ten_unless_told(void **state) {
    struct bench *b = *state;
    set_number("slowlog-log-slower-than", 1000);
    for (int i = 0; i < 15; i++) pretend_ran(b, "work", 5000000);
    assert_int_equal(strncmp(ask(b, "slowlog get"), "*10\r\n", 5), 0);
    assert_int_equal(strncmp(ask(b, "slowlog get -1"), "*15\r\n", 5), 0);
    set_number("slowlog-max-len", 4);
    assert_string_equal(ask(b, "slowlog len"), ":4\r\n");
}

static void test_large_requests_and_replies(void **state) {
    struct bench *b = *state;
    set_number("commandlog-request-larger-than", 12);
    set_number("commandlog-reply-larger-than", 40);
    ask(b, "work 1 1234567"); /* 12 bytes of arguments */
    ask(b, "work 1 123456");
    assert_string_equal(ask(b, "commandlog len large-request"), ":1\r\n");
    set_number("commandlog-request-larger-than", -1);
    ask(b, "work 30"); /* "$30\r\n", 30 bytes, "\r\n": 37 */
    assert_string_equal(ask(b, "commandlog len large-reply"), ":0\r\n");
    ask(b, "work 34"); /* 41 */
    assert_contains(ask(b, "commandlog get 1 large-reply"), ":41\r\n*2\r\n$4\r\nwork\r\n$2\r\n34\r\n");
    assert_string_equal(ask(b, "commandlog reset large-reply"), "+OK\r\n");
    assert_string_equal(ask(b, "commandlog len large-reply"), ":0\r\n");
    assert_string_equal(ask(b, "commandlog len nonsense"),
                        "-ERR type should be one of the following: slow, large-request, large-reply\r\n");
}

/* Replies of one pipeline gather in one buffer; each counts for itself. */
static void test_replies_of_a_pipeline_count_apart(void **state) {
    struct bench *b = *state;
    struct slice argv[] = {SLICE("work"), SLICE("20")};
    struct request r = {.argv = argv, .argc = 2};
    set_number("commandlog-reply-larger-than", 40);
    executor_prepare(&b->executor, &r);
    for (int i = 0; i < 10; i++) executor_run(&b->executor, &b->session, &r);
    assert_true(b->session.out.len > 200);
    assert_string_equal(ask(b, "commandlog len large-reply"), ":0\r\n");
}

/* ---- LATENCY ---- */

static void test_latency_events(void **state) {
    struct bench *b = *state;
    char expected[256];
    long long now_s = b->executor.now_ms / 1000;
    pretend_ran(b, "work", 900000000); /* the monitor is off */
    assert_string_equal(ask(b, "latency latest"), "*0\r\n");
    set_number("latency-monitor-threshold", 5);
    pretend_ran(b, "work", 4999999);
    pretend_ran(b, "work", 7000000);
    pretend_ran(b, "swift", 6000000);
    pretend_ran(b, "work", 5000000);
    snprintf(expected, sizeof expected,
             "*2\r\n*4\r\n$7\r\ncommand\r\n:%lld\r\n:7\r\n:7\r\n*4\r\n$12\r\nfast-command\r\n:%lld\r\n:6\r\n:6\r\n",
             now_s, now_s);
    assert_string_equal(ask(b, "latency latest"), expected);
    snprintf(expected, sizeof expected, "*1\r\n*2\r\n:%lld\r\n:7\r\n", now_s);
    assert_string_equal(ask(b, "latency history command"), expected);
    assert_string_equal(ask(b, "latency history nonsense"), "*0\r\n");
    assert_contains(ask(b, "latency graph command"), "command - high 7 ms, low 7 ms (all time high 7 ms)");
    assert_string_equal(ask(b, "latency graph nonsense"), "-ERR No samples available for event 'nonsense'\r\n");
    assert_contains(ask(b, "latency doctor"), "1. command: 1 latency spikes");
    assert_string_equal(ask(b, "latency reset command nonsense"), ":1\r\n");
    assert_string_equal(ask(b, "latency reset"), ":1\r\n");
    assert_string_equal(ask(b, "latency latest"), "*0\r\n");
}

static void test_latency_histogram(void **state) {
    struct bench *b = *state;
    struct command *work = command_find(b->executor.commands, SLICE("work"));
    assert_string_equal(ask(b, "latency histogram work nonsense"), "*0\r\n");
    work->latency = mem_alloc_zeroed(MEM_OBSERVE, sizeof *work->latency);
    histogram_add(work->latency, 500);     /* <= 1 us */
    histogram_add(work->latency, 900);     /* <= 1 us */
    histogram_add(work->latency, 30000);   /* <= 33 us */
    histogram_add(work->latency, 2000000); /* <= 2113 us */
    assert_string_equal(ask(b, "latency histogram work"),
                        "*2\r\n$4\r\nwork\r\n*4\r\n$5\r\ncalls\r\n:4\r\n$14\r\nhistogram_usec\r\n"
                        "*6\r\n:1\r\n:2\r\n:33\r\n:3\r\n:2113\r\n:4\r\n");
    b->session.reply.resp = 3;
    assert_int_equal(strncmp(ask(b, "latency histogram work"), "%1\r\n$4\r\nwork\r\n%2\r\n", 18), 0);
    assert_contains(ask(b, "latency histogram latency"), "latency|histogram"); /* a container: its subcommands */
}

/* ---- directives ---- */

static void test_percentiles(void **state) {
    const struct directive *d = directive("latency-tracking-info-percentiles");
    char text[256];
    struct bench *b = *state;
    assert_int_equal(d->get(text, sizeof text), 10);
    assert_memory_equal(text, "50 99 99.9", 10);
    struct slice good[] = {SLICE("0"), SLICE("12.345678"), SLICE("100")};
    assert_null(d->set(good, 3, true));
    assert_null(d->apply());
    assert_int_equal(d->get(text, sizeof text), 15);
    assert_memory_equal(text, "0 12.345678 100", 15);
    assert_int_equal(b->executor.percentile_count, 3);
    struct slice bad[] = {SLICE("50"), SLICE("abc")};
    assert_string_equal(d->set(bad, 2, true), "Invalid latency-tracking-info-percentiles parameters");
    bad[1] = SLICE("100.5");
    assert_non_null(strstr(d->set(bad, 2, true), "between [0.0,100.0]"));
    assert_int_equal(d->get(text, sizeof text), 15); /* unchanged */
    struct slice none[] = {SLICE("")};
    assert_null(d->set(none, 1, true));
    assert_int_equal(d->get(text, sizeof text), 0);
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_info_sections),
        BENCH_TEST(test_info_form),
        BENCH_TEST(test_info_server_begins_with_versions),
        BENCH_TEST(test_info_keyspace),
        BENCH_TEST(test_info_memory_adds_up),
        BENCH_TEST(test_values_as_text),
        BENCH_TEST(test_loading_flags),
        BENCH_TEST(test_memory_usage),
        BENCH_TEST(test_memory_stats),
        BENCH_TEST(test_memory_texts),
        BENCH_TEST(test_slow_commands_are_logged),
        BENCH_TEST(test_get_shows_ten_unless_told),
        BENCH_TEST(test_large_requests_and_replies),
        BENCH_TEST(test_replies_of_a_pipeline_count_apart),
        BENCH_TEST(test_latency_events),
        BENCH_TEST(test_latency_histogram),
        BENCH_TEST(test_percentiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
