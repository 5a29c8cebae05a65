#include "store/tree_int.h"

/* jemalloc's size classes: nothing is lost to rounding. */
static const uint16_t step_bytes[TREE_STEPS] = {64, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024};

#define LEAF(bytes)     (((bytes)-8) / 8)
#define WEIGHTED(bytes) (((bytes)-8) / 12)
#define INNER(bytes)    (((bytes)-8) / 32)
#define ALL_STEPS(x) \
    { x(64), x(128), x(192), x(256), x(320), x(384), x(448), x(512), x(640), x(768), x(896), x(1024) }

const uint8_t tree_capacities[TREE_SHAPES][TREE_STEPS] = {
    [TREE_LEAF] = ALL_STEPS(LEAF), [TREE_LEAF_WEIGHTED] = ALL_STEPS(WEIGHTED), [TREE_INNER] = ALL_STEPS(INNER)};

_Static_assert(sizeof(struct tree_node) == 8 && sizeof(struct tree_child) == 32, "as drawn");

void tree_init(struct tree *t, tree_key_fn *key_of, bool weighted, enum mem_owner owner) {
    *t = (struct tree){.key_of = key_of, .weighted = weighted, .owner = owner};
}

/* ---- nodes ---- */
size_t tree_node_bytes(const struct tree_node *n) {
    debug_proven(n->step < TREE_STEPS);
    return step_bytes[n->step];
}

/* The smallest step with room for n. */
static unsigned step_for(enum tree_shape shape, size_t n) {
    proven(n <= tree_capacities[shape][TREE_STEPS - 1]);
    unsigned step = 0;
    while (tree_capacities[shape][step] < n) step++;
    proven(step < TREE_STEPS);
    return step;
}

struct tree_node *tree_node_new(struct tree *t, const struct frozen *f, unsigned level, size_t n) {
    enum tree_shape shape = tree_shape_of(t, level);
    proven(level < TREE_HEIGHT_MAX && n <= tree_capacities[shape][TREE_STEPS - 1]);
    unsigned step = step_for(shape, n);
    struct tree_node *node = mem_alloc(t->owner, step_bytes[step]);
    *node = (struct tree_node){.birth = frozen_birth(f), .level = (uint8_t)level, .step = (uint8_t)step};
    t->bytes += mem_good_size(step_bytes[step]);
    return node;
}

void tree_node_drop(struct tree *t, struct frozen *f, struct tree_node *n) {
    proven(t->bytes >= mem_good_size(tree_node_bytes(n)));
    size_t bytes = tree_node_bytes(n);
    t->bytes -= mem_good_size(bytes);
    if (tree_node_shared(n, f))
        frozen_limbo(f, t->owner, n, bytes, 0);
    else
        mem_free(t->owner, n, bytes);
}

/* Copies n items or children to the end of dst. Items are fresh there only if both nodes are of one birth. */
static void node_append(const struct tree *t, struct tree_node *dst, const struct tree_node *src, unsigned from,
                        unsigned n) {
    unsigned at = dst->count;
    proven(src->level == dst->level && from + n <= src->count && at + n <= tree_capacity(t, dst));
    if (dst->level) {
        memcpy(tree_children(dst) + at, tree_children(src) + from, n * sizeof(struct tree_child));
    } else {
        memcpy(dst->words + at, src->words + from, n * sizeof dst->words[0]);
        uint32_t kept = src->birth == dst->birth ? UINT32_MAX : ~TREE_FRESH;
        for (unsigned i = 0; t->weighted && i < n; i++) tree_weights(dst)[at + i] = tree_weights(src)[from + i] & kept;
    }
    dst->count = (uint16_t)(at + n);
}

/* A copy of this birth with room for n, in place of the node, which is freed or goes to limbo. */
static struct tree_node *node_refit(struct tree *t, struct frozen *f, struct tree_node *old, size_t n, uint32_t birth) {
    debug_proven(n >= old->count);
    struct tree_node *copy = tree_node_new(t, f, old->level, n);
    copy->birth = birth;
    node_append(t, copy, old, 0, old->count);
    tree_node_drop(t, f, old);
    return copy;
}

