/* INFO persistence. */
#include "exec/journal.h"
#include "persist/aof_steps_int.h"
#include "persist/load.h"
#include "persist/persist_int.h"
#include "persist/snapshot.h"

#include "base/check.h"
#include "base/clock.h"

static const struct load_progress *loading(void) {
    return persist_state.load.job ? load_progress(persist_state.load.job) : NULL;
}

static const struct snapshot_progress *saving(void) {
    return persist_state.save.job ? snapshot_progress(persist_state.save.job) : NULL;
}

static int64_t value_of(const _Atomic int64_t *a) {
    proven(a != NULL);
    return atomic_load_explicit(a, memory_order_relaxed);
}

/* Most rows are one expression. */
#define INT_ROW(name, expression)                                                         \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        (void)scope;                                                                      \
        metric_int(out, (expression));                                                    \
    }
/* A row that exists only during a load; `p` is its progress. */
#define LOADING_ROW(name, expression)                                                     \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        const struct load_progress *p = loading();                                        \
        (void)scope;                                                                      \
        out->kind = METRIC_NONE;                                                          \
        if (p) metric_int(out, (expression));                                             \
    }

/* What a save has made the server keep twice so far; it only grows while the save runs. */
static int64_t limbo_now(const struct metric_scope *scope) {
    proven(!saving() || dataset_is_frozen(scope->dataset));
    return saving() ? (int64_t)dataset_limbo_bytes(scope->dataset) : 0;
}

INT_ROW(zero, 0)

INT_ROW(loading, persist_loading())
INT_ROW(limbo, limbo_now(scope))
INT_ROW(save_keys, saving() ? value_of(&saving()->saved_keys) : 0)
INT_ROW(save_total, saving() ? saving()->total_keys : 0)
INT_ROW(changes, persist_changes_since_save())
INT_ROW(saving, persist_saving())
INT_ROW(last_save, persist_state.save.last_good_s)
INT_ROW(last_save_seconds, persist_state.save.last_background_s)
INT_ROW(save_seconds, saving() ? (clock_wall_ms() - saving()->start_ms) / 1000 : -1)
INT_ROW(saves, persist_state.save.started)
INT_ROW(last_limbo, persist_state.save.last_limbo_bytes)
INT_ROW(last_salvaged, persist_state.load.last_salvaged)
INT_ROW(last_lost_records, persist_state.load.last_lost_records)
INT_ROW(last_lost_bytes, persist_state.load.last_lost_bytes)
INT_ROW(last_lost_keys, persist_state.load.last_lost_keys)
INT_ROW(last_expired, persist_state.load.last_expired)
INT_ROW(last_evicted, persist_state.load.last_evicted)
INT_ROW(last_keys, persist_state.load.last_keys)

static void read_save_percent(const struct metric_scope *scope, struct metric_value *out) {
    const struct snapshot_progress *p = saving();
    (void)scope;
    bool known = p && p->total_keys > 0;
    proven(!p || value_of(&p->saved_keys) <= p->total_keys);
    metric_real(out, METRIC_RATIO, known ? 100.0 * (double)value_of(&p->saved_keys) / (double)p->total_keys : 0);
}

static void read_save_status(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_text(out, persist_state.save.last_background_ok ? "ok" : "err");
}

/* ---- the append-only file ---- */
#define AOF     (&persist_state.aof)
#define REWRITE (&persist_state.aof.rewrite)

/* A row that exists only while an append-only file is written. */
#define AOF_ROW(name, expression)                                                         \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        (void)scope;                                                                      \
        out->kind = METRIC_NONE;                                                          \
        if (aof_is_on()) metric_int(out, (expression));                                   \
    }

INT_ROW(aof_on, aof_is_on())
INT_ROW(rewriting, aof_rewriting())
INT_ROW(rewrite_scheduled, REWRITE->scheduled && !aof_rewriting())
INT_ROW(rewrite_last_seconds, REWRITE->last_seconds)
INT_ROW(rewrite_seconds, aof_rewriting() ? clock_mono_us() / 1000000 - REWRITE->begun_ms / 1000 : -1)
INT_ROW(rewrites, REWRITE->count)
INT_ROW(rewrite_failures, REWRITE->failures)
INT_ROW(rewrite_limbo, REWRITE->last_limbo_bytes)
AOF_ROW(aof_size, aof_total_size())
AOF_ROW(aof_base_size, AOF->rewrite_base_size)
AOF_ROW(aof_pending_rewrite, REWRITE->scheduled)
AOF_ROW(aof_buffer, (int64_t)AOF->journal->out.len)
AOF_ROW(aof_pending_sync, AOF->sync.busy)
AOF_ROW(aof_delayed, AOF->delayed_syncs)
AOF_ROW(aof_sync_failed, AOF->lost)

static void read_rewrite_status(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    proven(REWRITE->failures >= 0);
    metric_text(out, REWRITE->last_ok ? "ok" : "err");
}

