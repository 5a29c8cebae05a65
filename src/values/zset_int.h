/* What the files of sorted sets share. Private to them.
 *
 *   zset.c        the head form, the kind, and edits of both forms
 *   zset_pack.c   the pack form
 *   zset_walk.c   ranges, ranks and scans of both forms
 *   zset_build.c  making one from members in any order
 *   zset_rdb.c    its records
 *
 *   struct zset_item_block (one allocation, 16-byte aligned; 1 length byte up to 254, else 0xFF and 4 bytes):
 *
 *     | score:64 | length:8 | [length:32] | member ... |        so a member of 7 bytes or fewer takes 16 bytes, of 23: 32 */
#ifndef TARN_VALUES_ZSET_INT_H
#define TARN_VALUES_ZSET_INT_H

#include "base/check.h"
#include "store/table.h"
#include "values/kind.h"
#include "values/zset.h"

#define ZSET_SHORT_MAX 254u /* longest member with one length byte */

struct zset_block {
    double score;
    unsigned char rest[];
};

struct zset {
    struct value_head head;
    struct tree tree;   /* words are blocks */
    struct table table; /* so are entries; hashed by member */
    size_t item_bytes;  /* good sizes of the blocks */
};

/* ---- blocks ---- */
static inline struct slice zset_block_member(const struct zset_block *b) {
    uint32_t len = b->rest[0];
    debug_proven(((uintptr_t)b & 15) == 0);
    if (likely(len <= ZSET_SHORT_MAX)) return slice_of((const char *)b->rest + 1, len);
    memcpy(&len, b->rest + 1, 4);
    return slice_of((const char *)b->rest + 5, len);
}

static inline struct zset_block *zset_word_block(uint64_t word) {
    debug_proven(word != 0 && (word & 15) == 0);
    return (struct zset_block *)(uintptr_t)word;
}

static inline uint64_t zset_block_word(const struct zset_block *b) {
    debug_proven(b && ((uintptr_t)b & 15) == 0);
    return (uint64_t)(uintptr_t)b;
}

size_t zset_block_size(size_t member_len);
struct zset_block *zset_block_new(struct slice member, double score);
struct zset_block *zset_block_try_new(struct slice member, double score); /* NULL: no memory */

/* Scores as numbers of the same order; -0 and 0 are one. */
static inline uint64_t zset_key_of_score(double score) {
    uint64_t bits;
    debug_proven(score == score); /* NaN has no place in the order */
    score += 0.0;                 /* -0 becomes 0 */
    memcpy(&bits, &score, 8);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

/* Below, at or above 0 as memcmp: the order of a sorted set. */
int zset_order(double a_score, struct slice a, double b_score, struct slice b);
/* The bound of tree_seek in front of this member. */
struct tree_bound zset_bound(double score, const struct slice *member);

/* ---- heads ---- */
struct zset *zset_new(const struct frozen *f);
void zset_free(void *head);
/* NULL when it is not there. *hash as value_hash says. */
table_slot *zset_find(const struct zset *z, struct slice member, uint64_t *hash);

/* ---- packs ---- */
double zset_pack_score(const struct pack *p, pack_pos score_at);
/* The member's position, 0 when it is not there. */
pack_pos zset_pack_find(const struct pack *p, struct slice member);
/* The member must not be there. */
struct pack *zset_pack_insert(struct pack *p, struct slice member, double score);
struct pack *zset_pack_append(struct pack *p, struct slice member, double score);
static inline size_t zset_pack_count(const struct pack *p) { return pack_count(p) / 2; }

/* ---- builders ---- */
/* A member whose score is set afterwards, in *score; then it is settled, before the next one is put. */
enum zset_put { ZSET_PUT_DONE, ZSET_PUT_TWICE, ZSET_PUT_NO_MEMORY };
enum zset_put zset_builder_put(struct zset_builder *b, struct slice member, double **score);
void zset_builder_settle(struct zset_builder *b);
/* As put, for many members: that one stands there twice is told a few calls later (*score is then still the new one's), or by arrive,
 * which must come before any other function, release as well. */
enum zset_put zset_builder_come(struct zset_builder *b, struct table_coming *c, struct slice member, double **score);
bool zset_builder_arrive(struct zset_builder *b, struct table_coming *c);

/* ---- records ---- */
uint8_t zset_rdb_type(struct value v, int version);
bool zset_rdb_write(struct value v, struct rdb_sink *sink);
bool zset_rdb_read(uint8_t rdb_type, struct rdb_input *in, const struct value_limits *limits, int64_t now_ms,
                   struct value *out);

#endif
