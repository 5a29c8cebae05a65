#include "values/kind.h"
#include "values/zset_int.h"

#include "values/defrag.h"
#include "wire/rdb.h"

#include <math.h>

/* ---- blocks ---- */
size_t zset_block_size(size_t member_len) {
    debug_proven(member_len <= UINT32_MAX);
    size_t n = sizeof(struct zset_block) + (member_len <= ZSET_SHORT_MAX ? 1 : 5) + member_len;
    return n < 16 ? 16 : n;
}

struct zset_block *zset_block_try_new(struct slice member, double score) {
    proven(member.len <= UINT32_MAX && !isnan(score));
    struct zset_block *b = mem_try_alloc(MEM_ZSETS, zset_block_size(member.len));
    if (!b) return NULL;
    unsigned char *to = b->rest + 1;
    b->score = score;
    b->rest[0] = member.len <= ZSET_SHORT_MAX ? (unsigned char)member.len : 0xff;
    if (member.len > ZSET_SHORT_MAX) {
        uint32_t len = (uint32_t)member.len;
        memcpy(to, &len, 4);
        to += 4;
    }
    if (member.len) memcpy(to, member.ptr, member.len);
    return b;
}

struct zset_block *zset_block_new(struct slice member, double score) {
    struct zset_block *b = zset_block_try_new(member, score);
    proven(b != NULL);
    return b;
}

static size_t block_bytes(const struct zset_block *b) { return zset_block_size(zset_block_member(b).len); }

static uint64_t block_hash(const void *entry, const void *hash_arg) {
    (void)hash_arg;
    return value_hash(zset_block_member(entry));
}

static uint64_t block_key(uint64_t word) { return zset_key_of_score(zset_word_block(word)->score); }

int zset_order(double a_score, struct slice a, double b_score, struct slice b) {
    debug_proven(!isnan(a_score) && !isnan(b_score));
    if (a_score != b_score) return a_score < b_score ? -1 : 1;
    return slice_compare(a, b);
}

static bool member_before(uint64_t word, const void *arg) {
    return slice_compare(zset_block_member(zset_word_block(word)), *(const struct slice *)arg) < 0;
}

struct tree_bound zset_bound(double score, const struct slice *member) {
    debug_proven(!isnan(score));
    return (struct tree_bound){zset_key_of_score(score), member_before, member};
}

/* ---- heads ---- */
struct zset *zset_new(const struct frozen *f) {
    struct zset *z = mem_alloc(MEM_ZSETS, sizeof *z);
    z->head.birth = frozen_birth(f);
    z->item_bytes = 0;
    tree_init(&z->tree, block_key, false, MEM_ZSETS);
    table_init(&z->table, block_hash, NULL, MEM_ZSETS);
    return z;
}

static void free_entry(void *arg, table_slot *slot) {
    struct zset_block *b = table_slot_entry(slot);
    (void)arg;
    mem_free(MEM_ZSETS, b, block_bytes(b));
}

void zset_free(void *head) {
    struct zset *z = head;
    proven(z->tree.count == 0 || z->tree.count == z->table.count);
    table_each(&z->table, free_entry, NULL);
    table_release(&z->table);
    tree_release(&z->tree);
    mem_free(MEM_ZSETS, z, sizeof *z);
}

/* Nodes and segments hold several members each but for the first few. */
static size_t zset_blocks(const void *head) {
    const struct zset *z = head;
    debug_proven(z->tree.count == z->table.count);
    return z->tree.count + z->tree.count / 4 + 4;
}

static size_t zset_memory(const void *head) {
    const struct zset *z = head;
    debug_proven(z->tree.count == z->table.count);
    return mem_good_size(sizeof *z) + z->tree.bytes + z->table.bytes + z->item_bytes;
}

