/* The executor: what a thread needs to run commands on one dataset: the command index, the sessions, the phase, the pause and
 * the counters. server/ has one for clients; the AOF replayer and unit tests make their own. One thread at a time. */
#ifndef TARN_EXEC_EXECUTOR_H
#define TARN_EXEC_EXECUTOR_H

#include "base/list.h"
#include "base/random.h"
#include "exec/command.h"
#include "exec/session.h"
#include "keyspace/dataset.h"

struct blocking;
struct context;
struct executor_sampler;
struct journal;
struct memory_limit;
struct pubsub;
struct top_board;
struct tracking;
struct watchers;

enum pause_kind { PAUSE_NONE, PAUSE_WRITE, PAUSE_ALL };
/* Whose pause it is: each has its own, so that nobody lifts another's. */
enum pause_reason {
    PAUSE_OF_CLIENT, /* CLIENT PAUSE */
    PAUSE_OF_SHUTDOWN,
    PAUSE_OF_LOAD, /* DEBUG RELOAD */
    PAUSE_OF_AOF,  /* a sync that is too late */
    PAUSE_OF_MIGRATE,
    PAUSE_OF_MEMORY, /* limit.h: a snapshot keeps too much */
    PAUSE_REASONS
};

/* The classes of key events, as notify-keyspace-events selects them. */
enum notify_class {
    NOTIFY_GENERIC = 1 << 0,
    NOTIFY_STRING = 1 << 1,
    NOTIFY_LIST = 1 << 2,
    NOTIFY_SET = 1 << 3,
    NOTIFY_HASH = 1 << 4,
    NOTIFY_ZSET = 1 << 5,
    NOTIFY_EXPIRED = 1 << 6,
    NOTIFY_EVICTED = 1 << 7,
    NOTIFY_STREAM = 1 << 8,
    NOTIFY_MISS = 1 << 9,
    NOTIFY_NEW = 1 << 10,
};
struct executor_hooks {
    void *arg;
    /* Why writes are refused now (MISCONF after a failed save): the error text, or NULL. */
    const char *(*refuse_write)(void *arg);
    /* Why a CMD_PROTECTED command is refused for this session, or NULL. */
    const char *(*refuse_protected)(void *arg, const struct context *c);
    /* After every command that ran (slowlog, latency monitor, MONITOR's feed is before). duration in ns. */
    void (*ran)(void *arg, const struct context *c, uint64_t duration_ns);
    /* Somebody reads the frozen dataset who can do without, and ends that before it returns. NULL: nobody such. */
    void (*give_way)(void *arg);
    /* A key event, as keyspace notifications name it. NULL until someone listens. */
    void (*notify)(void *arg, unsigned class, const char *event, struct slice key, unsigned db);
};

struct executor_stats {
    uint64_t commands, connections, rejected_connections;
    uint64_t errors, unexpected_errors;
    uint64_t auth_failures, acl_denied_commands;
    uint64_t net_in, net_out, reads, writes;
    uint64_t query_buffer_closed, output_buffer_closed;
    uint64_t evicted_clients;
    /* Sum over all commands, brought up to date by executor_sample and executor_flush_times. */
    uint64_t command_time_ns;
    /* Maxima of this second: the carrier raises them, executor_sample files them. */
    uint64_t client_peak_in, client_peak_out;
    double ops_per_s, in_kib_per_s, out_kib_per_s; /* set by executor_sample */
};

struct error_count {
    char code[32];
    uint64_t count;
};
#define EXECUTOR_ERROR_CODES_MAX 128

#define EXECUTOR_PERCENTILES_MAX 8

