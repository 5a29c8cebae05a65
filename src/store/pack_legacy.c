#include "store/pack_legacy.h"

#include "base/check.h"

#define END_BYTE    0xFF
#define WIDE        0xFE /* a length of 4 bytes follows */
#define UNKNOWN_ZIP 65535
#define UNKNOWN_MAP 254

static uint32_t read_u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t read_u32_big(const uint8_t *p) { return __builtin_bswap32(read_u32(p)); }

/* A signed little endian integer of 1 to 8 bytes. */
static int64_t read_integer(const uint8_t *p, size_t width) {
    uint64_t v = 0;
    proven(width >= 1 && width <= 8);
    memcpy(&v, p, width);
    unsigned spare = (unsigned)(64 - 8 * width);
    return (int64_t)(v << spare) >> spare;
}

/* One byte, or WIDE and four; the bytes it takes, or 0 when they are not there. */
static size_t read_length(const uint8_t *p, size_t left, uint32_t *out) {
    debug_proven(p && out);
    if (left < 1 || p[0] == END_BYTE) return 0;
    if (p[0] != WIDE) {
        *out = p[0];
        return 1;
    }
    if (left < 5) return 0;
    *out = read_u32(p + 1);
    return 5;
}

/* ---- ziplist ---- */
/* The width of the integer that the encoding byte announces; 0 when the integer is in it, -1 when it is a string. */
static int ziplist_width(uint8_t b) {
    switch (b) {
    case 0xFE:
        return 1;
    case 0xC0:
        return 2;
    case 0xF0:
        return 3;
    case 0xD0:
        return 4;
    case 0xE0:
        return 8;
    default:
        return b > 0xF0 && b < 0xFE ? 0 : -1;
    }
}

/* Encoding and content at e, of which left bytes are there; their number, or 0 when they are not right. */
static size_t ziplist_content(const uint8_t *e, size_t left, struct pack_item *item) {
    debug_proven(e && item);
    *item = (struct pack_item){.is_integer = false};
    if (left < 1) return 0;
    int width = ziplist_width(e[0]);
    if (width >= 0) {
        if (left < 1 + (size_t)width) return 0;
        item->is_integer = true;
        item->integer = width ? read_integer(e + 1, (size_t)width) : e[0] - 0xF1;
        return 1 + (size_t)width;
    }
    size_t head = e[0] < 0x40 ? 1 : e[0] < 0x80 ? 2 : e[0] < 0xC0 ? 5 : 0, len;
    if (head == 0 || left < head) return 0;
    len = head == 1 ? e[0] : head == 2 ? (size_t)(e[0] & 63) << 8 | e[1] : read_u32_big(e + 1);
    if (len > left - head) return 0;
    item->text = slice_of((const char *)e + head, len);
    return head + len;
}

static bool ziplist_walk(const uint8_t *bytes, size_t n, pack_legacy_visit *visit, void *arg) {
    proven(n >= 11 && bytes[n - 1] == END_BYTE);
    size_t count = 0, previous = 0, at = 10;
    for (; at < n - 1; count++) {
        uint32_t before;
        struct pack_item item;
        size_t head = read_length(bytes + at, n - 1 - at, &before);
        if (head == 0 || before != previous) return false;
        size_t content = ziplist_content(bytes + at + head, n - 1 - at - head, &item);
        if (content == 0) return false;
        if (visit && !visit(arg, &item)) return false;
        previous = head + content;
        at += previous;
    }
    size_t declared = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    return at == n - 1 && (declared == UNKNOWN_ZIP || declared == count) && read_u32(bytes + 4) == at - previous;
}

bool ziplist_each(const void *bytes, size_t n, pack_legacy_visit *visit, void *arg) {
    proven(bytes || n == 0);
    const uint8_t *b = bytes;
    if (n < 11 || n > UINT32_MAX || read_u32(b) != n || b[n - 1] != END_BYTE) return false;
    return ziplist_walk(b, n, NULL, NULL) && (!visit || ziplist_walk(b, n, visit, arg));
}

/* ---- zipmap ---- */
static bool zipmap_walk(const uint8_t *bytes, size_t n, pack_legacy_visit *visit, void *arg) {
    proven(n >= 2 && bytes[n - 1] == END_BYTE);
    size_t count = 0, at = 1;
    for (; at < n - 1; count++) {
        uint32_t len;
        bool is_value = count & 1;
        size_t head = read_length(bytes + at, n - 1 - at, &len), spare = 0;
        if (head == 0) return false;
        at += head;
        if (is_value) {
            if (at == n - 1) return false;
            spare = bytes[at++];
        }
        if (len + spare > n - 1 - at) return false;
        struct pack_item item = {.text = slice_of((const char *)bytes + at, len)};
        if (visit && !visit(arg, &item)) return false;
        at += len + spare;
    }
    return count % 2 == 0 && (bytes[0] >= UNKNOWN_MAP || bytes[0] == count / 2);
}

bool zipmap_each(const void *bytes, size_t n, pack_legacy_visit *visit, void *arg) {
    proven(bytes || n == 0);
    const uint8_t *b = bytes;
    if (n < 2 || n > UINT32_MAX || b[n - 1] != END_BYTE) return false;
    return zipmap_walk(b, n, NULL, NULL) && (!visit || zipmap_walk(b, n, visit, arg));
}

/* ---- intset ---- */
bool intset_each(const void *bytes, size_t n, pack_legacy_visit *visit, void *arg) {
    proven(bytes || n == 0);
    const uint8_t *b = bytes;
    if (n < 8 || n > UINT32_MAX) return false;
    size_t width = read_u32(b), count = read_u32(b + 4);
    if ((width != 2 && width != 4 && width != 8) || count * width != n - 8) return false;
    for (size_t i = 1; i < count; i++)
        if (read_integer(b + 8 + (i - 1) * width, width) >= read_integer(b + 8 + i * width, width)) return false;
    for (size_t i = 0; visit && i < count; i++) {
        struct pack_item item = {.is_integer = true, .integer = read_integer(b + 8 + i * width, width)};
        if (!visit(arg, &item)) return false;
    }
    return true;
}
