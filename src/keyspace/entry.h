/* An entry: key, optional expiry and value (or the pointer to it) in one allocation.
 *
 *   0        1        2        3        4
 *   +--------+--------+--------+--------+----------------+----------------+-----+---------------------------+
 *   | head   | access | keylen | vallen | [keylen:32]    | [expire ms:64] | key | value bytes, int64 or ptr |
 *   +--------+--------+--------+--------+----------------+----------------+-----+---------------------------+
 *   head: type:3 | encoding:3 << 3 | has_expire << 6 | wide_key << 7 (key longer than 255: keylen:32 follows)
 *
 * So `key:1234567` with a 32-byte value is 47 bytes: one 48-byte block. Fields after the head are unaligned (memcpy).
 * The access clock has 24 bits: the upper 8 here, the lower 16 in the table slot, so that most touches do not dirty the
 * entry. The access byte is a relaxed atomic: the snapshot thread may read an entry that the executor touches.
 *
 * A const struct entry * is a frozen view; only keyspace/ makes writable ones. */
#ifndef TARN_KEYSPACE_ENTRY_H
#define TARN_KEYSPACE_ENTRY_H

#include "base/slice.h"
#include "mem/mem.h"
#include "values/string.h"
#include "values/value.h"

#include <stdint.h>

/* Of a string. OBJECT ENCODING: int, embstr or raw. */
enum string_encoding {
    STRING_INT,    /* int64 after the key */
    STRING_EMBSTR, /* at most STRING_EMBSTR_MAX bytes after the key */
    STRING_RAW,    /* at most 255 bytes after the key, shown as raw */
    STRING_BODY,   /* pointer to a struct string_body, shown as raw */
    /* The same, but a snapshot may still read the body through an older entry (RENAME and EXPIRE make a new entry around the
     * same body). Counts only while the dataset is frozen; without it a later change would write into the picture. */
    STRING_BODY_SHARED,
};

/* Of the other types. A small pack or intset lies in the entry, as a short string does; _SHARED as above, for what hangs on
 * the pointer: a head that a snapshot may read through an older entry is always edited as frozen. */
enum object_encoding {
    OBJECT_INLINE_PACK,
    OBJECT_INLINE_INTS,
    OBJECT_PACK,
    OBJECT_INTS,
    OBJECT_HEAD,
    OBJECT_PACK_SHARED,
    OBJECT_INTS_SHARED,
    OBJECT_HEAD_SHARED,
};

#define ENTRY_INLINE_MAX 255
#define ENTRY_KEY_MAX    (512u * 1024 * 1024)
#define NO_EXPIRE        INT64_C(-1)

struct entry {
    uint8_t head, access, key_len, value_len;
    unsigned char bytes[];
};

static inline enum value_type entry_type(const struct entry *e) { return (enum value_type)(e->head & 7); }
static inline unsigned entry_encoding(const struct entry *e) { return e->head >> 3 & 7; }
static inline bool entry_has_expire(const struct entry *e) { return e->head & 0x40; }
static inline bool entry_wide(const struct entry *e) { return e->head & 0x80; }

static inline size_t entry_key_offset(const struct entry *e) {
    return (entry_wide(e) ? 4u : 0u) + (entry_has_expire(e) ? 8u : 0u);
}

static inline struct slice entry_key(const struct entry *e) {
    uint32_t len = e->key_len;
    if (__builtin_expect(entry_wide(e), 0)) memcpy(&len, e->bytes, 4);
    return slice_of((const char *)e->bytes + entry_key_offset(e), len);
}

/* Where the value part starts. */
static inline const unsigned char *entry_value(const struct entry *e) {
    struct slice k = entry_key(e);
    return (const unsigned char *)k.ptr + k.len;
}

static inline int64_t entry_expire_at(const struct entry *e) {
    int64_t at = NO_EXPIRE;
    if (entry_has_expire(e)) memcpy(&at, e->bytes + (entry_wide(e) ? 4 : 0), 8);
    return at;
}

/* The bytes of a string value; an integer is printed into scratch (NUM_TEXT_MAX bytes). proven: TYPE_STRING. */
struct slice entry_string(const struct entry *e, char *scratch);
bool entry_string_integer(const struct entry *e, int64_t *out); /* true only for STRING_INT */
size_t entry_string_len(const struct entry *e);
/* A view of any other value: for reading only, and only as long as the entry stands. proven: not TYPE_STRING. */
struct value entry_object(const struct entry *e);
/* The pointer of every value that is not inline. */
void *entry_pointer(const struct entry *e);

size_t entry_size(const struct entry *e);   /* bytes of the entry's own block, as asked for */
size_t entry_memory(const struct entry *e); /* good sizes of everything it holds, O(1): MEMORY USAGE without the slot */
enum mem_owner entry_owner(enum value_type type);       /* MEM_STRINGS, MEM_LISTS, ... */
const char *entry_type_name(enum value_type type);      /* "string", "list", "set", "zset", "hash", "stream" */
const char *entry_encoding_name(const struct entry *e); /* as OBJECT ENCODING */

/* For the loader and for tests, which build entries that no dataset holds yet. expire_at may be NO_EXPIRE. Picks int,
 * embstr, raw or body as SET does. NULL when memory ran out (the length came from outside). */
struct entry *entry_new_string(struct slice key, struct slice value, int64_t expire_at);
struct entry *entry_new_body(struct slice key, struct string_body *adopted, int64_t expire_at);
/* A value that is not empty, made for this: packs and intsets that are small enough go into the entry, and their block is freed. */
struct entry *entry_new_object(struct slice key, struct value adopted, int64_t expire_at);
void entry_free(struct entry *e); /* with what it holds */

#endif
