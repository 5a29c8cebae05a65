/* What the executor knows of itself, as rows: INFO clients, stats, commandstats, errorstats, latencystats. Rows stand in the
 * order in which INFO prints them. Fields of things that do not exist here are honest zeros, because agents look for them. */
#include "exec/metrics.h"
#include "base/check.h"
#include "base/clock.h"
#include "exec/blocking.h"
#include "exec/executor_int.h"
#include "exec/limit.h"
#include "exec/pubsub.h"
#include "exec/tracking.h"
#include "exec/transaction.h"
#include "keyspace/dataset.h"

#include <stdio.h>

/* ---- clients and stats: one line a field ----
 * FIELD(section, name, class, help, expression of x (executor), stats and ds (dataset's stats)); ZERO: nothing to count. */
#define CLIENT_FIELDS(FIELD, ZERO, OTHER)                                                                             \
    FIELD(clients, connected_clients, METRIC_GAUGE, "clients connected", x->session_count)                            \
    ZERO(clients, cluster_connections, METRIC_GAUGE, "sockets of the cluster bus")                                    \
    OTHER(clients, maxclients, METRIC_GAUGE, "limit of connected_clients")                                            \
    FIELD(clients, client_recent_max_input_buffer, METRIC_GAUGE, "largest query buffer of the last seconds, bytes",   \
          recent_peak(x->sampler->peaks_in, stats->client_peak_in))                                                   \
    FIELD(clients, client_recent_max_output_buffer, METRIC_GAUGE, "largest unsent output of the last seconds, bytes", \
          recent_peak(x->sampler->peaks_out, stats->client_peak_out))                                                 \
    FIELD(clients, blocked_clients, METRIC_GAUGE, "clients in a blocking command or held by a pause",                 \
          x->blocked_count)                                                                                           \
    FIELD(clients, tracking_clients, METRIC_GAUGE, "clients with tracking on", x->tracking->session_count)            \
    FIELD(clients, pubsub_clients, METRIC_GAUGE, "clients subscribed to something", x->pubsub->session_count)         \
    FIELD(clients, watching_clients, METRIC_GAUGE, "clients with watched keys", x->watchers->session_count)           \
    FIELD(clients, clients_in_timeout_table, METRIC_GAUGE, "blocked clients with a deadline", count_deadlines(x))     \
    FIELD(clients, total_watched_keys, METRIC_GAUGE, "keys watched", topics_count(&x->watchers->keys))                \
    FIELD(clients, total_blocking_keys, METRIC_GAUGE, "keys that clients block on", topics_count(&x->blocking->keys)) \
    FIELD(clients, total_blocking_keys_on_nokey, METRIC_GAUGE, "keys whose deletion also ends a wait",                \
          blocking_keys_on_loss(x->blocking))                                                                         \
    OTHER(clients, paused_reason, METRIC_STATE, "why clients are paused")                                             \
    OTHER(clients, paused_actions, METRIC_STATE, "what is paused: none, write or all")                                \
    FIELD(clients, paused_timeout_milliseconds, METRIC_GAUGE, "how long the pause still lasts", pause_left_ms(x))

#define TRAFFIC_FIELDS(FIELD, ZERO, OTHER)                                                               \
    FIELD(stats, total_connections_received, METRIC_COUNTER, "connections accepted", stats->connections) \
    FIELD(stats, total_commands_processed, METRIC_COUNTER, "commands run", stats->commands)              \
    FIELD(stats, instantaneous_ops_per_sec, METRIC_GAUGE, "commands per second now", stats->ops_per_s)   \
    FIELD(stats, total_net_input_bytes, METRIC_COUNTER, "bytes received", stats->net_in)                 \
    FIELD(stats, total_net_output_bytes, METRIC_COUNTER, "bytes sent", stats->net_out)                   \
    ZERO(stats, total_net_repl_input_bytes, METRIC_COUNTER, "bytes received for replication")            \
    ZERO(stats, total_net_repl_output_bytes, METRIC_COUNTER, "bytes sent for replication")               \
    OTHER(stats, instantaneous_input_kbps, METRIC_GAUGE, "input now, KiB per second")                    \
    OTHER(stats, instantaneous_output_kbps, METRIC_GAUGE, "output now, KiB per second")                  \
    OTHER(stats, instantaneous_input_repl_kbps, METRIC_GAUGE, "replication input now, KiB per second")   \
    OTHER(stats, instantaneous_output_repl_kbps, METRIC_GAUGE, "replication output now, KiB per second") \
    FIELD(stats, rejected_connections, METRIC_COUNTER, "connections refused over maxclients",            \
          stats->rejected_connections)                                                                   \
    ZERO(stats, sync_full, METRIC_COUNTER, "full syncs given to replicas")                               \
    ZERO(stats, sync_partial_ok, METRIC_COUNTER, "partial syncs given")                                  \
    ZERO(stats, sync_partial_err, METRIC_COUNTER, "partial syncs refused")

