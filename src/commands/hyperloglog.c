#include "commands/hyperloglog.h"

#include "base/check.h"
#include "base/num.h"
#include "commands/string_int.h"
#include "values/hll.h"

#define ERROR_NOT_HLL "WRONGTYPE Key is not a valid HyperLogLog string value."
#define ERROR_CORRUPT "INVALIDOBJ Corrupted HLL object detected"

/* ---- settings ---- */

static const struct directive directives[] = {
    {.name = "hll-sparse-max-bytes",
     .type = DIRECTIVE_MEMORY,
     .value = &(int64_t){3000},
     .initial = "3000",
     .min = 0,
     .max = INT64_MAX},
};

const struct directive_list hyperloglog_directives = {directives, countof(directives)};

static size_t sparse_max_bytes(void) { return (size_t) * (const int64_t *)directives[0].value; }

/* ---- shared ---- */

/* An integer's text is too short to be one, so scratch never holds a value that is. */
static bool is_hll(struct context *c, const struct entry *e) {
    char scratch[NUM_TEXT_MAX];
    if (hll_is_valid(entry_string(e, scratch))) return true;
    reply_error(c->reply, ERROR_NOT_HLL);
    return false;
}

/* A value that is known to be one. */
static struct slice hll_of(const struct entry *e) {
    proven(entry_encoding(e) != STRING_INT);
    return entry_string(e, NULL);
}

/* To be read; *e is NULL when absent. False after the error reply. */
static bool source(struct context *c, int i, const struct entry **e) {
    return context_view_type(c, context_key(c, i), TYPE_STRING, e) && (!*e || is_hll(c, *e));
}

/* Writable bytes of a value that keeps its length; NULL after the error reply. */
static char *edit(struct context *c, struct key key, size_t len) {
    char *bytes = db_edit_string(c->db, key, len);
    if (!bytes) string_no_memory(c, string_reply_start(c));
    return bytes;
}

/* A short value is shown as raw as soon as a command looks at it that may change it. False after the error reply. */
static bool make_raw(struct context *c, struct key key, const struct entry **e) {
    if (likely(entry_encoding(*e) != STRING_EMBSTR)) return true;
    return edit(c, key, entry_string_len(*e)) && string_target(c, key, e);
}

/* To be changed: neither a hit nor a miss. */
static bool target(struct context *c, struct key key, const struct entry **e) {
    return string_target(c, key, e) && (!*e || (is_hll(c, *e) && make_raw(c, key, e)));
}

/* Not by db_edit_string: it would leave a growing value room for as much again. */
static bool store(struct context *c, struct key key, const struct buf *value) {
    if (db_put_string(c->db, key, buf_slice(value), NO_EXPIRE, PUT_KEEP_EXPIRE | PUT_RAW)) return true;
    string_no_memory(c, string_reply_start(c));
    return false;
}

static void copy_init(struct buf *copy, const struct entry *e) {
    buf_init(copy, MEM_SERVER);
    if (e)
        buf_append_slice(copy, hll_of(e));
    else
        hll_create(copy);
}

/* ---- PFADD ---- */

/* Registers raised by the arguments; -1 after the error reply. Nothing is written where nothing rises. */
static int add_dense(struct context *c, struct key key, struct slice value) {
    char *bytes = NULL;
    int raised = 0;
    for (int i = 2; i < c->argc; i++) {
        struct hll_mark mark = hll_mark(c->argv[i]);
        if (hll_dense_get(value, mark.index) >= mark.rank) continue;
        if (!bytes && !(bytes = edit(c, key, value.len))) return -1;
        value.ptr = bytes;
        hll_dense_set(bytes, mark.index, mark.rank);
        raised++;
    }
    if (bytes) hll_drop_cached(bytes);
    return raised;
}

/* The same on a copy, so that a value found corrupt half way stays as it was. */
static int raise_copy(struct context *c, struct buf *copy) {
    int raised = 0;
    for (int i = 2; i < c->argc; i++) {
        enum hll_result result = hll_raise(copy, hll_mark(c->argv[i]), sparse_max_bytes());
        if (result == HLL_CORRUPT) {
            reply_error(c->reply, ERROR_CORRUPT);
            return -1;
        }
        raised += result == HLL_CHANGED;
    }
    return raised;
}

/* e: sparse, or NULL; then making the value counts as a change too. */
static int add_sparse(struct context *c, struct key key, const struct entry *e) {
    struct buf copy;
    copy_init(&copy, e);
    int raised = raise_copy(c, &copy);
    if (raised >= 0 && !e) raised++;
    if (raised > 0) {
        hll_drop_cached(copy.ptr);
        if (!store(c, key, &copy)) raised = -1;
    }
    buf_release(&copy);
    return raised;
}

