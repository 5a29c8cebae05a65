/* Defragmentation of one value, step by step (mem/defrag.h, keyspace/defrag.h). */
#ifndef TARN_VALUES_DEFRAG_H
#define TARN_VALUES_DEFRAG_H

#include "mem/defrag.h"
#include "values/value.h"

/* Where the defragmentation of one value stands. All zero but mem at the start; then it counts through the stages of the
 * type. Between two steps the value may change in any way, also its form: what is met twice or missed does no harm. */
struct value_defrag {
    struct mem_defrag *mem;
    unsigned stage;
    uint64_t cursor;          /* in the container of the stage */
    uint64_t group, consumer; /* of streams: how many lie behind */
    bool done;
};

/* A step of head_defrag, of any form; returns where the block lies now. A pack or intset, a block of its own, is done in one. Not while
 * a snapshot is live. */
void *value_defrag(struct value v, struct value_defrag *d);

#endif
