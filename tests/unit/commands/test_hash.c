/* Hash commands while what has expired is kept: what an append-only file replays must find the fields that it found when it was
 * written. The rest of these commands is compared with redis-server and Valkey's documentation in tests/integration. */
#include "unit/exec/fixture.h"

#include "commands/hash.h"

static struct executor executor;
static struct peer peer;

static int open_all(void **state) {
    (void)state;
    static const struct command_list lists[] = {{hash_commands}};
    executor_open(&executor, lists, 1);
    peer_open(&peer, &executor);
    return 0;
}

static int shut_all(void **state) {
    (void)state;
    peer_close(&peer);
    executor_shut(&executor);
    return 0;
}

struct step {
    const char *request, *reply;
};

static void play(const struct step *steps, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *reply = ask(&peer, steps[i].request);
        if (strcmp(reply, steps[i].reply) != 0)
            fail_msg("%s replied %s instead of %s", steps[i].request, reply, steps[i].reply);
    }
}

static void test_kept_fields_are_seen(void **state) {
    (void)state;
    static const struct step before[] = {
        {"HSET h f 1 g 2", ":2\r\n"},
        {"HPEXPIREAT h 1700000000010 FIELDS 1 f", "*1\r\n:1\r\n"},
    };
    static const struct step hidden[] = {
        {"HGET h f", "$-1\r\n"}, {"HLEN h", ":1\r\n"}, {"HEXISTS h f", ":0\r\n"}, {"HKEYS h", "*1\r\n$1\r\ng\r\n"}};
    static const struct step kept[] = {
        {"HGET h f", "$1\r\n1\r\n"},
        {"HLEN h", ":2\r\n"},
        {"HEXISTS h f", ":1\r\n"},
        {"HSETNX h f 9", ":0\r\n"},
        {"HINCRBY h f 5", ":6\r\n"},
        {"HPEXPIREAT h 1700000000005 FIELDS 1 g", "*1\r\n:1\r\n"},
        {"HPEXPIRETIME h FIELDS 2 f g", "*2\r\n:1700000000010\r\n:1700000000005\r\n"},
        {"HGETDEL h FIELDS 1 f", "*1\r\n$1\r\n6\r\n"},
    };
    static const struct step after[] = {{"HLEN h", ":0\r\n"}, {"HGET h g", "$-1\r\n"}};
    play(before, countof(before));
    clock_wall_set_for_test(FIXTURE_TIME_MS + 100);
    play(hidden, countof(hidden));
    dataset_set_keep_expired(executor.dataset, true);
    assert_true(dataset_horizon(executor.dataset) == INT64_MIN);
    play(kept, countof(kept));
    dataset_set_keep_expired(executor.dataset, false);
    assert_int_equal(dataset_horizon(executor.dataset), FIXTURE_TIME_MS + 100);
    play(after, countof(after));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept_fields_are_seen, open_all, shut_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
