/* Private to persist/: the steps that the files of the append-only file share. Executor thread only. */
#ifndef TARN_PERSIST_AOF_STEPS_INT_H
#define TARN_PERSIST_AOF_STEPS_INT_H

#include "persist/aof_int.h"

/* ---- aof.c ---- */
void aof_init(void);
void aof_release(void);
/* Writes down what has gathered. False: it could not, and is kept. */
bool aof_flush(void);
/* The increment onto disk, now. False: lost. */
bool aof_sync_now(void);
/* What of it is on disk is not known any more. error: errno. */
void aof_lose(int error);
/* From now on the increment is this one. */
void aof_use_file(const struct aof_increment *file);
void aof_begin_journal(void);
void aof_end_journal(void);
/* Those whose replies wait look again. */
void aof_wake_held(void);
/* After a switch of files, well or badly ended: nothing was synced meanwhile, and the switch may have synced what replies wait for. */
void aof_go_on(void);
int64_t aof_total_size(void);
/* What the session has written is on disk: WAITAOF. */
bool aof_is_durable(const struct session *s);

/* ---- aof_rewrite.c ---- */
/* Starts one now, or says why not. */
bool aof_rewrite_start(const char **why);
/* One is to start as soon as it can: at the end of this turn, or after the snapshot that runs. NULL, or why not. */
const char *aof_rewrite_ask(void);
void aof_rewrite_cancel(void);
/* CONFIG SET appendonly. NULL, or why not. */
const char *aof_turn_on(void);
const char *aof_turn_off(void);
void aof_rewrite_cron(int64_t now_ms);
bool aof_rewriting(void);
/* Between two increments: nothing may be written. */
bool aof_switching(void);

/* ---- aof_base.c ---- */
/* A base as commands: function libraries have no place in it. */
bool aof_base_can_hold(const struct dataset *ds);

/* ---- aof_commands.c ---- */
/* Those in WAITAOF whose wait is over. */
void aof_serve_waiters(void);

/* ---- aof_start.c ---- */
void aof_describe_load(struct aof_load *l);
/* After a load has ended well (or when there was nothing to load): the files are opened, repaired and written on from here. */
bool aof_start(bool loaded, char *why); /* why: LOAD_ERROR_MAX */
/* After that: a DEL for each key that the load has let go and the files still hold. At most some thousands. */
void aof_journal_gone(void);

#endif
