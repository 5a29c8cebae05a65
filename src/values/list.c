#include "values/kind.h"
#include "values/list_int.h"

#include "values/defrag.h"
#include "wire/rdb.h"

/* ---- thresholds ---- */
#define COUNTED_PACK_BYTES 8192 /* of a pack whose elements are counted: a large count may not make large packs */

struct list_limit list_limit_of(const struct value_limits *limits) {
    int64_t size = limits->list_max_listpack_size;
    if (size < 0) return (struct list_limit){(size_t)2048 << (size < -5 ? 5 : -size), SIZE_MAX};
    struct list_limit limit = {COUNTED_PACK_BYTES, size ? (size_t)size : 1};
    proven(limit.count > 0);
    return limit;
}

struct list_limit list_node_limit_of(const struct value_limits *limits) {
    struct list_limit limit = list_limit_of(limits);
    if (limit.bytes > LIST_NODE_BYTES) limit.bytes = LIST_NODE_BYTES;
    if (limit.count > LIST_NODE_COUNT) limit.count = LIST_NODE_COUNT;
    proven(limit.bytes > 0);
    return limit;
}

/* Whether the pack, of a tree, takes one more of len bytes. */
static bool has_room(const struct value_edit *e, const struct pack *p, size_t len) {
    struct list_limit limit = list_node_limit_of(e->limits);
    debug_proven(len <= LIST_ELEMENT_MAX);
    return pack_bytes(p) + list_element_bytes(len) <= limit.bytes && pack_count(p) < limit.count;
}

bool list_holds(struct slice text) {
    enum { SURE = 1 << 20 };
    if (likely(text.len < SURE)) return true;
    if (text.len > LIST_ELEMENT_MAX) return false;
    size_t n = text.len + PACK_BYTES_EMPTY + PACK_ELEMENT_MAX;
    void *probe = mem_try_alloc(MEM_LISTS, n);
    mem_free(MEM_LISTS, probe, probe ? n : 0);
    return probe != NULL;
}

/* ---- trees ---- */
static struct list *tree_list_new(const struct frozen *f) {
    struct list *l = mem_alloc(MEM_LISTS, sizeof *l);
    *l = (struct list){.head = {.birth = frozen_birth(f)}};
    tree_init(&l->packs, NULL, true, MEM_LISTS);
    debug_proven(!frozen_shared(f, l->head.birth));
    return l;
}

/* How many elements the next part of the pack takes: all when that is no more than a quarter too long. */
static size_t part_count(const struct pack *p) {
    size_t bytes = pack_bytes(p), count = pack_count(p), first = count * LIST_NODE_BYTES / bytes;
    debug_proven(count > 0);
    if (bytes <= LIST_NODE_BYTES + LIST_NODE_BYTES / 4 && count <= LIST_NODE_COUNT + LIST_NODE_COUNT / 4) return count;
    if (first > LIST_NODE_COUNT) first = LIST_NODE_COUNT;
    return first ? first : 1;
}

void list_add_parts(struct value_edit *e, struct pack *p) {
    struct tree *packs = &list_of(e->value)->packs;
    struct tree_cursor c;
    proven(!pack_empty(p));
    for (struct pack *rest = NULL;; p = rest, rest = NULL) {
        size_t first = part_count(p);
        if (first < pack_count(p)) p = pack_split(MEM_LISTS, p, pack_at(p, (int64_t)first), &rest);
        tree_end(packs, &c);
        list_add_pack(e, &c, p);
        if (!rest) return;
    }
}

struct list *list_to_tree(struct value_edit *e) {
    proven(e->value.form == VALUE_PACK && e->value.type == TYPE_LIST);
    struct pack *p = e->value.ptr;
    e->value.ptr = tree_list_new(e->f);
    e->value.form = VALUE_HEAD;
    if (p) list_add_parts(e, p);
    return e->value.ptr;
}