struct tree_node *tree_node_own(struct tree *t, struct frozen *f, struct tree_node *n) {
    struct tree_node *own = unlikely(tree_node_shared(n, f)) ? node_refit(t, f, n, n->count, f->generation) : n;
    debug_proven(own->count == n->count && !tree_node_shared(own, f));
    return own;
}

struct tree_node *tree_node_shrunk(struct tree *t, struct frozen *f, struct tree_node *n) {
    debug_proven(!tree_node_shared(n, f));
    if (n->count == tree_capacity_max(t, n->level)) return n;
    unsigned step = step_for(tree_shape_of(t, n->level), n->count + 1u);
    return step + 2 <= n->step ? node_refit(t, f, n, n->count + 1u, n->birth) : n;
}

void tree_node_delete(const struct tree *t, struct tree_node *node, unsigned at, unsigned n) {
    proven(at + n <= node->count);
    unsigned rest = node->count - at - n;
    if (node->level) {
        struct tree_child *children = tree_children(node);
        memmove(children + at, children + at + n, rest * sizeof *children);
    } else {
        memmove(node->words + at, node->words + at + n, rest * sizeof node->words[0]);
        if (t->weighted) memmove(tree_weights(node) + at, tree_weights(node) + at + n, rest * sizeof(uint32_t));
    }
    node->count = (uint16_t)(node->count - n);
}

uint64_t tree_node_weight(const struct tree *t, const struct tree_node *n) {
    debug_proven(n->count <= tree_capacity(t, n));
    uint64_t sum = 0;
    if (n->level == 0 && !t->weighted) return n->count;
    for (unsigned i = 0; i < n->count; i++) sum += n->level ? tree_children(n)[i].weight : tree_leaf_weight(t, n, i);
    return sum;
}

static void child_set_first(const struct tree *t, struct tree_child *child) {
    debug_proven(child->node);
    if (child->node->count == 0) return; /* about to be filled, or removed */
    uint64_t first = tree_first_word(child->node);
    if (child->node->level)
        child->key = tree_children(child->node)[0].key;
    else
        child->key = t->key_of ? t->key_of(first) : 0;
    child->first = first;
}

void tree_child_set(const struct tree *t, struct tree_child *child, struct tree_node *node, uint64_t weight) {
    debug_proven(weight > 0 || node->count == 0);
    *child = (struct tree_child){.weight = weight, .node = node};
    child_set_first(t, child);
}

bool tree_leaf_item_shared(const struct tree *t, const struct tree_node *leaf, unsigned i, const struct frozen *f) {
    debug_proven(leaf->level == 0 && i < leaf->count);
    if (!f || !f->live) return false;
    if (!t->weighted || tree_node_shared(leaf, f)) return true;
    return !(tree_weights(leaf)[i] & TREE_FRESH);
}

/* ---- the path ---- */
static struct tree_child *path_child(const struct tree_cursor *c, unsigned parent_level) {
    debug_proven(parent_level > 0 && c->index[parent_level] < c->node[parent_level]->count);
    return &tree_children(c->node[parent_level])[c->index[parent_level]];
}

/* The node becomes the one of its level, also in its parent or as the root. The parent is owned. */
static void path_link(struct tree *t, struct tree_cursor *c, unsigned level, struct tree_node *n) {
    debug_proven(level < TREE_HEIGHT_MAX && n->level == level);
    if (c->node[level] == n) return;
    if (t->root == c->node[level])
        t->root = n;
    else
        path_child(c, level + 1)->node = n;
    c->node[level] = n;
}

void tree_path_own(struct tree *t, struct frozen *f, struct tree_cursor *c) {
    debug_proven(c->tree == t);
    if (likely(!f) || !f->live) return;
    for (unsigned level = tree_height(t); level-- > 0;) path_link(t, c, level, tree_node_own(t, f, c->node[level]));
}

/* The first item of the node at level may be another: so may be that of its ancestors. */
static void path_set_first(const struct tree *t, const struct tree_cursor *c, unsigned level) {
    debug_proven(c->node[level]->count > 0);
    for (unsigned l = level + 1; l < tree_height(t); l++) {
        child_set_first(t, path_child(c, l));
        if (c->index[l] > 0) return;
    }
}

