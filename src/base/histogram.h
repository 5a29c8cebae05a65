/* A fixed log-linear histogram of durations: 1 ns to 2^36 ns (69 s), each power of two in 16 parts, so a value is read
 * back at most 6 % too high; no allocation, 4.2 KiB. 64-bit counters: a busy command overflows 32 bits within the hour.
 * One writer thread; readers may be other threads (relaxed counters). */
#ifndef TARN_BASE_HISTOGRAM_H
#define TARN_BASE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 4
#define HISTOGRAM_BUCKETS  ((36 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS) /* values to 2^36 ns */

struct histogram {
    uint64_t count, sum, max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *h);
void histogram_add(struct histogram *h, uint64_t value_ns); /* ~2 ns; larger values go to the last bucket */
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The value at percentile (0..100), nanoseconds: the upper bound of its bucket. 0 when empty. */
uint64_t histogram_percentile(const struct histogram *h, double percentile);
/* Number of samples at most value_ns, for the cumulative powers of two of LATENCY HISTOGRAM; samples in the bucket that
 * value_ns falls into count only when the whole bucket does (ask for 2^k - 1 to be exact). */
uint64_t histogram_count_upto(const struct histogram *h, uint64_t value_ns);

#endif
