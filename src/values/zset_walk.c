#include "values/zset_int.h"

#include <math.h>

/* A range of either kind, as both forms ask for it. */
struct range {
    const struct zset_scores *scores;   /* or NULL, and then */
    const struct zset_members *members; /* this */
};

/* ---- places ---- */
/* At the member of this rank. */
static void stand_at(struct zset_walk *w, uint64_t rank) {
    proven(rank < zset_count(w->value));
    w->rank = rank;
    if (w->value.form == VALUE_PACK) {
        w->at = pack_at(w->value.ptr, (int64_t)rank * 2);
        proven(w->at != 0);
    } else {
        bool found = tree_at(&((const struct zset *)w->value.ptr)->tree, &w->cursor, rank);
        proven(found);
    }
}

void zset_walk_ranks(struct zset_walk *w, struct value v, uint64_t from, uint64_t to, bool down) {
    proven(from <= to && to <= zset_count(v));
    w->value = v;
    w->down = down;
    w->left = to - from;
    w->rank = from;
    if (w->left) stand_at(w, down ? to - 1 : from);
}

void zset_walk_limit(struct zset_walk *w, uint64_t skip, uint64_t most) {
    if (skip >= w->left) {
        w->left = 0;
        return;
    }
    w->left -= skip;
    if (w->left > most) w->left = most;
    if (skip) stand_at(w, w->down ? w->rank - skip : w->rank + skip);
    debug_proven(w->rank < zset_count(w->value));
}

/* ---- ranges in a pack ---- */
static int side_of_scores(const struct zset_scores *r, double score) {
    debug_proven(!isnan(score));
    if (r->min_open ? score <= r->min : score < r->min) return -1;
    return r->max_open ? score >= r->max : score > r->max;
}

static bool above_border(const struct zset_border *b, struct slice member, bool or_at) {
    debug_proven(b->kind <= ZSET_HIGHEST);
    if (b->kind == ZSET_LOWEST || b->kind == ZSET_HIGHEST) return b->kind == ZSET_LOWEST;
    int order = slice_compare(member, b->text);
    return order > 0 || (or_at && order == 0);
}

static int side_of_members(const struct zset_members *r, struct slice member) {
    if (!above_border(&r->min, member, r->min.kind == ZSET_CLOSED)) return -1;
    return above_border(&r->max, member, r->max.kind == ZSET_OPEN);
}

/* -1 before the range, 0 in it, 1 behind it. */
static int side(const struct range *r, const struct pack *p, pack_pos at) {
    char scratch[NUM_TEXT_MAX];
    debug_proven(at != 0);
    if (r->scores) return side_of_scores(r->scores, zset_pack_score(p, pack_next(p, at)));
    return side_of_members(r->members, pack_text(p, at, scratch));
}

/* To the member beside; 0 when there is none. */
static pack_pos beside(const struct pack *p, pack_pos at, bool down) {
    debug_proven(at != 0);
    if (!down) return pack_next(p, pack_next(p, at));
    at = pack_prev(p, at);
    return at ? pack_prev(p, at) : 0;
}

static pack_pos pack_end(const struct pack *p, bool down) {
    proven(!pack_empty(p));
    return down ? pack_prev(p, pack_last(p)) : pack_first(p);
}

/* From the end where the walk begins: past those outside, and then to count those inside. */
static void pack_range(struct zset_walk *w, const struct range *r) {
    const struct pack *p = w->value.ptr;
    int outside = w->down ? 1 : -1, beyond = -outside;
    uint64_t passed = 0;
    pack_pos at = pack_end(p, w->down);
    while (at && side(r, p, at) == outside) {
        at = beside(p, at, w->down);
        passed++;
    }
    w->at = at;
    w->rank = w->down ? zset_pack_count(p) - 1 - passed : passed;
    for (w->left = 0; at && side(r, p, at) != beyond; at = beside(p, at, w->down)) w->left++;
    proven(passed + w->left <= zset_pack_count(p));
}

/* ---- ranges in a tree ---- */
static bool always(uint64_t word, const void *arg) {
    (void)word;
    (void)arg;
    return true;
}

