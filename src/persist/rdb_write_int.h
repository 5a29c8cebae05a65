/* Private to persist/: the RDB writer: a frozen dataset into a file, through a buffer that takes the checksum as it goes. One
 * thread, which may be any. The order of the parts is that of rdb_parse_int.h. */
#ifndef TARN_PERSIST_RDB_WRITE_INT_H
#define TARN_PERSIST_RDB_WRITE_INT_H

#include "persist/snapshot.h"

#define RDB_WRITE_WHY 256

struct rdb_write {
    const struct snapshot_options *options;
    struct snapshot_progress *progress;
    const _Atomic bool *cancelled;
    int fd;
    char *
        why; /* RDB_WRITE_WHY bytes, empty; a sentence when a file of the version that was asked for cannot hold the data */
};

/* 0, or errno of the write that failed, ECANCELED after a cancel, EINVAL with a sentence in why. Writes and nothing else: syncing
 * and closing is the caller's. */
int rdb_write_frozen(const struct rdb_write *w, struct dataset_frozen *frozen);

#endif
