#include "wire/rdb.h"

#include "base/check.h"
#include "base/num.h"
#include "wire/lzf.h"

/* First byte of a length: two bits of kind, six of value.
 *   00vvvvvv                    6 bits
 *   01vvvvvv vvvvvvvv           14 bits, big-endian
 *   10000000 + 4 bytes          32 bits, big-endian
 *   10000001 + 8 bytes          64 bits, big-endian
 *   11eeeeee                    not a length: a string in encoding e */
enum { LENGTH_6BIT = 0, LENGTH_14BIT = 1, LENGTH_32BIT = 0x80, LENGTH_64BIT = 0x81, LENGTH_SPECIAL = 3 };
enum { ENCODING_INT8, ENCODING_INT16, ENCODING_INT32, ENCODING_LZF };

#define LENGTH_BYTES_MAX  9           /* a kind and 64 bits */
#define INTEGER_TEXT_MAX  11          /* "-2147483648" */
#define LZF_MIN           20          /* strings up to this long are never compressed */
#define LZF_GAIN          4           /* what compression must save */
#define LZF_CLAIM_CHECKED (64 * 1024) /* a longer claim is checked before memory is asked for */

enum rdb_magic rdb_magic(const void *bytes, size_t n) {
    debug_proven(bytes || n == 0);
    if (n >= 5 && memcmp(bytes, "REDIS", 5) == 0) return RDB_MAGIC_REDIS;
    return n >= 6 && memcmp(bytes, "VALKEY", 6) == 0 ? RDB_MAGIC_VALKEY : RDB_MAGIC_NONE;
}

unsigned rdb_stream_form(uint8_t type) {
    static const uint8_t types[] = {RDB_TYPE_STREAM_LISTPACKS, RDB_TYPE_STREAM_LISTPACKS_2, RDB_TYPE_STREAM_LISTPACKS_3,
                                    RDB_TYPE_STREAM_LISTPACKS_4, RDB_TYPE_STREAM_LISTPACKS_5};
    for (unsigned i = 0; i < countof(types); i++)
        if (types[i] == type) return i + 1;
    return 0;
}

const char *rdb_type_name(unsigned type, bool valkey) {
    static const char *const names[] = {
        [RDB_TYPE_STRING] = "string",
        [RDB_TYPE_LIST] = "list",
        [RDB_TYPE_SET] = "set",
        [RDB_TYPE_ZSET] = "sorted set (text scores)",
        [RDB_TYPE_HASH] = "hash",
        [RDB_TYPE_ZSET_2] = "sorted set",
        [RDB_TYPE_MODULE] = "module value (before release)",
        [RDB_TYPE_MODULE_2] = "module value",
        [RDB_TYPE_HASH_ZIPMAP] = "hash (zipmap)",
        [RDB_TYPE_LIST_ZIPLIST] = "list (ziplist)",
        [RDB_TYPE_SET_INTSET] = "set (intset)",
        [RDB_TYPE_ZSET_ZIPLIST] = "sorted set (ziplist)",
        [RDB_TYPE_HASH_ZIPLIST] = "hash (ziplist)",
        [RDB_TYPE_LIST_QUICKLIST] = "list (quicklist of ziplists)",
        [RDB_TYPE_STREAM_LISTPACKS] = "stream",
        [RDB_TYPE_HASH_LISTPACK] = "hash (listpack)",
        [RDB_TYPE_ZSET_LISTPACK] = "sorted set (listpack)",
        [RDB_TYPE_LIST_QUICKLIST_2] = "list (quicklist of listpacks)",
        [RDB_TYPE_STREAM_LISTPACKS_2] = "stream (version 2)",
        [RDB_TYPE_SET_LISTPACK] = "set (listpack)",
        [RDB_TYPE_STREAM_LISTPACKS_3] = "stream (version 3)",
        [RDB_TYPE_HASH_PREVIEW] = "hash (with field expiry, from a preview of Redis 7.4)",
        [RDB_TYPE_HASH_PREVIEW_PACK] = "hash (listpack with field expiry, from a preview of Redis 7.4)",
        [RDB_TYPE_HASH_METADATA] = "hash (with field expiry)",
        [RDB_TYPE_HASH_LISTPACK_EXPIRE] = "hash (listpack with field expiry)",
        [RDB_TYPE_STREAM_LISTPACKS_4] = "stream (version 4)",
        [RDB_TYPE_STREAM_LISTPACKS_5] = "stream (version 5)",
        [RDB_TYPE_ARRAY] = "array (of Redis 8.8)",
        [RDB_TYPE_HASH_TEMPLATE_PACK] = "hash (listpack and its template)",
        [RDB_TYPE_HASH_TEMPLATE_PACK_REF] = "hash (listpack of a template)",
        [RDB_TYPE_HASH_TEMPLATE] = "hash (with its template)",
        [RDB_TYPE_HASH_TEMPLATE_REF] = "hash (of a template)",
        [RDB_TYPE_GCRA] = "rate limiter (GCRA, of Redis 8.8)",
    };
    if (valkey && type >= RDB_TYPE_HASH_2) return type == RDB_TYPE_HASH_2 ? "hash (with field expiry)" : NULL;
    return type < countof(names) ? names[type] : NULL;
}

