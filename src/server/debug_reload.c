/* DEBUG RELOAD: save, then load what was saved, with the asker waiting. Everybody else waits too while it saves (so nothing
 * that is written meanwhile can be lost) and hears -LOADING while it loads. The old dataset stays until the new one is
 * complete, so a file that cannot be loaded costs nothing. */
#include "server/debug_int.h"
#include "values/kind.h"

#include "base/num.h"
#include "exec/context.h"
#include "persist/load.h"
#include "persist/persist.h"
#include "server/server.h"
#include "server/settings.h"

enum reload_flags { RELOAD_NOSAVE = 1, RELOAD_NOFLUSH = 2, RELOAD_MERGE = 4 };

/* ---- a load that DEBUG has asked for ---- */
static void forget_asker(struct session *s) {
    if (debug_state.asker == s) debug_state.asker = NULL;
}

void debug_load_begun(struct context *c) {
    static const struct session_wait wait = {.timed_out = forget_asker, .cancelled = forget_asker};
    debug_state.load_under_way = true;
    debug_state.asker = c->session;
    session_block(c->session, &wait, NULL, 0);
}

void debug_load_ended(const char *error) {
    struct session *s = debug_state.asker;
    debug_state.asker = NULL;
    debug_state.load_under_way = false;
    if (server_phase() == PHASE_LOADING) server_enter(PHASE_SERVING);
    debug_restore_active_expire(server_executor()->dataset);
    settings_reapply(SETTINGS_ACCESS);
    settings_reapply(SETTINGS_LIMITS);
    if (!s) return;
    session_begin_reply(s);
    if (error)
        reply_error_format(&s->reply, "ERR %s", error);
    else
        reply_ok(&s->reply);
    session_end_reply(s);
    session_unblock(s);
}

/* ---- DEBUG RELOAD ---- */
static void finish(const char *error) {
    executor_unpause(server_executor(), PAUSE_OF_LOAD);
    shutdown_pause();
    debug_load_ended(error);
}

static void loaded(void *arg, struct dataset *dataset, const char *error, bool cancelled) {
    (void)arg, (void)dataset;
    if (error) log_warning("DEBUG RELOAD: %s", error);
    /* persist keeps it up after a failure, because at the start nothing is there to serve; here the old data is. */
    server_executor()->loading = false;
    finish(cancelled ? "The reload was cancelled"
           : error   ? "Error trying to load the RDB dump, check server logs."
                     : NULL);
}

/* ---- NOFLUSH: the file's keys join those that are there ---- */
struct merge {
    struct dataset *into;
    struct db *db;
    bool conflict, no_memory;
};

static struct key key_in(const struct merge *m, const struct entry *e) {
    struct slice text = entry_key(e);
    return (struct key){text, dataset_hash(m->into, text)};
}

static void find_conflict(void *arg, const struct entry *e) {
    struct merge *m = arg;
    if (db_view(m->db, key_in(m, e), VIEW_NO_TOUCH | VIEW_NO_STATS)) m->conflict = true;
}

static bool copy_string(struct merge *m, const struct entry *e) {
    char scratch[NUM_TEXT_MAX];
    unsigned flags = entry_encoding(e) == STRING_INT ? PUT_PLAIN : PUT_NOT_INTEGER;
    return db_put_string(m->db, key_in(m, e), entry_string(e, scratch), entry_expire_at(e), flags);
}

static bool copy_object(struct merge *m, const struct entry *e) {
    struct value copy;
    if (!value_copy(entry_object(e), &copy)) return false;
    db_put_value(m->db, key_in(m, e), copy, entry_expire_at(e));
    return true;
}

static void copy_in(void *arg, const struct entry *e) {
    struct merge *m = arg;
    if (!(entry_type(e) == TYPE_STRING ? copy_string(m, e) : copy_object(m, e))) m->no_memory = true;
}

static void each_db(struct merge *m, struct dataset *from, void (*visit)(void *arg, const struct entry *e)) {
    for (unsigned i = 0; i < dataset_databases(from) && i < dataset_databases(m->into); i++) {
        m->db = dataset_db(m->into, i);
        db_each(dataset_db(from, i), visit, m);
    }
}

