/* Private to persist/: the room's one state and the steps its files share. Executor thread only, except the atomics, which the
 * jobs read. */
#ifndef TARN_PERSIST_INT_H
#define TARN_PERSIST_INT_H

#include "persist/aof_int.h"
#include "persist/persist.h"

#define SAVE_POINTS_MAX 64

struct admission;

struct save_point {
    int64_t seconds, changes;
};

struct persist_settings { /* written by the directives */
    int load_oversize;    /* 0: refuse */
    bool compress, checksum, incremental_sync, stop_writes, del_sync_files, salvage;
    int64_t load_delay_us, save_delay_us, events_interval_bytes;
    int version, version_check, sanitize;
    const char *file_name;
    struct save_point points[SAVE_POINTS_MAX];
    unsigned point_count;
    struct aof_settings aof;
};

/* What is done with what was loaded. FIRST: the server's own start, whose append-only file is written on. */
enum load_kind { LOAD_RDB, LOAD_AOF_FIRST, LOAD_AOF_AGAIN };

struct persist_load { /* the running load, and the result of the last */
    enum load_kind kind;
    struct load_job *job;
    struct load_job *abandoned; /* kept, see load_abandon */
    load_done *done;
    void *arg;
    struct admission *admission; /* NULL before the first load */
    int64_t next_log_ms;
    int64_t last_keys, last_expired, last_evicted;
    int64_t last_salvaged, last_lost_records, last_lost_bytes, last_lost_keys; /* see load_progress */
};

struct persist_save { /* the running save, and the results of the last */
    struct snapshot_job *job;
    snapshot_done *done;
    void *arg;
    bool background, scheduled;
    uint64_t changes_at_start;
    int64_t last_good_s; /* wall; the start of the server until one has been good */
    int64_t last_try_s;
    bool last_background_ok;
    int64_t last_background_s; /* how long the last BGSAVE took; -1: none yet */
    int64_t started;
    int64_t last_limbo_bytes;
};

struct persist_state {
    struct executor *executor; /* NULL before persist_init */
    struct loop *loop;
    struct persist_settings settings;
    struct persist_load load;
    struct persist_save save;
    struct aof aof;
    const struct command_list *lists; /* see persist_set_commands */
    unsigned list_count;
    const struct value_limits *limits;
    enum access_policy access; /* see persist_set_access */
    int lfu_log_factor, lfu_decay_minutes;
    bool access_saved;
    const struct dataset *changes_of; /* the dataset that changes_saved speaks of */
    uint64_t changes_saved;
    _Atomic int64_t load_delay_us, save_delay_us;                /* the settings, where the jobs see them */
    void (*on_latency)(const char *event, uint64_t duration_ns); /* NULL: nobody */
    char error[128];                                             /* text of the last refused setting */
    char why[LOAD_ERROR_MAX]; /* of the last start of an append-only file that failed */
};

extern struct persist_state persist_state;

/* Starts a save; background is the way of BGSAVE and save points, whose failure refuses writes. */
bool persist_start(bool background, snapshot_done *done, void *arg, const char **why);
/* BGSAVE without anybody waiting. */
bool persist_start_background(const char **why);
void persist_note_latency(const char *event, int64_t us);
/* The delays as they are set now reach the jobs. */
void persist_share_delays(void);

#endif
