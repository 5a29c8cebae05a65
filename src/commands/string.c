#include "commands/string.h"

#include "base/check.h"
#include "base/num.h"
#include "commands/string_int.h"
#include "values/string.h"

#include <math.h>

/* ---- shared ---- */

bool string_target(struct context *c, struct key key, const struct entry **entry) {
    *entry = db_view(c->db, key, context_view_flags(c) | VIEW_NO_STATS);
    if (likely(!*entry || entry_type(*entry) == TYPE_STRING)) return true;
    reply_error(c->reply, ERROR_WRONGTYPE);
    return false;
}

void string_reply(struct context *c, const struct entry *entry) {
    char scratch[NUM_TEXT_MAX];
    if (entry)
        reply_bulk(c->reply, entry_string(entry, scratch));
    else
        reply_null(c->reply);
}

void string_no_memory(struct context *c, size_t reply_start) {
    c->reply->out->len = reply_start;
    reply_error(c->reply, "ERR not enough memory for a value of this length");
}

/* What follows an attempt to store. */
static bool tell_put(struct context *c, struct key key, bool stored, int64_t at_ms, size_t reply_start) {
    if (unlikely(!stored)) {
        string_no_memory(c, reply_start);
        return false;
    }
    context_changed(c, NOTIFY_STRING, "set", key.text);
    if (at_ms != NO_EXPIRE) context_notify(c, NOTIFY_GENERIC, "expire", key.text, db_index(c->db));
    return true;
}

bool string_put(struct context *c, struct key key, struct slice value, int64_t at_ms, unsigned put_flags,
                size_t reply_start) {
    return tell_put(c, key, db_put_string(c->db, key, value, at_ms, put_flags), at_ms, reply_start);
}

/* Takes argument i, or copies it. */
static bool store_argument(struct context *c, struct key key, int i, int64_t at_ms, unsigned put_flags) {
    struct string_body *body = unlikely(c->blocks != NULL) ? context_take_body(c, i) : NULL;
    if (likely(!body)) return db_put_string(c->db, key, c->argv[i], at_ms, put_flags);
    db_put_body(c->db, key, body, at_ms, put_flags);
    return true;
}

bool string_put_argument(struct context *c, struct key key, int i, int64_t at_ms, unsigned put_flags,
                         size_t reply_start) {
    return tell_put(c, key, store_argument(c, key, i, at_ms, put_flags), at_ms, reply_start);
}

/* With more pairs than this, to look whether a key comes again is dearer than to copy. */
#define PAIRS_TAKEN_MAX 256

static bool key_comes_again(const struct context *c, int i, int end) {
    if (end - i > 2 * PAIRS_TAKEN_MAX) return true;
    for (int k = i + 2; k < end; k += 2)
        if (slice_equal(c->argv[k], c->argv[i])) return true;
    return false;
}

bool string_put_pair(struct context *c, int i, int end, int64_t at_ms, unsigned put_flags) {
    struct key key = context_key(c, i);
    size_t reply_start = string_reply_start(c);
    if (likely(!c->blocks) || key_comes_again(c, i, end))
        return string_put(c, key, c->argv[i + 1], at_ms, put_flags, reply_start);
    return string_put_argument(c, key, i + 1, at_ms, put_flags, reply_start);
}

void string_delete(struct context *c, struct key key) {
    proven(db_delete(c->db, key));
    journal_put_delete(c, key.text);
    context_changed(c, NOTIFY_GENERIC, "del", key.text);
}

void string_expire(struct context *c, struct key key, int64_t at_ms) {
    if (journal_is_past(c, at_ms)) {
        string_delete(c, key);
        return;
    }
    db_set_expire(c->db, key, at_ms);
    journal_put_expire(c, key.text, at_ms);
    context_notify(c, NOTIFY_GENERIC, "expire", key.text, db_index(c->db));
}

/* ---- reading ---- */

