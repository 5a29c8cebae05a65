/* What the files of list values share. Private to them.
 *
 *   list.c       the kind, reading, what changes one place or the ends
 *   list_bulk.c  what takes out much: ranges, equal elements; joining of small packs; the checks of tests
 *   list_rdb.c   records */
#ifndef TARN_VALUES_LIST_INT_H
#define TARN_VALUES_LIST_INT_H

#include "values/kind.h"
#include "values/list.h"

struct list {
    struct value_head head;
    size_t pack_bytes; /* good sizes of the packs */
    struct tree packs; /* words: struct pack *; weights: their elements */
};

/* A pack of a tree, at most. An element is found in it by walking, some 3 ns each, which is what LINDEX costs; bytes are what
 * pushing at the head moves. Packs of 8 KiB, at which a list becomes a tree, would be walked and moved longer; smaller ones
 * would leave elements of a KiB alone, or be too many (a pack costs some 20 bytes in the tree and by rounding). */
#define LIST_NODE_BYTES 4096
#define LIST_NODE_COUNT 256

/* How much one pack takes that is a list of its own / that is in a tree. */
struct list_limit {
    size_t bytes, count;
};
struct list_limit list_limit_of(const struct value_limits *limits);
struct list_limit list_node_limit_of(const struct value_limits *limits);

static inline struct list *list_of(struct value v) {
    debug_proven(v.ptr && v.form == VALUE_HEAD && v.type == TYPE_LIST);
    return v.ptr;
}

static inline struct pack *list_pack_at(const struct tree_cursor *c) {
    debug_proven(tree_valid(c));
    return (struct pack *)(uintptr_t)tree_word(c);
}

/* What an element of so many bytes takes, from above. */
static inline size_t list_element_bytes(size_t len) {
    debug_proven(len <= LIST_ELEMENT_MAX);
    return len + (len < 64 ? 2u : len < 4096 ? 4u : PACK_ELEMENT_MAX);
}

/* The value becomes a tree around the pack it is (or of none, from the empty value). */
struct list *list_to_tree(struct value_edit *e);
/* The pack, cut in parts, behind what is in the tree. */
void list_add_parts(struct value_edit *e, struct pack *p);
/* A tree becomes one pack if it is at most 1/part of what one pack takes. */
void list_to_pack(struct value_edit *e, unsigned part);
/* A tree that has become small becomes one pack; the value of no elements is emptied. After whatever takes out. */
void list_shrink(struct value_edit *e);

/* The cursor's pack, to be changed, between open and close: a copy when a snapshot may read it. */
struct pack *list_open(struct value_edit *e, const struct tree_cursor *c);
/* p has taken its place and holds `count`; without elements it goes, and the cursor is at the next one. */
void list_close(struct value_edit *e, struct tree_cursor *c, struct pack *p, size_t count);
/* A new pack before the cursor's place; the cursor is at it. */
void list_add_pack(struct value_edit *e, struct tree_cursor *c, struct pack *p);
/* The packs on both sides of the position become one if both together are small. */
void list_join(struct value_edit *e, uint64_t position);
/* list_delete without the change of form. Something must be left. */
void list_cut(struct value_edit *e, uint64_t index, uint64_t n);

uint8_t list_rdb_type(struct value v, int version);
bool list_rdb_write(struct value v, struct rdb_sink *sink);
bool list_rdb_read(uint8_t rdb_type, struct rdb_input *in, const struct value_limits *limits, int64_t now_ms,
                   struct value *out);

#endif