static void path_add_weight(const struct tree *t, const struct tree_cursor *c, uint64_t delta) {
    debug_proven(tree_height(t) <= TREE_HEIGHT_MAX && c->node[0]);
    for (unsigned l = 1; l < tree_height(t); l++) path_child(c, l)->weight += delta;
}

/* Whether the node at level is at the end (the start) of its level. */
static bool path_is_last(const struct tree *t, const struct tree_cursor *c, unsigned level) {
    debug_proven(level < tree_height(t) && c->node[level]);
    for (unsigned l = level + 1; l < tree_height(t); l++)
        if (c->index[l] + 1 < c->node[l]->count) return false;
    return true;
}

static bool path_is_first(const struct tree *t, const struct tree_cursor *c, unsigned level) {
    debug_proven(level < tree_height(t) && c->node[level]);
    for (unsigned l = level + 1; l < tree_height(t); l++)
        if (c->index[l] > 0) return false;
    return true;
}

/* ---- cursors ---- */
static void cursor_start(const struct tree *t, struct tree_cursor *c, uint64_t position) {
    debug_proven(position <= t->weight);
    c->tree = t;
    c->position = position;
    c->node[0] = NULL;
    if (t->root) c->node[t->root->level] = t->root;
}

/* From the child at index[level] down along the first, or the last, children; the leaf's index is its first item or its end. */
static void cursor_descend(struct tree_cursor *c, unsigned level, bool last) {
    debug_proven(level < TREE_HEIGHT_MAX);
    while (level > 0) {
        struct tree_node *n = path_child(c, level)->node;
        c->node[--level] = n;
        c->index[level] = (uint16_t)(last ? n->count - (level > 0) : 0);
    }
}

bool tree_first(const struct tree *t, struct tree_cursor *c) {
    debug_proven(tree_height(t) <= TREE_HEIGHT_MAX);
    cursor_start(t, c, 0);
    if (!t->root) return false;
    c->index[t->root->level] = 0;
    cursor_descend(c, t->root->level, false);
    return true;
}

bool tree_end(const struct tree *t, struct tree_cursor *c) {
    debug_proven(tree_height(t) <= TREE_HEIGHT_MAX);
    cursor_start(t, c, t->weight);
    if (!t->root) return false;
    c->index[t->root->level] = (uint16_t)(t->root->count - (t->root->level > 0));
    cursor_descend(c, t->root->level, true);
    return false;
}

bool tree_last(const struct tree *t, struct tree_cursor *c) {
    debug_proven(!t->root == !t->count);
    tree_end(t, c);
    return t->root && tree_prev(c);
}

uint32_t tree_weight(const struct tree_cursor *c) {
    proven(tree_valid(c));
    return tree_leaf_weight(c->tree, c->node[0], c->index[0]);
}

/* The leaf after (before) this one, if there is one. */
static bool cursor_step_leaf(struct tree_cursor *c, bool forward) {
    debug_proven(c->node[0] == NULL || c->node[0]->level == 0);
    unsigned height = tree_height(c->tree), level = 1;
    while (level < height && c->index[level] == (forward ? c->node[level]->count - 1u : 0)) level++;
    if (level >= height) return false;
    c->index[level] = (uint16_t)(forward ? c->index[level] + 1 : c->index[level] - 1);
    cursor_descend(c, level, !forward);
    return true;
}

bool tree_next_leaf(struct tree_cursor *c) {
    debug_proven(tree_valid(c));
    c->position += tree_weight(c);
    if (++c->index[0] < c->node[0]->count) return true;
    return cursor_step_leaf(c, true);
}

bool tree_prev(struct tree_cursor *c) {
    debug_proven(c->node[0] == NULL || c->index[0] <= c->node[0]->count);
    if (!c->node[0] || (c->index[0] == 0 && !cursor_step_leaf(c, false))) return false;
    c->index[0]--;
    c->position -= tree_weight(c);
    return true;
}

