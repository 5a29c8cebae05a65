#include "exec/saved.h"

#include "mem/mem.h"

struct saved_request *saved_request_try_new(struct command *command, const struct slice *argv, int argc) {
    size_t head = sizeof(struct saved_request) + (size_t)argc * sizeof *argv, size = head;
    for (int i = 0; i < argc; i++) size += argv[i].len;
    struct saved_request *r = mem_try_alloc(MEM_CLIENT_IN, size);
    if (!r) return NULL;
    r->next = NULL;
    r->command = command;
    r->size = size;
    r->argc = argc;
    char *at = (char *)r + head;
    for (int i = 0; i < argc; i++) {
        if (argv[i].len) memcpy(at, argv[i].ptr, argv[i].len);
        r->argv[i] = slice_of(at, argv[i].len);
        at += argv[i].len;
    }
    return r;
}

void saved_request_free(struct saved_request *r) {
    if (r) mem_free(MEM_CLIENT_IN, r, r->size);
}