static void pfadd_run(struct context *c) {
    struct key key = context_key(c, 1);
    const struct entry *e;
    if (!target(c, key, &e)) return;
    bool is_dense = e && !hll_is_sparse(hll_of(e));
    int raised = is_dense ? add_dense(c, key, hll_of(e)) : add_sparse(c, key, e);
    if (raised < 0) return;
    if (raised > 0) {
        context_changed(c, NOTIFY_STRING, "pfadd", key.text);
        context_count_changes(c, (uint64_t)raised - 1);
    }
    reply_integer(c->reply, raised > 0);
}

/* ---- PFCOUNT ---- */

/* The estimate is kept in the value: a change, though no event is told. */
static bool count_anew(struct context *c, struct key key, struct slice value, uint64_t *count) {
    if (!hll_count(value, count)) {
        reply_error(c->reply, ERROR_CORRUPT);
        return false;
    }
    char *bytes = edit(c, key, value.len);
    if (!bytes) return false;
    hll_set_cached(bytes, *count);
    context_count_changes(c, 1);
    return true;
}

static void count_one(struct context *c) {
    struct key key = context_key(c, 1);
    const struct entry *e;
    uint64_t count = 0;
    if (!source(c, 1, &e) || (e && !make_raw(c, key, &e))) return;
    if (e && !hll_cached(hll_of(e), &count) && !count_anew(c, key, hll_of(e), &count)) return;
    reply_integer(c->reply, (int64_t)count);
}

/* Adds the values at the arguments from first on; *any_dense is set when one is. False after the error reply. */
static bool unite(struct context *c, int first, struct hll_union *u, bool *any_dense) {
    for (int i = first; i < c->argc; i++) {
        const struct entry *e;
        if (!source(c, i, &e)) return false;
        if (!e) continue;
        if (!hll_is_sparse(hll_of(e))) *any_dense = true;
        if (hll_union_add(u, hll_of(e))) continue;
        reply_error(c->reply, ERROR_CORRUPT);
        return false;
    }
    return true;
}

static void count_union(struct context *c) {
    struct hll_union u = {{0}};
    uint64_t count;
    bool any_dense = false;
    if (!unite(c, 1, &u, &any_dense)) return;
    if (hll_union_count(&u, &count))
        reply_integer(c->reply, (int64_t)count);
    else
        reply_error(c->reply, ERROR_CORRUPT);
}

static void pfcount_run(struct context *c) {
    if (c->argc == 2)
        count_one(c);
    else
        count_union(c);
}

/* ---- PFMERGE ---- */

static void pfmerge_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct hll_union u = {{0}};
    const struct entry *e;
    struct buf copy;
    bool any_dense = false;
    if (!unite(c, 1, &u, &any_dense) || !target(c, key, &e)) return;
    copy_init(&copy, e);
    bool whole = (!any_dense || hll_make_dense(&copy)) && hll_raise_all(&copy, &u, sparse_max_bytes()) != HLL_CORRUPT;
    proven(whole); /* uniting has read it */
    hll_drop_cached(copy.ptr);
    if (store(c, key, &copy)) {
        context_changed(c, NOTIFY_STRING, "pfadd", key.text);
        reply_ok(c->reply);
    }
    buf_release(&copy);
}

/* ---- PFDEBUG, PFSELFTEST ---- */

/* Stores the value as dense; *was_sparse tells whether it was not. False after the error reply. */
static bool make_dense(struct context *c, struct key key, struct slice value, struct buf *copy, bool *was_sparse) {
    *was_sparse = hll_is_sparse(value);
    buf_append_slice(copy, value);
    if (!*was_sparse) return true;
    if (!hll_make_dense(copy)) {
        reply_error(c->reply, ERROR_CORRUPT);
        return false;
    }
    if (!store(c, key, copy)) return false;
    context_count_changes(c, 1);
    return true;
}

static void debug_dense(struct context *c, struct key key, struct slice value, bool show) {
    struct buf copy;
    bool was_sparse;
    buf_init(&copy, MEM_SERVER);
    if (make_dense(c, key, value, &copy, &was_sparse)) {
        if (!show) reply_integer(c->reply, was_sparse);
        if (show) reply_array(c->reply, HLL_REGISTERS);
        for (unsigned i = 0; show && i < HLL_REGISTERS; i++)
            reply_integer(c->reply, hll_dense_get(buf_slice(&copy), i));
    }
    buf_release(&copy);
}

