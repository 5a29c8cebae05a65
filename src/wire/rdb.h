/* RDB primitives: lengths, strings, numbers, opcodes; pure bytes. What a record means is persist's; how a string or length
 * looks is here, for files and for DUMP payloads alike. Source: the format as documented by its users (the RDB file format
 * notes of Sripathi Krishnan) and as Redis 7.0 and Valkey 9 write it. */
#ifndef TARN_WIRE_RDB_H
#define TARN_WIRE_RDB_H

#include "mem/buf.h"

#include <stdint.h>

#define RDB_VERSION_MAX           15 /* "REDISnnnn" files that are read */
#define RDB_VERSION_VALKEY        80 /* "VALKEYnnn" framing that is read */
#define RDB_VERSION_DEFAULT       10 /* the lowest that holds everything but fields with expiry */

#define RDB_HEADER_BYTES          9 /* whose file it is, and the digits of its version */
#define RDB_CHECKSUM_BYTES        8 /* at the end */
#define RDB_VERSION_WITH_CHECKSUM 5 /* from this version on */

/* Whose file begins with these bytes; six of them tell. */
enum rdb_magic { RDB_MAGIC_NONE, RDB_MAGIC_REDIS, RDB_MAGIC_VALKEY };
enum rdb_magic rdb_magic(const void *bytes, size_t n);

enum rdb_type {
    RDB_TYPE_STRING = 0,
    RDB_TYPE_LIST = 1,
    RDB_TYPE_SET = 2,
    RDB_TYPE_ZSET = 3,
    RDB_TYPE_HASH = 4,
    RDB_TYPE_ZSET_2 = 5,
    RDB_TYPE_MODULE = 6,
    RDB_TYPE_MODULE_2 = 7,
    RDB_TYPE_HASH_ZIPMAP = 9,
    RDB_TYPE_LIST_ZIPLIST = 10,
    RDB_TYPE_SET_INTSET = 11,
    RDB_TYPE_ZSET_ZIPLIST = 12,
    RDB_TYPE_HASH_ZIPLIST = 13,
    RDB_TYPE_LIST_QUICKLIST = 14,
    RDB_TYPE_STREAM_LISTPACKS = 15,
    RDB_TYPE_HASH_LISTPACK = 16,
    RDB_TYPE_ZSET_LISTPACK = 17,
    RDB_TYPE_LIST_QUICKLIST_2 = 18,
    RDB_TYPE_STREAM_LISTPACKS_2 = 19,
    RDB_TYPE_SET_LISTPACK = 20,
    RDB_TYPE_STREAM_LISTPACKS_3 = 21,
    /* From 22 on, Redis and Valkey have given the same numbers to different things. */
    RDB_TYPE_HASH_2 = 22,               /* Valkey 9: field expiry */
    RDB_TYPE_HASH_PREVIEW = 22,         /* Redis 7.4 before its release, without the time that is due first */
    RDB_TYPE_HASH_PREVIEW_PACK = 23,    /* the same */
    RDB_TYPE_HASH_METADATA = 24,        /* Redis 7.4: field expiry */
    RDB_TYPE_HASH_LISTPACK_EXPIRE = 25, /* the same, as a listpack of field, value, time */
    RDB_TYPE_STREAM_LISTPACKS_4 = 26,   /* Redis 8.6: what idempotent producers have sent */
    RDB_TYPE_STREAM_LISTPACKS_5 = 27,   /* Redis 8.8: entries given back by their consumer */
    RDB_TYPE_ARRAY = 28,                /* the same */
    /* Redis 8.10: hashes whose fields stand once for many of them (wire/rdb_template.h); _REF in files only. */
    RDB_TYPE_HASH_TEMPLATE_PACK = 29,
    RDB_TYPE_HASH_TEMPLATE_PACK_REF = 30,
    RDB_TYPE_HASH_TEMPLATE = 31,
    RDB_TYPE_HASH_TEMPLATE_REF = 32,
    RDB_TYPE_GCRA = 33, /* Redis 8.8: a rate limiter */
};
#define RDB_TYPE_END 34 /* no type has this number or a higher one */
/* 1 to 5, for the five records of streams, each of which has something more than the one before; 0: no stream. */
unsigned rdb_stream_form(uint8_t type);
/* "hash (listpack)" ...; NULL when a file (or payload) of that line has no such type. */
const char *rdb_type_name(unsigned type, bool valkey);
/* False for what only previews have written: previews of Redis 7.4 used 22 and 23. proven: rdb_type_name has a name. */
bool rdb_type_released(unsigned type, bool valkey);
/* The lowest file version whose readers know the type; exact from 9 on, before that 9. */
int rdb_type_version(uint8_t type);