void list_expect(struct value_edit *e, size_t bytes, size_t count) {
    proven(e->value.type == TYPE_LIST);
    if (e->value.form == VALUE_HEAD) return;
    struct list_limit limit = list_limit_of(e->limits);
    const struct pack *p = e->value.ptr;
    size_t had_bytes = p ? pack_bytes(p) : PACK_BYTES_EMPTY, had = p ? pack_count(p) : 0;
    if (had_bytes + bytes > limit.bytes || had + count > limit.count)
        list_to_tree(e);
    else if (!p)
        e->value.ptr = pack_new(MEM_LISTS);
}

/* The elements of all packs in one that is new. */
static struct pack *gathered(const struct tree *packs) {
    struct pack *all = pack_new(MEM_LISTS);
    struct tree_cursor c;
    for (bool any = tree_first(packs, &c); any; any = tree_next(&c)) {
        const struct pack *p = list_pack_at(&c);
        void *copy = mem_alloc(MEM_LISTS, pack_bytes(p));
        all = pack_merge(MEM_LISTS, all, memcpy(copy, p, pack_bytes(p)));
    }
    proven(pack_count(all) == packs->weight);
    return all;
}

void list_to_pack(struct value_edit *e, unsigned part) {
    if (!e->value.ptr || e->value.form != VALUE_HEAD) return;
    const struct list *l = list_of(e->value);
    struct list_limit limit = list_limit_of(e->limits);
    proven(part > 0 && l->packs.count > 0);
    if (l->pack_bytes > limit.bytes / part || l->packs.weight > limit.count / part) return;
    debug_proven(!frozen_shared(e->f, l->head.birth));
    struct pack *p = gathered(&l->packs);
    value_drop_whole(e);
    e->value.ptr = p;
}

/* At half of what makes a tree, so that a list at the border does not change its form with every command. */
void list_shrink(struct value_edit *e) {
    debug_proven(e->value.type == TYPE_LIST);
    if (e->value.form == VALUE_HEAD && list_of(e->value)->packs.count == 0)
        value_drop_whole(e);
    else
        list_to_pack(e, 2);
}

struct pack *list_open(struct value_edit *e, const struct tree_cursor *c) {
    struct list *l = list_of(e->value);
    struct pack *p = list_pack_at(c);
    size_t n = pack_bytes(p);
    proven(l->pack_bytes >= mem_good_size(n));
    l->pack_bytes -= mem_good_size(n);
    debug_proven(!frozen_shared(e->f, l->head.birth));
    if (likely(!e->f) || !tree_item_shared(c, e->f)) return p;
    struct pack *copy = mem_alloc(MEM_LISTS, n);
    memcpy(copy, p, n);
    value_drop(e, p, n, true);
    return copy;
}

void list_close(struct value_edit *e, struct tree_cursor *c, struct pack *p, size_t count) {
    struct list *l = list_of(e->value);
    debug_proven(pack_count(p) == count);
    if (unlikely(count == 0)) {
        tree_remove(&l->packs, e->f, c);
        value_drop(e, p, pack_bytes(p), false);
        return;
    }
    l->pack_bytes += mem_good_size(pack_bytes(p));
    tree_set(&l->packs, e->f, c, (uintptr_t)p, (uint32_t)count);
}

void list_add_pack(struct value_edit *e, struct tree_cursor *c, struct pack *p) {
    struct list *l = list_of(e->value);
    size_t count = pack_count(p);
    proven(count > 0 && count <= TREE_WEIGHT_MAX);
    l->pack_bytes += mem_good_size(pack_bytes(p));
    tree_insert(&l->packs, e->f, c, (uintptr_t)p, (uint32_t)count);
}

/* ---- reading ---- */
uint64_t list_length(struct value v) {
    proven(v.type == TYPE_LIST);
    if (!v.ptr) return 0;
    return v.form == VALUE_PACK ? pack_count(v.ptr) : list_of(v)->packs.weight;
}

struct list_sought list_sought_of(struct slice text) {
    debug_proven(text.ptr || text.len == 0);
    struct list_sought s = {.text = text};
    s.is_integer = num_parse_i64(text, &s.integer);
    return s;
}

void list_seek(struct value v, uint64_t index, struct list_cursor *c) {
    proven(index < list_length(v));
    c->in_tree = v.form == VALUE_HEAD;
    c->pack = v.ptr;
    if (c->in_tree) {
        tree_at(&list_of(v)->packs, &c->place, index);
        c->pack = list_pack_at(&c->place);
        index -= c->place.position;
    }
    c->at = pack_at(c->pack, (int64_t)index);
    proven(c->at != 0);
}

