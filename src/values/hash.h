/* Hash values: fields with a value each, and where asked for a time at which the field goes away.
 *
 *   VALUE_PACK   field and value in turn, in the order in which they came; no field has a time
 *   VALUE_HEAD   a table of fields (hash_int.h); those with a time are also in a tree, ordered by it
 *
 * A pack becomes a table when it has more than hash-max-listpack-entries fields, a text is longer than
 * hash-max-listpack-value, or a field gets a time (as in Valkey 9; Redis 7.4 keeps a pack of its own kind for that). It never
 * goes back.
 *
 * A field is due when its time is not above now_ms. Due fields are invisible to every function that takes now_ms, and to
 * those that change, which take e->now_ms: putting one makes it anew. They stay in memory until expire_due takes them out,
 * which the owner calls at head_next_due. So nothing walks to find out what is due: docs/design/field-expiry.md. */
#ifndef TARN_VALUES_HASH_H
#define TARN_VALUES_HASH_H

#include "base/num.h"
#include "base/random.h"
#include "values/value.h"

extern const struct value_kind hash_kind;

#define HASH_NO_TIME   INT64_C(-1)
#define HASH_SAME_TIME INT64_C(-2) /* the one it has: of a new field none */

struct hash_field { /* texts are valid until the next change; those of integers lie in the caller's scratch */
    struct slice field, value;
    int64_t expire_at; /* ms, or HASH_NO_TIME */
};
typedef void hash_visit(void *arg, const struct hash_field *f);

/* ---- reading; v.ptr may be NULL ---- */
/* False when there is no such field. The value of a pack may be an integer, printed into scratch (NUM_TEXT_MAX bytes).
 * out->field is the one asked for. O(1); in a pack O(bytes). */
bool hash_find(struct value v, struct slice field, int64_t now_ms, char *scratch, struct hash_field *out);
size_t hash_length(struct value v, int64_t now_ms); /* of fields not due. O(1), O(log n) with times */
/* All fields that are not due: hash_length of them. */
void hash_each(struct value v, int64_t now_ms, hash_visit *visit, void *arg);
/* One step of table_scan, due fields left out: at the end 0. A pack is visited whole. */
uint64_t hash_scan(struct value v, int64_t now_ms, uint64_t cursor, hash_visit *visit, void *arg);
/* count times a field chosen uniformly, each by itself. proven: not empty. O(count), in a pack O(count + bytes). */
void hash_sample(struct value v, int64_t now_ms, struct random *r, size_t count, hash_visit *visit, void *arg);
/* count different ones, all when there are not so many; returns how many. In no promised order, and not a uniform one. O(count)
 * expected, O(size) in a pack or when many fields are due. */
size_t hash_sample_distinct(struct value v, int64_t now_ms, struct random *r, size_t count, hash_visit *visit,
                            void *arg);

/* ---- changing ---- */
enum hash_put { HASH_ADDED, HASH_REPLACED, HASH_NO_MEMORY };
/* at: a time, HASH_NO_TIME, or HASH_SAME_TIME. Texts must not lie in this value's pack. HASH_NO_MEMORY (for long texts only):
 * nothing has changed but perhaps the form. O(1); a conversion O(size). */
enum hash_put hash_put(struct value_edit *e, struct slice field, struct slice value, int64_t at);
/* False when there is no such field. The last one leaves the empty value. */
bool hash_remove(struct value_edit *e, struct slice field);
/* at: a time or HASH_NO_TIME. False when there is no such field, or (long texts) no memory. */
bool hash_set_time(struct value_edit *e, struct slice field, int64_t at);

#endif
