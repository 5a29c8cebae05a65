#include "values/list_int.h"

/* ---- ranges ---- */
static void drop_pack(void *arg, uint64_t word, bool shared) {
    struct value_edit *e = arg;
    struct list *l = list_of(e->value);
    struct pack *p = (struct pack *)(uintptr_t)word;
    proven(l->pack_bytes >= mem_good_size(pack_bytes(p)));
    l->pack_bytes -= mem_good_size(pack_bytes(p));
    value_drop(e, p, pack_bytes(p), shared);
}

/* n elements of the cursor's pack from the one at `offset` on; some of it is left. */
static void cut_inside(struct value_edit *e, struct tree_cursor *c, uint64_t offset, uint64_t n) {
    size_t left = tree_weight(c) - (size_t)n;
    proven(n > 0 && left > 0);
    struct pack *p = list_open(e, c);
    p = pack_delete(MEM_LISTS, p, pack_at(p, (int64_t)offset), (size_t)n);
    list_close(e, c, p, left);
}

/* A part of the first pack, whole packs, a part of the last one. */
void list_cut(struct value_edit *e, uint64_t index, uint64_t n) {
    struct tree *packs = &list_of(e->value)->packs;
    struct tree_cursor c;
    proven(n > 0 && n < packs->weight && index <= packs->weight - n);
    tree_at(packs, &c, index);
    uint64_t offset = index - c.position, there = tree_weight(&c) - offset;
    if (offset > 0 || there > n) {
        uint64_t part = there < n ? there : n;
        cut_inside(e, &c, offset, part);
        n -= part;
    }
    if (n > 0) {
        tree_at(packs, &c, index + n);
        uint64_t rest = index + n - c.position;
        tree_cut(packs, e->f, index, index + n - rest, drop_pack, e);
        n = rest;
    }
    if (n > 0) {
        tree_at(packs, &c, index);
        cut_inside(e, &c, 0, n);
    }
    list_join(e, index);
}

/* Three quarters, so that joined packs are not split by the next element. */
void list_join(struct value_edit *e, uint64_t position) {
    struct tree *packs = &list_of(e->value)->packs;
    struct list_limit limit = list_node_limit_of(e->limits);
    struct tree_cursor c, before;
    proven(position <= packs->weight);
    if (position == 0 || !tree_at(packs, &c, position) || c.position != position) return;
    before = c;
    tree_prev(&before);
    if (pack_bytes(list_pack_at(&before)) + pack_bytes(list_pack_at(&c)) > limit.bytes / 4 * 3 ||
        tree_weight(&before) + tree_weight(&c) > limit.count - limit.count / 4)
        return;
    struct pack *b = list_open(e, &c);
    tree_remove(packs, e->f, &c);
    tree_at(packs, &c, position - 1);
    struct pack *a = pack_merge(MEM_LISTS, list_open(e, &c), b);
    debug_proven(a && pack_count(a) <= limit.count);
    list_close(e, &c, a, pack_count(a));
}

void list_delete(struct value_edit *e, uint64_t index, uint64_t n) {
    uint64_t length = list_length(e->value);
    struct pack *p = e->value.ptr;
    proven(n <= length && index <= length - n);
    if (n == 0) return;
    if (n == length) {
        value_drop_whole(e);
    } else if (e->value.form == VALUE_PACK) {
        e->value.ptr = pack_delete(MEM_LISTS, p, pack_at(p, (int64_t)index), (size_t)n);
    } else {
        list_cut(e, index, n);
        list_shrink(e);
    }
}

/* ---- equal elements ---- */
static bool equal_at(const struct pack *p, pack_pos at, const struct list_sought *sought) {
    struct list_cursor c = {.pack = p, .at = at};
    debug_proven(at);
    return list_matches(&c, sought);
}

/* At most `most` from the first on; neighbours go together. */
static struct pack *pack_delete_forward(struct pack *p, const struct list_sought *sought, uint64_t most) {
    proven(most > 0);
    pack_pos at = pack_find(p, pack_first(p), sought->text, 0);
    while (at && most > 0) {
        uint64_t run = 1;
        for (pack_pos next = pack_next(p, at); run < most && next && equal_at(p, next, sought); run++)
            next = pack_next(p, next);
        p = pack_delete(MEM_LISTS, p, at, (size_t)run);
        most -= run;
        at = pack_find(p, pack_standing(p, at), sought->text, 0);
    }
    return p;
}

