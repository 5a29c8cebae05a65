/* Waiting for keys, with a toy queue: a string is a queue of single letters, PUSH appends, POP takes the first. */
#include "exec/blocking.h"
#include "fixture.h"

#include "commands/transaction.h"

/* ---- the toy ---- */
static int released;

static struct slice letters(struct context *c, struct slice key, char *scratch, size_t cap) {
    struct key k = {key, dataset_hash(c->dataset, key)};
    const struct entry *e = db_view(c->db, k, VIEW_PLAIN);
    char number[32];
    if (!e || entry_type(e) != TYPE_STRING) return slice_of(scratch, 0);
    struct slice text = entry_string(e, number);
    assert_true(text.len <= cap);
    memcpy(scratch, text.ptr, text.len);
    return slice_of(scratch, text.len);
}

static bool pop_try(struct context *c, struct slice key) {
    char scratch[256];
    struct key k = {key, dataset_hash(c->dataset, key)};
    struct slice text = letters(c, key, scratch, sizeof scratch);
    if (text.len == 0) return false;
    reply_array(c->reply, 2);
    reply_bulk(c->reply, key);
    reply_bulk(c->reply, slice_of(text.ptr, 1));
    if (text.len == 1)
        assert_true(db_delete(c->db, k));
    else
        assert_true(db_put_string(c->db, k, slice_of(text.ptr + 1, text.len - 1), NO_EXPIRE, PUT_NOT_INTEGER));
    context_changed(c, NOTIFY_LIST, "lpop", key);
    return true;
}

/* POPTO source target timeout: moves a letter. */
static bool pop_to_try(struct context *c, struct slice key) {
    char scratch[256], first;
    struct slice text = letters(c, key, scratch, sizeof scratch);
    if (text.len == 0) return false;
    first = text.ptr[0];
    struct key from = {key, dataset_hash(c->dataset, key)};
    if (text.len == 1)
        db_delete(c->db, from);
    else
        db_put_string(c->db, from, slice_of(text.ptr + 1, text.len - 1), NO_EXPIRE, PUT_NOT_INTEGER);
    text = letters(c, c->argv[2], scratch, sizeof scratch);
    scratch[text.len] = first;
    struct key to = {c->argv[2], dataset_hash(c->dataset, c->argv[2])};
    db_put_string(c->db, to, slice_of(scratch, text.len + 1), NO_EXPIRE, PUT_NOT_INTEGER);
    reply_bulk(c->reply, slice_of(&first, 1));
    return true;
}

static bool gone(struct context *c, struct slice key) {
    reply_error_format(c->reply, "GONE %.*s", (int)key.len, key.ptr);
    return true;
}

static void timed_out(struct session *s) { reply_null_array(&s->reply); }

static void release(void *state) { released += state != NULL; }

static const struct key_wait_kind pop_kind = {TYPE_STRING, pop_try, timed_out, NULL, release};
static const struct key_wait_kind pop_to_kind = {TYPE_STRING, pop_to_try, timed_out, NULL, NULL};
static const struct key_wait_kind keep_kind = {TYPE_STRING, pop_try, timed_out, gone, NULL};
static const struct key_wait_kind list_kind = {TYPE_LIST, pop_try, timed_out, NULL, NULL};

static void wait_or_not(struct context *c, const struct key_wait_kind *kind, int first, int count) {
    int64_t timeout_ms;
    if (!blocking_timeout(c, c->argc - 1, &timeout_ms)) return;
    for (int i = first; i < first + count; i++) {
        if (kind->type == TYPE_STRING && kind->serve(c, c->argv[i])) return;
    }
    if (context_may_block(c))
        blocking_wait(c, kind, first, count, &released, timeout_ms);
    else
        timed_out(c->session);
}

static void run_pop(struct context *c) { wait_or_not(c, &pop_kind, 1, c->argc - 2); }

static void run_pop_to(struct context *c) { wait_or_not(c, &pop_to_kind, 1, 1); }

/* KEEP key timeout: waits for more than is there, and for its loss. */
static void run_keep(struct context *c) { blocking_wait(c, &keep_kind, 1, 1, NULL, 0); }

