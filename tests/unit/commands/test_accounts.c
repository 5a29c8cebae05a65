/* The accounts and the biggest keys, held against full walks while random commands of all types run, with snapshots that come
 * and go, flushes, swaps and expiry. TARN_OPERATIONS: how many in all (200 000). */
#include "unit/exec/fixture.h"

#include "base/random.h"
#include "commands/bitmap.h"
#include "commands/generic.h"
#include "commands/geo.h"
#include "commands/hash.h"
#include "commands/hyperloglog.h"
#include "commands/list.h"
#include "commands/set.h"
#include "commands/sort.h"
#include "commands/sorted_set.h"
#include "commands/stream.h"
#include "commands/string.h"
#include "keyspace/keyspace_int.h"
#include "unit/values/seed.h"

#define BLOB_MAX 70000
#define DBS      16
#define CHECKS   25 /* of a world */

static struct executor x;
static struct peer p;
static struct random rng;
static int64_t now_ms;
static char blob[BLOB_MAX];

static const struct command_list command_lists[] = {
    {string_commands}, {bitmap_commands},     {hyperloglog_commands}, {list_commands},
    {set_commands},    {sorted_set_commands}, {hash_commands},        {stream_commands},
    {geo_commands},    {generic_commands},    {sort_commands},
};

/* $s $l $S $z $h $x: a key of that type, mostly; $k: of any; $v: a value; $e: an element; $n: a small number; $t: a time in
 * ms; $d: a database; $p: a position in a string. */
static const char *const templates[] = {
    "SET $s $v",
    "SET $s $v",
    "SET $s $v PX $t",
    "SET $s $v KEEPTTL",
    "SET $k $v",
    "MSET $s $v $s $v",
    "SETNX $s $v",
    "APPEND $s $v",
    "APPEND $s $e",
    "SETRANGE $s $p $e",
    "INCRBY $s $n",
    "INCRBYFLOAT $s $n",
    "GETSET $s $v",
    "GETDEL $s",
    "GETEX $s PX $t",
    "SETBIT $s $p 1",
    "BITFIELD $s SET u8 $p $n",
    "BITOP OR $s $s $s",
    "PFADD $s $e $e",
    "PFMERGE $s $s",
    "SET $s $n",
    "INCR $s",
    "GET $s",
    "RPUSH $l $e $e $e",
    "LPUSH $l $v",
    "RPUSH $l $e",
    "LPOP $l",
    "RPOP $l $n",
    "LTRIM $l 1 -2",
    "LTRIM $l 0 $n",
    "LSET $l 0 $v",
    "LINSERT $l BEFORE $e $v",
    "LREM $l $n $e",
    "LMOVE $l $l LEFT RIGHT",
    "RPOPLPUSH $l $l",
    "SADD $S $n",
    "SADD $S $n $n $n",
    "SADD $S $e $e",
    "SADD $S $v",
    "SREM $S $n",
    "SREM $S $e $e",
    "SPOP $S",
    "SPOP $S $n",
    "SMOVE $S $S $e",
    "SUNIONSTORE $S $S $S",
    "SINTERSTORE $S $S $S",
    "SDIFFSTORE $S $S $S",
    "ZADD $z $n $e $n $e",
    "ZADD $z $n $v",
    "ZINCRBY $z $n $e",
    "ZREM $z $e $e",
    "ZPOPMIN $z",
    "ZPOPMAX $z $n",
    "ZREMRANGEBYRANK $z 0 3",
    "ZREMRANGEBYSCORE $z 0 $n",
    "ZUNIONSTORE $z 2 $z $z",
    "ZRANGESTORE $z $z 0 $n",
    "GEOADD $z 13.3 38.1 $e",
    "SORT $l ALPHA STORE $l",
    "HSET $h $e $v",
    "HSET $h $e $n $e $e",
    "HDEL $h $e $e",
    "HINCRBY $h n:$n 3",
    "HSETNX $h $e $v",
    "HPEXPIRE $h $t FIELDS 1 $e",
    "HPERSIST $h FIELDS 1 $e",
    "HGETDEL $h FIELDS 1 $e",
    "HGETALL $h",
    "HGETEX $h PX $t FIELDS 1 $e",
    "XADD $x * f $v",
    "XADD $x * $e $n $e $n",
    "XADD $x MAXLEN 20 * f $e",
    "XTRIM $x MAXLEN $n",
    "XTRIM $x MAXLEN ~ 5",
    "XTRIM $x MAXLEN $n ACKED",
    "XTRIM $x MAXLEN $n DELREF",
    "XADD $x DELREF MAXLEN ~ 5 * f $v",
    "XDELEX $x DELREF IDS 2 1-1 9999999999999-1",
    "XGROUP CREATE $x g$n 0 MKSTREAM",
    "XGROUP DESTROY $x g$n",
    "XREADGROUP GROUP g1 c$n COUNT 3 STREAMS $x >",
    "XGROUP CREATE $x g1 0",
    "XGROUP CREATECONSUMER $x g1 c$n",
    "XGROUP DELCONSUMER $x g1 c$n",
    "XAUTOCLAIM $x g1 c2 0 0 COUNT 5",
    "XSETID $x 9999999999999-1",
    "DEL $k",
    "DEL $k",
    "UNLINK $k $k",
    "RENAME $k $k",
    "RENAMENX $k $k",
    "COPY $k $k REPLACE",
    "COPY $k $k DB $d",
    "MOVE $k $d",
    "PEXPIRE $k $t",
    "PERSIST $k",
    "PEXPIREAT $k 1",
    "TYPE $k",
    "SELECT $d",
};

