#include "persist/build_int.h"

#include "keyspace/top.h"
#include "persist/load.h"
#include "persist/room_int.h"
#include "persist/source_int.h"

void builder_init(struct builder *b, struct dataset *ds, struct record_rules *rules, const _Atomic bool *cancelled) {
    *b = (struct builder){.ds = ds, .rules = rules, .cancelled = cancelled};
    for (unsigned i = 0; i < BUILD_BATCHES; i++) batch_init(&b->batches[i]);
    for (unsigned t = 0; t < BUILD_THREADS; t++) batch_maker_init(&b->makers[t], rules);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    proven(ds && cancelled && b->result == BATCH_FINE);
}

/* ---- making ---- */
/* Under lock, which is let go meanwhile: a batch that has been filled is made by this thread. */
static void make(struct builder *b, unsigned i, enum build_thread by) {
    proven(i < BUILD_BATCHES && b->stage[i] == BUILD_FILLED);
    b->stage[i] = BUILD_MAKING;
    pthread_mutex_unlock(&b->lock);
    enum batch_result made = batch_make(&b->batches[i], &b->makers[by], b->ds, b->cancelled);
    pthread_mutex_lock(&b->lock);
    b->made[i] = made;
    b->stage[i] = BUILD_MADE;
    pthread_cond_broadcast(&b->changed);
}

/* By this thread or, when it has begun, by the other. *so_far: the result of what went before. */
static enum batch_result see_made(struct builder *b, unsigned i, enum build_thread by, enum batch_result *so_far) {
    pthread_mutex_lock(&b->lock);
    *so_far = b->result;
    if (b->stage[i] == BUILD_FILLED && *so_far == BATCH_FINE) make(b, i, by);
    while (b->stage[i] == BUILD_MAKING) pthread_cond_wait(&b->changed, &b->lock);
    proven(b->stage[i] == BUILD_MADE || *so_far != BATCH_FINE);
    enum batch_result made = b->made[i];
    pthread_mutex_unlock(&b->lock);
    return made;
}

/* ---- adopting ---- */
/* Of a batch that has been made. */
static enum batch_result adopt_made(struct builder *b, unsigned i) {
    enum batch_result result;
    proven(b->made[i] == BATCH_FINE && b->of[i]);
    if (b->expected[i]) db_reserve(b->of[i], room_for_keys(b->room, b->expected[i], &b->batches[i]));
    size_t adopted = batch_adopt(&b->batches[i], &b->order, b->of[i], b->cancelled, &result);
    atomic_fetch_add_explicit(&b->rules->progress->loaded_keys, (int64_t)adopted, memory_order_relaxed);
    room_keep(b->room, b->ds);
    if (b->top) top_board_publish(b->top, b->ds, LOAD_TOP_INTERVAL_US);
    return result;
}

/* Batch i into its database, unless an earlier one has failed. By who owns the databases just now. */
static void adopt(struct builder *b, unsigned i, enum build_thread by) {
    enum batch_result so_far, result = see_made(b, i, by, &so_far);
    if (so_far != BATCH_FINE) return;
    if (result == BATCH_FINE) result = adopt_made(b, i);
    if (result == BATCH_FINE) return;
    pthread_mutex_lock(&b->lock);
    proven(b->result == BATCH_FINE);
    b->result = result;
    b->faulty = &b->batches[i];
    pthread_mutex_unlock(&b->lock);
}

/* ---- the builder's thread ---- */
/* The batch that is next, -1 at the end. */
static int next(struct builder *b) {
    pthread_mutex_lock(&b->lock);
    while (b->queued == 0 && !b->ending) pthread_cond_wait(&b->changed, &b->lock);
    proven(b->queued < BUILD_BATCHES);
    int i = b->queued ? (int)((b->filling + BUILD_BATCHES - b->queued) % BUILD_BATCHES) : -1;
    pthread_mutex_unlock(&b->lock);
    return i;
}

static void *run(void *arg) {
    struct builder *b = arg;
    for (int i; (i = next(b)) >= 0;) {
        adopt(b, (unsigned)i, BUILD_BUILDER);
        pthread_mutex_lock(&b->lock);
        proven(b->queued > 0);
        b->queued--;
        pthread_cond_broadcast(&b->changed);
        pthread_mutex_unlock(&b->lock);
    }
    return NULL;
}

