/* What is done to many items at once: freeing, cutting, building, checking. */
#include "store/tree_int.h"

/* ---- freeing ---- */
/* Recursion: one level a call, at most TREE_HEIGHT_MAX. */
static void subtree_free(struct tree *t, struct frozen *f, struct tree_node *n) {
    debug_proven(n->level < TREE_HEIGHT_MAX);
    for (unsigned i = 0; n->level && i < n->count; i++) subtree_free(t, f, tree_children(n)[i].node);
    tree_node_drop(t, f, n);
}

void tree_release(struct tree *t) {
    if (t->root) subtree_free(t, NULL, t->root);
    proven(t->bytes == 0);
    tree_init(t, t->key_of, t->weighted, t->owner);
}

/* ---- cutting ---- */
struct cut {
    struct tree *tree;
    struct frozen *frozen;
    void (*drop)(void *arg, uint64_t word, bool shared);
    void *arg;
};

static void leaf_drop_items(const struct cut *cut, const struct tree_node *n, unsigned from, unsigned to) {
    proven(from <= to && to <= n->count);
    for (unsigned i = from; i < to; i++)
        cut->drop(cut->arg, n->words[i], tree_leaf_item_shared(cut->tree, n, i, cut->frozen));
    cut->tree->count -= to - from;
}

static void subtree_drop(const struct cut *cut, struct tree_node *n) {
    debug_proven(n->count > 0);
    if (n->level == 0) leaf_drop_items(cut, n, 0, n->count);
    for (unsigned i = 0; n->level && i < n->count; i++) subtree_drop(cut, tree_children(n)[i].node);
    tree_node_drop(cut->tree, cut->frozen, n);
}

/* The items that begin in from..to-1 of the leaf, which is owned. */
static void leaf_cut(const struct cut *cut, struct tree_node *n, uint64_t from, uint64_t to) {
    debug_proven(n->level == 0 && from < to);
    unsigned first = 0, last;
    uint64_t position = 0;
    for (; position < from; first++) position += tree_leaf_weight(cut->tree, n, first);
    proven(position == from);
    for (last = first; position < to; last++) position += tree_leaf_weight(cut->tree, n, last);
    proven(position == to);
    leaf_drop_items(cut, n, first, last);
    tree_node_delete(cut->tree, n, first, last - first);
}

static struct tree_node *node_cut(const struct cut *cut, struct tree_node *n, uint64_t from, uint64_t to);

/* One child, which begins at start: false when nothing of it is left. */
static bool child_cut(const struct cut *cut, struct tree_child *child, uint64_t start, uint64_t from, uint64_t to) {
    debug_proven(child->weight > 0);
    uint64_t end = start + child->weight;
    if (end <= from || start >= to) return true;
    if (from <= start && end <= to) {
        subtree_drop(cut, child->node);
        return false;
    }
    uint64_t low = from > start ? from - start : 0, high = (to < end ? to : end) - start;
    struct tree_node *node = node_cut(cut, child->node, low, high);
    tree_child_set(cut->tree, child, node, child->weight - (high - low));
    proven(node->count > 0);
    return true;
}

/* Returns the node that takes its place. Only two children are cut in part: the others go or stay as they are. */
static struct tree_node *node_cut(const struct cut *cut, struct tree_node *n, uint64_t from, uint64_t to) {
    debug_proven(from < to);
    n = tree_node_own(cut->tree, cut->frozen, n);
    if (n->level == 0) {
        leaf_cut(cut, n, from, to);
        return tree_node_shrunk(cut->tree, cut->frozen, n);
    }
    struct tree_child *children = tree_children(n);
    unsigned kept = 0;
    uint64_t start = 0;
    for (unsigned i = 0; i < n->count; i++) {
        struct tree_child child = children[i];
        uint64_t next = start + child.weight;
        if (child_cut(cut, &child, start, from, to)) children[kept++] = child;
        start = next;
    }
    n->count = (uint16_t)kept;
    return tree_node_shrunk(cut->tree, cut->frozen, n);
}

/* Merges what a cut has left small beside the item at position, from the top down: children of parents that have merged are
 * then siblings. */
static void settle_at(struct tree *t, struct frozen *f, uint64_t position) {
    debug_proven(position <= t->weight);
    for (unsigned level = tree_height(t); level-- > 0;) {
        struct tree_cursor c;
        if (level >= tree_height(t) || !tree_at(t, &c, position)) continue;
        tree_path_own(t, f, &c);
        tree_settle(t, f, &c, level);
    }
}

