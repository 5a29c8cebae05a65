/* Snapshots to RDB files: a thread walks a frozen dataset; no fork. The file is written aside ("temp-<pid>-<n>.rdb" in the same
 * folder), fsynced, renamed over the old one, and the folder fsynced: a kill at any instant leaves the old or the new. */
#ifndef TARN_PERSIST_SNAPSHOT_H
#define TARN_PERSIST_SNAPSHOT_H

#include "keyspace/dataset.h"
#include "persist/done.h"

#include <stdatomic.h>
#include <stdint.h>

struct loop;

/* Which access opcode goes before each key: as the peers do, only one that maxmemory-policy has a use for. */
enum snapshot_access { SNAPSHOT_ACCESS_NONE, SNAPSHOT_ACCESS_IDLE, SNAPSHOT_ACCESS_FREQUENCY };

struct snapshot_options {
    const char *path;
    int version;             /* 0: auto, the lowest that can hold the data; 9, 10, 11, 80 (Valkey's) */
    bool commands;           /* the base of an append-only file as commands (aof_base_int.h), instead of an RDB file */
    bool compress, checksum; /* rdbcompression, rdbchecksum */
    enum snapshot_access access;
    bool incremental_sync;               /* rdb-save-incremental-fsync: every 4 MiB */
    const _Atomic int64_t *key_delay_us; /* rdb-key-save-delay, as load_options.key_delay_us */
};

struct snapshot_progress {
    _Atomic int64_t saved_keys, saved_bytes;
    int64_t total_keys;
    int64_t start_ms;    /* wall */
    int64_t limbo_bytes; /* what the snapshot made the dataset keep twice; set before done is called */
};

struct snapshot_job;

/* Freezes ds now (the file will hold this instant) and starts the thread. NULL with *why (static) when a thread cannot be had.
 * proven: ds is not frozen. ds must stay the same object until done. */
struct snapshot_job *snapshot_start(struct loop *loop, struct dataset *ds, const struct snapshot_options *options,
                                    snapshot_done *done, void *arg, const char **why);
const struct snapshot_progress *snapshot_progress(const struct snapshot_job *job);
/* Noticed within 10 ms, or after one string that is being compressed; done is still called. */
void snapshot_cancel(struct snapshot_job *job);
/* The end of the process: cancels, waits, thaws and frees. done is not called; the loop must not run afterwards. */
void snapshot_end(struct snapshot_job *job);
/* Whether a file of this name is one that a save writes aside, "temp-<pid>-<n>.rdb". */
bool snapshot_is_aside(const char *name);

#endif
