#include "persist/admission_int.h"
#include "persist/aof_load_int.h"
#include "persist/aof_steps_int.h"
#include "persist/load.h"
#include "persist/persist_int.h"
#include "persist/room_int.h"
#include "persist/salvage_int.h"
#include "persist/snapshot.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "io/file.h"
#include "mem/mem.h"

#include <stdio.h>

#define LOG_EVERY_MS 5000
#define RETRY_S      5 /* between two tries of a save point after a failure */

struct persist_state persist_state;

void persist_init(struct executor *executor, struct loop *loop) {
    struct persist_state *p = &persist_state;
    proven(executor && loop && !p->save.job);
    p->executor = executor;
    p->loop = loop;
    p->lfu_log_factor = 10;
    p->lfu_decay_minutes = 1;
    p->load = (struct persist_load){.abandoned = p->load.abandoned, .admission = p->load.admission};
    p->save = (struct persist_save){
        .last_good_s = clock_wall_ms() / 1000, .last_background_ok = true, .last_background_s = -1};
    p->changes_of = NULL;
    aof_init();
    persist_share_delays();
}

void persist_release(void) {
    struct persist_state *p = &persist_state;
    if (p->load.job) {
        load_abandon(p->load.job);
        load_wait(p->load.job);
        p->load.abandoned = p->load.job;
        p->load.job = NULL;
    }
    if (p->save.job) snapshot_end(p->save.job);
    p->save.job = NULL;
    if (p->executor) aof_release();
    proven(!p->executor || !dataset_is_frozen(p->executor->dataset) || p->load.job);
    p->executor = NULL;
}

void persist_on_latency(void (*note)(const char *event, uint64_t duration_ns)) {
    proven(note != NULL);
    persist_state.on_latency = note;
}

void persist_note_latency(const char *event, int64_t us) {
    debug_proven(us >= 0);
    if (persist_state.on_latency) persist_state.on_latency(event, (uint64_t)us * 1000);
}

void persist_set_access(enum access_policy policy, int lfu_log_factor, int lfu_decay_minutes, bool saved) {
    struct persist_state *p = &persist_state;
    proven(lfu_log_factor >= 0 && lfu_decay_minutes >= 0);
    p->access = policy;
    p->lfu_log_factor = lfu_log_factor;
    p->lfu_decay_minutes = lfu_decay_minutes;
    p->access_saved = saved;
}

void persist_set_limits(const struct value_limits *limits) {
    proven(limits && limits->stream_node_max_bytes >= 0);
    persist_state.limits = limits;
}

const char *persist_rdb_path(void) {
    proven(persist_state.settings.file_name && !strchr(persist_state.settings.file_name, '/'));
    return persist_state.settings.file_name;
}

/* ---- changes ---- */
/* A dataset that has taken another's place is as its file has it, however many changes the other had seen. */
int64_t persist_changes_since_save(void) {
    const struct persist_state *p = &persist_state;
    const struct dataset *ds = p->executor->dataset;
    uint64_t changes = dataset_stats_const(ds)->changes, saved = p->changes_of == ds ? p->changes_saved : 0;
    proven(changes >= saved);
    return (int64_t)(changes - saved);
}

static void note_saved(const struct dataset *ds, uint64_t changes) {
    proven(changes <= dataset_stats_const(ds)->changes);
    persist_state.changes_of = ds;
    persist_state.changes_saved = changes;
}

/* ---- loading ---- */
bool persist_loading(void) { return persist_state.load.job != NULL; }

void persist_load_cancel(void) {
    proven(!persist_state.load.job || persist_state.executor);
    if (persist_state.load.job) load_abandon(persist_state.load.job);
}

static int64_t value_of(const _Atomic int64_t *a) { return atomic_load_explicit(a, memory_order_relaxed); }

static void put_in_place(struct dataset *fresh) {
    struct executor *x = persist_state.executor;
    proven(x->loading && !dataset_is_frozen(x->dataset));
    struct dataset *old = executor_replace_dataset(x, fresh);
    dataset_retire(fresh, old);
    x->loading = false;
    note_saved(fresh, dataset_stats_const(fresh)->changes);
}

static bool is_stray(const char *name) {
    return snapshot_is_aside(name) && strcmp(name, persist_state.settings.file_name) != 0;
}

/* What a save that was killed has left behind, and nothing of anybody else's. Not before a load has succeeded: until then such
 * a file may be the one that somebody wants to rescue. */
static void remove_strays(void) {
    proven(!persist_saving());
    int removed = file_remove_abandoned(".", is_stray);
    if (removed > 0) log_notice("Removed %d temporary files of saves that did not end", removed);
}

