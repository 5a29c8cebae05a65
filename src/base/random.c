#include "base/random.h"

#include "base/check.h"

#include <errno.h>
#include <sys/random.h>

/* SplitMix64 (Steele, Lea, Flood 2014): spreads a 64-bit seed over the state, as xoshiro's authors advise. */
static uint64_t splitmix_next(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, unsigned k) { return x << k | x >> (64 - k); }

void random_init(struct random *r, uint64_t seed) {
    for (unsigned i = 0; i < countof(r->s); i++) r->s[i] = splitmix_next(&seed);
}

void random_init_from_system(struct random *r) {
    uint64_t seed;
    random_system_bytes(&seed, sizeof seed);
    random_init(r, seed);
}

uint64_t random_next(struct random *r) {
    uint64_t *s = r->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Lemire 2019, "Fast random integer generation in an interval": the high half of a 128-bit product is uniform once
 * the low halves below 2^64 mod limit are thrown away. */
uint64_t random_below(struct random *r, uint64_t limit) {
    proven(limit > 0);
    unsigned __int128 product = (unsigned __int128)random_next(r) * limit;
    if (unlikely((uint64_t)product < limit)) {
        uint64_t reject_below = -limit % limit;
        while ((uint64_t)product < reject_below) product = (unsigned __int128)random_next(r) * limit;
    }
    return (uint64_t)(product >> 64);
}

double random_unit(struct random *r) { return (double)(random_next(r) >> 11) * 0x1p-53; }

void random_system_bytes(void *dst, size_t n) {
    for (size_t done = 0; done < n;) {
        ssize_t got = getrandom((char *)dst + done, n - done, 0);
        if (got > 0)
            done += (size_t)got;
        else if (errno != EINTR)
            unreachable("the kernel gives no random bytes");
    }
}

void random_hex(char *dst, size_t n) {
    unsigned char bytes[64];
    for (size_t i = 0; i < n; i++) {
        if (i % sizeof bytes == 0) random_system_bytes(bytes, sizeof bytes);
        dst[i] = "0123456789abcdef"[bytes[i % sizeof bytes] & 15];
    }
}
