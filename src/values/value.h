/* What all value types share: how a value is held, how it is changed, and what the rest of the server asks of every type.
 * A type is one row (struct value_kind) in the file that implements it; value.c gathers them.
 *
 * A value that is not a string has one of three forms:
 *
 *   VALUE_PACK   a struct pack (store/pack.h): small lists, sets, sorted sets, hashes
 *   VALUE_INTS   a struct intset (values/intset.h): small sets of integers
 *   VALUE_HEAD   the type's own struct, which begins with a struct value_head, around trees and tables (store/)
 *
 * A struct value is passed by value and owns nothing by itself: views look, edits change (below). A view's pack may lie inside
 * an entry, so it is never resized or freed. ptr NULL is the empty value: what an absent key is to a command that would
 * create it, and what a function leaves behind that took the last element out (streams excepted, which may be empty).
 *
 * Pure: no clients, no replies, no clock. Thread: the owner of the dataset; any thread for a frozen value
 * (docs/design/values.md) or one that no dataset holds yet. */
#ifndef TARN_VALUES_VALUE_H
#define TARN_VALUES_VALUE_H

#include "base/slice.h"
#include "store/frozen.h"

#include <stdint.h>

struct rdb_input;
struct rdb_sink;

enum value_type { TYPE_STRING, TYPE_LIST, TYPE_SET, TYPE_ZSET, TYPE_HASH, TYPE_STREAM, TYPE_COUNT };
enum value_form { VALUE_PACK, VALUE_INTS, VALUE_HEAD };

struct value {
    void *ptr; /* a view's is read only, whatever its C type */
    enum value_type type;
    enum value_form form;
};

struct value_head { /* first in every type's struct */
    uint32_t birth; /* frozen_birth when it was made or forked: docs/design/values.md */
};

/* The thresholds between forms, as configured (directive names with '_'). Negative list_max_listpack_size: -1 to -5 mean 4, 8,
 * 16, 32, 64 KiB; positive: elements. One struct a dataset; constant during an edit. */
struct value_limits {
    int64_t list_max_listpack_size, list_compress_depth;
    int64_t set_max_intset_entries, set_max_listpack_entries, set_max_listpack_value;
    int64_t zset_max_listpack_entries, zset_max_listpack_value;
    int64_t hash_max_listpack_entries, hash_max_listpack_value;
    int64_t stream_node_max_bytes, stream_node_max_entries;
};
extern const struct value_limits value_limits_default; /* Valkey's */

/* ---- changing ---- */
/* A value that may be changed, between db_edit_begin and db_edit_end (keyspace/db.h), or in a test. What snapshot readers may
 * still see has been taken care of as far as the outermost block goes: a pack or intset is this edit's alone, a head is
 * born since the freeze; what hangs below a head is asked for with f. Functions of the types may replace value.ptr and
 * value.form (a conversion), and leave ptr NULL for an emptied value, whose blocks they have dropped. */
struct value_edit {
    struct value value;
    struct frozen *f; /* NULL: no snapshot can read this value; else pass it down to tree and table */
    const struct value_limits *limits;
    int64_t now_ms;
    struct limbo *doomed; /* blocks beyond VALUE_FREES_MAX: freed elsewhere, after the edit */
    unsigned freed;       /* blocks freed here so far */
};

/* How many blocks one edit frees itself: a command must not stall on freeing. */
#define VALUE_FREES_MAX 64

/* An edit of a value that no dataset and no snapshot knows (loader, tests, new values). Ends with value_edit_release. */
struct value_edit value_edit_alone(struct value v, const struct value_limits *limits, int64_t now_ms);
/* Frees what waits in `doomed`, here. The value stays the caller's. */
void value_edit_release(struct value_edit *e);

/* One block of the type's owner that has left the value. shared: the snapshot may still read it (only with e->f). Freed at
 * once, or, beyond VALUE_FREES_MAX, by whoever ends the edit. */
void value_drop(struct value_edit *e, void *p, size_t n, bool shared);
/* What e->value holds (any form), whole, because it is emptied or has been converted; e->value is empty then. shared as
 * in value_drop, of a head: pass e->f != NULL, of a pack or intset: false. Never slow. */
void value_drop_whole(struct value_edit *e);

/* ---- what every type answers ---- */
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

/* ---- hashing for the tables inside of values ---- */
/* The key is made once when the process starts, before threads and values; tests may leave it zero. One for all values, so
 * that they move freely between datasets. */
void values_set_seed(const unsigned char seed[16]);
uint64_t value_hash(struct slice text); /* SipHash-1-3, ~15 ns */

#endif
