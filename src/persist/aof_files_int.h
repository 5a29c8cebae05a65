/* Private to persist/: names, manifests and increments in the append-only folder. */
#ifndef TARN_PERSIST_AOF_FILES_INT_H
#define TARN_PERSIST_AOF_FILES_INT_H

#include "persist/aof_int.h"

void aof_name(char *dst, int64_t seq, enum aof_kind kind, bool rdb); /* AOF_NAME_MAX */
/* Here and now, for the start: 0 or errno; the new manifest is the one in use. m is emptied. */
int aof_put_manifest(struct aof_manifest *m);
/* A new increment, with its first line, on disk. 0 or errno. */
int aof_create_increment(struct aof_increment *file, int64_t seq);

/* ---- in steps; those that wait for the disk run on any thread ---- */
/* PATH_MAX each; false: too long. */
bool aof_manifest_paths(char *name, char *aside);
/* 0 or errno; *uncertain: it has its name, but the folder could not be synced. */
int aof_write_manifest(const char *aside, const char *name, struct slice text, bool *uncertain);
bool aof_describe_increment(struct aof_increment *file, char *path, int64_t seq); /* false: too long a path */
int aof_make_increment(struct aof_increment *file, const char *path);
int aof_sync_parent(const char *path); /* of the folder that path lies in */

int aof_open_increment(struct aof_increment *file, const char *name, int64_t seq, uint64_t id, int64_t keep);
void aof_close_later(int fd);
void aof_delete_history(void);
void aof_remove_strays(void);

#endif
