/* The past of the main figures: one sample a second for an hour, one a minute for a day, so that yesterday's peak can be
 * explained. The sample of a minute is that second of it in which most memory was used: a mean would hide the peak.
 * Both rings grow by chunks of 60 samples as time goes, to 630 KB. Owner MEM_OBSERVE.
 *
 * One thread adds (the observer). It may read as it is; any other thread between history_lock and history_unlock, which hold
 * up the adding thread, and it alone. */
#ifndef TARN_OBSERVE_HISTORY_H
#define TARN_OBSERVE_HISTORY_H

#include "mem/mem.h"

#include <stdint.h>

/* The series of a sample: first the owners of memory, in the order of enum mem_owner, then these. */
enum history_series {
    HISTORY_USED = MEM_OWNER_COUNT,
    HISTORY_RSS,
    HISTORY_ACTIVE,
    HISTORY_RESIDENT,
    HISTORY_KEYS,
    HISTORY_EXPIRES, /* those of them with a time to live */
    HISTORY_CLIENTS,
    HISTORY_OPS,        /* commands in that second */
    HISTORY_BUSY_US,    /* time spent in them */
    HISTORY_SLOWEST_US, /* in the longest of those that ended in that second, rounded up */
    HISTORY_SERIES
};

/* Single precision: exact below 16 Mi, 6e-8 of the value beyond. */
struct history_sample {
    int64_t time_s; /* wall */
    float values[HISTORY_SERIES];
};

enum history_span { HISTORY_SECONDS, HISTORY_MINUTES, HISTORY_SPANS };

struct history;
struct history *history_new(void);
void history_free(struct history *h);
const char *history_series_name(unsigned series);

/* The adding thread. A time not after the last one's is taken as the second after it. */
void history_add(struct history *h, const struct history_sample *sample);

void history_lock(struct history *h);
void history_unlock(struct history *h);
unsigned history_count(const struct history *h, enum history_span span);
/* i counts from the oldest. */
const struct history_sample *history_at(const struct history *h, enum history_span span, unsigned i);
/* The first sample later than time_s; history_count when there is none. O(log n). */
unsigned history_after(const struct history *h, enum history_span span, int64_t time_s);

#endif