bool rdb_type_released(unsigned type, bool valkey) {
    proven(rdb_type_name(type, valkey) != NULL);
    return valkey || (type != RDB_TYPE_HASH_PREVIEW && type != RDB_TYPE_HASH_PREVIEW_PACK);
}

int rdb_type_version(uint8_t type) {
    proven(type < RDB_SLOT_IMPORT);
    if (type < RDB_TYPE_HASH_LISTPACK) return 9;
    if (type < RDB_TYPE_SET_LISTPACK) return 10;
    if (type < RDB_TYPE_HASH_2) return 11;
    if (type == RDB_TYPE_HASH_2) return RDB_VERSION_VALKEY;
    if (type <= RDB_TYPE_HASH_LISTPACK_EXPIRE) return 12;
    return type == RDB_TYPE_STREAM_LISTPACKS_4 ? 13 : type <= RDB_TYPE_ARRAY ? 14 : RDB_VERSION_MAX;
}

/* ---- reading; whatever is not RDB_OK leaves the reader where it was ---- */
static inline size_t left(const struct rdb_reader *r) {
    debug_proven(r->at <= r->end);
    return (size_t)(r->end - r->at);
}

enum rdb_status rdb_read_u8(struct rdb_reader *r, uint8_t *out) {
    if (left(r) < 1) return RDB_SHORT;
    *out = *r->at++;
    return RDB_OK;
}

static uint64_t little_endian(const unsigned char *p, unsigned bytes) {
    debug_proven(bytes >= 1 && bytes <= 8);
    uint64_t v = 0;
    for (unsigned i = bytes; i-- > 0;) v = v << 8 | p[i];
    return v;
}

static uint64_t big_endian(const unsigned char *p, unsigned bytes) {
    debug_proven(bytes == 4 || bytes == 8);
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) v = v << 8 | p[i];
    return v;
}

enum rdb_status rdb_read_u32_le(struct rdb_reader *r, uint32_t *out) {
    if (left(r) < 4) return RDB_SHORT;
    *out = (uint32_t)little_endian(r->at, 4);
    r->at += 4;
    return RDB_OK;
}

enum rdb_status rdb_read_u64_le(struct rdb_reader *r, uint64_t *out) {
    if (left(r) < 8) return RDB_SHORT;
    *out = little_endian(r->at, 8);
    r->at += 8;
    return RDB_OK;
}

