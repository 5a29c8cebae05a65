#include "persist/remains_int.h"

#include "base/check.h"
#include "mem/mem.h"
#include "values/value.h"

#define NUMBERS_MIN   ((uint64_t)1 << 12)
#define NUMBERS_MAX   ((uint64_t)1 << 22)
#define BYTES_A_KEY   64 /* of the files, about */
#define FORGOTTEN_MAX 16
#define INTEGER_MAX   20 /* a value up to this long may be kept as an integer */

enum effect {
    KEEPS,       /* no key gets smaller */
    MAKES,       /* SET: with three words the key is as the third says, and has no time */
    MAKES_ALL,   /* MSET: pairs of them */
    CHANGES,     /* the key is the second word */
    CHANGES_TWO, /* the second and the third, or one of them */
    CHANGES_ALL, /* all words behind the first */
    UNKNOWN
};

struct remains_row {
    const char *name;
    enum effect effect;
};

/* Those that are met most often come first. */
static const struct remains_row rows[] = {
    {"set", MAKES},
    {"hset", CHANGES},
    {"del", CHANGES_ALL},
    {"unlink", CHANGES_ALL},
    {"rpush", KEEPS},
    {"lpush", KEEPS},
    {"sadd", KEEPS},
    {"zadd", CHANGES},
    {"select", KEEPS},
    {"multi", KEEPS},
    {"exec", KEEPS},
    {"pexpireat", CHANGES},
    {"incr", CHANGES},
    {"incrby", CHANGES},
    {"xadd", CHANGES},
    {"mset", MAKES_ALL},
    {"append", KEEPS},
    {"setrange", KEEPS},
    {"setbit", KEEPS},
    {"setnx", KEEPS},
    {"hsetnx", KEEPS},
    {"rpushx", KEEPS},
    {"lpushx", KEEPS},
    {"linsert", KEEPS},
    {"persist", KEEPS},
    {"swapdb", KEEPS},
    {"ping", KEEPS},
    {"publish", KEEPS},
    {"spublish", KEEPS},
    {"replconf", KEEPS},
    {"function", KEEPS},
    {"decr", CHANGES},
    {"decrby", CHANGES},
    {"incrbyfloat", CHANGES},
    {"getset", CHANGES},
    {"getdel", CHANGES},
    {"getex", CHANGES},
    {"setex", CHANGES},
    {"psetex", CHANGES},
    {"delex", CHANGES},
    {"expire", CHANGES},
    {"pexpire", CHANGES},
    {"expireat", CHANGES},
    {"restore", CHANGES},
    {"move", CHANGES},
    {"bitfield", CHANGES},
    {"pfadd", CHANGES},
    {"pfmerge", CHANGES},
    {"hmset", CHANGES},
    {"hsetex", CHANGES},
    {"hgetex", CHANGES},
    {"hdel", CHANGES},
    {"hgetdel", CHANGES},
    {"hincrby", CHANGES},
    {"hincrbyfloat", CHANGES},
    {"hexpire", CHANGES},
    {"hpexpire", CHANGES},
    {"hexpireat", CHANGES},
    {"hpexpireat", CHANGES},
    {"hpersist", CHANGES},
    {"lpop", CHANGES},
    {"rpop", CHANGES},
    {"lset", CHANGES},
    {"lrem", CHANGES},
    {"ltrim", CHANGES},
    {"srem", CHANGES},
    {"spop", CHANGES},
    {"zincrby", CHANGES},
    {"zrem", CHANGES},
    {"zpopmin", CHANGES},
    {"zpopmax", CHANGES},
    {"zremrangebyrank", CHANGES},
    {"zremrangebyscore", CHANGES},
    {"zremrangebylex", CHANGES},
    {"geoadd", CHANGES},
    {"xdel", CHANGES},
    {"xtrim", CHANGES},
    {"xack", CHANGES},
    {"xclaim", CHANGES},
    {"xautoclaim", CHANGES},
    {"xsetid", CHANGES},
    {"xackdel", CHANGES},
    {"xdelex", CHANGES},
    {"sunionstore", CHANGES},
    {"sinterstore", CHANGES},
    {"sdiffstore", CHANGES},
    {"zunionstore", CHANGES},
    {"zinterstore", CHANGES},
    {"zdiffstore", CHANGES},
    {"zrangestore", CHANGES},
    {"geosearchstore", CHANGES},
    {"xgroup", CHANGES_TWO},
    {"bitop", CHANGES_TWO},
    {"rename", CHANGES_TWO},
    {"renamenx", CHANGES_TWO},
    {"copy", CHANGES_TWO},
    {"smove", CHANGES_TWO},
    {"lmove", CHANGES_TWO},
    {"rpoplpush", CHANGES_TWO},
};
static const struct remains_row unknown = {"?", UNKNOWN};

