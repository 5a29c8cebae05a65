#include "values/bitmap.h"

#include "base/check.h"

static unsigned byte_at(struct slice s, uint64_t i) { return i < s.len ? (unsigned char)s.ptr[i] : 0; }

static uint64_t load_word(const char *p) {
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* The bits of a byte from bit first on, and up to bit last. */
static unsigned head_mask(uint64_t first) { return 0xffu >> first % 8; }

static unsigned tail_mask(uint64_t last) { return 0xff00u >> (last % 8 + 1) & 0xff; }

/* ---- single bits ---- */

bool bitmap_get(struct slice s, uint64_t offset) { return byte_at(s, offset / 8) >> (7 - offset % 8) & 1; }

bool bitmap_set(char *bytes, size_t len, uint64_t offset, bool on) {
    proven(offset / 8 < len);
    unsigned char *byte = (unsigned char *)bytes + offset / 8;
    unsigned mask = 0x80u >> offset % 8;
    bool old = *byte & mask;
    *byte = (unsigned char)(on ? *byte | mask : *byte & ~mask);
    return old;
}

/* ---- counting ---- */

/* Words whose bits eight byte-wide counters can add up: 31 * 8 < 256. */
#define COUNT_WORDS 31

/* Bits summed within pairs, nibbles and bytes of the word (Warren, Hacker's Delight, 5-1); the eight sums run through the
 * block before they are added to one. */
static uint64_t count_words(const char *p, size_t words) {
    proven(words <= COUNT_WORDS);
    uint64_t sums = 0;
    for (size_t i = 0; i < words; i++) {
        uint64_t w = load_word(p + 8 * i);
        w -= w >> 1 & 0x5555555555555555;
        w = (w & 0x3333333333333333) + (w >> 2 & 0x3333333333333333);
        sums += (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0f;
    }
    sums = (sums & 0x00ff00ff00ff00ff) + (sums >> 8 & 0x00ff00ff00ff00ff);
    uint64_t bits = sums * 0x0001000100010001 >> 48;
    debug_proven(bits <= 64 * words);
    return bits;
}

static uint64_t count_bytes(const char *p, size_t n) {
    uint64_t bits = 0;
    while (n >= 8) {
        size_t words = n / 8 < COUNT_WORDS ? n / 8 : COUNT_WORDS;
        bits += count_words(p, words);
        p += 8 * words;
        n -= 8 * words;
    }
    proven(n < 8);
    for (size_t i = 0; i < n; i++) bits += (unsigned)__builtin_popcount((unsigned char)p[i]);
    return bits;
}

uint64_t bitmap_count(struct slice s, uint64_t first, uint64_t last) {
    proven(first <= last && last / 8 < s.len);
    size_t from = first / 8, to = last / 8;
    unsigned head = byte_at(s, from) & head_mask(first), tail = byte_at(s, to) & tail_mask(last);
    if (from == to) return (unsigned)__builtin_popcount(head & tail);
    uint64_t edges = (unsigned)(__builtin_popcount(head) + __builtin_popcount(tail));
    uint64_t bits = edges + count_bytes(s.ptr + from + 1, to - from - 1);
    proven(bits <= last - first + 1);
    return bits;
}

/* ---- searching ---- */

/* The first byte from i on, before end, that is not fill; end when there is none. */
static size_t skip_bytes(const char *p, size_t i, size_t end, unsigned char fill) {
    proven(i <= end && (fill == 0 || fill == 0xff));
    uint64_t word = fill * UINT64_C(0x0101010101010101);
    for (; i + 32 <= end; i += 32) {
        uint64_t a = load_word(p + i) ^ word, b = load_word(p + i + 8) ^ word;
        uint64_t c = load_word(p + i + 16) ^ word, d = load_word(p + i + 24) ^ word;
        if (a | b | c | d) break;
    }
    while (i < end && (unsigned char)p[i] == fill) i++;
    return i;
}

/* The first bit that is 1 in byte i, whose other bits are masked away; -1 when there is none. */
static int64_t position_in(size_t i, unsigned byte) {
    proven(byte <= 0xff);
    return byte ? (int64_t)i * 8 + __builtin_clz(byte) - 24 : -1;
}

int64_t bitmap_position(struct slice s, bool on, uint64_t first, uint64_t last) {
    proven(first <= last && last / 8 < s.len);
    size_t from = first / 8, to = last / 8;
    unsigned char fill = on ? 0 : 0xff;
    unsigned head = (byte_at(s, from) ^ fill) & head_mask(first);
    if (from == to) return position_in(from, head & tail_mask(last));
    if (head) return position_in(from, head);
    size_t i = skip_bytes(s.ptr, from + 1, to, fill);
    proven(i > from && i <= to);
    unsigned byte = byte_at(s, i) ^ fill;
    return position_in(i, i == to ? byte & tail_mask(last) : byte);
}

/* ---- fields ---- */

static int64_t field_extend(struct bitmap_field f, uint64_t low) {
    proven(f.bits >= 1 && f.bits <= (f.is_signed ? 64 : 63));
    unsigned unused = 64u - f.bits;
    return f.is_signed ? (int64_t)(low << unused) >> unused : (int64_t)(low << unused >> unused);
}

int64_t bitmap_field_get(struct slice s, struct bitmap_field f, uint64_t offset) {
    proven(f.bits >= 1 && f.bits <= 64);
    uint64_t first = offset / 8, high = 0;
    unsigned skipped = offset % 8;
    for (unsigned i = 0; i < 8; i++) high = high << 8 | byte_at(s, first + i);
    /* A field of up to 64 bits may reach into a ninth byte. */
    if (skipped) high = high << skipped | byte_at(s, first + 8) >> (8 - skipped);
    return field_extend(f, high >> (64 - f.bits));
}

void bitmap_field_set(char *bytes, size_t len, struct bitmap_field f, uint64_t offset, int64_t v) {
    proven(f.bits >= 1 && f.bits <= 64);
    proven((offset + f.bits - 1) / 8 < len);
    unsigned left = f.bits;
    while (left > 0) { /* byte by byte from the low end */
        uint64_t last = offset + left - 1;
        unsigned char *byte = (unsigned char *)bytes + last / 8;
        unsigned below = 7 - last % 8, here = 8 - below;
        if (here > left) here = left;
        debug_proven(here >= 1 && here + below <= 8);
        unsigned mask = ((1u << here) - 1) << below;
        *byte = (unsigned char)((*byte & ~mask) | ((unsigned)((uint64_t)v >> (f.bits - left)) << below & mask));
        left -= here;
    }
}

bool bitmap_field_fit(struct bitmap_field f, int64_t base, int64_t by, enum bitmap_overflow overflow, int64_t *out) {
    proven(f.bits >= 1 && f.bits <= (f.is_signed ? 64 : 63));
    __int128 start = f.is_signed ? (__int128)base : (__int128)(uint64_t)base;
    __int128 sum = start + by;
    __int128 max = ((__int128)1 << (f.bits - f.is_signed)) - 1, min = f.is_signed ? -max - 1 : 0;
    if (sum >= min && sum <= max)
        *out = (int64_t)sum;
    else if (overflow == BITMAP_SATURATE)
        *out = (int64_t)(sum > max ? max : min);
    else
        *out = field_extend(f, (uint64_t)sum);
    return (sum >= min && sum <= max) || overflow != BITMAP_FAIL;
}

/* ---- combining ---- */

/* Strings are combined in pieces that stay in the first cache while one source after the other is folded in. */
#define CHUNK_BYTES 8192

typedef unsigned char byte;

struct chunk {
    size_t at, n; /* where in the strings, and how long */
    const struct slice *sources;
    size_t count;
};

/* The part of a source that lies in the chunk; the rest of the chunk is zeros of that source. */
static struct slice chunk_part(const struct chunk *c, size_t source) {
    proven(source < c->count && c->n >= 1 && c->n <= CHUNK_BYTES);
    struct slice s = c->sources[source];
    if (s.len <= c->at) return slice_of(NULL, 0);
    return slice_of(s.ptr + c->at, s.len - c->at < c->n ? s.len - c->at : c->n);
}

static void load(byte *restrict dst, size_t n, struct slice part) {
    proven(part.len <= n);
    if (part.len) memcpy(dst, part.ptr, part.len);
    memset(dst + part.len, 0, n - part.len);
}

static void fold_and(byte *restrict dst, const byte *restrict src, size_t n) {
    proven(n <= CHUNK_BYTES);
    for (size_t i = 0; i < n; i++) dst[i] &= src[i];
}

static void fold_or(byte *restrict dst, const byte *restrict src, size_t n) {
    proven(n <= CHUNK_BYTES);
    for (size_t i = 0; i < n; i++) dst[i] |= src[i];
}

static void fold_xor(byte *restrict dst, const byte *restrict src, size_t n) {
    proven(n <= CHUNK_BYTES);
    for (size_t i = 0; i < n; i++) dst[i] ^= src[i];
}

/* dst: bits seen at least once; twice: at least twice. */
static void fold_twice(byte *restrict dst, byte *restrict twice, const byte *restrict src, size_t n) {
    proven(n <= CHUNK_BYTES);
    for (size_t i = 0; i < n; i++) {
        twice[i] |= dst[i] & src[i];
        dst[i] |= src[i];
    }
}

static void keep_outside(byte *restrict dst, const byte *restrict other, size_t n) {
    proven(n <= CHUNK_BYTES);
    for (size_t i = 0; i < n; i++) dst[i] &= (byte)~other[i];
}

static void take_outside(byte *restrict dst, const byte *restrict other, size_t n) {
    proven(n <= CHUNK_BYTES);
    for (size_t i = 0; i < n; i++) dst[i] = (byte)~dst[i] & other[i];
}

static void invert(byte *dst, size_t n) {
    proven(n <= CHUNK_BYTES);
    for (size_t i = 0; i < n; i++) dst[i] = (byte)~dst[i];
}

/* AND, OR and XOR of the sources from first on. */
static void chunk_fold(const struct chunk *c, enum bitmap_op op, size_t first, byte *dst) {
    proven(first <= c->count && c->n <= CHUNK_BYTES);
    load(dst, c->n, first < c->count ? chunk_part(c, first) : slice_of(NULL, 0));
    for (size_t i = first + 1; i < c->count; i++) {
        struct slice part = chunk_part(c, i);
        const byte *src = (const byte *)part.ptr;
        if (op == BITMAP_OR)
            fold_or(dst, src, part.len);
        else if (op == BITMAP_XOR)
            fold_xor(dst, src, part.len);
        else
            fold_and(dst, src, part.len);
        if (op == BITMAP_AND) memset(dst + part.len, 0, c->n - part.len);
    }
}

static void chunk_one(const struct chunk *c, byte *dst) {
    byte twice[CHUNK_BYTES];
    proven(c->n <= CHUNK_BYTES);
    memset(twice, 0, c->n);
    load(dst, c->n, chunk_part(c, 0));
    for (size_t i = 1; i < c->count; i++) {
        struct slice part = chunk_part(c, i);
        fold_twice(dst, twice, (const byte *)part.ptr, part.len);
    }
    keep_outside(dst, twice, c->n);
}

/* The operations that hold the first source against all others together. */
static void chunk_against_first(const struct chunk *c, enum bitmap_op op, byte *dst) {
    byte first[CHUNK_BYTES];
    proven(c->n <= CHUNK_BYTES);
    load(first, c->n, chunk_part(c, 0));
    chunk_fold(c, BITMAP_OR, 1, dst);
    if (op == BITMAP_DIFF)
        take_outside(dst, first, c->n);
    else if (op == BITMAP_DIFF1)
        keep_outside(dst, first, c->n);
    else
        fold_and(dst, first, c->n);
}

static void chunk_combine(const struct chunk *c, enum bitmap_op op, byte *dst) {
    switch (op) {
    case BITMAP_AND:
    case BITMAP_OR:
    case BITMAP_XOR:
        chunk_fold(c, op, 0, dst);
        break;
    case BITMAP_NOT:
        proven(c->count == 1);
        load(dst, c->n, chunk_part(c, 0));
        invert(dst, c->n);
        break;
    case BITMAP_DIFF:
    case BITMAP_DIFF1:
    case BITMAP_ANDOR:
        chunk_against_first(c, op, dst);
        break;
    case BITMAP_ONE:
        chunk_one(c, dst);
        break;
    }
}

void bitmap_combine(enum bitmap_op op, const struct slice *sources, size_t count, char *dst, size_t len) {
    proven(count >= 1 && sources);
    struct chunk c = {.sources = sources, .count = count};
    for (; c.at < len; c.at += c.n) {
        c.n = len - c.at < CHUNK_BYTES ? len - c.at : CHUNK_BYTES;
        chunk_combine(&c, op, (byte *)dst + c.at);
    }
    proven(c.at == len);
}
