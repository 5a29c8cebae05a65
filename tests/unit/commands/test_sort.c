/* SORT where redis-server is no witness: memory that is not there, parts of the order against the whole, what goes to the journal. Replies
 * are compared with redis-server in tests/integration and tests/differential. */
#include "unit/exec/fixture.h"

#include "base/random.h"
#include "commands/generic.h"
#include "commands/hash.h"
#include "commands/list.h"
#include "commands/sort.h"
#include "commands/string.h"
#include "exec/journal.h"

static struct executor executor;
static struct peer peer;

static int open_all(void **state) {
    (void)state;
    static const struct command_list lists[] = {
        {hash_commands}, {list_commands}, {sort_commands}, {string_commands}, {generic_commands}};
    executor_open(&executor, lists, countof(lists));
    peer_open(&peer, &executor);
    return 0;
}

static int shut_all(void **state) {
    (void)state;
    peer_close(&peer);
    executor_shut(&executor);
    return 0;
}

/* The first, second ... allocation that may fail does: an error and nothing else, or all as if nothing had been. */
static void fail_each(const char *request, const char *reply) {
    bool failed = true;
    unsigned nth = 1;
    for (; failed; nth++) {
        int64_t held = mem_owner_bytes(MEM_CLIENT_IN), lists = mem_owner_bytes(MEM_LISTS);
        assert_true(nth < 1000);
        buf_release(&peer.session.out);
        mem_fail_after(nth, 1);
        const char *got = ask(&peer, request);
        mem_fail_after(0, 0);
        failed = strcmp(got, reply) != 0;
        if (!failed) continue;
        assert_string_equal(got, "-ERR not enough memory to sort\r\n");
        assert_int_equal(mem_owner_bytes(MEM_CLIENT_IN), held);
        assert_int_equal(mem_owner_bytes(MEM_LISTS), lists);
        assert_string_equal(ask(&peer, "EXISTS d"), ":0\r\n");
    }
    assert_true(nth > 2);
}

static void test_no_memory_leaves_all_as_it_was(void **state) {
    (void)state;
    ask(&peer, "RPUSH l 3 1 2");
    ask(&peer, "MSET w_1 30 w_2 20 w_3 10");
    ask(&peer, "HSET h_1 f one");
    fail_each("SORT l", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
    fail_each("SORT l BY nosort LIMIT 1 1", "*1\r\n$1\r\n1\r\n");
    fail_each("SORT l BY w_* ALPHA GET #", "*3\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n1\r\n");
    fail_each("SORT l BY w_* GET h_*->f LIMIT 1 2", "*2\r\n$-1\r\n$3\r\none\r\n");
    fail_each("SORT l BY w_* GET # GET w_* STORE d", ":6\r\n");
}

/* ---- a part of the order is that part of the whole ---- */

#define ELEMENTS_MAX 700

/* The elements of an array of bulks. */
static size_t split_reply(const char *reply, char texts[][24]) {
    size_t n = strtoul(reply + 1, NULL, 10);
    assert_true(reply[0] == '*' && n <= ELEMENTS_MAX);
    for (size_t i = 0; i < n; i++) {
        reply = strstr(strstr(reply, "\n$") + 1, "\n") + 1;
        size_t len = strcspn(reply, "\r");
        memcpy(texts[i], reply, len);
        texts[i][len] = 0;
        reply += len;
    }
    return n;
}

static void push_numbers(struct random *r, size_t n) {
    char line[64];
    ask(&peer, "DEL l");
    for (size_t i = 0; i < n; i++) {
        snprintf(line, sizeof line, "RPUSH l %d%s", (int)random_below(r, n) - 20, random_below(r, 4) ? "" : ".0");
        ask(&peer, line);
    }
}

static void test_limits_take_part_of_the_whole(void **state) {
    (void)state;
    static const char *const orders[] = {"", "DESC", "ALPHA", "ALPHA DESC"};
    static char whole[ELEMENTS_MAX][24], part[ELEMENTS_MAX][24];
    const char *text = getenv("TARN_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : (uint64_t)clock_mono_ns();
    struct random r;
    char line[96];
    random_init(&r, seed);
    print_message("TARN_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 40; round++) {
        const char *order = orders[random_below(&r, countof(orders))];
        push_numbers(&r, 1 + (size_t)random_below(&r, ELEMENTS_MAX));
        snprintf(line, sizeof line, "SORT l %s", order);
        size_t n = split_reply(ask(&peer, line), whole);
        for (size_t i = 1; i < n && !strstr(order, "ALPHA"); i++) {
            double before = strtod(whole[i - 1], NULL), after = strtod(whole[i], NULL);
            assert_true(*order ? before >= after : before <= after);
        }
        for (int k = 0; k < 20; k++) {
            size_t from = (size_t)random_below(&r, n), most = (size_t)random_below(&r, n + 5);
            snprintf(line, sizeof line, "SORT l %s LIMIT %zu %zu", order, from, most);
            size_t got = split_reply(ask(&peer, line), part);
            assert_int_equal(got, most < n - from ? most : n - from);
            for (size_t i = 0; i < got; i++) assert_string_equal(part[i], whole[from + i]);
        }
    }
}

/* ---- the journal ---- */

static bool journal_has(const struct journal *j, const char *text) {
    return memmem(j->out.ptr, j->out.len, text, strlen(text)) != NULL;
}

static void test_the_journal_gets_what_fields_gave(void **state) {
    (void)state;
    struct journal journal;
    journal_init(&journal);
    ask(&peer, "RPUSH l 3 1 2");
    ask(&peer, "HSET h_1 f one");
    executor.journal = &journal;
    ask(&peer, "SORT l GET # STORE d");
    assert_true(journal_has(&journal, "$4\r\nSORT\r\n$1\r\nl\r\n") && !journal_has(&journal, "RPUSH"));
    ask(&peer, "SORT l GET h_*->f STORE e");
    assert_true(journal_has(&journal, "*2\r\n$3\r\nDEL\r\n$1\r\ne\r\n"));
    assert_true(journal_has(&journal, "*5\r\n$5\r\nRPUSH\r\n$1\r\ne\r\n$3\r\none\r\n$0\r\n\r\n$0\r\n\r\n"));
    assert_false(journal_has(&journal, "h_*->f"));
    buf_clear(&journal.out);
    ask(&peer, "SORT l BY h_*->f ALPHA GET h_*->f");
    assert_int_equal(journal.out.len, 0);
    executor.journal = NULL;
    journal_release(&journal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_memory_leaves_all_as_it_was, open_all, shut_all),
        cmocka_unit_test_setup_teardown(test_limits_take_part_of_the_whole, open_all, shut_all),
        cmocka_unit_test_setup_teardown(test_the_journal_gets_what_fields_gave, open_all, shut_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