#define KEYSPACE_FIELDS(FIELD, ZERO, OTHER)                                                                           \
    FIELD(stats, expired_keys, METRIC_COUNTER, "keys removed because their time had come", ds->expired_keys)          \
    FIELD(stats, expired_fields, METRIC_COUNTER, "fields of hashes removed because their time had come",              \
          ds->expired_elements)                                                                                       \
    OTHER(stats, expired_stale_perc, METRIC_GAUGE, "expired keys still held, percent: none by design")                \
    ZERO(stats, expired_time_cap_reached_count, METRIC_COUNTER, "expire cycles cut short")                            \
    FIELD(stats, expire_cycle_cpu_milliseconds, METRIC_COUNTER, "time spent in expiring", ds->expire_cycle_us / 1000) \
    FIELD(stats, evicted_keys, METRIC_COUNTER, "keys evicted over maxmemory", ds->evicted_keys)                       \
    FIELD(stats, evicted_clients, METRIC_COUNTER, "clients evicted over maxmemory-clients", stats->evicted_clients)   \
    ZERO(stats, evicted_scripts, METRIC_COUNTER, "cached scripts evicted")                                            \
    FIELD(stats, total_eviction_exceeded_time, METRIC_COUNTER, "time over maxmemory, ms", limit_over_total_ms(x))     \
    FIELD(stats, current_eviction_exceeded_time, METRIC_GAUGE, "time over maxmemory of this stretch, ms",             \
          limit_over_ms(x))                                                                                           \
    FIELD(stats, keyspace_hits, METRIC_COUNTER, "lookups that found their key", ds->keyspace_hits)                    \
    FIELD(stats, keyspace_misses, METRIC_COUNTER, "lookups that found nothing", ds->keyspace_misses)                  \
    FIELD(stats, pubsub_channels, METRIC_GAUGE, "channels with subscribers",                                          \
          topics_count(&x->pubsub->topics[PUBSUB_CHANNEL]))                                                           \
    FIELD(stats, pubsub_patterns, METRIC_GAUGE, "patterns with subscribers",                                          \
          topics_count(&x->pubsub->topics[PUBSUB_PATTERN]))                                                           \
    FIELD(stats, pubsubshard_channels, METRIC_GAUGE, "shard channels with subscribers",                               \
          topics_count(&x->pubsub->topics[PUBSUB_SHARD]))                                                             \
    ZERO(stats, latest_fork_usec, METRIC_GAUGE, "cost of the last fork: there are none")                              \
    ZERO(stats, total_forks, METRIC_COUNTER, "forks: none, snapshots are made by a thread")                           \
    ZERO(stats, migrate_cached_sockets, METRIC_GAUGE, "sockets kept by MIGRATE")                                      \
    ZERO(stats, slave_expires_tracked_keys, METRIC_GAUGE, "keys with expiry written on a writable replica")           \
    FIELD(stats, tracking_total_keys, METRIC_GAUGE, "keys tracked for client caches",                                 \
          topics_count(&x->tracking->keys))                                                                           \
    FIELD(stats, tracking_total_items, METRIC_GAUGE, "pairs of key and client tracked",                               \
          topics_links(&x->tracking->keys))                                                                           \
    FIELD(stats, tracking_total_prefixes, METRIC_GAUGE, "prefixes tracked in broadcast mode",                         \
          topics_count(&x->tracking->prefixes))

