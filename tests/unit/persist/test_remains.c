/* What an append-only file leaves at least is never more than what its commands really leave: random commands of all families, run
 * by an executor, with few keys and a sketch so small that many fall on one number. And it is worth something. */
#include "unit/persist/aof_world.h"

#include "base/random.h"
#include "persist/remains_int.h"
#include "persist/scout_int.h"

static struct executor x;
static struct peer peer;
static struct random rnd;
static unsigned keys;

static void fill(char *dst, size_t n) {
    memset(dst, 'v', n);
    dst[n] = '\0';
}

/* Writes one with random keys; every key of it may be of any type. */
static void make_command(char *dst, size_t cap) {
    static const char *const forms[] = {
        "SET %K %V",
        "SET %K %V",
        "SET %K %V KEEPTTL",
        "SET %K %N",
        "MSET %K %V %K %N",
        "APPEND %K %V",
        "SETRANGE %K 5 x",
        "SETBIT %K 100 1",
        "SETNX %K %V",
        "GETDEL %K",
        "GETSET %K %N",
        "INCR %K",
        "DEL %K",
        "DEL %K %K %K",
        "UNLINK %K %K",
        "EXPIRE %K 100",
        "PEXPIREAT %K 1",
        "PERSIST %K",
        "RENAME %K %K",
        "RENAMENX %K %K",
        "COPY %K %K REPLACE",
        "MOVE %K 1",
        "SWAPDB 0 1",
        "SELECT 1",
        "SELECT 0",
        "RPUSH %K %V %N a",
        "LPUSH %K b",
        "RPUSHX %K %N",
        "LPUSHX %K c",
        "LPOP %K",
        "RPOP %K 2",
        "LTRIM %K 1 1",
        "LSET %K 0 s",
        "LREM %K 0 a",
        "LINSERT %K BEFORE a %V",
        "LMOVE %K %K LEFT RIGHT",
        "RPOPLPUSH %K %K",
        "SADD %K %V %N a",
        "SREM %K a",
        "SPOP %K",
        "SMOVE %K %K a",
        "SUNIONSTORE %K %K",
        "SINTERSTORE %K %K %K",
        "SDIFFSTORE %K %K %K",
        "HSET %K f %V",
        "HSET %K f s g %V",
        "HSETNX %K h %V",
        "HDEL %K f",
        "HINCRBY %K n 5",
        "ZADD %K 1 %V",
        "ZADD %K 1000 a",
        "ZINCRBY %K 5 a",
        "ZREM %K a",
        "ZPOPMIN %K",
        "ZUNIONSTORE %K 1 %K",
        "ZREMRANGEBYRANK %K 0 0",
        "XADD %K * f %V",
        "XTRIM %K MAXLEN 1",
        "XGROUP CREATE %K g 0 MKSTREAM",
        "FLUSHDB",
        "GETEX %K PX 1",
    };
    const char *form = forms[random_below(&rnd, countof(forms) - (random_below(&rnd, 50) ? 2 : 0))];
    size_t n = 0;
    for (; *form && n + 200 < cap; form++) {
        char text[160];
        if (*form != '%') {
            dst[n++] = *form;
            continue;
        }
        form++;
        if (*form == 'K') snprintf(text, sizeof text, "key:%u", (unsigned)random_below(&rnd, keys));
        if (*form == 'N') snprintf(text, sizeof text, "%u", (unsigned)random_below(&rnd, 1000000));
        if (*form == 'V') fill(text, 21 + random_below(&rnd, 120));
        memcpy(dst + n, text, strlen(text));
        n += strlen(text);
    }
    dst[n] = '\0';
}

/* ---- what there really is ---- */
static void add_bytes(void *arg, const struct value_element *e) {
    *(int64_t *)arg += (int64_t)(e->text.len + e->second.len);
}

static int64_t bytes_of(const struct entry *e) {
    char scratch[NUM_TEXT_MAX];
    int64_t bytes = KEY_BYTES_MIN + (int64_t)entry_key(e).len;
    if (entry_type(e) == TYPE_STRING) return bytes + (int64_t)entry_string(e, scratch).len;
    struct value v = entry_object(e);
    value_kind(v.type)->each(v, INT64_MIN, add_bytes, &bytes);
    return bytes;
}

