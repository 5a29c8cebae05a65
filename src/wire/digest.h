/* Digests of values: XXH3 in 64 bits, seed 0, through libxxhash, as 16 hex digits (DIGEST, IFDEQ and IFDNE; Redis 8.4). To tell
 * values apart that nobody chose to be alike; not for secrets. Of one text it is the same on every machine. */
#ifndef TARN_WIRE_DIGEST_H
#define TARN_WIRE_DIGEST_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define DIGEST_TEXT_SIZE 16

uint64_t digest_of(struct slice text); /* some 0.1 ns a byte */
/* Lower case, with all zeros. */
void digest_format(char dst[DIGEST_TEXT_SIZE], uint64_t digest);
/* In either case. False unless it is all of 16 hex digits. */
bool digest_parse(struct slice text, uint64_t *digest);

#endif