/* "z:" and "Z:" for zeros in a short and a long code, "v:rank,count" for others. */
static void debug_decode(struct context *c, struct slice value) {
    struct buf text;
    struct hll_run run;
    if (!hll_is_sparse(value)) {
        reply_error(c->reply, "ERR HLL encoding is not sparse");
        return;
    }
    buf_init(&text, MEM_CLIENT_OUT);
    bool whole = true;
    for (size_t at = HLL_HEADER_BYTES; at < value.len && whole; at += run.bytes) {
        whole = hll_run(value, at, &run);
        if (!whole) break;
        if (run.rank)
            buf_printf(&text, "v:%d,%d ", run.rank, run.count);
        else
            buf_printf(&text, "%c:%d ", run.bytes == 2 ? 'Z' : 'z', run.count);
    }
    if (text.len) text.len--; /* the last space */
    if (whole)
        reply_bulk(c->reply, buf_slice(&text));
    else
        reply_error(c->reply, ERROR_CORRUPT);
    buf_release(&text);
}

static void pfdebug_run(struct context *c) {
    struct key key = context_key(c, 2);
    struct slice what = c->argv[1];
    const struct entry *e;
    if (!target(c, key, &e)) return;
    if (!e) {
        reply_error(c->reply, "ERR The specified key does not exist");
        return;
    }
    struct slice value = hll_of(e);
    if (slice_is(what, "GETREG"))
        debug_dense(c, key, value, true);
    else if (slice_is(what, "TODENSE"))
        debug_dense(c, key, value, false);
    else if (slice_is(what, "DECODE"))
        debug_decode(c, value);
    else if (slice_is(what, "ENCODING"))
        reply_simple(c->reply, hll_is_sparse(value) ? "sparse" : "dense");
    else
        reply_error_format(c->reply, "ERR Unknown PFDEBUG subcommand '%.*s'", (int)(what.len < 128 ? what.len : 128),
                           what.ptr);
}

/* Elements that keep the executor for some 10 ms. */
#define SELF_TEST_ELEMENTS 100000

static void pfselftest_run(struct context *c) {
    const char *wrong = hll_self_test(SELF_TEST_ELEMENTS);
    if (wrong)
        reply_error_format(c->reply, "ERR TESTFAILED %s", wrong);
    else
        reply_ok(c->reply);
}

/* ---- rows ---- */

#define ARGS(...) ((const struct command_arg[]){__VA_ARGS__, {.name = NULL}})
#define KEY_ARG \
    { .name = "key", .type = ARG_KEY }
#define HLL_ROW .acl = ACL_HYPERLOGLOG, .group = GROUP_HYPERLOGLOG

const struct command_row hyperloglog_commands[] = {
    {.name = "pfadd",
     .run = pfadd_run,
     .arity = -2,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST,
     HLL_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_INSERT)},
     .since = "2.8.9",
     .complexity = "O(1) for each element",
     .summary = "Adds elements to a HyperLogLog, which is made when the key is absent.",
     .args = ARGS(KEY_ARG, {.name = "element", .type = ARG_STRING, .flags = ARG_OPTIONAL | ARG_MULTIPLE})},
    {.name = "pfcount",
     .run = pfcount_run,
     .arity = -2,
     .flags = CMD_READONLY | CMD_MAY_REPLICATE,
     HLL_ROW,
     .keys = {{.begin = KEY_BEGIN_INDEX,
               .position = 1,
               .find = KEY_FIND_RANGE,
               .last = -1,
               .step = 1,
               .flags = KEY_RW | KEY_ACCESS,
               .notes = "The count is kept in the value, which is a change of it"}},
     .since = "2.8.9",
     .complexity = "O(1) with one key, O(N) with N keys",
     .summary = "Estimates how many different elements HyperLogLogs have seen, together if there are several.",
     .args = ARGS({.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE})},
    {.name = "pfdebug",
     .run = pfdebug_run,
     .arity = 3,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_ADMIN,
     HLL_ROW,
     .keys = {KEY_AT(2, KEY_RW | KEY_ACCESS)},
     .since = "2.8.9",
     .complexity = "O(1)",
     .summary = "Shows what a HyperLogLog is made of, or makes it dense.",
     .is_system = true,
     .args = ARGS({.name = "subcommand", .type = ARG_STRING}, KEY_ARG)},
    {.name = "pfmerge",
     .run = pfmerge_run,
     .arity = -2,
     .flags = CMD_WRITE | CMD_DENYOOM,
     HLL_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_INSERT), KEYS_FROM(2, 1, KEY_RO | KEY_ACCESS)},
     .since = "2.8.9",
     .complexity = "O(N) where N is the number of keys",
     .summary = "Adds to a HyperLogLog all that others have seen.",
     .args = ARGS({.name = "destkey", .type = ARG_KEY},
                  {.name = "sourcekey", .type = ARG_KEY, .flags = ARG_MULTIPLE, .key_spec = 1})},
    {.name = "pfselftest",
     .run = pfselftest_run,
     .arity = 1,
     .flags = CMD_ADMIN,
     HLL_ROW,
     .since = "2.8.9",
     .complexity = "O(1)",
     .summary = "Checks the HyperLogLog code with known elements.",
     .is_system = true},
    {.name = NULL},
};
