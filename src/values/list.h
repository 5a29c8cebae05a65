/* List values: one pack while small, then a tree of packs weighted by their elements, so that every element is found by its
 * index, and put in or taken out anywhere, in O(log n). Sizes of packs follow list-max-listpack-size; an element that is
 * longer than that has a pack of its own. Layout and thresholds: docs/design/lists.md.
 *
 * An element is at most LIST_ELEMENT_MAX bytes; what comes from outside is asked for with list_holds first. Indexes count
 * from the head, from 0. Costs: of a list of n elements in packs of b bytes. */
#ifndef TARN_VALUES_LIST_H
#define TARN_VALUES_LIST_H

#include "store/pack.h"
#include "store/tree.h"
#include "values/value.h"

extern const struct value_kind list_kind;

#define LIST_ELEMENT_MAX ((size_t)PACK_BYTES_MAX - PACK_BYTES_EMPTY - PACK_ELEMENT_MAX)

/* ---- reading ---- */
uint64_t list_length(struct value v); /* 0 of the empty value; O(1) */

/* A text that elements are compared with; parsed once. */
struct list_sought {
    struct slice text;
    bool is_integer;
    int64_t integer;
};
struct list_sought list_sought_of(struct slice text);

/* At an element. Any change of the list invalidates it. */
struct list_cursor {
    const struct pack *pack;
    pack_pos at;
    bool in_tree;
    struct tree_cursor place; /* of the pack, in a tree */
};
/* proven: index < list_length. O(log n + b). */
void list_seek(struct value v, uint64_t index, struct list_cursor *c);
/* False, and no longer at an element, behind the last and before the first one. */
bool list_next(struct list_cursor *c);
bool list_prev(struct list_cursor *c);
/* Valid as the cursor is; an integer is printed into scratch (NUM_TEXT_MAX bytes). */
struct slice list_text(const struct list_cursor *c, char *scratch);
bool list_matches(const struct list_cursor *c, const struct list_sought *sought);

/* ---- changing ---- */
/* Whether the text can be an element: not too long, and there is memory for it now. O(1). */
bool list_holds(struct slice text);
/* A list that is going to take so many elements more, of so many bytes together, becomes a tree now if that is too much for one
 * pack. The functions below ask by themselves, each for its own element; a command that adds several asks once for all, as
 * OBJECT ENCODING shows it. */
void list_expect(struct value_edit *e, size_t bytes, size_t count);

enum list_end { LIST_HEAD, LIST_TAIL };
void list_push(struct value_edit *e, enum list_end end, struct slice text); /* O(log n + b) */
/* The new element has this index; proven: index <= list_length. O(log n + b). */
void list_insert(struct value_edit *e, uint64_t index, struct slice text);
void list_replace(struct value_edit *e, uint64_t index,
                  struct slice text); /* proven: index < list_length. O(log n + b) */
/* n elements from the index on; proven: they are there. O(log n + b + packs taken out). */
void list_delete(struct value_edit *e, uint64_t index, uint64_t n);
/* Elements equal to the text, at most `most` (0: all), from that end on. Returns how many. O(n). */
uint64_t list_delete_equal(struct value_edit *e, const struct list_sought *sought, uint64_t most, enum list_end from);

/* Tests: every invariant (proven). O(n). */
void list_verify(struct value v, const struct value_limits *limits);

#endif
