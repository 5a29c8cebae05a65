#include "wire/lzf.h"

#include <liblzf/lzf.h>
#include <limits.h>

size_t lzf_pack(const void *src, size_t n, void *dst, size_t cap) {
    if (n == 0 || n > UINT_MAX || cap == 0) return 0;
    return lzf_compress(src, (unsigned)n, dst, cap > UINT_MAX ? UINT_MAX : (unsigned)cap);
}

bool lzf_unpack(const void *src, size_t n, void *dst, size_t exact) {
    if (n == 0 || n > UINT_MAX || exact == 0 || exact > UINT_MAX) return false;
    return lzf_decompress(src, (unsigned)n, dst, (unsigned)exact) == exact;
}
