/* Private to persist/: how the append-only file says of itself what belongs together. All of it stands in lines that begin with
 * '#', which Redis 7 and Valkey skip, so the file loads there too.
 *
 *   #TARN-AOF 1 id crc\r\n                   first line of a file; id is random, so bytes of an older file that a disk may
 *                                            give back after a power loss do not fit in here
 *   #TARN-END crc\r\n                        last line of a base: whole groups that are missing show
 *   #TARN len lag crc\r\n <len bytes>        a group: whole units (exec/journal.h), as they were written in one go
 *
 * id and crc: 16 hex digits; len and lag: decimal. crc is the CRC-64 (wire/crc64.h) of the text "id offset len lag", where offset
 * is the place of the '#' in the file, and then of the group's bytes. lag: how many bytes before this group had not been known to
 * be on disk when it was written; so a whole group further on proves that what lies more than lag before it had been safe. */
#ifndef TARN_PERSIST_AOF_GROUP_INT_H
#define TARN_PERSIST_AOF_GROUP_INT_H

#include "base/slice.h"

#include <stdint.h>

#define AOF_LINE_MAX 120 /* Redis reads lines of up to 127 bytes */

struct aof_group {
    uint64_t len, lag, crc;
};

/* dst: AOF_LINE_MAX bytes. Returns the length, line end included. */
size_t aof_head_format(char *dst, uint64_t id);
/* In pieces: sum, then add the bytes, then the line. */
uint64_t aof_group_sum(uint64_t id, int64_t offset, uint64_t len, uint64_t lag);
uint64_t aof_group_add(uint64_t crc, struct slice bytes);
size_t aof_group_line(char *dst, uint64_t len, uint64_t lag, uint64_t crc);
size_t aof_end_format(char *dst, uint64_t id, int64_t offset);
size_t aof_group_format(char *dst, uint64_t id, int64_t offset, struct slice bytes, uint64_t lag);

/* line: without its line end. */
bool aof_is_head(struct slice line); /* begins as one */
bool aof_is_group(struct slice line);
bool aof_is_end(struct slice line, uint64_t id, int64_t offset);
bool aof_head_parse(struct slice line, uint64_t *id);
bool aof_group_parse(struct slice line, struct aof_group *g);
/* Whether the bytes are what was written at that offset of that file. */
bool aof_group_fits(const struct aof_group *g, uint64_t id, int64_t offset, const char *bytes);
/* A whole group that fits begins at p, which has n bytes behind it and is at this offset of the file. *line: the bytes of its
 * first line. */
bool aof_group_here(const char *p, size_t n, uint64_t id, int64_t offset, struct aof_group *g, size_t *line);
/* Whether one among these bytes, which are at this offset behind the damage, says that what lies at `damage` had been on disk. O(n), and
 * for each group the sum of its bytes. */
bool aof_group_was_on_disk(const char *p, size_t n, uint64_t id, int64_t offset, int64_t damage);

#endif