void persist_set_commands(const struct command_list *lists, unsigned count) {
    proven(lists && count > 0);
    persist_state.lists = lists;
    persist_state.list_count = count;
}

static void log_loaded(const struct load_progress *lp) {
    proven(value_of(&lp->end_ms) != 0);
    room_tell(lp);
    double seconds = (double)(value_of(&lp->end_ms) - value_of(&lp->start_ms)) / 1000;
    log_notice("DB loaded from disk: %.3f seconds (%lld keys loaded, %lld expired, %lld bytes)", seconds,
               (long long)value_of(&lp->loaded_keys), (long long)value_of(&lp->expired_keys),
               (long long)value_of(&lp->loaded_bytes));
}

static void note_losses(const struct load_progress *lp) {
    struct persist_load *l = &persist_state.load;
    l->last_salvaged = value_of(&lp->salvaged);
    l->last_lost_records = value_of(&lp->lost_records);
    l->last_lost_bytes = value_of(&lp->lost_bytes);
    l->last_lost_keys = value_of(&lp->lost_keys);
    proven(l->last_salvaged || l->last_lost_records == 0);
}

/* NULL, or why the damaged file cannot be kept, whose undamaged part was loaded. Before anything can be written over it. */
static const char *keep_damaged(void) {
    struct persist_state *p = &persist_state;
    if (!p->load.last_salvaged) return NULL;
    const struct aof_load *aof = p->load.kind == LOAD_RDB ? NULL : p->aof.load;
    proven(p->load.job != NULL);
    return salvage_keep(p->settings.file_name, aof, p->why) ? NULL : p->why;
}

/* NULL, or why the file that was loaded cannot be written on. */
static const char *go_on_writing(void) {
    char *why = persist_state.why;
    if (persist_state.load.kind != LOAD_AOF_FIRST) return NULL;
    proven(!aof_is_on());
    if (!aof_start(true, why)) return why;
    aof_journal_gone();
    return NULL;
}

static void on_loaded(void *arg, struct dataset *dataset, const char *error, bool cancelled) {
    struct persist_load *l = &persist_state.load;
    const struct load_progress *lp = load_progress(l->job);
    (void)arg;
    proven(!dataset + !error + !cancelled == 2); /* one of the three */
    if (cancelled) {
        l->abandoned = l->job;
        log_notice("Loading was cancelled after %lld keys", (long long)value_of(&lp->loaded_keys));
    } else if (dataset && (error = admission_late(dataset)) != NULL) {
        log_notice("%lld keys were loaded", (long long)value_of(&lp->loaded_keys));
    } else if (dataset) {
        l->last_keys = value_of(&lp->loaded_keys);
        l->last_expired = value_of(&lp->expired_keys);
        l->last_evicted = value_of(&lp->evicted_keys);
        note_losses(lp);
        log_loaded(lp);
        put_in_place(dataset);
        remove_strays();
        error = keep_damaged();
        if (!error) error = go_on_writing();
        if (!error && l->last_salvaged && aof_is_on()) aof_rewrite_ask(); /* a base without damage */
    }
    l->job = NULL;
    if (l->done) l->done(l->arg, error ? NULL : dataset, error, cancelled);
}

static void start_load(enum load_kind kind, load_done *done, void *arg) {
    struct persist_state *p = &persist_state;
    proven(p->executor && !p->load.job);
    executor_make_way(p->executor);
    bool aof = kind != LOAD_RDB;
    if (aof) aof_describe_load(p->aof.load);
    struct load_options options = {
        .path = aof ? p->settings.aof.folder_name : p->settings.file_name,
        .body = aof ? aof_load_run : NULL,
        .body_arg = p->aof.load,
        .databases = dataset_databases(p->executor->dataset),
        .access = p->access,
        .lfu_log_factor = p->lfu_log_factor,
        .lfu_decay_minutes = p->lfu_decay_minutes,
        .limits = p->limits,
        .checksum = p->settings.checksum,
        .version_strict = p->settings.version_check == 0,
        .salvage = p->settings.salvage,
        .key_delay_us = &p->load_delay_us,
        .top = p->executor->top,
    };
    random_system_bytes(&options.seed, sizeof(options.seed));
    persist_share_delays();
    p->load.kind = kind;
    admission_begin(&options);
    p->load.done = done;
    p->load.arg = arg;
    p->load.next_log_ms = clock_wall_ms() + LOG_EVERY_MS;
    p->executor->loading = true;
    p->load.job = load_start(p->loop, &options, on_loaded, NULL);
    proven(p->load.job && p->executor->loading);
}

