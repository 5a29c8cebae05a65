/* What all value types share: how a value is held, how it is changed, and what the rest of the server asks of every type.
 * A type is one row (struct value_kind: values/kind.h) in the file that implements it; value.c gathers them.
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

struct value_kind; /* values/kind.h */

/* ---- hashing for the tables inside of values ---- */
/* The key is made once when the process starts, before threads and values; tests may leave it zero. One for all values, so
 * that they move freely between datasets. */
void values_set_seed(const unsigned char seed[16]);
uint64_t value_hash(struct slice text); /* SipHash-1-3, ~15 ns */

#endif
