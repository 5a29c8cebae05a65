/* Topics against a plain matrix of who is in what, and the watching and publishing that stand on them. */
#include "exec/topics.h"
#include "fixture.h"

#include "commands/connection.h"
#include "commands/generic.h"
#include "commands/pubsub.h"
#include "commands/string.h"
#include "commands/transaction.h"
#include "exec/pubsub.h"
#include "exec/transaction.h"

static uint64_t test_seed(void) {
    const char *env = getenv("TARN_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 10) : (uint64_t)clock_mono_us();
    print_message("TARN_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* ---- topics alone ---- */
#define NAMES    40
#define SESSIONS 12

struct matrix {
    struct topics topics;
    struct session sessions[SESSIONS];
    struct list_node own[SESSIONS];
    unsigned joined[SESSIONS][NAMES]; /* 0: not in it; else when */
};

static struct slice name_of(unsigned n, char text[16]) {
    int len = n == 0 ? 0 : snprintf(text, 16, "name-%u", n / 2);
    return slice_of(text, (size_t)len);
}

static void check(struct matrix *m) {
    size_t topics = 0;
    for (unsigned n = 0; n < NAMES; n++) {
        char text[16];
        unsigned last = 0;
        size_t members = 0;
        for (unsigned s = 0; s < SESSIONS; s++) members += m->joined[s][n] != 0;
        const struct topic *topic = topics_find(&m->topics, n % 2, name_of(n, text));
        assert_int_equal(topic != NULL, members > 0);
        if (!topic) continue;
        topics++;
        assert_int_equal(topic->member_count, members);
        list_each(node, &topic->members) {
            struct topic_link *link = list_entry(node, struct topic_link, in_topic);
            unsigned when = m->joined[link->session - m->sessions][n];
            assert_true(when > last && link->topic == topic); /* in order of arrival */
            last = when;
            members--;
        }
        assert_int_equal(members, 0);
    }
    assert_int_equal(topics_count(&m->topics), topics);
}

static void test_topics_against_a_matrix(void **state) {
    (void)state;
    static struct matrix m;
    struct random random;
    int64_t before = mem_owner_bytes(MEM_PUBSUB);
    random_init(&random, test_seed());
    memset(&m, 0, sizeof m);
    topics_init(&m.topics, MEM_PUBSUB);
    for (int i = 0; i < SESSIONS; i++) list_init(&m.own[i]);
    for (unsigned step = 1; step <= 60000; step++) {
        char text[16];
        unsigned s = (unsigned)random_below(&random, SESSIONS), n = (unsigned)random_below(&random, NAMES);
        struct slice name = name_of(n, text);
        struct topic_link *link = topics_link(&m.topics, n % 2, name, &m.sessions[s]);
        assert_int_equal(link != NULL, m.joined[s][n] != 0);
        switch (random_below(&random, 20)) {
        case 0:
            topics_leave_all(&m.topics, &m.own[s]);
            memset(m.joined[s], 0, sizeof m.joined[s]);
            break;
        case 1 ... 8:
            if (link) topics_leave(&m.topics, link);
            m.joined[s][n] = 0;
            break;
        default:
            link = topics_join(&m.topics, n % 2, name, &m.sessions[s], &m.own[s]);
            assert_int_equal(link == NULL, m.joined[s][n] != 0);
            if (link) m.joined[s][n] = step;
        }
        if (step % 100 == 0) check(&m);
    }
    for (int i = 0; i < SESSIONS; i++) topics_leave_all(&m.topics, &m.own[i]);
    assert_true(topics_empty(&m.topics) && list_empty(&m.topics.all));
    topics_release(&m.topics);
    assert_int_equal(mem_owner_bytes(MEM_PUBSUB), before);
}

/* ---- sessions ---- */
#define PEERS 4
static struct executor executor, *x = &executor;
static struct peer p[PEERS];

static int set_up(void **state) {
    static const struct command_list lists[] = {
        {transaction_commands}, {pubsub_commands}, {string_commands}, {generic_commands}, {connection_commands}};
    (void)state;
    executor_open(x, lists, countof(lists));
    for (int i = 0; i < PEERS; i++) peer_open(&p[i], x);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < PEERS; i++) peer_close(&p[i]);
    executor_shut(x);
    return 0;
}

static void test_hooks_are_there_only_while_somebody_watches(void **state) {
    (void)state;
    assert_null(x->keyspace.changed);
    ask(&p[0], "watch a b");
    ask(&p[1], "watch b");
    assert_non_null(x->keyspace.changed);
    ask(&p[2], "set b 1"); /* both are lost, and watch nothing any more */
    assert_int_equal(x->watchers->session_count, 0);
    assert_null(x->keyspace.changed);
    assert_null(p[0].session.transaction);
    ask(&p[0], "watch c"); /* lost already */
    assert_null(x->keyspace.changed);
    ask(&p[0], "multi");
    assert_string_equal(ask(&p[0], "exec"), "*-1\r\n");
    ask(&p[0], "watch c");
    peer_close(&p[0]);
    assert_null(x->keyspace.changed);
    peer_open(&p[0], x);
}

static void test_a_hot_key_walks_its_watchers_once(void **state) {
    (void)state;
    for (int i = 0; i < PEERS - 1; i++) ask(&p[i], "watch a");
    ask(&p[3], "set a 1");
    assert_true(topics_empty(&x->watchers->keys));
    for (int i = 0; i < PEERS - 1; i++) assert_true(p[i].session.flags & SESSION_DIRTY);
}

static void test_memory_of_transactions_and_subscriptions_returns(void **state) {
    (void)state;
    int64_t in = mem_owner_blocks(MEM_CLIENT_IN), pubsub = mem_owner_blocks(MEM_PUBSUB);
    const char *const ends[] = {"discard", "exec", "reset", NULL};
    for (size_t i = 0; i < countof(ends); i++) {
        ask(&p[0], "watch a b c");
        ask(&p[0], "multi");
        for (int k = 0; k < 100; k++) ask(&p[0], "set a 1");
        assert_int_equal(transaction_queued(&p[0].session), 100);
        assert_true(mem_owner_blocks(MEM_CLIENT_IN) >= in + 100);
        ask(&p[1], "subscribe a b");
        ask(&p[1], "psubscribe a");
        ask(&p[1], "ssubscribe a");
        if (ends[i]) {
            ask(&p[0], ends[i]);
            ask(&p[1], "reset");
        } else {
            for (int k = 0; k < 2; k++) {
                peer_close(&p[k]);
                peer_open(&p[k], x);
            }
        }
        assert_int_equal(x->pubsub->session_count, 0);
    }
    /* The tables keep a segment or none. */
    assert_true(mem_owner_blocks(MEM_CLIENT_IN) - in < 4 && mem_owner_blocks(MEM_PUBSUB) - pubsub < 10);
}

static void test_no_memory_to_queue_breaks_the_transaction(void **state) {
    (void)state;
    ask(&p[0], "multi");
    mem_fail_after(1, 1);
    assert_string_equal(ask(&p[0], "set a 1"), "-OOM not enough memory to queue the command\r\n");
    mem_fail_after(0, 0);
    assert_string_equal(ask(&p[0], "exec"), "-EXECABORT Transaction discarded because of previous errors.\r\n");
}

static void test_messages_in_each_protocol_and_no_memory_for_one(void **state) {
    (void)state;
    p[1].session.reply.resp = 3;
    for (int i = 0; i < 3; i++) ask(&p[i], "subscribe c");
    assert_string_equal(ask(&p[3], "publish c hi"), ":3\r\n");
    assert_string_equal(peer_read(&p[0]), "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
    assert_string_equal(peer_read(&p[1]), ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
    peer_read(&p[2]);
    for (int i = 0; i < 3; i++) buf_release(&p[i].session.out);
    int attended = p[0].attended;
    mem_fail_after(1, 1);
    ask(&p[3], "publish c hi");
    mem_fail_after(0, 0);
    assert_true(p[0].session.flags & SESSION_CLOSE && p[0].attended > attended);
    assert_string_equal(peer_read(&p[1]), ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
    assert_int_equal(p[2].session.flags & SESSION_CLOSE, 0);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics_against_a_matrix),
        TEST(test_hooks_are_there_only_while_somebody_watches),
        TEST(test_a_hot_key_walks_its_watchers_once),
        TEST(test_memory_of_transactions_and_subscriptions_returns),
        TEST(test_no_memory_to_queue_breaks_the_transaction),
        TEST(test_messages_in_each_protocol_and_no_memory_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
