/* The string commands on a dataset without a server: replies, state, events, changes. What redis-server 7.0.15 can be asked is
 * compared with it in tests/integration/string.tcl; here stands what it does not have, and what a socket does not show. */
#include "unit/exec/fixture.h"

#include "base/num.h"
#include "commands/string.h"
#include "exec/journal.h"

static struct executor executor;
static struct peer peer;
static char events[1024];

static void note_event(void *arg, unsigned class, const char *event, struct slice key, unsigned db) {
    (void)arg;
    size_t len = strlen(events);
    snprintf(events + len, sizeof events - len, "%s%s:%.*s:%u@%u", len ? " " : "", event, (int)key.len, key.ptr, class,
             db);
}

static int open_all(void **state) {
    (void)state;
    static const struct command_list lists[] = {{string_commands}};
    executor_open(&executor, lists, 1);
    executor.hooks.notify = note_event;
    peer_open(&peer, &executor);
    return 0;
}

static int shut_all(void **state) {
    (void)state;
    peer_close(&peer);
    executor_shut(&executor);
    return 0;
}

static struct db *db(void) { return dataset_db(executor.dataset, 0); }

static struct key key_of(const char *text) {
    struct slice s = slice_of_cstr(text);
    return (struct key){s, dataset_hash(executor.dataset, s)};
}

static const struct entry *look(const char *key) { return db_view(db(), key_of(key), VIEW_NO_TOUCH | VIEW_NO_STATS); }

