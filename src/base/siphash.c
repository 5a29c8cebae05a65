#include "base/siphash.h"

#include <string.h>

/* Words are little-endian by definition; both machines that Tarn runs on are. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "siphash loads words as they lie");

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t x, unsigned k) { return x << k | x >> (64 - k); }

static inline uint64_t load_word(const unsigned char *p) {
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static inline void sip_round(struct sip_state *s) {
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_compress(struct sip_state *s, uint64_t word, int rounds) {
    s->v3 ^= word;
    for (int i = 0; i < rounds; i++) sip_round(s);
    s->v0 ^= word;
}

/* The last word: the up to 7 bytes that remain, the length's low byte on top. */
static inline uint64_t last_word(const unsigned char *tail, size_t len) {
    uint64_t word = (uint64_t)(len & 0xff) << 56;
    size_t rest = len & 7;
    if (rest & 4) {
        uint32_t low;
        memcpy(&low, tail, 4);
        word |= low;
    }
    if (rest & 2) word |= (uint64_t)(tail[rest & 4] | tail[(rest & 4) + 1] << 8) << ((rest & 4) * 8);
    if (rest & 1) word |= (uint64_t)tail[rest - 1] << ((rest - 1) * 8);
    return word;
}

/* Always inlined with constant rounds, so each public function is straight code. */
static inline __attribute__((always_inline)) uint64_t sip(const struct siphash_seed *seed, const void *data, size_t len,
                                                          int c_rounds, int d_rounds) {
    /* The constants spell "somepseudorandomlygeneratedbytes". */
    struct sip_state s = {seed->k0 ^ 0x736f6d6570736575u, seed->k1 ^ 0x646f72616e646f6du,
                          seed->k0 ^ 0x6c7967656e657261u, seed->k1 ^ 0x7465646279746573u};
    const unsigned char *p = data;
    const unsigned char *tail = len ? p + (len & ~(size_t)7) : p;
    for (; p != tail; p += 8) sip_compress(&s, load_word(p), c_rounds);
    sip_compress(&s, last_word(tail, len), c_rounds);
    s.v2 ^= 0xff;
    for (int i = 0; i < d_rounds; i++) sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash13(const struct siphash_seed *seed, const void *data, size_t len) { return sip(seed, data, len, 1, 3); }

uint64_t siphash24(const struct siphash_seed *seed, const void *data, size_t len) { return sip(seed, data, len, 2, 4); }
