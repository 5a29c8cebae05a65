/* Private to persist/: where a value's record ends, by its structure alone. Nothing is made of it and nothing in it is verified: a value
 * that cannot be right has an end all the same, as long as its lengths are. */
#ifndef TARN_PERSIST_RDB_SKIP_INT_H
#define TARN_PERSIST_RDB_SKIP_INT_H

#include "wire/rdb_io.h"

/* What stands behind the key, of the records that a few figures describe: bytes, then one string, or a number of elements and
 * maybe a string behind them. The scout, which counts what it passes, reads the same table. */
struct rdb_shape {
    bool known, counted;
    bool text_score; /* an element ends with digits behind their number, which from 253 on stands for itself */
    bool behind;
    uint8_t head;                  /* bytes before the number */
    uint8_t lengths, strings, raw; /* of an element, in this order; raw in bytes */
};
/* NULL: streams, and what else has a form of its own; and what that line has no such record of. */
const struct rdb_shape *rdb_shape_of(uint8_t type, bool valkey);

/* in: over a window that is all there is, behind the key. False: no end can be told; in->ended when it may lie behind the window. When
 * false, in->why need not say anything. ~5 ns for a short string, O(elements). */
bool rdb_skip_value(struct rdb_input *in, uint8_t type, bool valkey);
/* Tagged values up to a 0, as modules write them. */
bool rdb_skip_tagged(struct rdb_input *in);

#endif
