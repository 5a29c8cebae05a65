/* Ending the server: SHUTDOWN, SIGTERM, SIGINT. Draining means: no new writes, one last save where one is due, then out. */
#include "base/log.h"
#include "exec/context.h"
#include "persist/persist.h"
#include "server/server.h"
#include "server/settings.h"

#include <signal.h>

static struct {
    bool under_way;
    bool save_due; /* the last save waits until a cancelled one has ended */
    bool leaving;
    unsigned flags;
    struct session *asker; /* blocked in SHUTDOWN; NULL for a signal */
} drain;

bool shutdown_under_way(void) { return drain.under_way; }

static void forget_asker(struct session *s) {
    if (drain.asker == s) drain.asker = NULL;
}

static const struct session_wait shutdown_wait = {.timed_out = forget_asker, .cancelled = forget_asker};

static void stay(const char *error);

/* Exit code 0 says that every acknowledged write is in the files. */
static void leave(void) {
    const char *why = server_phase() == PHASE_DRAINING ? aof_finish() : NULL;
    if (why) {
        log_warning("The append-only file is not complete: %s%s", why,
                    drain.flags & SHUTDOWN_FORCE ? "" : ", can't exit");
        if (!(drain.flags & SHUTDOWN_FORCE)) {
            stay("ERR Errors trying to SHUTDOWN. Check logs.");
            return;
        }
    }
    drain.leaving = true;
    log_warning("Tarn is now ready to exit, bye bye...");
    server_stop(EXIT_OK);
}

/* Back to serving; the asker hears why. */
static void stay(const char *error) {
    drain.under_way = drain.save_due = false;
    executor_unpause(server_executor(), PAUSE_OF_SHUTDOWN);
    server_enter(PHASE_SERVING);
    if (!drain.asker) return;
    struct session *s = drain.asker;
    drain.asker = NULL;
    session_begin_reply(s);
    reply_error(&s->reply, error);
    session_end_reply(s);
    session_unblock(s);
}

static void saved(void *arg, const char *error, bool cancelled) {
    (void)arg;
    if (!drain.under_way || cancelled) return; /* SHUTDOWN ABORT */
    if (drain.save_due) return; /* came too late to be cancelled, and does not hold what was written since */
    if (!error || drain.flags & SHUTDOWN_FORCE) {
        leave();
        return;
    }
    log_warning("Error trying to save the DB, can't exit: %s", error);
    stay("ERR Errors trying to SHUTDOWN. Check logs.");
}

static void save_then_leave(void) {
    const char *why = NULL;
    log_notice("Saving the final RDB snapshot before exiting.");
    drain.save_due = false;
    if (persist_save_start(saved, NULL, &why)) return;
    saved(NULL, why, false);
}

void shutdown_pause(void) {
    if (drain.under_way) executor_pause(server_executor(), PAUSE_OF_SHUTDOWN, PAUSE_WRITE, INT64_MAX);
}

void shutdown_begin(unsigned flags, struct session *asker) {
    proven(!drain.under_way);
    drain.under_way = true;
    drain.flags = flags;
    drain.asker = asker;
    bool loading = server_phase() == PHASE_LOADING;
    if (loading) persist_load_cancel();
    /* What is loading is already in its file. */
    bool save = !loading && !(flags & SHUTDOWN_NOSAVE) && (flags & SHUTDOWN_SAVE || persist_has_save_points());
    if (persist_saving()) {
        log_warning("There is a save running. Stopping it.");
        persist_save_cancel();
    }
    server_enter(PHASE_DRAINING);
    if (!save) {
        leave();
        return;
    }
    shutdown_pause();
    drain.save_due = true;
    shutdown_tick();
}

void shutdown_tick(void) {
    if (drain.under_way && !drain.leaving) shutdown_pause(); /* whoever else has lifted it */
    if (drain.save_due && !persist_saving()) save_then_leave();
}

bool shutdown_abort(void) {
    if (!drain.under_way || drain.leaving) return false;
    log_notice("Shutdown manually aborted.");
    persist_save_cancel();
    stay("ERR Errors trying to SHUTDOWN. Check logs.");
    return true;
}

void shutdown_signal(int signal_number) {
    const char *name = signal_number == SIGINT ? "SIGINT" : "SIGTERM";
    if (drain.under_way) {
        log_warning("Received %s a second time: exiting now, without waiting for the save.", name);
        server_stop(EXIT_CONFIG);
        return;
    }
    log_warning("Received %s, scheduling shutdown...", name);
    const struct server_settings *s = server_settings();
    shutdown_begin((unsigned)(signal_number == SIGINT ? s->shutdown_on_sigint : s->shutdown_on_sigterm), NULL);
}

/* ---- the command ---- */
static bool parse_flags(struct context *c, unsigned *flags, bool *abort) {
    for (int i = 1; i < c->argc; i++) {
        struct slice a = c->argv[i];
        if (slice_is(a, "save")) {
            *flags |= SHUTDOWN_SAVE;
        } else if (slice_is(a, "nosave")) {
            *flags |= SHUTDOWN_NOSAVE;
        } else if (slice_is(a, "now")) {
            *flags |= SHUTDOWN_NOW;
        } else if (slice_is(a, "force")) {
            *flags |= SHUTDOWN_FORCE;
        } else if (slice_is(a, "abort")) {
            *abort = true;
        } else {
            return false;
        }
    }
    bool both = *flags & SHUTDOWN_SAVE && *flags & SHUTDOWN_NOSAVE;
    return !both && !(*abort && *flags);
}

static void shutdown_command(struct context *c) {
    unsigned flags = 0;
    bool abort = false;
    if (!parse_flags(c, &flags, &abort)) {
        context_syntax_error(c);
    } else if (abort) {
        if (shutdown_abort()) {
            reply_ok(c->reply);
        } else {
            reply_error(c->reply, "ERR No shutdown in progress.");
        }
    } else if (drain.under_way) {
        reply_error(c->reply, "ERR A shutdown is in progress already");
    } else {
        log_warning("User requested shutdown...");
        session_block(c->session, &shutdown_wait, NULL, 0);
        shutdown_begin(flags, c->session);
    }
}

static const struct command_arg save_selector[] = {
    {.name = "nosave", .type = ARG_PURE_TOKEN, .token = "NOSAVE"},
    {.name = "save", .type = ARG_PURE_TOKEN, .token = "SAVE"},
    {0},
};
static const struct command_arg shutdown_args[] = {
    {.name = "save-selector", .type = ARG_ONEOF, .flags = ARG_OPTIONAL, .args = save_selector},
    {.name = "now", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "NOW", .since = "7.0.0"},
    {.name = "force", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "FORCE", .since = "7.0.0"},
    {.name = "abort", .type = ARG_PURE_TOKEN, .flags = ARG_OPTIONAL, .token = "ABORT", .since = "7.0.0"},
    {0},
};
static const struct command_history shutdown_history[] = {{"7.0.0", "NOW, FORCE and ABORT."}, {0}};

const struct command_row shutdown_commands[] = {
    {.name = "shutdown",
     .run = shutdown_command,
     .arity = -1,
     .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE | CMD_NO_MULTI | CMD_SENTINEL | CMD_ALLOW_BUSY,
     .group = GROUP_SERVER,
     .since = "1.0.0",
     .complexity = "O(N) when saving, where N is the number of keys; otherwise O(1)",
     .summary = "Saves the dataset if that is due and stops the server.",
     .history = shutdown_history,
     .args = shutdown_args},
    {0},
};