void tree_cut(struct tree *t, struct frozen *f, uint64_t from, uint64_t to,
              void (*drop)(void *arg, uint64_t word, bool shared), void *arg) {
    proven(from <= to && to <= t->weight);
    if (from == to) return;
    struct cut cut = {t, f, drop, arg};
    if (to - from == t->weight) {
        subtree_drop(&cut, t->root);
        t->root = NULL;
    } else {
        t->root = node_cut(&cut, t->root, from, to);
    }
    t->weight -= to - from;
    tree_settle_root(t, f);
    settle_at(t, f, from);
    if (from > 0) settle_at(t, f, from - 1);
}

/* ---- building ---- */
/* Items or parents of part i of n that are spread evenly over parts. */
static size_t share_first(size_t n, size_t parts, size_t i) {
    debug_proven(parts > 0 && i <= parts);
    return n / parts * i + (i < n % parts ? i : n % parts);
}

static struct tree_node *leaf_build(struct tree *t, const uint64_t *words, const uint32_t *weights, size_t n) {
    proven(n > 0);
    struct tree_node *leaf = tree_node_new(t, NULL, 0, n);
    memcpy(leaf->words, words, n * sizeof *words);
    for (size_t i = 0; t->weighted && i < n; i++) {
        uint32_t weight = weights ? weights[i] : 1;
        proven(weight >= 1 && weight <= TREE_WEIGHT_MAX);
        tree_weights(leaf)[i] = weight | TREE_FRESH;
    }
    leaf->count = (uint16_t)n;
    return leaf;
}

static struct tree_node *inner_build(struct tree *t, struct tree_child *const children, size_t n, unsigned level) {
    proven(n > 0 && level > 0);
    struct tree_node *inner = tree_node_new(t, NULL, level, n);
    memcpy(tree_children(inner), children, n * sizeof *children);
    inner->count = (uint16_t)n;
    return inner;
}

void tree_build(struct tree *t, const uint64_t *words, const uint32_t *weights, size_t n) {
    proven(!t->root && (t->weighted || !weights));
    if (n == 0) return;
    size_t most = tree_capacity_max(t, 0), nodes = (n + most - 1) / most, rows = nodes;
    struct tree_child *row = mem_alloc(t->owner, rows * sizeof *row);
    for (size_t i = 0; i < nodes; i++) {
        size_t first = share_first(n, nodes, i), count = share_first(n, nodes, i + 1) - first;
        struct tree_node *leaf = leaf_build(t, words + first, weights ? weights + first : NULL, count);
        tree_child_set(t, &row[i], leaf, tree_node_weight(t, leaf));
        t->weight += row[i].weight;
    }
    for (unsigned level = 1; nodes > 1; level++) {
        most = tree_capacity_max(t, level);
        size_t below = nodes;
        nodes = (below + most - 1) / most;
        for (size_t i = 0; i < nodes; i++) { /* part i never begins before row[i]: the row is rewritten in place */
            size_t first = share_first(below, nodes, i), count = share_first(below, nodes, i + 1) - first;
            struct tree_node *inner = inner_build(t, row + first, count, level);
            tree_child_set(t, &row[i], inner, tree_node_weight(t, inner));
        }
    }
    t->root = row[0].node;
    t->count = n;
    mem_free(t->owner, row, rows * sizeof *row);
}

/* ---- checks ---- */
struct totals {
    size_t count, bytes;
};

static void verify_node(const struct tree *t, const struct tree_node *n, struct totals *totals) {
    proven(n->count > 0 && n->count <= tree_capacity(t, n));
    totals->bytes += mem_good_size(tree_node_bytes(n));
    if (n->level == 0) {
        totals->count += n->count;
        for (unsigned i = 0; i < n->count; i++) proven(tree_leaf_weight(t, n, i) >= 1);
        return;
    }
    for (unsigned i = 0; i < n->count; i++) {
        const struct tree_child *child = &tree_children(n)[i];
        proven(child->node->level + 1 == n->level && child->first == tree_first_word(child->node));
        proven(child->weight == tree_node_weight(t, child->node));
        proven(child->key == (t->key_of ? t->key_of(child->first) : 0));
        verify_node(t, child->node, totals);
    }
}

void tree_verify(const struct tree *t) {
    struct totals totals = {0, 0};
    if (t->root) {
        proven(t->root->level == 0 || t->root->count > 1);
        verify_node(t, t->root, &totals);
        proven(t->weight == tree_node_weight(t, t->root));
    }
    proven(totals.count == t->count && totals.bytes == t->bytes && (t->weighted || t->weight == t->count));
}
