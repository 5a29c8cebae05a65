/* SLOWLOG and COMMANDLOG: the first is the second for slow commands. */
#include "base/check.h"
#include "base/num.h"
#include "exec/context.h"
#include "observe/observe_int.h"

#define SLOWLOG_GET_DEFAULT 10

static void reply_entry(struct reply *r, const struct commandlog_entry *e) {
    reply_array(r, 6);
    reply_integer(r, (int64_t)e->id);
    reply_integer(r, e->time_s);
    reply_integer(r, e->value);
    reply_array(r, e->argc);
    for (int i = 0; i < e->argc; i++) reply_bulk(r, e->argv[i]);
    reply_bulk(r, e->peer);
    reply_bulk(r, e->client_name);
}

/* The latest `count` entries, newest first; -1: all. */
static void reply_log(struct reply *r, const struct commandlog *log, int64_t count) {
    size_t left = count < 0 || (uint64_t)count > log->len ? log->len : (size_t)count;
    reply_array(r, (int64_t)left);
    list_each(node, &log->entries) {
        if (left-- == 0) break;
        reply_entry(r, list_entry(node, struct commandlog_entry, place));
    }
}

static bool read_count(struct context *c, int i, int64_t *count) {
    return context_integer_between(c, i, -1, INT64_MAX, "ERR count should be greater than or equal to -1", count);
}

/* The log that argument i names. */
static struct commandlog *read_kind(struct context *c, int i) {
    static const char *const names[COMMANDLOG_KINDS] = {"slow", "large-request", "large-reply"};
    for (int kind = 0; kind < COMMANDLOG_KINDS; kind++) {
        if (slice_equal_nocase(c->argv[i], slice_of_cstr(names[kind]))) return &observe.logs[kind];
    }
    reply_error(c->reply, "ERR type should be one of the following: slow, large-request, large-reply");
    return NULL;
}

/* ---- SLOWLOG ---- */

static void run_slowlog_get(struct context *c) {
    int64_t count = SLOWLOG_GET_DEFAULT;
    if (c->argc > 3)
        context_unknown_subcommand(c);
    else if (c->argc == 2 || read_count(c, 2, &count))
        reply_log(c->reply, &observe.logs[COMMANDLOG_SLOW], count);
}

static void run_slowlog_len(struct context *c) { reply_integer(c->reply, (int64_t)observe.logs[COMMANDLOG_SLOW].len); }

static void run_slowlog_reset(struct context *c) {
    commandlog_clear(&observe.logs[COMMANDLOG_SLOW]);
    reply_ok(c->reply);
}

/* ---- COMMANDLOG ---- */

static void run_commandlog_get(struct context *c) {
    int64_t count;
    if (!read_count(c, 2, &count)) return;
    const struct commandlog *log = read_kind(c, 3);
    if (log) reply_log(c->reply, log, count);
}

static void run_commandlog_len(struct context *c) {
    const struct commandlog *log = read_kind(c, 2);
    if (log) reply_integer(c->reply, (int64_t)log->len);
}

static void run_commandlog_reset(struct context *c) {
    struct commandlog *log = read_kind(c, 2);
    if (log == NULL) return;
    commandlog_clear(log);
    reply_ok(c->reply);
}

/* ---- rows ---- */

const char *const slowlog_help[] = {
    "GET [<count>]",
    "    Show the latest <count> entries (default: 10, -1 means all), newest first. An entry",
    "    has an id, a time, microseconds, the arguments, the client's address and its name.",
    "LEN",
    "    Show the number of entries.",
    "RESET",
    "    Drop all entries.",
    NULL,
};

const char *const commandlog_help[] = {
    "GET <count> <type>",
    "    Show the latest <count> entries (-1 means all) of the log, newest first. An entry has",
    "    an id, a time, microseconds or bytes, the arguments, the client's address and its name.",
    "LEN <type>",
    "    Show the number of entries of the log.",
    "RESET <type>",
    "    Drop all entries of the log.",
    "<type> is slow, large-request or large-reply.",
    NULL,
};

static const char *const get_tips[] = {"request_policy:all_nodes", "nondeterministic_output", NULL};
static const char *const len_tips[] = {"request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output",
                                       NULL};
static const char *const reset_tips[] = {"request_policy:all_nodes", "response_policy:all_succeeded", NULL};

static const struct command_history slowlog_get_history[] = {
    {"4.0.0", "An entry tells the client's address, port and name."},
    {0},
};

static const struct command_arg slowlog_get_args[] = {
    {.name = "count", .type = ARG_INTEGER, .flags = ARG_OPTIONAL},
    {0},
};

static const struct command_arg kinds[] = {
    {.name = "slow", .type = ARG_PURE_TOKEN, .token = "SLOW"},
    {.name = "large-request", .type = ARG_PURE_TOKEN, .token = "LARGE-REQUEST"},
    {.name = "large-reply", .type = ARG_PURE_TOKEN, .token = "LARGE-REPLY"},
    {0},
};
static const struct command_arg kind_args[] = {{.name = "type", .type = ARG_ONEOF, .args = kinds}, {0}};
static const struct command_arg commandlog_get_args[] = {
    {.name = "count", .type = ARG_INTEGER},
    {.name = "type", .type = ARG_ONEOF, .args = kinds},
    {0},
};

#define ADMIN_FLAGS (CMD_ADMIN | CMD_LOADING | CMD_STALE)

const struct command_row slowlog_subcommands[] = {
    {.name = "get",
     .run = run_slowlog_get,
     .arity = -2,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.2.12",
     .complexity = "O(N), N the entries shown.",
     .summary = "Shows the latest entries of the slow log.",
     .tips = get_tips,
     .history = slowlog_get_history,
     .args = slowlog_get_args},
    {.name = "help",
     .run = context_reply_help,
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands of SLOWLOG."},
    {.name = "len",
     .run = run_slowlog_len,
     .arity = 2,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.2.12",
     .complexity = "O(1)",
     .summary = "Tells how many entries the slow log has.",
     .tips = len_tips},
    {.name = "reset",
     .run = run_slowlog_reset,
     .arity = 2,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "2.2.12",
     .complexity = "O(N), N the entries dropped.",
     .summary = "Drops all entries of the slow log.",
     .tips = reset_tips},
    {0},
};

const struct command_row commandlog_subcommands[] = {
    {.name = "get",
     .run = run_commandlog_get,
     .arity = 4,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "8.1.0",
     .complexity = "O(N), N the entries shown.",
     .summary = "Shows the latest entries of one of the command logs.",
     .tips = get_tips,
     .args = commandlog_get_args},
    {.name = "help",
     .run = context_reply_help,
     .arity = 2,
     .flags = CMD_LOADING | CMD_STALE,
     .group = GROUP_SERVER,
     .since = "8.1.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands of COMMANDLOG."},
    {.name = "len",
     .run = run_commandlog_len,
     .arity = 3,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "8.1.0",
     .complexity = "O(1)",
     .summary = "Tells how many entries one of the command logs has.",
     .tips = len_tips,
     .args = kind_args},
    {.name = "reset",
     .run = run_commandlog_reset,
     .arity = 3,
     .flags = ADMIN_FLAGS,
     .group = GROUP_SERVER,
     .since = "8.1.0",
     .complexity = "O(N), N the entries dropped.",
     .summary = "Drops all entries of one of the command logs.",
     .tips = reset_tips,
     .args = kind_args},
    {0},
};
