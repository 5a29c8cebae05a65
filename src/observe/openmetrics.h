/* /metrics: OpenMetrics 1.0 text. Names of redis_exporter where it has them, so that dashboards made for it work; tarn_ and
 * the INFO field's name for all other declared numbers. f may be NULL: nothing has been published yet. */
#ifndef TARN_OBSERVE_OPENMETRICS_H
#define TARN_OBSERVE_OPENMETRICS_H

#include "observe/memory_tree.h"
#include "observe/published.h"

#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

void openmetrics_print(struct buf *out, const struct published *p, const struct published_figures *f,
                       const struct memory_tree *t);

#endif