static void add_entry(void *arg, const struct entry *e) {
    bool lives = entry_expire_at(e) < 0 || entry_expire_at(e) > dataset_now(x.dataset);
    if (lives) *(int64_t *)arg += bytes_of(e);
}

static int64_t bytes_there(void) {
    int64_t bytes = 0;
    for (unsigned i = 0; i < 2; i++) db_each(dataset_db(x.dataset, i), add_entry, &bytes);
    return bytes;
}

static void add_base(void *arg, const struct entry *e) { remains_base(arg, remains_hash(entry_key(e)), bytes_of(e)); }

/* ---- commands for both ---- */
static void look_at(struct remains *r, const char *line) {
    char scratch[4096];
    struct slice words[FIXTURE_WORDS];
    int n = text_split_words(slice_of_cstr(line), scratch, words, FIXTURE_WORDS);
    remains_begin(r, n);
    for (int i = 0; i < n; i++) remains_word(r, words[i]);
}

static void run(const char *line) {
    peer_send(&peer, line);
    peer_read(&peer);
}

static void tell_story(uint64_t round) {
    struct remains r;
    char line[1024];
    keys = 3 + (unsigned)random_below(&rnd, 40);
    remains_init(&r, 0);
    r.mask = 63; /* of what there is room for */
    for (int i = 0; i < 120; i++) {
        make_command(line, sizeof line);
        run(line);
    }
    run("SELECT 0");
    for (unsigned i = 0; i < 2; i++) db_each(dataset_db(x.dataset, i), add_base, &r);
    for (int i = 0; i < 30 && r.least; i++) {
        make_command(line, sizeof line);
        run(line);
        look_at(&r, line);
        int64_t there = bytes_there();
        if (remains_bytes(&r) > there)
            fail_msg("round %llu: behind \"%s\" %lld bytes are proven, and %lld there", (unsigned long long)round, line,
                     (long long)remains_bytes(&r), (long long)there);
    }
    r.mask = 4095;
    remains_release(&r);
    run("FLUSHALL");
}

static void no_command_leaves_less(void **state) {
    const char *env = getenv("TARN_SEED");
    uint64_t seed = env ? strtoul(env, NULL, 0) : (unsigned long)getpid();
    (void)state;
    print_message("TARN_SEED=%llu\n", (unsigned long long)seed);
    random_init(&rnd, seed);
    executor_open(&x, world_lists, countof(world_lists));
    peer_open(&peer, &x);
    for (uint64_t round = 0; round < (getenv("TARN_LONG") ? 50000u : 2000u); round++) tell_story(round);
    peer_close(&peer);
    executor_shut(&x);
}

static void most_of_a_base_and_of_sets_is_proven(void **state) {
    struct remains r;
    char line[300], value[201];
    (void)state;
    fill(value, 200);
    remains_init(&r, INT64_C(1) << 40);
    for (int i = 0; i < 100000; i++) {
        int n = snprintf(line, sizeof line, "base:%d", i);
        remains_base(&r, remains_hash(slice_of(line, (size_t)n)), 100);
    }
    assert_int_equal(remains_bytes(&r), 10000000);
    look_at(&r, "DEL base:1 base:2 base:3");
    assert_true(remains_bytes(&r) <= 10000000 - 300 && remains_bytes(&r) > 9990000);
    for (int i = 0; i < 100000; i++) {
        snprintf(line, sizeof line, "SET new:%d %s", i, value);
        look_at(&r, line);
    }
    assert_true(remains_bytes(&r) > 27000000 && remains_bytes(&r) <= 10000000 + 100000 * 230);
    look_at(&r, "FLUSHALL");
    assert_int_equal(remains_bytes(&r), 0);
    look_at(&r, "SET a 1");
    assert_int_equal(remains_bytes(&r), KEY_BYTES_MIN + 1);
    for (int i = 0; i < 100; i++) look_at(&r, "EVAL x 0");
    assert_null(r.least);
    look_at(&r, "SET a 1");
    assert_int_equal(remains_bytes(&r), 0);
}

