/* SAVE, BGSAVE, LASTSAVE. */
#include "base/check.h"
#include "base/log.h"
#include "exec/context.h"
#include "persist/persist_int.h"

/* ---- SAVE: the asker waits, everybody else is served ---- */
static void forget_asker(struct session *s) {
    proven(s != NULL);
    if (persist_state.save.job && persist_state.save.arg == s) persist_state.save.arg = NULL;
}

static const struct session_wait save_wait = {.timed_out = forget_asker, .cancelled = forget_asker};

static void on_saved(void *arg, const char *error, bool cancelled) {
    struct session *s = arg;
    proven(!(error && cancelled));
    if (!s) return; /* gone meanwhile */
    proven(s->flags & SESSION_BLOCKED);
    session_begin_reply(s);
    if (error)
        reply_error_format(&s->reply, "ERR %s", error);
    else if (cancelled)
        reply_error(&s->reply, "ERR The save was cancelled");
    else
        reply_ok(&s->reply);
    session_end_reply(s);
    session_unblock(s);
}

static void save_command(struct context *c) {
    const char *why = NULL;
    proven(c->argc == 1);
    if (persist_save_start(on_saved, c->session, &why))
        session_block(c->session, &save_wait, NULL, 0);
    else
        reply_error_format(c->reply, "ERR %s", why);
}

/* ---- BGSAVE ---- */
static void cancel(struct context *c) {
    struct persist_save *s = &persist_state.save;
    proven(!(s->job && s->scheduled));
    if (s->job) {
        log_notice("The running save is cancelled on a user's request");
        persist_save_cancel();
        reply_simple(c->reply, "Background saving cancelled");
    } else if (s->scheduled) {
        s->scheduled = false;
        reply_simple(c->reply, "Scheduled background saving cancelled");
    } else {
        reply_error(c->reply, "ERR Background saving is currently not in progress or scheduled");
    }
}

static void start(struct context *c, bool schedule) {
    const char *why = NULL;
    proven(c->dataset == persist_state.executor->dataset);
    if (!persist_saving() && schedule && !executor_may_freeze(c->executor)) {
        persist_state.save.scheduled = true;
        reply_simple(c->reply, "Background saving scheduled");
    } else if (persist_start_background(&why)) {
        reply_simple(c->reply, "Background saving started");
    } else {
        reply_error_format(c->reply, "ERR %s", why);
    }
}

static void bgsave_command(struct context *c) {
    proven(c->argc >= 1);
    bool schedule = c->argc == 2 && slice_is(c->argv[1], "schedule");
    if (c->argc == 2 && slice_is(c->argv[1], "cancel"))
        cancel(c);
    else if (c->argc == 1 || schedule)
        start(c, schedule);
    else
        context_syntax_error(c);
}

static void lastsave_command(struct context *c) {
    proven(persist_state.save.last_good_s > 0);
    reply_integer(c->reply, persist_state.save.last_good_s);
}

/* ---- the rows ---- */
static const char *const lastsave_tips[] = {"nondeterministic_output", NULL};

static const struct command_history bgsave_history[] = {
    {"3.2.2", "`SCHEDULE` came."},
    {"8.1.0", "`CANCEL` came."},
    {0},
};
static const struct command_arg bgsave_operations[] = {
    {.name = "schedule", .type = ARG_PURE_TOKEN, .token = "SCHEDULE", .since = "3.2.2"},
    {.name = "cancel", .type = ARG_PURE_TOKEN, .token = "CANCEL", .since = "8.1.0"},
    {0},
};
static const struct command_arg bgsave_args[] = {
    {.name = "operation", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = bgsave_operations},
    {0},
};

const struct command_row persist_commands[] = {
    {.name = "save",
     .run = save_command,
     .arity = 1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING | CMD_NO_MULTI,
     .group = GROUP_SERVER,
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of keys in all databases",
     .summary = "Writes the dataset to the RDB file and answers when it is there."},
    {.name = "bgsave",
     .run = bgsave_command,
     .arity = -1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_NO_ASYNC_LOADING,
     .group = GROUP_SERVER,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Starts writing the dataset to the RDB file.",
     .history = bgsave_history,
     .args = bgsave_args},
    {.name = "lastsave",
     .run = lastsave_command,
     .arity = 1,
     .flags = CMD_LOADING | CMD_STALE | CMD_FAST,
     .acl = ACL_ADMIN | ACL_DANGEROUS,
     .group = GROUP_SERVER,
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Unix time of the last good save.",
     .tips = lastsave_tips},
    {0},
};