static void run_pop_list(struct context *c) { wait_or_not(c, &list_kind, 1, c->argc - 2); }

static void run_push(struct context *c) {
    char scratch[256];
    struct slice text = letters(c, c->argv[1], scratch, sizeof scratch - 64);
    memcpy(scratch + text.len, c->argv[2].ptr, c->argv[2].len);
    struct key k = context_key(c, 1);
    db_put_string(c->db, k, slice_of(scratch, text.len + c->argv[2].len), NO_EXPIRE, PUT_NOT_INTEGER);
    context_changed(c, NOTIFY_LIST, "lpush", k.text);
    reply_integer(c->reply, (int64_t)(text.len + c->argv[2].len));
}

static void run_del(struct context *c) { reply_integer(c->reply, db_delete(c->db, context_key(c, 1))); }

static void run_move(struct context *c) {
    db_move_key(c->db, context_key(c, 1), c->db, context_key(c, 2));
    reply_ok(c->reply);
}

static void run_swap(struct context *c) {
    dataset_swap(c->dataset, 0, 1);
    executor_swapped(c->executor, 0, 1);
    reply_ok(c->reply);
}

static void run_flush(struct context *c) {
    dataset_flush(c->dataset, -1, false);
    reply_ok(c->reply);
}

static void run_select(struct context *c) {
    int64_t db;
    if (context_integer(c, 1, &db)) c->session->db = (unsigned)db;
    reply_ok(c->reply);
}

#define PLAIN_ROW(name_, run_, arity_, flags_)                                                            \
    {                                                                                                     \
        .name = (name_), .run = (run_), .arity = (arity_), .flags = (flags_), .since = "1.0.0", .keys = { \
            KEY_AT(1, KEY_RW)                                                                             \
        }                                                                                                 \
    }
static const struct command_row toy_rows[] = {
    PLAIN_ROW("pop", run_pop, -3, CMD_WRITE | CMD_BLOCKING),
    PLAIN_ROW("popto", run_pop_to, 4, CMD_WRITE | CMD_BLOCKING),
    PLAIN_ROW("keep", run_keep, 2, CMD_WRITE | CMD_BLOCKING),
    PLAIN_ROW("poplist", run_pop_list, -3, CMD_WRITE | CMD_BLOCKING),
    PLAIN_ROW("push", run_push, 3, CMD_WRITE),
    PLAIN_ROW("del", run_del, 2, CMD_WRITE),
    PLAIN_ROW("move", run_move, 3, CMD_WRITE),
    {.name = "swap", .run = run_swap, .arity = 1, .flags = CMD_WRITE},
    {.name = "flush", .run = run_flush, .arity = 1, .flags = CMD_WRITE},
    {.name = "select", .run = run_select, .arity = 2},
    {.name = NULL},
};

/* ---- the world ---- */
#define PEERS 6
static struct executor executor, *x = &executor;
static struct peer p[PEERS];

static int set_up(void **state) {
    static const struct command_list lists[] = {{toy_rows}, {transaction_commands}};
    (void)state;
    released = 0;
    executor_open(x, lists, 2);
    x->keyspace.defer = NULL;
    for (int i = 0; i < PEERS; i++) peer_open(&p[i], x);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < PEERS; i++) peer_close(&p[i]);
    assert_int_equal(x->blocking->total, 0);
    assert_null(x->keyspace.changed);
    executor_shut(x);
    return 0;
}

static bool blocked(int i) { return p[i].session.flags & SESSION_BLOCKED; }

#define expect(i, text) assert_string_equal(peer_read(&p[i]), text)

