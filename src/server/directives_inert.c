/* Directives of the peers that have no effect in this version, so that an existing configuration starts and tools find what
 * they ask for: accepted, checked, stored, reported, and mentioned once in the log when set to anything but the default.
 * Defaults are Valkey 8.1's. A row moves from here to the file of its owner with the thing that it steers.
 *
 * The storage of a value that nobody reads has no name: it is the compound literal in its row. */
#include "base/check.h"
#include "base/num.h"
#include "server/config.h"

#include <limits.h>
#include <stdio.h>

#define FIXED       DIRECTIVE_IMMUTABLE
#define HIDDEN      DIRECTIVE_HIDDEN
#define SECRET      DIRECTIVE_SENSITIVE
#define PROTECTED   DIRECTIVE_PROTECTED
#define NOT_LOADING DIRECTIVE_NOT_LOADING
#define MULTI       DIRECTIVE_MULTI

#define ROW(name_, alias_, initial_, flags_, type_, storage)                                                         \
    .name = (name_), .alias = (alias_), .type = (type_), .flags = DIRECTIVE_INERT | (flags_), .initial = (initial_), \
    .value = &(storage) {                                                                                            \
        0                                                                                                            \
    }
#define YES_NO(name_, alias_, initial_, flags_) \
    { ROW(name_, alias_, initial_, flags_, DIRECTIVE_BOOL, bool) }
#define TEXT(name_, alias_, initial_, flags_) \
    { ROW(name_, alias_, initial_, flags_, DIRECTIVE_STRING, const char *) }
#define NUMBER(name_, alias_, initial_, min_, max_, flags_) \
    { ROW(name_, alias_, initial_, flags_, DIRECTIVE_INT, int64_t), .min = (min_), .max = (max_) }
#define MEMORY(name_, alias_, initial_, min_, max_, flags_) \
    { ROW(name_, alias_, initial_, flags_, DIRECTIVE_MEMORY, int64_t), .min = (min_), .max = (max_) }
#define CHOICE(name_, alias_, initial_, choices_, flags_) \
    { ROW(name_, alias_, initial_, flags_, DIRECTIVE_ENUM, int), .choices = (choices_) }

static const struct directive_choice acl_pubsub_default_choices[] = {{"allchannels", 0}, {"resetchannels", 1}, {0}};
static const struct directive_choice bgsave_default_method_choices[] = {{"fork", 0}, {"forkless", 1}, {0}};
static const struct directive_choice cluster_config_save_behavior_choices[] = {{"sync", 0}, {"best-effort", 1}, {0}};
static const struct directive_choice cluster_preferred_endpoint_type_choices[] = {
    {"ip", 0}, {"hostname", 1}, {"unknown-endpoint", 2}, {0}};
static const struct directive_choice oom_score_adj_choices[] = {
    {"no", 0}, {"yes", 1}, {"relative", 2}, {"absolute", 3}, {0}};
static const struct directive_choice propagation_error_behavior_choices[] = {
    {"ignore", 0}, {"panic", 1}, {"panic-on-replicas", 2}, {0}};
static const struct directive_choice repl_compression_choices[] = {{"no", 0}, {"yes", 1}, {"lz4", 2}, {"zstd", 3}, {0}};
static const struct directive_choice repl_diskless_load_choices[] = {
    {"disabled", 0}, {"on-empty-db", 1}, {"swapdb", 2}, {"flush-before-load", 3}, {"flushdb", 4}, {0}};
static const struct directive_choice tls_auth_clients_choices[] = {{"no", 0}, {"yes", 1}, {"optional", 2}, {0}};
static const struct directive_choice tls_auth_clients_user_choices[] = {{"off", 0}, {"CN", 1}, {"URI", 2}, {0}};

/* Not inert but refused: a replica that never follows its primary would serve nothing, or old data, without a word. */
static const char *set_replicaof(const struct slice *words, int count, bool first) {
    (void)first;
    if (count == 1 && words[0].len == 0) return NULL;
    if (count != 2) return "wrong number of arguments";
    if (slice_is(words[0], "no") && slice_is(words[1], "one")) return NULL;
    return "replication is not supported yet";
}

static size_t get_replicaof(char *dst, size_t cap) {
    (void)dst, (void)cap;
    return 0;
}

static int64_t oom_values[3];

static const char *set_oom_values(const struct slice *words, int count, bool first) {
    int64_t v[3];
    (void)first;
    if (count != 3) return "wrong number of arguments";
    for (int i = 0; i < 3; i++) {
        if (!num_parse_i64(words[i], &v[i]) || v[i] < -2000 || v[i] > 2000) {
            return "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
        }
    }
    memcpy(oom_values, v, sizeof v);
    return NULL;
}

