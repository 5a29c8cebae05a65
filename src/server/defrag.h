/* Active defragmentation: when it runs, how much, and when it gives up (docs/design/defragmentation.md). What moves is
 * keyspace/defrag.h's. Executor thread; slices between the turns of the loop. */
#ifndef TARN_SERVER_DEFRAG_H
#define TARN_SERVER_DEFRAG_H

#include "base/metric.h"

#include <stdbool.h>
#include <stdint.h>

struct defrag;

struct defrag *defrag_new(void);
void defrag_free(struct defrag *d); /* may be NULL */
/* Once in every turn: a slice, when one is due. Returns the longest time to sleep until the next, INT64_MAX when none runs. */
int64_t defrag_turn(struct defrag *d, int64_t now_us);
/* A few times a second: decides whether it runs. */
void defrag_cron(struct defrag *d, int64_t now_us);
/* DEBUG DEFRAG: runs all the time, and takes every block for worth moving; with any allocator. */
void defrag_force(struct defrag *d, bool on);
/* activedefrag yes with this allocator: NULL, or why not. */
const char *defrag_apply(void);
struct defrag *server_defrag(void); /* the server's, in server.c */

extern const struct metric_list defrag_metrics;

#endif
