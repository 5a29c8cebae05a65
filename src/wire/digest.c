#include "wire/digest.h"

#include "base/check.h"
#include "base/text.h"

#include <xxhash.h>

uint64_t digest_of(struct slice text) {
    proven(text.ptr || text.len == 0);
    return XXH3_64bits(text.ptr, text.len);
}

void digest_format(char dst[DIGEST_TEXT_SIZE], uint64_t digest) {
    static const char digits[] = "0123456789abcdef";
    proven(dst != NULL);
    for (unsigned i = 0; i < DIGEST_TEXT_SIZE; i++) dst[i] = digits[digest >> (60 - 4 * i) & 15];
}

bool digest_parse(struct slice text, uint64_t *digest) {
    uint64_t sum = 0;
    proven(text.ptr || text.len == 0);
    if (text.len != DIGEST_TEXT_SIZE) return false;
    for (unsigned i = 0; i < DIGEST_TEXT_SIZE; i++) {
        int value = text_hex_value(text.ptr[i]);
        if (value < 0) return false;
        sum = sum << 4 | (uint64_t)value;
    }
    *digest = sum;
    return true;
}
