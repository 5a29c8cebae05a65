/* Private to observe/: the room's state, and what its files share. */
#ifndef TARN_OBSERVE_INT_H
#define TARN_OBSERVE_INT_H

#include "base/metric.h"
#include "exec/command.h"
#include "observe/commandlog.h"
#include "observe/hotkeys.h"
#include "observe/info.h"
#include "observe/latency.h"
#include "observe/memory_facts.h"
#include "observe/observe.h"

#include <stdalign.h>

#define INFO_SECTIONS_COUNT 16
#define PERCENTILES_MAX     8 /* as many as the executor takes */

struct analysis;
struct context;
struct executor;
struct observer;
struct prefix_shelf;
struct reply;
struct session;

struct info_section_rows {
    const struct metric **rows;
    unsigned count;
};

struct observe_state {
    /* What observe_ran compares: the smallest duration and sizes that anything here wants to hear of. */
    alignas(64) uint64_t remarkable_ns;
    size_t remarkable_request, remarkable_reply;
    uint64_t slowest_ns;     /* of the commands since the last beat */
    struct hotkeys *hotkeys; /* NULL: off */

    struct executor *executor;
    struct info_section_rows sections[INFO_SECTIONS_COUNT]; /* in the order of info.c's table */
    struct memory_facts memory;                             /* as of the last info_print or MEMORY STATS */
    char replication_id[41];
    char build_id[17];

    struct commandlog logs[COMMANDLOG_KINDS];
    struct commandlog_limits log_limits;
    struct latency_monitor latency;
    bool (*is_sensitive)(struct slice directive);

    /* Directives. */
    int64_t latency_threshold_ms; /* 0: off */
    bool latency_tracking;
    double percentiles[PERCENTILES_MAX];
    unsigned percentile_count;
    int64_t http_port;
    const char *http_bind, *http_hosts, *http_token;

    struct purge *purge;       /* NULL: not started */
    struct observer *observer; /* NULL: not started */
    struct analysis *analysis; /* NULL: not started */
    struct prefix_shelf *shelf;
    const char *prefix_delimiter;
    struct hotkeys_settings hotkeys_settings;
    int64_t analysis_delay_us;
};

extern struct observe_state observe;

/* This room's rows, in the order in which they stand in INFO. */
extern const struct metric_list process_metrics, memory_metrics, replication_metrics, keyspace_metrics, hotkeys_metrics;

extern const struct command_row memory_subcommands[], latency_subcommands[], slowlog_subcommands[],
    commandlog_subcommands[], hotkeys_subcommands[];
extern const char *const memory_help[], *const latency_help[], *const slowlog_help[], *const commandlog_help[],
                                                                                          *const hotkeys_help[];

/* info.c: one row more; its section must be in the table. */
void info_register(const struct metric *row);
void info_release(void);

/* memory_views.c */
void memory_run_tree(struct context *c);
void memory_run_history(struct context *c);
/* memory_top.c */
void memory_run_top(struct context *c);
void memory_top_show(struct executor *x); /* the served dataset's biggest keys, on the executor's board */

/* doctor_command.c */
void memory_run_doctor(struct context *c);

void hotkeys_start(void); /* with the directives read */

/* analysis.c */
void memory_run_analyze(struct context *c);
void memory_run_prefixes(struct context *c);

/* One reply that is a text for people. */
void reply_text(struct reply *r, struct buf *text);

#endif