static bool may_load(void) {
    const struct persist_state *p = &persist_state;
    proven(p->executor && !p->load.job);
    if (executor_may_freeze(p->executor)) return true;
    log_warning("Cannot load while a save or a rewrite runs");
    return false;
}

bool persist_load_start(load_done *done, void *arg) {
    const char *name = persist_state.settings.file_name;
    proven(persist_state.executor != NULL);
    if (!name[0] || !file_exists(name) || !may_load()) return false;
    start_load(LOAD_RDB, done, arg);
    return true;
}

bool persist_load_aof(load_done *done, void *arg) {
    proven(persist_state.executor != NULL);
    aof_describe_load(persist_state.aof.load);
    if (aof_find(persist_state.aof.load) == AOF_NOTHING || !may_load() || !aof_flush()) return false;
    start_load(LOAD_AOF_AGAIN, done, arg);
    return true;
}

bool persist_load_first(load_done *done, void *arg, const char **error) {
    struct persist_state *p = &persist_state;
    proven(persist_state.lists && !persist_loading());
    *error = NULL;
    if (!p->settings.aof.on) return persist_load_start(done, arg);
    aof_describe_load(p->aof.load);
    if (aof_find(p->aof.load) != AOF_NOTHING) {
        start_load(LOAD_AOF_FIRST, done, arg);
        return true;
    }
    if (p->settings.file_name[0] && file_exists(p->settings.file_name))
        log_warning("appendonly is on and there is no append-only file: %s is not loaded", p->settings.file_name);
    if (!aof_start(false, p->why)) *error = p->why;
    return false;
}

bool persist_load_status(char *line) {
    struct load_job *job = persist_state.load.job;
    if (!job) return false;
    const struct load_progress *lp = load_progress(job);
    struct load_forecast f = load_forecast(job);
    int64_t loaded = value_of(&lp->loaded_bytes), total = value_of(&lp->total_bytes), keys = value_of(&lp->loaded_keys);
    int64_t elapsed_ms = clock_wall_ms() - value_of(&lp->start_ms);
    int n =
        snprintf(line, PERSIST_STATUS_MAX,
                 "Loading (%s): %d %%, %.0f seconds left, %lld of %lld MB, %lld keys, %lld keys/s, %lld MB in memory",
                 load_phase_name((enum load_phase)atomic_load_explicit(&lp->phase, memory_order_relaxed)),
                 (int)f.percent, f.seconds_left, (long long)(loaded >> 20), (long long)(total >> 20), (long long)keys,
                 (long long)(elapsed_ms > 0 ? keys * 1000 / elapsed_ms : 0), (long long)(mem_used() >> 20));
    proven(n > 0 && n < PERSIST_STATUS_MAX);
    return true;
}

static void log_progress(int64_t now_ms) {
    struct persist_load *l = &persist_state.load;
    proven(l->job != NULL);
    if (now_ms < l->next_log_ms) return;
    l->next_log_ms = now_ms + LOG_EVERY_MS;
    char line[PERSIST_STATUS_MAX];
    if (persist_load_status(line)) log_notice("%s", line);
}

/* ---- saving ---- */
bool persist_saving(void) { return persist_state.save.job != NULL; }

void persist_save_cancel(void) {
    proven(!persist_state.save.job || persist_state.executor);
    if (persist_state.save.job) snapshot_cancel(persist_state.save.job);
}

static void note_good_save(void) {
    struct persist_save *s = &persist_state.save;
    proven(s->job != NULL);
    s->last_good_s = clock_wall_ms() / 1000;
    s->last_background_ok = true;
    note_saved(persist_state.executor->dataset, s->changes_at_start);
    log_notice("DB saved on disk");
    if (s->background) log_notice("Background saving terminated with success");
}

static void note_failed_save(const char *error, bool cancelled) {
    struct persist_save *s = &persist_state.save;
    proven(s->job && (error != NULL) != cancelled);
    if (cancelled) {
        log_notice(s->background ? "Background saving was cancelled" : "Saving was cancelled");
        return;
    }
    log_warning(s->background ? "Background saving error: %s" : "Saving failed: %s", error);
    if (s->background) s->last_background_ok = false;
}

static void on_saved(void *arg, const char *error, bool cancelled) {
    struct persist_save *s = &persist_state.save;
    const struct snapshot_progress *progress = snapshot_progress(s->job);
    (void)arg;
    proven(!dataset_is_frozen(persist_state.executor->dataset));
    s->last_limbo_bytes = progress->limbo_bytes;
    if (s->background) s->last_background_s = (clock_wall_ms() - progress->start_ms) / 1000;
    if (error || cancelled)
        note_failed_save(error, cancelled);
    else
        note_good_save();
    s->job = NULL;
    if (s->done) s->done(s->arg, error, cancelled);
}

