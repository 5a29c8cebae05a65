/* The room's face to server/ and to its own commands: one load or one save at a time, their results and settings. Its private
 * state (settings, last results, running jobs) is the room's one file-scope struct in persist.c. Executor thread only. */
#ifndef TARN_PERSIST_PERSIST_H
#define TARN_PERSIST_PERSIST_H

#include "base/config.h"
#include "base/metric.h"
#include "exec/command.h"
#include "exec/executor.h"
#include "persist/aof.h"
#include "persist/done.h"

struct loop;

void persist_init(struct executor *executor, struct loop *loop);
/* Who hears how long the disk took: the latency monitor. Executor thread. */
void persist_on_latency(void (*note)(const char *event, uint64_t duration_ns));
/* Cancels what runs and waits for it (some 10 ms, unless a very long string is being compressed); no done is called, and the
 * loop must not run afterwards. */
void persist_release(void);

/* Which commands an append-only file may hold. The lists stay valid. Before persist_load_first. */
void persist_set_commands(const struct command_list *lists, unsigned count);

/* Directives dir, dbfilename, save, rdbcompression, rdbchecksum, stop-writes-on-bgsave-error, key-load-delay, rdb-key-save-delay,
 * rdb-version, rdb-version-check, ...; SAVE, BGSAVE, LASTSAVE; INFO persistence. */
extern const struct directive_list persist_directives;
extern const struct metric persist_metrics[];
extern const unsigned persist_metric_count;
extern const struct command_row persist_commands[];
extern const struct command_row aof_commands[];

/* The keys' access clocks: how to read those of a file, and whether a save writes them (the peers do when maxmemory-policy is an
 * LRU or LFU one). Until it is called: LRU, not saved. */
/* Where values that are loaded change their form; limits stays valid. */
void persist_set_limits(const struct value_limits *limits);
void persist_set_access(enum access_policy policy, int lfu_log_factor, int lfu_decay_minutes, bool saved);

/* Starts loading the configured file. False when there is none (nothing to load). done as in load.h, after the dataset has
 * taken its place in the executor and executor->loading is off. While it runs: executor->loading. */
bool persist_load_start(load_done *done, void *arg);
/* The start of the server: the append-only file where that is on, else the configured file. False when there is nothing to load;
 * then *error may be set: why the append-only file cannot be written. */
bool persist_load_first(load_done *done, void *arg, const char **error);
/* DEBUG LOADAOF: what the append-only file holds takes the place of the dataset. False: it is off, or cannot be read now. */
bool persist_load_aof(load_done *done, void *arg);
bool persist_loading(void);
/* Phase, percent, time left, bytes, keys and rate of the running load in one line. False when none runs. */
#define PERSIST_STATUS_MAX 256
bool persist_load_status(char *line);
/* Because the process is about to end: what has been loaded is not freed, which could take seconds. */
void persist_load_cancel(void);

/* The way of SAVE and shutdown: done may be NULL. False with *why (without "ERR") when it cannot start now; then done is not
 * called. */
bool persist_save_start(snapshot_done *done, void *arg, const char **why);
bool persist_saving(void);
void persist_save_cancel(void);

/* Called every 100 ms: save points, progress lines in the log, BGSAVE SCHEDULE. */
void persist_cron(void);
/* MISCONF text while stop-writes-on-bgsave-error holds, else NULL: for executor_hooks.refuse_write. */
const char *persist_refuse_write(void);
/* True when SHUTDOWN without SAVE/NOSAVE must save (save points are configured). */
bool persist_has_save_points(void);
/* changed since the last good save (rdb_changes_since_last_save). */
int64_t persist_changes_since_save(void);
const char *persist_rdb_path(void); /* absolute or relative path of the RDB file */

#endif
