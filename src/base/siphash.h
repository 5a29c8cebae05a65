/* SipHash-1-3 (Aumasson, Bernstein 2012; https://www.aumasson.jp/siphash/), keyed: the table hash of everything
 * whose keys come from outside. About 5 ns for 8 bytes, 9 ns for 32. */
#ifndef TARN_BASE_SIPHASH_H
#define TARN_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_seed {
    uint64_t k0, k1;
};

uint64_t siphash13(const struct siphash_seed *seed, const void *data, size_t len);
/* SipHash-2-4 with the same core: only so that the published vectors can be tested. */
uint64_t siphash24(const struct siphash_seed *seed, const void *data, size_t len);

#endif