static bool never(uint64_t word, const void *arg) {
    (void)word;
    (void)arg;
    return false;
}

static bool member_below(uint64_t word, const void *arg) {
    return !above_border(arg, zset_block_member(zset_word_block(word)), true);
}

static bool member_not_above(uint64_t word, const void *arg) {
    return !above_border(arg, zset_block_member(zset_word_block(word)), false);
}

/* The range begins (or, with is_end, ends in front of) the item where c is then. */
static void seek_score(const struct tree *t, struct tree_cursor *c, double score, bool behind) {
    struct tree_bound bound = {zset_key_of_score(score), behind ? always : never, NULL};
    debug_proven(!isnan(score));
    tree_seek(t, c, &bound);
}

static void seek_member(const struct tree *t, struct tree_cursor *c, const struct zset_border *b, bool behind) {
    bool first = tree_first(t, c);
    proven(first);
    if (b->kind == ZSET_LOWEST) return;
    if (b->kind == ZSET_HIGHEST) {
        tree_end(t, c);
        return;
    }
    struct tree_bound bound = {zset_key_of_score(zset_word_block(tree_word(c))->score),
                               behind ? member_not_above : member_below, b};
    tree_seek(t, c, &bound);
}

static void seek_border(const struct tree *t, struct tree_cursor *c, const struct range *r, bool max) {
    debug_proven(t->count > 0);
    if (r->scores && max)
        seek_score(t, c, r->scores->max, !r->scores->max_open);
    else if (r->scores)
        seek_score(t, c, r->scores->min, r->scores->min_open);
    else if (max)
        seek_member(t, c, &r->members->max, r->members->max.kind == ZSET_CLOSED);
    else
        seek_member(t, c, &r->members->min, r->members->min.kind == ZSET_OPEN);
}

/* The end where the walk does not begin is sought first, for its rank alone. */
static void tree_range(struct zset_walk *w, const struct range *r) {
    const struct tree *t = &((const struct zset *)w->value.ptr)->tree;
    seek_border(t, &w->cursor, r, !w->down);
    uint64_t other = w->cursor.position;
    seek_border(t, &w->cursor, r, w->down);
    uint64_t from = w->down ? other : w->cursor.position, to = w->down ? w->cursor.position : other;
    proven(from <= t->count && to <= t->count);
    w->left = to > from ? to - from : 0;
    if (w->left && w->down) tree_prev(&w->cursor);
    w->rank = w->cursor.position;
}

/* ---- ranges ---- */
static void walk_range(struct zset_walk *w, struct value v, const struct range *r, bool down) {
    proven(!v.ptr || v.type == TYPE_ZSET);
    w->value = v;
    w->down = down;
    w->left = w->rank = 0;
    if (!v.ptr) return;
    if (v.form == VALUE_PACK)
        pack_range(w, r);
    else
        tree_range(w, r);
}

void zset_walk_scores(struct zset_walk *w, struct value v, const struct zset_scores *range, bool down) {
    bool empty = range->min > range->max || (range->min == range->max && (range->min_open || range->max_open));
    proven(!isnan(range->min) && !isnan(range->max));
    walk_range(w, empty ? (struct value){0} : v, &(struct range){.scores = range}, down);
}

static bool members_empty(const struct zset_members *r) {
    debug_proven(r->min.kind <= ZSET_HIGHEST && r->max.kind <= ZSET_HIGHEST);
    if (r->min.kind == ZSET_HIGHEST || r->max.kind == ZSET_LOWEST) return true;
    if (r->min.kind == ZSET_LOWEST || r->max.kind == ZSET_HIGHEST) return false;
    int order = slice_compare(r->min.text, r->max.text);
    return order > 0 || (order == 0 && (r->min.kind == ZSET_OPEN || r->max.kind == ZSET_OPEN));
}