#define FAULT_FIELDS(FIELD, ZERO, OTHER)                                                                            \
    FIELD(stats, unexpected_error_replies, METRIC_COUNTER, "errors from a replayed or replicated stream",           \
          stats->unexpected_errors)                                                                                 \
    FIELD(stats, total_error_replies, METRIC_COUNTER, "error replies", stats->errors)                               \
    ZERO(stats, dump_payload_sanitizations, METRIC_COUNTER, "deep checks of payloads")                              \
    FIELD(stats, total_reads_processed, METRIC_COUNTER, "reads from clients", stats->reads)                         \
    FIELD(stats, total_writes_processed, METRIC_COUNTER, "writes to clients", stats->writes)                        \
    ZERO(stats, io_threaded_reads_processed, METRIC_COUNTER, "reads done by I/O threads")                           \
    ZERO(stats, io_threaded_writes_processed, METRIC_COUNTER, "writes done by I/O threads")                         \
    FIELD(stats, client_query_buffer_limit_disconnections, METRIC_COUNTER, "clients closed over the query limit",   \
          stats->query_buffer_closed)                                                                               \
    FIELD(stats, client_output_buffer_limit_disconnections, METRIC_COUNTER, "clients closed over the output limit", \
          stats->output_buffer_closed)                                                                              \
    ZERO(stats, reply_buffer_shrinks, METRIC_COUNTER, "reply buffers made smaller")                                 \
    ZERO(stats, reply_buffer_expands, METRIC_COUNTER, "reply buffers made larger")                                  \
    FIELD(stats, acl_access_denied_auth, METRIC_COUNTER, "logins that failed", stats->auth_failures)                \
    FIELD(stats, acl_access_denied_cmd, METRIC_COUNTER, "commands denied", stats->acl_denied_commands)              \
    ZERO(stats, acl_access_denied_key, METRIC_COUNTER, "keys denied")                                               \
    ZERO(stats, acl_access_denied_channel, METRIC_COUNTER, "channels denied")

#define ALL_FIELDS(FIELD, ZERO, OTHER)  \
    CLIENT_FIELDS(FIELD, ZERO, OTHER)   \
    TRAFFIC_FIELDS(FIELD, ZERO, OTHER)  \
    KEYSPACE_FIELDS(FIELD, ZERO, OTHER) \
    FAULT_FIELDS(FIELD, ZERO, OTHER)

/* ---- what the fields need ---- */
static uint64_t recent_peak(const uint64_t *seconds, uint64_t peak) {
    for (int i = 0; i < EXECUTOR_PEAK_SECONDS; i++) {
        if (seconds[i] > peak) peak = seconds[i];
    }
    return peak;
}

static int64_t count_deadlines(const struct executor *x) {
    int64_t n = 0;
    list_each(node, &x->blocked) n += list_entry(node, struct session, waiting)->wait_deadline_ms != 0;
    return n;
}

/* The reason of the strictest pause, -1 when none is on. */
static int pause_shown(const struct executor *x) {
    int shown = -1;
    for (int i = 0; i < PAUSE_REASONS; i++) {
        if (x->pauses[i].kind == PAUSE_NONE || x->now_ms >= x->pauses[i].until_ms) continue;
        if (shown < 0 || x->pauses[i].kind > x->pauses[shown].kind) shown = i;
    }
    return shown;
}

static int64_t pause_left_ms(const struct executor *x) {
    int shown = pause_shown(x);
    return shown < 0 ? 0 : x->pauses[shown].until_ms - x->now_ms;
}

static void read_zero(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_int(out, 0);
}

static void read_maxclients(const struct metric_scope *scope, struct metric_value *out) {
    metric_int(out, scope->executor->session_limit);
    if (scope->executor->session_limit == 0) out->kind = METRIC_NONE;
}

static void read_paused_reason(const struct metric_scope *scope, struct metric_value *out) {
    static const char *const names[PAUSE_REASONS] = {
        [PAUSE_OF_CLIENT] = "client_pause", [PAUSE_OF_SHUTDOWN] = "shutdown_in_progress",
        [PAUSE_OF_LOAD] = "debug_reload",   [PAUSE_OF_AOF] = "aof_sync",
        [PAUSE_OF_MIGRATE] = "migrate",     [PAUSE_OF_MEMORY] = "snapshot_memory",
    };
    int shown = pause_shown(scope->executor);
    metric_text(out, shown < 0 ? "none" : names[shown]);
}

static void read_paused_actions(const struct metric_scope *scope, struct metric_value *out) {
    const struct executor *x = scope->executor;
    int shown = pause_shown(x);
    metric_text(out, shown < 0 ? "none" : x->pauses[shown].kind == PAUSE_ALL ? "all" : "write");
}

static void read_instantaneous_input_kbps(const struct metric_scope *scope, struct metric_value *out) {
    metric_real(out, METRIC_RATIO, scope->executor->stats.in_kib_per_s);
}

static void read_instantaneous_output_kbps(const struct metric_scope *scope, struct metric_value *out) {
    metric_real(out, METRIC_RATIO, scope->executor->stats.out_kib_per_s);
}

