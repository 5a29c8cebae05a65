/* The random numbers of a property test: of the seed in TARN_SEED, else of the time; it is printed, so that a failure can be
 * had again. */
#ifndef TARN_TESTS_VALUES_SEED_H
#define TARN_TESTS_VALUES_SEED_H

#include "base/clock.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>

static inline struct random random_of_test(void) {
    const char *given = getenv("TARN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_wall_us();
    struct random r;
    printf("TARN_SEED=%llu\n", (unsigned long long)seed);
    random_init(&r, seed);
    return r;
}

#endif
