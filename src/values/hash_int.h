/* What the files of hashes share. Private to them.
 *
 *   hash.c         items, the table, packs and their conversion, and the answers of the kind
 *   hash_sample.c  random fields
 *   hash_rdb.c     records
 *
 * A field is one allocation:
 *
 *   narrow: | field length:6 | expires:1 | wide:1 | value length:8 | [time:64] | field | value |      texts up to 63 and 255
 *   wide:   | 0:6            | expires:1 | wide:1 | field length:56 | value length:64 | [time:64] | field | value |
 *
 * so a field of 12 bytes with a value of 16 is 30 bytes: one 32-byte block, and ~11 bytes of table.
 *
 *   struct hash --> table --> items <-- times: a tree in the order of (time, address of the item)
 *
 * A tree without a single item is not there at all: hashes without times pay 8 bytes for the pointer. With the address in
 * the order an item is found in it in O(log n), also where a million fields have the same time; so an item with a time that
 * moves is taken out before and put in afterwards. */
#ifndef TARN_VALUES_HASH_INT_H
#define TARN_VALUES_HASH_INT_H

#include "base/check.h"
#include "store/pack.h"
#include "store/table.h"
#include "store/tree.h"
#include "values/hash.h"
#include "values/kind.h"

#define ITEM_WIDE        1u
#define ITEM_EXPIRES     2u
#define ITEM_LEN_SHIFT   2
#define ITEM_NARROW_HEAD 2u
#define ITEM_WIDE_HEAD   16u
#define ITEM_FIELD_MAX   63u
#define ITEM_VALUE_MAX   255u

struct hash_item {
    uint8_t head;
    uint8_t value_len;
    uint8_t bytes[];
};

struct hash {
    struct value_head head;
    struct table table;
    struct tree *times; /* NULL: no field has a time. A block of this head alone, also after a fork */
    size_t item_bytes;  /* good sizes */
};

static inline size_t item_head_size(const struct hash_item *item) {
    return (item->head & ITEM_WIDE ? ITEM_WIDE_HEAD : ITEM_NARROW_HEAD) + (item->head & ITEM_EXPIRES ? 8 : 0);
}

static inline int64_t item_time(const struct hash_item *item) {
    int64_t at = HASH_NO_TIME;
    if (unlikely(item->head & ITEM_EXPIRES)) memcpy(&at, (const char *)item + item_head_size(item) - 8, 8);
    debug_proven(at != HASH_NO_TIME || !(item->head & ITEM_EXPIRES)); /* room for a time is there for one */
    return at;
}

static inline struct slice item_field(const struct hash_item *item) {
    uint64_t len = (uint64_t)item->head >> ITEM_LEN_SHIFT;
    if (unlikely(item->head & ITEM_WIDE)) {
        memcpy(&len, item, 8);
        len >>= 8;
    }
    debug_proven(len < UINT64_C(1) << 48);
    return slice_of((const char *)item + item_head_size(item), len);
}

static inline struct hash_field item_parts(const struct hash_item *item) {
    struct slice field = item_field(item);
    uint64_t len = item->value_len;
    if (unlikely(item->head & ITEM_WIDE)) memcpy(&len, (const char *)item + 8, 8);
    debug_proven(len < UINT64_C(1) << 48);
    return (struct hash_field){field, slice_of(field.ptr + field.len, len), item_time(item)};
}

static inline bool item_due(const struct hash_item *item, int64_t now_ms) {
    debug_proven(((uintptr_t)item & 15) == 0);
    return unlikely(item->head & ITEM_EXPIRES) && item_time(item) <= now_ms;
}

static inline struct hash *value_hash_head(struct value v) {
    debug_proven(v.ptr && v.type == TYPE_HASH && v.form == VALUE_HEAD);
    return v.ptr;
}

/* Of the pair at `at` in a pack; scratch holds two integers. */
struct hash_field hash_pack_pair(const struct pack *p, pack_pos at, char scratch[2 * NUM_TEXT_MAX]);
/* An empty table in the place of what e holds (which has been dropped or was empty); times are put in as they come. */
void hash_start_table(struct value_edit *e);
/* Many fields, none twice, into such a table, which is nobody else's: hash_come for each, then hash_arrive, in any case. ADDED, or what is
 * wrong with this field or, REPLACED, with one of the few before it. */
enum hash_put hash_come(struct hash *h, struct table_coming *c, struct slice field, struct slice value, int64_t at);
/* False when one stood there twice. */
bool hash_arrive(struct hash *h, struct table_coming *c);

uint8_t hash_rdb_type(struct value v, int version);
bool hash_rdb_write(struct value v, struct rdb_sink *sink);
bool hash_rdb_read(uint8_t rdb_type, struct rdb_input *in, const struct value_limits *limits, int64_t now_ms,
                   struct value *out);

#endif
