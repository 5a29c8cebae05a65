/* Templates of hashes in RDB files of Redis 8.10 on: the fields that many hashes have in common stand once, in a record before
 * them, and each hash has a number and its values. Source: the description of the feature in Redis's repository (types 29 to 32,
 * opcode 242), and the notes of others who read it.
 *
 *   242 number count field...                          the record
 *   30  key  a pack: number, value...                  the hashes
 *   32  key  number value...
 *   29  key  count field... a pack: [number,] value... (DUMP: with the fields, and no record)
 *   31  key  count (field value)...
 *
 * Numbers are few; they are looked for one by one from the last. One thread. */
#ifndef TARN_WIRE_RDB_TEMPLATE_H
#define TARN_WIRE_RDB_TEMPLATE_H

#include "mem/buf.h"

#include <stdint.h>

struct rdb_input;

struct rdb_template {
    uint64_t id, count;
    struct buf fields; /* of each: length:32, bytes */
};

void rdb_template_init(struct rdb_template *t);
void rdb_template_release(struct rdb_template *t);
/* Count and fields; id stays. False: in->why says why. At least one field. */
bool rdb_template_read(struct rdb_template *t, struct rdb_input *in);
/* Walks the fields: rest begins as rdb_template_fields. */
struct slice rdb_template_fields(const struct rdb_template *t);
bool rdb_template_next(struct slice *rest, struct slice *field);

#define RDB_TEMPLATES_MAX 65536 /* a file with more is refused */
struct rdb_templates {
    struct rdb_template *items; /* owner MEM_PERSIST */
    size_t count, capacity;
};

void rdb_templates_init(struct rdb_templates *t);
void rdb_templates_release(struct rdb_templates *t);
/* One record behind its opcode. */
bool rdb_templates_read(struct rdb_templates *t, struct rdb_input *in);
/* The one that was read last. */
void rdb_templates_forget(struct rdb_templates *t);
/* NULL: there is none. t may be NULL. Valid until the next read. */
const struct rdb_template *rdb_templates_find(const struct rdb_templates *t, uint64_t id);

#endif