static void *zset_fork(void *head, struct frozen *f) {
    struct zset *old = head, *copy = mem_alloc(MEM_ZSETS, sizeof *copy);
    proven(frozen_shared(f, old->head.birth));
    copy->head.birth = frozen_birth(f);
    copy->item_bytes = old->item_bytes;
    tree_copy_head(&copy->tree, &old->tree);
    table_fork(&copy->table, &old->table, f);
    proven(copy->tree.count == copy->table.count && copy->table.count == old->table.count);
    frozen_limbo(f, MEM_ZSETS, old, sizeof *old, 0);
    return copy;
}

static void *zset_copy(const void *head) {
    struct zset_builder b;
    struct tree_cursor c;
    const struct zset *z = head;
    proven(z->tree.count > 0);
    zset_builder_init(&b);
    for (bool more = tree_first(&z->tree, &c); more; more = tree_next(&c)) {
        const struct zset_block *block = zset_word_block(tree_word(&c));
        proven(zset_builder_add(&b, zset_block_member(block), block->score));
    }
    proven(b.count == z->tree.count);
    return zset_builder_end(&b, NULL).ptr;
}

static bool is_member(const void *entry, const void *arg) {
    debug_proven(entry && arg);
    return slice_equal(zset_block_member(entry), *(const struct slice *)arg);
}

table_slot *zset_find(const struct zset *z, struct slice member, uint64_t *hash) {
    *hash = value_hash(member);
    return table_find(&z->table, *hash, is_member, &member);
}

/* ---- defragmentation ---- */
struct zset_defrag {
    struct zset *zset;
    struct mem_defrag *mem;
};

static uint64_t defrag_block(void *arg, uint64_t word) {
    const struct zset_defrag *d = arg;
    struct zset_block *b = zset_word_block(word);
    uint64_t hash;
    if (!mem_defrag_wanted(d->mem, b)) return word;
    table_slot *slot = zset_find(d->zset, zset_block_member(b), &hash);
    proven(slot && table_slot_entry(slot) == b);
    b = mem_defrag_move(d->mem, MEM_ZSETS, b, block_bytes(b), 0);
    table_slot_moved(slot, b);
    return zset_block_word(b);
}

static struct zset *defrag_head(struct zset *z, struct mem_defrag *d) {
    z = mem_defrag(d, MEM_ZSETS, z, sizeof *z);
    table_relocated(&z->table);
    table_defrag_directory(&z->table, d);
    debug_proven(z->tree.count == z->table.count);
    return z;
}

static void *zset_defrag(void *head, struct value_defrag *d) {
    struct zset *z = head;
    struct zset_defrag blocks = {z, d->mem};
    proven(z->tree.count > 0);
    switch (d->stage) {
    case 0:
        d->stage = 1;
        return defrag_head(z, d->mem);
    case 1:
        d->cursor = tree_defrag(&z->tree, d->cursor, d->mem, defrag_block, &blocks);
        if (d->cursor == 0) d->stage = 2;
        return z;
    default:
        d->cursor = table_defrag(&z->table, d->cursor, d->mem, NULL, NULL);
        d->done = d->cursor == 0;
        return z;
    }
}

/* ---- reading ---- */
size_t zset_count(struct value v) {
    proven(!v.ptr || v.type == TYPE_ZSET);
    if (!v.ptr) return 0;
    return v.form == VALUE_HEAD ? ((const struct zset *)v.ptr)->tree.count : zset_pack_count(v.ptr);
}

bool zset_score(struct value v, struct slice member, double *score) {
    proven(!v.ptr || v.type == TYPE_ZSET);
    if (!v.ptr) return false;
    if (v.form == VALUE_PACK) {
        pack_pos at = zset_pack_find(v.ptr, member);
        if (at) *score = zset_pack_score(v.ptr, pack_next(v.ptr, at));
        return at != 0;
    }
    uint64_t hash;
    const table_slot *slot = zset_find(v.ptr, member, &hash);
    if (slot) *score = ((const struct zset_block *)table_slot_entry(slot))->score;
    return slot != NULL;
}

static const char *zset_encoding(struct value v) {
    proven(v.ptr != NULL);
    return v.form == VALUE_HEAD ? "skiplist" : "listpack";
}

