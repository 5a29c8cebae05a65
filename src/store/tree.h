/* The tree: an order with positions. A counted B+tree with copy-on-write nodes, for sorted sets, big lists and streams. An
 * item is an opaque 8-byte word (a pointer) with a weight: 1 for a member of a sorted set, the number of elements for a
 * pack of a list. So an item is found by order, by rank or by position, and tells its position, in O(log n).
 *
 *   node: 64 to 1024 bytes, at allocator size classes; 8 bytes of head, then items or children
 *   +----------+----------+---------+--------+------------------------------------------------------------------+
 *   | birth:32 | count:16 | level:8 | step:8 | leaf:  word[capacity]                               up to 127    |
 *   +----------+----------+---------+--------+        and weight:31 | fresh:1 [capacity], weighted  up to 84     |
 *                                            | inner: key, first word, weight, child [capacity]     up to 31     |
 *                                            +------------------------------------------------------------------+
 *
 * key is key_of(first word): a number in the order of the items that decides most comparisons on the way down without
 * touching an item (for a sorted set: the score's bits made monotone). Only equal keys ask the caller. So a search in a
 * million members reads 3 inner nodes, which the caches hold, and touches about 7 items in one leaf.
 *
 * Why nodes vary in size: a leaf that splits leaves two halves of half the size, not two full blocks half empty. So no
 * siblings are balanced, a change touches one leaf and its ancestors (which the counts make it touch anyway), and memory is
 * ~9.3 bytes an item after random insertion, ~8.3 after ordered: a leaf that is full at the end (the start) of the order
 * is left full, and a new one begins. Why 1 KiB: smaller leaves pay more for inner nodes (64 bytes of parent for each),
 * larger ones more for the moving of words (~30 ns at 1 KiB) and for the copy that a snapshot forces.
 *
 * A node merges with a sibling when both together fill at most 3/4 of one. No leaf is linked to the next one: a link would
 * have to be copied with its neighbour. A cursor keeps the path instead.
 *
 * Frozen (docs/design/values.md): a node that was born before the freeze is copied before its first change, with its
 * ancestors (at most height * 1 KiB, once a node), and the old ones go to limbo. The snapshot reads the old head: a plain
 * copy of struct tree, made by tree_copy_head, whose nodes nobody changes. f is the dataset's struct frozen when the
 * snapshot may read this tree, else NULL: then all is changed in place. The tree never frees items.
 *
 * Thread: the owner; any thread may walk a head whose nodes are not changed any more. */
#ifndef TARN_STORE_TREE_H
#define TARN_STORE_TREE_H

#include "base/check.h"
#include "store/frozen.h"

#include <stdint.h>

#define TREE_HEIGHT_MAX 12
#define TREE_WEIGHT_MAX (UINT32_MAX >> 1) /* of one item */

struct tree_node { /* body public for the inline walk only */
    uint32_t birth;
    uint16_t count;
    uint8_t level; /* 0: leaf */
    uint8_t step;  /* size */
    uint64_t words[];
};

/* Monotone in the order of the items. Called with items that are in the tree, or are being put there. */
typedef uint64_t tree_key_fn(uint64_t word);

struct tree {
    struct tree_node *root; /* NULL: empty */
    size_t count;           /* items */
    uint64_t weight;        /* sum over the items: the number of positions */
    size_t bytes;           /* good sizes of the nodes, without what is in limbo */
    tree_key_fn *key_of;    /* NULL: the order is not searched, or always asks */
    enum mem_owner owner;
    bool weighted; /* false: all weights are 1 and not stored */
};

void tree_init(struct tree *t, tree_key_fn *key_of, bool weighted, enum mem_owner owner);
/* Frees the nodes, not the items. The tree is empty again. Not for a tree that a snapshot may read. O(nodes). */
void tree_release(struct tree *t);
/* copy becomes the head that is changed from now on; old stays for the snapshot and must not be released. O(1). */
static inline void tree_copy_head(struct tree *copy, const struct tree *old) { *copy = *old; }

/* ---- cursors ---- */
/* At an item, or at the end behind the last one. Any change of the tree invalidates all cursors but the one it is done
 * with. A cursor of a frozen head is for reading only. */
struct tree_cursor {
    const struct tree *tree;
    uint64_t position;                       /* weights before the item */
    struct tree_node *node[TREE_HEIGHT_MAX]; /* 0: the leaf; NULL in an empty tree */
    uint16_t index[TREE_HEIGHT_MAX];
};

