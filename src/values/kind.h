/* What the rest of the server asks of every type of value: one row a type, in the file that implements it. */
#ifndef TARN_VALUES_KIND_H
#define TARN_VALUES_KIND_H

#include "values/value.h"

struct rdb_input;
struct rdb_sink;
struct value_defrag; /* values/defrag.h */

/* One element as `each` tells it; slices are valid for the call. */
struct value_element {
    struct slice text;          /* element, member, field; of a stream: the entry's ID as text */
    struct slice second;        /* a hash's value */
    double score;               /* a sorted set's */
    int64_t expire_at;          /* a field's time in ms, -1 without */
    const struct slice *fields; /* a stream entry's fields and values in turn */
    size_t field_count;         /* of both together */
};

/* Functions named head_* are for VALUE_HEAD only; packs and intsets are known to value.c. */
struct value_kind {
    const char *name; /* as TYPE */
    enum value_type type;
    enum mem_owner owner;
    const uint8_t *rdb_types; /* the record types that it reads (enum rdb_type), ended by 0xff */

    void (*head_free)(void *head);           /* with all it holds; any thread */
    size_t (*head_blocks)(const void *head); /* how many blocks that would free; O(1), may be a guess from above */
    size_t (*head_memory)(const void *head); /* good sizes of all it holds; O(1) and exact */
    void *(*head_fork)(void *head,
                       struct frozen *f); /* docs/design/values.md: the new head; the old block goes to limbo */
    void *(*head_copy)(const void *head); /* all of it, sharing nothing: COPY. O(size) */
    /* A step: moves those of about a hundred blocks that are worth it. Returns where the head lies now. Not while frozen. */
    void *(*head_defrag)(void *head, struct value_defrag *d);

    size_t (*count)(struct value v);         /* elements (fields, members, entries); O(1) but for huge packs */
    const char *(*encoding)(struct value v); /* as OBJECT ENCODING */

    /* The record that stands for the value in a file of sink->version, and its bytes after the key. rdb_write false: the
     * sink wants no more. */
    uint8_t (*rdb_type)(struct value v, int version);
    bool (*rdb_write)(struct value v, struct rdb_sink *sink);
    /* Reads one of rdb_types into *out. False: in->why says why, nothing is left behind. Never trusts a byte. An aggregate
     * without elements gives ptr NULL (the caller decides). keep_expired and now_ms are for elements with times. */
    bool (*rdb_read)(uint8_t rdb_type, struct rdb_input *in, const struct value_limits *limits, int64_t now_ms,
                     struct value *out);

    /* Only of types whose elements expire (hashes), else NULL: when the next one is due (INT64_MAX: none), and the removal of
     * those due at e->now_ms, at most max; `gone` (may be NULL) is told each element. Returns how many. */
    int64_t (*head_next_due)(const void *head);
    size_t (*expire_due)(struct value_edit *e, size_t max, void (*gone)(void *arg, struct slice element), void *arg);

    /* Every element that has not expired at now_ms, in the type's order: what DEBUG DIGEST, SORT and tools ask. */
    void (*each)(struct value v, int64_t now_ms, void (*visit)(void *arg, const struct value_element *element),
                 void *arg);
};

/* proven: not TYPE_STRING, whose values keyspace/ holds by itself. */
const struct value_kind *value_kind(enum value_type type);
/* The kind that reads records of this type, NULL when none does. */
const struct value_kind *value_kind_of_rdb(uint8_t rdb_type);

/* Of any form, by its kind. ptr is not NULL. */
void value_free(struct value v); /* any thread; O(size) */
size_t value_blocks(struct value v);
size_t value_memory(struct value v);
int64_t value_elements_due(struct value v); /* head_next_due; INT64_MAX where there is nothing of the kind. O(1) */
bool value_copy(struct value v, struct value *out); /* deep; false: no memory for a long block */
size_t value_block_size(struct value v); /* of a pack or intset, as asked for: n of mem_free; also its RDB bytes */

#endif