static void zset_each(struct value v, int64_t now_ms, void (*visit)(void *arg, const struct value_element *element),
                      void *arg) {
    struct zset_walk w;
    struct zset_item item;
    (void)now_ms;
    debug_proven(v.ptr != NULL);
    for (zset_walk_ranks(&w, v, 0, zset_count(v), false); zset_walk_next(&w, &item);) {
        struct value_element element = {.text = item.member, .score = item.score, .expire_at = -1};
        visit(arg, &element);
    }
}

/* ---- the rules of adding ---- */
/* What becomes of a member that has the score `old`: MOVED with the new score, SAME, REFUSED or NAN. */
static enum zset_added decide(double old, double *score, unsigned flags) {
    debug_proven(!isnan(old) && !isnan(*score));
    double new = flags &ZSET_INCREMENT ? old + *score : *score;
    if (flags & ZSET_NEW_ONLY) return ZSET_REFUSED;
    if (isnan(new)) return ZSET_NAN;
    if ((flags & ZSET_GREATER && new <= old) || (flags & ZSET_LESS && new >= old)) return ZSET_REFUSED;
    *score = new;
    return new == old ? ZSET_SAME : ZSET_MOVED;
}

/* ---- changing heads ---- */
/* The tree's cursor at this block, which is in it. */
static void seek_block(const struct zset *z, const struct zset_block *b, struct tree_cursor *c) {
    struct slice member = zset_block_member(b);
    struct tree_bound bound = zset_bound(b->score, &member);
    bool found = tree_seek(&z->tree, c, &bound);
    proven(found && tree_word(c) == zset_block_word(b));
}

static void tree_put(struct zset *z, struct frozen *f, const struct zset_block *b) {
    struct slice member = zset_block_member(b);
    struct tree_bound bound = zset_bound(b->score, &member);
    struct tree_cursor c;
    tree_seek(&z->tree, &c, &bound);
    debug_proven(!tree_valid(&c) || tree_word(&c) != zset_block_word(b));
    tree_insert(&z->tree, f, &c, zset_block_word(b), 1);
    debug_proven(z->tree.count <= z->table.count);
}

static void head_insert(struct value_edit *e, uint64_t hash, struct slice member, double score) {
    struct zset *z = e->value.ptr;
    struct zset_block *b = zset_block_new(member, score);
    debug_proven(!frozen_shared(e->f, z->head.birth));
    z->item_bytes += mem_good_size(zset_block_size(member.len));
    table_insert(&z->table, e->f, hash, b, 0);
    tree_put(z, e->f, b);
    debug_proven(z->tree.count == z->table.count);
}

/* Whether the item may have this score where the cursor stands: neighbours in other leaves count as in the way. */
static bool keeps_place(const struct tree_cursor *c, double score) {
    const struct tree_node *leaf = c->node[0];
    unsigned i = c->index[0];
    if (i == 0 || i + 1u == leaf->count) return false;
    debug_proven(i + 1u < leaf->count);
    return zset_word_block(leaf->words[i - 1])->score < score && score < zset_word_block(leaf->words[i + 1])->score;
}

static void head_move(struct value_edit *e, uint64_t hash, table_slot *slot, double score) {
    struct zset *z = e->value.ptr;
    struct zset_block *old = table_slot_entry(slot), *new = old;
    bool shared = table_forked_entry_shared(&z->table, e->f, hash, slot);
    struct tree_cursor c;
    debug_proven((!shared || e->f) && !frozen_shared(e->f, z->head.birth));
    seek_block(z, old, &c);
    if (shared) new = zset_block_new(zset_block_member(old), score);
    if (keeps_place(&c, score)) {
        tree_set(&z->tree, e->f, &c, zset_block_word(new), 1);
        new->score = score;
    } else {
        tree_remove(&z->tree, e->f, &c);
        new->score = score;
        tree_put(z, e->f, new);
    }
    if (!shared) return;
    slot = table_writable(&z->table, e->f, hash, slot);
    table_slot_replace(&z->table, slot, new);
    value_drop(e, old, block_bytes(old), true);
    debug_proven(z->tree.count == z->table.count);
}

