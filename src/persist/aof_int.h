/* Private to persist/: the state of the append-only file. Its steps are in aof_steps_int.h. */
#ifndef TARN_PERSIST_AOF_INT_H
#define TARN_PERSIST_AOF_INT_H

#include "io/loop.h"
#include "persist/aof.h"
#include "persist/aof_manifest_int.h"
#include "persist/done.h"

struct aof_load;
struct journal;
struct reaper;
struct snapshot_job;

enum aof_fsync { AOF_FSYNC_EVERYSEC, AOF_FSYNC_ALWAYS, AOF_FSYNC_NO };

struct aof_settings { /* written by the directives */
    bool on, use_rdb, load_truncated, timestamps, no_sync_on_rewrite, incremental_sync, keep_history;
    int fsync;
    int64_t corrupt_tail_max, rewrite_percent, rewrite_min_size;
    const char *file_name, *folder_name;
};

/* OFF: no journal. WAITING: there is a journal and an increment, which count for nothing until the base that goes with them is
 * complete (CONFIG SET appendonly yes, and after a failed sync). ON: everything is in the files that the manifest names. */
enum aof_state { AOF_OFF, AOF_WAITING, AOF_ON };

struct aof_increment { /* the file that is written; fd -1: none */
    int fd;
    uint64_t id;
    int64_t seq;
    int64_t size, synced; /* whole groups; of them, known to be on disk */
};

struct aof_sync { /* the sync that runs on the thread */
    struct loop_message ended;
    bool busy, late;
    int fd, error;
    int64_t size;          /* of the increment, when it was asked for */
    uint64_t stream;       /* the same in the journal */
    int64_t seq, begun_ms; /* whose; when */
};

struct aof_rewrite {
    struct snapshot_job *job;
    bool scheduled;
    bool alone;                 /* appendonly is off: only a base is made */
    bool rdb;                   /* the form of the new base */
    int64_t base_seq, from_seq; /* of the new base; of the increment that goes on where it ends */
    uint64_t stream;            /* where in the journal the picture was taken */
    int64_t begun_ms, last_seconds, last_limbo_bytes;
    bool last_ok;
    int64_t count, failures; /* since the start; in a row */
    int64_t not_before_ms;   /* no automatic one earlier, after failures */
};

struct aof {
    enum aof_state state;
    struct journal *journal;
    struct aof_manifest manifest;
    char folder[PATH_MAX];    /* absolute, of the files in use */
    char why[LOAD_ERROR_MAX]; /* of the last manifest that could not be read */
    struct aof_increment file;
    int64_t other_bytes;       /* of the other files of the manifest */
    int64_t rewrite_base_size; /* total after the last rewrite, or at the start */
    uint64_t durable;          /* up to here the journal is on disk */
    int error;                 /* errno of a write that failed; 0 */
    bool lost;                 /* a sync has failed */
    bool stalled;              /* writes wait for a sync that takes long */
    int64_t retry_at_ms, last_sync_ms;
    int64_t delayed_syncs;
    struct reaper *syncer;
    struct aof_sync sync;
    unsigned waiters; /* sessions in WAITAOF */
    struct aof_rewrite rewrite;
    struct aof_load *load;      /* of the load that runs or ran last */
    struct aof_load *abandoned; /* what an abandoned loader may still look at: kept, see load_abandon */
    char refusal[160];
};

#endif
