/* What runs, what is refused and in which order, who waits. */
#include "exec/executor.h"
#include "exec/metrics.h"

#include "base/num.h"
#include "fixture.h"

/* ---- commands of a small server ---- */
static void run_ok(struct context *c) { reply_ok(c->reply); }

static void run_get(struct context *c) {
    char scratch[NUM_TEXT_MAX];
    const struct entry *e;
    if (!context_view_type(c, context_key(c, 1), TYPE_STRING, &e)) return;
    if (e) {
        reply_bulk(c->reply, entry_string(e, scratch));
    } else {
        reply_null(c->reply);
    }
}

static void run_set(struct context *c) {
    db_put_string(c->db, context_key(c, 1), c->argv[2], NO_EXPIRE, PUT_PLAIN);
    context_changed(c, NOTIFY_STRING, "set", c->argv[1]);
    reply_ok(c->reply);
}

static void run_fail(struct context *c) { reply_error(c->reply, "WRONGTYPE no"); }

static int timed_out, cancelled;
static void on_timeout(struct session *s) {
    timed_out++;
    reply_null_array(&s->reply);
}
static void on_cancel(struct session *s) {
    (void)s;
    cancelled++;
}
static const struct session_wait wait = {on_timeout, on_cancel, true};

static void run_block(struct context *c) {
    int64_t timeout_ms;
    if (context_integer(c, 1, &timeout_ms)) session_block(c->session, &wait, NULL, timeout_ms);
}

static void run_quiet(struct context *c) {
    if (slice_is(c->argv[1], "skip")) c->session->flags |= SESSION_REPLY_SKIP_NEXT;
    if (slice_is(c->argv[1], "off")) c->session->flags |= SESSION_REPLY_OFF;
    if (!slice_is(c->argv[1], "on")) return;
    c->session->flags &= ~(unsigned)(SESSION_REPLY_OFF | SESSION_REPLY_SKIP);
    session_end_reply(c->session);
    reply_ok(c->reply);
}

static void run_die(struct context *c) {
    session_close(c->session, true);
    reply_ok(c->reply);
}

static const struct command_row config_subs[] = {
    {.name = "get", .run = run_ok, .arity = -3, .flags = CMD_ADMIN | CMD_LOADING},
    {.name = "wipe", .run = run_ok, .arity = 2, .flags = CMD_ADMIN},
    {.name = "help", .run = context_reply_help, .arity = 2, .flags = CMD_LOADING},
    {0},
};
static const char *const config_help[] = {"GET <x>", "    Gets.", NULL};
static const struct command_row rows[] = {
    {.name = "get", .run = run_get, .arity = 2, .flags = CMD_READONLY | CMD_FAST, .keys = {KEY_AT(1, KEY_RO)}},
    {.name = "set", .run = run_set, .arity = -3, .flags = CMD_WRITE | CMD_DENYOOM, .keys = {KEY_AT(1, KEY_OW)}},
    {.name = "fail", .run = run_fail, .arity = 1, .flags = CMD_LOADING},
    {.name = "ping", .run = run_ok, .arity = -1, .flags = CMD_PROBE},
    {.name = "auth", .run = run_ok, .arity = -2, .flags = CMD_NO_AUTH | CMD_LOADING},
    {.name = "debug", .run = run_ok, .arity = -2, .flags = CMD_PROTECTED | CMD_LOADING},
    {.name = "publish", .run = run_ok, .arity = 3, .flags = CMD_MAY_REPLICATE},
    {.name = "sync", .run = run_ok, .arity = 1, .flags = CMD_NO_ASYNC_LOADING | CMD_LOADING},
    {.name = "block", .run = run_block, .arity = 2, .flags = CMD_BLOCKING},
    {.name = "quiet", .run = run_quiet, .arity = 2},
    {.name = "die", .run = run_die, .arity = 1},
    {.name = "config", .arity = -2, .subcommands = config_subs, .help = config_help},
    {0},
};
static const struct command_list lists[] = {{rows}};

