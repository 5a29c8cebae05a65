/* Waiting for keys: what BLPOP and its kin do when there is nothing for them yet.
 *
 * A waiting session is a member of one topic (exec/topics.h) for each of its keys, in order of arrival. While anybody waits, a
 * change of a key puts its topic on the list of the ready ones: O(1), however many wait. After the command that changed
 * it (or the whole EXEC) the ready keys are taken in the order in which they became ready, and those who wait for each, in order
 * of arrival, try again as long as the key is there and of the type they want: so a push costs what it serves, and those who
 * wait for another type cost nothing. Who is served may make other keys ready (BLMOVE): they come after.
 *
 *   static bool pop_try(struct context *c, struct slice key);           replies and changes, or says false
 *   static const struct key_wait_kind pop_wait = {TYPE_LIST, pop_try, pop_timed_out};
 *   ...
 *   if (found nothing && context_may_block(c)) blocking_wait(c, &pop_wait, 1, c->argc - 2, NULL, timeout_ms);
 *
 * Executor thread only. */
#ifndef TARN_EXEC_BLOCKING_H
#define TARN_EXEC_BLOCKING_H

#include "exec/topics.h"
#include "keyspace/entry.h"

struct context;
struct executor;
struct session;

struct key_wait_kind {
    enum value_type type;
    /* The key is there and of the type. The context is that of the command, with a copy of its arguments, in the session's
     * database. True: it has replied, and the wait is over; false: nothing was written or changed, it goes on waiting. */
    bool (*serve)(struct context *c, struct slice key);
    void (*timed_out)(struct session *s); /* writes the reply of a wait in vain */
    /* The key has gone or is of another type now: as serve. NULL: the wait goes on. */
    bool (*lost)(struct context *c, struct slice key);
    void (*release)(void *state); /* may be NULL */
};

#define BLOCKING_SCOPES 16 /* value type, and whether its loss matters */
struct blocking {
    struct topics keys;     /* scope: database, type, whether loss matters: see blocking.c */
    struct list_node ready; /* struct topic.waiting */
    size_t waiting[BLOCKING_SCOPES];
    size_t total; /* sum of waiting */
};

struct blocking *blocking_new(void);
void blocking_free(struct blocking *b); /* proven: nobody waits */

/* The session waits for the keys at argv[first..first + count), until timeout_ms from now (0: for ever). state is handed to
 * kind->release when the wait ends, in whatever way. Without memory an error reply instead. proven: context_may_block. */
void blocking_wait(struct context *c, const struct key_wait_kind *kind, int first, int count, void *state,
                   int64_t timeout_ms);
void *blocking_state(const struct session *s); /* of a session that waits */
/* Argument i as a time to wait in seconds, with a fraction; false after the error reply. */
bool blocking_timeout(struct context *c, int i, int64_t *timeout_ms);

/* ---- for the executor ---- */
void blocking_key_changed(struct executor *x, unsigned db, struct slice key);
void blocking_flushed(struct executor *x, int db /* -1: all */);
/* Two databases have exchanged their content, or (all) another dataset is there. */
void blocking_swapped(struct executor *x, unsigned a, unsigned b);
void blocking_replaced(struct executor *x);
/* Lets those try whose keys are ready. Between commands. */
void blocking_serve(struct executor *x);

/* INFO. O(keys waited for). */
size_t blocking_keys_on_loss(const struct blocking *b);

#endif
