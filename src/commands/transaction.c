/* The commands around a transaction; exec/transaction.h does the work. */
#include "commands/transaction.h"

#include "exec/context.h"
#include "exec/transaction.h"

static bool in_transaction(const struct context *c) { return c->session->flags & SESSION_MULTI; }

static void multi(struct context *c) {
    if (in_transaction(c)) {
        reply_error(c->reply, "ERR MULTI calls can not be nested");
        return;
    }
    transaction_begin(c->session);
    reply_ok(c->reply);
}

static void exec(struct context *c) {
    if (in_transaction(c))
        transaction_exec(c);
    else
        reply_error(c->reply, "ERR EXEC without MULTI");
}

static void discard(struct context *c) {
    if (!in_transaction(c)) {
        reply_error(c->reply, "ERR DISCARD without MULTI");
        return;
    }
    transaction_discard(c->session);
    reply_ok(c->reply);
}

static void watch(struct context *c) {
    if (in_transaction(c)) {
        reply_error(c->reply, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    for (int i = 1; i < c->argc; i++) transaction_watch(c, c->argv[i]);
    reply_ok(c->reply);
}

static void unwatch(struct context *c) {
    transaction_unwatch(c->session);
    reply_ok(c->reply);
}

/* ---- rows ---- */
#define AT_ONCE (CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_UNQUEUED)

static const struct command_arg watch_args[] = {{.name = "key", .type = ARG_KEY, .flags = ARG_MULTIPLE}, {0}};

const struct command_row transaction_commands[] = {
    {.name = "discard",
     .run = discard,
     .arity = 1,
     .flags = AT_ONCE | CMD_FAST | CMD_ALLOW_BUSY,
     .acl = ACL_TRANSACTION,
     .group = GROUP_TRANSACTIONS,
     .since = "2.0.0",
     .complexity = "O(N) with N the commands queued",
     .summary = "Drops what was queued since MULTI."},
    {.name = "exec",
     .run = exec,
     .arity = 1,
     .flags = AT_ONCE | CMD_SKIP_SLOWLOG | CMD_EXEC,
     .acl = ACL_TRANSACTION,
     .group = GROUP_TRANSACTIONS,
     .since = "1.2.0",
     .complexity = "The sum of what the queued commands cost",
     .summary = "Runs what was queued since MULTI, all at once."},
    {.name = "multi",
     .run = multi,
     .arity = 1,
     .flags = AT_ONCE | CMD_FAST | CMD_ALLOW_BUSY,
     .acl = ACL_TRANSACTION,
     .group = GROUP_TRANSACTIONS,
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Begins a transaction: the commands that follow are queued."},
    /* Not CMD_UNQUEUED: inside a transaction it changes nothing until EXEC, which has let go of all keys anyway. */
    {.name = "unwatch",
     .run = unwatch,
     .arity = 1,
     .flags = CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_FAST | CMD_ALLOW_BUSY,
     .acl = ACL_TRANSACTION,
     .group = GROUP_TRANSACTIONS,
     .since = "2.2.0",
     .complexity = "O(N) with N the keys watched",
     .summary = "Watches nothing any more."},
    {.name = "watch",
     .run = watch,
     .arity = -2,
     .flags = AT_ONCE | CMD_FAST | CMD_ALLOW_BUSY,
     .acl = ACL_TRANSACTION,
     .group = GROUP_TRANSACTIONS,
     .keys = {KEYS_FROM(1, 1, KEY_RO)},
     .since = "2.2.0",
     .complexity = "O(1) for each key",
     .summary = "Lets EXEC run only when these keys have not changed until then.",
     .args = watch_args},
    {0},
};
