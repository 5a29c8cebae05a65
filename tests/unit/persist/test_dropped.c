/* Random commands run on two datasets; from one of them keys are evicted all the time, as a load for want of room does. What is
 * in that one must be as in the other, and what is not must be known to be gone. */
#include "unit/exec/fixture.h"
#include "unit/persist/rdb_file.h"
#include "unit/values/seed.h"

#include "commands/connection.h"
#include "commands/generic.h"
#include "commands/hash.h"
#include "commands/list.h"
#include "commands/set.h"
#include "commands/sort.h"
#include "commands/sorted_set.h"
#include "commands/stream.h"
#include "commands/string.h"
#include "commands/transaction.h"
#include "persist/aof_replay_int.h"
#include "persist/dropped_int.h"
#include "persist/room_int.h"

#define KEYS      24
#define DATABASES 3

static const struct command_list lists[] = {
    {connection_commands}, {string_commands}, {generic_commands},    {hash_commands},   {list_commands},
    {set_commands},        {sort_commands},   {sorted_set_commands}, {stream_commands}, {transaction_commands}};

struct both {
    struct random r;
    struct executor plain;
    struct peer peer;
    struct dataset *limited;
    struct replay replay;
    struct load_room room;
    struct load_progress progress;
    _Atomic bool cancelled;
    char why[LOAD_ERROR_MAX];
    bool whole_databases; /* SWAPDB and FLUSHDB, too: then names are given up */
    uint64_t ids, evicted;
};

static void open_both(struct both *b) {
    static const struct siphash_seed seed = {1, 2};
    memset(b, 0, sizeof *b);
    b->r = random_of_test();
    executor_open(&b->plain, lists, countof(lists));
    peer_open(&b->peer, &b->plain);
    b->limited = dataset_new(16, &seed);
    dataset_set_now(b->limited, FIXTURE_TIME_MS);
    replay_init(&b->replay, b->limited, lists, countof(lists), 1 << 20);
    b->replay.progress = &b->progress;
    b->replay.cancelled = b->replay.pace.cancelled = &b->cancelled;
    b->replay.why = b->why;
    b->room.rule = (struct eviction_rule){.order = EVICTION_RANDOM, .samples = 5};
    b->room.limit_bytes = INT64_C(1) << 60; /* keys go when the test says so */
    room_begin(&b->room, &b->progress, &b->cancelled);
    replay_limit(&b->replay, &b->room);
}

static void close_both(struct both *b) {
    replay_release(&b->replay);
    dataset_free(b->limited);
    peer_close(&b->peer);
    executor_shut(&b->plain);
}

/* ---- random commands ---- */
static unsigned upto(struct both *b, unsigned n) { return (unsigned)random_below(&b->r, n); }

/* Text with @: a key; #: a number; ~: a database; %: a word; !: more than ever before. */
static void fill_in(struct both *b, const char *form, char out[512]) {
    size_t n = 0;
    for (; *form; form++) {
        char part[16] = {*form, '\0'};
        if (*form == '@') snprintf(part, sizeof part, "k%u", upto(b, KEYS));
        if (*form == '#') snprintf(part, sizeof part, "%u", upto(b, 10));
        if (*form == '~') snprintf(part, sizeof part, "%u", upto(b, DATABASES));
        if (*form == '%') snprintf(part, sizeof part, "w%u", upto(b, 6));
        if (*form == '!') snprintf(part, sizeof part, "%llu", (unsigned long long)++b->ids);
        memcpy(out + n, part, strlen(part));
        n += strlen(part);
    }
    out[n] = '\0';
}

static const char *const forms[] = {
    "set @ #",
    "set @ #",
    "set @ % pxat 4000000000#00",
    "set @ % keepttl",
    "set @ # xx",
    "set @ # nx",
    "mset @ # @ %",
    "msetnx @ # @ #",
    "append @ %",
    "incrby @ #",
    "setrange @ # %",
    "setbit @ # 1",
    "persist @",
    "pexpireat @ 4000000000#00",
    "del @",
    "del @ @ @",
    "unlink @",
    "rename @ @",
    "renamenx @ @",
    "copy @ @",
    "copy @ @ replace",
    "copy @ @ db ~ replace",
    "move @ ~",
    "hset @ % #",
    "hset @ % # % # % #",
    "hset @ % #",
    "hincrby @ % #",
    "hdel @ %",
    "rpush @ %",
    "rpush @ % % %",
    "lpop @",
    "lset @ 0 %",
    "linsert @ before % %",
    "lmove @ @ left right",
    "ltrim @ 0 #",
    "sadd @ % %",
    "sadd @ # # #",
    "srem @ %",
    "smove @ @ %",
    "sunionstore @ @ @",
    "sinterstore @ @ @",
    "sdiffstore @ @ @",
    "zadd @ # % # %",
    "zincrby @ # %",
    "zrem @ %",
    "zunionstore @ 2 @ @",
    "zrangestore @ @ 0 #",
    "zremrangebyrank @ 0 0",
    "xadd @ 1-! % #",
    "xtrim @ maxlen #",
    "sort @ alpha store @",
    "sort @ by nosort store @",
    "swapdb ~ ~",
    "flushdb",
    "select ~",
};

static bool rare(const char *form) { return strncmp(form, "swapdb", 6) == 0 || strncmp(form, "flushdb", 7) == 0; }