/* ---- search ---- */
static unsigned inner_at(const struct tree_node *n, uint64_t *rest) {
    const struct tree_child *children = tree_children(n);
    unsigned i = 0;
    while (*rest >= children[i].weight) {
        *rest -= children[i++].weight;
        proven(i < n->count);
    }
    return i;
}

bool tree_at(const struct tree *t, struct tree_cursor *c, uint64_t position) {
    if (position >= t->weight) return tree_end(t, c);
    cursor_start(t, c, position);
    uint64_t rest = position;
    for (unsigned level = t->root->level; level > 0; level--) {
        c->index[level] = (uint16_t)inner_at(c->node[level], &rest);
        c->node[level - 1] = path_child(c, level)->node;
    }
    unsigned i = 0;
    if (!t->weighted)
        i = (unsigned)rest;
    else
        for (uint32_t w; rest >= (w = tree_leaf_weight(t, c->node[0], i)); i++) rest -= w;
    c->index[0] = (uint16_t)i;
    c->position = position - (t->weighted ? rest : 0);
    proven(i < c->node[0]->count);
    return true;
}

/* The last child whose first item is before the bound; 0 when none is. What precedes it adds to the position. */
static unsigned inner_seek(const struct tree_node *n, const struct tree_bound *bound, bool keyed, uint64_t *position) {
    debug_proven(n->level > 0 && n->count > 0);
    const struct tree_child *children = tree_children(n);
    unsigned low = 0, high = n->count; /* children from high on are not before; those up to low are, or low is 0 */
    while (high - low > 1) {
        unsigned middle = (low + high) / 2;
        const struct tree_child *child = &children[middle];
        bool before =
            keyed && child->key != bound->key ? child->key < bound->key : bound->before(child->first, bound->arg);
        if (before)
            low = middle;
        else
            high = middle;
    }
    for (unsigned i = 0; i < low; i++) *position += children[i].weight;
    return low;
}

/* The first item of the leaf that is not before the bound, or its count. Items are far apart in memory: those that the next
 * step may want are fetched ahead. */
static unsigned leaf_seek(const struct tree *t, const struct tree_node *n, const struct tree_bound *bound) {
    debug_proven(n->level == 0);
    unsigned low = 0, len = n->count;
    while (len > 0) {
        unsigned half = len / 2;
        uint64_t word = n->words[low + half];
        if (len > 2) {
            __builtin_prefetch((const void *)(uintptr_t)n->words[low + half / 2]);
            __builtin_prefetch((const void *)(uintptr_t)n->words[low + half + 1 + (len - half - 1) / 2]);
        }
        uint64_t key = t->key_of ? t->key_of(word) : bound->key;
        if (key != bound->key ? key < bound->key : bound->before(word, bound->arg)) {
            low += half + 1;
            len -= half + 1;
        } else {
            len = half;
        }
    }
    return low;
}

bool tree_seek(const struct tree *t, struct tree_cursor *c, const struct tree_bound *bound) {
    proven(bound->before);
    cursor_start(t, c, 0);
    if (!t->root) return false;
    for (unsigned level = t->root->level; level > 0; level--) {
        c->index[level] = (uint16_t)inner_seek(c->node[level], bound, t->key_of != NULL, &c->position);
        c->node[level - 1] = path_child(c, level)->node;
    }
    struct tree_node *leaf = c->node[0];
    unsigned i = leaf_seek(t, leaf, bound);
    if (!t->weighted)
        c->position += i;
    else
        for (unsigned k = 0; k < i; k++) c->position += tree_leaf_weight(t, leaf, k);
    c->index[0] = (uint16_t)i;
    return i < leaf->count || cursor_step_leaf(c, true);
}

bool tree_item_shared(const struct tree_cursor *c, const struct frozen *f) {
    proven(tree_valid(c) && c->tree->weighted);
    return tree_leaf_item_shared(c->tree, c->node[0], c->index[0], f);
}