/* A length in one of the two wide forms behind the byte `first`. */
static enum rdb_status read_wide_length(struct rdb_reader *r, uint8_t first, uint64_t *out) {
    proven(*r->at == first && first >> 6 != LENGTH_6BIT && first >> 6 != LENGTH_14BIT);
    if (first != LENGTH_32BIT && first != LENGTH_64BIT) return RDB_CORRUPT;
    unsigned bytes = first == LENGTH_32BIT ? 4 : 8;
    if (left(r) < 1 + bytes) return RDB_SHORT;
    *out = big_endian(r->at + 1, bytes);
    r->at += 1 + bytes;
    proven(r->at <= r->end && (bytes == 8 || *out <= UINT32_MAX));
    return RDB_OK;
}

enum rdb_status rdb_read_length(struct rdb_reader *r, uint64_t *out) {
    if (unlikely(left(r) < 1)) return RDB_SHORT;
    uint8_t first = *r->at;
    if (likely(first >> 6 == LENGTH_6BIT)) {
        *out = first & 0x3f;
        r->at++;
        return RDB_OK;
    }
    if (first >> 6 == LENGTH_14BIT) {
        if (left(r) < 2) return RDB_SHORT;
        *out = (uint64_t)(first & 0x3f) << 8 | r->at[1];
        debug_proven(*out < 1 << 14);
        r->at += 2;
        return RDB_OK;
    }
    return read_wide_length(r, first, out);
}

static enum rdb_status read_integer_head(struct rdb_reader *r, unsigned encoding, struct rdb_string_head *out) {
    proven(encoding <= ENCODING_INT32);
    unsigned bytes = 1U << encoding; /* int8, int16, int32 are encodings 0, 1, 2 */
    if (left(r) < 1 + bytes) return RDB_SHORT;
    uint64_t v = little_endian(r->at + 1, bytes), sign = UINT64_C(1) << (8 * bytes - 1);
    *out = (struct rdb_string_head){.kind = RDB_STRING_INT, .integer = (int64_t)((v ^ sign) - sign)};
    char text[NUM_TEXT_MAX];
    out->len = num_format_i64(text, out->integer);
    proven(out->integer == (int32_t)out->integer);
    proven(out->len <= INTEGER_TEXT_MAX); /* as the writer has it */
    r->at += 1 + bytes;
    return RDB_OK;
}

static enum rdb_status read_lzf_head(struct rdb_reader *r, struct rdb_string_head *out) {
    proven(r->at < r->end && *r->at == (LENGTH_SPECIAL << 6 | ENCODING_LZF));
    struct rdb_reader ahead = {r->at + 1, r->end};
    uint64_t stored, len;
    enum rdb_status status = rdb_read_length(&ahead, &stored);
    if (status == RDB_OK) status = rdb_read_length(&ahead, &len);
    if (status != RDB_OK) return status;
    if (stored == 0 || len == 0 || (len - 1) / LZF_EXPANSION_MAX >= stored) return RDB_CORRUPT;
    *out = (struct rdb_string_head){.kind = RDB_STRING_LZF, .stored = stored, .len = len};
    proven(ahead.at > r->at && ahead.at <= r->end);
    r->at = ahead.at;
    return RDB_OK;
}

enum rdb_status rdb_read_string_head(struct rdb_reader *r, struct rdb_string_head *out) {
    if (unlikely(left(r) < 1)) return RDB_SHORT;
    uint8_t first = *r->at;
    if (unlikely(first >> 6 == LENGTH_SPECIAL)) {
        unsigned encoding = first & 0x3f;
        if (encoding == ENCODING_LZF) return read_lzf_head(r, out);
        return encoding <= ENCODING_INT32 ? read_integer_head(r, encoding, out) : RDB_CORRUPT;
    }
    uint64_t len;
    enum rdb_status status = rdb_read_length(r, &len);
    if (status == RDB_OK) *out = (struct rdb_string_head){.kind = RDB_STRING_PLAIN, .stored = len, .len = len};
    return status;
}