static void read_write_status(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    proven(!AOF->lost || AOF->error);
    metric_text(out, AOF->error ? "err" : "ok");
}

/* ---- during a load ---- */
static int64_t elapsed_ms(const struct load_progress *p) {
    int64_t ms = clock_wall_ms() - value_of(&p->start_ms);
    proven(value_of(&p->start_ms) > 0);
    return ms > 0 ? ms : 0;
}

static int64_t keys_per_second(const struct load_progress *p) {
    int64_t ms = elapsed_ms(p);
    proven(ms >= 0);
    return ms ? value_of(&p->loaded_keys) * 1000 / ms : 0;
}

static struct load_forecast forecast(void) {
    proven(persist_loading());
    return load_forecast(persist_state.load.job);
}

/* At least 1, as long as it is not over. */
static int64_t seconds_left(void) {
    double left = forecast().seconds_left;
    return left < 1 ? 1 : (int64_t)(left + 0.5);
}

static int64_t strings(const struct load_progress *p) {
    int64_t n = value_of(&p->loaded_keys);
    for (int i = TYPE_STRING + 1; i < TYPE_COUNT; i++) n -= value_of(&p->typed_keys[i]);
    return n > 0 ? n : 0; /* keys are counted in hundreds, other types one by one */
}

LOADING_ROW(load_start, value_of(&p->start_ms) / 1000)
LOADING_ROW(load_total, value_of(&p->total_bytes))
LOADING_ROW(load_used_memory, value_of(&p->file_used_memory))
LOADING_ROW(load_bytes, value_of(&p->loaded_bytes))
LOADING_ROW(load_eta, seconds_left())
LOADING_ROW(load_left, (int64_t)(forecast().seconds_left * 1000))
LOADING_ROW(load_keys, value_of(&p->loaded_keys))
LOADING_ROW(load_rate, keys_per_second(p))
LOADING_ROW(load_expired, value_of(&p->expired_keys))
LOADING_ROW(load_evicted, value_of(&p->evicted_keys))
LOADING_ROW(load_strings, strings(p))
LOADING_ROW(load_lists, value_of(&p->typed_keys[TYPE_LIST]))
LOADING_ROW(load_sets, value_of(&p->typed_keys[TYPE_SET]))
LOADING_ROW(load_zsets, value_of(&p->typed_keys[TYPE_ZSET]))
LOADING_ROW(load_hashes, value_of(&p->typed_keys[TYPE_HASH]))
LOADING_ROW(load_streams, value_of(&p->typed_keys[TYPE_STREAM]))

static void read_load_phase(const struct metric_scope *scope, struct metric_value *out) {
    const struct load_progress *p = loading();
    (void)scope;
    out->kind = METRIC_NONE;
    if (!p) return;
    metric_text(out, load_phase_name((enum load_phase)atomic_load_explicit(&p->phase, memory_order_relaxed)));
    proven(out->text != NULL);
}

static void read_load_percent(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    out->kind = METRIC_NONE;
    if (persist_loading()) metric_real(out, METRIC_RATIO, forecast().percent);
}

/* ---- the rows ---- */
#define GAUGE(name, read, help) \
    { "persistence", (name), METRIC_GAUGE, (help), (read), NULL }
#define COUNTER(name, read, help) \
    { "persistence", (name), METRIC_COUNTER, (help), (read), NULL }
#define STATE(name, read, help) \
    { "persistence", (name), METRIC_STATE, (help), (read), NULL }