static size_t get_oom_values(char *dst, size_t cap) {
    int n = snprintf(dst, cap, "%d %d %d", (int)oom_values[0], (int)oom_values[1], (int)oom_values[2]);
    return (size_t)n < cap ? (size_t)n : cap;
}

static const struct directive rows[] = {
    /* persistence (AOF) */
    TEXT("aof-rewrite-cpulist", "aof_rewrite_cpulist", "", FIXED),
    TEXT("bgsave-cpulist", "bgsave_cpulist", "", FIXED),
    CHOICE("bgsave-default-method", NULL, "fork", bgsave_default_method_choices, 0),
    YES_NO("forkless-infrastructure-enabled", NULL, "no", FIXED),
    /* replication */
    NUMBER("backup-sealed-ttl", NULL, "0", 0, INT64_MAX, 0),
    YES_NO("dual-channel-replication-enabled", NULL, "no", 0),
    NUMBER("min-replicas-max-lag", "min-slaves-max-lag", "10", 0, INT_MAX, 0),
    NUMBER("min-replicas-to-write", "min-slaves-to-write", "0", 0, INT_MAX, 0),
    TEXT("primaryauth", "masterauth", "", SECRET),
    TEXT("primaryuser", "masteruser", "", SECRET),
    MEMORY("repl-backlog-size", NULL, "10485760", 1, INT64_MAX, 0),
    NUMBER("repl-backlog-ttl", NULL, "3600", 0, INT64_MAX, 0),
    CHOICE("repl-compression", NULL, "no", repl_compression_choices, 0),
    YES_NO("repl-disable-tcp-nodelay", NULL, "no", 0),
    CHOICE("repl-diskless-load", NULL, "disabled", repl_diskless_load_choices, NOT_LOADING),
    YES_NO("repl-diskless-sync", NULL, "yes", 0),
    NUMBER("repl-diskless-sync-delay", NULL, "5", 0, INT_MAX, 0),
    NUMBER("repl-diskless-sync-max-replicas", NULL, "0", 0, INT_MAX, 0),
    YES_NO("repl-mptcp", NULL, "no", FIXED),
    NUMBER("repl-ping-replica-period", "repl-ping-slave-period", "10", 1, INT_MAX, 0),
    YES_NO("repl-throttling-enabled", NULL, "no", 0),
    NUMBER("repl-timeout", NULL, "60", 1, INT_MAX, 0),
    TEXT("replica-announce-ip", "slave-announce-ip", "", 0),
    {.name = "replicaof",
     .alias = "slaveof",
     .type = DIRECTIVE_SPECIAL,
     .flags = FIXED | MULTI,
     .initial = "",
     .set = set_replicaof,
     .get = get_replicaof},
    NUMBER("replica-announce-port", "slave-announce-port", "0", 0, 65535, 0),
    YES_NO("replica-announced", NULL, "yes", 0),
    YES_NO("replica-ignore-disk-write-errors", NULL, "no", 0),
    YES_NO("replica-ignore-maxmemory", "slave-ignore-maxmemory", "yes", 0),
    YES_NO("replica-lazy-flush", "slave-lazy-flush", "yes", 0),
    NUMBER("replica-priority", "slave-priority", "100", 0, INT_MAX, 0),
    YES_NO("replica-read-only", "slave-read-only", "yes", 0),
    YES_NO("replica-serve-stale-data", "slave-serve-stale-data", "yes", 0),
    /* cluster */
    YES_NO("cluster-allow-pubsubshard-when-down", NULL, "yes", 0),
    YES_NO("cluster-allow-reads-when-down", NULL, "no", 0),
    YES_NO("cluster-allow-replica-migration", NULL, "yes", 0),
    NUMBER("cluster-announce-bus-port", NULL, "0", 0, 65535, 0),
    TEXT("cluster-announce-client-ipv4", NULL, "", 0),
    TEXT("cluster-announce-client-ipv6", NULL, "", 0),
    NUMBER("cluster-announce-client-port", NULL, "0", 0, 65535, 0),
    NUMBER("cluster-announce-client-tls-port", NULL, "0", 0, 65535, 0),
    TEXT("cluster-announce-hostname", NULL, "", 0),
    TEXT("cluster-announce-human-nodename", NULL, "", 0),
    TEXT("cluster-announce-ip", NULL, "", 0),
    NUMBER("cluster-announce-port", NULL, "0", 0, 65535, 0),
    NUMBER("cluster-announce-tls-port", NULL, "0", 0, 65535, 0),
    NUMBER("cluster-blacklist-ttl", NULL, "60", 0, INT64_MAX, 0),
    NUMBER("cluster-compatibility-sample-ratio", NULL, "0", 0, 100, 0),
    TEXT("cluster-config-file", NULL, "nodes.conf", FIXED),
    CHOICE("cluster-config-save-behavior", NULL, "sync", cluster_config_save_behavior_choices, 0),
    NUMBER("cluster-databases", NULL, "1", 1, INT_MAX, FIXED),
    YES_NO("cluster-enabled", NULL, "no", FIXED),
    MEMORY("cluster-link-sendbuf-limit", NULL, "0", 0, INT64_MAX, 0),
    NUMBER("cluster-manual-failover-timeout", NULL, "5000", 1, INT_MAX, 0),
    NUMBER("cluster-message-gossip-perc", NULL, "10", 1, 100, HIDDEN),
    NUMBER("cluster-migration-barrier", NULL, "1", 0, INT_MAX, 0),
    NUMBER("cluster-node-timeout", NULL, "15000", 0, INT64_MAX, 0),
    NUMBER("cluster-ping-interval", NULL, "0", 0, INT64_MAX, HIDDEN),
    NUMBER("cluster-port", NULL, "0", 0, 65535, FIXED),
    CHOICE("cluster-preferred-endpoint-type", NULL, "ip", cluster_preferred_endpoint_type_choices, 0),
    YES_NO("cluster-replica-no-failover", "cluster-slave-no-failover", "no", 0),
    NUMBER("cluster-replica-validity-factor", "cluster-slave-validity-factor", "10", 0, INT_MAX, 0),
    YES_NO("cluster-require-full-coverage", NULL, "yes", 0),
    MEMORY("cluster-slot-migration-handoff-max-lag-bytes", NULL, "1mb", 0, INT64_MAX, 0),
    NUMBER("cluster-slot-migration-log-max-len", NULL, "1000", 0, INT64_MAX, 0),
    NUMBER("cluster-slot-migration-write-pause-timeout", NULL, "10000", 0, INT64_MAX, 0),
    YES_NO("cluster-slot-stats-enabled", NULL, "no", 0),
    MEMORY("slot-migration-max-failover-repl-bytes", NULL, "0", -1, INT64_MAX, 0),
    /* TLS and other transports */
    TEXT("bind-source-addr", NULL, "", 0),
    YES_NO("mptcp", NULL, "no", FIXED),
    TEXT("rdma-bind", NULL, "", MULTI),
    NUMBER("rdma-completion-vector", NULL, "-1", -1, 1024, FIXED),
    NUMBER("rdma-port", NULL, "0", 0, 65535, 0),
    NUMBER("rdma-rx-size", NULL, "1048576", 65536, 16777216, FIXED),
    NUMBER("socket-mark-id", NULL, "0", 0, UINT_MAX, FIXED),
    TEXT("tls-alt-cert-file", NULL, "", 0),
    TEXT("tls-alt-key-file", NULL, "", 0),
    TEXT("tls-alt-key-file-pass", NULL, "", SECRET),
    CHOICE("tls-auth-clients", NULL, "yes", tls_auth_clients_choices, 0),
    CHOICE("tls-auth-clients-user", NULL, "off", tls_auth_clients_user_choices, 0),
    NUMBER("tls-auto-reload-interval", NULL, "0", 0, INT_MAX, 0),
    TEXT("tls-ca-cert-dir", NULL, "", 0),
    TEXT("tls-ca-cert-file", NULL, "", 0),
    TEXT("tls-cert-file", NULL, "", 0),
    TEXT("tls-ciphers", NULL, "", 0),
    TEXT("tls-ciphersuites", NULL, "", 0),
    TEXT("tls-client-cert-file", NULL, "", 0),
    TEXT("tls-client-key-file", NULL, "", 0),
    TEXT("tls-client-key-file-pass", NULL, "", SECRET),
    YES_NO("tls-cluster", NULL, "no", 0),
    TEXT("tls-dh-params-file", NULL, "", 0),
    TEXT("tls-key-file", NULL, "", 0),
    TEXT("tls-key-file-pass", NULL, "", SECRET),
    NUMBER("tls-port", NULL, "0", 0, 65535, 0),
    YES_NO("tls-prefer-server-ciphers", NULL, "no", 0),
    TEXT("tls-protocols", NULL, "", 0),
    YES_NO("tls-replication", NULL, "no", 0),
    NUMBER("tls-session-cache-size", NULL, "20480", 0, INT_MAX, 0),
    NUMBER("tls-session-cache-timeout", NULL, "300", 0, INT_MAX, 0),
    YES_NO("tls-session-caching", NULL, "yes", 0),
    /* data structures */
    NUMBER("array-slice-size", NULL, "4096", 0, INT64_MAX, 0),
    NUMBER("array-sparse-kmax", NULL, "10", 0, INT64_MAX, 0),
    NUMBER("array-sparse-kmin", NULL, "5", 0, INT64_MAX, 0),
    YES_NO("bitmap-default-roaring", NULL, "no", 0),
    NUMBER("hash-max-template-entries", NULL, "0", 0, INT64_MAX, 0),
    NUMBER("hash-min-template-entries", NULL, "0", 0, INT64_MAX, 0),
    NUMBER("hash-rdb-load-max-template-entries", NULL, "0", 0, INT64_MAX, 0),
    NUMBER("hash-rdb-load-min-template-entries", NULL, "0", 0, INT64_MAX, 0),
    NUMBER("hash-rdb-load-template-disassembly-threshold", NULL, "0", 0, INT64_MAX, 0),
    TEXT("hash-seed", NULL, "", FIXED),
    NUMBER("stream-idmp-duration", NULL, "100", 0, INT64_MAX, 0),
    NUMBER("stream-idmp-maxsize", NULL, "100", 0, INT64_MAX, 0),
    /* memory */
    YES_NO("activerehashing", NULL, "yes", 0),
    YES_NO("key-memory-histograms", NULL, "no", FIXED),
    MEMORY("maxmemory-scripts", NULL, "0", 0, INT64_MAX, 0),
    CHOICE("oom-score-adj", NULL, "no", oom_score_adj_choices, 0),
    {.name = "oom-score-adj-values",
     .type = DIRECTIVE_SPECIAL,
     .flags = DIRECTIVE_INERT | DIRECTIVE_MULTI,
     .initial = "0 200 800",
     .set = set_oom_values,
     .get = get_oom_values},
    /* clients and threads */
    CHOICE("acl-pubsub-default", NULL, "resetchannels", acl_pubsub_default_choices, 0),
    NUMBER("acllog-max-len", NULL, "128", 0, INT64_MAX, 0),
    TEXT("availability-zone", NULL, "", 0),
    TEXT("bio-cpulist", "bio_cpulist", "", FIXED),
    NUMBER("busy-reply-threshold", "lua-time-limit", "5000", 0, INT64_MAX, 0),
    NUMBER("client-default-resp", NULL, "2", 2, 3, FIXED | HIDDEN),
    YES_NO("crash-log-enabled", NULL, "yes", 0),
    YES_NO("crash-memcheck-enabled", NULL, "yes", 0),
    TEXT("debug-context", NULL, "", HIDDEN),
    YES_NO("enable-debug-assert", NULL, "no", FIXED | HIDDEN),
    NUMBER("events-per-io-thread", NULL, "2", 0, INT_MAX, HIDDEN),
    TEXT("ignore-warnings", NULL, "", 0),
    YES_NO("import-mode", NULL, "no", 0),
    YES_NO("io-threads-always-active", NULL, "no", HIDDEN),
    YES_NO("io-threads-do-reads", NULL, "no", FIXED),
    TEXT("locale-collate", NULL, "", 0),
    NUMBER("lookahead", NULL, "16", 0, INT64_MAX, 0),
    YES_NO("lua-enable-insecure-api", "lua-enable-deprecated-api", "no", HIDDEN | PROTECTED),
    NUMBER("max-new-connections-per-cycle", NULL, "10", 1, 1000, 0),
    NUMBER("max-new-tls-connections-per-cycle", NULL, "1", 1, 1000, 0),
    NUMBER("maxclients-reserved", NULL, "0", 0, INT64_MAX, 0),
    NUMBER("min-io-threads-avoid-copy-reply", NULL, "7", 0, INT64_MAX, HIDDEN),
    NUMBER("min-string-size-avoid-copy-reply", NULL, "16384", 0, INT64_MAX, HIDDEN),
    NUMBER("min-string-size-avoid-copy-reply-threaded", NULL, "65536", 0, INT64_MAX, HIDDEN),
    NUMBER("prefetch-batch-max-size", NULL, "16", 0, 128, 0),
    NUMBER("priority-preemptive-poll-interval-us", NULL, "0", 0, INT64_MAX, 0),
    TEXT("priority-subnets", NULL, "", MULTI),
    CHOICE("propagation-error-behavior", NULL, "ignore", propagation_error_behavior_choices, 0),
    TEXT("req-res-logfile", NULL, "", FIXED | HIDDEN),
    TEXT("server-cpulist", "server_cpulist", "", FIXED),
    YES_NO("use-exit-on-panic", NULL, "no", HIDDEN),
    NUMBER("watchdog-period", NULL, "0", 0, INT_MAX, HIDDEN),
};

const struct directive_list inert_directives = {rows, countof(rows)};
