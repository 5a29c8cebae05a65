/* The heaviest of many names in bounded memory: Space-Saving (Metwally, Agrawal, El Abbadi: "Efficient Computation of Frequent
 * and Top-k Elements in Data Streams", ICDT 2005), with weights. While there are fewer names than places all figures are exact.
 * A further name takes the place of the lightest and inherits its weight as what it may be overrated by:
 *
 *   weight - error <= true weight <= weight,  error <= total weight / places
 *
 * so every name that has more than that share of the total is among them. Names of the same text and another tag (a database)
 * are different names; two are told apart by 64 bits of a hash with a key of the sketch's own. Owner MEM_OBSERVE. One thread. */
#ifndef TARN_OBSERVE_SKETCH_H
#define TARN_OBSERVE_SKETCH_H

#include "base/slice.h"

#include <stdint.h>

struct sketch;

struct sketch_entry {
    uint64_t hash;
    uint64_t weight, error;
    uint64_t count; /* how often it was added since it has its place: never more than the truth */
    char *text;
    uint32_t len, cap; /* of text */
    uint32_t tag;
    uint32_t heap_place;
};

/* Names longer than text_max are kept cut, and told apart by all their bytes. */
struct sketch *sketch_new(unsigned places, size_t text_max);
void sketch_free(struct sketch *s);  /* may be NULL */
void sketch_clear(struct sketch *s); /* keeps its memory */
/* O(log places); ~20 ns for a name that has a place, 80 to 250 ns for one that takes another's. weight > 0. */
void sketch_add(struct sketch *s, uint32_t tag, struct slice name, uint64_t weight);
unsigned sketch_places(const struct sketch *s);
unsigned sketch_len(const struct sketch *s);
uint64_t sketch_added(const struct sketch *s); /* how often, since it was made or cleared */
/* Fills out with sketch_len entries, the heaviest first. They are valid until the next change. */
void sketch_sorted(const struct sketch *s, const struct sketch_entry **out);

#endif
