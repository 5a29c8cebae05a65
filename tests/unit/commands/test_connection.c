/* The connection group on sessions without sockets. */
#include "commands/connection.h"

#include "../exec/fixture.h"

static void on_timeout(struct session *s) { reply_null(&s->reply); }
static const struct session_wait waits[] = {{on_timeout, NULL, false}, {on_timeout, NULL, true}};

static void run_block(struct context *c) { session_block(c->session, &waits[slice_is(c->argv[1], "1")], NULL, 0); }
static void run_ok(struct context *c) { reply_ok(c->reply); }
static const struct command_row extra[] = {
    {.name = "block", .run = run_block, .arity = 2, .flags = CMD_BLOCKING},
    {.name = "write", .run = run_ok, .arity = 1, .flags = CMD_WRITE},
    {0},
};
static const struct command_list lists[] = {{connection_commands}, {extra}};

static struct executor executor, *const x = &executor;
static struct peer a, b;

static int set_up(void **state) {
    (void)state;
    executor_open(x, lists, 2);
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

static void expect(const char *const pairs[][2], size_t n) {
    for (size_t i = 0; i < n; i++) assert_string_equal(ask(&a, pairs[i][0]), pairs[i][1]);
}
#define EXPECT(...)                                       \
    do {                                                  \
        static const char *const p_[][2] = {__VA_ARGS__}; \
        expect(p_, countof(p_));                          \
    } while (0)

#define NAME_ERROR "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
#define HELLO(resp, id)                                                                                           \
    "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n$5\r\nproto\r\n:" resp "\r\n$2\r\nid\r\n:" id \
    "\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"

static void test_small_ones(void **state) {
    (void)state;
    EXPECT({"ping", "+PONG\r\n"}, {"PING a", "$1\r\na\r\n"},
           {"ping a b", "-ERR wrong number of arguments for 'ping' command\r\n"}, {"echo x", "$1\r\nx\r\n"},
           {"echo ''", "$0\r\n\r\n"}, {"select 15", "+OK\r\n"}, {"select 16", "-ERR DB index is out of range\r\n"},
           {"select -1", "-ERR DB index is out of range\r\n"},
           {"select x", "-ERR value is not an integer or out of range\r\n"},
           {"select 99999999999999999999", "-ERR value is not an integer or out of range\r\n"},
           {"time x", "-ERR wrong number of arguments for 'time' command\r\n"});
    assert_int_equal(a.session.db, 15);
    assert_string_equal(ask(&a, "time"), "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n");
    assert_string_equal(ask(&a, "quit now"), "+OK\r\n");
    assert_true(a.session.flags & SESSION_CLOSE_AFTER_REPLY);
}

static void test_reset(void **state) {
    (void)state;
    ask(&a, "hello 3 setname me");
    ask(&a, "select 3");
    ask(&a, "client no-evict on");
    ask(&a, "client no-touch on");
    assert_int_equal(a.session.flags, SESSION_NO_EVICT | SESSION_NO_TOUCH);
    assert_string_equal(ask(&a, "reset"), "+RESET\r\n");
    assert_int_equal(a.session.flags, 0);
    assert_int_equal(a.session.db, 0);
    assert_int_equal(a.session.reply.resp, 2);
    assert_null(a.session.name);
    x->password = "p";
    ask(&a, "reset");
    assert_string_equal(ask(&a, "ping"), "-NOAUTH Authentication required.\r\n");
    x->password = "";
}

static void test_hello(void **state) {
    (void)state;
    EXPECT({"hello", "*14\r\n" HELLO("2", "1")}, {"hello 4", "-NOPROTO unsupported protocol version\r\n"},
           {"hello 1", "-NOPROTO unsupported protocol version\r\n"},
           {"hello x", "-ERR Protocol version is not an integer or out of range\r\n"},
           {"hello 03", "-ERR Protocol version is not an integer or out of range\r\n"},
           {"hello 3 foo", "-ERR Syntax error in HELLO option 'foo'\r\n"},
           {"hello 3 auth a", "-ERR Syntax error in HELLO option 'auth'\r\n"},
           {"hello 3 setname", "-ERR Syntax error in HELLO option 'setname'\r\n"},
           {"hello 3 setname 'a b'", NAME_ERROR},
           {"hello 3 auth a b", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
           {"hello", "*14\r\n" HELLO("2", "1")}, {"hello 3 AUTH default any SETNAME me", "%7\r\n" HELLO("3", "1")},
           {"hello", "%7\r\n" HELLO("3", "1")}, {"client getname", "$2\r\nme\r\n"},
           {"hello 2", "*14\r\n" HELLO("2", "1")});
}

static void test_auth(void **state) {
    (void)state;
    EXPECT({"auth a",
            "-ERR AUTH <password> called without any password configured for the default user. Are you sure your "
            "configuration is correct?\r\n"},
           {"auth a b", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
           {"auth default b", "+OK\r\n"}, {"auth a b c", "-ERR syntax error\r\n"});
    x->password = "secret";
    a.session.authenticated = false;
    EXPECT(
        {"ping", "-NOAUTH Authentication required.\r\n"},
        {"hello 3",
         "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> "
         "option can be used to authenticate the client and select the RESP protocol version at the same time\r\n"},
        {"hello 3 auth default wrong", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
        {"auth secre", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
        {"auth secrets", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
        {"auth secretsecret", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
        {"auth ''", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
        {"auth nobody secret", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
        {"auth Default secret", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
        {"ping", "-NOAUTH Authentication required.\r\n"}, {"auth secret", "+OK\r\n"}, {"ping", "+PONG\r\n"},
        {"auth default wrong", "-WRONGPASS invalid username-password pair or user is disabled.\r\n"},
        {"ping", "+PONG\r\n"});
    assert_int_equal(x->stats.auth_failures, 9);
    x->password = "";
}

static void test_names(void **state) {
    (void)state;
    EXPECT({"client getname", "$-1\r\n"}, {"client setname abc", "+OK\r\n"}, {"client getname", "$3\r\nabc\r\n"},
           {"client setname 'a b'", NAME_ERROR}, {"client setname \"a\\x7fb\"", NAME_ERROR},
           {"client setname \"a\\xc3b\"", NAME_ERROR}, {"client getname", "$3\r\nabc\r\n"},
           {"client setname ''", "+OK\r\n"}, {"client getname", "$-1\r\n"},
           {"client setinfo lib-name tarn-c", "+OK\r\n"}, {"client setinfo LIB-VER 1.2", "+OK\r\n"},
           {"client setinfo lib-os x", "-ERR Unrecognized option 'lib-os'\r\n"},
           {"client setinfo lib-ver '1 2'", "-ERR lib-ver cannot contain spaces, newlines or special characters.\r\n"},
           {"client id", ":1\r\n"}, {"client getredir", ":-1\r\n"});
    assert_string_equal(a.session.lib_name, "tarn-c");
    assert_string_equal(a.session.lib_version, "1.2");
}

#define LINE(id, port, flags, cmd, resp, argv, cmds, more)                                      \
    "id=" id " addr=10.0.0.1:" port " laddr=10.0.0.2:6379 fd=7 name= age=0 idle=0 flags=" flags \
    " db=0 sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=0 qbuf-free=0 argv-mem=" argv              \
    " multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 "                                                     \
    "omem=0 "                                                                                   \
    "tot-mem=0 events=r cmd=" cmd " user=default redir=-1 resp=" resp " " more                  \
    "tot-net-in=0 tot-net-out=0 tot-cmds=" cmds "\n"
#define NO_LIB "lib-name= lib-ver= "

static void expect_bulk(const char *line, const char *lines) {
    char expected[2048];
    snprintf(expected, sizeof expected, "$%zu\r\n%s\r\n", strlen(lines), lines);
    assert_string_equal(ask(&a, line), expected);
}

static void test_list(void **state) {
    (void)state;
    const char *own = LINE("1", "1001", "N", "client|list", "2", "10", "0", NO_LIB),
               *other = LINE("2", "1002", "N", "NULL", "2", "0", "0", NO_LIB);
    char both[1024];
    snprintf(both, sizeof both, "%s%s", own, other);
    expect_bulk("client list", both);
    expect_bulk("client list id 2 77", other);
    expect_bulk("client list type master", "");
    expect_bulk("client list type normal skipme yes", other);
    expect_bulk("client list addr 10.0.0.1:1002 laddr 10.0.0.2:6379 user default", other);
    expect_bulk("client list maxage 1", "");
    EXPECT({"client list foo", "-ERR syntax error\r\n"}, {"client list type", "-ERR syntax error\r\n"},
           {"client list type foo", "-ERR Unknown client type 'foo'\r\n"}, {"client list id", "-ERR syntax error\r\n"},
           {"client list id x", "-ERR Invalid client ID\r\n"}, {"client list id 1 x", "-ERR Invalid client ID\r\n"},
           {"client list id 0", "-ERR Invalid client ID\r\n"},
           {"client list user nobody", "-ERR No such user 'nobody'\r\n"},
           {"client list skipme maybe", "-ERR syntax error\r\n"},
           {"client list maxage x", "-ERR maxage is not an integer or out of range\r\n"});
}

static void test_info_of_a_described_client(void **state) {
    (void)state;
    clock_wall_set_for_test(FIXTURE_TIME_MS + 61500);
    ask(&a, "hello 3 setname me");
    ask(&a, "select 9");
    ask(&a, "client setinfo lib-name l");
    ask(&a, "client setinfo lib-ver v");
    ask(&a, "client no-evict on");
    ask(&a, "client no-touch on");
    a.session.flags |= SESSION_UNIX;
    const char *reply = ask(&a, "client info");
    assert_memory_equal(reply, "=", 1);
    assert_non_null(strstr(
        reply, "\r\ntxt:id=1 addr=10.0.0.1:1001 laddr=10.0.0.2:6379 fd=7 name=me age=61 idle=0 flags=UeT db=9 "));
    assert_non_null(
        strstr(reply, " cmd=client|info user=default redir=-1 resp=3 lib-name=l lib-ver=v tot-net-in=0 tot-net-out=0 "
                      "tot-cmds=6\n\r\n"));
}

static void test_kill(void **state) {
    (void)state;
    EXPECT({"client kill 1.2.3.4:5", "-ERR No such client\r\n"}, {"client kill id", "-ERR No such client\r\n"},
           {"client kill id x", "-ERR client-id should be greater than 0\r\n"},
           {"client kill id 0", "-ERR client-id should be greater than 0\r\n"}, {"client kill id 99", ":0\r\n"},
           {"client kill id 1", ":0\r\n"}, /* itself: skipped unless told */
           {"client kill type foo", "-ERR Unknown client type 'foo'\r\n"}, {"client kill type pubsub", ":0\r\n"},
           {"client kill user nobody", "-ERR No such user 'nobody'\r\n"},
           {"client kill skipme maybe", "-ERR syntax error\r\n"}, {"client kill foo bar", "-ERR syntax error\r\n"},
           {"client kill id 2 skipme", "-ERR syntax error\r\n"},
           {"client kill addr 10.0.0.1:1002 laddr 1.1.1.1:1", ":0\r\n"}, {"client kill maxage 5", ":0\r\n"});
    assert_int_equal(b.session.flags, 0);
    assert_string_equal(ask(&a, "client kill id 2 type normal"), ":1\r\n");
    assert_true(b.session.flags & SESSION_CLOSE);
    assert_int_equal(b.attended, 1);
    assert_string_equal(ask(&a, "client kill id 2"), ":0\r\n"); /* it is gone already */
    assert_string_equal(ask(&a, "client kill 10.0.0.1:1001"), "+OK\r\n");
    assert_int_equal(a.session.flags, SESSION_CLOSE_AFTER_REPLY);
}

static void test_kill_of_old_ones(void **state) {
    (void)state;
    clock_wall_set_for_test(FIXTURE_TIME_MS + 10000);
    assert_string_equal(ask(&a, "client kill maxage 11 skipme no"), ":0\r\n");
    assert_string_equal(ask(&a, "client kill maxage 10 skipme no"), ":2\r\n");
}

static void test_unblock(void **state) {
    (void)state;
    EXPECT({"client unblock x", "-ERR value is not an integer or out of range\r\n"}, {"client unblock 99", ":0\r\n"},
           {"client unblock 2", ":0\r\n"},
           {"client unblock 2 foo", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n"},
           {"client unblock 2 error x",
            "-ERR unknown subcommand or wrong number of arguments for 'unblock'. Try CLIENT HELP.\r\n"});
    peer_send(&b, "block 0"); /* a wait that nobody may end */
    assert_string_equal(ask(&a, "client unblock 2"), ":0\r\n");
    session_unblock(&b.session);
    peer_send(&b, "block 1");
    assert_string_equal(ask(&a, "client unblock 2 timeout"), ":1\r\n");
    assert_string_equal(peer_read(&b), "$-1\r\n");
    peer_send(&b, "block 1");
    assert_string_equal(ask(&a, "client unblock 2 ERROR"), ":1\r\n");
    assert_string_equal(peer_read(&b), "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    assert_int_equal(b.resumed, 3);
}

static void test_pause(void **state) {
    (void)state;
    EXPECT({"client pause x", "-ERR timeout is not an integer or out of range\r\n"},
           {"client pause -1", "-ERR timeout is negative\r\n"},
           {"client pause 1 foo", "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n"},
           {"client pause 1 write x",
            "-ERR unknown subcommand or wrong number of arguments for 'pause'. Try CLIENT HELP.\r\n"},
           {"client pause 0", "+OK\r\n"}, {"ping", "+PONG\r\n"},
           {"client pause 9223372036854775807", "-ERR timeout is out of range\r\n"},
           {"client pause 999999999999 write", "+OK\r\n"}, {"ping", "+PONG\r\n"});
    assert_int_equal(peer_send(&b, "write"), RUN_POSTPONED);
    assert_string_equal(ask(&a, "client unblock 2"), ":0\r\n");
    assert_string_equal(ask(&a, "client unpause"), "+OK\r\n");
    assert_int_equal(b.resumed, 1);
    assert_string_equal(ask(&b, "write"), "+OK\r\n");
    executor_pause(x, PAUSE_OF_SHUTDOWN, PAUSE_WRITE, INT64_MAX); /* a shutdown's: it stays */
    assert_string_equal(ask(&a, "client unpause"), "+OK\r\n");
    assert_int_equal(peer_send(&b, "write"), RUN_POSTPONED);
    executor_unpause(x, PAUSE_OF_SHUTDOWN);
}

static void test_reply_modes(void **state) {
    (void)state;
    EXPECT({"client reply foo", "-ERR syntax error\r\n"}, {"client reply on", "+OK\r\n"}, {"client reply skip", ""},
           {"echo a", ""}, {"echo b", "$1\r\nb\r\n"}, {"client reply off", ""}, {"echo a", ""},
           {"client reply skip", ""}, {"ping", ""}, {"client reply on", "+OK\r\n"}, {"echo c", "$1\r\nc\r\n"},
           {"client reply skip", ""}, {"client reply on", "+OK\r\n"});
}

static void test_tracking(void **state) {
    (void)state;
    EXPECT({"client trackinginfo",
            "*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n"},
           {"client tracking foo", "-ERR syntax error\r\n"}, {"client tracking off", "+OK\r\n"},
           {"client tracking off bcast noloop prefix a", "+OK\r\n"},
           {"client tracking off redirect 3", "-ERR The client ID you want redirect to does not exist\r\n"},
           {"client tracking on foo", "-ERR syntax error\r\n"}, {"client tracking on prefix", "-ERR syntax error\r\n"},
           {"client caching yes",
            "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT "
            "mode enabled\r\n"},
           {"client capa redirect", "+OK\r\n"}, {"client import-source off", "+OK\r\n"},
           {"client import-source on", "-ERR Server is not in import mode\r\n"},
           {"client maint_notifications on", "-ERR unknown subcommand 'maint_notifications'. Try CLIENT HELP.\r\n"});
    ask(&a, "hello 3");
    assert_string_equal(ask(&a, "client trackinginfo"),
                        "%3\r\n$5\r\nflags\r\n~1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n*0\r\n");
}

static void test_lolwut(void **state) {
    (void)state;
    assert_non_null(strstr(ask(&a, "lolwut"), "\nTarn ver. "));
    assert_non_null(strstr(ask(&a, "lolwut version 5 40"), "\nTarn ver. "));
    assert_string_equal(ask(&a, "lolwut version x"), "-ERR value is not an integer or out of range\r\n");
    assert_non_null(
        strstr(ask(&a, "client help"), "+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"));
}

/* Ids from outside are many: the list of them may fail to be allocated, and takes no quadratic time. */
static void test_list_of_many_ids(void **state) {
    (void)state;
    enum { ARGC = 500003 };
    struct slice *argv = calloc(ARGC, sizeof *argv);
    assert_non_null(argv);
    for (int i = 0; i < ARGC; i++) argv[i] = SLICE("99");
    argv[0] = SLICE("client");
    argv[1] = SLICE("list");
    argv[2] = SLICE("id");
    peer_run(&a, argv, ARGC);
    assert_string_equal(peer_read(&a), "$0\r\n\r\n");
    argv[ARGC - 1] = SLICE("2");
    peer_run(&a, argv, ARGC);
    assert_non_null(strstr(peer_read(&a), "id=2 "));
    mem_fail_after(1, 100000);
    peer_run(&a, argv, ARGC);
    assert_string_equal(peer_read(&a), "-OOM not enough memory for the list of clients\r\n");
    mem_fail_after(0, 0);
    free(argv);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_small_ones),
        TEST(test_reset),
        TEST(test_hello),
        TEST(test_auth),
        TEST(test_names),
        TEST(test_list),
        TEST(test_kill),
        TEST(test_kill_of_old_ones),
        TEST(test_unblock),
        TEST(test_pause),
        TEST(test_reply_modes),
        TEST(test_tracking),
        TEST(test_lolwut),
        TEST(test_list_of_many_ids),
        TEST(test_info_of_a_described_client),
    };
    return cmocka_run_group_tests_name("commands/connection", tests, NULL, NULL);
}
