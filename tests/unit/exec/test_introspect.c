/* COMMAND in bytes, as redis-server 7.0.15 writes them. */
#include "exec/introspect.h"

#include "fixture.h"
#include "wire/resp.h"

static void nothing(struct context *c) { (void)c; }

static const char *const tips[] = {"request_policy:multi_shard", "response_policy:agg_min", NULL};
static const struct command_arg nested[] = {
    {.name = "nx", .type = ARG_PURE_TOKEN, .token = "NX"},
    {.name = "seconds", .type = ARG_INTEGER, .token = "EX", .since = "2.6.12"},
    {0},
};
static const struct command_arg args[] = {
    {.name = "key", .type = ARG_KEY},
    {.name = "none", .type = ARG_KEY, .key_spec = -1, .flags = ARG_OPTIONAL | ARG_MULTIPLE | ARG_MULTIPLE_TOKEN},
    {.name = "condition", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .deprecated_since = "9", .args = nested},
    {0},
};
static const struct command_history history[] = {{"6.0.0", "More."}, {0}};
static const struct command_row subs[] = {
    {.name = "get",
     .run = nothing,
     .arity = -3,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Gets."},
    {0},
};
static const struct command_row rows[] = {
    {.name = "get",
     .run = nothing,
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .acl = ACL_STRING,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .group = GROUP_STRING,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gets.",
     .args = args,
     .history = history,
     .deprecated_since = "7.0.0",
     .replaced_by = "`X`"},
    {.name = "msetnx",
     .run = nothing,
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .acl = ACL_STRING,
     .keys = {KEYS_FROM(1, 2, KEY_OW | KEY_INSERT)},
     .tips = tips,
     .group = GROUP_STRING},
    {.name = "xread",
     .run = nothing,
     .arity = -4,
     .flags = CMD_READONLY | CMD_BLOCKING,
     .acl = ACL_STREAM,
     .keys = {{.begin = KEY_BEGIN_KEYWORD,
               .position = 1,
               .keyword = "STREAMS",
               .find = KEY_FIND_RANGE,
               .last = -1,
               .step = 1,
               .limit = 2,
               .flags = KEY_RO | KEY_ACCESS}},
     .group = GROUP_STREAM},
    {.name = "eval",
     .run = nothing,
     .arity = -3,
     .flags = CMD_NOSCRIPT | CMD_STALE | CMD_SKIP_MONITOR | CMD_NO_MANDATORY_KEYS,
     .acl = ACL_SCRIPTING,
     .group = GROUP_SCRIPTING,
     .keys = {{.begin = KEY_BEGIN_INDEX,
               .position = 2,
               .find = KEY_FIND_KEYNUM,
               .step = 1,
               .limit = 1,
               .flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
               .notes = "Worst case"}}},
    {.name = "sort",
     .run = nothing,
     .arity = -2,
     .group = GROUP_GENERIC,
     .keys = {{.begin = KEY_BEGIN_UNKNOWN, .find = KEY_FIND_UNKNOWN, .flags = KEY_OW | KEY_UPDATE}}},
    {.name = "publish",
     .run = nothing,
     .arity = 3,
     .group = GROUP_PUBSUB,
     .flags = CMD_PUBSUB | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_MAY_REPLICATE | CMD_SENTINEL | CMD_PROTECTED},
    {.name = "config", .arity = -2, .subcommands = subs, .group = GROUP_SERVER, .summary = "Holds."},
    {0},
};
static const struct command_list lists[] = {{rows}, {introspect_commands}};

static struct executor executor, *const x = &executor;
static struct peer a;

static int set_up(void **state) {
    (void)state;
    executor_open(x, lists, 2);
    peer_open(&a, x);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    peer_close(&a);
    executor_shut(x);
    return 0;
}

static const char *ask3(const char *line) {
    a.session.reply.resp = 3;
    const char *reply = ask(&a, line);
    a.session.reply.resp = 2;
    return reply;
}

static const char get_info2[] =
    "*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
    "*3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n"
    "*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n"
    "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n"
    "$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n"
    "*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n";
static const char config_get_info2[] =
    "*10\r\n$10\r\nconfig|get\r\n:-3\r\n*4\r\n+admin\r\n+noscript\r\n+loading\r\n+stale\r\n"
    ":0\r\n:0\r\n:0\r\n*3\r\n+@admin\r\n+@slow\r\n+@dangerous\r\n*0\r\n*0\r\n*0\r\n";

static void test_info_in_resp2(void **state) {
    (void)state;
    char expected[2048];
    snprintf(expected, sizeof expected, "*5\r\n%s$-1\r\n%s$-1\r\n%s", get_info2, config_get_info2, get_info2);
    assert_string_equal(ask(&a, "command info get nosuch config|get config|nosuch GET"), expected);
    snprintf(expected, sizeof expected,
             "*1\r\n*10\r\n$6\r\nconfig\r\n:-2\r\n*0\r\n:0\r\n:0\r\n:0\r\n*1\r\n+@slow\r\n*0\r\n*0\r\n*1\r\n%s",
             config_get_info2);
    assert_string_equal(ask(&a, "command info config"), expected);
}

static void test_info_in_resp3(void **state) {
    (void)state;
    assert_string_equal(
        ask3("command info get nosuch config|get"),
        "*3\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
        "~3\r\n+@read\r\n+@string\r\n+@fast\r\n~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n+access\r\n"
        "$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n:1\r\n"
        "$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n"
        "%3\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n~0\r\n"
        "_\r\n*10\r\n$10\r\nconfig|get\r\n:-3\r\n~4\r\n+admin\r\n+noscript\r\n+loading\r\n+stale\r\n"
        ":0\r\n:0\r\n:0\r\n~3\r\n+@admin\r\n+@slow\r\n+@dangerous\r\n~0\r\n~0\r\n~0\r\n");
}

static void test_info_of_other_specs(void **state) {
    (void)state;
    assert_string_equal(
        ask(&a, "command info msetnx"),
        "*1\r\n*10\r\n$6\r\nmsetnx\r\n:-3\r\n*2\r\n+write\r\n+denyoom\r\n:1\r\n:-1\r\n:2\r\n*3\r\n+@write\r\n+@"
        "string\r\n"
        "+@slow\r\n*2\r\n$26\r\nrequest_policy:multi_shard\r\n$23\r\nresponse_policy:agg_min\r\n"
        "*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+OW\r\n+insert\r\n"
        "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n"
        "$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n"
        "*6\r\n$7\r\nlastkey\r\n:-1\r\n$7\r\nkeystep\r\n:2\r\n$5\r\nlimit\r\n:0\r\n*0\r\n");
    assert_string_equal(
        ask(&a, "command info xread"),
        "*1\r\n*10\r\n$5\r\nxread\r\n:-4\r\n*3\r\n+readonly\r\n+blocking\r\n+movablekeys\r\n:0\r\n:0\r\n:0\r\n"
        "*4\r\n+@read\r\n+@stream\r\n+@slow\r\n+@blocking\r\n*0\r\n*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n"
        "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$7\r\nkeyword\r\n$4\r\nspec\r\n*4\r\n$7\r\nkeyword\r\n"
        "$7\r\nSTREAMS\r\n$9\r\nstartfrom\r\n:1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n"
        "*6\r\n$7\r\nlastkey\r\n:-1\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:2\r\n*0\r\n");
    assert_string_equal(
        ask(&a, "command info eval"),
        "*1\r\n*10\r\n$4\r\neval\r\n:-3\r\n*5\r\n+noscript\r\n+stale\r\n+skip_monitor\r\n+no_mandatory_keys\r\n"
        "+movablekeys\r\n:0\r\n:0\r\n:0\r\n*2\r\n+@slow\r\n+@scripting\r\n*0\r\n*1\r\n*8\r\n$5\r\nnotes\r\n"
        "$10\r\nWorst case\r\n$5\r\nflags\r\n*3\r\n+RW\r\n+access\r\n+update\r\n"
        "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:2\r\n"
        "$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$6\r\nkeynum\r\n$4\r\nspec\r\n"
        "*6\r\n$9\r\nkeynumidx\r\n:0\r\n$8\r\nfirstkey\r\n:1\r\n$7\r\nkeystep\r\n:1\r\n*0\r\n");
    assert_string_equal(
        ask(&a, "command info sort"),
        "*1\r\n*10\r\n$4\r\nsort\r\n:-2\r\n*1\r\n+movablekeys\r\n:0\r\n:0\r\n:0\r\n*1\r\n+@slow\r\n*0\r\n*1\r\n*6\r\n"
        "$5\r\nflags\r\n*2\r\n+OW\r\n+update\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$7\r\nunknown\r\n"
        "$4\r\nspec\r\n*0\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$7\r\nunknown\r\n$4\r\nspec\r\n*0\r\n*0\r\n");
    /* Flags that are nobody's business are not shown. */
    assert_string_equal(
        ask(&a, "command info publish"),
        "*1\r\n*10\r\n$7\r\npublish\r\n:3\r\n*4\r\n+pubsub\r\n+loading\r\n+stale\r\n+fast\r\n:0\r\n:0\r\n:0\r\n"
        "*2\r\n+@pubsub\r\n+@fast\r\n*0\r\n*0\r\n*0\r\n");
}

static void test_docs(void **state) {
    (void)state;
    assert_string_equal(ask(&a, "command docs nosuch"), "*0\r\n");
    assert_string_equal(ask3("command docs nosuch"), "%0\r\n");
    assert_string_equal(
        ask3("command docs nosuch get"),
        "%1\r\n$3\r\nget\r\n%9\r\n$7\r\nsummary\r\n$5\r\nGets.\r\n$5\r\nsince\r\n$5\r\n1.0.0\r\n$5\r\ngroup\r\n"
        "$6\r\nstring\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n$9\r\ndoc_flags\r\n~1\r\n+deprecated\r\n"
        "$16\r\ndeprecated_since\r\n$5\r\n7.0.0\r\n$11\r\nreplaced_by\r\n$3\r\n`X`\r\n"
        "$7\r\nhistory\r\n~1\r\n*2\r\n$5\r\n6.0.0\r\n$5\r\nMore.\r\n$9\r\narguments\r\n*3\r\n"
        "%3\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\nkey\r\n$14\r\nkey_spec_index\r\n:0\r\n"
        "%3\r\n$4\r\nname\r\n$4\r\nnone\r\n$4\r\ntype\r\n$3\r\nkey\r\n$5\r\nflags\r\n~3\r\n+optional\r\n+multiple\r\n"
        "+multiple_token\r\n"
        "%5\r\n$4\r\nname\r\n$9\r\ncondition\r\n$4\r\ntype\r\n$5\r\noneof\r\n$16\r\ndeprecated_since\r\n$1\r\n9\r\n"
        "$5\r\nflags\r\n~1\r\n+optional\r\n$9\r\narguments\r\n*2\r\n"
        "%3\r\n$4\r\nname\r\n$2\r\nnx\r\n$4\r\ntype\r\n$10\r\npure-token\r\n$5\r\ntoken\r\n$2\r\nNX\r\n"
        "%4\r\n$4\r\nname\r\n$7\r\nseconds\r\n$4\r\ntype\r\n$7\r\ninteger\r\n$5\r\ntoken\r\n$2\r\nEX\r\n"
        "$5\r\nsince\r\n$6\r\n2.6.12\r\n");
    assert_string_equal(ask(&a, "command docs config"),
                        "*2\r\n$6\r\nconfig\r\n*6\r\n$7\r\nsummary\r\n$6\r\nHolds.\r\n$5\r\ngroup\r\n$6\r\nserver\r\n"
                        "$11\r\nsubcommands\r\n*2\r\n$10\r\nconfig|get\r\n*8\r\n$7\r\nsummary\r\n$5\r\nGets.\r\n$"
                        "5\r\nsince\r\n$5\r\n2.0.0\r\n"
                        "$5\r\ngroup\r\n$6\r\nserver\r\n$10\r\ncomplexity\r\n$4\r\nO(1)\r\n");
}

/* Every aggregate's count must be right: whole replies are walked item by item. */
static size_t skip_item(const char *at, size_t left) {
    struct resp_item item;
    ssize_t used = resp_read_item(at, left, &item);
    assert_true(used > 0);
    size_t n = (size_t)used;
    int64_t parts = item.kind == RESP_MAP                              ? 2 * item.count
                    : item.kind == RESP_ARRAY || item.kind == RESP_SET ? item.count
                                                                       : 0;
    while (parts-- > 0) n += skip_item(at + n, left - n);
    return n;
}

static void test_whole_replies_are_well_formed(void **state) {
    (void)state;
    static const char *const lines[] = {"command", "command info", "command docs", "command list", "command help"};
    for (size_t i = 0; i < countof(lines); i++) {
        const char *reply = ask(&a, lines[i]);
        assert_int_equal(skip_item(reply, strlen(reply)), strlen(reply));
        reply = ask3(lines[i]);
        assert_int_equal(skip_item(reply, strlen(reply)), strlen(reply));
    }
    assert_string_equal(ask(&a, "command count"), ":8\r\n");
}

static void test_list(void **state) {
    (void)state;
    assert_string_equal(ask(&a, "command list filterby pattern conf*"), "*2\r\n$6\r\nconfig\r\n$10\r\nconfig|get\r\n");
    assert_string_equal(ask3("command list filterby PATTERN MSET*"), "*1\r\n$6\r\nmsetnx\r\n");
    assert_string_equal(ask(&a, "command list filterby aclcat stream"), "*1\r\n$5\r\nxread\r\n");
    assert_string_equal(ask(&a, "command list filterby aclcat @stream"), "*0\r\n");
    assert_string_equal(ask(&a, "command list filterby module any"), "*0\r\n");
    assert_string_equal(ask(&a, "command list filterby"), "-ERR syntax error\r\n");
    assert_string_equal(ask(&a, "command list filterby foo bar"), "-ERR syntax error\r\n");
    assert_string_equal(ask(&a, "command list filterby pattern x y"), "-ERR syntax error\r\n");
}

static void test_getkeys(void **state) {
    (void)state;
    static const char *const expected[][2] = {
        {"command getkeys get a", "*1\r\n$1\r\na\r\n"},
        {"command getkeys GET a b", "-ERR Invalid number of arguments specified for command\r\n"},
        {"command getkeys nosuch a", "-ERR Invalid command specified\r\n"},
        {"command getkeys config foo", "-ERR Invalid command specified\r\n"},
        {"command getkeys config get", "-ERR The command has no key arguments\r\n"},
        {"command getkeys get", "-ERR wrong number of arguments for 'command|getkeys' command\r\n"},
        {"command getkeys eval s 2 a b c", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
        {"command getkeys eval s 9 a", "*0\r\n"},
        {"command getkeys eval s 0 a", "*0\r\n"},
        {"command getkeys xread count 1 a b", "-ERR Invalid arguments specified for command\r\n"},
        {"command getkeys xread streams a b 0 0", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
        {"command getkeysandflags get a", "*1\r\n*2\r\n$1\r\na\r\n*2\r\n+RO\r\n+access\r\n"},
        {"command nosuch", "-ERR unknown subcommand 'nosuch'. Try COMMAND HELP.\r\n"},
    };
    for (size_t i = 0; i < countof(expected); i++) assert_string_equal(ask(&a, expected[i][0]), expected[i][1]);
    assert_string_equal(ask3("command getkeysandflags get a"), "*1\r\n*2\r\n$1\r\na\r\n~2\r\n+RO\r\n+access\r\n");
}

static void test_getkeys_of_a_huge_command(void **state) {
    (void)state;
    enum { ARGC = 200003 };
    struct slice *argv = calloc(ARGC, sizeof *argv);
    assert_non_null(argv);
    for (int i = 0; i < ARGC; i++) argv[i] = SLICE("k");
    argv[0] = SLICE("command");
    argv[1] = SLICE("getkeys");
    argv[2] = SLICE("msetnx");
    peer_run(&a, argv, ARGC);
    assert_memory_equal(peer_read(&a), "*100000\r\n$1\r\nk\r\n", 16);
    mem_fail_after(1, 100000);
    peer_run(&a, argv, ARGC);
    assert_string_equal(peer_read(&a), "-OOM not enough memory to list the keys\r\n");
    mem_fail_after(0, 0);
    free(argv);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_info_in_resp2),
        TEST(test_info_in_resp3),
        TEST(test_info_of_other_specs),
        TEST(test_docs),
        TEST(test_list),
        TEST(test_whole_replies_are_well_formed),
        TEST(test_getkeys),
        TEST(test_getkeys_of_a_huge_command),
    };
    return cmocka_run_group_tests_name("exec/introspect", tests, NULL, NULL);
}
