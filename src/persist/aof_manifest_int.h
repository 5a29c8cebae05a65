/* Private to persist/: the manifest of an append-only folder, which says which files make up the data, in which order.
 *
 *   #TARN-MANIFEST 5f3f2b0c8a1d9e47                   CRC-64 of all lines below
 *   file appendonly.aof.2.base.rdb seq 2 type b        the base: at most one, comes first
 *   file appendonly.aof.5.incr.aof seq 5 type i        what was written since, by rising number
 *   file appendonly.aof.1.base.rdb seq 1 type h        history: replaced already, to be deleted
 *
 * Format: Redis 7 (redis.io, "Redis persistence"), to which the first line, which others do not write, is a comment: without it a
 * manifest that is cut behind a line, or in which a flipped bit makes an 'i' an 'h', would be whole and say something else. It
 * is never changed in place: written aside, synced, renamed. */
#ifndef TARN_PERSIST_AOF_MANIFEST_INT_H
#define TARN_PERSIST_AOF_MANIFEST_INT_H

#include "mem/buf.h"

#include <limits.h>
#include <stdint.h>

#define AOF_NAME_MAX 256
#define AOF_WHY_MAX  256

enum aof_kind { AOF_BASE = 'b', AOF_INCR = 'i', AOF_HISTORY = 'h' };

struct aof_file {
    enum aof_kind kind;
    int64_t seq;
    char name[AOF_NAME_MAX];
    int64_t size; /* while it is loaded */
};

struct aof_manifest {
    struct aof_file *files; /* owner MEM_AOF */
    unsigned count, capacity;
    int64_t base_seq, incr_seq; /* the highest in use */
};

void aof_manifest_init(struct aof_manifest *m);
void aof_manifest_release(struct aof_manifest *m);
void aof_manifest_copy(struct aof_manifest *dst, const struct aof_manifest *src); /* dst: initialised */

/* False with the reason in why (AOF_WHY_MAX): m is then to be released. */
bool aof_manifest_parse(struct aof_manifest *m, struct slice text, char *why);
void aof_manifest_format(const struct aof_manifest *m, struct buf *out);

/* NULL: none. last: of base and increments. */
const struct aof_file *aof_manifest_base(const struct aof_manifest *m);
const struct aof_file *aof_manifest_last(const struct aof_manifest *m);
bool aof_manifest_names(const struct aof_manifest *m, const char *name);

void aof_manifest_add(struct aof_manifest *m, const char *name, int64_t seq, enum aof_kind kind);
/* A new base takes the place of the old one and of all increments up to (and with) through_seq: they become history. */
void aof_manifest_replace_base(struct aof_manifest *m, const char *name, int64_t seq, int64_t through_seq);
void aof_manifest_drop_history(struct aof_manifest *m);

#endif
