/* A small set of integers: sorted, in one block, in the bytes that RDB carries.
 *
 *   | width:32 (2, 4 or 8) | count:32 | integers of width bytes, ascending |     all little endian
 *
 * All have the width of the widest; a wider one that comes in widens all, a removal never narrows. Finding is O(log n), a
 * change O(bytes). Source of the format: the RDB file format notes of Sripathi Krishnan.
 *
 * Changes take the block, owner MEM_SETS, and return it, perhaps moved; it is resized only when its good size changes. Reading
 * takes a block at any alignment, as it may lie inside an entry. Aborts when memory runs out, except intset_try_copy. Reading
 * functions trust the bytes: those from outside pass intset_verify first. */
#ifndef TARN_VALUES_INTSET_H
#define TARN_VALUES_INTSET_H

#include "base/slice.h"

#include <stdint.h>

#define INTSET_COUNT_MAX (UINT32_C(1) << 27) /* 1 GiB of the widest; the owner converts before */

struct intset;

struct intset *intset_new(void); /* empty */
/* A set of these verified bytes; NULL when memory ran out. */
struct intset *intset_try_copy(const void *bytes, size_t n);
void intset_free(struct intset *s);          /* s may be NULL */
size_t intset_bytes(const struct intset *s); /* of the block, as asked for: n of mem_free; also the RDB form */
uint32_t intset_count(const struct intset *s);
/* Untrusted bytes: false when they are not an intset, or hold more than INTSET_COUNT_MAX. O(n). */
bool intset_verify(const void *bytes, size_t n);

int64_t intset_at(const struct intset *s, uint32_t i); /* the ith by size; i < count */
bool intset_has(const struct intset *s, int64_t integer);
/* *changed: it was not there before. proven: fewer than INTSET_COUNT_MAX. */
struct intset *intset_add(struct intset *s, int64_t integer, bool *changed);
/* *changed: it was there. What is left may be empty. */
struct intset *intset_remove(struct intset *s, int64_t integer, bool *changed);

#endif
