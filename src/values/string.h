/* String values: pure operations on bytes. No clients, no replies, no clock, no allocation unless said. */
#ifndef TARN_VALUES_STRING_H
#define TARN_VALUES_STRING_H

#include "base/slice.h"
#include "mem/mem.h"

#include <stdint.h>

/* Longest string that clients are told is "embstr". */
#define STRING_EMBSTR_MAX 44

/* A long body with its own allocation (owner MEM_STRINGS): 16-byte head, then the bytes. */
struct string_body {
    size_t len;
    size_t capacity; /* bytes that fit after the head */
    char bytes[];
};

struct string_body *string_body_new(size_t len, size_t capacity); /* bytes uninitialised */
/* NULL when there is no memory: for lengths that come from outside. */
struct string_body *string_body_try_new(size_t len, size_t capacity);
/* A block of owner `from` becomes a body; nothing is copied. Allocated with sizeof(struct string_body) + len bytes, of which the last len
 * are the text. */
struct string_body *string_body_adopt(enum mem_owner from, void *block, size_t len);
/* Grown bytes are zeroed, with slack for the next append; NULL (b as it was) when memory ran out. A shorter length keeps
 * the capacity. The body may move. */
struct string_body *string_body_resize(struct string_body *b, size_t len);
void string_body_free(struct string_body *b);
size_t string_body_size(const struct string_body *b); /* for mem_free and limbo: head + capacity */

/* True when the value is stored as an integer: canonical decimal that fits int64. */
bool string_is_integer(struct slice s, int64_t *out);

/* GETRANGE's clamp: turns start/end (negative from the end) into a range of s; empty when nothing is left. */
struct slice string_range(struct slice s, int64_t start, int64_t end);

/* Longest common subsequence by dynamic programming over 32-bit cells. Limits: a.len * b.len cells must fit in
 * STRING_LCS_CELLS_MAX. The matches come last to first, as LCS IDX prints them. */
#define STRING_LCS_CELLS_MAX (UINT64_C(1) << 28)
struct string_lcs {
    uint32_t *cells; /* (a.len + 1) * (b.len + 1), owner MEM_SERVER; NULL when memory ran out */
    struct slice a, b;
    uint32_t length;
};
bool string_lcs_init(struct string_lcs *l, struct slice a, struct slice b);
void string_lcs_release(struct string_lcs *l);
/* Writes the subsequence, length bytes. */
void string_lcs_text(const struct string_lcs *l, char *dst);
/* Calls match for each maximal common run, last first: inclusive ranges in a and b. */
void string_lcs_matches(const struct string_lcs *l,
                        void (*match)(void *arg, uint32_t a_start, uint32_t a_end, uint32_t b_start, uint32_t b_end),
                        void *arg);

#endif
