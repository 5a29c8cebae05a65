#include "observe/openmetrics.h"

#include "base/check.h"
#include "base/clock.h"
#include "keyspace/entry.h"
#include "observe/figures.h"

#include <math.h>
#include <stdio.h>

/* Fields of INFO that redis_exporter shows under another name (its own names all begin with "redis_"). A field that it shows
 * as it is stands here with NULL. */
static const struct alias {
    const char *field, *name;
} aliases[] = {
    {"uptime_in_seconds", NULL},
    {"connected_clients", NULL},
    {"blocked_clients", NULL},
    {"tracking_clients", NULL},
    {"maxclients", "max_clients"},
    {"pubsub_clients", NULL},
    {"watching_clients", NULL},
    {"total_watched_keys", NULL},
    {"total_blocking_keys", NULL},
    {"total_blocking_keys_on_nokey", NULL},
    {"cluster_connections", NULL},
    {"io_threads_active", NULL},
    {"client_recent_max_output_buffer", "client_recent_max_output_buffer_bytes"},
    {"client_recent_max_input_buffer", "client_recent_max_input_buffer_bytes"},
    {"expired_stale_perc", "expired_stale_percentage"},
    {"expired_time_cap_reached_count", "expired_time_cap_reached_total"},
    {"expire_cycle_cpu_milliseconds", "expire_cycle_cpu_time_ms_total"},
    {"migrate_cached_sockets", "migrate_cached_sockets_total"},
    {"active_defrag_hits", "defrag_hits"},
    {"active_defrag_misses", "defrag_misses"},
    {"active_defrag_key_hits", "defrag_key_hits"},
    {"active_defrag_key_misses", "defrag_key_misses"},
    {"loading", "loading_dump_file"},
    {"async_loading", NULL},
    {"rdb_changes_since_last_save", NULL},
    {"rdb_bgsave_in_progress", NULL},
    {"rdb_last_save_time", "rdb_last_save_timestamp_seconds"},
    {"rdb_last_bgsave_status", NULL},
    {"rdb_last_bgsave_time_sec", "rdb_last_bgsave_duration_sec"},
    {"rdb_current_bgsave_time_sec", "rdb_current_bgsave_duration_sec"},
    {"rdb_saves", "rdb_saves_total"},
    {"rdb_last_cow_size", "rdb_last_cow_size_bytes"},
    {"rdb_last_load_keys_expired", "rdb_last_load_expired_keys"},
    {"rdb_last_load_keys_loaded", "rdb_last_load_loaded_keys"},
    {"aof_enabled", NULL},
    {"aof_rewrite_in_progress", NULL},
    {"aof_rewrite_scheduled", NULL},
    {"aof_last_rewrite_time_sec", "aof_last_rewrite_duration_sec"},
    {"aof_current_rewrite_time_sec", "aof_current_rewrite_duration_sec"},
    {"aof_last_cow_size", "aof_last_cow_size_bytes"},
    {"aof_current_size", "aof_current_size_bytes"},
    {"aof_base_size", "aof_base_size_bytes"},
    {"aof_pending_rewrite", NULL},
    {"aof_buffer_length", NULL},
    {"aof_pending_bio_fsync", NULL},
    {"aof_delayed_fsync", NULL},
    {"aof_last_bgrewrite_status", NULL},
    {"aof_last_write_status", NULL},
    {"module_fork_in_progress", NULL},
    {"module_fork_last_cow_size", NULL},
    {"pubsub_channels", NULL},
    {"pubsub_patterns", NULL},
    {"pubsubshard_channels", NULL},
    {"connected_slaves", NULL},
    {"repl_backlog_size", "replication_backlog_bytes"},
    {"repl_backlog_active", "repl_backlog_is_active"},
    {"repl_backlog_first_byte_offset", NULL},
    {"repl_backlog_histlen", "repl_backlog_history_bytes"},
    {"master_repl_offset", NULL},
    {"second_repl_offset", NULL},
    {"slave_expires_tracked_keys", NULL},
    {"sync_full", "replica_resyncs_full"},
    {"sync_partial_ok", "replica_partial_resync_accepted"},
    {"sync_partial_err", "replica_partial_resync_denied"},
    {"total_connections_received", "connections_received_total"},
    {"total_commands_processed", "commands_processed_total"},
    {"rejected_connections", "rejected_connections_total"},
    {"total_net_input_bytes", "net_input_bytes_total"},
    {"total_net_output_bytes", "net_output_bytes_total"},
    {"total_reads_processed", NULL},
    {"total_writes_processed", NULL},
    {"total_error_replies", NULL},
    {"expired_keys", "expired_keys_total"},
    {"evicted_keys", "evicted_keys_total"},
    {"evicted_clients", "evicted_clients_total"},
    {"keyspace_hits", "keyspace_hits_total"},
    {"keyspace_misses", "keyspace_misses_total"},
    {"used_cpu_sys", "cpu_sys_seconds_total"},
    {"used_cpu_user", "cpu_user_seconds_total"},
    {"used_cpu_sys_children", "cpu_sys_children_seconds_total"},
    {"used_cpu_user_children", "cpu_user_children_seconds_total"},
    {"used_cpu_sys_main_thread", "cpu_sys_main_thread_seconds_total"},
    {"used_cpu_user_main_thread", "cpu_user_main_thread_seconds_total"},
    {"acl_access_denied_auth", "acl_access_denied_auth_total"},
    {"acl_access_denied_cmd", "acl_access_denied_cmd_total"},
    {"acl_access_denied_key", "acl_access_denied_key_total"},
    {"acl_access_denied_channel", "acl_access_denied_channel_total"},
    {"hz", NULL},
    {"configured_hz", NULL},
};

