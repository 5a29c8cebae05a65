/* Sorted set values: members, each with a score, in the order of the scores, and of the members' bytes where scores are equal.
 *
 *   small   VALUE_PACK   a pack of member, score, member, score ... in order (store/pack.h): the bytes that RDB carries
 *   big     VALUE_HEAD   struct zset: a table finds a member, a counted tree holds the order (docs/design/sorted-sets.md)
 *
 * Scores are any double but NaN; -0 and 0 are equal, and a small one keeps both as 0. A small one becomes big when it
 * outgrows limits->zset_max_listpack_entries or _value, and never small again.
 *
 * Cost below: in a big one, n members; a small one is walked, a few microseconds at the default limits. */
#ifndef TARN_VALUES_ZSET_H
#define TARN_VALUES_ZSET_H

#include "base/num.h"
#include "store/pack.h"
#include "store/tree.h"
#include "values/value.h"

struct random;

extern const struct value_kind zset_kind;

struct zset_item {
    struct slice member;
    double score;
};

/* ---- reading; v.ptr NULL is the empty one ---- */
size_t zset_count(struct value v);
/* False when there is no such member. O(1). */
bool zset_score(struct value v, struct slice member, double *score);
/* How many stand before it; score may be NULL. False when there is no such member. O(log n). */
bool zset_rank(struct value v, struct slice member, uint64_t *rank, double *score);

/* A range of scores, each end included unless it is open. */
struct zset_scores {
    double min, max;
    bool min_open, max_open;
};

/* A range of members, for sets whose scores are all equal; of another, what it holds is undefined. */
struct zset_border {
    enum { ZSET_LOWEST, ZSET_CLOSED, ZSET_OPEN, ZSET_HIGHEST } kind;
    struct slice text; /* of CLOSED and OPEN */
};
struct zset_members {
    struct zset_border min, max;
};

/* A walk over a range, up or down. Valid until the value's next change. */
struct zset_walk {
    struct value value;
    bool down;
    uint64_t left; /* members still to come */
    uint64_t rank; /* of the next one */
    pack_pos at;   /* of the next one, in a pack */
    struct tree_cursor cursor;
    char scratch[NUM_TEXT_MAX];
};

/* All set `left`, the number of members in the range, and stand at its first, or last (down). Ranks: from <= rank < to, both
 * at most the count. O(log n). */
void zset_walk_ranks(struct zset_walk *w, struct value v, uint64_t from, uint64_t to, bool down);
void zset_walk_scores(struct zset_walk *w, struct value v, const struct zset_scores *range, bool down);
void zset_walk_members(struct zset_walk *w, struct value v, const struct zset_members *range, bool down);
/* Passes over n members, and then ends after at most `most`. O(log n). */
void zset_walk_limit(struct zset_walk *w, uint64_t skip, uint64_t most);
/* The next member; its slice is valid until the next call. False at the end. */
bool zset_walk_next(struct zset_walk *w, struct zset_item *item);

/* The range's first rank, after which w->left ranks follow, whichever way it is walked. Before zset_walk_next. */
static inline uint64_t zset_walk_first_rank(const struct zset_walk *w) {
    return w->down && w->left ? w->rank + 1 - w->left : w->rank;
}

/* Some part of the members, in no order: pages of a scan. cursor 0 starts, 0 is returned at the end; guarantees of
 * table_scan. Of a pack all at once. */
uint64_t zset_scan(struct value v, uint64_t cursor, void (*visit)(void *arg, const struct zset_item *item), void *arg);

/* ---- changing ---- */
enum zset_add_flags {
    ZSET_NEW_ONLY = 1,  /* a member that is there stays as it is */
    ZSET_OLD_ONLY = 2,  /* none is added */
    ZSET_GREATER = 4,   /* a score only rises */
    ZSET_LESS = 8,      /* a score only falls */
    ZSET_INCREMENT = 16 /* *score is added to what the member has, 0 when it is new */
};
enum zset_added {
    ZSET_ADDED,
    ZSET_MOVED,   /* it has another score now */
    ZSET_SAME,    /* it has that score already */
    ZSET_REFUSED, /* by a flag */
    ZSET_NAN      /* inf and -inf do not add up; nothing was changed */
};
/* *score becomes what the member has now, unless refused or NaN. member must not lie in this value. proven: *score no NaN.
 * O(log n). */
enum zset_added zset_add(struct value_edit *e, struct slice member, double *score, unsigned flags);
/* False when it was not there. O(log n). */
bool zset_remove(struct value_edit *e, struct slice member);
/* Takes out the ranks from..to-1. O(log n + taken). */
void zset_remove_ranks(struct value_edit *e, uint64_t from, uint64_t to);

/* ---- building: members in any order, each once ---- */
/* What unions, stored ranges and loads are made with: O(1) a member, and one sort at the end (none when they came in order, up
 * or down). */
struct zset_builder {
    struct zset *zset;
    uint64_t *words;
    size_t count, room;
    size_t longest; /* member */
    bool rising, falling;
};
void zset_builder_init(struct zset_builder *b);
/* Makes room for n members, more than a pack holds, before the first comes. */
void zset_builder_expect(struct zset_builder *b, size_t n);
/* Whether it has been added. */
bool zset_builder_has(const struct zset_builder *b, struct slice member);
/* False when it is there already. proven: score no NaN. */
bool zset_builder_add(struct zset_builder *b, struct slice member, double score);
/* The place of its score, which the caller sets or changes (never to NaN); valid until the next call. *added: it is new, its score
 * 0. From now on the order is looked for at the end. */
double *zset_builder_at(struct zset_builder *b, struct slice member, bool *added);
/* The value of what was added (ptr NULL: nothing), in the form that the limits ask for; NULL: a head. Ends the builder. */
struct value zset_builder_end(struct zset_builder *b, const struct value_limits *limits);
void zset_builder_release(struct zset_builder *b); /* or so, without a value */

#endif
