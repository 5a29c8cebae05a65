/* A request kept for later, in one block with its arguments: queued by MULTI, or tried again by a session that waits for keys. */
#ifndef TARN_EXEC_SAVED_H
#define TARN_EXEC_SAVED_H

#include "base/slice.h"

#include <stddef.h>

struct command;
struct request;

struct saved_request {
    struct saved_request *next; /* for the owner */
    struct command *command;
    size_t size; /* of this block; owner MEM_CLIENT_IN */
    int argc;
    struct slice argv[]; /* then the bytes they point to */
};

/* NULL when there is no memory: the size came from outside. */
struct saved_request *saved_request_try_new(struct command *command, const struct slice *argv, int argc);
void saved_request_free(struct saved_request *r); /* r may be NULL */

#endif
