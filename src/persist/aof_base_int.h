/* Private to persist/: the base of an append-only file as commands (aof-use-rdb-preamble no): what makes the frozen dataset anew,
 * in groups with checksums (aof_group_int.h). One thread, which may be any.
 *
 *   string SET   list RPUSH   set SADD   sorted set ZADD   hash HSET, HPEXPIREAT of fields with times   all PEXPIREAT
 *   stream XADD..., XGROUP CREATE and CREATECONSUMER, XCLAIM of what is pending, XSETID
 *
 * A stream entry that is pending and was deleted is added for the claim, and goes again. When a consumer was last seen is not kept:
 * no command says so. What is larger than a batch is several commands, so the file means something only as a whole. */
#ifndef TARN_PERSIST_AOF_BASE_INT_H
#define TARN_PERSIST_AOF_BASE_INT_H

#include "mem/buf.h"
#include "persist/rdb_write_int.h"

/* As rdb_write_frozen. */
int aof_base_write(const struct rdb_write *w, struct dataset_frozen *frozen);
/* ---- between the files of the writer ---- */
struct stream;
struct base_writer {
    const struct rdb_write *w;
    uint64_t id;
    struct buf out;  /* whole commands of the group to come, then the one that is being made; owner MEM_PERSIST */
    struct buf body; /* arguments of a command that takes as many elements as fit */
    char select[64]; /* the command that each group begins with, so that it holds true by itself */
    unsigned elements;
    struct slice name, key; /* of that command */
    int64_t written, synced, keys;
    int error;
};
void base_put(struct base_writer *x, const struct slice *argv, int argc);
#define base_command(x, ...)                           \
    base_put((x), (const struct slice[]){__VA_ARGS__}, \
             (int)(sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice)))
/* What stands in body is a whole command. */
void base_put_whole(struct base_writer *x);
void base_stream(struct base_writer *x, struct slice key, const struct stream *s);

#endif
