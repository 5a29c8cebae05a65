/* Private to persist/: the room for what is being loaded, under maxmemory with a policy that evicts. The thread that owns the
 * dataset asks for it between two batches of work, and keys go by the policy until what has been loaded so far is within the
 * limit again: so the load never takes more than the limit and what is on its way, some megabytes or one value.
 *
 * What counts is what counts afterwards (exec/limit.h), less what was there before and goes when the load is done. While the limit
 * is far away a question costs a sum over all threads once a batch. Near it the parser goes in small steps (ROOM_STEP bytes of the
 * file), and nothing is made ahead. Near is ROOM_NEAR and what ROOM_BATCHES blocks of the file would take, as it has taken so far where
 * it took most: a block that is compressed well can become a hundred. Before the first step says so, any limit is near.
 *
 * Where the container is what limits, and no key may go, the room has a wall: near it the load goes in small steps, too, and from
 * three quarters of it on it waits now and then until somebody has judged whether the rest will fit (admission_int.h).
 *
 * The limit may be changed while the load runs; the policy is the one at its start. */
#ifndef TARN_PERSIST_ROOM_INT_H
#define TARN_PERSIST_ROOM_INT_H

#include "keyspace/eviction.h"
#include "persist/load.h"

#define ROOM_NEAR    ((int64_t)64 << 20)
#define ROOM_BATCHES 6 /* what may be on its way */
#define ROOM_STEP    ((int64_t)128 << 10)
#define ROOM_MADE    ((int64_t)4 << 20) /* bytes of values that wait for their place */

struct batch;
struct dropped;

struct load_room {
    struct eviction_rule rule;      /* set before the load */
    int64_t others;                 /* the same: counted bytes that are not the load's */
    int64_t wall_bytes;             /* the same: what the process can take; 0: as much as it likes */
    _Atomic unsigned judged;        /* counts: that the load may go on */
    _Atomic int64_t limit_bytes;    /* 0: none, or no key may go. Any thread may change it */
    struct load_progress *progress; /* evicted_keys, evicted_bytes */
    const _Atomic bool *cancelled;
    struct dropped *dropped; /* remembers which keys have gone, where that matters; else NULL */
    /* the owner's of the dataset */
    int64_t was;        /* counted when it was last looked at */
    int64_t offset;     /* of the file, then */
    int64_t held;       /* counted when it has waited last */
    double most;        /* bytes counted that one of the file has become, where it was most */
    int64_t here, step; /* this thread's part when it was last looked at, and how much more of it there may be */
    _Atomic bool near;
    _Atomic bool full; /* over the limit, and no key is there that may go */
};

/* Before the load. */
void room_begin(struct load_room *r, struct load_progress *progress, const _Atomic bool *cancelled);

static inline bool room_limited(const struct load_room *r) {
    return r && atomic_load_explicit(&r->limit_bytes, memory_order_relaxed) > 0;
}
static inline bool room_is_near(const struct load_room *r) {
    return r && atomic_load_explicit(&r->near, memory_order_relaxed);
}

/* Whether something may be made that waits for its place. Any thread of the load, ~1 us. r may be NULL. */
bool room_is_plenty(const struct load_room *r);
/* By the owner of ds. r may be NULL: then nothing. */
void room_keep(struct load_room *r, struct dataset *ds);
/* The same where one thread makes all: asks only when it may have come to something. ~10 ns. */
void room_watch(struct load_room *r, struct dataset *ds);
/* A database's table is about to be made for so many keys, of which those of b are the first: as many as there is room for. */
size_t room_for_keys(const struct load_room *r, size_t expected, const struct batch *b);
/* In words, at the end of a load. */
void room_tell(const struct load_progress *p);

#endif
