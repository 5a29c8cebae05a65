/* INFO replication and cluster: the truths of a primary that is alone. */
#include "base/check.h"
#include "observe/observe_int.h"

#define BACKLOG_SIZE_BYTES 1048576 /* the default of repl-backlog-size, as long as there is no backlog */

static void read_zero(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_int(out, 0);
}

static void read_minus_one(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_int(out, -1);
}

static void read_role(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_text(out, "master");
}

static void read_failover(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_text(out, "no-failover");
}

static void read_id(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_text(out, observe.replication_id);
}

static void read_no_id(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_text(out, "0000000000000000000000000000000000000000");
}

static void read_backlog_size(const struct metric_scope *scope, struct metric_value *out) {
    (void)scope;
    metric_int(out, BACKLOG_SIZE_BYTES);
}

#define ROW(field, kind, reader, text) \
    { .section = "replication", .name = field, .class = kind, .help = text, .read = reader }

static const struct metric rows[] = {
    ROW("role", METRIC_STATE, read_role, "master or slave"),
    ROW("connected_slaves", METRIC_GAUGE, read_zero, "Replicas connected"),
    ROW("replicas_waiting_psync", METRIC_GAUGE, read_zero, "Replicas that wait for the end of their full copy"),
    ROW("master_failover_state", METRIC_STATE, read_failover, "State of a coordinated failover"),
    ROW("master_replid", METRIC_STATE, read_id, "Id of this history of changes"),
    ROW("master_replid2", METRIC_STATE, read_no_id, "Id of the history before a failover"),
    ROW("master_repl_offset", METRIC_COUNTER, read_zero, "Bytes of changes so far"),
    ROW("second_repl_offset", METRIC_GAUGE, read_minus_one, "Up to which offset master_replid2 holds"),
    ROW("repl_backlog_active", METRIC_GAUGE, read_zero, "1 when a backlog is kept"),
    ROW("repl_backlog_size", METRIC_GAUGE, read_backlog_size, "Bytes a backlog may hold"),
    ROW("repl_backlog_first_byte_offset", METRIC_GAUGE, read_zero, "Offset of the oldest byte in the backlog"),
    ROW("repl_backlog_histlen", METRIC_GAUGE, read_zero, "Bytes in the backlog"),
    {.section = "cluster",
     .name = "cluster_enabled",
     .class = METRIC_STATE,
     .help = "1 in cluster mode",
     .read = read_zero},
};
const struct metric_list replication_metrics = {rows, countof(rows)};
