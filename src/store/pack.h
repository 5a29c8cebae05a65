/* A pack: a short sequence of strings and integers in one block, in the bytes of the listpack format (version 1.2 of its
 * specification, github.com/antirez/listpack), so that small values are loaded from RDB and saved to it by copying.
 *
 *   +----------------+--------------+---------+-----+---------+------+
 *   | total bytes:32 | elements:16  | element | ... | element | 0xFF |     little endian; elements 65535: count them
 *   +----------------+--------------+---------+-----+---------+------+
 *
 *   element: | encoding and length, 1 to 9 bytes | string bytes | back: length of what is left of it, 1 to 5 bytes |
 *
 *   0vvvvvvv                       integer 0..127              11110001 + 2 bytes   integer of 16 bits
 *   10llllll                       string of up to 63 bytes    11110010 + 3 bytes   integer of 24 bits
 *   110vvvvv vvvvvvvv              integer of 13 bits          11110011 + 4 bytes   integer of 32 bits
 *   1110llll llllllll              string of up to 4095        11110100 + 8 bytes   integer of 64 bits
 *   11110000 + 4 bytes of length   any string                  (multi-byte integers are signed, little endian)
 *
 *   back: 7 bits a byte, the low ones rightmost; read from the right, a set top bit says that another byte stands to the
 *   left. 1 byte up to 127, 2 below 16383, 3 below 2097151, 4 below 268435455, else 5: at these borders Redis takes the
 *   longer form, and who goes from the left must know it.
 *
 * A text that is a canonical decimal of 64 bits (num_parse_i64) is kept as an integer, as Redis does: it comes back the
 * same. Finding by value, and everything in the middle, is O(bytes): the owner keeps packs small (a few KiB).
 *
 * A position is an offset into the block, so it survives a move of the block; a change before it invalidates it. 0 is no
 * position. Changes take the block and return it, perhaps moved; it is resized only when its good size changes. The
 * owner is the caller's and must be the same in all calls for one pack.
 *
 * A text that is put in must not lie in the same pack, which may move.
 *
 * Limit: PACK_BYTES_MAX; ask pack_fits before adding what comes from outside. Aborts when memory runs out, except
 * pack_try_copy. Reading functions trust the bytes: those from outside pass pack_verify first. */
#ifndef TARN_STORE_PACK_H
#define TARN_STORE_PACK_H

#include "base/num.h"
#include "base/slice.h"
#include "mem/mem.h"

#define PACK_BYTES_MAX   (UINT32_C(1) << 30)
#define PACK_BYTES_EMPTY 7
#define PACK_ELEMENT_MAX 14 /* the most an element takes beyond its string bytes */

struct pack {
    uint8_t head[6];
    uint8_t body[]; /* elements and the end byte */
};

typedef uint32_t pack_pos; /* 0: none */

struct pack_item {
    bool is_integer;
    int64_t integer;
    struct slice text; /* into the pack; empty for an integer */
};

/* ---- whole packs ---- */
struct pack *pack_new(enum mem_owner owner);
void pack_free(enum mem_owner owner, struct pack *p); /* p may be NULL */
/* A pack of these verified bytes; NULL when memory ran out. */
struct pack *pack_try_copy(enum mem_owner owner, const void *bytes, size_t n);
size_t pack_bytes(const struct pack *p); /* of the block, as asked for: n of mem_free and limbo; also the RDB form */
size_t pack_count(const struct pack *p); /* O(1) below 65535 elements, else O(bytes) */
bool pack_empty(const struct pack *p);   /* O(1) always */
bool pack_fits(const struct pack *p, size_t more_bytes); /* PACK_ELEMENT_MAX + its length for every new string */
/* Untrusted bytes: false when they are not a pack. Shallow checks head and end byte; deep every element, so that all
 * functions here are safe on the result. Reads nothing outside n. Strings that look like integers are allowed. O(n). */
bool pack_verify(const void *bytes, size_t n, bool deep);

/* ---- positions ---- */
pack_pos pack_first(const struct pack *p); /* 0 when empty */
pack_pos pack_last(const struct pack *p);
pack_pos pack_next(const struct pack *p, pack_pos at); /* 0 behind the last; at is not 0 */
pack_pos pack_prev(const struct pack *p, pack_pos at); /* 0 before the first; at 0 gives the last */
/* The element at index, from the end when negative (-1 is the last); 0 when there is none. Walks from the nearer end. */
pack_pos pack_at(const struct pack *p, int64_t index);
/* n elements further; 0 when there are not so many. */
pack_pos pack_skip(const struct pack *p, pack_pos at, size_t n);
/* After pack_delete: at, or 0 when what was deleted was the end. */
pack_pos pack_standing(const struct pack *p, pack_pos at);

/* ---- reading ---- */
struct pack_item pack_get(const struct pack *p, pack_pos at);
/* As text; an integer is printed into scratch (NUM_TEXT_MAX bytes). */
struct slice pack_text(const struct pack *p, pack_pos at, char *scratch);
bool pack_equal(const struct pack *p, pack_pos at, struct slice text);
/* The first element equal to text, from `from` on (0: none) and then every (skip + 1)th: skip 1 and the first field finds
 * a field among field and value pairs. 0 when not found. ~1 ns an element. */
pack_pos pack_find(const struct pack *p, pack_pos from, struct slice text, unsigned skip);

/* ---- changing ---- */
/* Before the element at `at`; at 0 appends. The new element stands at `at`, or is pack_last. */
struct pack *pack_insert(enum mem_owner owner, struct pack *p, pack_pos at, struct slice text);
struct pack *pack_insert_integer(enum mem_owner owner, struct pack *p, pack_pos at, int64_t integer);
/* The new element stands at `at`. In place when its encoding is as long as the old one's. */
struct pack *pack_replace(enum mem_owner owner, struct pack *p, pack_pos at, struct slice text);
struct pack *pack_replace_integer(enum mem_owner owner, struct pack *p, pack_pos at, int64_t integer);
/* The n elements from `at` on, or as many as there are. What followed now stands at `at` (pack_standing). */
struct pack *pack_delete(enum mem_owner owner, struct pack *p, pack_pos at, size_t n);

static inline struct pack *pack_append(enum mem_owner owner, struct pack *p, struct slice text) {
    return pack_insert(owner, p, 0, text);
}

static inline struct pack *pack_append_integer(enum mem_owner owner, struct pack *p, int64_t integer) {
    return pack_insert_integer(owner, p, 0, integer);
}

static inline struct pack *pack_prepend(enum mem_owner owner, struct pack *p, struct slice text) {
    return pack_insert(owner, p, pack_first(p), text);
}

static inline struct pack *pack_insert_after(enum mem_owner owner, struct pack *p, pack_pos at, struct slice text) {
    return pack_insert(owner, p, pack_next(p, at), text);
}

/* ---- several packs: big lists ---- */
/* The elements of b behind those of a; b is freed. Both O(bytes). */
struct pack *pack_merge(enum mem_owner owner, struct pack *a, struct pack *b);
/* Cuts p before `at` (not 0): p keeps what is left of it, *tail is a new pack of the rest. */
struct pack *pack_split(enum mem_owner owner, struct pack *p, pack_pos at, struct pack **tail);

#endif
