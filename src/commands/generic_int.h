/* What the files of the generic commands share. Private to them.
 *
 *   generic.c         the rows, and the commands about keys as such: DEL, EXISTS, TYPE, OBJECT ...
 *   expire.c          the EXPIRE and TTL families, PERSIST
 *   rename.c          RENAME, COPY, MOVE
 *   scan.c            KEYS, SCAN, RANDOMKEY
 *   dump.c            DUMP, RESTORE
 *   keyspace_admin.c  whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB; and WAIT, WAITAOF */
#ifndef TARN_COMMANDS_GENERIC_INT_H
#define TARN_COMMANDS_GENERIC_INT_H

#include "exec/context.h"

/* Argument i as the index of a database; false after the error reply. */
bool generic_db_index(struct context *c, int i, unsigned *index);

void generic_expire_run(struct context *c);
void generic_pexpire_run(struct context *c);
void generic_expireat_run(struct context *c);
void generic_pexpireat_run(struct context *c);
void generic_ttl_run(struct context *c);
void generic_pttl_run(struct context *c);
void generic_expiretime_run(struct context *c);
void generic_pexpiretime_run(struct context *c);
void generic_persist_run(struct context *c);

void generic_rename_run(struct context *c);
void generic_renamenx_run(struct context *c);
void generic_copy_run(struct context *c);
void generic_move_run(struct context *c);

void generic_keys_run(struct context *c);
void generic_scan_run(struct context *c);
void generic_randomkey_run(struct context *c);

void generic_dump_run(struct context *c);
void generic_restore_run(struct context *c);

void generic_dbsize_run(struct context *c);
void generic_flushdb_run(struct context *c);
void generic_flushall_run(struct context *c);
void generic_swapdb_run(struct context *c);
void generic_wait_run(struct context *c);

#endif