/* A command that has changed something in the plain dataset, or selected another. */
static void next_command(struct both *b, char line[512]) {
    for (;;) {
        const char *form = forms[upto(b, countof(forms))];
        if (rare(form) && (!b->whole_databases || upto(b, 30))) continue;
        fill_in(b, form, line);
        uint64_t before = dataset_stats(b->plain.dataset)->changes;
        bool fine = ask(&b->peer, line)[0] != '-';
        if (fine && (form[0] == 's' && form[2] == 'l')) return;
        if (fine && dataset_stats(b->plain.dataset)->changes != before) return;
    }
}

/* ---- running them ---- */
static void append_line(struct buf *f, const char *line) {
    char scratch[512], head[32];
    struct slice words[FIXTURE_WORDS];
    int n = text_split_words(slice_of_cstr(line), scratch, words, FIXTURE_WORDS);
    buf_append(f, head, (size_t)snprintf(head, sizeof head, "*%d\r\n", n));
    for (int i = 0; i < n; i++) {
        buf_append(f, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", words[i].len));
        buf_append_slice(f, words[i]);
        buf_append(f, "\r\n", 2);
    }
}

static void run_some(struct both *b) {
    struct buf f;
    char line[512];
    size_t used;
    buf_init(&f, MEM_SERVER);
    unsigned count = 1 + upto(b, 6);
    bool together = upto(b, 4) == 0;
    b->replay.whole = upto(b, 2);
    if (together) append_line(&f, "multi");
    for (unsigned i = 0; i < count; i++) {
        next_command(b, line);
        append_line(&f, line);
    }
    if (together) append_line(&f, "exec");
    enum replay_result result = replay_feed(&b->replay, f.ptr, f.len, &used);
    if (result != REPLAY_MORE) print_message("%s\n", b->why);
    assert_int_equal(result, REPLAY_MORE);
    assert_int_equal(used, f.len);
    buf_release(&f);
}

static void evict_some(struct both *b) {
    for (unsigned n = upto(b, 4); n > 0; n--) b->evicted += dataset_evict(b->limited, &b->room.rule);
}

/* ---- what must hold ---- */
static void assert_part(struct both *b) {
    struct comparison c = {.other = b->plain.dataset, .equal = true};
    for (c.db = 0; c.db < DATABASES; c.db++) db_each(dataset_db(b->limited, c.db), compare_entry, &c);
    assert_true(c.equal);
}

static size_t keys_of(struct dataset *ds) {
    size_t keys = 0;
    for (unsigned db = 0; db < DATABASES; db++) keys += db_keys(dataset_db(ds, db));
    return keys;
}

struct missing {
    struct both *b;
    const struct buf *names;
    unsigned db;
    size_t count;
};

static void assert_named(void *arg, const struct entry *e) {
    struct missing *m = arg;
    struct slice name;
    unsigned db;
    bool named = false;
    if (db_view(dataset_db(m->b->limited, m->db), key_of(m->b->limited, entry_key(e)), VIEW_NO_TOUCH)) return;
    m->count++;
    for (size_t at = 0; !named && dropped_next_name(m->names, &at, &db, &name);)
        named = db == m->db && slice_equal(name, entry_key(e));
    assert_true(named);
}

static void run_all(bool whole_databases) {
    struct both *b = malloc(sizeof *b);
    struct buf names;
    open_both(b);
    b->whole_databases = whole_databases;
    buf_init(&names, MEM_SERVER);
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 60; i++) {
            run_some(b);
            evict_some(b);
        }
        assert_part(b);
        assert_true(keys_of(b->plain.dataset) <= keys_of(b->limited) + dropped_count(b->replay.dropped));
    }
    assert_true(b->evicted > 500);
    bool named = dropped_names(b->replay.dropped, &names);
    assert_true(named || whole_databases);
    struct missing m = {.b = b, .names = &names};
    for (; named && m.db < DATABASES; m.db++) db_each(dataset_db(b->plain.dataset, m.db), assert_named, &m);
    assert_true(!named || m.count > 0 || names.len == 0);
    buf_release(&names);
    close_both(b);
    free(b);
}

static void test_what_stays_is_as_without_a_limit(void **state) {
    (void)state;
    run_all(false);
}

static void test_databases_swapped_and_flushed(void **state) {
    (void)state;
    run_all(true);
}

/* A MULTI that was cut off has made nothing anew: without a name for each key that went, the files need a new base. */
static void test_a_torn_transaction(void **state) {
    (void)state;
    struct both *b = malloc(sizeof *b);
    struct buf f, names;
    size_t used;
    open_both(b);
    buf_init(&f, MEM_SERVER);
    buf_init(&names, MEM_SERVER);
    append_line(&f, "set k 1");
    assert_int_equal(replay_feed(&b->replay, f.ptr, f.len, &used), REPLAY_MORE);
    while (!dataset_evict(b->limited, &b->room.rule)) continue;
    assert_int_equal(dropped_count(b->replay.dropped), 1);
    buf_clear(&f);
    append_line(&f, "multi");
    append_line(&f, "set k 2");
    assert_int_equal(replay_feed(&b->replay, f.ptr, f.len, &used), REPLAY_MORE);
    replay_discard(&b->replay);
    assert_false(dropped_names(b->replay.dropped, &names));
    buf_release(&f);
    buf_release(&names);
    close_both(b);
    free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stays_is_as_without_a_limit),
        cmocka_unit_test(test_databases_swapped_and_flushed),
        cmocka_unit_test(test_a_torn_transaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