const struct metric persist_metrics[] = {
    STATE("loading", read_loading, "1 while a dataset is being loaded."),
    STATE("async_loading", read_zero, "1 while a replica loads beside the dataset it serves."),
    GAUGE("current_cow_peak", read_limbo, "Most bytes kept twice by the running save."),
    GAUGE("current_cow_size", read_limbo, "Bytes kept twice by the running save."),
    GAUGE("current_cow_size_age", read_zero, "Age of that figure in seconds: it is counted, not sampled."),
    GAUGE("current_fork_perc", read_save_percent, "Progress of the running save in percent."),
    GAUGE("current_save_keys_processed", read_save_keys, "Keys that the running save has written."),
    GAUGE("current_save_keys_total", read_save_total, "Keys that the running save will write."),
    GAUGE("rdb_changes_since_last_save", read_changes, "Changes since the last good save."),
    STATE("rdb_bgsave_in_progress", read_saving, "1 while a save runs."),
    GAUGE("rdb_last_save_time", read_last_save, "Unix time of the last good save."),
    STATE("rdb_last_bgsave_status", read_save_status, "ok, or err after a background save that failed."),
    GAUGE("rdb_last_bgsave_time_sec", read_last_save_seconds, "Seconds the last background save took."),
    GAUGE("rdb_current_bgsave_time_sec", read_save_seconds, "Seconds since the running save began."),
    COUNTER("rdb_saves", read_saves, "Saves begun since the start."),
    GAUGE("rdb_last_cow_size", read_last_limbo, "Bytes kept twice at the end of the last save."),
    GAUGE("rdb_last_load_keys_expired", read_last_expired, "Keys that the last load dropped as expired."),
    GAUGE("load_evicted_keys", read_last_evicted, "Keys that the last load let go to stay within maxmemory."),
    GAUGE("rdb_last_load_keys_loaded", read_last_keys, "Keys that the last load brought."),
    STATE("load_salvaged", read_last_salvaged, "1 when the last load found damage and loaded the rest (load-salvage)."),
    GAUGE("load_lost_records", read_last_lost_records, "Records, or stretches without any, that it lost."),
    GAUGE("load_lost_keys", read_last_lost_keys, "Of them, those whose key could be read."),
    GAUGE("load_lost_bytes", read_last_lost_bytes, "Bytes of the file that it lost."),
    STATE("aof_enabled", read_aof_on, "1 while an append-only file is written."),
    STATE("aof_rewrite_in_progress", read_rewriting, "1 while an append-only file is rewritten."),
    STATE("aof_rewrite_scheduled", read_rewrite_scheduled, "1 while a rewrite waits for its turn."),
    GAUGE("aof_last_rewrite_time_sec", read_rewrite_last_seconds, "Seconds the last rewrite took."),
    GAUGE("aof_current_rewrite_time_sec", read_rewrite_seconds, "Seconds since the running rewrite began."),
    STATE("aof_last_bgrewrite_status", read_rewrite_status, "Result of the last rewrite."),
    COUNTER("aof_rewrites", read_rewrites, "Rewrites since the start."),
    GAUGE("aof_rewrites_consecutive_failures", read_rewrite_failures, "Rewrites that failed in a row."),
    STATE("aof_last_write_status", read_write_status, "Result of the last write to the append-only file."),
    GAUGE("aof_last_cow_size", read_rewrite_limbo, "Bytes kept twice at the end of the last rewrite."),
    STATE("module_fork_in_progress", read_zero, "1 while a module's child process runs."),
    GAUGE("module_fork_last_cow_size", read_zero, "Bytes kept twice by the last module's child process."),
    GAUGE("aof_current_size", read_aof_size, "Bytes of the append-only file."),
    GAUGE("aof_base_size", read_aof_base_size, "The same at the start or after the last rewrite."),
    STATE("aof_pending_rewrite", read_aof_pending_rewrite, "1 while a rewrite waits for its turn."),
    GAUGE("aof_buffer_length", read_aof_buffer, "Bytes that wait to be written to it."),
    GAUGE("aof_pending_bio_fsync", read_aof_pending_sync, "Syncs that run on the thread."),
    COUNTER("aof_delayed_fsync", read_aof_delayed, "Syncs that took longer than two seconds."),
    STATE("aof_fsync_failed", read_aof_sync_failed, "1 after a failed sync, until a new base is complete."),
    GAUGE("loading_start_time", read_load_start, "Unix time at which the load began."),
    GAUGE("loading_total_bytes", read_load_total, "Bytes of the file being loaded."),
    GAUGE("loading_rdb_used_mem", read_load_used_memory, "Memory used by the server that wrote the file."),
    GAUGE("loading_loaded_bytes", read_load_bytes, "Bytes of it that have been read."),
    GAUGE("loading_loaded_perc", read_load_percent, "How much of the load's time has passed, in percent."),
    GAUGE("loading_eta_seconds", read_load_eta, "Seconds left, by the work left and what work has cost so far."),
    GAUGE("loading_remaining_ms", read_load_left, "The same in milliseconds."),
    STATE("loading_phase", read_load_phase, "base, increments or finishing."),
    GAUGE("loading_loaded_keys", read_load_keys, "Keys that have been loaded."),
    GAUGE("loading_keys_per_sec", read_load_rate, "Keys a second since the load began."),
    GAUGE("loading_expired_keys", read_load_expired, "Keys that have been dropped as expired."),
    GAUGE("loading_evicted_keys", read_load_evicted, "Keys that have gone to stay within maxmemory."),
    GAUGE("loading_loaded_strings", read_load_strings,
          "Keys loaded that hold a string; of RDB files, like those below."),
    GAUGE("loading_loaded_lists", read_load_lists, "Keys loaded that hold a list."),
    GAUGE("loading_loaded_sets", read_load_sets, "Keys loaded that hold a set."),
    GAUGE("loading_loaded_zsets", read_load_zsets, "Keys loaded that hold a sorted set."),
    GAUGE("loading_loaded_hashes", read_load_hashes, "Keys loaded that hold a hash."),
    GAUGE("loading_loaded_streams", read_load_streams, "Keys loaded that hold a stream."),
};
const unsigned persist_metric_count = countof(persist_metrics);
