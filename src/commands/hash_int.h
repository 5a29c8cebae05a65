/* What the files of the hash commands share. Private to them.
 *
 *   hash.c        the rows, and the commands on single fields
 *   hash_walk.c   whole hashes: HGETALL, HKEYS, HVALS, HSCAN, HRANDFIELD
 *   hash_time.c   fields with times: HEXPIRE and its kin, HTTL and its kin, HPERSIST, HGETEX, HSETEX, HGETDEL */
#ifndef TARN_COMMANDS_HASH_INT_H
#define TARN_COMMANDS_HASH_INT_H

#include "base/check.h"
#include "exec/context.h"
#include "values/hash.h"

/* The hash at argument 1, empty when the key is absent. False after WRONGTYPE. */
bool hash_view(struct context *c, struct value *v);
/* The time that fields are held against. */
int64_t hash_now(const struct context *c);
/* The error of a value that there is no memory for, in the place of all that was replied. */
void hash_no_memory(struct context *c);

void hash_getall_run(struct context *c);
void hash_keys_run(struct context *c);
void hash_vals_run(struct context *c);
void hash_scan_run(struct context *c);
void hash_randfield_run(struct context *c);

void hash_expire_run(struct context *c);
void hash_pexpire_run(struct context *c);
void hash_expireat_run(struct context *c);
void hash_pexpireat_run(struct context *c);
void hash_ttl_run(struct context *c);
void hash_pttl_run(struct context *c);
void hash_expiretime_run(struct context *c);
void hash_pexpiretime_run(struct context *c);
void hash_persist_run(struct context *c);
void hash_getex_run(struct context *c);
void hash_setex_run(struct context *c);
void hash_getdel_run(struct context *c);

#endif