static void get_run(struct context *c) {
    const struct entry *e;
    if (context_view_type(c, context_key(c, 1), TYPE_STRING, &e)) string_reply(c, e);
}

static void mget_run(struct context *c) {
    reply_array(c->reply, c->argc - 1);
    for (int i = 1; i < c->argc; i++) {
        const struct entry *e = context_view(c, context_key(c, i));
        string_reply(c, e && entry_type(e) == TYPE_STRING ? e : NULL);
    }
}

static void strlen_run(struct context *c) {
    const struct entry *e;
    if (context_view_type(c, context_key(c, 1), TYPE_STRING, &e))
        reply_integer(c->reply, e ? (int64_t)entry_string_len(e) : 0);
}

static void getrange_run(struct context *c) {
    char scratch[NUM_TEXT_MAX];
    int64_t start, end;
    const struct entry *e;
    if (!context_integer(c, 2, &start) || !context_integer(c, 3, &end)) return;
    if (!context_view_type(c, context_key(c, 1), TYPE_STRING, &e)) return;
    reply_bulk(c->reply, e ? string_range(entry_string(e, scratch), start, end) : SLICE(""));
}

static void getdel_run(struct context *c) {
    struct key key = context_key(c, 1);
    const struct entry *e;
    if (!context_view_type(c, key, TYPE_STRING, &e)) return;
    string_reply(c, e);
    if (e) string_delete(c, key);
}

/* ---- writing ---- */

static void getset_run(struct context *c) {
    struct key key = context_key(c, 1);
    size_t reply_start = string_reply_start(c);
    const struct entry *e;
    if (!context_view_type(c, key, TYPE_STRING, &e)) return;
    string_reply(c, e);
    string_put_argument(c, key, 2, NO_EXPIRE, PUT_PLAIN, reply_start);
}

/* False after the error reply: keys without a value. */
static bool pairs_complete(struct context *c) {
    if (c->argc % 2 == 1) return true;
    reply_error_format(c->reply, "ERR wrong number of arguments for '%s' command", c->command->full_name);
    return false;
}

static bool put_pairs(struct context *c) {
    for (int i = 1; i < c->argc; i += 2)
        if (!string_put_pair(c, i, c->argc, NO_EXPIRE, PUT_PLAIN)) return false;
    return true;
}

static void mset_run(struct context *c) {
    if (pairs_complete(c) && put_pairs(c)) reply_ok(c->reply);
}

static void msetnx_run(struct context *c) {
    if (!pairs_complete(c)) return;
    for (int i = 1; i < c->argc; i += 2)
        if (db_view(c->db, context_key(c, i), context_view_flags(c) | VIEW_NO_STATS)) {
            reply_integer(c->reply, 0);
            return;
        }
    if (put_pairs(c)) reply_integer(c->reply, 1);
}

/* False after the error reply. */
static bool length_allowed(struct context *c, uint64_t offset, uint64_t n) {
    uint64_t max = (uint64_t)context_string_max(c);
    if (n <= max && offset <= max - n) return true;
    reply_error(c->reply, ERROR_STRING_TOO_LONG);
    return false;
}

/* Puts text at offset into a string that is there, growing it with zeros. False after the error reply. */
static bool overwrite(struct context *c, struct key key, size_t old_len, size_t offset, struct slice text) {
    size_t len = offset + text.len > old_len ? offset + text.len : old_len;
    char *bytes = db_edit_string(c->db, key, len);
    if (!bytes) {
        string_no_memory(c, string_reply_start(c));
        return false;
    }
    if (text.len) memcpy(bytes + offset, text.ptr, text.len);
    return true;
}

static bool append_text(struct context *c, struct key key, const struct entry *e, size_t *len) {
    struct slice text = c->argv[2];
    size_t old_len = e ? entry_string_len(e) : 0;
    *len = old_len + text.len;
    if (!e) {
        bool stored = store_argument(c, key, 2, NO_EXPIRE, PUT_PLAIN);
        if (!stored) string_no_memory(c, string_reply_start(c));
        return stored;
    }
    return length_allowed(c, old_len, text.len) && overwrite(c, key, old_len, old_len, text);
}

