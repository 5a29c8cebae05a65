/* The latency monitor: for each kind of event the latest LATENCY_SAMPLES spikes, at most one a second, and the worst ever.
 * Owner MEM_OBSERVE, one block an event, made by its first spike. */
#ifndef TARN_OBSERVE_LATENCY_H
#define TARN_OBSERVE_LATENCY_H

#include "base/slice.h"
#include "mem/buf.h"

#include <stdint.h>

#define LATENCY_SAMPLES    160
#define LATENCY_EVENT_MAX  31
#define LATENCY_EVENTS_MAX 32 /* kinds; more are not kept */

struct latency_sample {
    int64_t time_s;
    uint32_t ms; /* 0: an unused place */
};

struct latency_event {
    const char *name;
    unsigned next;   /* the place of the next sample, which is that of the oldest */
    uint32_t max_ms; /* of all samples, also those that have gone */
    struct latency_sample samples[LATENCY_SAMPLES];
};

struct latency_monitor {
    struct latency_event *events[LATENCY_EVENTS_MAX];
    unsigned count;
};

/* Two spikes of one second are kept as the larger. */
void latency_add(struct latency_monitor *m, const char *event, int64_t time_s, uint32_t ms);
/* NULL when it has had none. */
struct latency_event *latency_find(const struct latency_monitor *m, struct slice name);
/* How many samples the event holds; i counts from the oldest. */
unsigned latency_samples(const struct latency_event *e);
const struct latency_sample *latency_sample_at(const struct latency_event *e, unsigned i);
/* True when it was there. */
bool latency_forget(struct latency_monitor *m, struct slice name);
void latency_clear(struct latency_monitor *m);

/* A bar chart of the samples with the age of each below it. */
void latency_graph(const struct latency_event *e, int64_t now_s, struct buf *out);
/* Statistics of every event, and what to do about them. enabled: the threshold is not 0. */
void latency_doctor(const struct latency_monitor *m, bool enabled, int64_t threshold_ms, int64_t slow_log_us,
                    struct buf *out);

#endif
