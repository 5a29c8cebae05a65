#include "persist/build_int.h"

#include "keyspace/top.h"
#include "persist/load.h"
#include "persist/room_int.h"
#include "persist/source_int.h"

void builder_init(struct builder *b, struct dataset *ds, struct record_rules *rules, const _Atomic bool *cancelled) {
    *b = (struct builder){.ds = ds, .rules = rules, .cancelled = cancelled};
    for (unsigned i = 0; i < BUILD_BATCHES; i++) batch_init(&b->batches[i]);
    for (unsigned t = 0; t < BUILD_THREADS; t++) batch_maker_init(&b->makers[t], rules);
    partitions_init(&b->partitions);
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
static void report(struct builder *b, enum batch_result result, struct batch *broken) {
    if (result == BATCH_FINE) return;
    pthread_mutex_lock(&b->lock);
    proven(b->result == BATCH_FINE || result != BATCH_BROKEN);
    if (b->result == BATCH_FINE || result == BATCH_DUPLICATE) b->result = result;
    if (broken) b->broken = broken;
    pthread_mutex_unlock(&b->lock);
}

static enum batch_result settle(struct builder *b) {
    size_t before = b->partitions.adopted;
    enum batch_result result = partitions_settle(&b->partitions, b->cancelled);
    debug_proven(result != BATCH_BROKEN);
    atomic_fetch_add_explicit(&b->rules->progress->loaded_keys, (int64_t)(b->partitions.adopted - before),
                              memory_order_relaxed);
    return result;
}

/* The first n keys of a batch, which have been made. */
static enum batch_result take_keys(struct builder *b, unsigned i, size_t n) {
    struct partitions *ps = &b->partitions;
    enum batch_result result = ps->db == b->of[i] ? BATCH_FINE : settle(b);
    size_t before = ps->adopted;
    proven(n <= b->batches[i].count);
    if (result != BATCH_FINE) return result;
    result = partitions_take(ps, b->batches[i].keys, n, b->of[i], b->cancelled);
    for (size_t k = 0; n < b->batches[i].count && k < n; k++) b->batches[i].keys[k].made.entry = NULL;
    if (n == b->batches[i].count) b->batches[i].count = 0;
    atomic_fetch_add_explicit(&b->rules->progress->loaded_keys, (int64_t)(ps->adopted - before), memory_order_relaxed);
    return result;
}

/* Where the room is short nothing waits in partitions: the dataset must show what it takes. */
static enum batch_result take_made(struct builder *b, unsigned i) {
    proven(b->made[i] == BATCH_FINE && b->of[i]);
    if (b->expected[i]) db_reserve(b->of[i], room_for_keys(b->room, b->expected[i], &b->batches[i]));
    enum batch_result result = take_keys(b, i, b->batches[i].count);
    if (result == BATCH_FINE && !room_is_plenty(b->room)) result = settle(b);
    room_keep(b->room, b->ds);
    if (b->top) top_board_publish(b->top, b->ds, LOAD_TOP_INTERVAL_US);
    return result;
}

/* What stands before the record may hold a fault that is the first. */
static void take_broken(struct builder *b, unsigned i) {
    proven(b->batches[i].fault < b->batches[i].count);
    take_keys(b, i, b->batches[i].fault);
    report(b, BATCH_BROKEN, &b->batches[i]);
}

/* Batch i, unless an earlier one has failed. By who owns the databases just now. */
static void take(struct builder *b, unsigned i, enum build_thread by) {
    enum batch_result so_far, result = see_made(b, i, by, &so_far);
    proven(i < BUILD_BATCHES);
    if (so_far != BATCH_FINE) return;
    if (result == BATCH_FINE)
        report(b, take_made(b, i), NULL);
    else if (result == BATCH_BROKEN)
        take_broken(b, i);
    else
        report(b, result, NULL);
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
        take(b, (unsigned)i, BUILD_BUILDER);
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
    wait_until(b, 0, 0);
    report(b, settle(b), NULL);
    return b->result;
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
    wait_until(b, 0, 0);
    proven(b->queued == 0);
    fill_ends(b, db, 0);
    take(b, b->filling, BUILD_PARSER);
    return builder_wait(b);
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

struct build_fault builder_fault(const struct builder *b) {
    const struct made_key *twice = &b->partitions.duplicate;
    proven(b->queued == 0 && (b->result == BATCH_DUPLICATE || b->result == BATCH_BROKEN));
    if (b->result == BATCH_DUPLICATE)
        return (struct build_fault){.offset = twice->offset, .key = entry_key(twice->entry)};
    const struct batch_key *k = &b->broken->keys[b->broken->fault];
    return (struct build_fault){k->offset, batch_key_text(k), b->broken->why, b->broken->noticed};
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
    partitions_release(&b->partitions);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
}
