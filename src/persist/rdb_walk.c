#include "persist/rdb_walk.h"

#include "base/check.h"
#include "base/num.h"
#include "keyspace/entry.h"
#include "persist/rdb_skip_int.h"
#include "values/kind.h"
#include "wire/crc64.h"
#include "wire/rdb_template.h"

#include <stdio.h>

/* A trial of the search may look this far, while all trials together have not looked at WORK_FACTOR times what was searched. */
#define WORK_FACTOR    64
#define WORK_FREE      ((int64_t)64 << 20)
#define TRIAL_NARROW   ((int64_t)64 << 10)
#define PROGRESS_EVERY 1000
/* An end mark is a byte and has to be in its place, which happens: so many keys stand before it. Fewer are not found again. */
#define CHAIN_BEFORE_END 2
#define WHY_MAX          256

/* One record or attribute group, read: enum rdb_opcode and rdb_type share their numbers. */
struct item {
    bool key, end;       /* of a key; the end mark */
    struct rdb_record r; /* from and end also of others */
    struct rdb_other o;
    const char *why;     /* NULL: sound. Else static, or in text */
    bool structure;      /* its end is known all the same */
    bool repeated;       /* sound, but for its name */
    bool defined;        /* a template, which is known now */
    bool named;          /* r.key is known */
    const char *dropped; /* why r.drop_from to r.drop_to are lost */
    char text[WHY_MAX];
    struct rdb_reader window;
    struct rdb_input in;
    struct buf name;
};

struct walk {
    struct rdb_walk *w;
    const unsigned char *bytes;
    int64_t size;
    uint64_t db;
    int64_t work, searched; /* bytes */
    struct rdb_templates templates;
    struct item slots[2]; /* one waits for what follows it */
    struct item trial;
    struct item *waiting;            /* NULL: none */
    uint64_t recent[RDB_WALK_CHAIN]; /* hashes of the last keys' names; no two keys have one name */
    unsigned recent_at;
};

/* ---- items ---- */
static void item_init(struct item *i) {
    *i = (struct item){0};
    rdb_input_init(&i->in, &i->window);
    buf_init(&i->name, MEM_PERSIST);
    proven(!i->why);
}

static void item_drop_value(struct item *i) {
    debug_proven(i->in.window == &i->window);
    if (i->r.value.ptr) value_free(i->r.value);
    i->r.value.ptr = NULL;
}

static void item_release(struct item *i) {
    item_drop_value(i);
    rdb_input_release(&i->in);
    buf_release(&i->name);
    proven(!i->r.value.ptr);
}

/* To read at `at`, up to `end`. */
static void item_start(struct walk *k, struct item *i, int64_t at, int64_t end) {
    proven(at >= 0 && at <= end && end <= k->size);
    item_drop_value(i);
    i->key = i->end = i->structure = i->named = i->repeated = i->defined = false;
    i->why = i->dropped = NULL;
    i->r =
        (struct rdb_record){.from = at, .at = at, .end = at, .db = k->db, .expire_at = -1, .idle = -1, .frequency = -1};
    i->o = (struct rdb_other){.from = at, .end = at};
    i->window = (struct rdb_reader){k->bytes + at, k->bytes + end};
    i->in.why = NULL;
    i->in.ended = false;
    i->in.templates = &k->templates;
}

static int64_t place(const struct walk *k, const struct item *i) {
    debug_proven(i->window.at >= k->bytes && i->window.at <= k->bytes + k->size);
    return i->window.at - k->bytes;
}

/* Always false. The first reason stays. */
static bool bad(struct item *i, const char *why) {
    if (!i->why) i->why = why;
    proven(i->why[0]);
    return false;
}

static bool bad_input(struct item *i) {
    return bad(i, i->in.why ? i->in.why : "the data ends in the middle of this record");
}

static bool bad_type(struct item *i, const char *name, unsigned type) {
    if (name)
        snprintf(i->text, sizeof i->text, "a value of type %s (%u), which this version does not hold", name, type);
    else
        snprintf(i->text, sizeof i->text, "unknown record type %u", type);
    proven(i->text[0]);
    return bad(i, i->text);
}