static void what_cannot_be_seen_is_not_proven(void **state) {
    struct remains r;
    (void)state;
    remains_init(&r, 0);
    remains_base(&r, remains_hash(SLICE("k")), 100);
    remains_begin(&r, 3);
    remains_word(&r, SLICE("SET"));
    remains_word(&r, SLICE("long"));
    remains_word(&r, slice_of(NULL, 1000000));
    assert_int_equal(remains_bytes(&r), 100 + KEY_BYTES_MIN + 4 + 1000000);
    remains_begin(&r, 3);
    remains_word(&r, SLICE("SET"));
    remains_word(&r, slice_of(NULL, 10000));
    remains_word(&r, SLICE("a value that is long enough"));
    assert_int_equal(remains_bytes(&r), 0);
    remains_release(&r);
}

/* ---- over files ---- */
#define LONG 300000
static char text[LONG + 1];

static void put_command(struct buf *f, const char *name, const char *key, struct slice value) {
    buf_printf(f, "*3\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(name), name, strlen(key), key, value.len);
    buf_append_slice(f, value);
    buf_append_slice(f, SLICE("\r\n"));
}

static int64_t scouted(const char *base, const char *commands) {
    struct scout *s = scout_new();
    int64_t size = 0;
    struct stat st;
    scout_expect_commands(s);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(stat(i ? commands : base, &st), 0);
        scout_add(s, i ? commands : base, (int64_t)st.st_size);
        size += (int64_t)st.st_size;
    }
    scout_known(s);
    assert_true(scout_start(s));
    for (int ms = 0; ms < 10000 && scout_reach(s) < size; ms++) thread_sleep_us(1000);
    assert_int_equal(scout_reach(s), size);
    int64_t remaining = scout_payload(s).remaining;
    scout_free(s);
    return remaining;
}

/* Keys that the file holds packed, commands that are longer than what the scout reads at a time, or of many words, with what looks like
 * commands inside of them. */
static void the_scout_sees_every_command(void **state) {
    char folder[64], base[96], commands[96], key[200];
    struct buf f;
    (void)state;
    make_folder(folder);
    snprintf(base, sizeof base, "%s/base", folder);
    snprintf(commands, sizeof commands, "%s/commands", folder);
    memset(text, 'x', LONG);
    memset(key, 'k', sizeof key);
    file_start(&f, "REDIS0010");
    for (int i = 0; i < 10; i++) {
        snprintf(key + 100, 100, "%d", i);
        file_key(&f, slice_of_cstr(key), slice_of(text, 1000));
    }
    file_end(&f, true);
    write_bytes(base, buf_slice(&f));
    buf_clear(&f);
    static const char inside[] = "\r\n*3\r\n$3\r\nSET\r\n$4\r\nfake\r\n$9\r\nnever set\r\n*1\r\n$8\r\nFLUSHALL\r\n";
    memcpy(text + 1000, inside, sizeof inside - 1);
    put_command(&f, "SET", "long", slice_of(text, LONG));
    buf_printf(&f, "*202\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n");
    for (int i = 0; i < 200; i++) buf_printf(&f, "$1\r\n1\r\n");
    snprintf(key + 100, 100, "%d", 3);
    put_command(&f, "SET", key, SLICE("short"));
    write_bytes(commands, buf_slice(&f));
    int64_t made = KEY_BYTES_MIN + 4 + LONG + KEY_BYTES_MIN + 101, each = KEY_BYTES_MIN + 101 + 1000;
    assert_int_equal(scouted(base, commands), 9 * each + made);
    write_bytes(commands, slice_of(f.ptr, f.len - 1));
    assert_int_equal(scouted(base, commands), 0); /* what cannot be read might be anything */
    unlink(base);
    unlink(commands);
    rmdir(folder);
    buf_release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_command_leaves_less),
        cmocka_unit_test(most_of_a_base_and_of_sets_is_proven),
        cmocka_unit_test(what_cannot_be_seen_is_not_proven),
        cmocka_unit_test(the_scout_sees_every_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
