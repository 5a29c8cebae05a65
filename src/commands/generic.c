#include "commands/generic.h"

#include "base/check.h"
#include "base/num.h"
#include "commands/generic_int.h"

/* ---- shared ---- */

bool generic_db_index(struct context *c, int i, unsigned *index) {
    int64_t n;
    if (!context_integer_between(c, i, INT32_MIN, INT32_MAX, NULL, &n)) return false;
    if (n < 0 || n >= (int64_t)dataset_databases(c->dataset)) {
        reply_error(c->reply, "ERR DB index is out of range");
        return false;
    }
    *index = (unsigned)n;
    return true;
}

/* ---- keys as such ---- */

static void del_run(struct context *c) {
    int64_t deleted = 0;
    for (int i = 1; i < c->argc; i++) {
        struct key key = context_key(c, i);
        if (!db_delete(c->db, key)) continue;
        context_changed(c, NOTIFY_GENERIC, "del", key.text);
        deleted++;
    }
    reply_integer(c->reply, deleted);
}

static void count_present(struct context *c, unsigned view_flags) {
    int64_t present = 0;
    for (int i = 1; i < c->argc; i++) present += db_view(c->db, context_key(c, i), view_flags) != NULL;
    reply_integer(c->reply, present);
}

static void exists_run(struct context *c) { count_present(c, VIEW_NO_TOUCH); }

static void touch_run(struct context *c) { count_present(c, context_view_flags(c)); }

static void type_run(struct context *c) {
    const struct entry *e = db_view(c->db, context_key(c, 1), VIEW_NO_TOUCH);
    reply_simple(c->reply, e ? entry_type_name(entry_type(e)) : "none");
}

/* ---- OBJECT ---- */

/* NULL after the null reply. */
static const struct entry *object_entry(struct context *c) {
    const struct entry *e = db_view(c->db, context_key(c, 2), VIEW_NO_TOUCH | VIEW_QUIET);
    if (!e) reply_null(c->reply);
    return e;
}

static void object_encoding_run(struct context *c) {
    const struct entry *e = object_entry(c);
    if (e) reply_bulk_cstr(c->reply, entry_encoding_name(e));
}

/* Redis shares one object among all values that are a small integer, and shows so. */
#define SHARED_INTEGERS 10000

static void object_refcount_run(struct context *c) {
    const struct entry *e = object_entry(c);
    int64_t integer = -1;
    if (!e) return;
    bool small = entry_type(e) == TYPE_STRING && entry_string_integer(e, &integer);
    reply_integer(c->reply, small && integer >= 0 && integer < SHARED_INTEGERS ? INT32_MAX : 1);
}

static void object_idletime_run(struct context *c) {
    if (!object_entry(c)) return;
    if (dataset_access(c->dataset) == ACCESS_LFU)
        reply_error(c->reply, "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
                              "switching between policies at runtime LRU and LFU data will take some time to adjust.");
    else
        reply_integer(c->reply, db_idle_seconds(c->db, context_key(c, 2)));
}

static void object_freq_run(struct context *c) {
    if (!object_entry(c)) return;
    if (dataset_access(c->dataset) != ACCESS_LFU)
        reply_error(c->reply, "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
                              "that when switching between policies at runtime LRU and LFU data will take some time "
                              "to adjust.");
    else
        reply_integer(c->reply, db_frequency(c->db, context_key(c, 2)));
}

static const char *const object_help[] = {
    "ENCODING <key>",
    "    Tells in what form the value of <key> is kept.",
    "FREQ <key>",
    "    Tells how often <key> is used, on a logarithmic scale from 0 to 255. Needs an",
    "    LFU maxmemory-policy.",
    "IDLETIME <key>",
    "    Tells for how many seconds <key> has not been used. Needs a maxmemory-policy",
    "    that is not LFU.",
    "REFCOUNT <key>",
    "    Tells by how many the value of <key> is shared.",
    NULL,
};

/* ---- what the rows say of the arguments ---- */

