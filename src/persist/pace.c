#include "persist/pace_int.h"

#include "base/check.h"
#include "base/clock.h"
#include "io/thread.h"

/* The kernel wakes a sleeper some 50 us late: shorter delays would come out far too long one by one. */
#define PACE_SLEEP_MIN_US 1000
#define PACE_SLICE_US     5000

static int64_t delay_now(const struct pace *p) {
    proven(p->delay_us != NULL);
    return atomic_load_explicit(p->delay_us, memory_order_relaxed);
}

static void sleep_slice(struct pace *p, int64_t us) {
    int64_t begun_us = clock_mono_us();
    thread_sleep_us(us);
    proven(us > 0 && !p->slept_us == !p->asked_us);
    if (!p->slept_us) return;
    atomic_fetch_add_explicit(p->asked_us, us, memory_order_relaxed);
    atomic_fetch_add_explicit(p->slept_us, clock_mono_us() - begun_us, memory_order_relaxed);
}

static void sleep_owed(struct pace *p) {
    proven(p->owed_us >= PACE_SLEEP_MIN_US);
    int64_t slept = 0;
    while (p->owed_us > 0 && !atomic_load_explicit(p->cancelled, memory_order_relaxed)) {
        int64_t slice = p->owed_us < PACE_SLICE_US ? p->owed_us : PACE_SLICE_US;
        sleep_slice(p, slice);
        slept += slice;
        p->owed_us -= slice;
        int64_t delay = delay_now(p);
        proven(p->owed_us >= 0 && slept > 0);
        if (p->owed_us > 0 && slept >= (delay > PACE_SLEEP_MIN_US ? delay : PACE_SLEEP_MIN_US)) p->owed_us = 0;
    }
}

void pace_key(struct pace *p) {
    proven(p->cancelled && p->owed_us >= 0);
    int64_t delay = p->delay_us ? delay_now(p) : 0;
    if (delay > 0) {
        p->owed_us += delay;
    } else if (delay < 0 && ++p->keys >= -delay) {
        p->keys = 0;
        p->owed_us++;
    }
    if (p->owed_us >= PACE_SLEEP_MIN_US) sleep_owed(p);
    debug_proven(p->owed_us < PACE_SLEEP_MIN_US || atomic_load(p->cancelled));
}