static void read_zero_ratio(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_real(out, METRIC_RATIO, 0);
}
#define read_instantaneous_input_repl_kbps  read_zero_ratio
#define read_instantaneous_output_repl_kbps read_zero_ratio
#define read_expired_stale_perc             read_zero_ratio

#define DEFINE_FIELD(section, name, class, help, value)                                   \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        const struct executor *x = scope->executor;                                       \
        const struct executor_stats *stats = &x->stats;                                   \
        const struct dataset_stats *ds = dataset_stats_const(x->dataset);                 \
        (void)stats;                                                                      \
        (void)ds;                                                                         \
        metric_int(out, (int64_t)(value));                                                \
    }
#define DEFINE_NOTHING(...)
ALL_FIELDS(DEFINE_FIELD, DEFINE_NOTHING, DEFINE_NOTHING)

/* ---- families ---- */
#define LINE_MAX 512
struct family { /* who receives the lines */
    metric_emit *emit;
    void *arg;
};

static void each_command(const struct executor *x,
                         void (*print)(const struct executor *, const struct command *, struct family),
                         struct family f) {
    for (unsigned i = 0; i < command_count(x->commands); i++) {
        const struct command *c = command_at(x->commands, i);
        print(x, c, f);
        for (unsigned k = 0; k < c->subcommand_count; k++) print(x, &c->subcommands[k], f);
    }
}

static void print_calls(const struct executor *x, const struct command *c, struct family f) {
    char name[LINE_MAX], text[LINE_MAX];
    (void)x;
    if (c->calls + c->rejected + c->failed == 0) return;
    uint64_t ns = clock_ticks_to_ns(c->ticks);
    double per_call = c->calls ? (double)ns / 1000 / (double)c->calls : 0;
    snprintf(name, sizeof name, "cmdstat_%s", c->full_name);
    snprintf(text, sizeof text, "calls=%llu,usec=%llu,usec_per_call=%.2f,rejected_calls=%llu,failed_calls=%llu",
             (unsigned long long)c->calls, (unsigned long long)ns / 1000, per_call, (unsigned long long)c->rejected,
             (unsigned long long)c->failed);
    f.emit(f.arg, name, text);
}

static void print_latency(const struct executor *x, const struct command *c, struct family f) {
    char name[LINE_MAX], text[LINE_MAX];
    int used = 0;
    if (!c->latency || c->latency->count == 0) return;
    text[0] = '\0';
    for (unsigned i = 0; i < x->percentile_count && used < LINE_MAX - 64; i++) {
        double us = (double)histogram_percentile(c->latency, x->percentiles[i]) / 1000;
        used += snprintf(text + used, sizeof text - (size_t)used, "%sp%g=%.3f", i ? "," : "", x->percentiles[i], us);
    }
    snprintf(name, sizeof name, "latency_percentiles_usec_%s", c->full_name);
    f.emit(f.arg, name, text);
}

static void list_calls(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    each_command(scope->executor, print_calls, (struct family){emit, arg});
}

static void list_latencies(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    if (scope->executor->latency_tracking) each_command(scope->executor, print_latency, (struct family){emit, arg});
}

static void list_errors(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    const struct executor *x = scope->executor;
    for (unsigned i = 0; i < x->error_code_count; i++) {
        char name[LINE_MAX], text[LINE_MAX];
        snprintf(name, sizeof name, "errorstat_%s", x->error_counts[i].code);
        snprintf(text, sizeof text, "count=%llu", (unsigned long long)x->error_counts[i].count);
        emit(arg, name, text);
    }
}

/* ---- the rows ---- */
#define FIELD_ROW(section_, name_, class_, help_, value) {#section_, #name_, class_, help_, read_##name_, NULL},
#define ZERO_ROW(section_, name_, class_, help_)         {#section_, #name_, class_, help_, read_zero, NULL},
#define OTHER_ROW(section_, name_, class_, help_)        {#section_, #name_, class_, help_, read_##name_, NULL},

const struct metric executor_metrics[] = {
    {"commandstats", "cmdstat", METRIC_COUNTER, "calls and time of each command", NULL, list_calls},
    {"errorstats", "errorstat", METRIC_COUNTER, "error replies by their first word", NULL, list_errors},
    {"latencystats", "latency_percentiles_usec", METRIC_GAUGE, "latency of each command", NULL, list_latencies},
    ALL_FIELDS(FIELD_ROW, ZERO_ROW, OTHER_ROW)};
const unsigned executor_metric_count = countof(executor_metrics);
