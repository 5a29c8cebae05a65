/* INFO's facts that only the server knows: how it was configured, what it listens on, what waits for the reaper. */
#include "base/check.h"
#include "exec/executor.h"
#include "io/loop.h"
#include "io/thread.h"
#include "server/config.h"
#include "server/memory_plan.h"
#include "server/network.h"
#include "server/server.h"
#include "server/settings.h"
#include "server/supervise.h"

#define READ_INTEGER(name, expression)                                                    \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        (void)scope;                                                                      \
        metric_int(out, (int64_t)(expression));                                           \
    }
#define READ_TEXT(name, expression)                                                       \
    static void read_##name(const struct metric_scope *scope, struct metric_value *out) { \
        (void)scope;                                                                      \
        metric_text(out, (expression));                                                   \
    }

static const char *policy_name(void) {
    static const char *const names[] = {
        [EVICT_VOLATILE_LRU] = "volatile-lru",       [EVICT_VOLATILE_LFU] = "volatile-lfu",
        [EVICT_VOLATILE_RANDOM] = "volatile-random", [EVICT_VOLATILE_TTL] = "volatile-ttl",
        [EVICT_ALLKEYS_LRU] = "allkeys-lru",         [EVICT_ALLKEYS_LFU] = "allkeys-lfu",
        [EVICT_ALLKEYS_RANDOM] = "allkeys-random",   [EVICT_NOTHING] = "noeviction",
        [EVICT_VOLATILE_LRM] = "volatile-lrm",       [EVICT_ALLKEYS_LRM] = "allkeys-lrm",
    };
    return names[server_settings()->maxmemory_policy];
}

READ_TEXT(supervised, supervise_name())
READ_TEXT(phase, server_phase_name())
READ_INTEGER(port, server_settings()->port)
READ_INTEGER(hz, server_settings()->hz)
READ_TEXT(config_file, config_file_path())
READ_INTEGER(io_threads, 0)
READ_TEXT(policy, policy_name())
READ_INTEGER(reaper_pending, reaper_pending(server_reaper()))
READ_INTEGER(turns, loop_stats(server_loop())->turns)
READ_INTEGER(turn_time, loop_stats(server_loop())->duration_us_sum)
READ_INTEGER(turn_max, loop_stats(server_loop())->duration_us_max)
READ_INTEGER(turn_rate, server_turn_rate())
READ_INTEGER(turn_mean, server_turn_mean_us())
READ_INTEGER(command_time, scope->executor->stats.command_time_ns / 1000)

/* The shares of maxmemory auto; left out under a given maxmemory. */
#define READ_SHARE(name)                                                                        \
    static void read_share_##name(const struct metric_scope *scope, struct metric_value *out) { \
        (void)scope;                                                                            \
        metric_int(out, settings_memory_plan()->name);                                          \
        if (server_settings()->maxmemory_given >= 0) out->kind = METRIC_NONE;                   \
    }
READ_SHARE(available)
READ_SHARE(clients)
READ_SHARE(replication)
READ_SHARE(slack)
READ_INTEGER(clients_limit, network_clients_limit())
READ_INTEGER(clients_bytes, network_client_bytes(server_network()))

static void listeners(const struct metric_scope *scope, metric_emit *emit, void *arg) {
    (void)scope;
    network_describe_listeners(server_network(), emit, arg);
}

#define GAUGE(section_, field, reader, text) \
    { .section = section_, .name = field, .class = METRIC_GAUGE, .help = text, .read = reader }
#define COUNTER(section_, field, reader, text) \
    { .section = section_, .name = field, .class = METRIC_COUNTER, .help = text, .read = reader }
#define STATE(section_, field, reader, text) \
    { .section = section_, .name = field, .class = METRIC_STATE, .help = text, .read = reader }

const struct metric server_metrics[] = {
    STATE("server", "process_supervised", read_supervised, "The supervisor that the server reports to."),
    STATE("server", "tarn_phase", read_phase, "boot, loading, serving or draining."),
    GAUGE("server", "tcp_port", read_port, "The TCP port, 0 for none."),
    GAUGE("server", "hz", read_hz, "Rate of the periodic work, as configured."),
    GAUGE("server", "configured_hz", read_hz, "The same."),
    STATE("server", "config_file", read_config_file, "Absolute path of the configuration file."),
    GAUGE("server", "io_threads_active", read_io_threads, "Whether extra I/O threads run."),
    {.section = "server",
     .name = "listenerN",
     .class = METRIC_STATE,
     .help = "One line a listener.",
     .lines = listeners},
    COUNTER("stats", "eventloop_cycles", read_turns, "Turns of the event loop."),
    COUNTER("stats", "eventloop_duration_sum", read_turn_time, "Microseconds spent in turns, without waiting."),
    COUNTER("stats", "eventloop_duration_cmd_sum", read_command_time, "Microseconds spent in commands."),
    GAUGE("stats", "instantaneous_eventloop_cycles_per_sec", read_turn_rate, "Turns in the last second."),
    GAUGE("stats", "instantaneous_eventloop_duration_usec", read_turn_mean, "Mean time of a turn in the last second."),
    GAUGE("debug", "eventloop_duration_max", read_turn_max, "The longest turn in microseconds."),
    STATE("memory", "maxmemory_policy", read_policy, "What happens at the limit."),
    GAUGE("memory", "maxmemory_auto_available", read_share_available, "Memory of the container or machine."),
    GAUGE("memory", "maxmemory_auto_clients", read_share_clients, "Of it, reserved for clients."),
    GAUGE("memory", "maxmemory_auto_replication", read_share_replication, "Reserved for replication and AOF."),
    GAUGE("memory", "maxmemory_auto_slack", read_share_slack, "Reserved for the allocator, saves and the process."),
    GAUGE("memory", "mem_clients_filed", read_clients_bytes, "Bytes of all clients, as maxmemory-clients counts them."),
    GAUGE("memory", "maxmemory_clients", read_clients_limit, "What all clients may hold together, 0 for no limit."),
    GAUGE("memory", "lazyfree_pending_objects", read_reaper_pending, "Frees that wait for the reaper."),
};
const unsigned server_metric_count = countof(server_metrics);