void remains_init(struct remains *r, int64_t file_bytes) {
    uint64_t numbers = NUMBERS_MIN;
    proven(file_bytes >= 0);
    while (numbers < NUMBERS_MAX && numbers < (uint64_t)file_bytes / BYTES_A_KEY) numbers *= 2;
    *r = (struct remains){.mask = numbers - 1};
    r->least = mem_alloc_zeroed(MEM_PERSIST, numbers * sizeof *r->least);
}

void remains_release(struct remains *r) {
    if (r->least) mem_free(MEM_PERSIST, r->least, (r->mask + 1) * sizeof *r->least);
    *r = (struct remains){0};
    debug_proven(!r->least);
}

uint64_t remains_hash(struct slice key) {
    debug_proven(key.ptr || key.len == 0);
    return value_hash(key);
}

static uint32_t bounded(int64_t bytes) {
    debug_proven(bytes >= 0);
    return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

static void apply(struct remains *r, const struct remains_put *p) {
    uint32_t *least = &r->least[p->place], now = p->adds ? bounded((int64_t)*least + p->bytes) : p->bytes;
    r->bytes += (int64_t)now - (int64_t)*least;
    *least = now;
    debug_proven(r->bytes >= 0);
}

static void put(struct remains *r, uint64_t hash, int64_t bytes, bool adds) {
    struct remains_put *p = &r->queue[r->queued % REMAINS_QUEUED];
    if (r->queued >= REMAINS_QUEUED) apply(r, p);
    r->queued = r->queued + 1 < 2 * REMAINS_QUEUED ? r->queued + 1 : REMAINS_QUEUED; /* the same place of the ring */
    *p = (struct remains_put){(uint32_t)(hash & r->mask), bounded(bytes), adds};
    __builtin_prefetch(&r->least[p->place], 1);
}

int64_t remains_bytes(struct remains *r) {
    unsigned from = r->queued > REMAINS_QUEUED ? r->queued - REMAINS_QUEUED : 0;
    for (unsigned i = from; i < r->queued; i++) apply(r, &r->queue[i % REMAINS_QUEUED]);
    r->queued = 0;
    proven(r->bytes >= 0);
    return r->bytes;
}

void remains_base(struct remains *r, uint64_t hash, int64_t bytes) {
    if (!r->least) return;
    proven(bytes > 0);
    put(r, hash, bytes, true);
}

void remains_lose(struct remains *r) {
    remains_release(r);
    proven(r->bytes == 0);
}

/* Many of these would cost more than the commands. */
static void forget(struct remains *r) {
    proven(r->least && r->forgotten < FORGOTTEN_MAX);
    if (++r->forgotten == FORGOTTEN_MAX) {
        remains_lose(r);
        return;
    }
    if (remains_bytes(r) > 0) memset(r->least, 0, (r->mask + 1) * sizeof *r->least);
    r->bytes = 0;
}

void remains_begin(struct remains *r, int64_t words) {
    debug_proven(words > 0);
    r->words = words;
    r->at = 0;
}

static const struct remains_row *find(const struct remains *r, struct slice name) {
    debug_proven(r->at == 0);
    if (!name.ptr) return &unknown;
    if (r->row && slice_equal_nocase(name, slice_of_cstr(r->row->name))) return r->row;
    for (size_t i = 0; i < countof(rows); i++)
        if (slice_equal_nocase(name, slice_of_cstr(rows[i].name))) return &rows[i];
    return &unknown;
}

/* What there was by that hash, is known no more. */
static void change(struct remains *r, struct slice key) {
    debug_proven(r->at > 0);
    if (!key.ptr) {
        forget(r);
        r->row = &unknown; /* nor what comes of the rest of its words */
        return;
    }
    r->place = remains_hash(key);
    r->key_len = key.len;
    put(r, r->place, 0, false);
}

static void make(struct remains *r, struct slice value) {
    size_t len = value.len > INTEGER_MAX ? value.len : 0;
    debug_proven(r->at > 1);
    if (r->least) put(r, r->place, KEY_BYTES_MIN + (int64_t)r->key_len + (int64_t)len, false);
}

static void take(struct remains *r, struct slice word) {
    int64_t at = r->at;
    debug_proven(at > 0);
    switch (r->row->effect) {
    case KEEPS:
    case UNKNOWN:
        return;
    case MAKES:
        if (at == 1) change(r, word);
        if (at == 2 && r->words == 3) make(r, word);
        return;
    case MAKES_ALL:
        if (at % 2)
            change(r, word);
        else
            make(r, word);
        return;
    case CHANGES:
        if (at == 1) change(r, word);
        return;
    case CHANGES_TWO:
        if (at <= 2) change(r, word);
        return;
    case CHANGES_ALL:
        change(r, word);
    }
}

void remains_word(struct remains *r, struct slice word) {
    if (!r->least) return;
    proven(r->at < r->words);
    if (r->at > 0) {
        take(r, word);
    } else {
        r->row = find(r, word);
        if (r->row->effect == UNKNOWN) forget(r);
    }
    r->at++;
}