/* ---- insertion ---- */
/* Room for one more in the node at level, which is not at its largest. */
static void path_widen(struct tree *t, struct frozen *f, struct tree_cursor *c, unsigned level) {
    debug_proven(c->node[level]->count < tree_capacity_max(t, level));
    struct tree_node *n = c->node[level];
    if (n->count < tree_capacity(t, n)) return;
    path_link(t, c, level, node_refit(t, f, n, n->count + 1u, n->birth));
}

static void root_grow(struct tree *t, struct frozen *f, struct tree_cursor *c) {
    proven(t->root && tree_height(t) < TREE_HEIGHT_MAX);
    unsigned level = tree_height(t);
    struct tree_node *root = tree_node_new(t, f, level, 2);
    tree_child_set(t, tree_children(root), t->root, t->weight);
    root->count = 1;
    t->root = c->node[level] = root;
    c->index[level] = 0;
}

/* How many stay in the left one when the node at level, which is full, splits. In the middle, but at an end of the tree so
 * that what is filled in order stays full. */
static unsigned split_point(const struct tree *t, const struct tree_cursor *c, unsigned level) {
    debug_proven(c->node[level]->count == tree_capacity_max(t, level));
    unsigned count = c->node[level]->count, index = c->index[level], inner = level > 0;
    if (index + inner == count && path_is_last(t, c, level)) return count - inner;
    if (index == 0 && path_is_first(t, c, level)) return inner;
    return count / 2;
}

/* Splits the full node at level; the path goes on in the half where its index lies. Recursion: one level up at a time. */
static void path_split(struct tree *t, struct frozen *f, struct tree_cursor *c, unsigned level) {
    debug_proven(c->node[level]->count == tree_capacity_max(t, level));
    if (level + 1 == tree_height(t)) root_grow(t, f, c);
    if (c->node[level + 1]->count == tree_capacity_max(t, level + 1)) path_split(t, f, c, level + 1);
    path_widen(t, f, c, level + 1);
    struct tree_node *left = c->node[level], *right;
    unsigned at = split_point(t, c, level);
    right = tree_node_new(t, f, level, left->count - at + (at > 0));
    right->birth = left->birth;
    node_append(t, right, left, at, left->count - at);
    left->count = (uint16_t)at;
    path_link(t, c, level, tree_node_shrunk(t, f, left));
    struct tree_node *parent = c->node[level + 1];
    struct tree_child *child = path_child(c, level + 1);
    memmove(child + 2, child + 1, (parent->count - c->index[level + 1] - 1u) * sizeof *child);
    parent->count++;
    tree_child_set(t, child + 1, right, tree_node_weight(t, right));
    child->weight -= child[1].weight;
    bool goes_right = c->index[level] > at || (c->index[level] == at && (level > 0 || right->count == 0));
    if (!goes_right) return;
    c->index[level] = (uint16_t)(c->index[level] - at);
    c->index[level + 1]++;
    c->node[level] = right;
}

static void leaf_insert(const struct tree *t, struct tree_node *n, unsigned at, uint64_t word, uint32_t weight) {
    proven(n->level == 0 && n->count < tree_capacity(t, n) && at <= n->count);
    unsigned rest = n->count - at;
    memmove(n->words + at + 1, n->words + at, rest * sizeof n->words[0]);
    n->words[at] = word;
    n->count++;
    if (!t->weighted) return;
    uint32_t *weights = tree_weights(n) + at;
    memmove(weights + 1, weights, rest * sizeof *weights);
    *weights = weight | TREE_FRESH;
}

void tree_insert(struct tree *t, struct frozen *f, struct tree_cursor *c, uint64_t word, uint32_t weight) {
    proven(c->tree == t && weight >= 1 && weight <= TREE_WEIGHT_MAX && (t->weighted || weight == 1));
    if (!t->root) {
        t->root = c->node[0] = tree_node_new(t, f, 0, 1);
        c->index[0] = 0;
    }
    tree_path_own(t, f, c);
    if (c->node[0]->count == tree_capacity_max(t, 0)) path_split(t, f, c, 0);
    path_widen(t, f, c, 0);
    leaf_insert(t, c->node[0], c->index[0], word, weight);
    path_add_weight(t, c, weight);
    if (c->index[0] == 0) path_set_first(t, c, 0);
    t->count++;
    t->weight += weight;
}

