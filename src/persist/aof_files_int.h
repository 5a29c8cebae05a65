/* Private to persist/: names, manifests and increments in the append-only folder. */
#ifndef TARN_PERSIST_AOF_FILES_INT_H
#define TARN_PERSIST_AOF_FILES_INT_H

#include "persist/aof_int.h"

void aof_name(char *dst, int64_t seq, enum aof_kind kind, bool rdb); /* AOF_NAME_MAX */
/* 0 or errno; the new manifest is the one in use. m is emptied. */
int aof_put_manifest(struct aof_manifest *m);
/* A new increment, with its first line, on disk. 0 or errno. */
int aof_create_increment(struct aof_increment *file, int64_t seq);
int aof_open_increment(struct aof_increment *file, const char *name, int64_t seq, uint64_t id, int64_t keep);
void aof_close_later(int fd);
void aof_delete_history(void);
void aof_remove_strays(void);

#endif
