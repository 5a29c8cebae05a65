/* Private to store/tree*.c: nodes. */
#ifndef TARN_STORE_TREE_INT_H
#define TARN_STORE_TREE_INT_H

#include "store/tree.h"

#include <string.h>

#define TREE_STEPS 12
#define TREE_FRESH (UINT32_C(1) << 31) /* in a leaf's weight: put in since the leaf's birth */

enum tree_shape { TREE_LEAF, TREE_LEAF_WEIGHTED, TREE_INNER, TREE_SHAPES };

/* A child in an inner node. */
struct tree_child {
    uint64_t key, first; /* of its first item */
    uint64_t weight;
    struct tree_node *node;
};

/* Items or children of a node at each step. */
extern const uint8_t tree_capacities[TREE_SHAPES][TREE_STEPS];

static inline enum tree_shape tree_shape_of(const struct tree *t, unsigned level) {
    debug_proven(level < TREE_HEIGHT_MAX);
    return level ? TREE_INNER : t->weighted ? TREE_LEAF_WEIGHTED : TREE_LEAF;
}

static inline unsigned tree_capacity(const struct tree *t, const struct tree_node *n) {
    debug_proven(n->step < TREE_STEPS);
    return tree_capacities[tree_shape_of(t, n->level)][n->step];
}

static inline unsigned tree_capacity_max(const struct tree *t, unsigned level) {
    return tree_capacities[tree_shape_of(t, level)][TREE_STEPS - 1];
}

static inline struct tree_child *tree_children(const struct tree_node *n) {
    debug_proven(n->level > 0);
    return (struct tree_child *)(uintptr_t)n->words;
}

static inline uint32_t *tree_weights(const struct tree_node *n) {
    debug_proven(n->level == 0);
    return (uint32_t *)(uintptr_t)(n->words + tree_capacities[TREE_LEAF_WEIGHTED][n->step]);
}

static inline uint32_t tree_leaf_weight(const struct tree *t, const struct tree_node *n, unsigned i) {
    debug_proven(n->level == 0 && i < n->count);
    return t->weighted ? tree_weights(n)[i] & ~TREE_FRESH : 1;
}

static inline uint64_t tree_first_word(const struct tree_node *n) {
    debug_proven(n->count > 0);
    return n->level ? tree_children(n)[0].first : n->words[0];
}

static inline unsigned tree_height(const struct tree *t) {
    debug_proven(!t->root || t->root->level < TREE_HEIGHT_MAX);
    return t->root ? t->root->level + 1u : 0;
}

static inline bool tree_node_shared(const struct tree_node *n, const struct frozen *f) {
    return frozen_shared(f, n->birth);
}

/* ---- tree.c ---- */
/* With room for at least n; empty. */
struct tree_node *tree_node_new(struct tree *t, const struct frozen *f, unsigned level, size_t n);
size_t tree_node_bytes(const struct tree_node *n);
uint64_t tree_node_weight(const struct tree *t, const struct tree_node *n);
/* Frees the node alone, or sends it to limbo. */
void tree_node_drop(struct tree *t, struct frozen *f, struct tree_node *n);
/* The node, or a copy of it when a snapshot may read it. The caller puts it into the node's place. */
struct tree_node *tree_node_own(struct tree *t, struct frozen *f, struct tree_node *n);
/* The node, which is owned, in a smaller block when it fills two steps less. The same. */
struct tree_node *tree_node_shrunk(struct tree *t, struct frozen *f, struct tree_node *n);
/* n items of an owned leaf, or children of an owned inner node, from index `at` on. */
void tree_node_delete(const struct tree *t, struct tree_node *node, unsigned at, unsigned n);
void tree_child_set(const struct tree *t, struct tree_child *child, struct tree_node *node, uint64_t weight);
bool tree_leaf_item_shared(const struct tree *t, const struct tree_node *leaf, unsigned i, const struct frozen *f);
void tree_path_own(struct tree *t, struct frozen *f, struct tree_cursor *c);
/* After a node of the owned path has lost items: removes what is empty, merges what is small, from level on upwards. True
 * when the path is invalid afterwards. */
bool tree_settle(struct tree *t, struct frozen *f, struct tree_cursor *c, unsigned level);
/* Removes levels with one child, or an empty root. */
void tree_settle_root(struct tree *t, struct frozen *f);

#endif
