/* Private to persist/: the keys that have gone for want of room while an append-only file is loaded. Commands further on that
 * change such a key must not make a part of it anew: a counter would begin at 0 again, a hash have one field of many. So a key that
 * has gone stays gone until a command makes all of it (SET, the target of a *STORE) or removes it; other commands on it are passed over,
 * and what they would have changed of other keys goes too, as its value cannot be known any more.
 *
 *   evicted ----> gone: 64 bits of hash a key ----> written whole, or deleted: forgotten
 *                   |--> a command reads or changes it: passed over; the other keys that it writes: gone
 *
 * Commands of a MULTI that waits for its EXEC are judged as they are queued, as if those before them had run.
 *
 * Two keys of one hash (a chance of 5e-6 with ten million gone of twenty) are told apart by that the one is there. One thread: the
 * owner of the dataset. ~12 bytes a key, which count against the limit. */
#ifndef TARN_PERSIST_DROPPED_INT_H
#define TARN_PERSIST_DROPPED_INT_H

#include "mem/buf.h"

struct dataset;
struct db;
struct dropped;
struct executor;
struct load_progress;
struct request;

/* Hears from x which keys are evicted of its dataset, for as long as both are there. */
struct dropped *dropped_new(struct executor *x, struct load_progress *progress);
void dropped_free(struct dropped *d);
int64_t dropped_bytes(const struct dropped *d);
size_t dropped_count(const struct dropped *d);
/* The files are read once more. */
void dropped_clear(struct dropped *d);

/* A command that is about to run in this database, or to be queued. False: it is not to run. */
bool dropped_lets_run(struct dropped *d, unsigned db, const struct request *q, bool queued);
/* After it, when nothing is queued: what it would have changed goes. */
void dropped_settle(struct dropped *d);
/* What is queued will not run. */
void dropped_discard(struct dropped *d);

/* At the end: the names of those that are gone still, as long as they are few; each: db:32 length:32 bytes. False: they are too many,
 * or what was queued last has not run. */
bool dropped_names(struct dropped *d, struct buf *out);
/* The next of them from *at on, which moves behind it. False: there is none. */
bool dropped_next_name(const struct buf *names, size_t *at, unsigned *db, struct slice *key);

#endif
