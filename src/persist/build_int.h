/* Private to persist/: the second stage of a load. The parser fills a batch, and a builder's thread puts full ones into the
 * database meanwhile; batches go round in a ring:
 *
 *   parser:  fills [filling]  -> full -> |queue| -> builder: adopts [filling - queued] -> empty -> the parser's again
 *
 * A database is changed by one thread at a time: by the builder while anything is queued, else by the parser's, to which
 * builder_flush gives it back. The thread starts with the first full batch, so a small file costs none. */
#ifndef TARN_PERSIST_BUILD_INT_H
#define TARN_PERSIST_BUILD_INT_H

#include "io/thread.h"
#include "persist/batch_int.h"

#define BUILD_BATCHES 3 /* one is filled, one adopted, one evens the two out */

struct builder {
    struct batch batches[BUILD_BATCHES];
    struct db *of[BUILD_BATCHES]; /* where the batch goes */
    size_t expected[BUILD_BATCHES];
    unsigned filling;
    const _Atomic bool *cancelled;
    struct thread thread;
    bool alone; /* no thread could be started */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under lock: */
    unsigned queued;          /* batches before filling that the builder has yet to finish */
    bool ending;              /* the thread is to end when nothing is queued */
    enum batch_result result; /* the first that is not ADOPTED stands; nothing is adopted after it */
    struct batch_key second;  /* of a DUPLICATE */
};

void builder_init(struct builder *b, const _Atomic bool *cancelled);
/* Ends the thread, frees the batches with what is still in them. */
void builder_release(struct builder *b);

/* The batch that the parser fills. */
static inline struct batch *builder_batch(struct builder *b) {
    debug_proven(b->filling < BUILD_BATCHES);
    return &b->batches[b->filling];
}

/* Queues the batch for db; waits while there is no empty one to fill next. The result is of batches that went before.
 * expected: how many keys db is likely to hold in the end, when this is its first batch; 0: unknown. */
enum batch_result builder_hand(struct builder *b, struct db *db, size_t expected);
/* Everything so far goes into its database, the batch being filled into db; afterwards the databases are the caller's. */
enum batch_result builder_flush(struct builder *b, struct db *db);
/* Waits until nothing is queued. The databases are the caller's. */
enum batch_result builder_wait(struct builder *b);

#endif