static enum rdb_status unpack(const struct rdb_reader *r, const struct rdb_string_head *head, struct buf *scratch) {
    proven(head->kind == RDB_STRING_LZF && head->stored > 0 && head->stored <= left(r));
    size_t len = (size_t)head->len;
    if (len > LZF_CLAIM_CHECKED && !lzf_unpacks_to(r->at, (size_t)head->stored, len)) return RDB_CORRUPT;
    buf_clear(scratch);
    if (!buf_try_reserve(scratch, len)) return RDB_CORRUPT; /* no memory for what is claimed: as good as hostile */
    if (!lzf_unpack(r->at, (size_t)head->stored, scratch->ptr, len)) return RDB_CORRUPT;
    buf_advance(scratch, len);
    return RDB_OK;
}

enum rdb_status rdb_read_string_of(struct rdb_reader *r, const struct rdb_string_head *head, struct buf *scratch,
                                   struct slice *text) {
    proven(r->at <= r->end);
    if (unlikely(head->stored > left(r))) return RDB_SHORT;
    if (likely(head->kind == RDB_STRING_PLAIN)) {
        *text = slice_of((const char *)r->at, (size_t)head->len);
    } else if (head->kind == RDB_STRING_INT) {
        buf_clear(scratch);
        buf_advance(scratch, num_format_i64(buf_reserve(scratch, NUM_TEXT_MAX), head->integer));
        *text = buf_slice(scratch);
    } else {
        enum rdb_status status = unpack(r, head, scratch);
        if (status != RDB_OK) return status;
        *text = buf_slice(scratch);
    }
    r->at += head->stored;
    proven(text->len == head->len && r->at <= r->end); /* the head told the truth, in each of its kinds */
    return RDB_OK;
}

enum rdb_status rdb_read_string(struct rdb_reader *r, struct buf *scratch, struct slice *text) {
    struct rdb_reader ahead = *r;
    struct rdb_string_head head;
    enum rdb_status status = rdb_read_string_head(&ahead, &head);
    if (likely(status == RDB_OK)) status = rdb_read_string_of(&ahead, &head, scratch, text);
    if (unlikely(status != RDB_OK)) return status;
    proven(ahead.at > r->at && ahead.at <= r->end);
    r->at = ahead.at;
    return RDB_OK;
}

enum rdb_status rdb_skip_string(struct rdb_reader *r) {
    struct rdb_reader ahead = *r;
    struct rdb_string_head head;
    enum rdb_status status = rdb_read_string_head(&ahead, &head);
    if (status != RDB_OK) return status;
    if (head.stored > left(&ahead)) return RDB_SHORT;
    const unsigned char *start = r->at;
    r->at = ahead.at + head.stored;
    proven(r->at > start && r->at <= r->end); /* a walk over strings ends */
    return RDB_OK;
}

bool rdb_read_short(const unsigned char *at, const unsigned char *end, char *room, struct slice *text) {
    proven(at < end);
    size_t n = (size_t)(end - at);
    if (at[0] <= RDB_SHORT_MAX) {
        *text = slice_of((const char *)at + 1, at[0]);
        return n == 1 + (size_t)at[0];
    }
    if (n < 3 || at[0] != RDB_SHORT_LZF || at[1] != n - 3 || at[2] > RDB_SHORT_MAX) return false;
    *text = slice_of(room, at[2]);
    return at[1] && at[2] && lzf_unpack(at + 3, at[1], room, at[2]);
}

/* ---- writing ---- */
static void put_little_endian(unsigned char *p, uint64_t v, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) p[i] = (unsigned char)(v >> 8 * i);
    debug_proven(little_endian(p, bytes) == (v & UINT64_MAX >> (64 - 8 * bytes)));
}

static void write_little_endian(struct buf *b, uint64_t v, unsigned bytes) {
    proven(bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8);
    put_little_endian((unsigned char *)buf_reserve(b, bytes), v, bytes);
    buf_advance(b, bytes);
}

void rdb_write_u8(struct buf *b, uint8_t v) { write_little_endian(b, v, 1); }