/* ---- lines ---- */

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

/* Label values and help: backslash, quote and line feed are escaped. */
static void append_escaped(struct buf *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\n')
            buf_append(out, "\\n", 2);
        else
            buf_printf(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
    }
}

/* name: of the samples; a counter's ends with _total, its family's does not. */
static void family(struct buf *out, const char *name, const char *help) {
    bool counter = ends_with(name, "_total"), info = ends_with(name, "_info");
    int n = (int)(strlen(name) - (counter ? 6 : info ? 5 : 0));
    buf_printf(out, "# TYPE %.*s %s\n# HELP %.*s ", n, name, counter ? "counter" : info ? "info" : "gauge", n, name);
    append_escaped(out, help);
    buf_append(out, "\n", 1);
}

static void value_line(struct buf *out, double value) { buf_printf(out, " %.15g\n", value); }

static void single(struct buf *out, const char *name, const char *help, double value) {
    family(out, name, help);
    buf_append_slice(out, slice_of_cstr(name));
    value_line(out, value);
}

static void labelled(struct buf *out, const char *name, const char *label, const char *text, double value) {
    buf_printf(out, "%s{%s=\"", name, label);
    append_escaped(out, text);
    buf_append(out, "\"}", 2);
    value_line(out, value);
}

/* ---- declared rows ---- */

static void row_name(const struct metric *row, char *dst, size_t cap) {
    for (size_t i = 0; i < countof(aliases); i++) {
        if (strcmp(row->name, aliases[i].field) != 0) continue;
        snprintf(dst, cap, "redis_%s", aliases[i].name ? aliases[i].name : row->name);
        return;
    }
    bool counter = row->class == METRIC_COUNTER && !ends_with(row->name, "_total");
    snprintf(dst, cap, "tarn_%s%s", row->name, counter ? "_total" : "");
}

static void print_rows(struct buf *out, const struct published *p, const struct published_figures *f) {
    char name[128];
    for (unsigned i = 0; i < f->row_count; i++) {
        if (isnan(f->rows[i])) continue;
        const struct metric *row = published_row(p, i);
        row_name(row, name, sizeof name);
        single(out, name, row->help, f->rows[i]);
    }
}