static inline bool tree_valid(const struct tree_cursor *c) { return c->node[0] && c->index[0] < c->node[0]->count; }

static inline uint64_t tree_word(const struct tree_cursor *c) {
    debug_proven(tree_valid(c));
    return c->node[0]->words[c->index[0]];
}

uint32_t tree_weight(const struct tree_cursor *c);

/* All return tree_valid. */
bool tree_first(const struct tree *t, struct tree_cursor *c);
bool tree_last(const struct tree *t, struct tree_cursor *c);
bool tree_end(const struct tree *t, struct tree_cursor *c); /* behind the last: false */
/* The item that holds the position (its own is c->position, at most `position`); the end when there is none. */
bool tree_at(const struct tree *t, struct tree_cursor *c, uint64_t position);

/* A place in the order: behind every item for which `before` says true, which must hold for a beginning of the order. With
 * key_of, items of smaller (larger) key are before (not before) it unasked. So one form serves "from x on" (before: item <
 * x), "behind x" (item <= x), and with a `before` that is always true or false the borders of a range of keys. */
struct tree_bound {
    uint64_t key;
    bool (*before)(uint64_t word, const void *arg);
    const void *arg;
};
/* The first item that is not before the bound; the end when there is none: there it would be inserted. O(log n). */
bool tree_seek(const struct tree *t, struct tree_cursor *c, const struct tree_bound *bound);

bool tree_next_leaf(struct tree_cursor *c); /* the slow way of tree_next */
bool tree_prev(struct tree_cursor *c);      /* false, and where it was, at the first item */

static inline bool tree_next(struct tree_cursor *c) {
    debug_proven(tree_valid(c));
    if (unlikely(c->tree->weighted || c->index[0] + 1 == c->node[0]->count)) return tree_next_leaf(c);
    c->position++;
    c->index[0]++;
    return true;
}

/* ---- change, at a cursor; O(log n) ---- */
/* Before the cursor's item; the cursor is then at the new one. The order is the caller's. weight 1..TREE_WEIGHT_MAX. */
void tree_insert(struct tree *t, struct frozen *f, struct tree_cursor *c, uint64_t word, uint32_t weight);
/* The cursor is then at the next item, or the end. */
void tree_remove(struct tree *t, struct frozen *f, struct tree_cursor *c);
/* Another word, or weight, in the same place of the order. It counts as put in now (tree_item_shared). */
void tree_set(struct tree *t, struct frozen *f, struct tree_cursor *c, uint64_t word, uint32_t weight);
/* True when the snapshot may still read what the item points to: copy it instead of changing it, and send the old one to
 * limbo. Only of a weighted tree; for sorted sets the table beside the tree knows (table_forked_entry_shared). */
bool tree_item_shared(const struct tree_cursor *c, const struct frozen *f);

/* ---- much at once ---- */
/* Takes out the items of positions from..to-1, both at borders of items. drop is called for each, in order, with what
 * tree_item_shared says (for a tree without weights: whether f is live). O(log n + dropped). */
void tree_cut(struct tree *t, struct frozen *f, uint64_t from, uint64_t to,
              void (*drop)(void *arg, uint64_t word, bool shared), void *arg);
/* Fills an empty tree with n items in order; weights NULL for all 1. O(n), below 10 ns an item; nodes are as full as they can be. */
void tree_build(struct tree *t, const uint64_t *words, const uint32_t *weights, size_t n);

/* ---- defragmentation (mem/defrag.h); not while a snapshot is live ---- */
struct mem_defrag;
/* A step of a walk in order: moves the leaf that holds the position, and the inner nodes that begin with it, and gives each of its
 * items to visit (may be NULL), which says the word that it has from now on: in the same place of the order, with the same key and
 * weight. visit must not change this tree. Returns the position of the next leaf, 0 at the end. Whatever is inserted or removed
 * between two steps, a walk ends; it may then miss items, or meet some twice. O(items of a leaf: up to 127). */
uint64_t tree_defrag(struct tree *t, uint64_t position, struct mem_defrag *d,
                     uint64_t (*visit)(void *arg, uint64_t word), void *arg);

/* Tests: checks every invariant but the order (proven). O(n). */
void tree_verify(const struct tree *t);

#endif
