/* A request kept for later, in one block with its arguments, but for those that have blocks of their own: queued by MULTI, or tried again
 * by a session that waits for keys. */
#ifndef TARN_EXEC_SAVED_H
#define TARN_EXEC_SAVED_H

#include "base/slice.h"
#include "wire/resp_block.h"

#include <stddef.h>

struct command;
struct request;

struct saved_request {
    struct saved_request *next; /* for the owner */
    struct command *command;
    size_t size; /* of this block; owner MEM_CLIENT_IN */
    struct resp_blocks blocks;
    int argc;
    struct slice argv[]; /* then the bytes they point to, where those are not in blocks */
};

/* NULL when there is no memory: the size came from outside. */
struct saved_request *saved_request_try_new(struct command *command, const struct slice *argv, int argc);
/* The same, but what lies in blocks is not copied: they move, and argv stays readable as long as the saved request does. blocks may be
 * NULL. */
struct saved_request *saved_request_try_take(struct command *command, const struct slice *argv, int argc,
                                             struct resp_blocks *blocks);
size_t saved_request_bytes(const struct saved_request *r); /* all it holds */
void saved_request_free(struct saved_request *r);          /* r may be NULL */

#endif
