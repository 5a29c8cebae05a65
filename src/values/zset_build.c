#include "values/zset_int.h"

#include <math.h>
#include <stdlib.h>

void zset_builder_init(struct zset_builder *b) {
    *b = (struct zset_builder){.zset = zset_new(NULL), .rising = true, .falling = true};
    proven(b->zset->tree.count == 0);
}

void zset_builder_expect(struct zset_builder *b, size_t n) {
    proven(b->zset && b->count == 0 && b->room == 0 && n > 0);
    table_reserve(&b->zset->table, n);
    b->words = mem_alloc(MEM_ZSETS, n * sizeof *b->words);
    b->room = n;
}

void zset_builder_release(struct zset_builder *b) {
    proven(b->zset != NULL);
    proven(b->count <= b->room);
    mem_free(MEM_ZSETS, b->words, b->room * sizeof *b->words);
    zset_free(b->zset);
    *b = (struct zset_builder){0};
}

bool zset_builder_has(const struct zset_builder *b, struct slice member) {
    uint64_t hash;
    debug_proven(b->count == b->zset->table.count);
    return zset_find(b->zset, member, &hash) != NULL;
}

static void note_word(struct zset_builder *b, const struct zset_block *block) {
    if (b->count == b->room) {
        size_t room = b->room ? b->room + b->room / 2 : 16;
        b->words = mem_realloc(MEM_ZSETS, b->words, b->room * sizeof *b->words, room * sizeof *b->words);
        b->room = room;
    }
    proven(b->count < b->room);
    b->words[b->count++] = zset_block_word(block);
}

static void insert(struct zset *z, uint64_t hash, struct zset_block *block) {
    z->item_bytes += mem_good_size(zset_block_size(zset_block_member(block).len));
    debug_proven(z->tree.count == 0); /* made at the end, of all */
    table_insert(&z->table, NULL, hash, block, 0);
}

/* In the order of coming. Returns the place of the score. */
static double *note(struct zset_builder *b, struct zset_block *block) {
    size_t len = zset_block_member(block).len;
    note_word(b, block);
    if (len > b->longest) b->longest = len;
    return &block->score;
}

enum zset_put zset_builder_put(struct zset_builder *b, struct slice member, double **score) {
    struct zset *z = b->zset;
    uint64_t hash;
    debug_proven(b->count == z->table.count);
    table_slot *slot = zset_find(z, member, &hash);
    if (slot) {
        *score = &((struct zset_block *)table_slot_entry(slot))->score;
        return ZSET_PUT_TWICE;
    }
    struct zset_block *block = zset_block_try_new(member, 0);
    if (!block) return ZSET_PUT_NO_MEMORY;
    insert(z, hash, block);
    *score = note(b, block);
    return ZSET_PUT_DONE;
}

/* The one that came first. False: its member is there already, and it is freed; its word stays, for a builder that is released. */
static bool arrive(struct zset *z, struct table_coming *c) {
    uint64_t hash, same;
    struct zset_block *block = table_coming_take(c, &hash);
    debug_proven(block != NULL);
    if (likely(!zset_find(z, zset_block_member(block), &same))) {
        insert(z, hash, block);
        return true;
    }
    mem_free(MEM_ZSETS, block, zset_block_size(zset_block_member(block).len));
    return false;
}

enum zset_put zset_builder_come(struct zset_builder *b, struct table_coming *c, struct slice member, double **score) {
    struct zset *z = b->zset;
    debug_proven(b->count == z->table.count + (c->came - c->gone));
    struct zset_block *block = zset_block_try_new(member, 0);
    if (!block) return ZSET_PUT_NO_MEMORY;
    bool good = !table_coming_full(c) || arrive(z, c);
    table_coming_add(c, &z->table, value_hash(member), block);
    *score = note(b, block);
    return good ? ZSET_PUT_DONE : ZSET_PUT_TWICE;
}

