/* Private to persist/: the state of the append-only file. Its steps are in aof_steps_int.h. */
#ifndef TARN_PERSIST_AOF_INT_H
#define TARN_PERSIST_AOF_INT_H

#include "base/list.h"
#include "io/loop.h"
#include "persist/aof.h"
#include "persist/aof_manifest_int.h"
#include "persist/done.h"

struct aof_change;
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
    bool busy, late, handled; /* handled: the result has been looked at before the message came */
    int fd, error;
    int64_t oldest_ms; /* when the first byte was written that it covers; 0: unknown */
    int64_t took_us;
    int64_t size;          /* of the increment, when it was asked for */
    uint64_t stream;       /* the same in the journal */
    int64_t seq, begun_ms; /* whose; when */
};

/* PREPARES: the next increment is made. SWITCHES: the picture is taken, and the manifest is about to name that increment: what is
 * written meanwhile waits. WRITES: the base. ENDS: the manifest that names it. */
enum rewrite_phase { REWRITE_NONE, REWRITE_PREPARES, REWRITE_SWITCHES, REWRITE_WRITES, REWRITE_ENDS };

struct aof_rewrite {
    enum rewrite_phase phase;
    struct snapshot_job *job;
    struct aof_increment next; /* PREPARES, SWITCHES */
    bool scheduled;
    bool cancelled;
    bool written;               /* the base, while the switch was still under way */
    char failure[160];          /* why it was not; "" */
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
    int64_t unsynced_ms;       /* when the oldest byte was written that no sync has been asked for; 0: none */
    struct list_node held;     /* sessions whose replies wait */
    int64_t retry_at_ms, last_sync_ms;
    int64_t delayed_syncs;
    struct reaper *syncer;
    struct aof_sync sync;
    struct aof_change *change, *settled; /* aof_change_int.h */
    unsigned waiters;                    /* sessions in WAITAOF */
    struct aof_rewrite rewrite;
    struct aof_load *load;      /* of the load that runs or ran last */
    struct aof_load *abandoned; /* what an abandoned loader may still look at: kept, see load_abandon */
    char refusal[160];
};

#endif