static enum zset_added head_add(struct value_edit *e, struct slice member, double *score, unsigned flags) {
    struct zset *z = e->value.ptr;
    uint64_t hash;
    table_slot *slot = zset_find(z, member, &hash);
    if (!slot) {
        if (flags & ZSET_OLD_ONLY) return ZSET_REFUSED;
        head_insert(e, hash, member, *score);
        return ZSET_ADDED;
    }
    const struct zset_block *b = table_slot_entry(slot);
    enum zset_added added = decide(b->score, score, flags);
    if (added == ZSET_MOVED) head_move(e, hash, slot, *score);
    return added;
}

/* The block has left the tree. */
static void table_drop(struct value_edit *e, struct zset_block *b, uint64_t hash, table_slot *slot) {
    struct zset *z = e->value.ptr;
    bool shared = table_forked_entry_shared(&z->table, e->f, hash, slot);
    size_t n = block_bytes(b);
    debug_proven(table_slot_entry(slot) == b);
    table_remove(&z->table, e->f, hash, slot);
    proven(z->item_bytes >= mem_good_size(n));
    z->item_bytes -= mem_good_size(n);
    value_drop(e, b, n, shared);
}

static bool head_remove(struct value_edit *e, struct slice member) {
    struct zset *z = e->value.ptr;
    struct tree_cursor c;
    uint64_t hash;
    table_slot *slot = zset_find(z, member, &hash);
    if (!slot) return false;
    if (z->tree.count == 1) {
        value_drop_whole(e);
        return true;
    }
    debug_proven(!frozen_shared(e->f, z->head.birth));
    struct zset_block *b = table_slot_entry(slot);
    seek_block(z, b, &c);
    tree_remove(&z->tree, e->f, &c);
    table_drop(e, b, hash, slot);
    debug_proven(z->tree.count == z->table.count);
    return true;
}

static void drop_word(void *arg, uint64_t word, bool shared) {
    struct value_edit *e = arg;
    struct zset_block *b = zset_word_block(word);
    uint64_t hash;
    table_slot *slot = zset_find(e->value.ptr, zset_block_member(b), &hash);
    (void)shared; /* the table knows better */
    proven(slot != NULL);
    table_drop(e, b, hash, slot);
}

/* ---- changing packs ---- */
static void convert(struct value_edit *e) {
    struct zset_builder b;
    struct zset_walk w;
    struct zset_item item;
    struct value v = e->value;
    proven(v.ptr && v.form == VALUE_PACK);
    zset_builder_init(&b);
    for (zset_walk_ranks(&w, v, 0, zset_count(v), false); zset_walk_next(&w, &item);)
        proven(zset_builder_add(&b, item.member, item.score));
    proven(b.count == zset_count(v));
    value_drop_whole(e);
    e->value = zset_builder_end(&b, NULL);
    ((struct zset *)e->value.ptr)->head.birth = frozen_birth(e->f);
}

static bool outgrows(const struct value_edit *e, struct slice member) {
    const struct pack *p = e->value.ptr;
    size_t count = p ? zset_pack_count(p) : 0, more = member.len + NUM_DOUBLE_TEXT_MAX + (size_t)2 * PACK_ELEMENT_MAX;
    proven(e->value.form == VALUE_PACK);
    if ((int64_t)count + 1 > e->limits->zset_max_listpack_entries) return true;
    if ((int64_t)member.len > e->limits->zset_max_listpack_value) return true;
    return p ? !pack_fits(p, more) : more > PACK_BYTES_MAX / 2;
}

