/* Randomness. Seeds come from getrandom(2); the stream is xoshiro256** (Blackman, Vigna 2018, public domain
 * algorithm), not for secrets. */
#ifndef TARN_BASE_RANDOM_H
#define TARN_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t s[4];
};

void random_init(struct random *r, uint64_t seed); /* the same seed gives the same stream */
void random_init_from_system(struct random *r);
uint64_t random_next(struct random *r);
uint64_t random_below(struct random *r, uint64_t limit); /* uniform in [0, limit), limit > 0, no modulo bias */
double random_unit(struct random *r);                    /* [0, 1) */

/* Unpredictable bytes from the kernel: hash seeds, run ids. Aborts when the kernel has none. */
void random_system_bytes(void *dst, size_t n);
/* n lower-case hex characters, unpredictable, no NUL. */
void random_hex(char *dst, size_t n);

#endif
