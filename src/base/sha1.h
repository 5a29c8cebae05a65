/* SHA-1 (FIPS 180-4): where a protocol asks for it (script names, dataset digests); not for secrets. No allocation, no
 * state but the struct. About 2 ns a byte. */
#ifndef TARN_BASE_SHA1_H
#define TARN_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_SIZE     20
#define SHA1_HEX_SIZE 40

struct sha1 {
    uint32_t h[5];
    uint64_t len; /* bytes taken so far */
    unsigned char block[64];
};

void sha1_init(struct sha1 *s);
void sha1_add(struct sha1 *s, const void *data, size_t n);
void sha1_finish(struct sha1 *s, unsigned char digest[SHA1_SIZE]); /* init again before the next use */

/* All three at once. */
void sha1(const void *data, size_t n, unsigned char digest[SHA1_SIZE]);
/* Lower case, no NUL. */
void sha1_hex(const unsigned char digest[SHA1_SIZE], char hex[SHA1_HEX_SIZE]);

#endif