static unsigned below(unsigned n) { return (unsigned)random_below(&rng, n); }

static size_t any_length(void) {
    unsigned dice = below(1000);
    if (dice < 700) return below(40);
    if (dice < 900) return below(300);
    return dice < 990 ? below(3000) : below(BLOB_MAX);
}

static struct slice print(char **room, const char *format, unsigned a, unsigned b) {
    char *at = *room;
    int n = snprintf(at, 64, format, a, b);
    *room += n;
    return slice_of(at, (size_t)n);
}

/* One word; room has 64 bytes. */
static struct slice word_of(struct slice word, unsigned keys, char **room) {
    static const char types[] = "slSzhx";
    if (word.len < 2 || word.ptr[0] != '$') return word;
    switch (word.ptr[1]) {
    case 'v':
        return slice_of(blob + below(64), any_length() * 99 / 100);
    case 'e':
        return below(200) ? print(room, "member:%u", below(below(8) ? 60 : 1500), 0) : slice_of(blob, below(200));
    case 'n':
        return print(room, "%u", below(below(4) ? 12 : 40000), 0);
    case 't':
        return print(room, "%u", 1 + below(20000), 0);
    case 'd':
        return print(room, "%u", below(below(4) ? 2 : 4), 0);
    case 'p':
        return print(room, "%u", below(below(4) ? 300 : 60000), 0);
    case 'k':
        return print(room, "%c:%u", (unsigned)types[below(6)], below(keys));
    default:
        return print(room, "%c:%u", (unsigned)word.ptr[1], below(keys));
    }
}

static void run_any(unsigned keys) {
    char scratch[256], text[FIXTURE_WORDS * 64], *room = text;
    struct slice words[FIXTURE_WORDS];
    const char *line = templates[below(countof(templates))];
    int n = text_split_words(slice_of_cstr(line), scratch, words, FIXTURE_WORDS);
    for (int i = 1; i < n; i++) words[i] = word_of(words[i], keys, &room);
    bool blocks = below(2);
    assert_int_equal(blocks ? peer_run_blocks(&p, words, n, 256) : peer_run(&p, words, n), RUN_DONE);
    buf_clear(&p.session.out);
}

/* ---- the walk ---- */
struct walk {
    struct account accounts[TYPE_COUNT];
    size_t *sizes, count, capacity;
    uint64_t bytes;
};

static void walk_entry(void *arg, table_slot *slot) {
    struct walk *w = arg;
    const struct entry *e = table_slot_entry(slot);
    struct account *a = &w->accounts[entry_type(e)];
    size_t bytes = entry_memory(e);
    size_t elements =
        entry_type(e) == TYPE_STRING ? entry_string_len(e) : value_kind(entry_type(e))->count(entry_object(e));
    a->keys++;
    a->elements += elements;
    a->bytes += bytes;
    a->by_elements[account_bucket(elements)]++;
    a->by_bytes[account_bucket(bytes)]++;
    w->bytes += bytes;
    if (w->count < w->capacity) w->sizes[w->count] = bytes;
    w->count++;
}

static int descending(const void *a, const void *b) {
    size_t x1 = *(const size_t *)a, y = *(const size_t *)b;
    return x1 > y ? -1 : x1 < y;
}

struct shown {
    const size_t *sizes;
    size_t at, sure, known;
};

static void check_shown(void *arg, const struct top_key *key) {
    struct shown *s = arg;
    struct db *db = dataset_db(x.dataset, key->db);
    struct key k = {key->key, dataset_hash(x.dataset, key->key)};
    const struct entry *e = db_view(db, k, VIEW_NO_TOUCH | VIEW_NO_STATS);
    assert_non_null(e);
    assert_int_equal(entry_memory(e), key->bytes);
    assert_int_equal(entry_type(e), key->type);
    if (s->at < s->sure) assert_int_equal(key->bytes, s->sizes[s->at]);
    s->at++;
}

