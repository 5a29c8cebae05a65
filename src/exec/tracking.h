/* Client-side caching: CLIENT TRACKING. A session that tracks is told when a key that it has read changes, so that it may keep
 * what it read. Keys and broadcast prefixes are topics (exec/topics.h); what is told is one-shot for a key: its topic goes
 * with the message. Databases are not told apart, as with the peers.
 *
 * Who is told: the session itself, by a RESP3 push, or the session that it redirects to, which may also be a RESP2 session that
 * is subscribed to __redis__:invalidate. A change by the session's own command is told after that command's reply (not at
 * all with NOLOOP); in broadcast mode the keys of a turn of the loop go out together.
 *
 * Costs: a read by a tracking session O(keys of the command); a change O(1) while nobody tracks it, else O(sessions that do),
 * and O(prefixes) while any session broadcasts. Memory: owner MEM_TRACKING, at most tracking-table-max-keys keys; beyond
 * that the oldest is told as changed. Executor thread only. */
#ifndef TARN_EXEC_TRACKING_H
#define TARN_EXEC_TRACKING_H

#include "exec/topics.h"
#include "mem/buf.h"

struct context;
struct executor;
struct session;
struct tracker; /* of a session, while it tracks */

enum tracking_flags {
    TRACKING_BCAST = 1 << 0,
    TRACKING_OPTIN = 1 << 1,
    TRACKING_OPTOUT = 1 << 2,
    TRACKING_NOLOOP = 1 << 3,
    TRACKING_CACHING = 1 << 4, /* CLIENT CACHING, for the next command */
    TRACKING_BROKEN = 1 << 5,  /* the session it redirects to has gone */
};

struct tracking {
    struct topics keys, prefixes;
    size_t session_count;
    size_t keys_max; /* tracking-table-max-keys; 0: no limit */
    struct buf own;  /* keys that the running command's session tracks and is to be told of after the reply */
    bool own_all;    /* it has flushed */
    struct buf turn; /* keys that have changed in this turn, for broadcasts */
};

struct tracking *tracking_new(void);
void tracking_free(struct tracking *t); /* proven: nobody tracks */

/* Starts, or changes the options and adds prefixes. redirect 0: to itself. */
void tracking_start(struct session *s, unsigned flags, struct session *redirect);
bool tracking_add_prefix(struct session *s, struct slice prefix); /* proven: in broadcast mode */
void tracking_stop(struct session *s);                            /* harmless when it does not track */
/* The session goes: as stop, and for those who redirect to it. */
void tracking_forget(struct session *s);

/* What CLIENT TRACKINGINFO, GETREDIR and CLIENT LIST tell. flags: -1 when it does not track. */
int tracking_flags_of(const struct session *s);
int64_t tracking_redirect_of(const struct session *s); /* id, 0: itself, -1: does not track */
/* A prefix of the session that overlaps with this one: NULL when none. */
const struct topic *tracking_overlap(const struct session *s, struct slice prefix);
size_t tracking_prefix_count(const struct session *s);
/* In the order of bytes. O(n log n). */
void tracking_each_prefix(const struct session *s, void (*visit)(void *arg, struct slice prefix), void *arg);
void tracking_set_caching(struct session *s);

/* ---- for the executor ---- */
/* After a command of a session that tracks, which may be one of many inside EXEC. */
void tracking_command_ran(struct context *c);
void tracking_key_changed(struct executor *x, struct slice key);
void tracking_flushed(struct executor *x);
/* After the outermost command of a session that tracks: what it did to its own keys. Ends CLIENT CACHING. */
void tracking_tell_own(struct executor *x, struct session *s);
void tracking_tell_turn(struct executor *x); /* at the end of a turn */

#endif