/* ---- attributes ---- */
/* What modules have said of the key: skipped, and lost. */
static bool read_key_meta(struct walk *k, struct item *i) {
    uint64_t classes;
    uint32_t class;
    int64_t from = place(k, i) - 1;
    if (!rdb_input_length(&i->in, &classes)) return bad_input(i);
    bool any = classes > 0;
    for (; classes > 0; classes--)
        if (!rdb_input_u32(&i->in, &class) || !rdb_skip_tagged(&i->in)) return bad_input(i);
    if (any && i->r.drop_to > i->r.drop_from) return bad(i, "modules speak twice of one key");
    if (any) {
        i->r.drop_from = from;
        i->r.drop_to = place(k, i);
        i->dropped = "what modules have said of the key cannot be held";
    }
    return true;
}

static bool is_attribute(const struct walk *k, uint8_t opcode) {
    debug_proven(k->w != NULL);
    return opcode == RDB_EXPIRE_MS || opcode == RDB_EXPIRE_S || opcode == RDB_IDLE || opcode == RDB_FREQ ||
           (opcode == RDB_KEY_META && !k->w->valkey);
}

static bool read_attribute(struct walk *k, struct item *i, uint8_t opcode) {
    uint64_t n = 0;
    uint32_t seconds = 0;
    uint8_t byte = 0;
    bool read = true;
    proven(is_attribute(k, opcode));
    switch (opcode) {
    case RDB_EXPIRE_MS:
        read = rdb_input_u64(&i->in, &n);
        i->r.expire_at = (int64_t)n < 0 ? 0 : (int64_t)n;
        break;
    case RDB_EXPIRE_S:
        read = rdb_input_u32(&i->in, &seconds);
        i->r.expire_at = (int32_t)seconds < 0 ? 0 : (int64_t)seconds * 1000;
        break;
    case RDB_IDLE:
        read = rdb_input_length(&i->in, &n);
        i->r.idle = n < INT32_MAX ? (int64_t)n : INT32_MAX;
        break;
    case RDB_FREQ:
        read = rdb_input_u8(&i->in, &byte);
        i->r.frequency = byte;
        break;
    default:
        return read_key_meta(k, i);
    }
    return read || bad_input(i);
}

/* ---- keys ---- */
static bool read_value(struct walk *k, struct item *i) {
    const struct value_kind *kind = value_kind_of_rdb(i->r.type);
    struct rdb_string_head head;
    proven(i->named);
    if (i->r.type != RDB_TYPE_STRING) return kind->rdb_read(i->r.type, &i->in, k->w->limits, k->w->now_ms, &i->r.value);
    return rdb_input_string_head(&i->in, &head) && rdb_input_string_of(&i->in, &head, &i->r.text);
}

/* A value that is no good: where it ends by its structure. */
static void find_end(struct walk *k, struct item *i, int64_t value_at) {
    proven(i->why && !i->r.value.ptr);
    i->in.why = NULL;
    i->in.ended = false;
    i->window.at = k->bytes + value_at;
    i->structure = rdb_skip_value(&i->in, i->r.type, k->w->valkey);
    if (i->structure) i->r.end = i->o.end = place(k, i);
}

static bool read_name(struct item *i) {
    struct slice key;
    if (!rdb_input_string(&i->in, &key)) return bad_input(i);
    if (key.len > ENTRY_KEY_MAX) return bad(i, "the key is too long");
    buf_clear(&i->name);
    if (!buf_try_reserve(&i->name, key.len + 1)) return bad(i, "no memory for the key");
    buf_append_slice(&i->name, key);
    i->r.key = buf_slice(&i->name);
    i->named = true;
    proven(i->r.key.ptr != NULL);
    return true;
}

static bool read_key(struct walk *k, struct item *i, uint8_t type) {
    bool valkey = k->w->valkey;
    const char *name = rdb_type_name(type, valkey);
    i->key = true;
    i->r.type = type;
    if (!name) return bad_type(i, NULL, type);
    if (!read_name(i)) return false;
    int64_t value_at = place(k, i);
    bool held = type == RDB_TYPE_STRING || (rdb_type_released(type, valkey) && value_kind_of_rdb(type));
    proven(value_at > i->r.at);
    if (!held)
        bad_type(i, name, type);
    else if (!read_value(k, i))
        bad_input(i);
    if (!i->why) i->r.end = place(k, i);
    if (i->why) find_end(k, i, value_at);
    return !i->why;
}