void rdb_write_u32_le(struct buf *b, uint32_t v) { write_little_endian(b, v, 4); }

void rdb_write_u64_le(struct buf *b, uint64_t v) { write_little_endian(b, v, 8); }

static size_t put_length(unsigned char *p, uint64_t n) {
    if (n < 1 << 6) {
        p[0] = (unsigned char)n;
        return 1;
    }
    if (n < 1 << 14) {
        p[0] = (unsigned char)(LENGTH_14BIT << 6 | n >> 8);
        p[1] = (unsigned char)n;
        return 2;
    }
    unsigned bytes = n <= UINT32_MAX ? 4 : 8;
    p[0] = bytes == 4 ? LENGTH_32BIT : LENGTH_64BIT;
    for (unsigned i = 0; i < bytes; i++) p[1 + i] = (unsigned char)(n >> 8 * (bytes - 1 - i));
    debug_proven(big_endian(p + 1, bytes) == n);
    return 1 + bytes;
}

void rdb_write_length(struct buf *b, uint64_t n) {
    size_t size = put_length((unsigned char *)buf_reserve(b, LENGTH_BYTES_MAX), n);
    proven(size <= LENGTH_BYTES_MAX);
    buf_advance(b, size);
}

static void write_plain(struct buf *b, struct slice s) {
    rdb_write_length(b, s.len);
    buf_append_slice(b, s);
}

/* As int8, int16 or int32; false when it needs more. */
static bool write_small_integer(struct buf *b, int64_t v) {
    unsigned encoding;
    if (v == (int8_t)v)
        encoding = ENCODING_INT8;
    else if (v == (int16_t)v)
        encoding = ENCODING_INT16;
    else if (v == (int32_t)v)
        encoding = ENCODING_INT32;
    else
        return false;
    rdb_write_u8(b, (uint8_t)(LENGTH_SPECIAL << 6 | encoding));
    write_little_endian(b, (uint64_t)v, 1U << encoding);
    return true;
}

/* Packs straight behind where the head will end at its longest, then moves the bytes down to it. */
static bool write_packed(struct buf *b, struct slice s) {
    enum { HEAD_MAX = 1 + 2 * LENGTH_BYTES_MAX };
    proven(s.len > LZF_GAIN); /* else nothing can be gained */
    size_t cap = s.len - LZF_GAIN;
    unsigned char *p = (unsigned char *)buf_reserve(b, HEAD_MAX + cap);
    size_t stored = lzf_pack(s.ptr, s.len, p + HEAD_MAX, cap);
    if (stored == 0) return false;
    p[0] = LENGTH_SPECIAL << 6 | ENCODING_LZF;
    size_t head = 1 + put_length(p + 1, stored);
    head += put_length(p + head, s.len);
    proven(head <= HEAD_MAX && stored <= cap);
    memmove(p + head, p + HEAD_MAX, stored);
    buf_advance(b, head + stored);
    return true;
}

void rdb_write_string(struct buf *b, struct slice s, bool compress) {
    proven(s.ptr || s.len == 0);
    int64_t v;
    if (s.len <= INTEGER_TEXT_MAX && num_parse_i64(s, &v) && write_small_integer(b, v)) return;
    if (compress && s.len > LZF_MIN && write_packed(b, s)) return;
    write_plain(b, s);
}

void rdb_write_integer(struct buf *b, int64_t v) {
    if (write_small_integer(b, v)) return;
    char text[NUM_TEXT_MAX];
    size_t len = num_format_i64(text, v);
    proven(len >= sizeof("2147483648") - 1); /* else it had fitted a small integer */
    write_plain(b, slice_of(text, len));
}

void rdb_write_aux(struct buf *b, const char *key, const char *value) {
    proven(key[0] != '\0');
    rdb_write_u8(b, RDB_AUX);
    rdb_write_string(b, slice_of_cstr(key), false);
    rdb_write_string(b, slice_of_cstr(value), false);
}