static struct executor executor, *const x = &executor;
static struct peer a, b;

static int set_up(void **state) {
    (void)state;
    timed_out = cancelled = 0;
    executor_open(x, lists, 1);
    peer_open(&a, x);
    peer_open(&b, x);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    peer_close(&a);
    peer_close(&b);
    executor_shut(x);
    return 0;
}

static const struct command *command(const char *name) { return command_find_full(x->commands, slice_of_cstr(name)); }

/* ---- form ---- */
static void test_runs_and_counts(void **state) {
    (void)state;
    assert_string_equal(ask(&a, "SET k v"), "+OK\r\n");
    assert_string_equal(ask(&a, "gEt k"), "$1\r\nv\r\n");
    assert_string_equal(ask(&a, "get none"), "$-1\r\n");
    assert_int_equal(command("get")->calls, 2);
    assert_int_equal(command("set")->calls, 1);
    assert_int_equal(x->stats.commands, 3);
    assert_int_equal(a.session.commands, 3);
    assert_int_equal(dataset_stats(x->dataset)->changes, 1);
    assert_true(command("get")->ticks > 0);
    assert_int_equal(command("get")->latency->count, 2);
    assert_null(command("fail")->latency);
    assert_ptr_equal(a.session.last_command, command("get"));
    executor_flush_times(x);
    assert_true(x->stats.command_time_ns > 0);
}

static void test_refuses_what_it_does_not_know(void **state) {
    (void)state;
    assert_string_equal(ask(&a, "foo"), "-ERR unknown command 'foo', with args beginning with: \r\n");
    assert_string_equal(ask(&a, "foo a b"), "-ERR unknown command 'foo', with args beginning with: 'a' 'b' \r\n");
    assert_string_equal(ask(&a, "\"f\\x01o\\r\\no\" \"a\\r\\nb\\x00c\""),
                        "-ERR unknown command 'f\x01o  o', with args beginning with: 'a  b' \r\n");
    assert_string_equal(ask(&a, "config"), "-ERR wrong number of arguments for 'config' command\r\n");
    assert_string_equal(ask(&a, "config foo"), "-ERR unknown subcommand 'foo'. Try CONFIG HELP.\r\n");
    assert_string_equal(ask(&a, "cOnfig foo bar"), "-ERR unknown subcommand 'foo'. Try CONFIG HELP.\r\n");
    assert_string_equal(ask(&a, "config get"), "-ERR wrong number of arguments for 'config|get' command\r\n");
    assert_string_equal(ask(&a, "get"), "-ERR wrong number of arguments for 'get' command\r\n");
    assert_string_equal(ask(&a, "GET a b"), "-ERR wrong number of arguments for 'get' command\r\n");
    assert_string_equal(ask(&a, "config|get x"),
                        "-ERR unknown command 'config|get', with args beginning with: 'x' \r\n");
    assert_int_equal(command("get")->rejected, 2);
    assert_int_equal(command("config|get")->rejected, 1);
    assert_int_equal(command("config")->rejected, 3);
    assert_int_equal(x->stats.commands, 0);
    assert_int_equal(x->stats.errors, 10);
}

/* What a client sees of a long command, as redis-server 7.0.15 cut it. */
static void test_cuts_what_it_shows(void **state) {
    (void)state;
    char digits[151], line[512], expected[512];
    for (int i = 0; i < 150; i++) digits[i] = (char)('0' + i % 10);
    digits[150] = '\0';
    snprintf(line, sizeof line, "foo %s b", digits);
    snprintf(expected, sizeof expected, "-ERR unknown command 'foo', with args beginning with: '%.128s' \r\n", digits);
    assert_string_equal(ask(&a, line), expected);
    snprintf(line, sizeof line, "foo %.60s %.80s b c d", digits, digits);
    snprintf(expected, sizeof expected, "-ERR unknown command 'foo', with args beginning with: '%.60s' '%.65s' \r\n",
             digits, digits);
    assert_string_equal(ask(&a, line), expected);
    snprintf(line, sizeof line, "%s b", digits);
    snprintf(expected, sizeof expected, "-ERR unknown command '%.128s', with args beginning with: 'b' \r\n", digits);
    assert_string_equal(ask(&a, line), expected);
    snprintf(line, sizeof line, "config %s", digits);
    snprintf(expected, sizeof expected, "-ERR unknown subcommand '%.128s'. Try CONFIG HELP.\r\n", digits);
    assert_string_equal(ask(&a, line), expected);
}

