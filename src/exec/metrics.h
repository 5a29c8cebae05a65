/* The executor's rows for INFO: clients, stats, commandstats, errorstats, latencystats. */
#ifndef TARN_EXEC_METRICS_H
#define TARN_EXEC_METRICS_H

#include "base/metric.h"

extern const struct metric executor_metrics[];
extern const unsigned executor_metric_count;

#endif