static void append_run(struct context *c) {
    struct key key = context_key(c, 1);
    const struct entry *e;
    size_t len;
    if (!string_target(c, key, &e) || !append_text(c, key, e, &len)) return;
    context_changed(c, NOTIFY_STRING, "append", key.text);
    reply_integer(c->reply, (int64_t)len);
}

static bool setrange_offset(struct context *c, int64_t *offset) {
    if (!context_integer(c, 2, offset)) return false;
    if (*offset >= 0) return true;
    reply_error(c->reply, "ERR offset is out of range");
    return false;
}

/* Writes into the value, which is made first when the key is absent. */
static bool setrange_write(struct context *c, struct key key, const struct entry *e, size_t offset) {
    if (e) return overwrite(c, key, entry_string_len(e), offset, c->argv[3]);
    if (!db_put_string(c->db, key, SLICE(""), NO_EXPIRE, PUT_RAW)) {
        string_no_memory(c, string_reply_start(c));
        return false;
    }
    if (overwrite(c, key, 0, offset, c->argv[3])) return true;
    db_delete(c->db, key);
    return false;
}

static void setrange_run(struct context *c) {
    struct key key = context_key(c, 1);
    const struct entry *e;
    int64_t offset;
    if (!setrange_offset(c, &offset) || !string_target(c, key, &e)) return;
    size_t len = e ? entry_string_len(e) : 0, end = (size_t)offset + c->argv[3].len;
    if (c->argv[3].len > 0) {
        if (!length_allowed(c, (uint64_t)offset, c->argv[3].len) || !setrange_write(c, key, e, (size_t)offset)) return;
        context_changed(c, NOTIFY_STRING, "setrange", key.text);
        if (end > len) len = end;
    }
    reply_integer(c->reply, (int64_t)len);
}

/* ---- counting ---- */

static bool integer_value(struct context *c, const struct entry *e, int64_t *out) {
    char scratch[NUM_TEXT_MAX];
    *out = 0;
    if (!e || entry_string_integer(e, out) || string_is_integer(entry_string(e, scratch), out)) return true;
    reply_error(c->reply, ERROR_NOT_INTEGER);
    return false;
}

static void add_integer(struct context *c, int64_t by) {
    struct key key = context_key(c, 1);
    const struct entry *e;
    int64_t value;
    if (!string_target(c, key, &e) || !integer_value(c, e, &value)) return;
    if (__builtin_add_overflow(value, by, &value)) {
        reply_error(c->reply, "ERR increment or decrement would overflow");
        return;
    }
    db_put_integer(c->db, key, value, NO_EXPIRE, PUT_KEEP_EXPIRE);
    context_changed(c, NOTIFY_STRING, "incrby", key.text);
    reply_integer(c->reply, value);
}

static void incr_run(struct context *c) { add_integer(c, 1); }

static void decr_run(struct context *c) { add_integer(c, -1); }

static void incrby_run(struct context *c) {
    int64_t by;
    if (context_integer(c, 2, &by)) add_integer(c, by);
}

static void decrby_run(struct context *c) {
    int64_t by;
    if (!context_integer(c, 2, &by)) return;
    if (by == INT64_MIN) /* has no counterpart */
        reply_error(c->reply, "ERR decrement would overflow");
    else
        add_integer(c, -by);
}

static bool real_value(struct context *c, struct slice text, long double *out) {
    if (num_parse_long_double(text, out)) return true;
    reply_error(c->reply, ERROR_NOT_FLOAT);
    return false;
}