static void test_stands_any_number_of_arguments(void **state) {
    (void)state;
    enum { ARGC = 1000000 };
    struct slice *argv = calloc(ARGC, sizeof *argv);
    assert_non_null(argv);
    for (int i = 0; i < ARGC; i++) argv[i] = slice_of("", 0);
    assert_int_equal(peer_run(&a, argv, ARGC), RUN_DONE);
    const char *reply = peer_read(&a);
    assert_true(strlen(reply) < 300);
    assert_memory_equal(reply, "-ERR unknown command '', with args beginning with: '' '' ", 57);
    argv[0] = SLICE("get");
    assert_int_equal(peer_run(&a, argv, ARGC), RUN_DONE);
    assert_string_equal(peer_read(&a), "-ERR wrong number of arguments for 'get' command\r\n");
    free(argv);
}

static void test_replies_help(void **state) {
    (void)state;
    assert_string_equal(
        ask(&a, "config HELP"),
        "*5\r\n+CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+GET <x>\r\n+    Gets.\r\n"
        "+HELP\r\n+    Prints this help.\r\n");
}

/* ---- refusals ---- */
static const char *protection, *misconf;
static const char *refuse_protected(void *arg, const struct context *c) {
    (void)arg;
    assert_string_equal(c->command->full_name, "debug");
    return protection;
}
static const char *refuse_write(void *arg) {
    (void)arg;
    return misconf;
}

static void test_asks_for_the_password(void **state) {
    (void)state;
    struct peer late;
    x->password = "secret";
    peer_open(&late, x);
    assert_string_equal(ask(&late, "get k"), "-NOAUTH Authentication required.\r\n");
    assert_string_equal(ask(&late, "ping"), "-NOAUTH Authentication required.\r\n");
    assert_string_equal(ask(&late, "auth x"), "+OK\r\n");
    assert_string_equal(ask(&late, "nosuch"), "-ERR unknown command 'nosuch', with args beginning with: \r\n");
    assert_string_equal(ask(&late, "get"), "-ERR wrong number of arguments for 'get' command\r\n");
    assert_string_equal(ask(&a, "ping"), "+OK\r\n"); /* who came before stays */
    x->password = "";
    assert_string_equal(ask(&late, "ping"), "+OK\r\n");
    peer_close(&late);
}

