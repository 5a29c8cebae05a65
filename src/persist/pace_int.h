/* Private to persist/: the brake of key-load-delay and rdb-key-save-delay. */
#ifndef TARN_PERSIST_PACE_INT_H
#define TARN_PERSIST_PACE_INT_H

#include "base/check.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pace {
    const _Atomic int64_t *delay_us; /* us per key, negative: 1 us per that many keys; NULL or 0: none */
    const _Atomic bool *cancelled;
    int64_t owed_us;                      /* not yet slept: delays below PACE_SLEEP_MIN_US add up */
    int64_t keys;                         /* towards the next 1 us */
    _Atomic int64_t *slept_us, *asked_us; /* what the sleeps took so far, and were to take; NULL: nobody counts */
};

static inline bool pace_on(const struct pace *p) {
    debug_proven(p->cancelled && p->owed_us >= 0);
    return p->delay_us && atomic_load_explicit(p->delay_us, memory_order_relaxed) != 0;
}

/* After each key while pace_on. Sleeps what is due in slices of at most 5 ms; ends early on cancel, or when the delay has
 * been made shorter than what was slept. */
void pace_key(struct pace *p);

#endif
