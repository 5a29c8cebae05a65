/* Records of sorted sets. A builder stands behind all but the pack that may stay one. */
#include "values/zset_int.h"

#include "store/pack_legacy.h"
#include "wire/rdb_io.h"

#include <math.h>

#define CLAIM_MAX \
    ((size_t)1 << 24) /* members that room is made for before they come: 24 bytes for each, which has 9 in the file */

static const char twice[] = "a member of a sorted set stands there twice",
                  no_score[] = "a score of a sorted set is not a number",
                  too_long[] = "a member of a sorted set is too long",
                  no_memory[] = "no memory for a member of a sorted set",
                  no_pack[] = "the bytes of a sorted set are no listpack",
                  no_ziplist[] = "the bytes of a sorted set are no ziplist",
                  odd[] = "a member of a sorted set has no score";

/* ---- writing ---- */
uint8_t zset_rdb_type(struct value v, int version) {
    (void)version; /* all that are written can hold both */
    proven(v.ptr != NULL);
    return v.form == VALUE_PACK ? RDB_TYPE_ZSET_LISTPACK : RDB_TYPE_ZSET_2;
}

/* From the highest down, as Redis does: so its loader puts each at the head of its list. */
static bool write_members(const struct zset *z, struct rdb_sink *sink) {
    struct tree_cursor c;
    proven(z->tree.count > 0);
    if (!rdb_sink_length(sink, z->tree.count)) return false;
    for (bool more = tree_last(&z->tree, &c); more; more = tree_prev(&c)) {
        const struct zset_block *b = zset_word_block(tree_word(&c));
        if (!rdb_sink_string(sink, zset_block_member(b)) || !rdb_sink_double(sink, b->score)) return false;
    }
    return true;
}

bool zset_rdb_write(struct value v, struct rdb_sink *sink) {
    proven(v.ptr && v.type == TYPE_ZSET);
    if (v.form == VALUE_HEAD) return write_members(v.ptr, sink);
    return rdb_sink_string(sink, slice_of(v.ptr, pack_bytes(v.ptr)));
}

/* ---- reading: members one by one ---- */
static bool finish(struct zset_builder *b, bool good, const struct value_limits *limits, struct value *out) {
    proven(b->zset != NULL);
    if (good)
        *out = zset_builder_end(b, limits);
    else
        zset_builder_release(b);
    return good;
}

/* Puts a member, by way of c unless that is NULL; *score is where its score goes. */
static bool put(struct rdb_input *in, struct zset_builder *b, struct table_coming *c, struct slice member,
                double **score) {
    debug_proven(b->zset != NULL);
    if (member.len > UINT32_MAX) return rdb_input_fail(in, too_long);
    enum zset_put done = c ? zset_builder_come(b, c, member, score) : zset_builder_put(b, member, score);
    return done == ZSET_PUT_DONE || rdb_input_fail(in, done == ZSET_PUT_TWICE ? twice : no_memory);
}

/* The member's bytes do not outlive the reading of its score, so it is put first. */
static bool read_member(struct rdb_input *in, uint8_t type, struct zset_builder *b, struct table_coming *c) {
    struct slice member;
    double *place, score;
    debug_proven(type == RDB_TYPE_ZSET || type == RDB_TYPE_ZSET_2);
    if (!rdb_input_string(in, &member) || !put(in, b, c, member, &place)) return false;
    if (!(type == RDB_TYPE_ZSET ? rdb_input_double_text(in, &score) : rdb_input_double(in, &score))) return false;
    if (isnan(score)) return rdb_input_fail(in, no_score);
    *place = score;
    zset_builder_settle(b);
    return true;
}

static bool read_members(uint8_t type, struct rdb_input *in, const struct value_limits *limits, struct value *out) {
    struct zset_builder b;
    struct table_coming coming = {0};
    uint64_t count;
    bool good = true;
    proven(limits != NULL);
    if (!rdb_input_count(in, type == RDB_TYPE_ZSET ? 2 : 9, &count)) return false;
    zset_builder_init(&b);
    if ((int64_t)count > limits->zset_max_listpack_entries)
        zset_builder_expect(&b, count < CLAIM_MAX ? count : CLAIM_MAX);
    for (uint64_t i = 0; good && i < count; i++) good = read_member(in, type, &b, &coming);
    if (!zset_builder_arrive(&b, &coming)) good = rdb_input_fail(in, twice);
    return finish(&b, good, limits, out);
}

/* ---- reading: ziplists ---- */
struct pairs {
    struct rdb_input *in;
    struct zset_builder b;
    double *place; /* of the member whose score comes next, NULL: a member comes next */
};

static bool item_score(const struct pack_item *item, double *score) {
    debug_proven(item->is_integer || item->text.len == 0 || item->text.ptr);
    if (item->is_integer) *score = (double)item->integer;
    return item->is_integer || num_parse_double(item->text, score);
}

static bool pair_item(void *arg, const struct pack_item *item) {
    struct pairs *p = arg;
    char scratch[NUM_TEXT_MAX];
    debug_proven(p->in->why == NULL);
    if (!p->place) {
        struct slice member = item->text;
        if (item->is_integer) member = slice_of(scratch, num_format_i64(scratch, item->integer));
        return put(p->in, &p->b, NULL, member, &p->place);
    }
    if (!item_score(item, p->place)) return rdb_input_fail(p->in, no_score);
    p->place = NULL;
    zset_builder_settle(&p->b);
    return true;
}

