/* DEBUG without sockets. The digests are what redis-server 7.0.15 answered for the same data. */
#include "server/debug.h"
#include "server/server.h"
#include "server/settings.h"
#include "unit/exec/fixture.h"

#include "server/config.h"

static struct executor x;
static struct peer p;

static int set_up(void **state) {
    static const struct command_list lists[] = {{debug_commands}};
    const struct directive_list directives[] = {settings_directives};
    (void)state;
    config_init(directives, 1);
    executor_open(&x, lists, 1);
    peer_open(&p, &x);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    peer_close(&p);
    executor_shut(&x);
    config_release();
    return 0;
}

static void put(unsigned db, const char *key, const char *value, int64_t expire_at) {
    struct slice k = slice_of_cstr(key);
    assert_true(db_put_string(dataset_db(x.dataset, db), (struct key){k, dataset_hash(x.dataset, k)},
                              slice_of_cstr(value), expire_at, PUT_PLAIN));
}

static void test_digest(void **state) {
    (void)state;
    assert_string_equal(ask(&p, "debug digest"), "+0000000000000000000000000000000000000000\r\n");
    put(0, "a", "1", NO_EXPIRE);
    assert_string_equal(ask(&p, "debug digest"), "+943d800368fb9c0e951138f1bc0e313ac769d91f\r\n");
    put(1, "a", "1", NO_EXPIRE);
    assert_string_equal(ask(&p, "debug digest"), "+c6bab682b086d5daf847ee97e8554b6f1fb06350\r\n");
    dataset_flush(x.dataset, 0, false);
    put(1, "a", "1", FIXTURE_TIME_MS + 100000);
    assert_string_equal(ask(&p, "debug digest"), "+14df502ee8a997024231c3c98048efd0e812a6c3\r\n");
    put(1, "b", "2", NO_EXPIRE);
    assert_string_equal(ask(&p, "debug digest"), "+fd1d9a89f14b99aa5024ecfa550f2dbffd410370\r\n");
}

static void test_digest_value(void **state) {
    (void)state;
    put(0, "a", "1", NO_EXPIRE);
    put(0, "b", "hello", NO_EXPIRE);
    put(0, "c", "hello", FIXTURE_TIME_MS + 100000);
    assert_string_equal(
        ask(&p, "debug digest-value a b c nokey"),
        "*4\r\n+b4fc66738120fba0b5aa500ab5c2bf89cea1c5da\r\n+36b23a1456b2dce2c3ed252c456761301dba8060\r\n"
        "+d037c4eb8a8b36b602fbced4000daeab0714c1e3\r\n+0000000000000000000000000000000000000000\r\n");
}

/* However the keys came in, the digest is the same. */
static void test_digest_order(void **state) {
    (void)state;
    char key[16], first[64];
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "k%d", i);
        put(0, key, "v", NO_EXPIRE);
    }
    strcpy(first, ask(&p, "debug digest"));
    dataset_flush(x.dataset, -1, false);
    for (int i = 499; i >= 0; i--) {
        snprintf(key, sizeof key, "k%d", i);
        put(0, key, "v", NO_EXPIRE);
    }
    assert_string_equal(ask(&p, "debug digest"), first);
    put(0, "k0", "w", NO_EXPIRE);
    assert_string_not_equal(ask(&p, "debug digest"), first);
}

static void test_populate(void **state) {
    (void)state;
    put(0, "key:1", "mine", NO_EXPIRE);
    assert_string_equal(ask(&p, "debug populate 1000"), "+OK\r\n");
    assert_int_equal(db_keys(dataset_db(x.dataset, 0)), 1000);
    assert_string_equal(ask(&p, "debug populate 5 other 3"), "+OK\r\n");
    assert_int_equal(db_keys(dataset_db(x.dataset, 0)), 1005);
    assert_string_equal(ask(&p, "debug populate -1"), "-ERR value is out of range, must be positive\r\n");
    assert_string_equal(ask(&p, "debug populate 1 k 99999999999"), "-ERR value is out of range, must be positive\r\n");
    x.loading = true;
    assert_string_equal(ask(&p, "debug populate 5"), "-LOADING Tarn is loading the dataset in memory\r\n");
    x.loading = false;
}

static void test_forms(void **state) {
    (void)state;
    assert_string_equal(ask(&p, "debug nonsense"),
                        "-ERR unknown subcommand or wrong number of arguments for 'nonsense'. Try DEBUG HELP.\r\n");
    assert_string_equal(ask(&p, "debug sleep"),
                        "-ERR unknown subcommand or wrong number of arguments for 'sleep'. Try DEBUG HELP.\r\n");
    assert_string_equal(ask(&p, "debug error \"A b\\nc\""), "-A b c\r\n");
    assert_string_equal(ask(&p, "debug stringmatch-len a* abc"), ":1\r\n");
    assert_string_equal(ask(&p, "debug stringmatch-len a*d abc"), ":0\r\n");
    assert_string_equal(ask(&p, "debug quicklist-packed-threshold x"),
                        "-ERR argument must be a memory value bigger than 1 and smaller than 4gb\r\n");
    assert_string_equal(ask(&p, "debug protocol map"), "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n");
    p.session.reply.resp = 3;
    assert_string_equal(ask(&p, "debug protocol map"), "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n");
    p.session.reply.resp = 2;
    assert_false(debug_cron_paused());
    assert_string_equal(ask(&p, "debug pause-cron 1"), "+OK\r\n");
    assert_true(debug_cron_paused());
    ask(&p, "debug pause-cron 0");
}

/* enable-debug-command is `no` by default, and this peer is on no socket that could be local. */
static void test_refuse(void **state) {
    (void)state;
    struct context c = {.executor = &x, .session = &p.session};
    assert_non_null(debug_refuse(&c));
    assert_false(settings_permit(PERMIT_LOCAL, &c));
    assert_true(settings_permit(PERMIT_YES, &c));
    p.session.flags |= SESSION_UNIX;
    assert_true(settings_permit(PERMIT_LOCAL, &c));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_digest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_digest_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_digest_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_populate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuse, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
