/* MEMORY PURGE, on the reaper. Private to observe/. */
#ifndef TARN_OBSERVE_MEMORY_PURGE_H
#define TARN_OBSERVE_MEMORY_PURGE_H

#include "base/metric.h"

struct context;
struct loop;
void memory_purge_init(struct loop *loop);
void memory_purge_end(void); /* after the reaper's last job */
void memory_run_purge(struct context *c);
extern const struct metric_list memory_purge_metrics;

#endif