static void incrbyfloat_run(struct context *c) {
    char scratch[NUM_TEXT_MAX], text[NUM_LONG_DOUBLE_TEXT_MAX];
    struct key key = context_key(c, 1);
    const struct entry *e;
    long double value, by;
    if (!string_target(c, key, &e) || !real_value(c, e ? entry_string(e, scratch) : SLICE("0"), &value)) return;
    if (!real_value(c, c->argv[2], &by)) return;
    value += by;
    if (!isfinite(value)) {
        reply_error(c->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    struct slice sum = slice_of(text, num_format_long_double(text, value));
    if (!db_put_string(c->db, key, sum, NO_EXPIRE, PUT_KEEP_EXPIRE | PUT_NOT_INTEGER)) {
        string_no_memory(c, string_reply_start(c));
        return;
    }
    journal_put_set(c, key.text, sum, NO_EXPIRE, true);
    context_changed(c, NOTIFY_STRING, "incrbyfloat", key.text);
    reply_bulk(c->reply, sum);
}

/* ---- rows ---- */

#define ARGS(...) ((const struct command_arg[]){__VA_ARGS__, {.name = NULL}})
#define KEY_ARG \
    { .name = "key", .type = ARG_KEY }
#define VALUE_ARG \
    { .name = "value", .type = ARG_STRING }
#define PAIRS_ARG \
    { .name = "key_value", .type = ARG_BLOCK, .flags = ARG_MULTIPLE, .args = ARGS(KEY_ARG, VALUE_ARG) }
#define TIPS(...)  ((const char *const[]){__VA_ARGS__, NULL})

#define READ_SLOW  (CMD_READONLY)
#define READ_FAST  (CMD_READONLY | CMD_FAST)
#define WRITE_SLOW (CMD_WRITE | CMD_DENYOOM)
#define WRITE_FAST (CMD_WRITE | CMD_DENYOOM | CMD_FAST)
#define STRING_ROW .acl = ACL_STRING, .group = GROUP_STRING
#define COUNTER_KEY \
    { KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE) }

const struct command_row string_commands[] = {
    {.name = "append",
     .run = append_run,
     .arity = 3,
     .flags = WRITE_FAST,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_INSERT)},
     .since = "2.0.0",
     .complexity = "O(1) amortised: a growing value is given room to spare",
     .summary = "Adds text at the end of a string, which is made when the key is absent.",
     .args = ARGS(KEY_ARG, VALUE_ARG)},
    {.name = "decr",
     .run = decr_run,
     .arity = 2,
     .flags = WRITE_FAST,
     STRING_ROW,
     .keys = COUNTER_KEY,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Takes one from an integer; an absent key counts as 0.",
     .args = ARGS(KEY_ARG)},
    {.name = "decrby",
     .run = decrby_run,
     .arity = 3,
     .flags = WRITE_FAST,
     STRING_ROW,
     .keys = COUNTER_KEY,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Takes a number from an integer; an absent key counts as 0.",
     .args = ARGS(KEY_ARG, {.name = "decrement", .type = ARG_INTEGER})},
    {.name = "delex",
     .run = string_delex_run,
     .arity = 4,
     .flags = CMD_WRITE | CMD_FAST,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RM | KEY_DELETE)},
     .since = "9.2.0",
     .complexity = "O(N) where N is the length of the value",
     .summary = "Deletes a string if it, or its digest, equals or differs from what is given.",
     .args = string_delex_args},
    {.name = "delifeq",
     .run = string_delifeq_run,
     .arity = 3,
     .flags = CMD_WRITE | CMD_FAST,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RM | KEY_DELETE)},
     .since = "9.0.0",
     .complexity = "O(1)",
     .summary = "Deletes a string if it equals a value.",
     .args = ARGS(KEY_ARG, VALUE_ARG)},
    {.name = "digest",
     .run = string_digest_run,
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "8.4.0",
     .complexity = "O(N) where N is the length of the value",
     .summary = "Returns the XXH3 digest of a string, as 16 hex digits.",
     .args = ARGS(KEY_ARG)},
    {.name = "get",
     .run = get_run,
     .arity = 2,
     .flags = READ_FAST,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Reads a string.",
     .args = ARGS(KEY_ARG)},
    {.name = "getdel",
     .run = getdel_run,
     .arity = 2,
     .flags = CMD_WRITE | CMD_FAST,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE)},
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Reads a string and deletes its key.",
     .args = ARGS(KEY_ARG)},
    {.name = "getex",
     .run = string_getex_run,
     .arity = -2,
     .flags = CMD_WRITE | CMD_FAST,
     STRING_ROW,
     .keys = {{.begin = KEY_BEGIN_INDEX,
               .position = 1,
               .find = KEY_FIND_RANGE,
               .step = 1,
               .flags = KEY_RW | KEY_ACCESS | KEY_UPDATE,
               .notes = "The update is of the expiry"}},
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Reads a string and sets or removes its expiry.",
     .args = string_getex_args},
    {.name = "getrange",
     .run = getrange_run,
     .arity = 4,
     .flags = READ_SLOW,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.4.0",
     .complexity = "O(N) where N is the number of bytes returned",
     .summary = "Reads a part of a string.",
     .args = ARGS(KEY_ARG, {.name = "start", .type = ARG_INTEGER}, {.name = "end", .type = ARG_INTEGER})},
    {.name = "getset",
     .run = getset_run,
     .arity = 3,
     .flags = WRITE_FAST,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Sets a string and returns what was there before.",
     .deprecated_since = "6.2.0",
     .replaced_by = "`SET` with `GET`",
     .args = ARGS(KEY_ARG, VALUE_ARG)},
    {.name = "incr",
     .run = incr_run,
     .arity = 2,
     .flags = WRITE_FAST,
     STRING_ROW,
     .keys = COUNTER_KEY,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Adds one to an integer; an absent key counts as 0.",
     .args = ARGS(KEY_ARG)},
    {.name = "incrby",
     .run = incrby_run,
     .arity = 3,
     .flags = WRITE_FAST,
     STRING_ROW,
     .keys = COUNTER_KEY,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Adds a number to an integer; an absent key counts as 0.",
     .args = ARGS(KEY_ARG, {.name = "increment", .type = ARG_INTEGER})},
    {.name = "incrbyfloat",
     .run = incrbyfloat_run,
     .arity = 3,
     .flags = WRITE_FAST,
     STRING_ROW,
     .keys = COUNTER_KEY,
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Adds a decimal fraction to a number; an absent key counts as 0.",
     .args = ARGS(KEY_ARG, {.name = "increment", .type = ARG_DOUBLE})},
    {.name = "increx",
     .run = string_increx_run,
     .arity = -2,
     .flags = WRITE_FAST,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "9.2.0",
     .complexity = "O(1)",
     .summary = "Adds to a number within bounds and sets its expiry in the same step.",
     .args = string_increx_args},
    {.name = "lcs",
     .run = string_lcs_run,
     .arity = -3,
     .flags = READ_SLOW,
     STRING_ROW,
     .keys = {{.begin = KEY_BEGIN_INDEX,
               .position = 1,
               .find = KEY_FIND_RANGE,
               .last = 1,
               .step = 1,
               .flags = KEY_RO | KEY_ACCESS}},
     .since = "7.0.0",
     .complexity = "O(N*M) where N and M are the lengths of the two strings",
     .summary = "Finds the longest subsequence that two strings share.",
     .args = string_lcs_args},
    {.name = "mget",
     .run = mget_run,
     .arity = -2,
     .flags = READ_FAST,
     STRING_ROW,
     .keys = {KEYS_FROM(1, 1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of keys",
     .summary = "Reads several strings.",
     .tips = TIPS("request_policy:multi_shard"),
     .args = ARGS({.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE})},
    {.name = "mset",
     .run = mset_run,
     .arity = -3,
     .flags = WRITE_SLOW,
     STRING_ROW,
     .keys = {KEYS_FROM(1, 2, KEY_OW | KEY_UPDATE)},
     .since = "1.0.1",
     .complexity = "O(N) where N is the number of keys",
     .summary = "Sets several strings at once.",
     .tips = TIPS("request_policy:multi_shard", "response_policy:all_succeeded"),
     .args = ARGS(PAIRS_ARG)},
    {.name = "msetex",
     .run = string_msetex_run,
     .arity = -4,
     .flags = WRITE_SLOW,
     STRING_ROW,
     .keys = {{.begin = KEY_BEGIN_INDEX,
               .position = 1,
               .find = KEY_FIND_KEYNUM,
               .last = 0,
               .step = 1,
               .limit = 2,
               .flags = KEY_OW | KEY_UPDATE}},
     .since = "9.1.0",
     .complexity = "O(N) where N is the number of keys",
     .summary = "Sets several strings at once with one expiry, on a condition if wanted.",
     .args = string_msetex_args},
    {.name = "msetnx",
     .run = msetnx_run,
     .arity = -3,
     .flags = WRITE_SLOW,
     STRING_ROW,
     .keys = {KEYS_FROM(1, 2, KEY_OW | KEY_INSERT)},
     .since = "1.0.1",
     .complexity = "O(N) where N is the number of keys",
     .summary = "Sets several strings at once if none of the keys is there.",
     .tips = TIPS("request_policy:multi_shard", "response_policy:agg_min"),
     .args = ARGS(PAIRS_ARG)},
    {.name = "psetex",
     .run = string_psetex_run,
     .arity = 4,
     .flags = WRITE_SLOW,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_OW | KEY_UPDATE)},
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Sets a string that lives for some milliseconds.",
     .args = ARGS(KEY_ARG, {.name = "milliseconds", .type = ARG_INTEGER}, VALUE_ARG)},
    {.name = "set",
     .run = string_set_run,
     .arity = -3,
     .flags = WRITE_SLOW,
     STRING_ROW,
     .keys = {{.begin = KEY_BEGIN_INDEX,
               .position = 1,
               .find = KEY_FIND_RANGE,
               .step = 1,
               .flags = KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE_FLAGS,
               .notes = "Read only where `GET` is given or values are compared"}},
     .key_flags = string_set_key_flags,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Sets a string, on a condition and with an expiry if wanted.",
     .history = string_set_history,
     .args = string_set_args},
    {.name = "setex",
     .run = string_setex_run,
     .arity = 4,
     .flags = WRITE_SLOW,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_OW | KEY_UPDATE)},
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets a string that lives for some seconds.",
     .args = ARGS(KEY_ARG, {.name = "seconds", .type = ARG_INTEGER}, VALUE_ARG)},
    {.name = "setnx",
     .run = string_setnx_run,
     .arity = 3,
     .flags = WRITE_FAST,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_OW | KEY_INSERT)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Sets a string if the key is absent.",
     .args = ARGS(KEY_ARG, VALUE_ARG)},
    {.name = "setrange",
     .run = setrange_run,
     .arity = 4,
     .flags = WRITE_SLOW,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "2.2.0",
     .complexity = "O(M) where M is the length of the new part, amortised over growth",
     .summary = "Overwrites a part of a string, filling a gap with zero bytes.",
     .args = ARGS(KEY_ARG, {.name = "offset", .type = ARG_INTEGER}, VALUE_ARG)},
    {.name = "strlen",
     .run = strlen_run,
     .arity = 2,
     .flags = READ_FAST,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RO)},
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Tells the length of a string.",
     .args = ARGS(KEY_ARG)},
    {.name = "substr",
     .run = getrange_run,
     .arity = 4,
     .flags = READ_SLOW,
     STRING_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of bytes returned",
     .summary = "Reads a part of a string.",
     .deprecated_since = "2.0.0",
     .replaced_by = "`GETRANGE`",
     .args = ARGS(KEY_ARG, {.name = "start", .type = ARG_INTEGER}, {.name = "end", .type = ARG_INTEGER})},
    {.name = NULL},
};
