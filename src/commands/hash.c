#include "commands/hash.h"

#include "base/num.h"
#include "commands/hash_int.h"
#include "exec/journal.h"

#include <math.h>

/* ---- shared ---- */

int64_t hash_now(const struct context *c) {
    proven(c->dataset != NULL);
    return dataset_horizon(c->dataset);
}

bool hash_view(struct context *c, struct value *v) {
    const struct entry *e;
    *v = (struct value){NULL, TYPE_HASH, VALUE_PACK};
    if (!context_view_type(c, context_key(c, 1), TYPE_HASH, &e)) return false;
    if (e) *v = entry_object(e);
    return true;
}

void hash_no_memory(struct context *c) {
    c->reply->out->len = c->reply_start;
    reply_error(c->reply, "ERR not enough memory for a value of this length");
}

/* ---- setting ---- */

/* Of the pairs from argument 2 on. False after the error reply: no memory, and those before have been set. */
static bool set_pairs(struct context *c, int64_t *added) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    int i = 2;
    *added = 0;
    if (c->argc % 2) {
        reply_error_format(c->reply, "ERR wrong number of arguments for '%s' command", c->command->full_name);
        return false;
    }
    if (!context_edit(c, key, TYPE_HASH, &e)) return false;
    for (; i < c->argc; i += 2) {
        enum hash_put put = hash_put(&e.edit, c->argv[i], c->argv[i + 1], HASH_NO_TIME);
        if (unlikely(put == HASH_NO_MEMORY)) break;
        *added += put == HASH_ADDED;
    }
    context_edit_end(c, key, &e, NOTIFY_HASH, i > 2 ? "hset" : NULL, (uint64_t)(i - 2) / 2);
    if (i < c->argc) hash_no_memory(c);
    return i == c->argc;
}

static void hset_run(struct context *c) {
    int64_t added;
    if (set_pairs(c, &added)) reply_integer(c->reply, added);
}

static void hmset_run(struct context *c) {
    int64_t added;
    if (set_pairs(c, &added)) reply_ok(c->reply);
}

/* As a plain HSET for the journal: there a field that was due here may still stand. */
static void put_hset(struct context *c, struct slice value) {
    if (unlikely(journal_wanted(c))) journal_put(c, SLICE("HSET"), c->argv[1], c->argv[2], value);
}

static void hsetnx_run(struct context *c) {
    struct key key = context_key(c, 1);
    char scratch[NUM_TEXT_MAX];
    struct hash_field found;
    struct db_edit e;
    if (!context_edit(c, key, TYPE_HASH, &e)) return;
    bool there = hash_find(e.edit.value, c->argv[2], e.edit.now_ms, scratch, &found);
    bool set = !there && hash_put(&e.edit, c->argv[2], c->argv[3], HASH_NO_TIME) != HASH_NO_MEMORY;
    context_edit_end(c, key, &e, NOTIFY_HASH, set ? "hset" : NULL, set);
    if (set) put_hset(c, c->argv[3]);
    if (set || there)
        reply_integer(c->reply, set);
    else
        hash_no_memory(c);
}

/* ---- counting ---- */

/* Puts the sum, which keeps the field's time. again: the command has the same effect where the journal is read; else the sum goes
 * there as such, because a field that was due here may still stand there, or because sums of reals are not the same on
 * every machine. False after the error reply. */
static bool put_sum(struct context *c, struct key key, struct db_edit *e, bool again, const char *event,
                    struct slice sum) {
    bool put = hash_put(&e->edit, c->argv[2], sum, HASH_SAME_TIME) != HASH_NO_MEMORY;
    context_edit_end(c, key, e, NOTIFY_HASH, put ? event : NULL, put);
    if (put && !again) put_hset(c, sum);
    if (!put) hash_no_memory(c);
    return put;
}

static void refuse(struct context *c, struct key key, struct db_edit *e, const char *error) {
    context_edit_end(c, key, e, NOTIFY_HASH, NULL, 0);
    reply_error(c->reply, error);
}