static struct dataset *load_aside(const struct dataset *into) {
    static const _Atomic int64_t no_delay = 0;
    const struct server_settings *s = server_settings();
    struct load_progress progress = {0};
    struct load_options options = {.path = persist_rdb_path(),
                                   .databases = dataset_databases(into),
                                   .access = dataset_access(into),
                                   .lfu_log_factor = (int)s->lfu_log_factor,
                                   .lfu_decay_minutes = (int)s->lfu_decay_minutes,
                                   .limits = &s->limits,
                                   .checksum = true,
                                   .key_delay_us = &no_delay};
    char why[LOAD_ERROR_MAX] = "";
    random_system_bytes(&options.seed, sizeof options.seed);
    struct dataset *fresh = load_file(&options, &progress, why);
    if (!fresh) log_warning("DEBUG RELOAD: %s", why);
    return fresh;
}

/* NULL or the error. */
static const char *merge_file(struct dataset *into, bool overwrite) {
    struct merge m = {.into = into};
    struct dataset *fresh = load_aside(into);
    if (!fresh) return "Error trying to load the RDB dump, check server logs.";
    dataset_set_now(fresh, dataset_now(into));
    if (!overwrite) each_db(&m, fresh, find_conflict);
    if (!m.conflict) each_db(&m, fresh, copy_in);
    dataset_free(fresh);
    if (m.conflict) return "The file holds keys that exist already; nothing was loaded. Use MERGE to replace them.";
    return m.no_memory ? "Out of memory before all keys were loaded" : NULL;
}

/* ---- the steps ---- */
static void start_loading(void) {
    if (debug_state.reload_flags & RELOAD_NOFLUSH) {
        finish(merge_file(server_executor()->dataset, debug_state.reload_flags & RELOAD_MERGE));
        return;
    }
    if (!persist_load_start(loaded, NULL)) {
        finish("Error trying to load the RDB dump, check server logs.");
        return;
    }
    server_enter(PHASE_LOADING);
    executor_unpause(server_executor(), PAUSE_OF_LOAD);
}

static void saved(void *arg, const char *error, bool cancelled) {
    (void)arg;
    if (!error && !cancelled && !shutdown_under_way()) {
        start_loading();
        return;
    }
    log_warning("DEBUG RELOAD: %s", error ? error : "cancelled");
    finish("Error trying to save the DB, check server logs.");
}

static void start(struct context *c, unsigned flags) {
    const char *why = NULL;
    debug_state.reload_flags = flags;
    debug_load_begun(c);
    executor_pause(c->executor, PAUSE_OF_LOAD, PAUSE_ALL, INT64_MAX);
    if (flags & RELOAD_NOSAVE) {
        start_loading();
    } else if (!persist_save_start(saved, NULL, &why)) {
        saved(NULL, why ? why : "cannot save now", false);
    }
}

/* ---- the command ---- */
static bool take_flags(const struct context *c, unsigned *flags) {
    for (int i = 2; i < c->argc; i++) {
        if (slice_is(c->argv[i], "nosave")) {
            *flags |= RELOAD_NOSAVE;
        } else if (slice_is(c->argv[i], "noflush")) {
            *flags |= RELOAD_NOFLUSH;
        } else if (slice_is(c->argv[i], "merge")) {
            *flags |= RELOAD_MERGE;
        } else {
            return false;
        }
    }
    return true;
}

void debug_reload(struct context *c) {
    unsigned flags = 0;
    if (!context_may_block(c)) {
        reply_error(c->reply, "ERR DEBUG RELOAD waits, which is not possible inside a transaction");
    } else if (!take_flags(c, &flags)) {
        reply_error(c->reply, "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    } else if (c->executor->loading || persist_loading() || debug_state.load_under_way) {
        reply_error(c->reply, ERROR_LOADING);
    } else if (persist_saving()) {
        reply_error(c->reply, "ERR A save is running; try again when it has ended");
    } else {
        start(c, flags);
    }
}
