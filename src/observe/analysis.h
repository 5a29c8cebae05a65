/* MEMORY ANALYZE and MEMORY PREFIXES: walks over the frozen dataset on a thread of their own, one at a time; who asks waits.
 *
 *   asked --(nobody has the dataset frozen, nothing loads)--> frozen, walking --> thawed, answered
 *             |  waits in line                                   | a save, a rewrite or a load wants the dataset,
 *             |                                                  | or everybody who asked has gone
 *                                                                v
 *                                                  stops at the next key, thawed; who waits is told
 *
 * An analysis never stands in the way of a save: persist/ makes it give way (executor_make_way), which waits for the thread to
 * be done with the key at hand. Executor thread only. */
#ifndef TARN_OBSERVE_ANALYSIS_H
#define TARN_OBSERVE_ANALYSIS_H

#include "base/config.h"
#include "base/metric.h"

struct loop;

/* After observe_init. loop: the executor's. */
void analysis_init(struct loop *loop);
/* Ends what runs and waits for it; the loop must not run afterwards. Before the dataset or its saves are taken down. */
void analysis_end(void);
/* Every 100 ms: starts what waits in line, and the prefixes that somebody looks at over HTTP when they are old. */
void analysis_cron(void);

/* memory-prefix-delimiter, memory-analysis-key-delay */
extern const struct directive_list analysis_directives;
extern const struct metric_list analysis_metrics;

#endif