static void print_instance(struct buf *out, const struct published_figures *f) {
    family(out, "redis_instance_info", "What this instance is.");
    buf_append_slice(out, SLICE("redis_instance_info{"));
    for (unsigned i = 0; i < PUBLISHED_TEXTS; i++) {
        buf_printf(out, "%s%s=\"", i ? "," : "", published_text_names[i]);
        append_escaped(out, f->texts[i]);
        buf_append(out, "\"", 1);
    }
    buf_append(out, "}", 1);
    value_line(out, 1);
}

static void print_commands(struct buf *out, const struct published_figures *f) {
    family(out, "redis_commands_total", "Calls of each command.");
    for (unsigned i = 0; i < f->command_count; i++) {
        labelled(out, "redis_commands_total", "cmd", f->commands[i].name, (double)f->commands[i].calls);
    }
    family(out, "redis_commands_duration_seconds_total", "Time spent in each command.");
    for (unsigned i = 0; i < f->command_count; i++) {
        labelled(out, "redis_commands_duration_seconds_total", "cmd", f->commands[i].name,
                 (double)f->commands[i].time_ns / 1e9);
    }
    family(out, "redis_commands_rejected_calls_total", "Calls refused before they ran.");
    for (unsigned i = 0; i < f->command_count; i++) {
        labelled(out, "redis_commands_rejected_calls_total", "cmd", f->commands[i].name,
                 (double)f->commands[i].rejected);
    }
    family(out, "redis_commands_failed_calls_total", "Calls that ended with an error.");
    for (unsigned i = 0; i < f->command_count; i++) {
        labelled(out, "redis_commands_failed_calls_total", "cmd", f->commands[i].name, (double)f->commands[i].failed);
    }
}

static void print_latency(struct buf *out, const struct published_figures *f, const struct published_command *c) {
    const char *name = "redis_latency_percentiles_usec";
    if (f->percentile_count == 0 || c->percentiles_us[0] < 0) return;
    for (unsigned i = 0; i < f->percentile_count; i++) {
        buf_printf(out, "%s{cmd=\"%s\",quantile=\"%g\"} %.15g\n", name, c->name, f->percentiles[i] / 100,
                   c->percentiles_us[i]);
    }
    buf_printf(out, "%s_count{cmd=\"%s\"} %llu\n", name, c->name, (unsigned long long)c->calls);
    buf_printf(out, "%s_sum{cmd=\"%s\"} %.15g\n", name, c->name, (double)c->time_ns / 1000);
}

static void print_databases(struct buf *out, const struct published_figures *f) {
    char name[16];
    static const char *const families[] = {"redis_db_keys", "redis_db_keys_expiring", "redis_db_avg_ttl_seconds"};
    static const char *const helps[] = {"Keys of a database.", "Keys with a time to live.", "Mean time to live."};
    for (unsigned k = 0; k < countof(families); k++) {
        family(out, families[k], helps[k]);
        for (unsigned i = 0; i < f->database_count; i++) {
            const struct published_database *d = &f->databases[i];
            double value = k == 0 ? (double)d->keys : k == 1 ? (double)d->expires : (double)d->average_ttl_ms / 1000;
            snprintf(name, sizeof name, "db%u", d->index);
            labelled(out, families[k], "db", name, value);
        }
    }
}