enum rdb_opcode {
    RDB_HASH_TEMPLATE = 242, /* Redis 8.10 */
    RDB_SLOT_IMPORT = 243,   /* Valkey 9 */
    RDB_KEY_META = 243,      /* Redis 8.6: what modules have said of the next key */
    RDB_SLOT_INFO = 244,
    RDB_FUNCTION_2 = 245,
    RDB_FUNCTION_PRE_GA = 246,
    RDB_MODULE_AUX = 247,
    RDB_IDLE = 248,
    RDB_FREQ = 249,
    RDB_AUX = 250,
    RDB_RESIZEDB = 251,
    RDB_EXPIRE_MS = 252,
    RDB_EXPIRE_S = 253,
    RDB_SELECT = 254,
    RDB_EOF = 255,
};

/* ---- reading from a slice that may end in the middle; whatever is not RDB_OK leaves the reader where it was ---- */
struct rdb_reader {
    const unsigned char *at, *end;
};
enum rdb_status { RDB_OK, RDB_SHORT /* the slice ends first */, RDB_CORRUPT /* cannot be right whatever follows */ };

enum rdb_status rdb_read_u8(struct rdb_reader *r, uint8_t *out);
enum rdb_status rdb_read_u32_le(struct rdb_reader *r, uint32_t *out);
enum rdb_status rdb_read_u64_le(struct rdb_reader *r, uint64_t *out);
enum rdb_status rdb_read_length(struct rdb_reader *r, uint64_t *out); /* CORRUPT for the special encodings */

/* The head of a string: how it is stored and how many bytes follow. Then the caller takes them as it likes (a long one
 * piece by piece). */
enum rdb_string_kind { RDB_STRING_PLAIN, RDB_STRING_INT, RDB_STRING_LZF };
struct rdb_string_head {
    enum rdb_string_kind kind;
    uint64_t stored; /* bytes that follow in the file (0 for INT: the number is in `integer`) */
    uint64_t len;    /* bytes of the value */
    int64_t integer;
};
enum rdb_status rdb_read_string_head(struct rdb_reader *r,
                                     struct rdb_string_head *out); /* an impossible LZF claim is CORRUPT */
/* Head and bytes at once, when all lie in the slice: text points into the input (PLAIN), or into scratch, which grows as
 * needed (INT, LZF; valid until scratch is used again). */
enum rdb_status rdb_read_string(struct rdb_reader *r, struct buf *scratch, struct slice *text);
/* The bytes alone, behind a head that has been read. */
enum rdb_status rdb_read_string_of(struct rdb_reader *r, const struct rdb_string_head *head, struct buf *scratch,
                                   struct slice *text);
enum rdb_status rdb_skip_string(struct rdb_reader *r);
/* The two forms that nearly all short strings have: plain below 64 bytes, and compressed from below 64 to below 64. Where such a
 * one ends; NULL: it is another, or lies near the end of the slice. By pointers, as a reader that is copied and moved by the
 * byte costs more than all the rest. */
#define RDB_SHORT_MAX 63
#define RDB_SHORT_LZF 0xc3
static inline const unsigned char *rdb_skip_short(const unsigned char *at, const unsigned char *end) {
    if (end - at < 3 + RDB_SHORT_MAX) return NULL;
    if (at[0] <= RDB_SHORT_MAX) return at + 1 + at[0];
    if (at[0] != RDB_SHORT_LZF || at[1] > RDB_SHORT_MAX || at[2] > RDB_SHORT_MAX) return NULL;
    return at + 3 + at[1];
}
/* Such a string that takes all of at..end: it points there, or into room (RDB_SHORT_MAX bytes). False: it is not, or is not right. */
bool rdb_read_short(const unsigned char *at, const unsigned char *end, char *room, struct slice *text);

/* ---- writing ---- */
void rdb_write_u8(struct buf *b, uint8_t v);
void rdb_write_u32_le(struct buf *b, uint32_t v);
void rdb_write_u64_le(struct buf *b, uint64_t v);
void rdb_write_length(struct buf *b, uint64_t n);
/* As int8/16/32 when the text is a canonical number of at most 11 bytes, LZF when compress and longer than 20 bytes and it
 * saves 4 bytes or more, else plain. */
void rdb_write_string(struct buf *b, struct slice s, bool compress);
void rdb_write_integer(struct buf *b, int64_t v); /* an integer value as a string */
void rdb_write_aux(struct buf *b, const char *key, const char *value);

#endif
