/* Private to persist/: the state of the append-only file, and the steps its files share. */
#ifndef TARN_PERSIST_AOF_INT_H
#define TARN_PERSIST_AOF_INT_H

#include "exec/journal.h"
#include "io/loop.h"
#include "persist/aof.h"
#include "persist/aof_load_int.h"
#include "persist/snapshot.h"

struct reaper;

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
    int64_t size;   /* whole groups */
    int64_t synced; /* of it, known to be on disk */
};

struct aof_sync { /* the sync that runs on the thread */
    struct loop_message ended;
    bool busy, late;
    int fd, error;
    int64_t size;    /* of the increment, when it was asked for */
    uint64_t stream; /* the same in the journal */
    int64_t seq;     /* whose */
    int64_t begun_ms;
};

struct aof_rewrite {
    struct snapshot_job *job;
    bool scheduled;
    bool alone;                 /* appendonly is off: only a base is made */
    int64_t base_seq, from_seq; /* of the new base; of the increment that goes on where it ends */
    uint64_t stream;            /* where in the journal the picture was taken */
    int64_t begun_ms, last_seconds, last_limbo_bytes;
    bool last_ok;
    int64_t count, failures; /* since the start; in a row */
    int64_t not_before_ms;   /* no automatic one earlier, after failures */
};

struct aof {
    enum aof_state state;
    struct journal journal;
    struct aof_manifest manifest;
    char folder[PATH_MAX]; /* absolute, of the files in use */
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
    struct aof_load load; /* of the load that runs or ran last */
    char refusal[160];
};

/* ---- aof.c ---- */
void aof_init(void);
void aof_release(void);
/* Writes down what has gathered. False: it could not, and is kept. */
bool aof_flush(void);
/* The increment onto disk, now. False: lost. */
bool aof_sync_now(void);
/* From now on the increment is this one. */
void aof_use_file(const struct aof_increment *file);
void aof_begin_journal(void);
void aof_end_journal(void);
/* Those whose replies wait look again. */
void aof_wake_held(void);
int64_t aof_total_size(void);

/* ---- aof_files.c: names, manifests, increments on disk ---- */
void aof_name(char *dst, int64_t seq, enum aof_kind kind, bool rdb); /* AOF_NAME_MAX */
/* 0 or errno; the new manifest is the one in use. m is emptied. */
int aof_put_manifest(struct aof_manifest *m);
/* A new increment, with its first line, on disk. 0 or errno. */
int aof_create_increment(struct aof_increment *file, int64_t seq);
int aof_open_increment(struct aof_increment *file, const char *name, int64_t seq, uint64_t id, int64_t keep);
void aof_close_later(int fd);
void aof_delete_history(void);
void aof_remove_strays(void);

/* ---- aof_rewrite.c ---- */
/* Starts one now, or says why not. */
bool aof_rewrite_start(const char **why);
/* One is to start as soon as it can: at the end of this turn, or after the snapshot that runs. NULL, or why not. */
const char *aof_rewrite_ask(void);
void aof_rewrite_cancel(void);
/* CONFIG SET appendonly. NULL, or why not. */
const char *aof_turn_on(void);
const char *aof_turn_off(void);
void aof_rewrite_cron(int64_t now_ms);
bool aof_rewriting(void);

/* ---- aof_commands.c ---- */
/* Those in WAITAOF whose wait is over. */
void aof_serve_waiters(void);

/* ---- aof_start.c ---- */
void aof_describe_load(struct aof_load *l);
/* After a load has ended well (or when there was nothing to load): the files are opened, repaired and written on from here. */
bool aof_start(bool loaded, char *why); /* why: LOAD_ERROR_MAX */

#endif