#define ARGS(...) ((const struct command_arg[]){__VA_ARGS__, {.name = NULL}})
#define KEY_ARG \
    { .name = "key", .type = ARG_KEY }
#define KEYS_ARG \
    { .name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE }
#define TIPS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define EXPIRE_CONDITION \
    { .name = "condition", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .since = "7.0.0", .args = expire_condition_args }
#define FLUSH_MODE \
    { .name = "async", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = flush_mode_args }

static const struct command_arg expire_condition_args[] = {
    {.name = "nx", .type = ARG_PURE_TOKEN, .token = "NX"},
    {.name = "xx", .type = ARG_PURE_TOKEN, .token = "XX"},
    {.name = "gt", .type = ARG_PURE_TOKEN, .token = "GT"},
    {.name = "lt", .type = ARG_PURE_TOKEN, .token = "LT"},
    {.name = NULL},
};

static const struct command_arg flush_mode_args[] = {
    {.name = "async", .type = ARG_PURE_TOKEN, .token = "ASYNC", .since = "4.0.0"},
    {.name = "sync", .type = ARG_PURE_TOKEN, .token = "SYNC", .since = "6.2.0"},
    {.name = NULL},
};

static const struct command_arg copy_args[] = {
    {.name = "source", .type = ARG_KEY},
    {.name = "destination", .type = ARG_KEY, .key_spec = 1},
    {.name = "destination-db", .type = ARG_INTEGER, .flags = ARG_OPTIONAL, .token = "DB"},
    {.name = "replace", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "REPLACE"},
    {.name = NULL},
};

static const struct command_arg restore_args[] = {
    {.name = "key", .type = ARG_KEY},
    {.name = "ttl", .type = ARG_INTEGER},
    {.name = "serialized-value", .type = ARG_STRING},
    {.name = "replace", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "REPLACE", .since = "3.0.0"},
    {.name = "absttl", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "ABSTTL", .since = "5.0.0"},
    {.name = "seconds", .type = ARG_INTEGER, .flags = ARG_OPTIONAL, .token = "IDLETIME", .since = "5.0.0"},
    {.name = "frequency", .type = ARG_INTEGER, .flags = ARG_OPTIONAL, .token = "FREQ", .since = "5.0.0"},
    {.name = NULL},
};

static const struct command_arg scan_args[] = {
    {.name = "cursor", .type = ARG_INTEGER},
    {.name = "pattern", .type = ARG_PATTERN, .flags = ARG_OPTIONAL, .token = "MATCH"},
    {.name = "count", .type = ARG_INTEGER, .flags = ARG_OPTIONAL, .token = "COUNT"},
    {.name = "type", .type = ARG_STRING, .flags = ARG_OPTIONAL, .token = "TYPE", .since = "6.0.0"},
    {.name = NULL},
};

static const struct command_history expire_history[] = {{"7.0.0", "`NX`, `XX`, `GT` and `LT` came."}, {NULL, NULL}};
static const struct command_history ttl_history[] = {{"2.8.0", "-2 is told apart from -1."}, {NULL, NULL}};
static const struct command_history exists_history[] = {{"3.0.3", "Takes several keys."}, {NULL, NULL}};
static const struct command_history renamenx_history[] = {
    {"3.2.0", "Equal names are not an error any more."},
    {NULL, NULL},
};
static const struct command_history flush_history[] = {
    {"4.0.0", "`ASYNC` came."},
    {"6.2.0", "`SYNC` came."},
    {NULL, NULL},
};
static const struct command_history restore_history[] = {
    {"3.0.0", "`REPLACE` came."},
    {"5.0.0", "`ABSTTL` came."},
    {"5.0.0", "`IDLETIME` and `FREQ` came."},
    {NULL, NULL},
};
static const struct command_history scan_history[] = {{"6.0.0", "`TYPE` came."}, {NULL, NULL}};

/* ---- rows ---- */

