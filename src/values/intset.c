#include "values/intset.h"

#include "base/check.h"
#include "mem/mem.h"

struct intset { /* bytes only, as it may lie at any alignment */
    unsigned char head[8];
    unsigned char integers[];
};

struct head {
    uint32_t width, count;
};

#define HEAD_BYTES sizeof(struct head)

/* ---- bytes ---- */
static struct head head_of(const struct intset *s) {
    struct head head;
    memcpy(&head, s->head, HEAD_BYTES);
    debug_proven(head.width == 2 || head.width == 4 || head.width == 8);
    return head;
}

static void head_put(struct intset *s, uint32_t width, uint32_t count) {
    struct head head = {width, count};
    debug_proven(count <= INTSET_COUNT_MAX);
    memcpy(s->head, &head, HEAD_BYTES);
}

static size_t bytes_of(uint32_t width, uint32_t count) {
    debug_proven(width <= 8 && count <= INTSET_COUNT_MAX);
    return HEAD_BYTES + (size_t)width * count;
}

static int64_t integer_at(const unsigned char *integers, uint32_t width, size_t i) {
    debug_proven(width == 2 || width == 4 || width == 8);
    int64_t wide;
    int32_t middle;
    int16_t narrow;
    switch (width) {
    case 2:
        memcpy(&narrow, integers + i * 2, 2);
        return narrow;
    case 4:
        memcpy(&middle, integers + i * 4, 4);
        return middle;
    default:
        memcpy(&wide, integers + i * 8, 8);
        return wide;
    }
}

/* Little endian: the low bytes come first, so a narrow integer is the beginning of a wide one. */
static void integer_put(unsigned char *integers, uint32_t width, size_t i, int64_t integer) {
    debug_proven(width == 8 || integer >> (width * 8 - 1) == integer >> 63);
    memcpy(integers + i * width, &integer, width);
}

static uint32_t width_for(int64_t integer) {
    if (integer == (int16_t)integer) return 2;
    return integer == (int32_t)integer ? 4 : 8;
}

/* Where the integer stands, or would. */
static uint32_t place_of(const struct intset *s, struct head head, int64_t integer) {
    uint32_t low = 0, high = head.count;
    debug_proven(head.count <= INTSET_COUNT_MAX);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (integer_at(s->integers, head.width, middle) < integer)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct intset *s, struct head head, uint32_t i, int64_t integer) {
    debug_proven(i <= head.count);
    return i < head.count && integer_at(s->integers, head.width, i) == integer;
}

/* ---- whole sets ---- */
struct intset *intset_new(void) {
    struct intset *s = mem_alloc(MEM_SETS, HEAD_BYTES);
    _Static_assert(HEAD_BYTES == sizeof *s, "drawn in the header");
    head_put(s, 2, 0);
    return s;
}

struct intset *intset_try_copy(const void *bytes, size_t n) {
    debug_proven(intset_verify(bytes, n));
    struct intset *s = mem_try_alloc(MEM_SETS, n);
    if (s) memcpy(s, bytes, n);
    return s;
}

void intset_free(struct intset *s) {
    if (s) mem_free(MEM_SETS, s, intset_bytes(s));
}

size_t intset_bytes(const struct intset *s) {
    struct head head = head_of(s);
    return bytes_of(head.width, head.count);
}

uint32_t intset_count(const struct intset *s) { return head_of(s).count; }

bool intset_verify(const void *bytes, size_t n) {
    const struct intset *s = bytes;
    if (n < HEAD_BYTES) return false;
    struct head head;
    memcpy(&head, bytes, HEAD_BYTES);
    if ((head.width != 2 && head.width != 4 && head.width != 8) || head.count > INTSET_COUNT_MAX) return false;
    if (n != bytes_of(head.width, head.count)) return false;
    for (uint32_t i = 1; i < head.count; i++)
        if (integer_at(s->integers, head.width, i - 1) >= integer_at(s->integers, head.width, i)) return false;
    return true;
}

/* ---- reading ---- */
int64_t intset_at(const struct intset *s, uint32_t i) {
    struct head head = head_of(s);
    proven(i < head.count);
    return integer_at(s->integers, head.width, i);
}

bool intset_has(const struct intset *s, int64_t integer) {
    struct head head = head_of(s);
    debug_proven(head.count <= INTSET_COUNT_MAX);
    return width_for(integer) <= head.width && stands_at(s, head, place_of(s, head, integer), integer);
}

/* ---- changing ---- */
/* The block for so many bytes; what it holds up to there stays. */
static struct intset *resized(struct intset *s, size_t old_bytes, size_t new_bytes) {
    debug_proven(new_bytes >= HEAD_BYTES);
    if (mem_good_size(old_bytes) == mem_good_size(new_bytes)) return s;
    return mem_realloc(MEM_SETS, s, old_bytes, new_bytes);
}

/* One that is wider than all the others is below or above them all. From the last on, as they grow to the right. */
static struct intset *add_wider(struct intset *s, struct head head, int64_t integer) {
    uint32_t width = width_for(integer);
    proven(width > head.width);
    s = resized(s, bytes_of(head.width, head.count), bytes_of(width, head.count + 1));
    for (size_t i = head.count, shift = integer<0; i--> 0;)
        integer_put(s->integers, width, i + shift, integer_at(s->integers, head.width, i));
    integer_put(s->integers, width, integer < 0 ? 0 : head.count, integer);
    head_put(s, width, head.count + 1);
    debug_proven(intset_has(s, integer));
    return s;
}

struct intset *intset_add(struct intset *s, int64_t integer, bool *changed) {
    struct head head = head_of(s);
    proven(head.count < INTSET_COUNT_MAX);
    *changed = true;
    if (width_for(integer) > head.width) return add_wider(s, head, integer);
    uint32_t at = place_of(s, head, integer);
    debug_proven(at == 0 || integer_at(s->integers, head.width, at - 1) < integer);
    if (stands_at(s, head, at, integer)) {
        *changed = false;
        return s;
    }
    s = resized(s, bytes_of(head.width, head.count), bytes_of(head.width, head.count + 1));
    debug_proven(at <= head.count);
    unsigned char *place = s->integers + (size_t)at * head.width;
    memmove(place + head.width, place, (size_t)(head.count - at) * head.width);
    integer_put(s->integers, head.width, at, integer);
    head_put(s, head.width, head.count + 1);
    return s;
}

struct intset *intset_remove(struct intset *s, int64_t integer, bool *changed) {
    struct head head = head_of(s);
    uint32_t at = place_of(s, head, integer);
    *changed = stands_at(s, head, at, integer);
    if (!*changed) return s;
    debug_proven(at < head.count);
    proven(head.count > 0);
    unsigned char *place = s->integers + (size_t)at * head.width;
    memmove(place, place + head.width, (size_t)(head.count - at - 1) * head.width);
    head_put(s, head.width, head.count - 1);
    return resized(s, bytes_of(head.width, head.count), bytes_of(head.width, head.count - 1));
}