bool list_next(struct list_cursor *c) {
    debug_proven(c->at);
    c->at = pack_next(c->pack, c->at);
    if (likely(c->at) || !c->in_tree || !tree_next(&c->place)) return c->at != 0;
    c->pack = list_pack_at(&c->place);
    c->at = pack_first(c->pack);
    return true;
}

bool list_prev(struct list_cursor *c) {
    debug_proven(c->at);
    c->at = pack_prev(c->pack, c->at);
    if (likely(c->at) || !c->in_tree || !tree_prev(&c->place)) return c->at != 0;
    c->pack = list_pack_at(&c->place);
    c->at = pack_last(c->pack);
    return true;
}

struct slice list_text(const struct list_cursor *c, char *scratch) {
    debug_proven(c->at);
    return pack_text(c->pack, c->at, scratch);
}

bool list_matches(const struct list_cursor *c, const struct list_sought *sought) {
    debug_proven(c->at);
    struct pack_item item = pack_get(c->pack, c->at);
    if (item.is_integer) return sought->is_integer && item.integer == sought->integer;
    return slice_equal(item.text, sought->text);
}

/* ---- one element ---- */
static struct pack *pack_of_one(struct slice text) {
    proven(text.len <= LIST_ELEMENT_MAX);
    return pack_append(MEM_LISTS, pack_new(MEM_LISTS), text);
}

static void tree_push(struct value_edit *e, enum list_end end, struct slice text) {
    struct list *l = list_of(e->value);
    struct tree_cursor c;
    bool any = end == LIST_TAIL ? tree_last(&l->packs, &c) : tree_first(&l->packs, &c);
    proven(any == (l->packs.count > 0));
    debug_proven(!frozen_shared(e->f, l->head.birth));
    if (any && has_room(e, list_pack_at(&c), text.len)) {
        struct pack *p = list_open(e, &c);
        p = end == LIST_TAIL ? pack_append(MEM_LISTS, p, text) : pack_prepend(MEM_LISTS, p, text);
        list_close(e, &c, p, pack_count(p));
        return;
    }
    if (end == LIST_TAIL) tree_end(&l->packs, &c);
    list_add_pack(e, &c, pack_of_one(text));
}

void list_push(struct value_edit *e, enum list_end end, struct slice text) {
    proven(text.len <= LIST_ELEMENT_MAX);
    list_expect(e, text.len, 1);
    struct pack *p = e->value.ptr;
    if (e->value.form == VALUE_HEAD)
        tree_push(e, end, text);
    else
        e->value.ptr = end == LIST_TAIL ? pack_append(MEM_LISTS, p, text) : pack_prepend(MEM_LISTS, p, text);
}

/* Into the cursor's pack, before its element at `offset` (or behind its last). */
static void insert_inside(struct value_edit *e, struct tree_cursor *c, uint64_t offset, struct slice text) {
    struct pack *p = list_open(e, c);
    proven(offset <= pack_count(p));
    p = pack_insert(MEM_LISTS, p, pack_at(p, (int64_t)offset), text);
    list_close(e, c, p, pack_count(p));
}

/* Cuts the cursor's pack in two before the element at `offset`, which is not its first. */
static void split(struct value_edit *e, struct tree_cursor *c, uint64_t offset) {
    struct pack *tail, *p = list_open(e, c);
    proven(offset > 0 && offset < pack_count(p));
    p = pack_split(MEM_LISTS, p, pack_at(p, (int64_t)offset), &tail);
    list_close(e, c, p, pack_count(p));
    tree_next(c);
    list_add_pack(e, c, tail);
}

/* Between the cursor's pack and the one before it: behind the last element of that, if it has room. */
static void insert_between(struct value_edit *e, struct tree_cursor *c, struct slice text) {
    struct tree_cursor before = *c;
    debug_proven(tree_valid(c));
    if (tree_prev(&before) && has_room(e, list_pack_at(&before), text.len))
        insert_inside(e, &before, tree_weight(&before), text);
    else
        list_add_pack(e, c, pack_of_one(text));
}

