/* Private to persist/: the stages of a load after the reading. The parser fills a batch with what lies in a block of the file and
 * hands it over; batches go round in a ring:
 *
 *   parser:  fills [filling]  -> full -> |queue: made, then adopted in turn| -> empty -> the parser's again
 *
 * Adopting is the builder's thread's. Making, the dearest stage, is done by whoever has time: by the builder when the batch that
 * is next has not been made, by the parser while it would have to wait for an empty one. So both processors are
 * busy whatever the stages cost.
 *
 * A database is changed by one thread at a time: by the builder while anything is queued, else by the parser's, to which
 * builder_flush gives it back. The thread starts with the first full batch, so a small file costs none. */
#ifndef TARN_PERSIST_BUILD_INT_H
#define TARN_PERSIST_BUILD_INT_H

#include "io/thread.h"
#include "persist/partition_int.h"

#define BUILD_SHORT   3 /* batches queued: one is adopted, the others even the stages out */
#define BUILD_LONG    1 /* besides, of long records (source_int.h), for the sake of memory; then each thread makes one */
#define BUILD_BATCHES (BUILD_SHORT + BUILD_LONG + 2) /* one more when it has been handed over, and one is filled */

enum build_stage { BUILD_FILLED, BUILD_MAKING, BUILD_MADE };
enum build_thread { BUILD_PARSER, BUILD_BUILDER, BUILD_THREADS };

struct builder {
    struct batch batches[BUILD_BATCHES];
    struct db *of[BUILD_BATCHES]; /* where the batch goes */
    size_t expected[BUILD_BATCHES];
    enum batch_result made[BUILD_BATCHES]; /* how the making ended */
    unsigned filling;
    struct dataset *ds;
    struct record_rules *rules;
    const _Atomic bool *cancelled;
    struct batch_maker makers[BUILD_THREADS];
    struct partitions partitions; /* what has been made and taken; of whoever may change a database */
    struct top_board *top;        /* of load_options; set after builder_init */
    struct load_room *room;       /* the same */
    struct thread thread;
    bool alone; /* no thread could be started */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under lock: */
    enum build_stage stage[BUILD_BATCHES];
    unsigned queued; /* batches before filling that the builder has yet to finish */
    bool ending;     /* the thread is to end when nothing is queued */
    enum batch_result
        result; /* the first that is not FINE stands, but for a DUPLICATE before it; nothing is taken after it */
    struct batch *broken; /* whose result a BROKEN is: keys[fault], why */
};

/* The rules and ds are the caller's and stay until release. */
void builder_init(struct builder *b, struct dataset *ds, struct record_rules *rules, const _Atomic bool *cancelled);
/* Ends the thread, frees the batches with what is still in them, and their blocks (source_block_free). */
void builder_release(struct builder *b);

/* The batch that the parser fills. */
static inline struct batch *builder_batch(struct builder *b) {
    debug_proven(b->filling < BUILD_BATCHES);
    return &b->batches[b->filling];
}

/* Queues the batch for db; waits while there is no empty one to fill next. The result is of batches that went before. What the
 * records lie in must stay until the batch is empty again, which it is when it is the one to be filled.
 * expected: how many keys db is likely to hold in the end, when this is its first batch; 0: unknown. */
enum batch_result builder_hand(struct builder *b, struct db *db, size_t expected);
/* Everything so far goes into its database, the batch being filled into db; afterwards the databases are the caller's, and no
 * record is left. */
enum batch_result builder_flush(struct builder *b, struct db *db);
/* Waits until nothing is queued, and has what has been taken adopted. The databases are the caller's. */
enum batch_result builder_wait(struct builder *b);

/* What is wrong, after builder_wait has returned DUPLICATE or BROKEN: of the whole file the first such key. */
struct build_fault {
    int64_t offset;
    struct slice key;          /* lent until the release */
    const char *why, *noticed; /* of BROKEN, as struct rdb_input has them */
};
struct build_fault builder_fault(const struct builder *b);

#endif