struct executor {
    struct command_index *commands;
    struct dataset *dataset; /* never NULL; an empty one while loading */
    bool loading;            /* only CMD_LOADING commands run */
    bool async_loading;
    struct list_node sessions;  /* struct session.place */
    struct list_node blocked;   /* struct session.waiting */
    struct list_node postponed; /* the same */
    struct list_node monitors;  /* struct session.monitoring */
    struct watchers *watchers;  /* transaction.h */
    struct pubsub *pubsub;
    struct tracking *tracking;
    struct blocking *blocking;
    struct journal *journal; /* journal.h; NULL: nobody keeps one. Set by executor_set_journal */
    struct buf drain;        /* where replies go that nobody wants */
    uint64_t errors_filed;   /* errors counted so far: one inside EXEC is counted there alone */
    char refusal_text[160];
    struct session *current; /* whose command runs now, or NULL */
    uint32_t dataset_epoch;  /* counts replacements, so that a hash made for an older dataset is not used */
    int64_t wait_floor_ms;   /* no blocked session has an earlier deadline; INT64_MAX: none has one */
    size_t session_count, blocked_count;
    uint64_t next_session_id;
    int64_t now_ms;         /* wall, set by executor_begin_batch */
    enum pause_kind pause;  /* the strictest of the pauses */
    int64_t pause_until_ms; /* when the first of them ends */
    struct {
        enum pause_kind kind;
        int64_t until_ms;
    } pauses[PAUSE_REASONS];
    struct executor_stats stats;
    struct error_count error_counts[EXECUTOR_ERROR_CODES_MAX];
    unsigned error_code_count;
    struct executor_hooks hooks;
    unsigned notify_classes; /* what hooks.notify wants to hear of that the keyspace must be asked for */
    /* Given to every dataset that is put in place; only .defer is the owner's to set, the others and .arg are executor_listen's. */
    struct keyspace_hooks keyspace;
    /* The biggest keys for other threads, and of what is loaded for this one (keyspace/top.h); or NULL. */
    struct top_board *top;
    struct random random;
    const char *password; /* requirepass, "" when none */
    bool latency_tracking;
    double percentiles[EXECUTOR_PERCENTILES_MAX]; /* latency-tracking-info-percentiles; 50 99 99.9 unless set */
    unsigned percentile_count;
    int64_t string_max;         /* proto-max-bulk-len; 512 MB unless set */
    int64_t session_limit;      /* maxclients, for show; 0: not told */
    int64_t used_memory_limit;  /* maxmemory, 0 none; CMD_DENYOOM is refused beyond it where no key may go */
    struct memory_limit *limit; /* limit.h */
    char run_id[41];
    int64_t start_ms;
    uint64_t ticks_now;               /* end of the last command of this batch, 0 at its start */
    uint64_t ticks_unfiled;           /* not yet in stats.command_time_ns */
    struct executor_sampler *sampler; /* executor_int.h */
};

void executor_init(struct executor *x, const struct command_list *lists, unsigned count, struct dataset *dataset);
void executor_release(struct executor *x); /* proven: no sessions left; the dataset is the caller's */
/* The dataset of a finished load or full sync takes the place of the old one, which is returned. It gets
 * the hooks of `keyspace` and goes on with the old one's hits, misses and expired keys. */
struct dataset *executor_replace_dataset(struct executor *x, struct dataset *fresh);

/* Takes the time for all commands until the next call: x->now_ms and the dataset's. ~30 ns. */
void executor_begin_batch(struct executor *x);

/* A request ready to run. Filled by executor_prepare: resolves the command and hashes its first key, so that a batch can be
 * prefetched (db_prefetch) before it runs. */
struct request {
    const struct slice *argv;
    int argc;
    struct resp_blocks *blocks; /* of long arguments (resp_block.h), which the command may take; NULL: none */
    struct command *command;    /* NULL: unknown */
    int key_index;              /* of the hashed key; 0: none */
    uint64_t key_hash;
    uint32_t dataset_epoch;
};
void executor_prepare(struct executor *x, struct request *r);

enum run_result {
    RUN_DONE,      /* replied, or blocked: look at session->flags */
    RUN_POSTPONED, /* paused: not run; keep the request's bytes and offer it again after transport->resume */
};
enum run_result executor_run(struct executor *x, struct session *s, const struct request *r);
/* Two databases have exchanged their content (dataset_swap): for those who watch or wait for keys. */
void executor_swapped(struct executor *x, unsigned a, unsigned b);
/* Asks the dataset to tell what somebody wants to hear, and nothing else: after a change of notify_classes. */
void executor_listen(struct executor *x);
/* Whether the dataset may be frozen by one on whom something depends (a save), or replaced: it is not frozen, or is by somebody
 * who gives way. make_way sees to that. proven: executor_may_freeze. Waits for a thread to be done with one key: ~50 us. */
bool executor_may_freeze(const struct executor *x);
void executor_make_way(struct executor *x);
/* From the next command on, what changes data leaves its effect in j, which is the caller's; NULL ends it. */
void executor_set_journal(struct executor *x, struct journal *j);

/* Deadlines of blocked and paused sessions. next_deadline: when tick must be called (a lower bound: a wait that ended early may
 * leave its time behind once), INT64_MAX: never; O(1). tick: O(blocked) when that time has come, else O(1). */
int64_t executor_next_deadline_ms(const struct executor *x);
void executor_tick(struct executor *x, int64_t now_ms);
/* Over a pause that is on for the same reason, the stricter kind and the later end count. until_ms INT64_MAX: until
 * executor_unpause. */
void executor_pause(struct executor *x, enum pause_reason reason, enum pause_kind kind, int64_t until_ms);
void executor_unpause(struct executor *x, enum pause_reason reason); /* harmless when there is none */
/* Between the last command of a turn and the sending of what is to be sent. */
void executor_end_turn(struct executor *x);

struct session *executor_session(const struct executor *x, uint64_t id); /* NULL also when it is closing; O(sessions) */
/* Rates of the last 1.6 s: call every 100 ms. */
void executor_sample(struct executor *x, int64_t now_us);
void executor_reset_stats(struct executor *x); /* CONFIG RESETSTAT: these, the commands' and the dataset's */
void executor_flush_times(struct executor *x); /* stats.command_time_ns up to now */
/* Counts an error reply by its code (errorstats). */
void executor_count_error(struct executor *x, struct slice error_line);

#endif
