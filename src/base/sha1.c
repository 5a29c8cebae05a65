#include "base/sha1.h"

#include "base/check.h"

#include <string.h>

static uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static uint32_t load_be(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be(unsigned char *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> (24 - 8 * i));
}

/* The function and constant of round t, section 4.1.1 and 4.2.1 of the standard. */
static uint32_t round_term(int t, uint32_t b, uint32_t c, uint32_t d) {
    if (t < 20) return ((b & c) | (~b & d)) + 0x5a827999u;
    if (t < 40) return (b ^ c ^ d) + 0x6ed9eba1u;
    if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
    return (b ^ c ^ d) + 0xca62c1d6u;
}

static void take_block(uint32_t h[5], const unsigned char *block) {
    uint32_t w[80], v[5];
    for (int t = 0; t < 16; t++) w[t] = load_be(block + 4 * t);
    for (int t = 16; t < 80; t++) w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    memcpy(v, h, sizeof v);
    for (int t = 0; t < 80; t++) {
        uint32_t next = rotate(v[0], 5) + round_term(t, v[1], v[2], v[3]) + v[4] + w[t];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = rotate(v[1], 30);
        v[1] = v[0];
        v[0] = next;
    }
    for (int i = 0; i < 5; i++) h[i] += v[i];
}

void sha1_init(struct sha1 *s) {
    *s = (struct sha1){.h = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u}};
}

void sha1_add(struct sha1 *s, const void *data, size_t n) {
    const unsigned char *p = data;
    size_t used = s->len % 64;
    s->len += n;
    if (used && used + n >= 64) {
        memcpy(s->block + used, p, 64 - used);
        take_block(s->h, s->block);
        p += 64 - used;
        n -= 64 - used;
        used = 0;
    }
    for (; used + n >= 64; p += 64, n -= 64) take_block(s->h, p);
    if (n) memcpy(s->block + used, p, n);
}

void sha1_finish(struct sha1 *s, unsigned char digest[SHA1_SIZE]) {
    static const unsigned char padding[64] = {0x80};
    unsigned char length[8];
    uint64_t bits = s->len * 8;
    store_be(length, (uint32_t)(bits >> 32));
    store_be(length + 4, (uint32_t)bits);
    size_t used = s->len % 64;
    sha1_add(s, padding, used < 56 ? 56 - used : 120 - used);
    sha1_add(s, length, sizeof length);
    proven(s->len % 64 == 0);
    for (int i = 0; i < 5; i++) store_be(digest + 4 * i, s->h[i]);
}

void sha1(const void *data, size_t n, unsigned char digest[SHA1_SIZE]) {
    struct sha1 s;
    sha1_init(&s);
    sha1_add(&s, data, n);
    sha1_finish(&s, digest);
}

void sha1_hex(const unsigned char digest[SHA1_SIZE], char hex[SHA1_HEX_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < SHA1_SIZE; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
}
