/* LZF through liblzf. */
#ifndef TARN_WIRE_LZF_H
#define TARN_WIRE_LZF_H

#include <stdbool.h>
#include <stddef.h>

/* No input of n bytes can yield more than this: a claim beyond it is hostile. */
#define LZF_EXPANSION_MAX 264

size_t lzf_pack(const void *src, size_t n, void *dst, size_t cap); /* 0 when it does not fit cap */
/* What src unpacks to, found by walking its control bytes alone: so a long claim can be checked before memory is asked for.
 * False when src is cut short. O(n / 3). */
bool lzf_length(const void *src, size_t n, size_t *len);
static inline bool lzf_unpacks_to(const void *src, size_t n, size_t len) {
    size_t found;
    return lzf_length(src, n, &found) && found == len;
}
bool lzf_unpack(const void *src, size_t n, void *dst, size_t exact); /* false unless exactly `exact` bytes come out */

#endif