/* Of packs Redis looks at the number of members alone, not at how long they are. */
static struct value_limits any_length(const struct value_limits *limits) {
    struct value_limits l = *limits;
    debug_proven(limits->zset_max_listpack_value >= 0);
    l.zset_max_listpack_value = INT64_MAX;
    return l;
}

static bool read_ziplist(struct slice bytes, struct rdb_input *in, const struct value_limits *limits,
                         struct value *out) {
    struct pairs p = {.in = in};
    struct value_limits l = any_length(limits);
    proven(in->why == NULL);
    zset_builder_init(&p.b);
    bool good = ziplist_each(bytes.ptr, bytes.len, pair_item, &p);
    if (!good) rdb_input_fail(in, no_ziplist);
    if (good && p.place) good = rdb_input_fail(in, odd);
    return finish(&p.b, good, &l, out);
}

/* ---- reading: listpacks ---- */
#define SEEN_SLOTS 512 /* 2 KiB of stack: for twice as many members as the default limit allows in a pack */

/* Members of a pack seen so far, by hash. */
struct seen {
    pack_pos at[SEEN_SLOTS];
};

static bool seen_before(struct seen *s, const struct pack *p, pack_pos at, struct slice member) {
    unsigned i = (unsigned)value_hash(member) % SEEN_SLOTS;
    debug_proven(at != 0);
    for (; s->at[i]; i = (i + 1) % SEEN_SLOTS)
        if (pack_equal(p, s->at[i], member)) return true;
    s->at[i] = at;
    return false;
}

struct survey {
    bool good, in_order;
};

/* Whether all scores are numbers, and each member is above the one before. At most SEEN_SLOTS / 2 members. */
static struct survey survey(const struct pack *p, struct rdb_input *in) {
    struct survey s = {.good = true, .in_order = true};
    struct seen seen;
    char scratch[2][NUM_TEXT_MAX];
    struct zset_item item = {{NULL, 0}, 0}, before = item;
    unsigned turn = 0;
    memset(&seen, 0, sizeof seen);
    for (pack_pos at = pack_first(p); at; turn++) {
        pack_pos score_at = pack_next(p, at);
        proven(score_at != 0);
        struct pack_item score = pack_get(p, score_at);
        item.member = pack_text(p, at, scratch[turn & 1]);
        if (!item_score(&score, &item.score)) return (struct survey){.good = rdb_input_fail(in, no_score)};
        if (seen_before(&seen, p, at, item.member)) return (struct survey){.good = rdb_input_fail(in, twice)};
        if (turn && zset_order(before.score, before.member, item.score, item.member) >= 0) s.in_order = false;
        before = item;
        at = pack_next(p, score_at);
    }
    return s;
}

/* By a builder: what is large, or not in order. */
static bool rebuild(const struct pack *p, struct rdb_input *in, const struct value_limits *limits, struct value *out) {
    struct pairs pairs = {.in = in};
    struct value_limits l = any_length(limits);
    bool good = true;
    proven(pack_count(p) % 2 == 0);
    zset_builder_init(&pairs.b);
    for (pack_pos at = pack_first(p); good && at; at = pack_next(p, at)) {
        struct pack_item item = pack_get(p, at);
        good = pair_item(&pairs, &item);
    }
    return finish(&pairs.b, good, &l, out);
}

static bool read_pack(struct slice bytes, struct rdb_input *in, const struct value_limits *limits, struct value *out) {
    if (bytes.len > PACK_BYTES_MAX || !pack_verify(bytes.ptr, bytes.len, true)) return rdb_input_fail(in, no_pack);
    const struct pack *p = (const struct pack *)(const void *)bytes.ptr;
    size_t count = zset_pack_count(p);
    if (pack_count(p) % 2) return rdb_input_fail(in, odd);
    if (count == 0) return true; /* *out is empty */
    bool small = count <= SEEN_SLOTS / 2 && (int64_t)count <= limits->zset_max_listpack_entries;
    struct survey s = small ? survey(p, in) : (struct survey){.good = true};
    if (!s.good) return false;
    if (!s.in_order) return rebuild(p, in, limits, out);
    out->ptr = pack_try_copy(MEM_ZSETS, bytes.ptr, bytes.len);
    proven(!out->ptr || pack_bytes(out->ptr) == bytes.len);
    return out->ptr || rdb_input_fail(in, no_memory);
}

bool zset_rdb_read(uint8_t rdb_type, struct rdb_input *in, const struct value_limits *limits, int64_t now_ms,
                   struct value *out) {
    struct slice bytes;
    (void)now_ms;
    proven(in->why == NULL && limits);
    *out = (struct value){NULL, TYPE_ZSET, VALUE_PACK};
    if (rdb_type == RDB_TYPE_ZSET || rdb_type == RDB_TYPE_ZSET_2) return read_members(rdb_type, in, limits, out);
    proven(rdb_type == RDB_TYPE_ZSET_ZIPLIST || rdb_type == RDB_TYPE_ZSET_LISTPACK);
    if (!rdb_input_string(in, &bytes)) return false;
    return rdb_type == RDB_TYPE_ZSET_ZIPLIST ? read_ziplist(bytes, in, limits, out) : read_pack(bytes, in, limits, out);
}