/* The same from the last on. */
static struct pack *pack_delete_backward(struct pack *p, const struct list_sought *sought, uint64_t most) {
    proven(most > 0);
    pack_pos at = pack_last(p);
    while (at && most > 0) {
        if (!equal_at(p, at, sought)) {
            at = pack_prev(p, at);
            continue;
        }
        uint64_t run = 1;
        pack_pos first = at;
        while (run < most && first != pack_first(p) && equal_at(p, pack_prev(p, first), sought)) {
            first = pack_prev(p, first);
            run++;
        }
        p = pack_delete(MEM_LISTS, p, first, (size_t)run);
        most -= run;
        at = pack_prev(p, pack_standing(p, first));
    }
    return p;
}

static struct pack *pack_delete_equal(struct pack *p, const struct list_sought *sought, uint64_t most,
                                      enum list_end from) {
    debug_proven(!pack_empty(p));
    return from == LIST_HEAD ? pack_delete_forward(p, sought, most) : pack_delete_backward(p, sought, most);
}

/* In the cursor's pack. Leaves the cursor at the next pack to look at; false when there is none. */
static bool cut_equal(struct value_edit *e, struct tree_cursor *c, const struct list_sought *sought, uint64_t most,
                      enum list_end from) {
    struct tree *packs = &list_of(e->value)->packs;
    uint64_t position = c->position;
    struct pack *p = pack_delete_equal(list_open(e, c), sought, most, from);
    size_t left = pack_count(p);
    list_close(e, c, p, left);
    proven(position + left <= packs->weight);
    list_join(e, from == LIST_HEAD ? position : position + left);
    if (from == LIST_HEAD) return tree_at(packs, c, position + left);
    return position > 0 && tree_at(packs, c, position - 1);
}

static void tree_delete_equal(struct value_edit *e, const struct list_sought *sought, uint64_t most,
                              enum list_end from) {
    struct tree *packs = &list_of(e->value)->packs;
    uint64_t goal = packs->weight > most ? packs->weight - most : 0;
    struct tree_cursor c;
    bool any = from == LIST_HEAD ? tree_first(packs, &c) : tree_last(packs, &c);
    while (any && packs->weight > goal) {
        const struct pack *p = list_pack_at(&c);
        if (pack_find(p, pack_first(p), sought->text, 0))
            any = cut_equal(e, &c, sought, packs->weight - goal, from);
        else
            any = from == LIST_HEAD ? tree_next(&c) : tree_prev(&c);
    }
    proven(packs->weight >= goal);
}

uint64_t list_delete_equal(struct value_edit *e, const struct list_sought *sought, uint64_t most, enum list_end from) {
    uint64_t length = list_length(e->value);
    proven(length > 0);
    if (most == 0 || most > length) most = length;
    if (e->value.form == VALUE_HEAD) {
        tree_delete_equal(e, sought, most, from);
        if (list_of(e->value)->packs.weight < length) list_shrink(e);
    } else {
        e->value.ptr = pack_delete_equal(e->value.ptr, sought, most, from);
        if (pack_empty(e->value.ptr)) value_drop_whole(e);
    }
    return length - list_length(e->value);
}

/* ---- checks ---- */
void list_verify(struct value v, const struct value_limits *limits) {
    struct list_limit limit = list_limit_of(limits);
    struct tree_cursor c;
    size_t bytes = 0;
    if (!v.ptr) return;
    if (v.form == VALUE_PACK) {
        proven(!pack_empty(v.ptr) && pack_verify(v.ptr, pack_bytes(v.ptr), true));
        proven(pack_bytes(v.ptr) <= limit.bytes + PACK_ELEMENT_MAX && pack_count(v.ptr) <= limit.count);
        return;
    }
    const struct list *l = list_of(v);
    proven(l->packs.count > 0);
    tree_verify(&l->packs);
    for (bool any = tree_first(&l->packs, &c); any; any = tree_next(&c)) {
        const struct pack *p = list_pack_at(&c);
        proven(pack_verify(p, pack_bytes(p), true) && pack_count(p) == tree_weight(&c) && !pack_empty(p));
        proven(pack_count(p) == 1 || pack_count(p) <= limit.count);
        proven(pack_count(p) == 1 || pack_bytes(p) <= limit.bytes + PACK_ELEMENT_MAX);
        bytes += mem_good_size(pack_bytes(p));
    }
    proven(bytes == l->pack_bytes);
}