static void check_top(struct walk *all) {
    size_t sure = dataset_top_sure(x.dataset), n = all->count < TOP_SHOWN_MAX ? all->count : TOP_SHOWN_MAX;
    struct shown s = {all->sizes, 0, sure, n};
    qsort(all->sizes, all->count, sizeof *all->sizes, descending);
    dataset_top(x.dataset, TOP_SHOWN_MAX, check_shown, &s);
    assert_true(s.at >= (n < sure ? n : sure));
    assert_true(s.at <= n);
}

static int64_t owners_of_values(void) {
    int64_t sum = 0;
    for (int i = MEM_STRINGS; i <= MEM_STREAMS; i++) sum += mem_owner_bytes((enum mem_owner)i);
    return sum;
}

static void check_all(int64_t before) {
    struct walk all = {.capacity = dataset_keys(x.dataset)};
    executor_begin_batch(&x);
    while (dataset_expire_due(x.dataset, 1000)) continue;
    all.sizes = malloc((all.capacity + 1) * sizeof *all.sizes);
    for (unsigned i = 0; i < DBS; i++) {
        struct db *db = dataset_db(x.dataset, i);
        memset(all.accounts, 0, sizeof all.accounts);
        table_each(&db->contents.table, walk_entry, &all);
        for (unsigned t = 0; t < TYPE_COUNT; t++)
            assert_memory_equal(db_account(db, (enum value_type)t), &all.accounts[t], sizeof *all.accounts);
    }
    if (!dataset_is_frozen(x.dataset)) assert_int_equal(owners_of_values() - before, all.bytes);
    check_top(&all);
    free(all.sizes);
}

/* ---- MEMORY USAGE ---- */
static uint64_t usage;

static void add_usage(void *arg, const struct entry *e) {
    struct key k = {entry_key(e), dataset_hash(x.dataset, entry_key(e))};
    usage += db_memory_usage(arg, k);
}

/* With the other owners it is used_memory: what the sum leaves out is the dataset itself. */
static void check_usage(void) {
    usage = 0;
    for (unsigned i = 0; i < DBS; i++) db_each(dataset_db(x.dataset, i), add_usage, dataset_db(x.dataset, i));
    int64_t others = mem_used() - owners_of_values() - mem_owner_bytes(MEM_TABLE) - mem_owner_bytes(MEM_EXPIRY);
    double difference = (double)((int64_t)usage + others - mem_used()) / (double)mem_used();
    print_message("MEMORY USAGE of %zu keys and the others: %+.3f %% of %lld bytes\n", dataset_keys(x.dataset),
                  100 * difference, (long long)mem_used());
    if (mem_used() > 12000000) assert_true(difference > -0.005 && difference < 0.005);
}

/* ---- worlds ---- */
static void rare_event(struct dataset_frozen **frozen, bool flush) {
    switch (below(7)) {
    case 0:
        dataset_swap(x.dataset, below(4), below(4));
        return;
    case 1:
        if (flush && below(4) == 0) dataset_flush(x.dataset, below(3) ? (int)below(4) : -1, below(2));
        return;
    case 2:
    case 3:
        if (*frozen)
            dataset_thaw(x.dataset, *frozen), *frozen = NULL;
        else
            *frozen = dataset_freeze(x.dataset);
        return;
    default:
        now_ms += below(3000);
        clock_wall_set_for_test(now_ms);
        executor_begin_batch(&x);
        dataset_expire_due(x.dataset, 100);
        if (below(2)) dataset_top_refill(x.dataset, 50);
    }
}

static void world(unsigned keys, unsigned operations, uint64_t seed) {
    struct dataset_frozen *frozen = NULL;
    executor_open(&x, command_lists, countof(command_lists));
    peer_open(&p, &x);
    random_init(&rng, seed);
    now_ms = FIXTURE_TIME_MS;
    int64_t before = owners_of_values();
    for (unsigned i = 0; i < operations; i++) {
        run_any(keys);
        if (below(1000) == 0) rare_event(&frozen, i < operations / 2);
        if (i % (operations / CHECKS) == 0) check_all(before);
    }
    if (frozen) dataset_thaw(x.dataset, frozen);
    check_all(before);
    check_usage();
    peer_close(&p);
    executor_shut(&x);
    assert_int_equal(owners_of_values(), before);
}

static void test_random_commands(void **state) {
    (void)state;
    const char *text = getenv("TARN_OPERATIONS");
    unsigned operations = text ? (unsigned)strtoul(text, NULL, 10) : 200000;
    rng = random_of_test();
    uint64_t seed = random_next(&rng);
    for (size_t i = 0; i < sizeof blob; i++) blob[i] = (char)('a' + below(26));
    world(3, operations / 4, seed);
    world(100, operations / 4, seed + 1);
    world(3000, operations / 2, seed + 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_commands)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
