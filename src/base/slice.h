/* A slice: bytes that somebody else owns. Never NUL-terminated by promise; ptr may be NULL only when
 * len is 0. Passed by value. Lives no longer than the buffer it points into. */
#ifndef TARN_BASE_SLICE_H
#define TARN_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

/* A slice of a string literal: SLICE("get"). */
#define SLICE(lit) ((struct slice){"" lit, sizeof(lit) - 1})

static inline struct slice slice_of(const char *ptr, size_t len) { return (struct slice){ptr, len}; }

static inline struct slice slice_of_cstr(const char *s) { return (struct slice){s, strlen(s)}; }

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII case folded; not locale dependent. */
bool slice_equal_nocase(struct slice a, struct slice b);
/* memcmp order, the shorter first on a tie. */
int slice_compare(struct slice a, struct slice b);

/* The option test of command parsers: argument a against a literal, any case. */
#define slice_is(a, lit) slice_equal_nocase((a), SLICE(lit))

#endif
