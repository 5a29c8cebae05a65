/* The append-only file: every change of the data, written down before its reply leaves.
 *
 *   journal (exec/journal.h) --write, once a turn--> the last increment --fdatasync--> disk
 *
 * A folder holds a base and increments, named by a manifest (aof_manifest_int.h). A rewrite makes a new base from a frozen
 * dataset while the next increment is written. Increments carry checksums (aof_group_int.h).
 *
 * Syncs run on a thread of their own. appendfsync always: one fdatasync for all that was written while the one before ran, and no
 * reply to a write leaves before it; others are served meanwhile. everysec: a sync each second; what is not on disk was written
 * within two seconds, else writes wait. no: the kernel decides.
 *
 * A write that fails is taken back (the file is cut to its last whole group), writes are refused, replies whose records are not
 * in the file wait, and it is tried again twice a second. After an fdatasync that failed nobody knows what of the file is
 * on disk: it is never written again, writes are refused, and a new base is made, which takes its place. Executor thread only. */
#ifndef TARN_PERSIST_AOF_H
#define TARN_PERSIST_AOF_H

#include <stdbool.h>
#include <stdint.h>

struct session;

/* Whether the replies of the session may leave: what it has written is as safe as appendfsync wants it. Writes down (and
 * syncs) what has gathered first, for all sessions of the turn. Cheap while there is nothing to do. False: a later call of the
 * transport's attend says when. */
bool aof_may_reply(struct session *s);
/* Once a turn, before the loop sleeps: what nobody waits for is written too; a sync each second. */
void aof_turn(void);
/* Every 100 ms: automatic rewrites, retries. */
void aof_cron(void);
/* Everything into the file and onto disk, whatever appendfsync says. NULL, or why not. */
const char *aof_finish(void);

bool aof_is_on(void);
/* Why writes are refused (MISCONF), or NULL. */
const char *aof_refuse_write(void);

#endif
