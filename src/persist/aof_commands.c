/* BGREWRITEAOF, WAITAOF. */
#include "base/check.h"
#include "base/num.h"
#include "exec/context.h"
#include "persist/aof_steps_int.h"
#include "persist/persist_int.h"

static struct aof *self(void) {
    debug_proven(persist_state.aof.file.synced <= persist_state.aof.file.size);
    return &persist_state.aof;
}

/* ---- BGREWRITEAOF ---- */
/* The work begins at the end of the turn, when no command runs. */
static void bgrewriteaof_command(struct context *c) {
    proven(c->argc == 1);
    if (aof_rewriting()) {
        reply_error(c->reply, "ERR Background append only file rewriting already in progress");
        return;
    }
    const char *why = aof_rewrite_ask();
    if (why) {
        reply_error_format(c->reply, "ERR %s", why);
    } else if (!executor_may_freeze(c->executor) || c->session->flags & SESSION_EXEC) {
        reply_simple(c->reply, "Background append only file rewriting scheduled");
    } else {
        reply_simple(c->reply, "Background append only file rewriting started");
    }
}

/* ---- WAITAOF ---- */
/* There are no replicas yet, so none has anything on its disk. */
static void reply_counts(struct session *s) {
    proven(s->reply.out != NULL);
    reply_array(&s->reply, 2);
    reply_integer(&s->reply, aof_is_durable(s) ? 1 : 0);
    reply_integer(&s->reply, 0);
}

static void forget(struct session *s) {
    proven(s->wait && self()->waiters > 0);
    self()->waiters--;
}

static void timed_out(struct session *s) {
    proven(s->executor == persist_state.executor);
    reply_counts(s);
    forget(s);
}

static const struct session_wait aof_wait = {.timed_out = timed_out, .cancelled = forget, .can_unblock = true};

void aof_serve_waiters(void) {
    proven(self()->waiters > 0);
    list_each_safe(node, &persist_state.executor->blocked) {
        struct session *s = list_entry(node, struct session, waiting);
        /* wait_arg: it wants replicas too, so only the time ends its wait */
        if (s->wait != &aof_wait || s->wait_arg || !aof_is_durable(s)) continue;
        session_begin_reply(s);
        timed_out(s);
        session_end_reply(s);
        session_unblock(s);
    }
}

static void waitaof_command(struct context *c) {
    int64_t local, replicas, timeout_ms;
    proven(c->argc == 4);
    if (!context_integer_between(c, 1, 0, 1, NULL, &local)) return;
    if (!context_integer_between(c, 2, 0, INT64_MAX, "ERR value is out of range, must be positive", &replicas)) return;
    if (!context_wait_ms(c, 3, &timeout_ms)) return;
    if (local && !aof_is_on()) {
        reply_error(c->reply, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
        return;
    }
    bool satisfied = replicas == 0 && (local == 0 || aof_is_durable(c->session));
    if (satisfied || !context_may_block(c)) {
        reply_counts(c->session);
        return;
    }
    session_block(c->session, &aof_wait, replicas > 0 ? self() : NULL, timeout_ms);
    self()->waiters++;
}

/* ---- the rows ---- */
static const char *const waitaof_tips[] = {"request_policy:all_shards", "response_policy:agg_min", NULL};
static const struct command_arg waitaof_args[] = {
    {.name = "numlocal", .type = ARG_INTEGER},
    {.name = "numreplicas", .type = ARG_INTEGER},
    {.name = "timeout", .type = ARG_INTEGER},
    {0},
};

const struct command_row aof_commands[] = {
    {.name = "bgrewriteaof",
     .run = bgrewriteaof_command,
     .arity = 1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
     .group = GROUP_SERVER,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Starts writing a new base for the append-only file."},
    {.name = "waitaof",
     .run = waitaof_command,
     .arity = 4,
     .flags = CMD_BLOCKING,
     .acl = ACL_CONNECTION,
     .group = GROUP_GENERIC,
     .since = "7.2.0",
     .complexity = "O(1)",
     .summary = "Waits until what this connection has written is on disk, here and on replicas.",
     .tips = waitaof_tips,
     .args = waitaof_args},
    {0},
};