static void hincrby_run(struct context *c) {
    struct key key = context_key(c, 1);
    char scratch[NUM_TEXT_MAX];
    struct hash_field found;
    struct db_edit e;
    int64_t by, value = 0;
    if (!context_integer(c, 3, &by) || !context_edit(c, key, TYPE_HASH, &e)) return;
    bool there = hash_find(e.edit.value, c->argv[2], e.edit.now_ms, scratch, &found);
    if (there && !num_parse_i64(found.value, &value)) {
        refuse(c, key, &e, "ERR hash value is not an integer");
    } else if (__builtin_add_overflow(value, by, &value)) {
        refuse(c, key, &e, "ERR increment or decrement would overflow");
    } else {
        struct slice sum = slice_of(scratch, num_format_i64(scratch, value));
        if (put_sum(c, key, &e, there, "hincrby", sum)) reply_integer(c->reply, value);
    }
}

static bool real_argument(struct context *c, int i, long double *out) {
    const char *error = NULL;
    if (!num_parse_long_double(c->argv[i], out))
        error = ERROR_NOT_FLOAT;
    else if (!isfinite(*out))
        error = "ERR value is NaN or Infinity";
    if (error) reply_error(c->reply, error);
    return !error;
}

static void hincrbyfloat_run(struct context *c) {
    struct key key = context_key(c, 1);
    char scratch[NUM_TEXT_MAX], text[NUM_LONG_DOUBLE_TEXT_MAX];
    struct hash_field found;
    struct db_edit e;
    long double by, value = 0;
    if (!real_argument(c, 3, &by) || !context_edit(c, key, TYPE_HASH, &e)) return;
    bool there = hash_find(e.edit.value, c->argv[2], e.edit.now_ms, scratch, &found);
    if (there && !num_parse_long_double(found.value, &value)) {
        refuse(c, key, &e, "ERR hash value is not a float");
        return;
    }
    value += by;
    if (!isfinite(value)) {
        refuse(c, key, &e, "ERR increment would produce NaN or Infinity");
        return;
    }
    struct slice sum = slice_of(text, num_format_long_double(text, value));
    bool timed = there && found.expire_at != HASH_NO_TIME; /* HSET would forget the time */
    if (put_sum(c, key, &e, timed, "hincrbyfloat", sum)) reply_bulk(c->reply, sum);
}

/* ---- single fields ---- */

static bool find_argument(struct context *c, struct value v, int i, char *scratch, struct hash_field *found) {
    debug_proven(i < c->argc);
    return hash_find(v, c->argv[i], hash_now(c), scratch, found);
}

static void reply_value(struct context *c, struct value v, int i) {
    char scratch[NUM_TEXT_MAX];
    struct hash_field found;
    if (find_argument(c, v, i, scratch, &found))
        reply_bulk(c->reply, found.value);
    else
        reply_null(c->reply);
}

static void hget_run(struct context *c) {
    struct value v;
    if (hash_view(c, &v)) reply_value(c, v, 2);
}

static void hmget_run(struct context *c) {
    struct value v;
    if (!hash_view(c, &v)) return;
    reply_array(c->reply, c->argc - 2);
    for (int i = 2; i < c->argc; i++) reply_value(c, v, i);
}

static void hlen_run(struct context *c) {
    struct value v;
    if (hash_view(c, &v)) reply_integer(c->reply, (int64_t)hash_length(v, hash_now(c)));
}

static void hstrlen_run(struct context *c) {
    char scratch[NUM_TEXT_MAX];
    struct hash_field found;
    struct value v;
    if (!hash_view(c, &v)) return;
    reply_integer(c->reply, find_argument(c, v, 2, scratch, &found) ? (int64_t)found.value.len : 0);
}

static void hexists_run(struct context *c) {
    char scratch[NUM_TEXT_MAX];
    struct hash_field found;
    struct value v;
    if (hash_view(c, &v)) reply_integer(c->reply, find_argument(c, v, 2, scratch, &found));
}

static void hdel_run(struct context *c) {
    struct key key = context_key(c, 1);
    struct db_edit e;
    uint64_t removed = 0;
    if (!context_edit(c, key, TYPE_HASH, &e)) return;
    for (int i = 2; i < c->argc && e.edit.value.ptr; i++) removed += hash_remove(&e.edit, c->argv[i]);
    context_edit_end(c, key, &e, NOTIFY_HASH, removed ? "hdel" : NULL, removed);
    reply_integer(c->reply, (int64_t)removed);
}

/* ---- rows ---- */

#define ARGS(...) ((const struct command_arg[]){__VA_ARGS__, {.name = NULL}})
#define KEY_ARG \
    { .name = "key", .type = ARG_KEY }
