/* A growable byte buffer with an owner. Storage for the struct is the caller's. Doubles up to 1 MiB, then grows by
 * quarters. Aborts on exhaustion except buf_try_reserve. Not thread-safe. */
#ifndef TARN_MEM_BUF_H
#define TARN_MEM_BUF_H

#include "base/check.h"
#include "base/slice.h"
#include "mem/mem.h"

struct buf {
    char *ptr;
    size_t len, cap;
    enum mem_owner owner;
};

void buf_init(struct buf *b, enum mem_owner owner);
void buf_release(struct buf *b);        /* frees the bytes; the buffer is as after init */
void buf_grow(struct buf *b, size_t n); /* the slow path of buf_reserve */
bool buf_try_reserve(struct buf *b, size_t n);
void buf_shrink(struct buf *b); /* gives unused capacity back */
/* Drops the first n bytes. O(rest). */
void buf_consume(struct buf *b, size_t n);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for n more bytes; returns where they go. Fill, then buf_advance. */
static inline char *buf_reserve(struct buf *b, size_t n) {
    if (unlikely(b->cap - b->len < n)) buf_grow(b, n);
    return b->ptr + b->len;
}

static inline void buf_advance(struct buf *b, size_t n) {
    debug_proven(b->cap - b->len >= n);
    b->len += n;
}

static inline void buf_append(struct buf *b, const void *src, size_t n) {
    if (n == 0) return;
    memcpy(buf_reserve(b, n), src, n);
    b->len += n;
}

static inline void buf_append_slice(struct buf *b, struct slice s) { buf_append(b, s.ptr, s.len); }

static inline void buf_clear(struct buf *b) { b->len = 0; }

static inline struct slice buf_slice(const struct buf *b) { return (struct slice){b->ptr, b->len}; }

#endif
