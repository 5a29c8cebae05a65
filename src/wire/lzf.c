#include "wire/lzf.h"

#include "base/check.h"

#include <liblzf/lzf.h>
#include <limits.h>

size_t lzf_pack(const void *src, size_t n, void *dst, size_t cap) {
    proven((src || n == 0) && (dst || cap == 0));
    if (n == 0 || n > UINT_MAX || cap == 0) return 0;
    size_t packed = lzf_compress(src, (unsigned)n, dst, cap > UINT_MAX ? UINT_MAX : (unsigned)cap);
    proven(packed <= cap);
    proven(packed == 0 || (n - 1) / LZF_EXPANSION_MAX < packed); /* else a reader would refuse it */
    debug_proven(packed == 0 || lzf_unpacks_to(dst, packed, n));
    return packed;
}

/* A control byte below 32 announces 1..32 literal bytes; any other a reference: 3 bits of length, and one byte more of it
 * when they are all set, then the rest of the distance. */
bool lzf_length(const void *src, size_t n, size_t *len) {
    proven(src || n == 0);
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
    proven(at - n <= 32 && sum / LZF_EXPANSION_MAX <= n); /* cut short in one item at most */
    *len = sum;
    return at == n;
}

bool lzf_unpack(const void *src, size_t n, void *dst, size_t exact) {
    proven((src || n == 0) && (dst || exact == 0));
    if (n == 0 || n > UINT_MAX || exact == 0 || exact > UINT_MAX) return false;
    size_t len = lzf_decompress(src, (unsigned)n, dst, (unsigned)exact);
    proven(len <= exact && len / LZF_EXPANSION_MAX <= n);
    debug_proven(len == 0 || lzf_unpacks_to(src, n, len));
    return len == exact;
}