/* A full pack is halved until one half has room; a text that no pack would take is put where the pack is cut. */
static void tree_insert_element(struct value_edit *e, uint64_t index, struct slice text) {
    struct tree *packs = &list_of(e->value)->packs;
    bool is_long = list_element_bytes(text.len) + PACK_BYTES_EMPTY > list_node_limit_of(e->limits).bytes;
    for (;;) {
        struct tree_cursor c;
        proven(tree_at(packs, &c, index));
        uint64_t offset = index - c.position;
        if (has_room(e, list_pack_at(&c), text.len)) {
            insert_inside(e, &c, offset, text);
            return;
        }
        if (offset == 0) {
            insert_between(e, &c, text);
            return;
        }
        split(e, &c, is_long ? offset : tree_weight(&c) / 2);
    }
}

void list_insert(struct value_edit *e, uint64_t index, struct slice text) {
    uint64_t length = list_length(e->value);
    proven(index <= length);
    if (index == length) {
        list_push(e, LIST_TAIL, text);
        return;
    }
    list_expect(e, text.len, 1);
    struct pack *p = e->value.ptr;
    if (e->value.form == VALUE_PACK)
        e->value.ptr = pack_insert(MEM_LISTS, p, pack_at(p, (int64_t)index), text);
    else
        tree_insert_element(e, index, text);
}

/* The only element of its pack: the pack is not copied for a snapshot, which may be a long one. */
static void replace_alone(struct value_edit *e, struct tree_cursor *c, struct slice text) {
    struct list *l = list_of(e->value);
    struct pack *old = list_pack_at(c), *p = pack_of_one(text);
    bool shared = e->f && tree_item_shared(c, e->f);
    proven(tree_weight(c) == 1);
    l->pack_bytes -= mem_good_size(pack_bytes(old));
    proven((l->pack_bytes == 0) == (l->packs.count == 1));
    list_close(e, c, p, 1);
    value_drop(e, old, pack_bytes(old), shared);
}

/* What the element takes at least. */
static size_t taken_at_least(const struct pack *p, pack_pos at) {
    struct pack_item item = pack_get(p, at);
    debug_proven(at && (!item.is_integer || item.text.len == 0));
    return item.text.len + 2;
}

static void tree_replace(struct value_edit *e, uint64_t index, struct slice text) {
    struct tree_cursor c;
    proven(tree_at(&list_of(e->value)->packs, &c, index));
    const struct pack *seen = list_pack_at(&c);
    size_t count = tree_weight(&c);
    pack_pos at = pack_at(seen, (int64_t)(index - c.position));
    if (count == 1) {
        replace_alone(e, &c, text);
    } else if (pack_bytes(seen) - taken_at_least(seen, at) + list_element_bytes(text.len) <=
               list_node_limit_of(e->limits).bytes) {
        list_close(e, &c, pack_replace(MEM_LISTS, list_open(e, &c), at, text), count);
    } else {
        list_cut(e, index, 1);
        list_insert(e, index, text);
    }
}

void list_replace(struct value_edit *e, uint64_t index, struct slice text) {
    proven(index < list_length(e->value) && text.len <= LIST_ELEMENT_MAX);
    list_expect(e, text.len, 1);
    if (e->value.form == VALUE_HEAD) {
        tree_replace(e, index, text);
        list_shrink(e);
    } else {
        struct pack *p = e->value.ptr;
        e->value.ptr = pack_replace(MEM_LISTS, p, pack_at(p, (int64_t)index), text);
    }
}

/* ---- the kind ---- */
static void head_free(void *head) {
    struct list *l = head;
    struct tree_cursor c;
    for (bool any = tree_first(&l->packs, &c); any; any = tree_next(&c)) pack_free(MEM_LISTS, list_pack_at(&c));
    tree_release(&l->packs);
    proven(l->packs.bytes == 0);
    mem_free(MEM_LISTS, l, sizeof *l);
}

/* No node is smaller than 64 bytes. */
static size_t head_blocks(const void *head) {
    const struct list *l = head;
    debug_proven(l->packs.weight >= l->packs.count);
    return 1 + l->packs.count + l->packs.bytes / 64;
}

