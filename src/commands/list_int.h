/* What the files of the list commands share. Private to them.
 *
 *   list.c           the rows
 *   list_ends.c      pushing, popping, reading
 *   list_places.c    what looks for a place: LINSERT, LPOS, LREM, LSET, LTRIM
 *   list_move.c      from one list to another; popping of the first list that is there
 *   list_blocking.c  the same, waiting where there is nothing */
#ifndef TARN_COMMANDS_LIST_INT_H
#define TARN_COMMANDS_LIST_INT_H

#include "exec/context.h"
#include "values/list.h"

/* ---- keys ---- */
/* The list that a command is about to change, as context_view_type, but neither a hit nor a miss; *v is the empty value when it is
 * absent. */
bool list_target(struct context *c, struct key key, struct value *v);
/* The same for a command that only reads. */
bool list_view(struct context *c, struct key key, struct value *v);
/* False after the error reply: the text is no element that there is memory for. */
bool list_element(struct context *c, struct slice text);
/* context_edit_end for an event that may count no change. */
void list_edit_end(struct context *c, struct key key, struct db_edit *e, const char *event, uint64_t changes);

/* An index from the head, or from behind the end when negative. False: outside. */
bool list_index(int64_t index, uint64_t length, uint64_t *out);
/* Both ends included, cut to what is there. Returns how many, from *from on. */
uint64_t list_range(int64_t start, int64_t stop, uint64_t length, uint64_t *from);

/* ---- ends ---- */
static inline const char *list_pop_event(enum list_end end) { return end == LIST_HEAD ? "lpop" : "rpop"; }
static inline const char *list_push_event(enum list_end end) { return end == LIST_HEAD ? "lpush" : "rpush"; }
/* LEFT or RIGHT. False after the error reply. */
bool list_end_argument(struct context *c, int i, enum list_end *end);
/* The n elements at that end as replies, the outermost first; proven: they are there. */
void list_reply(struct context *c, struct value v, enum list_end end, uint64_t n);
/* Takes at most n > 0 off a list that is there, after their reply: an array, or one bulk when is_array is false. Returns how many. */
uint64_t list_pop(struct context *c, struct key key, enum list_end end, uint64_t n, bool is_array);

/* ---- moves ---- */
struct list_move {
    struct key source, target;
    enum list_end from, to;
};
/* False when there is nothing to move: then nothing was replied. True after the reply, of an error too. */
bool list_move(struct context *c, const struct list_move *move);
/* The ends in arguments i and i + 1. */
bool list_move_ends(struct context *c, int i, struct list_move *move);

/* LMPOP's arguments, from the number of keys on. */
struct list_mpop {
    int first_key, keys;
    enum list_end end;
    int64_t count;
};
bool list_mpop_parse(struct context *c, int i, struct list_mpop *m);
/* Pops of the key, which is a list, and replies its name and the elements. */
void list_mpop_reply(struct context *c, struct key key, const struct list_mpop *m);
/* Of the first key that is there. False: none is, nothing was replied. True after the reply, of an error too. */
bool list_mpop_any(struct context *c, const struct list_mpop *m);

/* ---- handlers, for the rows ---- */
void list_lindex_run(struct context *c);
void list_llen_run(struct context *c);
void list_lpop_run(struct context *c);
void list_lpush_run(struct context *c);
void list_lpushx_run(struct context *c);
void list_lrange_run(struct context *c);
void list_rpop_run(struct context *c);
void list_rpush_run(struct context *c);
void list_rpushx_run(struct context *c);
void list_linsert_run(struct context *c);
void list_lpos_run(struct context *c);
void list_lrem_run(struct context *c);
void list_lset_run(struct context *c);
void list_ltrim_run(struct context *c);
void list_lmove_run(struct context *c);
void list_lmpop_run(struct context *c);
void list_rpoplpush_run(struct context *c);
void list_blmove_run(struct context *c);
void list_blmpop_run(struct context *c);
void list_blpop_run(struct context *c);
void list_brpop_run(struct context *c);
void list_brpoplpush_run(struct context *c);

#endif
