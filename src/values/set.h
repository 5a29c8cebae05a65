/* Set values: members in no order, each once.
 *
 *   VALUE_INTS   few members, all integers of 64 bits (num_parse_i64): values/intset.h
 *   VALUE_PACK   few and short members, in the order in which they came
 *   VALUE_HEAD   else: struct set, a table of members, one block each
 *
 *   member: | length:8, below 255 | text |   or   | 255 | length:64 | text |        at least 16 bytes
 *
 * So a member of up to 15 bytes takes 16, and about 17 in the table. Forms change as in Valkey 8.1 with
 * struct value_limits, only upwards: integers to a pack when another text comes and the limits of packs allow it, both to a
 * table beyond their limits. An integer is the same member in every form.
 *
 * All O(1) expected for tables, O(log n) to find and O(n) to change for integers, O(bytes) for packs. */
#ifndef TARN_VALUES_SET_H
#define TARN_VALUES_SET_H

#include "base/random.h"
#include "values/value.h"

extern const struct value_kind set_kind;

#define SET_EMPTY ((struct value){NULL, TYPE_SET, VALUE_PACK})

typedef void set_visit(void *arg, struct slice member); /* the slice is valid for the call */

/* ---- reading; v.ptr is not NULL unless said ---- */
size_t set_count(struct value v); /* v may be empty */
bool set_has(struct value v, struct slice member);
/* SSCAN and every other walk: visits some members and returns the next cursor, 0 at the end. Packs and integers are visited
 * whole; of a table one bucket, with the guarantees of table_scan. visit must not change the set. */
uint64_t set_scan(struct value v, uint64_t cursor, set_visit *visit, void *arg);
void set_each(struct value v, set_visit *visit, void *arg);

/* ---- changing ---- */
/* SET_NO_MEMORY: of a long member; then it is not there, and nothing else has changed but perhaps the form. */
enum set_added { SET_THERE, SET_ADDED, SET_NO_MEMORY };
enum set_added set_add(struct value_edit *e, struct slice member);
/* False when it was not there. The member's text may be the set's own. */
bool set_remove(struct value_edit *e, struct slice member);

/* ---- chance ---- */
/* One member, each as likely as the others; text in the set, or in scratch (NUM_TEXT_MAX bytes). O(1) expected for tables
 * and integers, O(bytes) for packs. */
struct slice set_random(struct value v, struct random *r, char *scratch);
/* n different members, each choice of n as likely as the others, in no random order. O(n) or O(count), whichever is less
 * up to a factor. n <= count. */
void set_sample(struct value v, size_t n, struct random *r, set_visit *visit, void *arg);
/* n members, each chosen from all of them. O(n), after O(bytes) for packs. */
void set_draw(struct value v, size_t n, struct random *r, set_visit *visit, void *arg);
/* Takes n members out, each choice of n as likely as the others. gone is told each, before it goes. n < count. When few are
 * left they go into a new value, which may have a smaller form, as in Redis. O(n). */
void set_take(struct value_edit *e, size_t n, struct random *r, set_visit *gone, void *arg);

#endif