bool zset_builder_arrive(struct zset_builder *b, struct table_coming *c) {
    bool good = true;
    while (c->came != c->gone) good = arrive(b->zset, c) && good;
    proven(b->count >= b->zset->table.count); /* more if one stood there twice */
    return good;
}

void zset_builder_settle(struct zset_builder *b) {
    proven(b->count > 0);
    const struct zset_block *last = zset_word_block(b->words[b->count - 1]);
    proven(!isnan(last->score));
    if (b->count == 1 || !(b->rising || b->falling)) return;
    const struct zset_block *before = zset_word_block(b->words[b->count - 2]);
    int order = zset_order(before->score, zset_block_member(before), last->score, zset_block_member(last));
    if (order < 0) /* 0 of one that stands there twice, which is told later */
        b->falling = false;
    else
        b->rising = false;
}

bool zset_builder_add(struct zset_builder *b, struct slice member, double score) {
    double *place;
    enum zset_put put = zset_builder_put(b, member, &place);
    proven(put != ZSET_PUT_NO_MEMORY);
    if (put != ZSET_PUT_DONE) return false;
    *place = score;
    zset_builder_settle(b);
    return true;
}

double *zset_builder_at(struct zset_builder *b, struct slice member, bool *added) {
    double *score;
    enum zset_put put = zset_builder_put(b, member, &score);
    proven(put != ZSET_PUT_NO_MEMORY);
    debug_proven(!isnan(*score));
    b->rising = b->falling = false;
    *added = put == ZSET_PUT_DONE;
    return score;
}

static int order_words(const void *a, const void *b) {
    const struct zset_block *x = zset_word_block(*(const uint64_t *)a), *y = zset_word_block(*(const uint64_t *)b);
    debug_proven(!isnan(x->score) && !isnan(y->score));
    return zset_order(x->score, zset_block_member(x), y->score, zset_block_member(y));
}

static void bring_in_order(struct zset_builder *b) {
    debug_proven(b->count > 0);
    if (b->rising) return;
    if (!b->falling) {
        qsort(b->words, b->count, sizeof *b->words, order_words);
        return;
    }
    for (size_t i = 0, j = b->count - 1; i < j; i++, j--) {
        uint64_t word = b->words[i];
        b->words[i] = b->words[j];
        b->words[j] = word;
    }
}

static bool fits_pack(const struct zset_builder *b, const struct value_limits *limits) {
    debug_proven(b->count == b->zset->table.count);
    if (!limits || (int64_t)b->count > limits->zset_max_listpack_entries) return false;
    if ((int64_t)b->longest > limits->zset_max_listpack_value) return false;
    return b->longest + NUM_DOUBLE_TEXT_MAX + (size_t)2 * PACK_ELEMENT_MAX < PACK_BYTES_MAX / 2 / b->count;
}

static struct value as_pack(struct zset_builder *b) {
    struct pack *p = pack_new(MEM_ZSETS);
    for (size_t i = 0; i < b->count; i++) {
        const struct zset_block *block = zset_word_block(b->words[i]);
        p = zset_pack_append(p, zset_block_member(block), block->score);
    }
    proven(zset_pack_count(p) == b->count);
    return (struct value){p, TYPE_ZSET, VALUE_PACK};
}

struct value zset_builder_end(struct zset_builder *b, const struct value_limits *limits) {
    struct value v = {NULL, TYPE_ZSET, VALUE_PACK};
    proven(b->zset && b->count == b->zset->table.count);
    if (b->count > 0) bring_in_order(b);
    if (b->count > 0 && fits_pack(b, limits)) {
        v = as_pack(b);
    } else if (b->count > 0) {
        proven(b->zset->tree.count == 0);
        tree_build(&b->zset->tree, b->words, NULL, b->count);
        v = (struct value){b->zset, TYPE_ZSET, VALUE_HEAD};
        b->zset = zset_new(NULL);
    }
    zset_builder_release(b);
    return v;
}