/* ---- what is no key ---- */
static bool read_numbers(struct item *i, unsigned n) {
    proven(n <= countof(i->o.numbers));
    for (unsigned at = 0; at < n; at++)
        if (!rdb_input_length(&i->in, &i->o.numbers[at])) return bad_input(i);
    return true;
}

/* With data it would be lost, without there is nothing to lose. */
static bool read_module_aux(struct walk *k, struct item *i) {
    uint64_t id;
    if (!rdb_input_length(&i->in, &id) || !read_numbers(i, 2)) return bad_input(i);
    int64_t data = place(k, i);
    if (!rdb_skip_tagged(&i->in)) return bad_input(i);
    i->o.end = i->r.end = place(k, i);
    proven(i->o.end > data);
    if (i->o.end == data + 1) return true;
    i->structure = true;
    return bad(i, "data of a module, which is not here");
}

/* The trial of a search must not learn templates. */
static bool read_template(struct walk *k, struct item *i) {
    struct rdb_template t;
    if (i != &k->trial) {
        i->defined = rdb_templates_read(&k->templates, &i->in);
        return i->defined || bad_input(i);
    }
    if (!read_numbers(i, 1)) return false;
    rdb_template_init(&t);
    bool read = rdb_template_read(&t, &i->in) || bad_input(i);
    rdb_template_release(&t);
    return read;
}

static bool read_body(struct walk *k, struct item *i, uint8_t opcode) {
    proven(opcode >= RDB_HASH_TEMPLATE);
    switch (opcode) {
    case RDB_AUX:
        return rdb_input_pair(&i->in, &i->o.name, &i->o.value) || bad_input(i);
    case RDB_FUNCTION_2:
        return rdb_input_string(&i->in, &i->o.value) || bad_input(i);
    case RDB_SELECT:
        return read_numbers(i, 1);
    case RDB_RESIZEDB:
        return read_numbers(i, 2);
    case RDB_SLOT_INFO:
        return read_numbers(i, 3);
    case RDB_MODULE_AUX:
        return read_module_aux(k, i);
    case RDB_FUNCTION_PRE_GA:
        return bad(i, "a function library from a preview of Redis 7.0");
    case RDB_SLOT_IMPORT:
        return bad(i, "an unfinished slot import, which cannot be continued here");
    case RDB_HASH_TEMPLATE:
        return read_template(k, i);
    default:
        return bad_type(i, NULL, opcode);
    }
}

static bool read_other(struct walk *k, struct item *i, uint8_t opcode) {
    i->o.opcode = opcode;
    if (i->o.from != i->r.at) return bad(i, "an expiry, idle time or frequency without a key after it");
    bool read = read_body(k, i, opcode);
    if (!read) return false;
    i->r.end = i->o.end = place(k, i);
    uint64_t limit = k->w->databases;
    if (opcode != RDB_SELECT || limit == 0 || i->o.numbers[0] < limit || k->w->salvage) return true;
    snprintf(i->text, sizeof i->text, "database %llu, but there are only %llu (directive databases)",
             (unsigned long long)i->o.numbers[0], (unsigned long long)limit);
    i->structure = true;
    proven(i->o.end > i->o.from);
    return bad(i, i->text);
}

static bool read_end_mark(struct walk *k, struct item *i) {
    int64_t sum = k->w->version >= RDB_VERSION_WITH_CHECKSUM ? RDB_CHECKSUM_BYTES : 0;
    i->end = true;
    if (i->o.from != i->r.at) return bad(i, "an expiry, idle time or frequency without a key after it");
    i->r.end = i->o.end = place(k, i) + sum;
    proven(i->o.end > i->o.from);
    if (i->o.end <= k->size) return true;
    i->r.end = i->o.end = k->size;
    return bad(i, "the checksum at the end is not all there");
}

/* One item at `at`. True: sound. The window ends at `end`. */
static bool read_item(struct walk *k, struct item *i, int64_t at, int64_t end) {
    uint8_t opcode;
    item_start(k, i, at, end);
    for (;;) {
        i->r.at = place(k, i);
        if (!rdb_input_u8(&i->in, &opcode))
            return bad(i, at == k->size ? "the file ends here, without its end mark: it is truncated"
                                        : "the file ends in the middle of this record: it is truncated");
        if (!is_attribute(k, opcode)) break;
        if (!read_attribute(k, i, opcode)) return false;
    }
    proven(i->r.at >= i->r.from);
    if (opcode == RDB_EOF) return read_end_mark(k, i);
    return opcode < (k->w->valkey ? RDB_SLOT_IMPORT : RDB_HASH_TEMPLATE) ? read_key(k, i, opcode)
                                                                         : read_other(k, i, opcode);
}

