/* DEBUG LOADAOF: what the append-only file holds takes the place of the dataset, with the asker waiting. */
#include "server/debug_int.h"

#include "base/log.h"
#include "exec/context.h"
#include "persist/persist.h"
#include "server/server.h"
#include "server/settings.h"

static const struct session_wait aof_load_wait = {.timed_out = debug_forget_asker, .cancelled = debug_forget_asker};

static void loaded(void *arg, struct dataset *dataset, const char *error, bool cancelled) {
    struct session *s = debug_state.asker;
    (void)arg, (void)dataset;
    debug_state.asker = NULL;
    debug_state.load_under_way = false;
    if (error) log_warning("DEBUG LOADAOF: %s", error);
    server_executor()->loading = false;
    if (server_phase() == PHASE_LOADING) server_enter(PHASE_SERVING);
    debug_restore_active_expire(server_executor()->dataset);
    settings_reapply(SETTINGS_ACCESS);
    settings_reapply(SETTINGS_LIMITS);
    if (!s) return;
    session_begin_reply(s);
    if (error || cancelled) {
        reply_error(&s->reply, "ERR Error trying to load the AOF files, check server logs.");
    } else {
        reply_ok(&s->reply);
    }
    session_end_reply(s);
    session_unblock(s);
}

void debug_loadaof(struct context *c) {
    if (!context_may_block(c)) {
        reply_error(c->reply, "ERR DEBUG LOADAOF waits, which is not possible inside a transaction");
    } else if (c->executor->loading || persist_loading() || debug_state.load_under_way) {
        reply_error(c->reply, ERROR_LOADING);
    } else if (!persist_load_aof(loaded, NULL)) {
        reply_error(c->reply, "ERR There is no append-only file that could be loaded now, check server logs.");
    } else {
        debug_state.load_under_way = true;
        debug_state.asker = c->session;
        session_block(c->session, &aof_load_wait, NULL, 0);
        server_enter(PHASE_LOADING);
    }
}