static void insert_new(struct value_edit *e, struct slice member, double score) {
    if (!outgrows(e, member)) {
        struct pack *p = e->value.ptr ? e->value.ptr : pack_new(MEM_ZSETS);
        e->value.ptr = zset_pack_insert(p, member, score);
        return;
    }
    if (e->value.ptr)
        convert(e);
    else
        e->value = (struct value){zset_new(e->f), TYPE_ZSET, VALUE_HEAD};
    debug_proven(e->value.form == VALUE_HEAD);
    head_insert(e, value_hash(member), member, score);
}

static enum zset_added pack_add(struct value_edit *e, struct slice member, double *score, unsigned flags) {
    struct pack *p = e->value.ptr;
    pack_pos at = p ? zset_pack_find(p, member) : 0;
    debug_proven(e->value.form == VALUE_PACK);
    if (!at) {
        if (flags & ZSET_OLD_ONLY) return ZSET_REFUSED;
        insert_new(e, member, *score);
        return ZSET_ADDED;
    }
    debug_proven(pack_count(p) % 2 == 0);
    double old = zset_pack_score(p, pack_next(p, at));
    enum zset_added added = decide(old, score, flags);
    if (added == ZSET_MOVED) e->value.ptr = zset_pack_insert(pack_delete(MEM_ZSETS, p, at, 2), member, *score);
    return added;
}

/* n members from position `at` on. */
static void pack_drop(struct value_edit *e, pack_pos at, size_t n) {
    struct pack *p = e->value.ptr;
    proven(at != 0 && e->value.form == VALUE_PACK);
    if (n == zset_pack_count(p))
        value_drop_whole(e);
    else
        e->value.ptr = pack_delete(MEM_ZSETS, p, at, 2 * n);
}

/* ---- changing ---- */
enum zset_added zset_add(struct value_edit *e, struct slice member, double *score, unsigned flags) {
    proven(e->value.type == TYPE_ZSET && !isnan(*score));
    if (!e->value.ptr) e->value.form = VALUE_PACK;
    return e->value.form == VALUE_HEAD ? head_add(e, member, score, flags) : pack_add(e, member, score, flags);
}

bool zset_remove(struct value_edit *e, struct slice member) {
    proven(e->value.type == TYPE_ZSET);
    if (!e->value.ptr) return false;
    if (e->value.form == VALUE_HEAD) return head_remove(e, member);
    pack_pos at = zset_pack_find(e->value.ptr, member);
    if (at) pack_drop(e, at, 1);
    return at != 0;
}

void zset_remove_ranks(struct value_edit *e, uint64_t from, uint64_t to) {
    size_t count = zset_count(e->value);
    proven(from <= to && to <= count);
    proven(e->value.type == TYPE_ZSET);
    if (from == to) return;
    if (e->value.form == VALUE_PACK) {
        pack_drop(e, pack_at(e->value.ptr, (int64_t)from * 2), to - from);
    } else if (to - from == count) {
        value_drop_whole(e);
    } else {
        struct zset *z = e->value.ptr;
        tree_cut(&z->tree, e->f, from, to, drop_word, e);
        proven(z->tree.count == z->table.count);
    }
}

/* ---- the kind ---- */
static const uint8_t rdb_types[] = {RDB_TYPE_ZSET, RDB_TYPE_ZSET_2, RDB_TYPE_ZSET_ZIPLIST, RDB_TYPE_ZSET_LISTPACK,
                                    0xff};

const struct value_kind zset_kind = {.name = "zset",
                                     .type = TYPE_ZSET,
                                     .owner = MEM_ZSETS,
                                     .rdb_types = rdb_types,
                                     .head_free = zset_free,
                                     .head_blocks = zset_blocks,
                                     .head_memory = zset_memory,
                                     .head_fork = zset_fork,
                                     .head_copy = zset_copy,
                                     .head_defrag = zset_defrag,
                                     .count = zset_count,
                                     .encoding = zset_encoding,
                                     .rdb_type = zset_rdb_type,
                                     .rdb_write = zset_rdb_write,
                                     .rdb_read = zset_rdb_read,
                                     .each = zset_each};