/* ---- the parser's side ---- */
/* Under lock. The last of the queue that has only been filled, as the builder begins at the other end; -1: none. */
static int to_be_made(const struct builder *b) {
    debug_proven(b->queued <= BUILD_BATCHES);
    if (!room_is_plenty(b->room)) return -1; /* what is made takes memory */
    for (unsigned k = 1; k <= b->queued && b->result == BATCH_FINE; k++) {
        unsigned i = (b->filling + BUILD_BATCHES - k) % BUILD_BATCHES;
        if (b->stage[i] == BUILD_FILLED) return (int)i;
    }
    return -1;
}

static bool is_long(const struct batch *b) { return b->block && source_block_is_long(b->block); }

/* Under lock: blocks for long records are not kept as spare ones. Here and not where a batch is done with, as until now what the parser
 * had not used yet may have lain in the one that it handed over last. */
static void let_go_long(struct builder *b) {
    for (unsigned k = 1; k < BUILD_BATCHES - b->queued; k++) {
        struct batch *done = &b->batches[(b->filling + k) % BUILD_BATCHES];
        if (!is_long(done)) continue;
        source_block_free(done->block);
        done->block = NULL;
    }
    proven(b->queued < BUILD_BATCHES);
}

/* Under lock: more is queued than may be. */
static bool is_crowded(const struct builder *b, unsigned most_short, unsigned most_long) {
    unsigned longs = 0;
    for (unsigned k = 1; k <= b->queued; k++)
        longs += is_long(&b->batches[(b->filling + BUILD_BATCHES - k) % BUILD_BATCHES]);
    proven(longs <= b->queued && b->queued < BUILD_BATCHES);
    return longs > most_long || b->queued - longs > most_short;
}

/* Making instead of waiting, where there is something to make. */
static enum batch_result wait_until(struct builder *b, unsigned most_short, unsigned most_long) {
    pthread_mutex_lock(&b->lock);
    while (is_crowded(b, most_short, most_long)) {
        int i = to_be_made(b);
        if (i >= 0)
            make(b, (unsigned)i, BUILD_PARSER);
        else
            pthread_cond_wait(&b->changed, &b->lock);
    }
    enum batch_result result = b->result;
    pthread_mutex_unlock(&b->lock);
    return result;
}

enum batch_result builder_wait(struct builder *b) {
    proven(!b->alone || b->queued == 0);
    return wait_until(b, 0, 0);
}

static void fill_ends(struct builder *b, struct db *db, size_t expected) {
    proven(db && builder_batch(b)->count <= BATCH_MAX);
    b->of[b->filling] = db;
    b->expected[b->filling] = expected;
    b->made[b->filling] = BATCH_FINE;
    b->stage[b->filling] = BUILD_FILLED;
}

enum batch_result builder_flush(struct builder *b, struct db *db) {
    debug_proven(db != NULL);
    builder_wait(b);
    proven(b->queued == 0);
    fill_ends(b, db, 0);
    adopt(b, b->filling, BUILD_PARSER);
    return b->result;
}

enum batch_result builder_hand(struct builder *b, struct db *db, size_t expected) {
    proven(builder_batch(b)->count > 0);
    if (!b->thread.running && !b->alone) b->alone = thread_start(&b->thread, "builder", run, b) != 0;
    if (b->alone) return builder_flush(b, db);
    pthread_mutex_lock(&b->lock);
    let_go_long(b);
    fill_ends(b, db, expected);
    b->filling = (b->filling + 1) % BUILD_BATCHES;
    b->queued++;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    return wait_until(b, BUILD_SHORT, BUILD_LONG);
}

void builder_release(struct builder *b) {
    pthread_mutex_lock(&b->lock);
    b->ending = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    thread_join(&b->thread);
    proven(b->queued == 0);
    for (unsigned i = 0; i < BUILD_BATCHES; i++) {
        source_block_free(b->batches[i].block);
        batch_release(&b->batches[i]);
    }
    for (unsigned t = 0; t < BUILD_THREADS; t++) batch_maker_release(&b->makers[t]);
    batch_order_release(&b->order);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
}