/* ---- searching ---- */
static bool is_end(const struct walk *k, const struct item *i) {
    proven(i->end);
    return k->w->more_follows || i->o.end == k->size;
}

struct names { /* of the keys of a chain */
    uint64_t hashes[RDB_WALK_CHAIN];
    unsigned count;
};

/* Runs of equal bytes make records, too; of always the same name. */
static bool add_name(struct names *names, struct slice key) {
    uint64_t hash = value_hash(key);
    proven(names->count < RDB_WALK_CHAIN);
    for (unsigned i = 0; i < names->count; i++)
        if (names->hashes[i] == hash) return false;
    names->hashes[names->count++] = hash;
    return true;
}

static int64_t trial_end(const struct walk *k, int64_t at) {
    bool free = k->work < WORK_FREE + WORK_FACTOR * k->searched;
    proven(at <= k->size);
    return free || k->size - at < TRIAL_NARROW ? k->size : at + TRIAL_NARROW;
}

/* Bytes that happen to make a record are most often few, and lead to where a true one begins. A name like this is not what most
 * people give their keys. */
static bool odd_name(struct slice key) {
    debug_proven(key.ptr || key.len == 0);
    if (key.len == 0) return true;
    for (size_t i = 0; i < key.len; i++)
        if (key.ptr[i] < 0x20 || key.ptr[i] > 0x7e) return true;
    return false;
}

/* Servers do not write these, but for some that had a fault. */
static bool is_empty(const struct item *i) {
    debug_proven(i->key && !i->why);
    return i->r.type != RDB_TYPE_STRING && i->r.type < RDB_TYPE_HASH_2 && !i->r.value.ptr;
}

/* Not what a record looks like that a server wrote, though it could be one: a time before 2000 or beyond 2300, one in seconds since
 * there are milliseconds (version 3), what matters and is no key. */
static bool doubtful(const struct walk *k, const struct item *i) {
    const int64_t early = INT64_C(946684800000), late = INT64_C(10413792000000);
    proven(!i->why && !i->end);
    if (!i->key) return i->o.opcode != RDB_AUX && i->o.opcode != RDB_RESIZEDB && i->o.opcode != RDB_SLOT_INFO;
    if (is_empty(i)) return true;
    bool timed = i->r.expire_at >= 0;
    bool seconds = timed && k->bytes[i->r.from] == RDB_EXPIRE_S && k->w->version > 2;
    return seconds || (timed && (i->r.expire_at < early || i->r.expire_at > late)) || odd_name(i->r.key);
}

/* A file selects a database and then says how big it is. */
static bool selects(const struct walk *k, const struct item *i) {
    proven(i->o.end <= k->size);
    return !i->key && i->o.opcode == RDB_SELECT && i->o.end < k->size && k->bytes[i->o.end] == RDB_RESIZEDB;
}

/* One link of a chain. led: lengths have led to it, so that others may be damaged and the file may be cut off. */
enum link { LINK_NONE, LINK_RECORD, LINK_END };
static enum link read_link(struct walk *k, int64_t at, bool led, struct names *names) {
    struct item *i = &k->trial;
    if (led && at == k->size) return LINK_END;
    bool right = read_item(k, i, at, led ? k->size : trial_end(k, at));
    k->work += place(k, i) - at + 1;
    proven(names->count < RDB_WALK_CHAIN);
    if (!right && led && i->named && i->in.ended && !odd_name(i->r.key)) return LINK_END;
    if (!right) return led && i->structure ? LINK_RECORD : LINK_NONE;
    if (i->end) return (led || names->count >= CHAIN_BEFORE_END) && is_end(k, i) ? LINK_END : LINK_NONE;
    return !i->key || add_name(names, i->r.key) ? LINK_RECORD : LINK_NONE;
}

