#include "persist/build_int.h"

void builder_init(struct builder *b, const _Atomic bool *cancelled) {
    *b = (struct builder){.cancelled = cancelled};
    for (unsigned i = 0; i < BUILD_BATCHES; i++) batch_init(&b->batches[i]);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    proven(cancelled && b->result == BATCH_ADOPTED);
}

/* Batch i into its database, unless an earlier one has failed. By who owns the databases just now. */
static void adopt(struct builder *b, unsigned i, enum batch_result so_far) {
    struct batch_key second = {0};
    proven(i < BUILD_BATCHES && b->of[i]);
    if (b->expected[i]) db_reserve(b->of[i], b->expected[i]);
    enum batch_result result =
        so_far == BATCH_ADOPTED ? batch_adopt(&b->batches[i], b->of[i], b->cancelled, &second) : so_far;
    pthread_mutex_lock(&b->lock);
    if (b->result == BATCH_ADOPTED && result != BATCH_ADOPTED) {
        b->result = result;
        b->second = second;
    }
    pthread_mutex_unlock(&b->lock);
}

/* ---- the builder's thread ---- */
/* The batch that is next, -1 at the end. */
static int next(struct builder *b, enum batch_result *so_far) {
    pthread_mutex_lock(&b->lock);
    while (b->queued == 0 && !b->ending) pthread_cond_wait(&b->changed, &b->lock);
    proven(b->queued <= BUILD_BATCHES); /* all of them while the parser waits for an empty one */
    int i = b->queued ? (int)((b->filling + BUILD_BATCHES - b->queued) % BUILD_BATCHES) : -1;
    *so_far = b->result;
    pthread_mutex_unlock(&b->lock);
    return i;
}

static void *run(void *arg) {
    struct builder *b = arg;
    enum batch_result so_far;
    for (int i; (i = next(b, &so_far)) >= 0;) {
        adopt(b, (unsigned)i, so_far);
        pthread_mutex_lock(&b->lock);
        proven(b->queued > 0);
        b->queued--;
        pthread_cond_signal(&b->changed);
        pthread_mutex_unlock(&b->lock);
    }
    return NULL;
}

/* ---- the parser's side ---- */
static enum batch_result wait_below(struct builder *b, unsigned most) {
    pthread_mutex_lock(&b->lock);
    while (b->queued > most) pthread_cond_wait(&b->changed, &b->lock);
    enum batch_result result = b->result;
    pthread_mutex_unlock(&b->lock);
    proven(most < BUILD_BATCHES);
    return result;
}

enum batch_result builder_wait(struct builder *b) { return wait_below(b, 0); }

enum batch_result builder_flush(struct builder *b, struct db *db) {
    enum batch_result so_far = builder_wait(b);
    proven(b->queued == 0 && db);
    b->of[b->filling] = db;
    b->expected[b->filling] = 0;
    adopt(b, b->filling, so_far);
    return b->result;
}

enum batch_result builder_hand(struct builder *b, struct db *db, size_t expected) {
    proven(db && builder_batch(b)->count > 0);
    if (!b->thread.running && !b->alone) b->alone = thread_start(&b->thread, "load-build", run, b) != 0;
    if (b->alone) return builder_flush(b, db);
    pthread_mutex_lock(&b->lock);
    b->of[b->filling] = db;
    b->expected[b->filling] = expected;
    b->filling = (b->filling + 1) % BUILD_BATCHES;
    b->queued++;
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
    return wait_below(b, BUILD_BATCHES - 1);
}

void builder_release(struct builder *b) {
    pthread_mutex_lock(&b->lock);
    b->ending = true;
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&b->lock);
    thread_join(&b->thread);
    proven(b->queued == 0);
    for (unsigned i = 0; i < BUILD_BATCHES; i++) batch_release(&b->batches[i]);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
}