/* Scores that are not all equal: then a pack's range holds what Redis says, which looks at both ends first. */
static bool pack_misses(const struct pack *p, const struct zset_members *range) {
    proven(!pack_empty(p));
    const struct range r = {.members = range};
    return side(&r, p, pack_end(p, true)) < 0 || side(&r, p, pack_end(p, false)) > 0;
}

void zset_walk_members(struct zset_walk *w, struct value v, const struct zset_members *range, bool down) {
    bool empty = !v.ptr || members_empty(range) || (v.form == VALUE_PACK && pack_misses(v.ptr, range));
    debug_proven(!v.ptr || v.type == TYPE_ZSET);
    walk_range(w, empty ? (struct value){0} : v, &(struct range){.members = range}, down);
}

/* ---- steps ---- */
static void next_in_pack(struct zset_walk *w, struct zset_item *item) {
    const struct pack *p = w->value.ptr;
    debug_proven(w->at != 0);
    item->member = pack_text(p, w->at, w->scratch);
    item->score = zset_pack_score(p, pack_next(p, w->at));
    if (w->left > 0) w->at = beside(p, w->at, w->down);
}

static void next_in_tree(struct zset_walk *w, struct zset_item *item) {
    const struct zset_block *b = zset_word_block(tree_word(&w->cursor));
    item->member = zset_block_member(b);
    item->score = b->score;
    if (w->left == 0) return;
    bool more = w->down ? tree_prev(&w->cursor) : tree_next(&w->cursor);
    proven(more);
}

bool zset_walk_next(struct zset_walk *w, struct zset_item *item) {
    if (w->left == 0) return false;
    w->left--;
    if (w->value.form == VALUE_PACK)
        next_in_pack(w, item);
    else
        next_in_tree(w, item);
    debug_proven(!isnan(item->score));
    w->rank = w->down ? w->rank - 1 : w->rank + 1;
    return true;
}

/* ---- ranks ---- */
static bool pack_rank(const struct pack *p, struct slice member, uint64_t *rank, double *score) {
    pack_pos found = zset_pack_find(p, member);
    if (!found) return false;
    if (score) *score = zset_pack_score(p, pack_next(p, found));
    *rank = 0;
    for (pack_pos at = pack_first(p); at != found; at = pack_next(p, pack_next(p, at))) ++*rank;
    debug_proven(*rank < zset_pack_count(p));
    return true;
}

bool zset_rank(struct value v, struct slice member, uint64_t *rank, double *score) {
    proven(!v.ptr || v.type == TYPE_ZSET);
    if (!v.ptr) return false;
    if (v.form == VALUE_PACK) return pack_rank(v.ptr, member, rank, score);
    const struct zset *z = v.ptr;
    uint64_t hash;
    const table_slot *slot = zset_find(z, member, &hash);
    if (!slot) return false;
    const struct zset_block *b = table_slot_entry(slot);
    struct tree_bound bound = zset_bound(b->score, &member);
    struct tree_cursor c;
    bool found = tree_seek(&z->tree, &c, &bound);
    proven(found && tree_word(&c) == zset_block_word(b));
    *rank = c.position;
    if (score) *score = b->score;
    return true;
}

/* ---- scans ---- */
struct scan {
    void (*visit)(void *arg, const struct zset_item *item);
    void *arg;
};

static void scan_slot(void *arg, table_slot *slot) {
    const struct scan *s = arg;
    const struct zset_block *b = table_slot_entry(slot);
    debug_proven(b != NULL);
    s->visit(s->arg, &(struct zset_item){zset_block_member(b), b->score});
}

uint64_t zset_scan(struct value v, uint64_t cursor, void (*visit)(void *arg, const struct zset_item *item), void *arg) {
    debug_proven(visit != NULL);
    struct scan s = {visit, arg};
    struct zset_walk w;
    struct zset_item item;
    proven(v.ptr && v.type == TYPE_ZSET);
    if (v.form == VALUE_HEAD) return table_scan(&((const struct zset *)v.ptr)->table, cursor, scan_slot, &s);
    for (zset_walk_ranks(&w, v, 0, zset_count(v), false); zset_walk_next(&w, &item);) visit(arg, &item);
    return 0;
}