/* Each reason is taken away in turn; the next one shows. */
static void test_refuses_in_order(void **state) {
    (void)state;
    x->hooks.refuse_protected = refuse_protected;
    x->hooks.refuse_write = refuse_write;
    protection = "ERR protected";
    misconf = "MISCONF no";
    x->password = "p";
    x->used_memory_limit = 1;
    a.session.authenticated = false;
    assert_string_equal(ask(&a, "debug"), "-ERR wrong number of arguments for 'debug' command\r\n");
    assert_string_equal(ask(&a, "debug x"), "-ERR protected\r\n");
    protection = NULL;
    assert_string_equal(ask(&a, "debug x"), "-NOAUTH Authentication required.\r\n");
    assert_string_equal(ask(&a, "set k v"), "-NOAUTH Authentication required.\r\n");
    a.session.authenticated = true;
    assert_string_equal(ask(&a, "set k v"), "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    assert_string_equal(ask(&a, "ping"), "-MISCONF no\r\n");
    x->loading = true; /* then it is not the dataset that takes the memory */
    executor_pause(x, PAUSE_OF_CLIENT, PAUSE_ALL, FIXTURE_TIME_MS + 1000);
    assert_string_equal(ask(&a, "set k v"), "-MISCONF no\r\n");
    x->used_memory_limit = 0;
    misconf = NULL;
    assert_string_equal(ask(&a, "set k v"), "-LOADING Tarn is loading the dataset in memory\r\n");
    x->loading = false;
    assert_int_equal(peer_send(&a, "set k v"), RUN_POSTPONED);
    assert_int_equal(command("set")->rejected, 4);
    assert_int_equal(command("set")->calls, 0);
    executor_unpause(x, PAUSE_OF_CLIENT);
    assert_string_equal(ask(&a, "set k v"), "+OK\r\n");
}

static void test_loading_asks_the_subcommand(void **state) {
    (void)state;
    x->loading = true;
    assert_string_equal(ask(&a, "config get x"), "+OK\r\n"); /* the container has no such flag */
    assert_string_equal(ask(&a, "config wipe"), "-LOADING Tarn is loading the dataset in memory\r\n");
    assert_string_equal(ask(&a, "get k"), "-LOADING Tarn is loading the dataset in memory\r\n");
    assert_string_equal(ask(&a, "ping"), "-LOADING Tarn is loading the dataset in memory\r\n");
    assert_string_equal(ask(&a, "fail"), "-WRONGTYPE no\r\n");
    assert_string_equal(ask(&a, "sync"), "+OK\r\n");
    assert_string_equal(ask(&a, "nosuch"), "-ERR unknown command 'nosuch', with args beginning with: \r\n");
    x->loading = false;
    x->async_loading = true;
    assert_string_equal(ask(&a, "get k"), "$-1\r\n");
    assert_string_equal(ask(&a, "sync"), "-LOADING Tarn is loading the dataset in memory\r\n");
}

static void test_the_memory_limit_is_looked_at_again(void **state) {
    (void)state;
    x->used_memory_limit = INT64_MAX;
    assert_string_equal(ask(&a, "set k v"), "+OK\r\n");
    x->used_memory_limit = 1;
    assert_string_equal(ask(&a, "set k v"), "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    assert_string_equal(ask(&a, "get k"), "$1\r\nv\r\n");
    x->used_memory_limit = mem_used() + 100000;
    assert_string_equal(ask(&a, "set k v"), "+OK\r\n");
    void *big = mem_alloc(MEM_SERVER, 200000);
    int tries = 0;
    while (strncmp(ask(&a, "set k v"), "-OOM", 4) != 0) assert_true(++tries < 100);
    mem_free(MEM_SERVER, big, 200000);
    tries = 0;
    while (strncmp(ask(&a, "set k v"), "+OK", 3) != 0) assert_true(++tries < 100);
}

static void test_internal_sessions_are_not_refused(void **state) {
    (void)state;
    x->password = "p";
    x->loading = true;
    x->used_memory_limit = 1;
    a.session.authenticated = false;
    a.session.flags |= SESSION_INTERNAL;
    executor_pause(x, PAUSE_OF_CLIENT, PAUSE_ALL, FIXTURE_TIME_MS + 1000);
    assert_string_equal(ask(&a, "set k v"), "+OK\r\n");
    x->password = "";
}

/* ---- errors ---- */
static uint64_t error_count(const char *code) {
    for (unsigned i = 0; i < x->error_code_count; i++) {
        if (strcmp(x->error_counts[i].code, code) == 0) return x->error_counts[i].count;
    }
    return 0;
}

static void test_counts_errors_by_their_code(void **state) {
    (void)state;
    ask(&a, "fail");
    ask(&a, "fail");
    ask(&a, "nosuch");
    ask(&a, "get");
    assert_int_equal(command("fail")->failed, 2);
    assert_int_equal(command("fail")->calls, 2);
    assert_int_equal(command("get")->failed, 0);
    assert_int_equal(error_count("WRONGTYPE"), 2);
    assert_int_equal(error_count("ERR"), 2);
    assert_int_equal(x->error_code_count, 2);
    for (int i = 0; i < 300; i++) {
        char line[64];
        snprintf(line, sizeof line, "-C%d text\r\n", i);
        executor_count_error(x, slice_of_cstr(line));
    }
    assert_int_equal(x->error_code_count, EXECUTOR_ERROR_CODES_MAX);
    executor_count_error(x, SLICE("-AVERYLONGCODETHATGOESONANDONANDONANDON x"));
    executor_count_error(x, SLICE(""));
    executor_reset_stats(x);
    assert_int_equal(x->error_code_count, 0);
    assert_int_equal(command("fail")->calls + command("fail")->failed + x->stats.errors, 0);
    executor_count_error(x, SLICE("-AVERYLONGCODETHATGOESONANDONANDONANDON x"));
    assert_int_equal(strlen(x->error_counts[0].code), 31);
}

/* ---- CLIENT REPLY ---- */
static void test_holds_replies_back(void **state) {
    (void)state;
    assert_string_equal(ask(&a, "quiet skip"), "");
    assert_string_equal(ask(&a, "get k"), "");
    assert_string_equal(ask(&a, "get k"), "$-1\r\n");
    assert_string_equal(ask(&a, "quiet off"), "");
    assert_string_equal(ask(&a, "get k"), "");
    assert_string_equal(ask(&a, "fail"), "");
    assert_string_equal(ask(&a, "nosuch"), "");
    assert_int_equal(error_count("WRONGTYPE"), 1);
    assert_string_equal(ask(&a, "quiet on"), "+OK\r\n");
    assert_string_equal(ask(&a, "get k"), "$-1\r\n");
    ask(&a, "quiet skip");
    assert_string_equal(ask(&a, "nosuch"), ""); /* refusals too */
    assert_string_equal(ask(&a, "get k"), "$-1\r\n");
    peer_send(&a, "get k"); /* what stood in the buffer before stays */
    peer_send(&a, "quiet skip");
    peer_send(&a, "get k");
    assert_string_equal(peer_read(&a), "$-1\r\n");
}

/* ---- pause ---- */
static void test_a_pause_holds_writes(void **state) {
    (void)state;
    executor_pause(x, PAUSE_OF_CLIENT, PAUSE_WRITE, FIXTURE_TIME_MS + 1000);
    assert_string_equal(ask(&a, "get k"), "$-1\r\n");
    assert_int_equal(peer_send(&a, "set k v"), RUN_POSTPONED);
    assert_int_equal(peer_send(&b, "publish c m"), RUN_POSTPONED);
    assert_string_equal(peer_read(&a), "");
    assert_true(a.session.flags & SESSION_POSTPONED);
    assert_int_equal(x->blocked_count, 2);
    assert_int_equal(executor_next_deadline_ms(x), FIXTURE_TIME_MS + 1000);
    executor_tick(x, FIXTURE_TIME_MS + 999);
    assert_int_equal(a.resumed, 0);
    clock_wall_set_for_test(FIXTURE_TIME_MS + 1000);
    executor_tick(x, FIXTURE_TIME_MS + 1000);
    assert_int_equal(a.resumed, 1);
    assert_int_equal(b.resumed, 1);
    assert_int_equal(x->blocked_count, 0);
    assert_false(a.session.flags & SESSION_POSTPONED);
    assert_int_equal(executor_next_deadline_ms(x), INT64_MAX);
    assert_string_equal(ask(&a, "set k v"), "+OK\r\n");
}

static void test_a_pause_of_all_holds_everything(void **state) {
    (void)state;
    executor_pause(x, PAUSE_OF_CLIENT, PAUSE_ALL, FIXTURE_TIME_MS + 1000);
    executor_pause(x, PAUSE_OF_CLIENT, PAUSE_WRITE, FIXTURE_TIME_MS + 10); /* the stricter kind, the later end */
    assert_int_equal(peer_send(&a, "get k"), RUN_POSTPONED);
    assert_string_equal(ask(&b, "nosuch"), "-ERR unknown command 'nosuch', with args beginning with: \r\n");
    clock_wall_set_for_test(FIXTURE_TIME_MS + 1001);
    assert_string_equal(ask(&b, "get k"), "$-1\r\n"); /* a request that comes after the end lifts it, too */
    assert_int_equal(a.resumed, 1);
    executor_pause(x, PAUSE_OF_CLIENT, PAUSE_WRITE, FIXTURE_TIME_MS + 2000);
    assert_string_equal(ask(&b, "get k"), "$-1\r\n"); /* nothing is left of the first */
}

static void test_each_reason_has_its_own_pause(void **state) {
    (void)state;
    executor_pause(x, PAUSE_OF_CLIENT, PAUSE_ALL, FIXTURE_TIME_MS + 1000);
    executor_pause(x, PAUSE_OF_SHUTDOWN, PAUSE_WRITE, INT64_MAX);
    assert_int_equal(peer_send(&a, "get k"), RUN_POSTPONED);
    executor_unpause(x, PAUSE_OF_CLIENT); /* what is left holds writes only */
    assert_int_equal(a.resumed, 1);
    assert_int_equal(peer_send(&a, "set k v"), RUN_POSTPONED);
    assert_string_equal(ask(&b, "get k"), "$-1\r\n");
    executor_pause(x, PAUSE_OF_CLIENT, PAUSE_WRITE, FIXTURE_TIME_MS + 10);
    clock_wall_set_for_test(FIXTURE_TIME_MS + 11);
    executor_begin_batch(x);
    executor_tick(x, FIXTURE_TIME_MS + 11);
    assert_int_equal(a.resumed, 1);
    executor_unpause(x, PAUSE_OF_SHUTDOWN);
    assert_int_equal(a.resumed, 2);
    assert_int_equal(x->pause, PAUSE_NONE);
}

static void test_a_session_may_end_while_postponed(void **state) {
    (void)state;
    struct peer gone;
    peer_open(&gone, x);
    executor_pause(x, PAUSE_OF_CLIENT, PAUSE_ALL, FIXTURE_TIME_MS + 1000);
    assert_int_equal(peer_send(&gone, "get k"), RUN_POSTPONED);
    peer_close(&gone);
    assert_int_equal(x->blocked_count, 0);
    executor_unpause(x, PAUSE_OF_CLIENT);
}

/* ---- waiting ---- */
static void test_a_wait_ends_in_time(void **state) {
    (void)state;
    assert_int_equal(peer_send(&a, "block 100"), RUN_DONE);
    assert_int_equal(peer_send(&b, "block 0"), RUN_DONE);
    assert_int_equal(x->blocked_count, 2);
    assert_int_equal(executor_next_deadline_ms(x), FIXTURE_TIME_MS + 100);
    executor_tick(x, FIXTURE_TIME_MS + 99);
    assert_int_equal(timed_out, 0);
    executor_tick(x, FIXTURE_TIME_MS + 100);
    assert_int_equal(timed_out, 1);
    assert_string_equal(peer_read(&a), "*-1\r\n");
    assert_int_equal(a.resumed, 1);
    assert_int_equal(b.resumed, 0);
    assert_int_equal(x->blocked_count, 1);
    assert_int_equal(executor_next_deadline_ms(x), INT64_MAX);
    session_unblock(&b.session);
    session_unblock(&b.session);
    assert_int_equal(b.resumed, 1);
    assert_int_equal(x->blocked_count, 0);
}

/* The first whose time has come ends the wait of another, which was due as well. */
static struct session *other;
static void end_other(struct session *s) {
    (void)s;
    timed_out++;
    session_unblock(other);
}
static void test_a_wait_may_end_another(void **state) {
    (void)state;
    static const struct session_wait entangled = {end_other, NULL, true};
    peer_send(&a, "block 100");
    peer_send(&b, "block 100");
    a.session.wait = &entangled;
    other = &b.session;
    executor_tick(x, FIXTURE_TIME_MS + 100);
    assert_int_equal(timed_out, 1);
    assert_int_equal(a.resumed, 1);
    assert_int_equal(b.resumed, 1);
    assert_int_equal(x->blocked_count, 0);
    assert_int_equal(executor_next_deadline_ms(x), INT64_MAX);
}

static void test_a_wait_ends_with_its_session(void **state) {
    (void)state;
    struct peer gone;
    peer_open(&gone, x);
    peer_send(&gone, "block 9223372036854775807");
    assert_int_equal(gone.session.wait_deadline_ms, INT64_MAX);
    peer_close(&gone);
    assert_int_equal(cancelled, 1);
    assert_int_equal(x->blocked_count, 0);
}

/* ---- the rest ---- */
static void test_closing_tells_the_carrier(void **state) {
    (void)state;
    assert_string_equal(ask(&a, "die"), "+OK\r\n");
    assert_true(a.session.flags & SESSION_CLOSE_AFTER_REPLY);
    assert_int_equal(a.attended, 0); /* it is looked at anyway: this was its own request */
    assert_ptr_equal(executor_session(x, b.session.id), &b.session);
    session_close(&b.session, false);
    assert_int_equal(b.attended, 1);
    assert_true(b.session.flags & SESSION_CLOSE);
    assert_null(executor_session(x, b.session.id)); /* it is closing */
    assert_null(executor_session(x, 999));
}

/* A hash made for one dataset must not be used on the next, which has another seed. */
static void test_a_new_dataset_takes_the_place(void **state) {
    (void)state;
    static const struct siphash_seed seed = {3, 4};
    struct slice argv[] = {SLICE("get"), SLICE("k")};
    struct request r = {.argv = argv, .argc = 2};
    ask(&a, "set k old");
    ask(&a, "get k");
    struct dataset *fresh = dataset_new(16, &seed);
    dataset_set_now(fresh, FIXTURE_TIME_MS);
    db_put_string(dataset_db(fresh, 0), (struct key){SLICE("k"), dataset_hash(fresh, SLICE("k"))}, SLICE("new"),
                  NO_EXPIRE, 0);
    executor_begin_batch(x);
    executor_prepare(x, &r);
    assert_int_equal(r.key_index, 1);
    struct dataset *old = executor_replace_dataset(x, fresh);
    dataset_free(old);
    assert_int_equal(executor_run(x, &a.session, &r), RUN_DONE);
    assert_string_equal(peer_read(&a), "$3\r\nnew\r\n");
    assert_int_equal(dataset_stats(fresh)->keyspace_hits, 2); /* one of them before */
}

static int ran_calls;
static void ran(void *arg, const struct context *c, uint64_t duration_ns) {
    (void)arg;
    (void)c;
    (void)duration_ns;
    ran_calls++;
}
static char notified[64];
static void notify(void *arg, unsigned class, const char *event, struct slice key, unsigned db) {
    (void)arg;
    snprintf(notified, sizeof notified, "%u %s %.*s %u", class, event, (int)key.len, key.ptr, db);
}

static void test_hooks_hear_of_commands_and_changes(void **state) {
    (void)state;
    ran_calls = 0;
    x->hooks.ran = ran;
    x->hooks.notify = notify;
    x->latency_tracking = false;
    a.session.db = 3;
    ask(&a, "set k v");
    ask(&a, "fail");
    ask(&a, "get");
    assert_int_equal(ran_calls, 2);
    assert_string_equal(notified, "2 set k 3");
    assert_null(command("set")->latency);
}

static void test_samples_rates_and_peaks(void **state) {
    (void)state;
    int64_t now_us = 1000000;
    executor_sample(x, now_us);
    for (int i = 0; i < 16; i++) {
        for (int k = 0; k < 100; k++) ask(&a, "get k");
        x->stats.net_in += 102400;
        executor_sample(x, now_us += 100000);
    }
    assert_true(x->stats.ops_per_s > 999 && x->stats.ops_per_s < 1001);
    assert_true(x->stats.in_kib_per_s > 999 && x->stats.in_kib_per_s < 1001);
    x->stats.client_peak_in = 77;
    for (int i = 0; i < 20; i++) executor_sample(x, now_us += 100000);
    assert_int_equal(x->stats.client_peak_in, 0);
    assert_true(x->stats.ops_per_s < 1);
}

static void show(void *arg, const char *name, const char *text) {
    struct buf *out = arg;
    buf_printf(out, "%s:%s\n", name, text);
}

static void test_metrics_read(void **state) {
    (void)state;
    struct metric_scope scope = {x, x->dataset};
    struct buf out;
    buf_init(&out, MEM_SERVER);
    ask(&a, "fail");
    ask(&a, "get");
    executor_pause(x, PAUSE_OF_CLIENT, PAUSE_WRITE, FIXTURE_TIME_MS + 500);
    for (unsigned i = 0; i < executor_metric_count; i++) {
        struct metric_value v = {.kind = METRIC_NONE};
        const struct metric *m = &executor_metrics[i];
        assert_true((m->read != NULL) != (m->lines != NULL));
        if (m->lines) {
            m->lines(&scope, show, &out);
            continue;
        }
        m->read(&scope, &v);
        if (v.kind == METRIC_INT) buf_printf(&out, "%s:%lld\n", m->name, (long long)v.integer);
        if (v.kind == METRIC_TEXT) buf_printf(&out, "%s:%s\n", m->name, v.text);
    }
    buf_append(&out, "", 1);
    assert_non_null(strstr(out.ptr, "connected_clients:2\n"));
    assert_non_null(strstr(out.ptr, "total_commands_processed:1\n"));
    assert_non_null(strstr(out.ptr, "total_error_replies:2\n"));
    assert_non_null(strstr(out.ptr, "paused_actions:write\n"));
    assert_non_null(strstr(out.ptr, "paused_timeout_milliseconds:500\n"));
    assert_non_null(strstr(out.ptr, "errorstat_ERR:count=1\n"));
    assert_non_null(strstr(out.ptr, "cmdstat_get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0\n"));
    assert_non_null(strstr(out.ptr, "cmdstat_fail:calls=1,usec="));
    assert_non_null(strstr(out.ptr, "latency_percentiles_usec_fail:p50="));
    assert_non_null(strstr(out.ptr, ",p99.9="));
    assert_null(strstr(out.ptr, "maxclients"));
    assert_null(strstr(out.ptr, "cmdstat_set"));
    buf_release(&out);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_runs_and_counts),
        TEST(test_refuses_what_it_does_not_know),
        TEST(test_cuts_what_it_shows),
        TEST(test_stands_any_number_of_arguments),
        TEST(test_replies_help),
        TEST(test_asks_for_the_password),
        TEST(test_refuses_in_order),
        TEST(test_loading_asks_the_subcommand),
        TEST(test_the_memory_limit_is_looked_at_again),
        TEST(test_internal_sessions_are_not_refused),
        TEST(test_counts_errors_by_their_code),
        TEST(test_holds_replies_back),
        TEST(test_a_pause_holds_writes),
        TEST(test_a_pause_of_all_holds_everything),
        TEST(test_each_reason_has_its_own_pause),
        TEST(test_a_session_may_end_while_postponed),
        TEST(test_a_wait_ends_in_time),
        TEST(test_a_wait_may_end_another),
        TEST(test_a_wait_ends_with_its_session),
        TEST(test_closing_tells_the_carrier),
        TEST(test_a_new_dataset_takes_the_place),
        TEST(test_hooks_hear_of_commands_and_changes),
        TEST(test_samples_rates_and_peaks),
        TEST(test_metrics_read),
    };
    return cmocka_run_group_tests_name("exec/executor", tests, NULL, NULL);
}