/* Milliseconds to live, -1 without an expiry, -2 when absent. */
static int64_t ttl(const char *key) {
    const struct entry *e = look(key);
    if (!e) return -2;
    return entry_has_expire(e) ? entry_expire_at(e) - FIXTURE_TIME_MS : -1;
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

#define PLAY(...)                                         \
    do {                                                  \
        static const struct step steps[] = {__VA_ARGS__}; \
        play(steps, countof(steps));                      \
    } while (0)

#define OK_REPLY  "+OK\r\n"
#define NIL       "$-1\r\n"
#define SYNTAX    "-ERR syntax error\r\n"
#define NO_DIGEST "-ERR digest must be exactly 16 hexadecimal characters\r\n"

static void set_with_comparison(void **state) {
    (void)state;
    PLAY({"set k v ifeq x", NIL}, {"get k", NIL}, {"set k v ifne x", OK_REPLY}, /* an absent key differs */
         {"set k w ifeq x", NIL}, {"set k w ifeq v", OK_REPLY}, {"get k", "$1\r\nw\r\n"}, {"set k x ifne w", NIL},
         {"set k x ifne v", OK_REPLY}, {"get k", "$1\r\nx\r\n"}, {"set k y ifeq z get", "$1\r\nx\r\n"},
         {"get k", "$1\r\nx\r\n"}, {"set k y ifeq x get", "$1\r\nx\r\n"}, {"get k", "$1\r\ny\r\n"},
         {"set n 5", OK_REPLY}, {"set n 6 ifeq 5", OK_REPLY}, {"set n 7 ifeq 06", NIL}, {"set k v ifeq", SYNTAX},
         {"set k v nx ifeq y", SYNTAX}, {"set k v ifeq y xx", SYNTAX}, {"set k v ifeq y ifeq y", SYNTAX},
         {"set k v ifeq y ifne y", SYNTAX}, {"set k v persist", SYNTAX}, {"set k z ifeq y ex 100", OK_REPLY});
    assert_int_equal(ttl("k"), 100000);
}

static void delifeq_and_delex(void **state) {
    (void)state;
    PLAY({"delifeq k v", ":0\r\n"}, {"delex k ifne v", ":0\r\n"}, {"set k v", OK_REPLY}, {"delifeq k w", ":0\r\n"},
         {"delifeq k v", ":1\r\n"}, {"get k", NIL}, {"set k 12", OK_REPLY}, {"delex k IFEQ 13", ":0\r\n"},
         {"delex k ifne 12", ":0\r\n"}, {"delex k ifeq 12", ":1\r\n"}, {"set k v", OK_REPLY},
         {"delex k IFNE w", ":1\r\n"}, {"delex k nonsense v", SYNTAX});
}

static void digests_are_told_and_compared(void **state) {
    (void)state;
#define HELLO "9555e8555c62dcfd"
    PLAY({"digest k", NIL}, {"set k v ifdeq " HELLO, NIL}, {"delex k ifdne " HELLO, ":0\r\n"},
         {"set k hello ifdne " HELLO, OK_REPLY}, {"digest k", "$16\r\n" HELLO "\r\n"}, {"set k v ifdne " HELLO, NIL},
         {"set k v IFDEQ 9555E8555C62DCFD get", "$5\r\nhello\r\n"}, {"get k", "$1\r\nv\r\n"},
         {"set k w ifdeq " HELLO, NIL}, {"delex k ifdeq " HELLO, ":0\r\n"}, {"delex k ifdne " HELLO, ":1\r\n"},
         {"get k", NIL}, {"set k hello ex 100", OK_REPLY}, {"set k 12 ifdeq " HELLO " keepttl", OK_REPLY},
         {"digest k", "$16\r\n7ecd2e572c949f74\r\n"}, {"delex k ifdeq 7ecd2e572c949f74", ":1\r\n"});
    PLAY({"set k v", OK_REPLY}, {"delex k ifdeq x", NO_DIGEST}, {"set k v ifdne 9555e8555c62dcf", NO_DIGEST},
         {"set k v ifdeq 9555e8555c62dcfg", NO_DIGEST}, {"set none v ifdeq x", NO_DIGEST}, {"set k v ifdeq", SYNTAX},
         {"set k v nx ifdeq " HELLO, SYNTAX}, {"set k v ifeq v ifdeq " HELLO, SYNTAX},
         {"set k v ifdeq " HELLO " ifdne " HELLO, SYNTAX}, {"msetex 1 k v ifdeq " HELLO, SYNTAX},
         {"getex k ifdeq " HELLO, SYNTAX}, {"get k", "$1\r\nv\r\n"});
}

static void msetex_sets_all_or_none(void **state) {
    (void)state;
    PLAY({"msetex 2 a 1 b 2 ex 10", ":1\r\n"}, {"mget a b", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n"});
    assert_int_equal(ttl("a"), 10000);
    assert_int_equal(ttl("b"), 10000);
    PLAY({"msetex 2 a 3 c 3 nx", ":0\r\n"}, {"msetex 2 a 3 c 3 xx", ":0\r\n"}, {"get c", NIL}, {"get a", "$1\r\n1\r\n"},
         {"msetex 2 a 3 b 4 xx keepttl", ":1\r\n"}, {"get b", "$1\r\n4\r\n"});
    assert_int_equal(ttl("a"), 10000);
    PLAY({"msetex 2 c 5 d 6 nx pxat 1700000060000", ":1\r\n"}, {"msetex 1 a 7", ":1\r\n"});
    assert_int_equal(ttl("c"), 60000);
    assert_int_equal(ttl("a"), -1);
}

static void msetex_refuses_bad_arguments(void **state) {
    (void)state;
    PLAY({"msetex 0 a 1", "-ERR invalid numkeys value\r\n"}, {"msetex -1 a 1", "-ERR invalid numkeys value\r\n"},
         {"msetex x a 1", "-ERR invalid numkeys value\r\n"},
         {"msetex 2147483648 a 1", "-ERR invalid numkeys value\r\n"},
         {"msetex 2147483647 a 1", "-ERR wrong number of key-value pairs\r\n"},
         {"msetex 2 a 1 b", "-ERR wrong number of key-value pairs\r\n"}, {"msetex 1 a 1 b", SYNTAX},
         {"msetex 1 a 1 nx xx", SYNTAX}, {"msetex 1 a 1 ex 1 px 1", SYNTAX}, {"msetex 1 a 1 keepttl ex 1", SYNTAX},
         {"msetex 1 a 1 get", SYNTAX}, {"msetex 1 a 1 ex 0", "-ERR invalid expire time in 'msetex' command\r\n"},
         {"msetex 1 a 1 ex x", "-ERR value is not an integer or out of range\r\n"}, {"get a", NIL});
}

#define PAIR(a, b) "*2\r\n:" a "\r\n:" b "\r\n"

static void increx_counts_within_bounds(void **state) {
    (void)state;
    PLAY({"increx k", PAIR("1", "1")}, {"increx k byint 9", PAIR("10", "9")}, {"increx k byint -4", PAIR("6", "-4")},
         {"increx k byint 5 ubound 10", PAIR("6", "0")}, {"increx k byint 5 ubound 10 saturate", PAIR("10", "4")},
         {"increx k byint 5 ubound 5 saturate", PAIR("5", "-5")}, /* the bound rules over the direction */
         {"increx k byint -1 lbound 20 saturate", PAIR("20", "15")}, {"increx k lbound 0 ubound 20", PAIR("20", "0")},
         {"increx new ubound 0", PAIR("0", "0")}, {"get new", NIL}, {"increx new ubound 0 saturate", PAIR("0", "0")},
         {"get new", "$1\r\n0\r\n"});
}

static void increx_stops_at_the_limits_of_its_type(void **state) {
    (void)state;
    PLAY({"set k 9223372036854775807", OK_REPLY}, {"increx k", PAIR("9223372036854775807", "0")},
         {"increx k saturate", PAIR("9223372036854775807", "0")},
         {"increx k byint -5 ubound -9223372036854775808 saturate", "-ERR applied increment would overflow\r\n"},
         {"set k 10", OK_REPLY}, {"increx k byint 9223372036854775807 ubound 100 saturate", PAIR("100", "90")},
         {"set k -10", OK_REPLY},
         {"increx k byint -9223372036854775808 saturate", PAIR("-9223372036854775808", "-9223372036854775798")});
}

#define BULKS(an, a, bn, b) "*2\r\n$" an "\r\n" a "\r\n$" bn "\r\n" b "\r\n"

static void increx_with_fractions(void **state) {
    (void)state;
    PLAY({"increx k byfloat 2.5", BULKS("3", "2.5", "3", "2.5")}, {"increx k byfloat -1", BULKS("3", "1.5", "2", "-1")},
         {"increx k", "-ERR value is not an integer or out of range\r\n"},
         {"increx k byfloat 5 ubound 3.25", BULKS("3", "1.5", "1", "0")},
         {"increx k byfloat 5 ubound 3.25 saturate", BULKS("4", "3.25", "4", "1.75")},
         {"increx k byfloat inf", "-ERR BYFLOAT increment cannot be Infinity\r\n"},
         {"increx k byfloat 1 lbound -inf ubound -inf saturate", "-ERR applied increment would be Infinity\r\n"},
         {"increx k byfloat 1 ubound inf", BULKS("4", "4.25", "1", "1")}, {"set k inf", OK_REPLY},
         {"increx k byfloat 1", "-ERR value cannot be Infinity\r\n"}, {"set k abc", OK_REPLY},
         {"increx k byfloat 1", "-ERR value is not a valid float\r\n"},
         {"increx n xx byfloat 1", BULKS("1", "0", "1", "0")});
    peer.session.reply.resp = 3;
    PLAY({"set k 0.1", OK_REPLY}, {"increx k byfloat 0.25", "*2\r\n,0.35\r\n,0.25\r\n"});
}

static void increx_expiry(void **state) {
    (void)state;
    PLAY({"increx k ex 100", PAIR("1", "1")});
    assert_int_equal(ttl("k"), 100000);
    PLAY({"increx k", PAIR("2", "1")}, {"increx k ex 5 enx", PAIR("3", "1")});
    assert_int_equal(ttl("k"), 100000);
    PLAY({"increx k ubound 0 ex 5", PAIR("3", "0")});
    assert_int_equal(ttl("k"), 100000);
    PLAY({"increx k persist", PAIR("4", "1")});
    assert_int_equal(ttl("k"), -1);
    PLAY({"increx k px 5000 enx", PAIR("5", "1")});
    assert_int_equal(ttl("k"), 5000);
    PLAY({"increx k exat 1 enx", PAIR("6", "1")}, {"increx k exat 1", PAIR("7", "1")}, {"get k", NIL},
         {"increx k exat 1", PAIR("1", "1")}, {"get k", NIL});
}

static void increx_conditions_and_errors(void **state) {
    (void)state;
    PLAY({"increx k xx", PAIR("0", "0")}, {"get k", NIL}, {"increx k nx byint 3", PAIR("3", "3")},
         {"increx k nx byint 3", PAIR("3", "0")}, {"increx k xx", PAIR("4", "1")}, {"increx k nx xx", SYNTAX},
         {"increx k byint 1 byfloat 1", SYNTAX}, {"increx k byint", SYNTAX}, {"increx k lbound", SYNTAX},
         {"increx k persist ex 1", SYNTAX}, {"increx k persist enx", SYNTAX}, {"increx k keepttl", SYNTAX},
         {"increx k enx", "-ERR ENX flag requires an expiration\r\n"},
         {"increx k byint x", "-ERR Increment is not an integer or out of range\r\n"},
         {"increx k byfloat x", "-ERR Increment is not a valid float\r\n"},
         {"increx k ubound 1.5", "-ERR UBOUND is not an integer or out of range\r\n"},
         {"increx k byfloat 1 lbound x", "-ERR LBOUND is not a valid float\r\n"},
         {"increx k lbound 2 ubound 1", "-ERR LBOUND can't be greater than UBOUND\r\n"},
         {"increx k ex 0", "-ERR invalid expire time in 'increx' command\r\n"}, {"get k", "$1\r\n4\r\n"});
}

/* Requests, the events they tell (class 1: generic, 2: string) and the changes they count. */
static void events_and_changes(void **state) {
    (void)state;
    static const struct {
        const char *request, *events;
        unsigned changes;
    } cases[] = {
        {"set k 1", "set:k:2@0", 1},
        {"set k 1 nx", "", 0},
        {"set k 1 ex 100", "set:k:2@0 expire:k:1@0", 1},
        {"set k 1 keepttl", "set:k:2@0", 1},
        {"setex k 10 1", "set:k:2@0 expire:k:1@0", 1},
        {"getset k 2", "set:k:2@0", 1},
        {"get k", "", 0},
        {"append k 1", "append:k:2@0", 1},
        {"setrange k 0 \"\"", "", 0},
        {"setrange k 0 3", "setrange:k:2@0", 1},
        {"set k 5", "set:k:2@0", 1},
        {"incr k", "incrby:k:2@0", 1},
        {"decrby k 3", "incrby:k:2@0", 1},
        {"incrbyfloat k 1.5", "incrbyfloat:k:2@0", 1},
        {"incr k", "", 0},
        {"mset a 1 b 2", "set:a:2@0 set:b:2@0", 2},
        {"msetnx a 1 c 2", "", 0},
        {"msetex 2 a 1 b 2 ex 5", "set:a:2@0 expire:a:1@0 set:b:2@0 expire:b:1@0", 2},
        {"getex a px 100", "expire:a:1@0", 1},
        {"getex a persist", "persist:a:1@0", 1},
        {"getex a persist", "", 0},
        {"getex a exat 1", "del:a:1@0", 1},
        {"getdel b", "del:b:1@0", 1},
        {"getdel b", "", 0},
        {"delifeq k x", "", 0},
        {"delex k ifdeq 9555e8555c62dcfd", "", 0},
        {"delex k ifdne 9555e8555c62dcfd", "del:k:1@0", 1},
        {"set k hello ifdeq 9555e8555c62dcfd", "", 0},
        {"set k hello ifdne 9555e8555c62dcfd", "set:k:2@0", 1},
        {"digest k", "", 0},
        {"delex k ifne x", "del:k:1@0", 1},
        {"increx k ex 9", "incrby:k:2@0 expire:k:1@0", 1},
        {"increx k persist", "incrby:k:2@0 persist:k:1@0", 1},
        {"increx k ubound 0", "", 0},
        {"increx k exat 1", "del:k:1@0", 1},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        uint64_t before = dataset_stats(executor.dataset)->changes;
        events[0] = '\0';
        ask(&peer, cases[i].request);
        if (strcmp(events, cases[i].events) != 0) fail_msg("%s told %s", cases[i].request, events);
        assert_int_equal(dataset_stats(executor.dataset)->changes - before, cases[i].changes);
    }
}

static void hits_and_misses_are_those_of_reads(void **state) {
    (void)state;
    const struct dataset_stats *stats = dataset_stats(executor.dataset);
    PLAY({"set k 1", OK_REPLY}, {"incr k", ":2\r\n"}, {"append k x", ":2\r\n"}, {"setnx k 1", ":0\r\n"},
         {"set k 1 xx", OK_REPLY}, {"delifeq k 2", ":0\r\n"});
    assert_int_equal(stats->keyspace_hits + stats->keyspace_misses, 0);
    PLAY({"get k", "$1\r\n1\r\n"}, {"get x", NIL}, {"mget k x", "*2\r\n$1\r\n1\r\n" NIL},
         {"set k 2 get", "$1\r\n1\r\n"}, {"lcs k x", "$0\r\n\r\n"});
    assert_int_equal(stats->keyspace_hits, 4);
    assert_int_equal(stats->keyspace_misses, 3);
}

/* No other type can be made yet, so an entry says for a moment that it is a list: its value is as long as a pointer. */
static void another_type_is_refused_and_stays(void **state) {
    (void)state;
    static const char *const requests[] = {
        "get k",
        "set k 1 get",
        "set k 1 ifeq v",
        "set k 1 ifne x",
        "getset k 1",
        "getdel k",
        "getex k",
        "getex k ex x",
        "append k x",
        "setrange k 0 x",
        "setrange k 0 \"\"",
        "getrange k 0 1",
        "strlen k",
        "incr k",
        "decrby k 1",
        "incrbyfloat k x",
        "delifeq k v",
        "delex k ifeq v",
        "increx k",
        "increx k exat 1",
        "substr k 0 1",
        "digest k",
        "set k 1 ifdeq 9555e8555c62dcfd",
        "delex k ifdne 9555e8555c62dcfd",
    };
    PLAY({"set k pointers", OK_REPLY});
    struct entry *e = (struct entry *)(uintptr_t)look("k");
    e->head = (uint8_t)(e->head | TYPE_LIST);
    for (size_t i = 0; i < countof(requests); i++)
        if (strcmp(ask(&peer, requests[i]), "-" ERROR_WRONGTYPE "\r\n") != 0) fail_msg("%s went on", requests[i]);
    PLAY({"lcs k x", "-ERR The specified keys must contain string values\r\n"}, {"mget k", "*1\r\n" NIL},
         {"setnx k 1", ":0\r\n"});
    assert_ptr_equal(look("k"), e);
    e->head = (uint8_t)(e->head & ~7u);
}

static void no_memory_keeps_the_old_value(void **state) {
    (void)state;
    static char big[2000];
    memset(big, 'x', sizeof big);
    struct slice set[] = {SLICE("set"), SLICE("k"), slice_of(big, sizeof big), SLICE("get")};
    static const char *const text = "-ERR not enough memory for a value of this length\r\n";
    PLAY({"set k v", OK_REPLY});
    mem_fail_after(1, 1000);
    assert_int_equal(peer_run(&peer, set, 4), RUN_DONE);
    assert_string_equal(peer_read(&peer), text); /* one reply, not the old value and an error */
    mem_fail_after(1, 1000);
    assert_string_equal(ask(&peer, "setrange k 5000 x"), text);
    mem_fail_after(1, 1000);
    assert_string_equal(ask(&peer, "setrange new 5000 x"), text);
    PLAY({"get k", "$1\r\nv\r\n"}, {"get new", NIL});
}

static void long_values_are_limited(void **state) {
    (void)state;
    executor.string_max = 10;
    static const char *const text = "-" ERROR_STRING_TOO_LONG "\r\n";
    PLAY({"setrange k 9 x", ":10\r\n"});
    assert_string_equal(ask(&peer, "setrange k 10 x"), text);
    assert_string_equal(ask(&peer, "setrange k 9223372036854775807 x"), text);
    assert_string_equal(ask(&peer, "append k x"), text);
    PLAY({"append k \"\"", ":10\r\n"}, {"strlen k", ":10\r\n"},
         {"lcs k k", "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n"});
}

/* ---- arguments in blocks of their own ---- */
#define LONG 1000
static char long_v[LONG], long_w[LONG];

/* $v and $w: long values. */
static int words_of(const char *line, char *scratch, struct slice *words) {
    int n = text_split_words(slice_of_cstr(line), scratch, words, 16);
    for (int i = 0; i < n; i++) {
        if (slice_is(words[i], "$v")) words[i] = slice_of(long_v, LONG);
        if (slice_is(words[i], "$w")) words[i] = slice_of(long_w, LONG);
    }
    return n;
}

struct left {
    struct buf reply, journal;
};

/* What the requests reply and leave in the journal, on an empty dataset. */
static void run_lines(const char *const *lines, bool blocks, struct left *out) {
    char scratch[256];
    struct slice words[16];
    struct journal journal;
    int64_t strings = mem_owner_blocks(MEM_STRINGS);
    journal_init(&journal);
    executor.journal = &journal;
    buf_init(&out->reply, MEM_SERVER);
    buf_init(&out->journal, MEM_SERVER);
    for (; *lines; lines++) {
        int n = words_of(*lines, scratch, words);
        int64_t moved = mem_owner_blocks(MEM_CLIENT_IN);
        assert_int_equal(blocks ? peer_run_blocks(&peer, words, n, 256) : peer_run(&peer, words, n), RUN_DONE);
        assert_int_equal(mem_owner_blocks(MEM_CLIENT_IN), moved);
        buf_append_slice(&out->reply, buf_slice(&peer.session.out));
        buf_clear(&peer.session.out);
    }
    buf_append_slice(&out->journal, buf_slice(&journal.out));
    executor.journal = NULL;
    journal_release(&journal);
    dataset_flush(executor.dataset, -1, false);
    assert_int_equal(mem_owner_blocks(MEM_STRINGS), strings);
}

static void assert_same(const struct buf *a, const struct buf *b, const char *line) {
    if (!slice_equal(buf_slice(a), buf_slice(b))) fail_msg("%s: %.*s", line, (int)b->len, b->ptr);
}

/* Whether a value's argument was copied or taken, nobody can tell from what is replied and written down. */
static void values_taken_are_as_values_copied(void **state) {
    (void)state;
    static const char *const cases[][4] = {
        {"set k $v", "get k", "object encoding k"},
        {"set k old", "set k $v get", "get k"},
        {"set k $v", "set k $w get", "get k"},
        {"set k $v", "set k $v get", "get k"},
        {"set k $v", "set k short", "get k"},
        {"set k $v px 1000", "set k $w keepttl", "get k"},
        {"set k $v nx", "set k $w nx", "get k"},
        {"set k $v xx", "set k $w", "set k $v xx"},
        {"set k $v", "set k $w ifeq $v", "get k"},
        {"set k $v", "set k $w ifeq $w get", "get k"},
        {"set k $v ex 0", "set k $v bad", "get k"},
        {"set k $v exat 1", "get k"},
        {"setex k 10 $v", "psetex k 10000 $w", "get k"},
        {"setnx k $v", "setnx k $w", "get k"},
        {"set k $v", "getset k $w", "get k"},
        {"append k $v", "append k $w", "get k"},
        {"mset k $v l $w", "mget k l"},
        {"mset k $v k $w", "get k"},
        {"mset k $v k short", "get k"},
        {"mset k $v k $v k $w l $v", "mget k l"},
        {"mset k $v l", "mget k l"},
        {"msetnx k $v l $w", "msetnx k $w m $v", "mget k l m"},
        {"msetex 2 k $v l $w ex 10", "mget k l"},
        {"msetex 2 k $v k $w ex 10", "mget k l"},
        {"set $v $w", "get $v"},
        {"set $v $v", "get $v"},
        {"set k 0", "setrange k 10 $v", "get k"},
        {"get $v", "strlen $w", "nosuch $v"},
    };
    memset(long_v, 'v', LONG);
    memset(long_w, 'w', LONG);
    for (size_t i = 0; i < countof(cases); i++) {
        const char *lines[5] = {cases[i][0], cases[i][1], cases[i][2], cases[i][3], NULL};
        struct left copied, taken;
        run_lines(lines, false, &copied);
        run_lines(lines, true, &taken);
        assert_same(&copied.reply, &taken.reply, lines[0]);
        assert_same(&copied.journal, &taken.journal, lines[0]);
        struct buf *all[] = {&copied.reply, &copied.journal, &taken.reply, &taken.journal};
        for (size_t k = 0; k < countof(all); k++) buf_release(all[k]);
    }
}

/* Nothing is copied: the value lies where the argument was received. */
static void a_value_lies_where_its_argument_did(void **state) {
    (void)state;
    static const char *const lines[] = {"set k $v",      "set k $w get",    "setex k 10 $v",
                                        "setnx k $v",    "getset k $v",     "append k $v",
                                        "mset a 1 k $v", "msetnx k $v l 1", "msetex 1 k $v"};
    for (size_t i = 0; i < countof(lines); i++) {
        char scratch[256];
        struct slice words[16];
        dataset_flush(executor.dataset, -1, false);
        int n = words_of(lines[i], scratch, words);
        mem_fail_after(2, 256); /* the block is the first of that size, and the last */
        assert_int_equal(peer_run_blocks(&peer, words, n, 256), RUN_DONE);
        if (peer_read(&peer)[0] == '-') fail_msg("%s needs memory", lines[i]);
        assert_int_equal(entry_string_len(look("k")), LONG);
    }
    mem_fail_after(0, 0);
}

static unsigned set_flags(const char *line) {
    char scratch[256];
    struct slice words[16];
    int n = text_split_words(slice_of_cstr(line), scratch, words, 16);
    struct key_position position;
    assert_int_equal(command_keys(command_find(executor.commands, words[0]), words, n, &position, 1), 1);
    assert_int_equal(position.index, 1);
    return position.flags;
}

static void set_reads_only_when_asked_to(void **state) {
    (void)state;
    assert_int_equal(set_flags("set k get") & (KEY_RW | KEY_OW | KEY_ACCESS), KEY_OW);
    assert_int_equal(set_flags("set k v get") & (KEY_RW | KEY_OW | KEY_ACCESS), KEY_RW | KEY_ACCESS);
    assert_int_equal(set_flags("set k v ex 1 IFEQ x") & (KEY_RW | KEY_OW | KEY_ACCESS), KEY_RW | KEY_ACCESS);
}

static void msetex_names_its_keys(void **state) {
    (void)state;
    struct slice words[] = {SLICE("msetex"), SLICE("2"), SLICE("a"), SLICE("1"), SLICE("b"), SLICE("2"), SLICE("nx")};
    struct key_position positions[4];
    const struct command *cmd = command_find(executor.commands, words[0]);
    assert_int_equal(command_keys(cmd, words, (int)countof(words), positions, 4), 2);
    assert_int_equal(positions[0].index, 2);
    assert_int_equal(positions[1].index, 4);
}

#define string_test(f) cmocka_unit_test_setup_teardown(f, open_all, shut_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        string_test(set_with_comparison),
        string_test(delifeq_and_delex),
        string_test(digests_are_told_and_compared),
        string_test(msetex_sets_all_or_none),
        string_test(msetex_refuses_bad_arguments),
        string_test(increx_counts_within_bounds),
        string_test(increx_stops_at_the_limits_of_its_type),
        string_test(increx_with_fractions),
        string_test(increx_expiry),
        string_test(increx_conditions_and_errors),
        string_test(events_and_changes),
        string_test(hits_and_misses_are_those_of_reads),
        string_test(another_type_is_refused_and_stays),
        string_test(no_memory_keeps_the_old_value),
        string_test(long_values_are_limited),
        string_test(values_taken_are_as_values_copied),
        string_test(a_value_lies_where_its_argument_did),
        string_test(set_reads_only_when_asked_to),
        string_test(msetex_names_its_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
