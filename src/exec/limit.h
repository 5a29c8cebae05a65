/* maxmemory: what counts against it, and making room below it by taking keys out of the executor's dataset.
 *
 * A command that may use memory pays first for what has been used since the last one paid, up to a time; what is over for
 * another reason (a lower limit, a file that was loaded) is worked off in slices between the turns. So no turn is long, and
 * writing cannot outrun eviction. Executor thread only. See docs/design/eviction.md. */
#ifndef TARN_EXEC_LIMIT_H
#define TARN_EXEC_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct eviction_rule;
struct executor;
struct memory_limit;

struct memory_limit *limit_new(void);
void limit_free(struct memory_limit *l);
/* How executor.used_memory_limit is kept. tenacity: maxmemory-eviction-tenacity, 0..100, how long one command may pay.
 * used_ceiling: of all memory, 0 none: see limit_step. */
void limit_set(struct executor *x, const struct eviction_rule *rule, int tenacity, int64_t used_ceiling);

/* Bytes that count: all but those of clients, replication and the append-only file, the buffers of load and save, and what is
 * gone but for a live snapshot or the reaper. ~20 ns. */
int64_t limit_counted(struct executor *x);
bool limit_may_evict(const struct executor *x); /* the policy is not noeviction */
/* The rule of the policy that is set. */
const struct eviction_rule *limit_rule(const struct executor *x);
/* For a thread that makes a dataset: what counts of all threads, ~1 us, with what has been let go but not freed yet; and its own part of
 * that, ~10 ns, of which only the difference of two calls means anything. */
int64_t limit_counted_of_all(void);
int64_t limit_counted_here(void);
int64_t limit_not_counted(const struct executor *x); /* for show; ~1 us */

/* Before a command that may use memory. False: there is none, and no key may go for it. */
bool limit_make_room(struct executor *x);
/* Between two turns. True: there is more to do, so do not sleep.
 *
 * What a live snapshot may read cannot be freed by taking out keys. Where the owner knows how much memory there is at all
 * (used_ceiling), writes are held while a snapshot has brought it so far, and go on when it is done. */
bool limit_step(struct executor *x);

bool limit_is_over(const struct executor *x);    /* when it was last looked at */
int64_t limit_over_ms(const struct executor *x); /* of this stretch over the limit, 0: within */
int64_t limit_over_total_ms(const struct executor *x);
void limit_reset_stats(struct executor *x);

#endif