/* Whether records follow each other from here on. One that is doubtful is no beginning, unless most of those behind it are, too. */
static bool chain_begins(struct walk *k, int64_t at, bool led) {
    struct names names = {.count = 0};
    struct item *i = &k->trial;
    bool first_doubtful = false;
    unsigned doubts = 0;
    enum link link = LINK_RECORD;
    for (int64_t from = at; names.count < RDB_WALK_CHAIN; at = i->r.end) {
        link = read_link(k, at, led, &names);
        if (link != LINK_RECORD) break;
        bool doubt = !i->why && doubtful(k, i) && !selects(k, i);
        if (at == from) first_doubtful = doubt;
        if (i->key) doubts += doubt;
        proven(i->r.end > at);
    }
    return link != LINK_NONE && (led || !first_doubtful || 2 * doubts > names.count + 1);
}

/* Whether the key was there a moment ago: then this is no record, but bytes that repeat. */
static bool repeats(struct walk *k, const struct item *i) {
    uint64_t hash = value_hash(i->r.key) + i->r.db;
    debug_proven(i->key && i->named);
    for (unsigned at = 0; at < RDB_WALK_CHAIN; at++)
        if (k->recent[at] == hash) return true;
    k->recent[k->recent_at++ % RDB_WALK_CHAIN] = hash;
    return false;
}

static bool tell_progress(struct walk *k, int64_t at) {
    proven(at >= 0 && at <= k->size);
    if (k->w->progress && !k->w->progress(k->w->arg, at)) k->w->stopped = true;
    return !k->w->stopped;
}

/* The first place behind `at` where records begin again; -1: none, or stopped. */
static int64_t find_next(struct walk *k, int64_t at) {
    proven(at < k->size);
    for (int64_t next = at + 1; next < k->size; next++) {
        k->searched++;
        if (k->searched % (64 << 10) == 0 && !tell_progress(k, next)) return -1;
        unsigned char first = k->bytes[next];
        if (first >= RDB_TYPE_END && first < RDB_HASH_TEMPLATE) continue;
        if (chain_begins(k, next, false)) return next;
    }
    return -1;
}

/* ---- what was found ---- */
static void tell_loss(struct walk *k, const struct loss *l) {
    proven(l->why && l->from <= l->to);
    if (!l->kept) {
        k->w->losses++;
        k->w->lost_bytes += l->to - l->from;
        if (l->key.ptr) k->w->lost_keys++;
    }
    k->w->lost(k->w->arg, l);
}

static void lose(struct walk *k, const struct item *i, int64_t to, const char *why) {
    struct loss l = {.from = i->r.from, .to = to, .db = i->key && i->named ? (int64_t)i->r.db : -1, .why = why};
    if (i->named) l.key = i->r.key;
    if (i->defined) rdb_templates_forget(&k->templates); /* it would be known here, and not to who reads what is kept */
    proven(to >= i->r.from);
    tell_loss(k, &l);
}

static void tell_dropped(struct walk *k, const struct item *i) {
    proven(i->r.drop_from < i->r.drop_to);
    struct loss l = {
        .from = i->r.drop_from, .to = i->r.drop_to, .db = (int64_t)i->r.db, .key = i->r.key, .why = i->dropped};
    tell_loss(k, &l);
}

/* To the visitor. False: the walk is over. */
static bool deliver(struct walk *k, struct item *i) {
    const char *why = "refused";
    proven(!i->why && !i->end);
    enum rdb_verdict verdict = i->key ? k->w->record(k->w->arg, &i->r, &why) : k->w->other(k->w->arg, &i->o, &why);
    item_drop_value(i);
    if (verdict == RDB_LOST) lose(k, i, i->r.end, why);
    if (verdict == RDB_TAKEN && i->dropped) tell_dropped(k, i);
    if (verdict == RDB_STOP) k->w->stopped = true;
    return verdict != RDB_STOP && (k->w->salvage || k->w->losses == 0);
}

/* What follows the item that waits is a record. */
static bool settle(struct walk *k) {
    struct item *i = k->waiting;
    k->waiting = NULL;
    proven(!i || !i->why);
    return !i || deliver(k, i);
}

static void give_up_waiting(struct walk *k) {
    struct item *i = k->waiting;
    k->waiting = NULL;
    if (!i) return;
    lose(k, i, i->r.end, "no record follows where its lengths say, so they may be wrong");
    item_drop_value(i);
    proven(!i->r.value.ptr);
}

