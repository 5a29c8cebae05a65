/* Private to persist/: changes of the append-only folder that wait for the disk, made on the aof thread, one at a time; the executor
 * goes on meanwhile. A change is what is asked for of this, in this order: a new increment; a sync of the one that is written; a
 * manifest. The thread touches nothing but the change. */
#ifndef TARN_PERSIST_AOF_CHANGE_INT_H
#define TARN_PERSIST_AOF_CHANGE_INT_H

#include "persist/aof_int.h"

struct aof_change {
    struct loop_message ended;
    struct aof_change *next_settled;
    void (*done)(struct aof *a, struct aof_change *c); /* on the executor's thread */
    bool settled;                                      /* done has been called before the message came */
    bool creates, publishes;
    bool parent;               /* the folder itself may be new: its name is synced too */
    struct aof_increment file; /* creates: what was made; fd -1 when it was not */
    char path[PATH_MAX];       /* of it */
    int sync_fd;               /* -1: no sync */
    int64_t size;              /* what the sync covers, in the file and in the journal */
    uint64_t stream;
    struct aof_manifest manifest;
    struct buf text;
    char aside[PATH_MAX], name[PATH_MAX];
    int error;      /* errno of what failed first; what comes after it was not tried */
    bool unsynced;  /* that was the sync of the increment */
    bool uncertain; /* the manifest has its name, and may lose it again with the power */
};

/* Empty; filled in by the caller, then handed over. NULL from the others: too long a path. */
struct aof_change *aof_change_new(void (*done)(struct aof *a, struct aof_change *c));
bool aof_change_create(struct aof_change *c, int64_t seq);
void aof_change_sync(struct aof_change *c); /* of the increment that is written, as far as it is now */
bool aof_change_publish(struct aof_change *c, struct aof_manifest *m); /* m is emptied */
void aof_change_start(struct aof_change *c);
void aof_change_free(struct aof_change *c);
/* Waits for the one under way, and for those that follow from it. */
void aof_change_settle(void);
/* The end of the process: the aof thread has ended. */
void aof_change_release(void);

#endif