static const char *cannot_start(void) {
    const struct persist_state *p = &persist_state;
    proven(p->executor != NULL);
    if (p->save.job) return "Background save already in progress";
    if (p->load.job || p->executor->loading) return "Tarn is loading the dataset in memory";
    if (!executor_may_freeze(p->executor)) return "Another snapshot is being read: can't save right now";
    return p->settings.file_name[0] ? NULL : "No file to save to: dbfilename is empty";
}

static enum snapshot_access access_written(const struct dataset *ds) {
    proven(ds != NULL);
    if (!persist_state.access_saved) return SNAPSHOT_ACCESS_NONE;
    return dataset_access(ds) == ACCESS_LFU ? SNAPSHOT_ACCESS_FREQUENCY : SNAPSHOT_ACCESS_IDLE;
}

bool persist_start(bool background, snapshot_done *done, void *arg, const char **why) {
    struct persist_state *p = &persist_state;
    struct dataset *ds = p->executor->dataset;
    if ((*why = cannot_start())) return false;
    struct snapshot_options options = {
        .path = p->settings.file_name,
        .version = p->settings.version,
        .compress = p->settings.compress,
        .checksum = p->settings.checksum,
        .access = access_written(ds),
        .incremental_sync = p->settings.incremental_sync,
        .key_delay_us = &p->save_delay_us,
    };
    persist_share_delays();
    executor_make_way(p->executor);
    struct persist_save *s = &p->save;
    proven(!s->job);
    s->background = background;
    s->scheduled = false;
    s->done = done;
    s->arg = arg;
    s->changes_at_start = dataset_stats_const(ds)->changes;
    s->last_try_s = clock_wall_ms() / 1000;
    s->started++;
    s->job = snapshot_start(p->loop, ds, &options, on_saved, NULL, why);
    if (!s->job && background) s->last_background_ok = false;
    proven(s->job || *why);
    return s->job != NULL;
}

bool persist_save_start(snapshot_done *done, void *arg, const char **why) {
    proven(why != NULL);
    return persist_start(false, done, arg, why);
}

bool persist_start_background(const char **why) {
    if (!persist_start(true, NULL, NULL, why)) return false;
    proven(persist_saving());
    log_notice("Background saving started");
    return true;
}

/* ---- every 100 ms ---- */
bool persist_has_save_points(void) {
    proven(persist_state.settings.point_count <= SAVE_POINTS_MAX);
    return persist_state.settings.point_count > 0;
}

static const struct save_point *due_point(int64_t now_s) {
    const struct persist_state *p = &persist_state;
    int64_t changes = persist_changes_since_save();
    proven(p->settings.point_count <= SAVE_POINTS_MAX && changes >= 0);
    if (!p->save.last_background_ok && now_s - p->save.last_try_s <= RETRY_S) return NULL;
    for (unsigned i = 0; i < p->settings.point_count; i++) {
        const struct save_point *point = &p->settings.points[i];
        if (changes >= point->changes && now_s - p->save.last_good_s > point->seconds) return point;
    }
    return NULL;
}

static void start_due_save(int64_t now_s) {
    const char *why;
    if (cannot_start()) return;
    if (persist_state.save.scheduled) {
        if (!persist_start_background(&why)) log_warning("Scheduled saving could not start: %s", why);
        return;
    }
    const struct save_point *point = due_point(now_s);
    if (!point) return;
    log_notice("%lld changes in %lld seconds. Saving...", (long long)point->changes, (long long)point->seconds);
    if (!persist_start_background(&why)) log_warning("Saving could not start: %s", why);
}

void persist_cron(void) {
    int64_t now_ms = clock_wall_ms();
    proven(persist_state.executor != NULL);
    if (persist_loading()) {
        admission_check();
        load_tick(persist_state.load.job);
        log_progress(now_ms);
        return;
    }
    start_due_save(now_ms / 1000);
    aof_cron();
}

const char *persist_refuse_write(void) {
    const struct persist_state *p = &persist_state;
    const char *why = aof_refuse_write();
    if (unlikely(why != NULL)) return why;
    if (likely(p->save.last_background_ok) || !p->settings.stop_writes || p->settings.point_count == 0) return NULL;
    return "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands "
           "that "
           "may modify the data set are disabled, because this instance is configured to report errors during writes "
           "if "
           "RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about "
           "the RDB error.";
}
