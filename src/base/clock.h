/* Clocks behind a seam: tests may set them. Monotonic for durations, wall for expiry and logs.
 * Thread-safe: reading is lock-free; the overrides are for single-threaded unit tests only. */
#ifndef TARN_BASE_CLOCK_H
#define TARN_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_wall_us(void); /* microseconds since 1970, ~20 ns */
int64_t clock_wall_ms(void);
int64_t clock_mono_us(void); /* CLOCK_MONOTONIC */
int64_t clock_mono_ns(void);

/* The cheapest monotonic counter of the machine (invariant TSC, ARM cntvct, else CLOCK_MONOTONIC ns), ~8 ns:
 * for the per-command latency only. clock_init calibrates it (about 2 ms, once, at start). */
void clock_init(void);
uint64_t clock_ticks(void);
uint64_t clock_ticks_to_ns(uint64_t ticks);
const char *clock_ticks_source(void); /* "X86 TSC @ 2600 ticks/us", "ARM CNTVCT @ ...", "POSIX clock_gettime" */

/* Test seam: from now on the wall clock stands at ms until moved again; -1 gives the real one back. */
void clock_wall_set_for_test(int64_t ms);

#endif
