#include "store/tree_int.h"

#include "mem/defrag.h"

/* The node of the path at level, wherever it lies then. */
static void path_defrag(struct tree *t, struct tree_cursor *c, unsigned level, struct mem_defrag *d) {
    struct tree_node *n = c->node[level];
    bool root = n == t->root;
    debug_proven(level < tree_height(t));
    struct tree_node *moved = mem_defrag(d, t->owner, n, tree_node_bytes(n));
    if (moved == n) return;
    if (root)
        t->root = moved;
    else
        tree_children(c->node[level + 1])[c->index[level + 1]].node = moved;
    c->node[level] = moved;
}

/* The leaf, and those ancestors that begin with it: so each node is met once in a walk. */
static void leaf_path_defrag(struct tree *t, struct tree_cursor *c, struct mem_defrag *d) {
    unsigned top = 0, height = tree_height(t);
    proven(height > 0);
    while (top + 1 < height && c->index[top + 1] == 0) top++;
    for (unsigned level = top + 1; level-- > 0;) path_defrag(t, c, level, d);
}

/* The leaf's first word has changed, not its key. */
static void path_set_first_word(const struct tree *t, const struct tree_cursor *c) {
    debug_proven(c->node[0]->count > 0);
    for (unsigned level = 1; level < tree_height(t); level++) {
        tree_children(c->node[level])[c->index[level]].first = c->node[0]->words[0];
        if (c->index[level] > 0) return;
    }
}

uint64_t tree_defrag(struct tree *t, uint64_t position, struct mem_defrag *d,
                     uint64_t (*visit)(void *arg, uint64_t word), void *arg) {
    struct tree_cursor c;
    if (!tree_at(t, &c, position)) return 0;
    leaf_path_defrag(t, &c, d);
    struct tree_node *leaf = c.node[0];
    uint64_t end = c.position + tree_node_weight(t, leaf);
    for (unsigned i = 0; i < c.index[0]; i++) end -= tree_leaf_weight(t, leaf, i);
    for (unsigned i = 0; visit && i < leaf->count; i++) leaf->words[i] = visit(arg, leaf->words[i]);
    path_set_first_word(t, &c);
    proven(end > position && end <= t->weight);
    return end < t->weight ? end : 0;
}