static const struct command_row object_subcommands[] = {
    {.name = "encoding",
     .run = object_encoding_run,
     .arity = 3,
     .flags = CMD_READONLY,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(2, KEY_RO)},
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Tells in what form a value is kept.",
     .tips = TIPS("nondeterministic_output"),
     .args = ARGS(KEY_ARG)},
    {.name = "freq",
     .run = object_freq_run,
     .arity = 3,
     .flags = CMD_READONLY,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(2, KEY_RO)},
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Tells how often a key is used, on a logarithmic scale.",
     .tips = TIPS("nondeterministic_output"),
     .args = ARGS(KEY_ARG)},
    {.name = "help",
     .run = context_reply_help,
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Lists the subcommands."},
    {.name = "idletime",
     .run = object_idletime_run,
     .arity = 3,
     .flags = CMD_READONLY,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(2, KEY_RO)},
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Tells for how many seconds a key has not been used.",
     .tips = TIPS("nondeterministic_output"),
     .args = ARGS(KEY_ARG)},
    {.name = "refcount",
     .run = object_refcount_run,
     .arity = 3,
     .flags = CMD_READONLY,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(2, KEY_RO)},
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Tells by how many a value is shared.",
     .tips = TIPS("nondeterministic_output"),
     .args = ARGS(KEY_ARG)},
    {.name = NULL},
};

