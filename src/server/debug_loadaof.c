/* DEBUG LOADAOF: what the append-only file holds takes the place of the dataset, with the asker waiting. */
#include "server/debug_int.h"

#include "base/log.h"
#include "exec/context.h"
#include "persist/persist.h"
#include "server/server.h"
#include "server/settings.h"

static void loaded(void *arg, struct dataset *dataset, const char *error, bool cancelled) {
    (void)arg, (void)dataset;
    if (error) log_warning("DEBUG LOADAOF: %s", error);
    server_executor()->loading = false;
    debug_load_ended(error || cancelled ? "Error trying to load the AOF files, check server logs." : NULL);
}

void debug_loadaof(struct context *c) {
    if (!context_may_block(c)) {
        reply_error(c->reply, "ERR DEBUG LOADAOF waits, which is not possible inside a transaction");
    } else if (c->executor->loading || persist_loading() || debug_state.load_under_way) {
        reply_error(c->reply, ERROR_LOADING);
    } else if (!persist_load_aof(loaded, NULL)) {
        reply_error(c->reply, "ERR There is no append-only file that could be loaded now, check server logs.");
    } else {
        debug_load_begun(c);
        server_enter(PHASE_LOADING);
    }
}