/* ---- the end ---- */
static void check_sum(struct walk *k, const struct item *i) {
    struct rdb_walk *w = k->w;
    uint64_t stored = 0;
    if (w->version < RDB_VERSION_WITH_CHECKSUM) return;
    for (int b = RDB_CHECKSUM_BYTES; b-- > 0;) stored = stored << 8 | k->bytes[i->o.end - RDB_CHECKSUM_BYTES + b];
    uint64_t sum = i->o.end == k->size ? w->file->crc : crc64(0, k->bytes, (size_t)(i->o.end - RDB_CHECKSUM_BYTES));
    proven(i->o.end <= k->size);
    if (stored == 0 || !w->checksum) return;
    w->checked = stored == sum;
    w->unlocated = !w->checked && w->losses == 0;
}

static void finish(struct walk *k, const struct item *i) {
    struct rdb_walk *w = k->w;
    proven(i->end && !w->ended);
    w->ended = true;
    w->end = i->o.end;
    check_sum(k, i);
    if (w->more_follows || w->end == k->size) return;
    struct loss l = {.from = w->end, .to = k->size, .db = -1, .why = "bytes behind the end of the data"};
    tell_loss(k, &l);
}

/* Plain texts and counts before them say little for themselves: what is found first behind a gap may be the end of a value that
 * happens to look so, and is given up. Packs, and times, are no accident. */
static bool is_certain(const struct item *i) {
    proven(!i->why && !i->end);
    if (!i->key || i->r.expire_at >= 0) return true;
    if (is_empty(i)) return false;
    return i->r.type > RDB_TYPE_MODULE_2 && i->r.type < RDB_TYPE_GCRA;
}

/* Behind a gap. Returns where to go on. */
static int64_t begin_again(struct walk *k, int64_t at) {
    struct item *i = &k->trial;
    if (!read_item(k, i, at, k->size) || i->end || is_certain(i)) return at;
    item_drop_value(i);
    lose(k, i, i->r.end, "the first record behind a gap, which may be bytes of a value that only look like one");
    return i->r.end;
}

/* A value of one string has one length that could be wrong; others have many. */
static bool is_one_string(const struct item *i) {
    debug_proven(i->key);
    return i->r.type == RDB_TYPE_STRING || (i->r.type >= RDB_TYPE_HASH_ZIPMAP && i->r.type <= RDB_TYPE_HASH_ZIPLIST) ||
           i->r.type == RDB_TYPE_HASH_LISTPACK || i->r.type == RDB_TYPE_ZSET_LISTPACK ||
           i->r.type == RDB_TYPE_SET_LISTPACK;
}

/* An item that is no good. Returns where to go on; -1: nowhere. */
static int64_t go_past(struct walk *k, struct item *i) {
    proven(i->why != NULL);
    if (!k->w->salvage) {
        if (settle(k)) lose(k, i, i->structure ? i->r.end : k->size, i->why);
        return -1;
    }
    if ((i->repeated || i->structure) && chain_begins(k, i->r.end, true)) {
        if (!settle(k)) return -1;
        lose(k, i, i->r.end, i->why);
        bool sure = i->repeated || !i->key || is_one_string(i);
        return sure ? i->r.end : begin_again(k, i->r.end);
    }
    int64_t next = i->r.from < k->size ? find_next(k, i->r.from) : -1;
    if (k->w->stopped) return -1;
    if (next >= 0)
        give_up_waiting(k);
    else if (!settle(k))
        return -1;
    lose(k, i, next >= 0 ? next : k->size, i->why);
    return next >= 0 ? begin_again(k, next) : -1;
}

/* Bytes that are damaged may look like records for a while. */
static void doubt(struct walk *k, struct item *i) {
    proven(k->w->salvage && !i->end);
    i->repeated = i->key && repeats(k, i);
    if (i->repeated) bad(i, "this key stands here a second time");
    if (i->why || !doubtful(k, i) || is_certain(i) || selects(k, i)) return;
    if (!chain_begins(k, i->r.end, true)) bad(i, "no record follows where its lengths say, so they may be wrong");
}

