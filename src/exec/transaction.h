/* MULTI, EXEC, WATCH: what a session has queued and what it watches.
 *
 * A queued request is one block (exec/saved.h). EXEC runs them in order within one turn, so nobody comes between. A watched
 * key is a topic (exec/topics.h) of its database's index; the first change of it, also its expiry, marks every session that
 * watches it SESSION_DIRTY, and since such a session's EXEC is lost already it then watches nothing any more. That the key
 * was there at WATCH is noted in the link: until the session is dirty it still holds, so a flush or a swap knows which
 * watched keys it really changes. Executor thread only. */
#ifndef TARN_EXEC_TRANSACTION_H
#define TARN_EXEC_TRANSACTION_H

#include "exec/topics.h"

struct command;
struct context;
struct dataset;
struct executor;
struct request;
struct session;
struct transaction; /* of a session, while it has queued or watches something; owner MEM_CLIENT_IN */

struct watchers {
    struct topics keys;
    struct list_node sessions; /* struct transaction.watching */
    size_t session_count;
    bool judging; /* watched keys are being looked at after a swap or a flush */
};

struct watchers *watchers_new(void);
void watchers_free(struct watchers *w); /* proven: nobody watches */

/* ---- the commands ---- */
void transaction_begin(struct session *s);
/* Replies +QUEUED; without memory an error, and the transaction is lost. */
void transaction_queue(struct session *s, const struct request *r);
/* What is queued and watched goes; the session is in no transaction. Harmless in none. */
void transaction_discard(struct session *s);
/* Runs what is queued and replies an array, or says why not. proven: in a transaction. O(queued + watched). */
void transaction_exec(struct context *c);
/* EXEC was refused: the reply, and the end of the transaction. */
void transaction_abort(struct session *s, const char *why);
void transaction_watch(struct context *c, struct slice key);
void transaction_unwatch(struct session *s);

/* The flags that EXEC is judged by: it writes, needs memory or may not run while loading as one of what is queued. */
unsigned transaction_flags(const struct session *s, unsigned exec_flags);

/* ---- what happens to keys ---- */
void transaction_key_changed(struct executor *x, unsigned db, struct slice key);
void transaction_flushed(struct executor *x, int db /* -1: all */);
/* Two databases have exchanged their content. */
void transaction_swapped(struct executor *x, unsigned a, unsigned b);
/* x->dataset is another one now. */
void transaction_replaced(struct executor *x);

/* ---- CLIENT LIST ---- */
int transaction_queued(const struct session *s); /* -1: in no transaction */
size_t transaction_bytes(const struct session *s);
size_t transaction_watched(const struct session *s);

#endif