/* ---- removal ---- */
void tree_settle_root(struct tree *t, struct frozen *f) {
    while (t->root && t->root->count <= (t->root->level > 0)) {
        struct tree_node *root = t->root;
        t->root = root->count ? tree_children(root)[0].node : NULL;
        tree_node_drop(t, f, root);
    }
    proven((t->root == NULL) == (t->count == 0));
}

/* Joins the children i and i + 1 of the path's node at level, if they are small enough. */
static bool path_merge(struct tree *t, struct frozen *f, const struct tree_cursor *c, unsigned level, unsigned i) {
    debug_proven(level > 0 && i + 1 < c->node[level]->count);
    struct tree_node *parent = c->node[level];
    struct tree_child *a = &tree_children(parent)[i], *b = a + 1;
    unsigned count = a->node->count + b->node->count;
    if (count * 4 > tree_capacity_max(t, level - 1) * 3) return false;
    struct tree_node *merged = tree_node_new(t, f, level - 1, count);
    node_append(t, merged, a->node, 0, a->node->count);
    node_append(t, merged, b->node, 0, b->node->count);
    tree_node_drop(t, f, a->node);
    tree_node_drop(t, f, b->node);
    tree_child_set(t, a, merged, a->weight + b->weight);
    tree_node_delete(t, parent, i + 1, 1);
    return true;
}

/* True when the parent has lost a child. */
static bool path_settle_one(struct tree *t, struct frozen *f, struct tree_cursor *c, unsigned level) {
    debug_proven(level + 1 < tree_height(t));
    struct tree_node *n = c->node[level], *parent = c->node[level + 1];
    unsigned i = c->index[level + 1];
    if (n->count == 0) {
        tree_node_delete(t, parent, i, 1);
        tree_node_drop(t, f, n);
        return true;
    }
    if (n->count * 2u < tree_capacity_max(t, level)) {
        if (i + 1 < parent->count && path_merge(t, f, c, level + 1, i)) return true;
        if (i > 0 && path_merge(t, f, c, level + 1, i - 1)) return true;
    }
    return false;
}

bool tree_settle(struct tree *t, struct frozen *f, struct tree_cursor *c, unsigned level) {
    debug_proven(c->tree == t);
    bool changed = false;
    while (level + 1 < tree_height(t) && path_settle_one(t, f, c, level)) {
        changed = true;
        level++;
        if (c->node[level]->count > 0) path_set_first(t, c, level);
    }
    if (level < tree_height(t)) path_link(t, c, level, tree_node_shrunk(t, f, c->node[level]));
    tree_settle_root(t, f);
    return changed;
}

void tree_remove(struct tree *t, struct frozen *f, struct tree_cursor *c) {
    proven(c->tree == t && tree_valid(c));
    tree_path_own(t, f, c);
    uint32_t weight = tree_weight(c);
    struct tree_node *leaf = c->node[0];
    tree_node_delete(t, leaf, c->index[0], 1);
    path_add_weight(t, c, -(uint64_t)weight);
    if (c->index[0] == 0 && leaf->count > 0) path_set_first(t, c, 0);
    t->count--;
    t->weight -= weight;
    bool changed = tree_settle(t, f, c, 0);
    if (changed || !t->root || c->index[0] >= c->node[0]->count) tree_at(t, c, c->position);
}

void tree_set(struct tree *t, struct frozen *f, struct tree_cursor *c, uint64_t word, uint32_t weight) {
    proven(c->tree == t && tree_valid(c) && weight >= 1 && weight <= TREE_WEIGHT_MAX && (t->weighted || weight == 1));
    tree_path_own(t, f, c);
    struct tree_node *leaf = c->node[0];
    unsigned i = c->index[0];
    uint64_t delta = (uint64_t)weight - tree_weight(c);
    leaf->words[i] = word;
    if (t->weighted) tree_weights(leaf)[i] = weight | TREE_FRESH;
    path_add_weight(t, c, delta);
    t->weight += delta;
    if (i == 0) path_set_first(t, c, 0);
}