const struct command_row generic_commands[] = {
    {.name = "copy",
     .run = generic_copy_run,
     .arity = -3,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS), KEY_AT(2, KEY_OW | KEY_UPDATE)},
     .since = "6.2.0",
     .complexity = "O(N) where N is the number of bytes or elements of the value",
     .summary = "Doubles a key under another name or in another database.",
     .args = copy_args},
    {.name = "dbsize",
     .run = generic_dbsize_run,
     .arity = 1,
     .flags = CMD_READONLY | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_SERVER,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Counts the keys of the database.",
     .tips = TIPS("request_policy:all_shards", "response_policy:agg_sum")},
    {.name = "del",
     .run = del_run,
     .arity = -2,
     .flags = CMD_WRITE,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEYS_FROM(1, 1, KEY_RM | KEY_DELETE)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of keys; big values are freed on another thread",
     .summary = "Deletes keys.",
     .tips = TIPS("request_policy:multi_shard", "response_policy:agg_sum"),
     .args = ARGS(KEYS_ARG)},
    {.name = "dump",
     .run = generic_dump_run,
     .arity = 2,
     .flags = CMD_READONLY,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.6.0",
     .complexity = "O(N) where N is the number of bytes or elements of the value",
     .summary = "Gives the value of a key as bytes that RESTORE takes.",
     .tips = TIPS("nondeterministic_output"),
     .args = ARGS(KEY_ARG)},
    {.name = "exists",
     .run = exists_run,
     .arity = -2,
     .flags = CMD_READONLY | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEYS_FROM(1, 1, KEY_RO)},
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of keys",
     .summary = "Counts which of the keys are there.",
     .tips = TIPS("request_policy:multi_shard", "response_policy:agg_sum"),
     .history = exists_history,
     .args = ARGS(KEYS_ARG)},
    {.name = "expire",
     .run = generic_expire_run,
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Lets a key end after some seconds.",
     .history = expire_history,
     .args = ARGS(KEY_ARG, {.name = "seconds", .type = ARG_INTEGER}, EXPIRE_CONDITION)},
    {.name = "expireat",
     .run = generic_expireat_run,
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Lets a key end at a time given in Unix seconds.",
     .history = expire_history,
     .args = ARGS(KEY_ARG, {.name = "unix-time-seconds", .type = ARG_UNIX_TIME}, EXPIRE_CONDITION)},
    {.name = "expiretime",
     .run = generic_expiretime_run,
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Tells at what time a key ends, in Unix seconds.",
     .args = ARGS(KEY_ARG)},
    {.name = "flushall",
     .run = generic_flushall_run,
     .arity = -1,
     .flags = CMD_WRITE,
     .acl = ACL_KEYSPACE | ACL_DANGEROUS,
     .group = GROUP_SERVER,
     .since = "1.0.0",
     .complexity = "O(1), or O(N) with SYNC where N is the number of keys",
     .summary = "Removes all keys of all databases.",
     .tips = TIPS("request_policy:all_shards", "response_policy:all_succeeded"),
     .history = flush_history,
     .args = ARGS(FLUSH_MODE)},
    {.name = "flushdb",
     .run = generic_flushdb_run,
     .arity = -1,
     .flags = CMD_WRITE,
     .acl = ACL_KEYSPACE | ACL_DANGEROUS,
     .group = GROUP_SERVER,
     .since = "1.0.0",
     .complexity = "O(1), or O(N) with SYNC where N is the number of keys",
     .summary = "Removes all keys of the database.",
     .tips = TIPS("request_policy:all_shards", "response_policy:all_succeeded"),
     .history = flush_history,
     .args = ARGS(FLUSH_MODE)},
    {.name = "keys",
     .run = generic_keys_run,
     .arity = 2,
     .flags = CMD_READONLY,
     .acl = ACL_KEYSPACE | ACL_DANGEROUS,
     .group = GROUP_GENERIC,
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of keys in the database",
     .summary = "Lists all keys whose names match a pattern.",
     .tips = TIPS("request_policy:all_shards", "nondeterministic_output_order"),
     .args = ARGS({.name = "pattern", .type = ARG_PATTERN})},
    {.name = "move",
     .run = generic_move_run,
     .arity = 3,
     .flags = CMD_WRITE | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_UPDATE)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Moves a key to another database.",
     .args = ARGS(KEY_ARG, {.name = "db", .type = ARG_INTEGER})},
    {.name = "object",
     .arity = -2,
     .group = GROUP_GENERIC,
     .since = "2.2.3",
     .complexity = "As the subcommand says",
     .summary = "Holds the commands that look at how a value is kept.",
     .subcommands = object_subcommands,
     .help = object_help},
    {.name = "persist",
     .run = generic_persist_run,
     .arity = 2,
     .flags = CMD_WRITE | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Takes the expiry from a key.",
     .args = ARGS(KEY_ARG)},
    {.name = "pexpire",
     .run = generic_pexpire_run,
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Lets a key end after some milliseconds.",
     .history = expire_history,
     .args = ARGS(KEY_ARG, {.name = "milliseconds", .type = ARG_INTEGER}, EXPIRE_CONDITION)},
    {.name = "pexpireat",
     .run = generic_pexpireat_run,
     .arity = -3,
     .flags = CMD_WRITE | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)},
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Lets a key end at a time given in Unix milliseconds.",
     .history = expire_history,
     .args = ARGS(KEY_ARG, {.name = "unix-time-milliseconds", .type = ARG_UNIX_TIME}, EXPIRE_CONDITION)},
    {.name = "pexpiretime",
     .run = generic_pexpiretime_run,
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Tells at what time a key ends, in Unix milliseconds.",
     .args = ARGS(KEY_ARG)},
    {.name = "pttl",
     .run = generic_pttl_run,
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Tells how many milliseconds a key has left.",
     .tips = TIPS("nondeterministic_output"),
     .history = ttl_history,
     .args = ARGS(KEY_ARG)},
    {.name = "randomkey",
     .run = generic_randomkey_run,
     .arity = 1,
     .flags = CMD_READONLY | CMD_TOUCHES_ARBITRARY_KEYS,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Names some key of the database, each as likely as the other.",
     .tips = TIPS("request_policy:all_shards", "nondeterministic_output")},
    {.name = "rename",
     .run = generic_rename_run,
     .arity = 3,
     .flags = CMD_WRITE,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE), KEY_AT(2, KEY_OW | KEY_UPDATE)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key another name, in place of any key of that name.",
     .args = ARGS(KEY_ARG, {.name = "newkey", .type = ARG_KEY, .key_spec = 1})},
    {.name = "renamenx",
     .run = generic_renamenx_run,
     .arity = 3,
     .flags = CMD_WRITE | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RW | KEY_ACCESS | KEY_DELETE), KEY_AT(2, KEY_OW | KEY_INSERT)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key another name that no key has yet.",
     .history = renamenx_history,
     .args = ARGS(KEY_ARG, {.name = "newkey", .type = ARG_KEY, .key_spec = 1})},
    {.name = "restore",
     .run = generic_restore_run,
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM,
     .acl = ACL_KEYSPACE | ACL_DANGEROUS,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_OW | KEY_UPDATE)},
     .since = "2.6.0",
     .complexity = "O(N) where N is the number of bytes or elements of the value",
     .summary = "Makes a key from the bytes of a DUMP.",
     .history = restore_history,
     .args = restore_args},
    {.name = "restore-asking",
     .run = generic_restore_run,
     .arity = -4,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_ASKING,
     .acl = ACL_KEYSPACE | ACL_DANGEROUS,
     .group = GROUP_SERVER,
     .keys = {KEY_AT(1, KEY_OW | KEY_UPDATE)},
     .since = "3.0.0",
     .complexity = "O(N) where N is the number of bytes or elements of the value",
     .summary = "RESTORE into a cluster slot that is being imported.",
     .is_system = true,
     .history = restore_history,
     .args = restore_args},
    {.name = "scan",
     .run = generic_scan_run,
     .arity = -2,
     .flags = CMD_READONLY | CMD_TOUCHES_ARBITRARY_KEYS,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .since = "2.8.0",
     .complexity = "O(COUNT) a call, O(N) for all calls until the cursor is 0 again",
     .summary = "Walks over the names of keys in small steps.",
     .tips = TIPS("nondeterministic_output", "request_policy:special"),
     .history = scan_history,
     .args = scan_args},
    {.name = "swapdb",
     .run = generic_swapdb_run,
     .arity = 3,
     .flags = CMD_WRITE | CMD_FAST,
     .acl = ACL_KEYSPACE | ACL_DANGEROUS,
     .group = GROUP_SERVER,
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Exchanges the contents of two databases.",
     .args = ARGS({.name = "index1", .type = ARG_INTEGER}, {.name = "index2", .type = ARG_INTEGER})},
    {.name = "touch",
     .run = touch_run,
     .arity = -2,
     .flags = CMD_READONLY | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEYS_FROM(1, 1, KEY_RO)},
     .since = "3.2.1",
     .complexity = "O(N) where N is the number of keys",
     .summary = "Marks keys as used now, and counts those that are there.",
     .tips = TIPS("request_policy:multi_shard", "response_policy:agg_sum"),
     .args = ARGS(KEYS_ARG)},
    {.name = "ttl",
     .run = generic_ttl_run,
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells how many seconds a key has left.",
     .tips = TIPS("nondeterministic_output"),
     .history = ttl_history,
     .args = ARGS(KEY_ARG)},
    {.name = "type",
     .run = type_run,
     .arity = 2,
     .flags = CMD_READONLY | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEY_AT(1, KEY_RO)},
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells the type of the value of a key.",
     .args = ARGS(KEY_ARG)},
    {.name = "unlink",
     .run = del_run,
     .arity = -2,
     .flags = CMD_WRITE | CMD_FAST,
     .acl = ACL_KEYSPACE,
     .group = GROUP_GENERIC,
     .keys = {KEYS_FROM(1, 1, KEY_RM | KEY_DELETE)},
     .since = "4.0.0",
     .complexity = "O(N) where N is the number of keys; big values are freed on another thread",
     .summary = "Deletes keys.",
     .tips = TIPS("request_policy:multi_shard", "response_policy:agg_sum"),
     .args = ARGS(KEYS_ARG)},
    {.name = "wait",
     .run = generic_wait_run,
     .arity = 3,
     .flags = CMD_BLOCKING,
     .acl = ACL_CONNECTION,
     .group = GROUP_GENERIC,
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Waits until replicas have acknowledged the writes of this connection.",
     .tips = TIPS("request_policy:all_shards", "response_policy:agg_min"),
     .args = ARGS({.name = "numreplicas", .type = ARG_INTEGER}, {.name = "timeout", .type = ARG_INTEGER})},
    {.name = NULL},
};