/* A gauge histogram: keys may leave it again. Bounds are inclusive, ours end below a power of two. */
static void print_spread(struct buf *out, const char *name, const struct published_account *a, const uint64_t *counts,
                         uint64_t sum) {
    char labels[48];
    uint64_t below = 0;
    unsigned end = ACCOUNT_BUCKETS;
    while (end > 0 && counts[end - 1] == 0) end--;
    snprintf(labels, sizeof labels, "db=\"db%u\",type=\"%s\"", a->db, entry_type_name(a->type));
    for (unsigned i = 0; i < end && i + 1 < ACCOUNT_BUCKETS; i++) {
        below += counts[i];
        buf_printf(out, "%s_bucket{%s,le=\"%llu\"} %llu\n", name, labels,
                   (unsigned long long)account_bucket_start(i + 1) - 1, (unsigned long long)below);
    }
    buf_printf(out, "%s_bucket{%s,le=\"+Inf\"} %llu\n", name, labels, (unsigned long long)a->account.keys);
    buf_printf(out, "%s_gcount{%s} %llu\n", name, labels, (unsigned long long)a->account.keys);
    buf_printf(out, "%s_gsum{%s} %llu\n", name, labels, (unsigned long long)sum);
}

static void print_accounts(struct buf *out, const struct published_figures *f) {
    buf_append_slice(out, SLICE("# TYPE tarn_key_elements gaugehistogram\n"
                                "# HELP tarn_key_elements Keys by their elements (a string's are its bytes).\n"));
    for (unsigned i = 0; i < f->account_count; i++) {
        const struct published_account *a = &f->accounts[i];
        print_spread(out, "tarn_key_elements", a, a->account.by_elements, a->account.elements);
    }
    buf_append_slice(out, SLICE("# TYPE tarn_key_bytes gaugehistogram\n# HELP tarn_key_bytes Keys by their memory.\n"));
    for (unsigned i = 0; i < f->account_count; i++) {
        const struct published_account *a = &f->accounts[i];
        print_spread(out, "tarn_key_bytes", a, a->account.by_bytes, a->account.bytes);
    }
}

static void print_figures(struct buf *out, const struct published *p, const struct published_figures *f) {
    print_instance(out, f);
    print_rows(out, p, f);
    print_commands(out, f);
    buf_append_slice(out, SLICE("# TYPE redis_latency_percentiles_usec summary\n"));
    for (unsigned i = 0; i < f->command_count; i++) print_latency(out, f, &f->commands[i]);
    print_databases(out, f);
    print_accounts(out, f);
    family(out, "redis_errors_total", "Error replies by their first word.");
    for (unsigned i = 0; i < f->error_count; i++) {
        labelled(out, "redis_errors_total", "err", f->errors[i].code, (double)f->errors[i].count);
    }
    single(out, "tarn_figures_age_seconds", "Age of the figures that the executor publishes.",
           (double)(clock_mono_us() - f->taken_us) / 1e6);
    single(out, "tarn_figures_duration_seconds", "Executor time that publishing them takes, once a second.",
           (double)f->duration_ns / 1e9);
}

/* ---- memory, read here and now ---- */

static double share(double a, double b) { return b > 0 ? a / b : 0; }

