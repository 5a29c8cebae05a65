#include "wire/lzf.h"

#include "base/check.h"

#include <liblzf/lzf.h>
#include <limits.h>
#include <string.h>

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

struct unpacking {
    const unsigned char *in, *in_end;
    unsigned char *out, *out_start, *out_end;
};

static bool unpack_literal(struct unpacking *u, size_t len) {
    if (len > (size_t)(u->in_end - u->in) || len > (size_t)(u->out_end - u->out)) return false;
    debug_proven(len >= 1 && len <= 32);
    memcpy(u->out, u->in, len);
    u->in += len;
    u->out += len;
    return true;
}

/* A reference may reach into what it writes: then its bytes repeat, and each copy doubles how far back the next may begin. */
static void unpack_repeat(struct unpacking *u, size_t distance, size_t len) {
    debug_proven(distance > 0 && len <= (size_t)(u->out_end - u->out));
    if (distance == 1) {
        memset(u->out, u->out[-1], len);
        u->out += len;
        return;
    }
    for (; len > distance; distance *= 2) {
        memcpy(u->out, u->out - distance, distance);
        u->out += distance;
        len -= distance;
    }
    memcpy(u->out, u->out - distance, len);
    u->out += len;
}

static bool unpack_reference(struct unpacking *u, unsigned control) {
    size_t len = control >> 5;
    if (len == 7 && u->in < u->in_end) len += *u->in++;
    if (u->in == u->in_end) return false;
    size_t distance = ((size_t)(control & 31) << 8 | *u->in++) + 1;
    len += 2;
    debug_proven(len <= LZF_EXPANSION_MAX);
    if (distance > (size_t)(u->out - u->out_start) || len > (size_t)(u->out_end - u->out)) return false;
    unpack_repeat(u, distance, len);
    return true;
}

bool lzf_unpack(const void *src, size_t n, void *dst, size_t exact) {
    proven((src || n == 0) && (dst || exact == 0));
    if (n == 0 || exact == 0 || exact / LZF_EXPANSION_MAX > n) return false;
    struct unpacking u = {src, (const unsigned char *)src + n, dst, dst, (unsigned char *)dst + exact};
    while (u.in < u.in_end) {
        unsigned control = *u.in++;
        if (!(control < 32 ? unpack_literal(&u, control + 1) : unpack_reference(&u, control))) return false;
    }
    proven(u.out <= u.out_end);
    debug_proven(u.out < u.out_end || lzf_unpacks_to(src, n, exact));
    return u.out == u.out_end;
}