static void walk_items(struct walk *k, int64_t at) {
    struct rdb_walk *w = k->w;
    struct item *i = &k->slots[0];
    for (uint64_t count = 1;; count++) {
        if (count % PROGRESS_EVERY == 0 && !tell_progress(k, at)) return;
        if (read_item(k, i, at, k->size) && i->end && !is_end(k, i) && w->salvage && find_next(k, at) >= 0)
            bad(i, "an end mark with records behind it");
        if (!i->why && !i->end && w->salvage) doubt(k, i);
        if (i->why) {
            item_drop_value(i);
            at = go_past(k, i);
            if (at < 0) return;
            continue;
        }
        if (!settle(k)) return;
        if (i->end) {
            finish(k, i);
            return;
        }
        if (!i->key && i->o.opcode == RDB_SELECT) k->db = i->o.numbers[0];
        at = i->r.end;
        k->waiting = i;
        i = i == &k->slots[0] ? &k->slots[1] : &k->slots[0];
        proven(i != k->waiting);
    }
}

/* ---- the header ---- */
/* NULL, or why it is none. What is not known is taken for Redis's newest. */
static const char *read_header(struct walk *k, int64_t *at) {
    struct rdb_walk *w = k->w;
    char text[RDB_HEADER_BYTES + 1] = "";
    int64_t version;
    *at = k->size < RDB_HEADER_BYTES ? k->size : RDB_HEADER_BYTES;
    w->version = RDB_VERSION_MAX;
    if (k->size == 0) return "the file is empty";
    memcpy(text, k->bytes, (size_t)*at);
    w->valkey = memcmp(text, "VALK", 4) == 0;
    if (k->size < RDB_HEADER_BYTES) return "the file ends in its header: it is truncated";
    const char *digits = text + (w->valkey ? 6 : 5);
    bool known = rdb_magic(text, RDB_HEADER_BYTES) == (w->valkey ? RDB_MAGIC_VALKEY : RDB_MAGIC_REDIS);
    char number[6] = "1";
    memcpy(number + 1, digits, strlen(digits) + 1); /* leading zeros are none of num_parse's */
    known = known && num_parse_i64(slice_of_cstr(number), &version);
    if (!known) return "not an RDB file, by its first bytes";
    version -= w->valkey ? 1000 : 10000;
    bool readable = w->valkey ? version == RDB_VERSION_VALKEY : version >= 1 && version <= RDB_VERSION_MAX;
    if (readable || w->any_version) w->version = (int)version;
    proven(w->version >= 0);
    return readable || w->any_version ? NULL : "an RDB version which this version does not read";
}

static void repair(struct walk *k) {
    struct rdb_walk *w = k->w;
    unsigned char was;
    w->repaired_at = -1;
    if (!w->salvage || w->more_follows || k->size <= RDB_HEADER_BYTES + 1 + RDB_CHECKSUM_BYTES) return;
    if (!whole_repair(w->file, &w->repaired_at, &was)) return;
    char why[128];
    snprintf(why, sizeof why,
             "a byte was %02x and must be %02x by the checksum of the file: it is put right, nothing is lost", was,
             k->bytes[w->repaired_at]);
    proven(w->repaired_at < k->size);
    tell_loss(k, &(struct loss){.from = w->repaired_at, .to = w->repaired_at + 1, .db = -1, .why = why, .kept = true});
}

static void walk_all(struct walk *k) {
    int64_t at;
    repair(k);
    const char *why = read_header(k, &at);
    proven(at <= RDB_HEADER_BYTES);
    if (why) tell_loss(k, &(struct loss){.from = 0, .to = at, .db = -1, .why = why});
    if (!why || (k->w->salvage && at < k->size)) walk_items(k, at);
}

bool rdb_walk_run(struct rdb_walk *w) {
    struct walk k = {.w = w, .bytes = w->file->bytes, .size = w->file->size};
    proven(w->record && w->other && w->lost && w->limits);
    w->end = k.size;
    for (unsigned i = 0; i < 2; i++) item_init(&k.slots[i]);
    item_init(&k.trial);
    rdb_templates_init(&k.templates);
    walk_all(&k);
    for (unsigned i = 0; i < 2; i++) {
        w->passed_over += k.slots[i].in.passed_over;
        item_release(&k.slots[i]);
    }
    item_release(&k.trial);
    rdb_templates_release(&k.templates);
    proven(!w->checked || !w->unlocated);
    return w->ended && !w->stopped && w->losses == 0 && !w->unlocated && w->repaired_at < 0;
}