static size_t head_memory(const void *head) {
    const struct list *l = head;
    debug_proven(!l->packs.count == !l->pack_bytes);
    return mem_good_size(sizeof *l) + l->packs.bytes + l->pack_bytes;
}

static void *head_fork(void *head, struct frozen *f) {
    struct list *old = head, *l = mem_alloc(MEM_LISTS, sizeof *l);
    proven(f && f->live && frozen_shared(f, old->head.birth));
    *l = *old;
    l->head.birth = frozen_birth(f);
    tree_copy_head(&l->packs, &old->packs);
    frozen_limbo(f, MEM_LISTS, old, sizeof *old, 0);
    return l;
}

static void *head_copy(const void *head) {
    const struct list *l = head;
    struct list *copy = tree_list_new(NULL);
    size_t n = l->packs.count, at = 0;
    proven(n > 0);
    uint64_t *words = mem_alloc(MEM_LISTS, n * sizeof *words);
    uint32_t *weights = mem_alloc(MEM_LISTS, n * sizeof *weights);
    struct tree_cursor c;
    for (bool any = tree_first(&l->packs, &c); any; any = tree_next(&c), at++) {
        size_t bytes = pack_bytes(list_pack_at(&c));
        void *p = mem_alloc(MEM_LISTS, bytes);
        words[at] = (uintptr_t)memcpy(p, list_pack_at(&c), bytes);
        weights[at] = tree_weight(&c);
    }
    proven(at == n);
    tree_build(&copy->packs, words, weights, n);
    proven(copy->packs.weight == l->packs.weight);
    copy->pack_bytes = l->pack_bytes;
    mem_free(MEM_LISTS, words, n * sizeof *words);
    mem_free(MEM_LISTS, weights, n * sizeof *weights);
    return copy;
}

static uint64_t defrag_pack(void *arg, uint64_t word) {
    struct pack *p = (struct pack *)(uintptr_t)word;
    debug_proven(p != NULL);
    return (uintptr_t)mem_defrag(arg, MEM_LISTS, p, pack_bytes(p));
}

static void *head_defrag(void *head, struct value_defrag *d) {
    struct list *l = head;
    proven(l->packs.count > 0);
    if (d->stage == 0) {
        d->stage = 1;
        return mem_defrag(d->mem, MEM_LISTS, l, sizeof *l);
    }
    d->cursor = tree_defrag(&l->packs, d->cursor, d->mem, defrag_pack, d->mem);
    d->done = d->cursor == 0;
    return l;
}

static size_t count(struct value v) {
    debug_proven(v.ptr);
    return list_length(v);
}

static const char *encoding(struct value v) {
    debug_proven(v.ptr && v.form != VALUE_INTS);
    return v.form == VALUE_PACK ? "listpack" : "quicklist";
}

static void each(struct value v, int64_t now_ms, void (*visit)(void *arg, const struct value_element *element),
                 void *arg) {
    char scratch[NUM_TEXT_MAX];
    struct list_cursor c;
    (void)now_ms;
    proven(list_length(v) > 0);
    list_seek(v, 0, &c);
    do {
        struct value_element element = {.text = list_text(&c, scratch), .expire_at = -1};
        visit(arg, &element);
    } while (list_next(&c));
}

static const uint8_t rdb_types[] = {RDB_TYPE_LIST, RDB_TYPE_LIST_ZIPLIST, RDB_TYPE_LIST_QUICKLIST,
                                    RDB_TYPE_LIST_QUICKLIST_2, 0xff};

const struct value_kind list_kind = {
    .name = "list",
    .type = TYPE_LIST,
    .owner = MEM_LISTS,
    .rdb_types = rdb_types,
    .head_free = head_free,
    .head_blocks = head_blocks,
    .head_memory = head_memory,
    .head_fork = head_fork,
    .head_copy = head_copy,
    .head_defrag = head_defrag,
    .count = count,
    .encoding = encoding,
    .rdb_type = list_rdb_type,
    .rdb_write = list_rdb_write,
    .rdb_read = list_rdb_read,
    .each = each,
};