#define FIELD_ARG \
    { .name = "field", .type = ARG_STRING }
#define VALUE_ARG \
    { .name = "value", .type = ARG_STRING }
#define MORE_ARG \
    { .name = "field", .type = ARG_STRING, .flags = ARG_MULTIPLE }
#define PAIRS_ARG \
    { .name = "field_value", .type = ARG_BLOCK, .flags = ARG_MULTIPLE, .args = ARGS(FIELD_ARG, VALUE_ARG) }
#define NUMFIELDS_ARG \
    { .name = "numfields", .type = ARG_INTEGER }
#define FIELDS_ARG \
    { .name = "fields", .type = ARG_BLOCK, .token = "FIELDS", .args = ARGS(NUMFIELDS_ARG, MORE_ARG) }
#define FLAG(name_, token_) \
    { .name = name_, .type = ARG_PURE_TOKEN, .token = token_ }
#define TIME_ARGS                                                                \
    {.name = "seconds", .type = ARG_INTEGER, .token = "EX"},                     \
        {.name = "milliseconds", .type = ARG_INTEGER, .token = "PX"},            \
        {.name = "unix-time-seconds", .type = ARG_UNIX_TIME, .token = "EXAT"}, { \
        .name = "unix-time-milliseconds", .type = ARG_UNIX_TIME, .token = "PXAT" \
    }
#define CONDITION_ARG                                                                        \
    {                                                                                        \
        .name = "condition", .type = ARG_ONEOF, .flags = ARG_OPTIONAL,                       \
        .args = ARGS(FLAG("nx", "NX"), FLAG("xx", "XX"), FLAG("gt", "GT"), FLAG("lt", "LT")) \
    }
#define HASH_ROW      .acl = ACL_HASH, .group = GROUP_HASH
#define READ_ROW      .flags = CMD_READONLY, HASH_ROW
#define READ_FAST_ROW .flags = CMD_READONLY | CMD_FAST, HASH_ROW
#define WRITE_ROW     .flags = CMD_WRITE | CMD_FAST, HASH_ROW
#define GROW_ROW      .flags = CMD_WRITE | CMD_DENYOOM | CMD_FAST, HASH_ROW
#define O_FIELDS      .complexity = "O(N) where N is the number of fields asked for"

static const char *const unordered_tips[] = {"nondeterministic_output_order", NULL};
static const char *const random_tips[] = {"nondeterministic_output", NULL};
static const struct command_history hset_history[] = {{"4.0.0", "Any number of pairs."}, {NULL, NULL}};
static const struct command_history hdel_history[] = {{"2.4.0", "Any number of fields."}, {NULL, NULL}};
static const struct command_history hscan_history[] = {{"8.0.0", "`NOVALUES` came."}, {NULL, NULL}};