static void print_memory(struct buf *out, const struct published *p, const struct memory_tree *t) {
    double used = (double)t->used, rss = (double)t->rss, active = (double)t->heap.active;
    double allocated = (double)t->heap.allocated, resident = (double)t->heap.resident;
    int64_t dataset = 0;
    for (int i = MEM_STRINGS; i <= MEM_STREAMS; i++) dataset += mem_owner_bytes((enum mem_owner)i);
    const struct {
        const char *name, *help;
        double value;
    } lines[] = {
        {"redis_memory_used_bytes", "Bytes allocated, the sum over all owners.", used},
        {"redis_memory_used_rss_bytes", "Bytes of the process that are in memory.", rss},
        {"redis_memory_used_peak_bytes", "Highest redis_memory_used_bytes seen.", fmax((double)mem_peak(), used)},
        {"redis_memory_used_startup_bytes", "The same right after the start.", (double)mem_startup()},
        {"redis_memory_used_dataset_bytes", "Bytes of keys and values.", (double)dataset},
        {"redis_memory_used_overhead_bytes", "Bytes of all other owners.", used - (double)dataset},
        {"redis_memory_max_bytes", "maxmemory, 0 for none.", (double)published_moment(p, MOMENT_LIMIT)},
        {"redis_mem_fragmentation_ratio", "Memory of the process over used.", share(rss, used)},
        {"redis_mem_fragmentation_bytes", "Memory of the process minus used.", rss - used},
        {"redis_allocator_allocated_bytes", "Bytes the allocator has handed out.", allocated},
        {"redis_allocator_active_bytes", "Bytes of pages with something in them.", active},
        {"redis_allocator_resident_bytes", "Bytes of its pages that are in memory.", resident},
        {"redis_allocator_frag_ratio", "Active over allocated.", share(active, allocated)},
        {"redis_allocator_frag_bytes", "Active minus allocated.", active - allocated},
        {"redis_allocator_rss_ratio", "Resident over active.", share(resident, active)},
        {"redis_allocator_rss_bytes", "Resident minus active.", resident - active},
        {"tarn_memory_retained_bytes", "Address space kept with no memory behind it.", (double)t->retained},
    };
    for (size_t i = 0; i < countof(lines); i++) single(out, lines[i].name, lines[i].help, lines[i].value);
    family(out, "tarn_memory_node_bytes", "The memory tree: parents are the sums of their children.");
    for (unsigned i = 0; memory_tree_node(i); i++) {
        labelled(out, "tarn_memory_node_bytes", "node", memory_tree_node(i)->name, (double)t->bytes[i]);
    }
    family(out, "tarn_memory_owner_bytes", "Bytes by owner; their sum is redis_memory_used_bytes.");
    for (unsigned i = 0; memory_tree_node(i); i++) {
        if (memory_tree_node(i)->owner < 0) continue;
        labelled(out, "tarn_memory_owner_bytes", "owner", memory_tree_node(i)->name, (double)t->bytes[i]);
    }
    family(out, "tarn_memory_owner_blocks", "Allocations by owner.");
    for (unsigned i = 0; memory_tree_node(i); i++) {
        if (memory_tree_node(i)->owner < 0) continue;
        labelled(out, "tarn_memory_owner_blocks", "owner", memory_tree_node(i)->name, (double)t->blocks[i]);
    }
    family(out, "tarn_memory_node_count", "What a node of the memory tree holds: keys, clients, channels.");
    for (unsigned i = 0; memory_tree_node(i); i++) {
        if (t->counts[i] < 0) continue;
        labelled(out, "tarn_memory_node_count", "node", memory_tree_node(i)->name, (double)t->counts[i]);
    }
}

static void print_moment(struct buf *out, const struct published *p) {
    static const char *const phases[] = {"boot", "loading", "serving", "draining"};
    bool loading = published_moment(p, MOMENT_LOADING) != 0;
    family(out, "tarn_phase", "1 for the phase the server is in.");
    for (size_t i = 0; i < countof(phases); i++) {
        labelled(out, "tarn_phase", "phase", phases[i], strcmp(phases[i], published_phase(p)) == 0);
    }
    single(out, "tarn_executor_age_seconds", "How long the executor has not reported: it is busy.",
           (double)published_age_ms(p) / 1000);
    single(out, "tarn_load_progress_ratio", "Part of the load's time that has passed; 1 when nothing loads.",
           loading ? (double)published_moment(p, MOMENT_LOAD_PERCENT) / 100000 : 1);
    single(out, "tarn_load_keys", "Keys loaded by the load that runs.", (double)published_moment(p, MOMENT_LOAD_KEYS));
    single(out, "tarn_load_eta_seconds", "Time left, by the work left and what work has cost so far.",
           (double)published_moment(p, MOMENT_LOAD_LEFT_MS) / 1000);
}

void openmetrics_print(struct buf *out, const struct published *p, const struct published_figures *f,
                       const struct memory_tree *t) {
    single(out, "redis_up", "1: the process answers.", 1);
    print_moment(out, p);
    print_memory(out, p, t);
    if (f) print_figures(out, p, f);
    buf_append_slice(out, SLICE("# EOF\n"));
}