/* ---- tests ---- */
static void test_served_at_once_or_later(void **state) {
    (void)state;
    ask(&p[0], "push a xy");
    assert_string_equal(ask(&p[1], "pop a 0"), "*2\r\n$1\r\na\r\n$1\r\nx\r\n");
    assert_null(x->keyspace.changed);
    assert_string_equal(ask(&p[1], "pop b c b 0"), "");
    assert_true(blocked(1));
    assert_non_null(x->keyspace.changed);
    assert_int_equal(topics_count(&x->blocking->keys), 2);
    ask(&p[0], "push c z");
    assert_false(blocked(1));
    assert_int_equal(p[1].resumed, 1);
    expect(1, "*2\r\n$1\r\nc\r\n$1\r\nz\r\n");
    assert_int_equal(topics_count(&x->blocking->keys), 0);
    assert_int_equal(released, 1);
    assert_int_equal(dataset_keys(x->dataset), 1);
}

static void test_order_of_arrival(void **state) {
    (void)state;
    for (int i = 1; i < PEERS; i++) ask(&p[i], "pop k 0");
    ask(&p[0], "push k abc");
    for (int i = 1; i < PEERS; i++) assert_int_equal(blocked(i), i > 3);
    expect(1, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    expect(3, "*2\r\n$1\r\nk\r\n$1\r\nc\r\n");
    ask(&p[1], "pop k 0");
    ask(&p[0], "push k def");
    expect(4, "*2\r\n$1\r\nk\r\n$1\r\nd\r\n");
    expect(5, "*2\r\n$1\r\nk\r\n$1\r\ne\r\n");
    expect(1, "*2\r\n$1\r\nk\r\n$1\r\nf\r\n");
    assert_int_equal(dataset_keys(x->dataset), 0);
}

static void test_after_a_transaction_by_the_first_key_written(void **state) {
    (void)state;
    ask(&p[1], "pop a b 0");
    ask(&p[2], "pop a 0");
    ask(&p[0], "multi");
    ask(&p[0], "push b 1");
    ask(&p[0], "push a 2");
    ask(&p[0], "exec");
    expect(1, "*2\r\n$1\r\nb\r\n$1\r\n1\r\n");
    expect(2, "*2\r\n$1\r\na\r\n$1\r\n2\r\n");
    ask(&p[1], "pop a 0");
    ask(&p[0], "multi");
    ask(&p[0], "push a 1");
    ask(&p[0], "del a");
    ask(&p[0], "exec");
    assert_true(blocked(1)); /* nothing was there when the transaction had ended */
    ask(&p[2], "multi");
    ask(&p[2], "pop none 0");
    assert_string_equal(ask(&p[2], "exec"), "*1\r\n*-1\r\n");
    ask(&p[0], "push a 1");
    assert_false(blocked(1));
}

static void test_one_serves_the_next(void **state) {
    (void)state;
    ask(&p[1], "popto a b 0");
    ask(&p[2], "popto b c 0");
    ask(&p[3], "pop c 0");
    ask(&p[4], "popto d d 0");
    ask(&p[5], "popto d d 0");
    ask(&p[0], "push a v");
    expect(1, "$1\r\nv\r\n");
    expect(2, "$1\r\nv\r\n");
    expect(3, "*2\r\n$1\r\nc\r\n$1\r\nv\r\n");
    ask(&p[0], "push d w"); /* back onto the same key: each in turn, and an end */
    assert_false(blocked(4) || blocked(5));
    assert_int_equal(dataset_keys(x->dataset), 1);
}

static void test_renames_swaps_and_other_databases(void **state) {
    (void)state;
    ask(&p[1], "pop k 0");
    ask(&p[0], "push other 1");
    assert_true(blocked(1));
    ask(&p[0], "move other k");
    expect(1, "*2\r\n$1\r\nk\r\n$1\r\n1\r\n");
    ask(&p[1], "pop k 0");
    ask(&p[0], "select 1");
    ask(&p[0], "push k 2");
    assert_true(blocked(1));
    ask(&p[2], "select 1");
    ask(&p[2], "pop none k 0");
    ask(&p[2], "pop none 0");
    ask(&p[0], "push k 3");
    ask(&p[0], "swap");
    expect(1, "*2\r\n$1\r\nk\r\n$1\r\n3\r\n");
    ask(&p[0], "push none 4");
    assert_false(blocked(2));
}

static void test_the_type_counts(void **state) {
    (void)state;
    ask(&p[1], "poplist k 0");
    ask(&p[2], "pop k 0");
    ask(&p[0], "push k x");
    assert_true(blocked(1));
    expect(2, "*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
}

static void test_loss_ends_a_wait_that_minds(void **state) {
    (void)state;
    struct {
        const char *before, *by;
    } cases[] = {{"push k x", "del k"}, {"push k x", "flush"}, {"push k x", "move k b"}};
    for (size_t i = 0; i < countof(cases); i++) {
        ask(&p[0], "flush");
        ask(&p[0], cases[i].before);
        ask(&p[1], "keep k");
        ask(&p[2], "pop none 0");
        assert_int_equal(blocking_keys_on_loss(x->blocking), 1);
        ask(&p[0], cases[i].by);
        assert_false(blocked(1));
        expect(1, "-GONE k\r\n");
        assert_true(blocked(2));
        ask(&p[0], "push none 1");
    }
    assert_int_equal(command_find(x->commands, SLICE("keep"))->failed, 3);
    assert_int_equal(x->stats.errors, 3);
}

static void test_ends_in_time(void **state) {
    (void)state;
    ask(&p[1], "pop a b 0.010");
    ask(&p[2], "pop a 0");
    ask(&p[3], "pop a 0.0101");
    assert_int_equal(executor_next_deadline_ms(x), FIXTURE_TIME_MS + 10);
    executor_tick(x, FIXTURE_TIME_MS + 9);
    assert_true(blocked(1));
    executor_tick(x, FIXTURE_TIME_MS + 10);
    assert_false(blocked(1));
    expect(1, "*-1\r\n");
    assert_true(blocked(3));
    executor_tick(x, FIXTURE_TIME_MS + 11);
    expect(3, "*-1\r\n");
    assert_int_equal(released, 2);
    ask(&p[0], "push a x");
    expect(2, "*2\r\n$1\r\na\r\n$1\r\nx\r\n");
    assert_string_equal(ask(&p[1], "pop a x"), "-ERR timeout is not a float or out of range\r\n");
    assert_string_equal(ask(&p[1], "pop a -1"), "-ERR timeout is negative\r\n");
    assert_string_equal(ask(&p[1], "pop a -inf"), "-ERR timeout is negative\r\n");
    ask(&p[1], "pop a -0.0009"); /* rounded up to 0: for ever */
    assert_true(blocked(1));
    ask(&p[0], "push a y");
    expect(1, "*2\r\n$1\r\na\r\n$1\r\ny\r\n");
    assert_string_equal(ask(&p[1], "pop a 1e300"), "-ERR timeout is out of range\r\n");
    assert_string_equal(ask(&p[1], "pop a 9223372036854775"), "-ERR timeout is out of range\r\n");
}

static void test_who_is_closing_takes_nothing(void **state) {
    (void)state;
    for (int i = 1; i < 4; i++) ask(&p[i], "pop k 0");
    session_close(&p[1].session, false);
    ask(&p[0], "push k ab");
    assert_true(blocked(1));
    expect(1, "");
    expect(2, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    expect(3, "*2\r\n$1\r\nk\r\n$1\r\nb\r\n");
    peer_close(&p[1]); /* while waiting */
    assert_int_equal(released, 3);
    peer_open(&p[1], x);
}

static void test_replies_that_nobody_wants(void **state) {
    (void)state;
    p[1].session.flags |= SESSION_REPLY_OFF;
    ask(&p[1], "pop k 0");
    ask(&p[0], "push k a");
    assert_false(blocked(1));
    expect(1, "");
    assert_int_equal(dataset_keys(x->dataset), 0);
    ask(&p[1], "pop k 0.001");
    executor_tick(x, FIXTURE_TIME_MS + 1);
    expect(1, "");
}

static void test_a_new_dataset_serves(void **state) {
    static const struct siphash_seed seed = {3, 4};
    (void)state;
    ask(&p[1], "pop k 0");
    struct dataset *fresh = dataset_new(16, &seed);
    struct key key = {SLICE("k"), dataset_hash(fresh, SLICE("k"))};
    db_put_string(dataset_db(fresh, 0), key, SLICE("x"), NO_EXPIRE, PUT_PLAIN);
    dataset_free(executor_replace_dataset(x, fresh));
    executor_tick(x, FIXTURE_TIME_MS);
    expect(1, "*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
}

/* ---- many who wait cost nothing ---- */
#define CROWD 20000
static void test_a_push_does_not_look_at_those_who_wait_for_another_type(void **state) {
    (void)state;
    struct peer *crowd = mem_alloc(MEM_CLIENT, CROWD * sizeof *crowd);
    for (int i = 0; i < CROWD; i++) {
        peer_open(&crowd[i], x);
        ask(&crowd[i], i % 2 ? "poplist k 0" : "pop k 0");
    }
    int64_t begun_us = clock_mono_us();
    for (int i = 0; i < CROWD / 2; i++) {
        ask(&p[0], "push k a");
        assert_false(crowd[2 * i].session.flags & SESSION_BLOCKED);
    }
    for (int i = 0; i < CROWD; i++) {
        ask(&p[0], "push k a"); /* only those of the other type are left */
        ask(&p[0], "del k");
    }
    int64_t took_us = clock_mono_us() - begun_us;
    assert_true(took_us < 10 * 1000 * 1000); /* walking the crowd each time: a hundred times as long */
    for (int i = 0; i < CROWD; i++) peer_close(&crowd[i]);
    mem_free(MEM_CLIENT, crowd, CROWD * sizeof *crowd);
}

/* ---- against a plain model ---- */
/* Per key a queue of letters and a queue of who waits; everybody is served in order of arrival. */
static void test_random_against_a_model(void **state) {
    (void)state;
    const char *env = getenv("TARN_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 10) : (uint64_t)clock_mono_us();
    struct random random;
    print_message("TARN_SEED=%llu\n", (unsigned long long)seed);
    random_init(&random, seed);
    int waits_for[PEERS] = {0}, order[PEERS] = {0}, arrivals = 0, letters_in[4] = {0};
    for (int step = 0; step < 20000; step++) {
        char line[64];
        int key = 1 + (int)random_below(&random, 3), who = 1 + (int)random_below(&random, PEERS - 1);
        if (random_below(&random, 2) == 0) {
            snprintf(line, sizeof line, "push k%d x", key);
            if (letters_in[key] > 50) continue;
            ask(&p[0], line);
            letters_in[key]++;
            int first = 0;
            for (int i = 1; i < PEERS; i++) {
                if (waits_for[i] == key && (first == 0 || order[i] < order[first])) first = i;
            }
            if (first) {
                waits_for[first] = 0;
                letters_in[key]--;
                snprintf(line, sizeof line, "*2\r\n$2\r\nk%d\r\n$1\r\nx\r\n", key);
                expect(first, line);
            }
        } else if (waits_for[who] == 0) {
            snprintf(line, sizeof line, "pop k%d 0", key);
            peer_send(&p[who], line);
            if (letters_in[key] > 0) {
                letters_in[key]--;
            } else {
                waits_for[who] = key;
                order[who] = ++arrivals;
            }
            peer_read(&p[who]);
        } else if (random_below(&random, 10) == 0) {
            peer_close(&p[who]);
            peer_open(&p[who], x);
            waits_for[who] = 0;
        }
        for (int i = 1; i < PEERS; i++) assert_int_equal(blocked(i), waits_for[i] != 0);
    }
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_served_at_once_or_later),
        TEST(test_order_of_arrival),
        TEST(test_after_a_transaction_by_the_first_key_written),
        TEST(test_one_serves_the_next),
        TEST(test_renames_swaps_and_other_databases),
        TEST(test_the_type_counts),
        TEST(test_loss_ends_a_wait_that_minds),
        TEST(test_ends_in_time),
        TEST(test_who_is_closing_takes_nothing),
        TEST(test_replies_that_nobody_wants),
        TEST(test_a_new_dataset_serves),
        TEST(test_a_push_does_not_look_at_those_who_wait_for_another_type),
        TEST(test_random_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
