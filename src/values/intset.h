/* A small set of integers: sorted, in one block, in the bytes that RDB carries.
 *
 *   | width:32 (2, 4 or 8) | count:32 | integers of width bytes, ascending |     all little endian
 */
#ifndef TARN_VALUES_INTSET_H
#define TARN_VALUES_INTSET_H

#include "base/slice.h"

#include <stdint.h>

struct intset;

size_t intset_bytes(const struct intset *s); /* of the block, as asked for */

#endif
