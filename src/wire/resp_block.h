/* Long arguments of a request, each in a block of its own: so that who makes a value of one may take the block as it is, and a value
 * of half a GB is never there twice.
 *
 *   ptr: | front bytes | the argument's bytes |
 *
 * What the room in front is for, and whose bytes the blocks are (mem.h), says who owns the parser: the wire does not know
 * what a value looks like. A block belongs to the list until it is taken; what is not taken goes with the list. A slice of an
 * argument in a block is valid as long as the block stays where it is, taken or not. One thread. */
#ifndef TARN_WIRE_RESP_BLOCK_H
#define TARN_WIRE_RESP_BLOCK_H

#include "base/slice.h"
#include "mem/mem.h"

#include <stdbool.h>

struct resp_block {
    char *ptr;   /* NULL: taken */
    size_t size; /* of the argument's part */
    int arg;
};

struct resp_blocks {         /* zeroed memory holds none */
    struct resp_block *list; /* by arg; owner MEM_CLIENT_IN */
    unsigned count, capacity;
    size_t bytes; /* of the blocks that are not taken, as asked for */
    size_t front; /* these two: set before the first block */
    enum mem_owner owner;
};

/* A block for an argument behind those that have one. False, and nothing has changed, when there is no memory: the size came from
 * outside. */
bool resp_block_try_add(struct resp_blocks *b, int arg, size_t size);
/* The last one becomes longer, and may move. */
bool resp_block_try_grow(struct resp_blocks *b, size_t size);
char *resp_block_text(const struct resp_blocks *b, const struct resp_block *block);
/* The block of an argument; NULL: it lies elsewhere, or has been taken. b may be NULL. O(log blocks). */
const struct resp_block *resp_block_find(const struct resp_blocks *b, int arg);
/* The block is the caller's from now on: front + the argument's length of the list's owner. NULL as above. */
void *resp_block_take(struct resp_blocks *b, int arg);
/* All of them; from is empty then, and knows front and owner still. to: empty, its front and owner are overwritten. */
void resp_blocks_move(struct resp_blocks *to, struct resp_blocks *from);
void resp_blocks_clear(struct resp_blocks *b);

#endif
