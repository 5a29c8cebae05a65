/* The process's memory as a tree, from RSS down to the owners. Leaves are measured; a parent is the sum of its children, by
 * construction, and the root is held against what the kernel says (difference_bytes). May be taken by any thread, in every
 * phase: nothing here looks at the dataset.
 *
 * Beside the bytes stand counts: of the blocks that an owner has allocated, exact, and of the things it holds for users (keys,
 * clients, channels), which the executor publishes; while a dataset loads its keys are among them. O(1): ~40 us. */
#ifndef TARN_OBSERVE_MEMORY_TREE_H
#define TARN_OBSERVE_MEMORY_TREE_H

#include "mem/buf.h"
#include "mem/mem.h"
#include "mem/stats.h"
#include "observe/json.h"

struct published;

#define MEMORY_TREE_NODES 33

struct memory_tree {
    int64_t bytes[MEMORY_TREE_NODES];  /* preorder, see memory_tree_node */
    int64_t blocks[MEMORY_TREE_NODES]; /* -1: of what is no owner's, nor a sum of owners */
    int64_t counts[MEMORY_TREE_NODES]; /* of node->counted; -1: nothing is counted */
    int64_t used, rss;                 /* sum of the owners; of the kernel */
    int64_t difference;                /* root minus rss: pages of large blocks that nobody has touched yet */
    int64_t retained;                  /* address space the allocator keeps, no memory behind it */
    struct mem_stats heap;
};

struct memory_node {
    const char *name, *meaning;
    unsigned depth;      /* 0: the root */
    int owner;           /* enum mem_owner, or -1 */
    const char *counted; /* "keys"; NULL: nothing */
    int moment;          /* enum published_moment: the count */
};

const struct memory_node *memory_tree_node(unsigned i);
/* p: where the counts are from; NULL: without. */
void memory_tree_take(struct memory_tree *t, const struct published *p);
/* For people: a line a node, those without bytes left out. */
void memory_tree_print(const struct memory_tree *t, struct buf *out);
/* One object; name NULL: an element. */
void memory_tree_json(const struct memory_tree *t, struct json *j, const char *name);

#endif
