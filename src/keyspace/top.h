/* The biggest keys of a dataset: known at any time, without a walk, also while it is being loaded.
 *
 * A bounded set of places holds the hash and the bytes (entry_memory) of big keys, and a floor, which the bytes of no other
 * key exceed. Every door that keeps the accounts (keyspace/account.h) asks whether a key's bytes reach the floor, and only then
 * touches the set. When 4096 places are taken, the floor rises to the 1024th biggest and what is below leaves: so there are
 * always many more places than the 128 that are shown, and big keys that are deleted uncover the next ones.
 *
 * Exactness: what is shown is exact, except after so many of the biggest have gone, with no others of their size coming, that
 * fewer than 512 places are left. Then a refill walks the dataset, a slice at a time (dataset_top_refill), with a lower floor; until
 * it has come around, the keys that had places are still right, and some of those that should follow them may be missing
 * (dataset_top_sure tells). Of keys of equal size any may be shown.
 *
 * Cost: one comparison for most changes; some 20 ns where a place changes; 40 us when the floor rises, at the earliest every
 * 3072 changes. 24 bytes a place, twice: 192 KiB, 384 KiB while the floor rises, with a board 460 KiB (owner observe).
 * Two keys of one database with equal 64-bit hashes would share a place; the hash is keyed, and 2^32 keys make one such pair
 * likely.
 *
 * Thread: the dataset's owner, but for the board. */
#ifndef TARN_KEYSPACE_TOP_H
#define TARN_KEYSPACE_TOP_H

#include "base/slice.h"
#include "values/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOP_SHOWN_MAX 128

struct dataset;

struct top_key {
    struct slice key;
    size_t key_len; /* of the whole key, where it is cut: on a board */
    unsigned db;
    enum value_type type;
    size_t elements, bytes; /* as in struct measure */
};

/* Tells at most n (TOP_SHOWN_MAX) of the biggest keys, the biggest first. ~30 us; the slices are valid for the call. */
void dataset_top(const struct dataset *ds, size_t n, void (*visit)(void *arg, const struct top_key *key), void *arg);
/* The first so many that dataset_top tells are the biggest; behind them some may be missing. SIZE_MAX: no key is. ~5 us. */
size_t dataset_top_sure(const struct dataset *ds);
/* Starts a refill when it is time for one, and goes on with it for about budget_us. True: more is left. Nothing (a few ns)
 * when none is due. A walk takes some 0.1 us a key: with 1 ms of budget every 100 ms, a million keys take 10 s. */
bool dataset_top_refill(struct dataset *ds, int64_t budget_us);

/* ---- the board ---- */
/* A copy for other threads: of the dataset that is served for the observer, of the one that is loaded for all. One thread at a
 * time publishes; any may read. Keys are cut to TOP_BOARD_KEY bytes. 76 KiB. */
#define TOP_BOARD_KEY 256

struct top_board;

struct top_board *top_board_new(void);
void top_board_free(struct top_board *b);
void top_board_clear(struct top_board *b);
/* Does nothing, a few ns, when it did something less than interval_us ago; never waits. ~100 us. True: done. */
bool top_board_publish(struct top_board *b, const struct dataset *ds, int64_t interval_us);
/* Tells at most n keys and returns dataset_top_sure. *age_us: since they were published, -1: nothing is there. visit is
 * called under the board's lock: it only copies. */
size_t top_board_read(struct top_board *b, size_t n, int64_t *age_us,
                      void (*visit)(void *arg, const struct top_key *key), void *arg);

#endif