const struct command_row hash_commands[] = {
    {.name = "hdel",
     .run = hdel_run,
     .arity = -3,
     WRITE_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_DELETE)},
     .since = "2.0.0",
     O_FIELDS,
     .summary = "Removes fields.",
     .history = hdel_history,
     .args = ARGS(KEY_ARG, MORE_ARG)},
    {.name = "hexists",
     .run = hexists_run,
     .arity = 3,
     READ_FAST_ROW,
     .keys = {KEY_AT(1, KEY_RO)},
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Tells whether a field is there.",
     .args = ARGS(KEY_ARG, FIELD_ARG)},
    {.name = "hexpire",
     .run = hash_expire_run,
     .arity = -6,
     WRITE_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "9.0.0",
     O_FIELDS,
     .summary = "Gives fields a time to live in seconds.",
     .args = ARGS(KEY_ARG, {.name = "seconds", .type = ARG_INTEGER}, CONDITION_ARG, FIELDS_ARG)},
    {.name = "hexpireat",
     .run = hash_expireat_run,
     .arity = -6,
     WRITE_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "9.0.0",
     O_FIELDS,
     .summary = "Gives fields a Unix time in seconds at which they go.",
     .args = ARGS(KEY_ARG, {.name = "unix-time-seconds", .type = ARG_UNIX_TIME}, CONDITION_ARG, FIELDS_ARG)},
    {.name = "hexpiretime",
     .run = hash_expiretime_run,
     .arity = -5,
     READ_FAST_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "9.0.0",
     O_FIELDS,
     .summary = "Tells the Unix time in seconds at which fields go.",
     .args = ARGS(KEY_ARG, FIELDS_ARG)},
    {.name = "hget",
     .run = hget_run,
     .arity = 3,
     READ_FAST_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Reads the value of a field.",
     .args = ARGS(KEY_ARG, FIELD_ARG)},
    {.name = "hgetall",
     .run = hash_getall_run,
     .arity = 2,
     READ_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of fields",
     .summary = "Reads all fields with their values.",
     .tips = unordered_tips,
     .args = ARGS(KEY_ARG)},
    {.name = "hgetdel",
     .run = hash_getdel_run,
     .arity = -5,
     WRITE_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE)},
     .since = "9.1.0",
     O_FIELDS,
     .summary = "Reads the values of fields and removes the fields.",
     .args = ARGS(KEY_ARG, FIELDS_ARG)},
    {.name = "hgetex",
     .run = hash_getex_run,
     .arity = -5,
     WRITE_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "9.0.0",
     O_FIELDS,
     .summary = "Reads the values of fields and sets or removes the times at which they go.",
     .args = ARGS(KEY_ARG,
                  {.name = "expiration",
                   .type = ARG_ONEOF,
                   .flags = ARG_OPTIONAL,
                   .args = ARGS(TIME_ARGS, FLAG("persist", "PERSIST"))},
                  FIELDS_ARG)},
    {.name = "hincrby",
     .run = hincrby_run,
     .arity = 4,
     GROW_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Adds to the integer in a field; an absent one counts as 0.",
     .args = ARGS(KEY_ARG, FIELD_ARG, {.name = "increment", .type = ARG_INTEGER})},
    {.name = "hincrbyfloat",
     .run = hincrbyfloat_run,
     .arity = 4,
     GROW_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Adds to the number in a field; an absent one counts as 0.",
     .args = ARGS(KEY_ARG, FIELD_ARG, {.name = "increment", .type = ARG_DOUBLE})},
    {.name = "hkeys",
     .run = hash_keys_run,
     .arity = 2,
     READ_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of fields",
     .summary = "Reads the names of all fields.",
     .tips = unordered_tips,
     .args = ARGS(KEY_ARG)},
    {.name = "hlen",
     .run = hlen_run,
     .arity = 2,
     READ_FAST_ROW,
     .keys = {KEY_AT(1, KEY_RO)},
     .since = "2.0.0",
     .complexity = "O(1), with field times O(log N)",
     .summary = "Counts the fields.",
     .args = ARGS(KEY_ARG)},
    {.name = "hmget",
     .run = hmget_run,
     .arity = -3,
     READ_FAST_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.0.0",
     O_FIELDS,
     .summary = "Reads the values of fields.",
     .args = ARGS(KEY_ARG, MORE_ARG)},
    {.name = "hmset",
     .run = hmset_run,
     .arity = -4,
     GROW_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of pairs",
     .summary = "Sets fields.",
     .args = ARGS(KEY_ARG, PAIRS_ARG)},
    {.name = "hpersist",
     .run = hash_persist_run,
     .arity = -5,
     WRITE_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "9.0.0",
     O_FIELDS,
     .summary = "Removes the times at which fields would go.",
     .args = ARGS(KEY_ARG, FIELDS_ARG)},
    {.name = "hpexpire",
     .run = hash_pexpire_run,
     .arity = -6,
     WRITE_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "9.0.0",
     O_FIELDS,
     .summary = "Gives fields a time to live in milliseconds.",
     .args = ARGS(KEY_ARG, {.name = "milliseconds", .type = ARG_INTEGER}, CONDITION_ARG, FIELDS_ARG)},
    {.name = "hpexpireat",
     .run = hash_pexpireat_run,
     .arity = -6,
     WRITE_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "9.0.0",
     O_FIELDS,
     .summary = "Gives fields a Unix time in milliseconds at which they go.",
     .args = ARGS(KEY_ARG, {.name = "unix-time-milliseconds", .type = ARG_UNIX_TIME}, CONDITION_ARG, FIELDS_ARG)},
    {.name = "hpexpiretime",
     .run = hash_pexpiretime_run,
     .arity = -5,
     READ_FAST_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "9.0.0",
     O_FIELDS,
     .summary = "Tells the Unix time in milliseconds at which fields go.",
     .args = ARGS(KEY_ARG, FIELDS_ARG)},
    {.name = "hpttl",
     .run = hash_pttl_run,
     .arity = -5,
     READ_FAST_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "9.0.0",
     O_FIELDS,
     .summary = "Tells how many milliseconds fields have to live.",
     .args = ARGS(KEY_ARG, FIELDS_ARG)},
    {.name = "hrandfield",
     .run = hash_randfield_run,
     .arity = -2,
     READ_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "6.2.0",
     .complexity = "O(N) where N is the number of fields returned",
     .summary = "Reads random fields.",
     .tips = random_tips,
     .args = ARGS(
         KEY_ARG,
         {.name = "options",
          .type = ARG_BLOCK,
          .flags = ARG_OPTIONAL,
          .args = ARGS({.name = "count", .type = ARG_INTEGER},
                       {.name = "withvalues", .type = ARG_PURE_TOKEN, .token = "WITHVALUES", .flags = ARG_OPTIONAL})})},
    {.name = "hscan",
     .run = hash_scan_run,
     .arity = -3,
     READ_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.8.0",
     .complexity = "O(1) a call, O(N) for all N fields",
     .summary = "Walks over the fields, some at a call.",
     .tips = random_tips,
     .history = hscan_history,
     .args = ARGS(
         KEY_ARG,
         {.name = "cursor", .type = ARG_INTEGER},
         {.name = "pattern", .type = ARG_PATTERN, .token = "MATCH", .flags = ARG_OPTIONAL},
         {.name = "count", .type = ARG_INTEGER, .token = "COUNT", .flags = ARG_OPTIONAL},
         {.name = "novalues", .type = ARG_PURE_TOKEN, .token = "NOVALUES", .flags = ARG_OPTIONAL, .since = "8.0.0"})},
    {.name = "hset",
     .run = hset_run,
     .arity = -4,
     GROW_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of pairs",
     .summary = "Sets fields, and makes the hash where needed.",
     .history = hset_history,
     .args = ARGS(KEY_ARG, PAIRS_ARG)},
    {.name = "hsetex",
     .run = hash_setex_run,
     .arity = -6,
     GROW_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "9.0.0",
     .complexity = "O(N) where N is the number of pairs",
     .summary = "Sets fields and the time at which they go.",
     .args =
         ARGS(KEY_ARG,
              {.name = "fields-condition",
               .type = ARG_ONEOF,
               .flags = ARG_OPTIONAL,
               .args = ARGS(FLAG("fnx", "FNX"), FLAG("fxx", "FXX"))},
              {.name = "expiration",
               .type = ARG_ONEOF,
               .flags = ARG_OPTIONAL,
               .args = ARGS(TIME_ARGS, FLAG("keepttl", "KEEPTTL"))},
              {.name = "fields",
               .type = ARG_BLOCK,
               .token = "FIELDS",
               .args = ARGS(
                   NUMFIELDS_ARG,
                   {.name = "data", .type = ARG_BLOCK, .flags = ARG_MULTIPLE, .args = ARGS(FIELD_ARG, VALUE_ARG)})})},
    {.name = "hsetnx",
     .run = hsetnx_run,
     .arity = 4,
     GROW_ROW,
     .keys = {KEY_AT(1, KEY_RW | KEY_INSERT)},
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets a field unless it is there.",
     .args = ARGS(KEY_ARG, FIELD_ARG, VALUE_ARG)},
    {.name = "hstrlen",
     .run = hstrlen_run,
     .arity = 3,
     READ_FAST_ROW,
     .keys = {KEY_AT(1, KEY_RO)},
     .since = "3.2.0",
     .complexity = "O(1)",
     .summary = "Tells how long a field's value is.",
     .args = ARGS(KEY_ARG, FIELD_ARG)},
    {.name = "httl",
     .run = hash_ttl_run,
     .arity = -5,
     READ_FAST_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "9.0.0",
     O_FIELDS,
     .summary = "Tells how many seconds fields have to live.",
     .args = ARGS(KEY_ARG, FIELDS_ARG)},
    {.name = "hvals",
     .run = hash_vals_run,
     .arity = 2,
     READ_ROW,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of fields",
     .summary = "Reads the values of all fields.",
     .tips = unordered_tips,
     .args = ARGS(KEY_ARG)},
    {.name = NULL},
};
