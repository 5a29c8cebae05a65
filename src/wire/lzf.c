#include "wire/lzf.h"

#include <liblzf/lzf.h>
#include <limits.h>

size_t lzf_pack(const void *src, size_t n, void *dst, size_t cap) {
    if (n == 0 || n > UINT_MAX || cap == 0) return 0;
    return lzf_compress(src, (unsigned)n, dst, cap > UINT_MAX ? UINT_MAX : (unsigned)cap);
}

/* A control byte below 32 announces 1..32 literal bytes; any other a reference: 3 bits of length, and one byte more of it
 * when they are all set, then the rest of the distance. */
bool lzf_length(const void *src, size_t n, size_t *len) {
    const unsigned char *bytes = src;
    size_t at = 0, sum = 0;
    while (at < n) {
        size_t control = bytes[at++], more = control >> 5;
        if (more == 0) {
            sum += control + 1;
            at += control + 1;
        } else {
            if (more == 7 && at < n) more += bytes[at++];
            sum += more + 2;
            at++;
        }
    }
    *len = sum;
    return at == n;
}

bool lzf_unpack(const void *src, size_t n, void *dst, size_t exact) {
    if (n == 0 || n > UINT_MAX || exact == 0 || exact > UINT_MAX) return false;
    return lzf_decompress(src, (unsigned)n, dst, (unsigned)exact) == exact;
}
