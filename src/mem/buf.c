#include "mem/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#define BUF_MIN          64
#define BUF_DOUBLING_MAX ((size_t)1 << 20)

void buf_init(struct buf *b, enum mem_owner owner) { *b = (struct buf){NULL, 0, 0, owner}; }

void buf_release(struct buf *b) {
    mem_free(b->owner, b->ptr, b->cap);
    buf_init(b, b->owner);
}

/* The capacity that holds n more bytes, with the growth the header promises; 0 when the sum overflows. */
static size_t next_cap(const struct buf *b, size_t n) {
    size_t need, cap = b->cap < BUF_DOUBLING_MAX ? b->cap * 2 : b->cap + b->cap / 4;
    if (__builtin_add_overflow(b->len, n, &need)) return 0;
    if (cap < need) cap = need;
    if (cap < BUF_MIN) cap = BUF_MIN;
    return mem_good_size(cap);
}

void buf_grow(struct buf *b, size_t n) {
    size_t cap = next_cap(b, n);
    proven(cap > 0);
    b->ptr = mem_realloc(b->owner, b->ptr, b->cap, cap);
    b->cap = cap;
}

bool buf_try_reserve(struct buf *b, size_t n) {
    if (b->cap - b->len >= n) return true;
    size_t cap = next_cap(b, n);
    char *ptr = cap ? mem_try_realloc(b->owner, b->ptr, b->cap, cap) : NULL;
    if (!ptr) return false;
    b->ptr = ptr;
    b->cap = cap;
    return true;
}

void buf_shrink(struct buf *b) {
    if (b->len == 0) {
        buf_release(b);
        return;
    }
    size_t cap = mem_good_size(b->len);
    if (cap >= b->cap) return;
    b->ptr = mem_realloc(b->owner, b->ptr, b->cap, cap);
    b->cap = cap;
}

void buf_consume(struct buf *b, size_t n) {
    proven(n <= b->len);
    b->len -= n;
    if (b->len > 0 && n > 0) memmove(b->ptr, b->ptr + n, b->len);
}

void buf_printf(struct buf *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = b->cap - b->len;
    int n = vsnprintf(room ? b->ptr + b->len : NULL, room, format, args);
    va_end(args);
    proven(n >= 0);
    if ((size_t)n >= room) {
        char *at = buf_reserve(b, (size_t)n + 1);
        vsnprintf(at, (size_t)n + 1, format, again);
    }
    va_end(again);
    b->len += (size_t)n;
}
